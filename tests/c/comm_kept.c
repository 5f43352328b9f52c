/* What is made once for each MPI communicator: how often ranks meet and what memory they
 * share when distributions and halos are made, and what becomes of it when communicators
 * are freed, tables are of an older header, or an exchange fails. Two ranks or more.
 *
 * The program's own definitions of MPI's collective calls count them. */
#include <distarray.h>
#include <distarray_mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int meetings, splits; /* so far */

int MPI_Allreduce(const void *send, void *receive, int n, MPI_Datatype type, MPI_Op op, MPI_Comm c) {
  meetings++;
  return PMPI_Allreduce(send, receive, n, type, op, c);
}
int MPI_Allgather(const void *send, int n, MPI_Datatype type, void *receive, int m, MPI_Datatype other,
                  MPI_Comm c) {
  meetings++;
  return PMPI_Allgather(send, n, type, receive, m, other, c);
}
int MPI_Bcast(void *data, int n, MPI_Datatype type, int root, MPI_Comm c) {
  meetings++;
  return PMPI_Bcast(data, n, type, root, c);
}
int MPI_Comm_split(MPI_Comm c, int color, int key, MPI_Comm *part) {
  meetings++;
  splits++;
  return PMPI_Comm_split(c, color, key, part);
}

enum { COLUMNS = 12, HALO = 2 };

static int rank, size, shares;
static int met, split; /* when the last distribution was made, and the plan of its halo */
static distarray_error error;

#define CHECK(what)                                                                    \
  do {                                                                                 \
    if (!(what)) {                                                                     \
      fprintf(stderr, "rank %d, line %d: %s does not hold (%s)\n", rank, __LINE__, #what, \
              error.message);                                                          \
      MPI_Abort(MPI_COMM_WORLD, 1);                                                    \
    }                                                                                  \
  } while (0)
#define MUST(call) CHECK((call) == DISTARRAY_OK)

/* Memory without a name that this process has mapped. */
static int mapped(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  int found = 0;
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) found += strstr(line, "/dev/shm/#") != NULL;
  fclose(maps);
  return found;
}

static distarray_comm table_of(MPI_Comm comm) {
  distarray_comm table;
  CHECK(distarray_comm_from_mpi(comm, &table) == 0);
  return table;
}

/* As it was before tables had an attribute: nothing may be read where it is now. */
static distarray_comm old(distarray_comm table) {
  table.struct_size = DISTARRAY_COMM_LEAST_SIZE;
  memset((char *)&table + DISTARRAY_COMM_LEAST_SIZE, 0x5a, sizeof table - DISTARRAY_COMM_LEAST_SIZE);
  return table;
}

/* Blocks of columns in a ring, and the plan of their halo. */
typedef struct ring {
  distarray_distribution *whole;
  distarray_halo *halo;
  distarray_array *array;
} ring;

static ring make(distarray_comm table) {
  static const distarray_axis nothing; /* all zero */
  distarray_axis axes[2];
  ring made;
  axes[0] = axes[1] = nothing;
  axes[0].size = 3;
  axes[1].size = (int64_t)COLUMNS * size;
  axes[1].dist_type = DISTARRAY_DIST_BLOCK;
  axes[1].flags = DISTARRAY_DIM_PERIODIC;
  axes[1].halo[0] = axes[1].halo[1] = HALO;
  meetings = splits = 0;
  MUST(distarray_distribution_new(&table, 2, axes, NULL, 0, &made.whole, &error));
  MUST(distarray_halo_new(made.whole, 0, &made.halo, &error));
  met = meetings;
  split = splits;
  MUST(distarray_distribution_zeros(made.whole, DISTARRAY_DTYPE_FLOAT, 64, 0, 0, &made.array, &error));
  return made;
}

static void drop(ring made) {
  distarray_array_free(made.array);
  distarray_halo_free(made.halo);
  distarray_distribution_free(made.whole);
}

/* Whether the halo is filled with what its owners have. */
static int32_t update(ring made) {
  distarray_export view = DISTARRAY_EXPORT_INIT;
  int32_t status;
  double *u;
  int i;
  MUST(distarray_array_view(made.array, &view, &error));
  u = (double *)view.data;
  for (i = 0; i < COLUMNS; i++) u[HALO + i] = COLUMNS * rank + i;
  status = distarray_halo_update(made.halo, made.array, &error);
  if (status == DISTARRAY_OK) {
    for (i = -HALO; i < COLUMNS + HALO; i++)
      CHECK(u[HALO + i] == (COLUMNS * (rank + size) + i) % (COLUMNS * size));
  }
  distarray_export_release(&view);
  return status;
}

/* One that works. */
static ring good(distarray_comm table) {
  const ring made = make(table);
  MUST(update(made));
  return made;
}

static void made_once(void) {
  ring rings[100];
  distarray_comm table = table_of(MPI_COMM_WORLD);
  distarray_distribution *again;
  int32_t tag, next;
  int i;
  for (i = 0; i < 100; i++) {
    rings[i] = make(i % 2 ? table_of(MPI_COMM_WORLD) : table);
    CHECK(split == (i == 0 && shares) && mapped() == shares);
    /* The arguments of each, and that all ranks deal, and plan, the same. */
    CHECK(i == 0 ? met > 4 : met == 4);
  }
  MUST(update(rings[0]));
  MUST(update(rings[99]));
  meetings = 0;
  MUST(distarray_distribution_gather(&table, rings[0].array, &again, &error));
  CHECK(meetings == 2);
  distarray_distribution_free(again);
  CHECK(table.new_tag(table.context, &tag) == 0);
  drop(make(table));
  CHECK(table.new_tag(table.context, &next) == 0 && next - tag == 2); /* one for the halo */
  for (i = 0; i < 100; i++) drop(rings[i]);
  CHECK(mapped() == shares);
}

/* A rank's mistake is everyone's, and nothing is kept of it. */
static void mistakes(void) {
  distarray_comm table = table_of(MPI_COMM_WORLD);
  distarray_distribution *made;
  ring before = make(table), after;
  CHECK(distarray_distribution_new(&table, rank == 0 ? -1 : 0, NULL, NULL, 0, &made, &error) ==
        DISTARRAY_E_RANGE);
  CHECK(error.rank == 0);
  CHECK(distarray_distribution_gather(&table, rank == 1 ? NULL : before.array, &made, &error) ==
        DISTARRAY_E_NULL);
  CHECK(error.rank == 1);
  after = good(table);
  CHECK(split == 0);
  MUST(update(before));
  drop(before);
  drop(after);
}

/* Communicators come and go; MPI gives their numbers to others. */
static void freed(void) {
  int round;
  for (round = 0; round < 6; round++) {
    const int early = round % 2;
    MPI_Comm own;
    distarray_comm table;
    ring made;
    MPI_Comm_dup(MPI_COMM_WORLD, &own);
    table = table_of(own);
    made = good(table);
    CHECK(split == shares && mapped() == 2 * shares);
    drop(good(table));
    CHECK(split == 0 && mapped() == 2 * shares);
    if (early) {
      MPI_Comm_free(&own);
      CHECK(mapped() == 2 * shares);
      CHECK(update(made) == DISTARRAY_E_COMM && strstr(error.message, "freed") != NULL);
    }
    drop(made);
    if (!early) MPI_Comm_free(&own);
    CHECK(mapped() == shares);
  }
}

/* Tables of an older header on all ranks, or on one. */
static void older(void) {
  distarray_comm table = table_of(MPI_COMM_WORLD);
  ring rings[2];
  int i, guilty;
  for (guilty = -1; guilty < 2; guilty++) {
    const int is_old = guilty < 0 || rank == guilty;
    for (i = 0; i < 2; i++) {
      rings[i] = good(is_old ? old(table) : table);
      CHECK(split == shares);
    }
    MUST(update(rings[0]));
    /* The rank with an old table has kept what the others have replaced. */
    drop(good(table));
    CHECK(split == (guilty >= 0 && shares));
    drop(good(table));
    CHECK(split == 0);
    drop(rings[0]);
    drop(rings[1]);
    CHECK(mapped() == shares);
  }
}

/* The attribute is in use, by another copy of the library. */
static int deleted;

static void count_deleted(void *value) { *(int *)value += 1; }

static void another_copy(void) {
  MPI_Comm own;
  distarray_comm table;
  distarray_comm_attribute *attribute = NULL;
  int i;
  MPI_Comm_dup(MPI_COMM_WORLD, &own);
  table = table_of(own);
  CHECK(table.attribute(table.context, &attribute) == 0 && attribute->delete_fn == NULL);
  attribute->value = &deleted;
  attribute->delete_fn = count_deleted;
  for (i = 0; i < 2; i++) {
    drop(good(table));
    CHECK(split == shares);
  }
  CHECK(deleted == 0 && attribute->value == &deleted);
  MPI_Comm_free(&own);
  CHECK(deleted == 1 && mapped() == shares);
}

/* An exchange fails on one rank, after it has sent all: only its messages can. */
static int failing;

static int32_t fail_once(void *context, int64_t count, distarray_comm_request *requests,
                         int64_t *index, int64_t *received) {
  const int32_t status = distarray_mpi_waitany(context, count, requests, index, received);
  if (!failing || *index < 0) return status;
  failing = 0;
  return DISTARRAY_MPI_BAD_ARGUMENT;
}

static void failed(void) {
  MPI_Comm own;
  distarray_comm table;
  ring made, next;
  MPI_Comm_dup(MPI_COMM_WORLD, &own);
  table = table_of(own);
  table.waitany = fail_once;
  made = good(table);
  failing = rank == 1;
  CHECK(update(made) == (rank == 1 ? DISTARRAY_E_COMM : DISTARRAY_OK));
  if (rank == 1) {
    CHECK(distarray_halo_update(made.halo, made.array, &error) == DISTARRAY_E_COMM);
    CHECK(strstr(error.message, "new plan") != NULL);
  }
  next = good(table); /* all ranks go on, with what is new for all */
  MUST(update(next));
  drop(made);
  drop(next);
  MPI_Comm_free(&own);
}

int main(int argc, char **argv) {
  distarray_comm table;
  distarray_distribution *never;
  ring last;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  shares = getenv("DISTARRAY_SHARED_MEMORY") == NULL;
  made_once();
  mistakes();
  freed();
  older();
  another_copy();
  if (!shares) failed();
  table = table_of(MPI_COMM_WORLD);
  last = make(table);
  if (rank == 0) puts("what is kept goes with its communicator");
  MPI_Finalize();
  if (distarray_halo_update(last.halo, last.array, &error) != DISTARRAY_E_COMM) return 2;
  if (distarray_distribution_gather(&table, last.array, &never, &error) != DISTARRAY_E_COMM) return 3;
  if (strstr(error.message, "MPI_Finalize") == NULL) return 4;
  drop(last);
  return 0;
}
