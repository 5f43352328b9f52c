/* What the programs that test the adapters share: a communicator, and checks that end
 * the job with the line that does not hold. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <distarray_adapter.h>
#include <distarray_mpi.h>

static int rank, size;
static distarray_comm comm;
static distarray_error error;

static inline void check_line(int right, int line) {
  if (right) return;
  fprintf(stderr, "rank %d: line %d does not hold\n", rank, line);
  MPI_Abort(MPI_COMM_WORLD, 1);
}
#define check(condition) check_line(condition, __LINE__)

static inline void must_line(int32_t status, int line) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "rank %d, line %d: %s\n", rank, line, error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}
#define must(call) must_line(call, __LINE__)

/* All ranks got the same status, and a report of the same rank that names the field. */
static inline void refused_line(int32_t status, int32_t code, const char *field, int line) {
  int64_t mine[4], least[4];
  mine[0] = status;
  mine[1] = -status;
  mine[2] = error.rank;
  mine[3] = -error.rank;
  MPI_Allreduce(mine, least, 4, MPI_INT64_T, MPI_MIN, MPI_COMM_WORLD);
  if (status != code || least[0] != -least[1] || least[2] != -least[3] ||
      strcmp(error.field, field) != 0) {
    fprintf(stderr, "rank %d, line %d: refused with %d, %s: %s\n", rank, line, (int)status,
            error.field, error.message);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  check_line(strlen(error.message) > 20, line);
}
#define refused(status, code, field) refused_line(status, code, field, __LINE__)

static inline void start(int *argc, char ***argv) {
  MPI_Init(argc, argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  check(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) == 0);
}

static inline int finish(const char *what) {
  if (rank == 0) printf("%s: all held\n", what);
  MPI_Finalize();
  return 0;
}

#endif
