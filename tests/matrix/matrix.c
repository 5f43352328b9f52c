/* Runs every producer with every consumer over several shapes and prints one line each:
 *
 *   producer <tab> consumer <tab> axes <tab> verdict <tab> reason
 *
 * in place    the consumer works in the producer's own memory; addresses were compared
 * described anew  so it does, after the library described the memory in another way
 * copied      the library had to copy, for the reason
 * impossible  not even a copy would do
 *
 * Whatever the verdict, the consumer reads every element, writes every one, and the
 * producer finds what was written; each loan returns once. Otherwise the job ends. */
#include "matrix.h"

#include <distarray_mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rank, size;

static const library *const libraries[] = {&c_library, &distarray_library, &petsc_library,
                                         &sundials_library, &hypre_library, &scalapack_library,
                                         &ga_library, &tpetra_library, &epetra_library};
static const shape shapes[] = {{1, {29}}, {2, {14, 11}}, {3, {13, 10, 7}}};

static distarray_comm comm;
static const char *who[2] = {"", ""}; /* producer and consumer at work */
static distarray_error error;

void insist_line(int right, const char *what, const char *file, int line) {
  if (right) return;
  fprintf(stderr, "%s:%d: rank %d of %d, %s to %s: %s does not hold; last report: %s\n", file, line,
          rank, size, who[0], who[1], what, error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
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

enum { NOTHING_ADDED = 0, ADDED = 1000 };

/* The consumer reads and writes; address tells where. Returns the borrowing's status. */
static int32_t work(const consumer *c, const shape *s, distarray_export *loan,
                    const void **address) {
  void *object = NULL;
  const int32_t status = c->borrow(s, loan, &object, address, &error);
  INSIST((status == DISTARRAY_OK) == !distarray_export_is_live(loan));
  if (status != DISTARRAY_OK) return status;
  INSIST(c->holds(object, NOTHING_ADDED));
  c->add(object, ADDED);
  INSIST(c->holds(object, ADDED));
  c->end(object);
  return DISTARRAY_OK;
}

/* The consumer gets what the library makes of the loan for it. */
static const char *accommodate(const consumer *c, const shape *s, distarray_export *loan,
                               char *reason, size_t room) {
  distarray_required_axis axes[3];
  const distarray_requirements asked = c->requirements(s, axes);
  distarray_request writing = DISTARRAY_REQUEST_INIT;
  distarray_array *array, *handed;
  distarray_distribution *whole;
  distarray_accommodation *way = NULL;
  distarray_export again, view;
  const void *address;
  const char *verdict = "impossible";
  size_t length;
  writing.access = DISTARRAY_ACCESS_READ_WRITE;
  writing.known_flags_read = DISTARRAY_R_KNOWN_1_0;
  writing.known_flags_write = DISTARRAY_W_KNOWN_1_0;
  MUST(distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  MUST(distarray_distribution_gather(&comm, array, &whole, &error));
  if (distarray_accommodation_new(whole, array, &asked, &way, &error) == DISTARRAY_OK) {
    MUST(distarray_accommodation_reasons(way, reason, room, &length, &error));
    MUST(distarray_accommodation_hand_over(way, array, &handed, &error));
    MUST(distarray_array_view(handed, &view, &error));
    verdict = everywhere(!(view.flags_info & DISTARRAY_I_COPIED)) ? "described anew" : "copied";
    MUST(distarray_array_export(handed, &writing, &again, &error));
    if (work(c, s, &again, &address) != DISTARRAY_OK) {
      verdict = "impossible";
      snprintf(reason, room, "%s", error.message);
      distarray_export_release(&again);
    } else {
      MUST(distarray_accommodation_take_back(way, handed, array, &error));
    }
    distarray_array_free(handed);
  } else {
    snprintf(reason, room, "%s", error.message);
  }
  distarray_accommodation_free(way);
  distarray_distribution_free(whole);
  distarray_array_free(array);
  return verdict;
}

static void hand_on(const producer *p, const consumer *c, const shape *s) {
  char reason[2048] = "";
  void *object;
  distarray_export loan;
  const void *address = NULL, *data;
  tally t;
  const char *verdict = "in place";
  int empty = 0;
  who[0] = p->name;
  who[1] = c->name;
  MUST(p->lend(s, &object, &loan, &error));
  watch(&loan, &t);
  data = loan.data;
  for (int i = 0; i < loan.ndim; i++) empty = empty || loan.shape[i] == 0;
  if (work(c, s, &loan, &address) == DISTARRAY_OK)
    INSIST(address == data || empty);
  else
    verdict = accommodate(c, s, &loan, reason, sizeof reason);
  INSIST(t.released == 1);
  INSIST(p->holds(object, strcmp(verdict, "impossible") == 0 ? NOTHING_ADDED : ADDED));
  INSIST(empty || !(t.consumer_flags & DISTARRAY_C_MODIFIED) == (verdict[0] == 'i' && verdict[1] == 'm'));
  p->end(object);
  for (char *at = reason; *at != '\0'; at++)
    if (*at == '\n') *at = at[1] == '\0' ? '\0' : ';';
  if (rank == 0)
    printf("%s\t%s\t%d\t%s\t%s\n", p->name, c->name, (int)s->ndim, verdict, reason);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MUST(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm));
  for (int l = 0; l < COUNT(libraries); l++)
    if (libraries[l]->start != NULL) libraries[l]->start(&argc, &argv);
  for (int l = 0; l < COUNT(libraries); l++)
    for (const producer *p = libraries[l]->producers;
         p < libraries[l]->producers + libraries[l]->n_producers; p++)
      for (int m = 0; m < COUNT(libraries); m++)
        for (const consumer *c = libraries[m]->consumers;
             c < libraries[m]->consumers + libraries[m]->n_consumers; c++)
          for (int i = 0; i < COUNT(shapes); i++)
            if (p->ndims & (1u << shapes[i].ndim)) hand_on(p, c, &shapes[i]);
  for (int l = COUNT(libraries); l-- > 0;)
    if (libraries[l]->stop != NULL) libraries[l]->stop();
  MPI_Finalize();
  return 0;
}
