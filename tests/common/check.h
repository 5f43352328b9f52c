/* What C programs of the tests share: the ranks, a communicator, checks that end the job
 * and say where, and loans. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <distarray.h>
#include <distarray_mpi.h>

static const MPI_Comm comm = MPI_COMM_WORLD;
static int rank, size;
static distarray_comm table;
static distarray_error error;

static inline void start(int *argc, char ***argv) {
  MPI_Init(argc, argv);
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  if (distarray_comm_from_mpi(comm, &table) != 0) MPI_Abort(comm, 1);
}

static inline int finish(const char *what) {
  if (rank == 0) printf("%s: all held\n", what);
  MPI_Finalize();
  return 0;
}

static inline void fail(const char *file, int line, const char *what, const char *why) {
  fprintf(stderr, "%s:%d: rank %d of %d: %s: %s\n", file, line, rank, size, what, why);
  MPI_Abort(comm, 1);
}

#define check(condition) \
  ((condition) ? (void)0 : fail(__FILE__, __LINE__, #condition, "does not hold"))

/* A call that succeeds. */
#define must(call) must_at(__FILE__, __LINE__, #call, (call))
static inline void must_at(const char *file, int line, const char *what, int32_t status) {
  if (status != DISTARRAY_OK) fail(file, line, what, error.message);
  if (error.code != DISTARRAY_OK) fail(file, line, what, "leaves a report");
}

static inline int alike(const void *bytes, size_t length) {
  char *first = (char *)malloc(length);
  int same, all;
  memcpy(first, bytes, length);
  MPI_Bcast(first, (int)length, MPI_CHAR, 0, comm);
  same = memcmp(first, bytes, length) == 0;
  free(first);
  MPI_Allreduce(&same, &all, 1, MPI_INT, MPI_MIN, comm);
  return all;
}

/* A call that fails with this code and field, on all ranks with one report; the second
 * form asks for some of its words, too. field NULL is any. */
#define refused(call, code, field) refused_with(call, code, field, "")
#define refused_with(call, code, field, words) \
  refused_at(__FILE__, __LINE__, #call, (call), code, field, words)
static inline void refused_at(const char *file, int line, const char *what, int32_t status, int32_t code,
                              const char *field, const char *words) {
  if (status != code || error.code != code || (field != NULL && strcmp(error.field, field) != 0) ||
      strlen(error.message) <= 20 || strstr(error.message, words) == NULL) {
    fprintf(stderr, "status %d, field %s: ", (int)status, error.field);
    fail(file, line, what, error.message);
  }
  if (!alike(&error, sizeof error)) fail(file, line, what, "reports differ");
}

/* A loan of this rank's part, of doubles. */
static inline distarray_export loan_of(void *data, int32_t ndim, const int64_t *shape,
                                       const int64_t *strides, const distarray_dim *dims,
                                       void (*release)(distarray_export *)) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = data;
  loan.ndim = ndim;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.release = release;
  return loan;
}

#endif
