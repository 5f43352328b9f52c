/* What distarray_mpi.h leaves undisturbed, and how it fails: the program's error
 * handler and receives, the life of MPI, communicators by the thousand. */
#include "distarray_mpi.h"

#include <stdio.h>

int64_t context_seen_by_another_file(MPI_Comm comm);

static int rank, size, handled;

#define CHECK(what)                                                              \
  do {                                                                           \
    if (!(what)) {                                                               \
      fprintf(stderr, "rank %d, line %d: %s does not hold\n", rank, __LINE__, #what); \
      MPI_Abort(MPI_COMM_WORLD, 1);                                              \
    }                                                                            \
  } while (0)

static void count_errors(MPI_Comm *comm, int *code, ...) {
  (void)comm;
  (void)code;
  handled++;
}

static int says(int32_t status, const char *part) {
  char text[256];
  distarray_mpi_error_string(NULL, status, text, (int64_t)sizeof text);
  return strstr(text, part) != NULL;
}

/* A table of which dup and split may fill DISTARRAY_COMM_LEAST_SIZE bytes: an older library
 * has no more. */
static void mark(distarray_comm *table) { memset(table, 0x5a, sizeof *table); }

static int is_marked_behind(const distarray_comm *table) {
  const unsigned char *byte = (const unsigned char *)table;
  size_t at = DISTARRAY_COMM_LEAST_SIZE;
  while (at < sizeof *table && byte[at] == 0x5a) at++;
  return at == sizeof *table;
}

/* The handler of `comm` is still ours when an error reaches it. */
static void check_handler(MPI_Comm comm) {
  int before = handled;
  MPI_Comm_call_errhandler(comm, MPI_ERR_OTHER);
  CHECK(handled == before + 1);
}

static void one_duplicate(void) {
  distarray_comm first, again, split_off, twin;
  distarray_comm_request none = 0;
  int64_t received;
  int32_t tag, next_tag;
  CHECK(distarray_comm_from_mpi(MPI_COMM_WORLD, &first) == 0);
  CHECK(distarray_comm_from_mpi(MPI_COMM_WORLD, &again) == 0);
  CHECK(first.context == again.context);
  CHECK(context_seen_by_another_file(MPI_COMM_WORLD) == (int64_t)(intptr_t)first.context);
  CHECK(first.rank == rank && first.size == size);
  CHECK(distarray_comm_from_mpi(MPI_COMM_SELF, &twin) == 0 && twin.rank == 0 && twin.size == 1);
  CHECK(first.new_tag(first.context, &tag) == 0);
  CHECK(again.new_tag(again.context, &next_tag) == 0);
  CHECK(next_tag == tag + 1);
  CHECK(first.free(first.context) == 0 && again.barrier(again.context) == 0);
  /* Tags start again before they leave what MPI promises. */
  for (; next_tag < 32766;) CHECK(first.new_tag(first.context, &next_tag) == 0);
  CHECK(first.new_tag(first.context, &next_tag) == 0 && next_tag == 0);
  mark(&split_off);
  mark(&twin);
  CHECK(first.split(first.context, rank == 0 ? -1 : 1, 0, &split_off) == 0);
  CHECK((split_off.size == 0) == (rank == 0));
  if (rank != 0) CHECK(split_off.size == size - 1 && split_off.free(split_off.context) == 0);
  CHECK(first.dup(first.context, &twin) == 0 && twin.context != first.context);
  CHECK(is_marked_behind(&split_off) && is_marked_behind(&twin));
  CHECK(twin.struct_size == DISTARRAY_COMM_LEAST_SIZE && twin.free(twin.context) == 0);
  CHECK(first.wait(first.context, &none, &received) == 0 && none == 0);
}

static void bad_arguments(void) {
  distarray_comm comm;
  distarray_comm_request request;
  uint64_t value = 0;
  MPI_Comm half, inter;
  CHECK(says(distarray_comm_from_mpi(MPI_COMM_NULL, &comm), "MPI_COMM_NULL"));
  CHECK(comm.size == 0 && comm.barrier == NULL);
  CHECK(says(distarray_comm_from_mpi(MPI_COMM_WORLD, NULL), "argument"));
  if (size >= 2) {
    MPI_Comm_split(MPI_COMM_WORLD, rank == 0, 0, &half);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, rank == 0 ? 1 : 0, 7, &inter);
    CHECK(says(distarray_comm_from_mpi(inter, &comm), "inter-communicator"));
    MPI_Comm_free(&inter);
    MPI_Comm_free(&half);
  }
  CHECK(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) == 0);
  CHECK(says(comm.allreduce(comm.context, &value, 1, 9, 1), "argument"));
  CHECK(says(comm.allreduce(comm.context, &value, 1, 1, 9), "argument"));
  CHECK(says(comm.bcast(comm.context, 0, &value, -1), "argument"));
  /* MPI's own refusals come back as codes, and the program's handler does not fire. */
  CHECK(comm.isend(comm.context, &value, 8, size, 0, &request) > 0);
  CHECK(comm.bcast(comm.context, size + 5, &value, 8) > 0);
}

/* A receive of anything from anyone, under way while the table is used. */
static void wildcard(void) {
  int letter = -1, mine = rank + 100, round;
  distarray_comm comm;
  MPI_Request receive;
  MPI_Status status;
  uint64_t sum;
  MPI_Irecv(&letter, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &receive);
  CHECK(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) == 0);
  for (round = 0; round < 100; round++) {
    distarray_comm_request requests[2];
    int64_t in = -1, out = rank, index, received;
    CHECK(comm.irecv(comm.context, &in, 8, (rank + size - 1) % size, 0, &requests[0]) == 0);
    CHECK(comm.isend(comm.context, &out, 8, (rank + 1) % size, 0, &requests[1]) == 0);
    do {
      CHECK(comm.waitany(comm.context, 2, requests, &index, &received) == 0);
      CHECK(index != 0 || received == 8);
    } while (index != -1);
    CHECK(in == (rank + size - 1) % size);
    sum = 1;
    CHECK(comm.allreduce(comm.context, &sum, 1, DISTARRAY_COMM_U64, DISTARRAY_COMM_SUM) == 0);
    CHECK(sum == (uint64_t)size);
  }
  MPI_Send(&mine, 1, MPI_INT, (rank + 1) % size, 3, MPI_COMM_WORLD);
  MPI_Wait(&receive, &status);
  CHECK(status.MPI_SOURCE == (rank + size - 1) % size && letter == status.MPI_SOURCE + 100);
}

static void come_and_go(int times) {
  for (; times > 0; times--) {
    distarray_comm comm;
    MPI_Comm own;
    MPI_Comm_dup(MPI_COMM_WORLD, &own);
    CHECK(distarray_comm_from_mpi(own, &comm) == 0);
    MPI_Comm_free(&own);
  }
}

/* MPICH has about 2000 communicators: all ranks get an error there, and all works
 * again when some are freed. */
static void hold(int wanted) {
  static MPI_Comm own[3000];
  distarray_comm comm;
  int32_t status = 0;
  int made = 0, refused = 0, somewhere;
  while (made < wanted && !refused) {
    if (MPI_Comm_dup(MPI_COMM_WORLD, &own[made]) != MPI_SUCCESS) break;
    status = distarray_comm_from_mpi(own[made++], &comm);
    refused = status != 0;
    MPI_Allreduce(&refused, &somewhere, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    CHECK(refused == somewhere);
  }
  if (refused) CHECK(comm.size == 0 && status > 0);
  if (rank == 0) printf("%d communicators held%s\n", made, made < wanted || refused ? ", no more to be had" : "");
  while (made > 0) MPI_Comm_free(&own[--made]);
  come_and_go(1);
}

int main(int argc, char **argv) {
  distarray_comm comm;
  MPI_Errhandler handler;
  int32_t tag;
  CHECK(says(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm), "MPI_Init has not been called"));
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm_create_errhandler(count_errors, &handler);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
  one_duplicate();
  bad_arguments();
  wildcard();
  CHECK(handled == 0);
  check_handler(MPI_COMM_WORLD);
  come_and_go(argc > 1 ? 10000 : 10);
  if (argc > 1) hold(3000);
  check_handler(MPI_COMM_WORLD);
  CHECK(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) == 0);
  if (rank == 0) puts("nothing was disturbed");
  MPI_Finalize();
  if (!says(comm.barrier(comm.context), "MPI_Finalize has been called")) return 2;
  if (!says(comm.new_tag(comm.context, &tag), "MPI_Finalize has been called")) return 3;
  return says(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm), "MPI_Finalize has been called") ? 0 : 4;
}
