/* What the programs that test adapters share: checks that end the job and say where. */
#ifndef ADAPTERS_H
#define ADAPTERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpi.h>

#include "block.h"

static int rank, size; /* of MPI_COMM_WORLD */

static void fail(const char *file, int line, const char *what, const char *why) {
  fprintf(stderr, "%s:%d: rank %d of %d: %s%s%s\n", file, line, rank, size, what, *why ? ": " : "", why);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

#define CHECK(condition) \
  do {                   \
    if (!(condition)) fail(__FILE__, __LINE__, #condition, ""); \
  } while (0)

static distarray_error error;

#define MUST(call)                                                                    \
  do {                                                                                \
    if ((call) != DISTARRAY_OK) fail(__FILE__, __LINE__, #call, error.message);       \
    if (error.code != DISTARRAY_OK) fail(__FILE__, __LINE__, #call, "leaves a report"); \
  } while (0)

/* A call that must fail with this code and field on all ranks alike, and name the way
 * out: some of the words that it should say. */
#define REFUSED(call, code_, field_, words)                                         \
  do {                                                                              \
    const int32_t status_ = (call);                                                 \
    if (status_ != (code_) || error.code != (code_) || strcmp(error.field, (field_)) != 0 || \
        strstr(error.message, (words)) == NULL) {                                   \
      fprintf(stderr, "status %d: ", (int)status_);                                 \
      fail(__FILE__, __LINE__, #call, error.message);                               \
    }                                                                               \
    if (!alike(&error, sizeof error)) fail(__FILE__, __LINE__, #call, "reports differ"); \
  } while (0)

static inline int alike(const void *bytes, size_t length) {
  char *first = malloc(length);
  int same, all;
  memcpy(first, bytes, length);
  MPI_Bcast(first, (int)length, MPI_CHAR, 0, MPI_COMM_WORLD);
  same = memcmp(first, bytes, length) == 0;
  free(first);
  MPI_Allreduce(&same, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return all;
}

static inline block block_new(int32_t ndim) { return block_on(ndim, rank, size); }

#endif
