/* Runs every producer with every consumer on an array of the shape that the second argument
 * says, such as 14x11; the first one is a file to write to. Prints how each array is dealt
 * out, a line for each rank, and what each pair did with it:
 *
 *   lends <tab> producer <tab> shape <tab> bytes to work in <tab> axes
 *   pair <tab> producer <tab> consumer <tab> shape <tab> verdict <tab> reason
 *
 * An axis is kind:size,processes,place,start,padding,padding,block,held,stride. Verdicts:
 *
 * in place    the consumer works in the producer's own memory; addresses were compared
 * described anew  so it does, after the library described the memory in another way
 * copied      the library had to copy, for the reason
 * impossible  not even a copy would do
 *
 * Whatever the verdict, the consumer reads every element, writes every one, and the
 * producer finds what was written; each loan returns once. Otherwise the job ends. */
#include "matrix.h"

#include "../adapters/block.h"

#include <distarray_adapter.h>
#include <distarray_mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rank, size;

static const library *const libraries[] = {
    &c_library,      &fortran_library,  &distarray_library, &petsc_library,     &slepc_library,
    &tpetra_library, &epetra_library,   &sundials_library,  &hypre_library,     &scalapack_library,
    &fftw_library,   &ga_library,       &hdf5_library};

static distarray_comm comm;
static const char *who[2] = {"", ""}; /* producer and consumer at work */
static distarray_error error;

void insist_line(int right, const char *what, const char *file, int line) {
  if (right) return;
  fprintf(stderr, "%s:%d: rank %d of %d, %s to %s: %s does not hold; last report: %s\n", file, line,
          rank, size, who[0], who[1], what, error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

distarray_requirements anything(const shape *s, distarray_required_axis axes[3]) {
  const distarray_requirements any = {0};
  (void)s;
  (void)axes;
  return any;
}

const void *first_owned(const distarray_export *loan) {
  const char *at = loan->data;
  for (int i = 0; i < loan->ndim; i++) at += loan->dims[i].padding[0] * loan->strides[i];
  return at;
}

#define MUST(call) insist_line((call) == DISTARRAY_OK, #call, __FILE__, __LINE__)

static int everywhere(int mine) {
  int all;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return all;
}

/* Counts the loan's release on its way to the producer. */
typedef struct tally {
  void (*release)(distarray_export *);
  void *private_data;
  int   released;
  uint64_t consumer_flags;
} tally;

static void count_release(distarray_export *loan) {
  tally *t = loan->private_data;
  t->released++;
  t->consumer_flags = loan->consumer_flags;
  loan->private_data = t->private_data;
  loan->release = t->release;
  loan->release(loan);
}

static void watch(distarray_export *loan, tally *t) {
  const tally watched = {loan->release, loan->private_data, 0, 0};
  *t = watched;
  loan->release = count_release;
  loan->private_data = t;
}

enum { NOTHING_ADDED = 0, ADDED = 1000, WRONG = 5000 };

static int is_empty(const distarray_export *loan) { return elements_of(loan) == 0; }

/* The consumer reads and writes; address tells where. Returns the borrowing's status. */
static int32_t work(const consumer *c, const shape *s, distarray_export *loan,
                    const void **address) {
  void *object = NULL;
  if (c->borrow == NULL)
    return distarray_adapter_refuse(&error, DISTARRAY_E_UNSUPPORTED, -1, "data", 0, 1,
                                    "the library works in no memory but its own");
  const int32_t status = c->borrow(s, loan, &object, address, &error);
  INSIST((status == DISTARRAY_OK) == !distarray_export_is_live(loan));
  if (status != DISTARRAY_OK) return status;
  INSIST(c->holds(object, NOTHING_ADDED));
  c->add(object, ADDED);
  INSIST(c->holds(object, ADDED));
  c->end(object);
  return DISTARRAY_OK;
}

static distarray_distribution *gather(const distarray_array *array) {
  distarray_distribution *whole;
  MUST(distarray_distribution_gather(&comm, array, &whole, &error));
  return whole;
}

/* The consumer gets what the library makes of the array for it. */
static const char *accommodate(const consumer *c, const shape *s, const distarray_array *array,
                               const distarray_distribution *whole, char *reason, size_t room) {
  distarray_required_axis axes[3];
  const distarray_requirements asked = c->requirements(s, axes);
  distarray_request writing = DISTARRAY_REQUEST_INIT;
  distarray_array *handed;
  distarray_accommodation *way = NULL;
  distarray_export again, lent, view;
  const void *address;
  const char *verdict = "impossible";
  size_t length;
  writing.access = DISTARRAY_ACCESS_READ_WRITE;
  writing.known_flags_read = DISTARRAY_R_KNOWN_1_0;
  writing.known_flags_write = DISTARRAY_W_KNOWN_1_0;
  if (distarray_accommodation_new(whole, array, &asked, &way, &error) != DISTARRAY_OK) {
    snprintf(reason, room, "%s", error.message);
    return verdict;
  }
  MUST(distarray_accommodation_reasons(way, reason, room, &length, &error));
  MUST(distarray_accommodation_hand_over(way, array, &handed, &error));
  MUST(distarray_array_view(handed, &view, &error));
  const int copied = !everywhere(!(view.flags_info & DISTARRAY_I_COPIED));
  MUST(distarray_array_export(handed, &writing, &again, &error));
  if (work(c, s, &again, &address) == DISTARRAY_OK) {
    MUST(distarray_array_view(array, &lent, &error));
    INSIST(copied || is_empty(&view) || address == first_owned(&lent));
    verdict = copied ? "copied" : "described anew";
    MUST(distarray_accommodation_take_back(way, handed, array, &error));
  } else {
    snprintf(reason, room, "%s", error.message);
    distarray_export_release(&again);
  }
  distarray_array_free(handed);
  distarray_accommodation_free(way);
  return verdict;
}

/* An array of the consumer's own object, which is lent. */
static distarray_array *array_of(distarray_export *loan) {
  distarray_array *array;
  MUST(distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  return array;
}

static void redistribute(const distarray_distribution *from, const distarray_array *source,
                         const distarray_distribution *to, distarray_array *target) {
  distarray_redistribution *plan;
  MUST(distarray_redistribution_new(from, to, NULL, &plan, &error));
  MUST(distarray_redistribution_apply(plan, source, target, &error));
  distarray_redistribution_free(plan);
}

/* The consumer gets the elements in an object of its own. */
static const char *move(const consumer *c, const shape *s, distarray_array *array,
                        const distarray_distribution *whole, char *reason, size_t room) {
  void *object;
  distarray_export loan, view;
  distarray_array *own;
  distarray_distribution *theirs;
  if (!(c->own->ndims & (1u << s->ndim))) {
    if (c->borrow == NULL) /* which has said nothing of this array */
      snprintf(reason, room, "ndim: the library has no arrays of so many axes");
    return "impossible";
  }
  MUST(c->own->lend(s, &object, &loan, &error));
  own = array_of(&loan);
  theirs = gather(own);
  MUST(distarray_array_view(own, &view, &error));
  fill(&view, WRONG); /* no element is right before it comes */
  redistribute(whole, array, theirs, own);
  distarray_array_free(own);
  INSIST(c->holds(object, NOTHING_ADDED));
  c->add(object, ADDED);
  INSIST(c->holds(object, ADDED));
  MUST(c->lend(object, &loan, &error));
  own = array_of(&loan);
  redistribute(theirs, own, whole, array);
  distarray_array_free(own);
  distarray_distribution_free(theirs);
  c->own->end(object);
  return "copied";
}

/* What is to be done where the consumer refused the loan, in the order of what it costs. */
static const char *copy(const consumer *c, const shape *s, distarray_export *loan, char *reason,
                        size_t room) {
  const char *verdict = "impossible";
  snprintf(reason, room, "%s", error.message);
  distarray_array *array = array_of(loan);
  distarray_distribution *whole = gather(array);
  if (c->requirements != NULL) verdict = accommodate(c, s, array, whole, reason, room);
  if (strcmp(verdict, "impossible") == 0 && c->own != NULL)
    verdict = move(c, s, array, whole, reason, room);
  distarray_distribution_free(whole);
  distarray_array_free(array);
  return verdict;
}

static void print_shape(const shape *s) {
  for (int i = 0; i < s->ndim; i++) printf(i == 0 ? "%d" : "x%d", (int)s->size[i]);
}

static void hand_on(const producer *p, const consumer *c, const shape *s) {
  char reason[2048] = "";
  void *object;
  distarray_export loan;
  const void *address = NULL, *data;
  tally t;
  const char *verdict = "in place";
  who[0] = p->name;
  who[1] = c->name;
  MUST(p->lend(s, &object, &loan, &error));
  watch(&loan, &t);
  data = loan.data;
  const int empty = is_empty(&loan);
  if (work(c, s, &loan, &address) == DISTARRAY_OK)
    INSIST(address == data || empty);
  else
    verdict = copy(c, s, &loan, reason, sizeof reason);
  const int worked = strcmp(verdict, "impossible") != 0;
  INSIST(t.released == 1);
  INSIST(p->holds(object, worked ? ADDED : NOTHING_ADDED));
  INSIST(empty || !(t.consumer_flags & DISTARRAY_C_MODIFIED) == !worked);
  p->end(object);
  for (char *at = reason; *at != '\0'; at++)
    if (*at == '\n') *at = at[1] == '\0' ? '\0' : ';';
  if (rank != 0) return;
  printf("pair\t%s\t%s\t", p->name, c->name);
  print_shape(s);
  printf("\t%s\t%s\n", verdict, reason);
}

/* Prints how an array is dealt out, the parts in the order of the ranks. */
static void describe(const producer *p, const shape *s) {
  char mine[512], *all = calloc((size_t)size, sizeof mine);
  int length;
  void *object;
  distarray_export loan;
  who[0] = p->name;
  who[1] = "this program";
  INSIST(all != NULL);
  MUST(p->lend(s, &object, &loan, &error));
  const int64_t room = (loan.flags_info & DISTARRAY_I_SLACK) && loan.alloc_bytes > 0
                           ? (int64_t)loan.alloc_bytes - ((char *)loan.data - (char *)loan.alloc_base)
                           : elements_of(&loan) * loan.itemsize;
  length = snprintf(mine, sizeof mine, "%lld\t", (long long)room);
  for (int i = 0; i < loan.ndim; i++) {
    distarray_dim dim = loan.dims[i];
    if (dim.dist_type == DISTARRAY_DIST_UNDISTRIBUTED)
      dim = distarray_dim_block(loan.shape[i], 1, 0, 0, loan.shape[i]);
    length += snprintf(mine + length, sizeof mine - (size_t)length,
                       "%s%c:%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld", i == 0 ? "" : " ",
                       (char)dim.dist_type, (long long)dim.size, (long long)dim.proc_grid_size,
                       (long long)dim.proc_grid_rank, (long long)dim.start,
                       (long long)dim.padding[0], (long long)dim.padding[1],
                       (long long)dim.block_size, (long long)loan.shape[i],
                       (long long)loan.strides[i]);
  }
  MPI_Gather(mine, (int)sizeof mine, MPI_CHAR, all, (int)sizeof mine, MPI_CHAR, 0, MPI_COMM_WORLD);
  distarray_export_release(&loan);
  p->end(object);
  for (int k = 0; rank == 0 && k < size; k++) {
    printf("lends\t%s\t", p->name);
    print_shape(s);
    printf("\t%s\n", all + (size_t)k * sizeof mine);
  }
  free(all);
}

static void hand_to_all(const producer *p, const shape *s) {
  if (!(p->ndims & (1u << s->ndim))) return;
  describe(p, s);
  for (int m = 0; m < COUNT(libraries); m++)
    for (const consumer *c = libraries[m]->consumers;
         c < libraries[m]->consumers + libraries[m]->n_consumers; c++)
      hand_on(p, c, s);
}

static shape read_shape(const char *text) {
  shape s = {0, {0}};
  while (s.ndim < 3 && *text != '\0') {
    char *rest;
    s.size[s.ndim++] = strtoll(text, &rest, 10);
    text = *rest == 'x' ? rest + 1 : rest;
  }
  INSIST(s.ndim > 0 && *text == '\0');
  return s;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  INSIST(argc == 3);
  const shape s = read_shape(argv[2]);
  MUST(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm));
  for (int l = 0; l < COUNT(libraries); l++)
    if (libraries[l]->start != NULL) libraries[l]->start(&argc, &argv);
  for (int l = 0; l < COUNT(libraries); l++)
    for (const producer *p = libraries[l]->producers;
         p < libraries[l]->producers + libraries[l]->n_producers; p++)
      hand_to_all(p, &s);
  for (int l = COUNT(libraries); l-- > 0;)
    if (libraries[l]->stop != NULL) libraries[l]->stop();
  MPI_Finalize();
  return 0;
}
