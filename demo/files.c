#include "files.h"

#include <stdio.h>
#include <string.h>

/* Whether a share is what we expect of the source pattern. */
static int is_pattern(const distarray_export *share, const problem *p) {
  return share->ndim == 2 && share->dtype_code == DISTARRAY_DTYPE_FLOAT &&
         share->itemsize == (int64_t)sizeof(double) &&
         share->dims[0].size == p->pattern[0] && share->dims[1].size == p->pattern[1];
}

/* Puts a share where its file says it belongs in the whole. */
static void place_share(const distarray_export *share, double *whole) {
  for (int64_t y = 0; y < share->shape[0]; y++) {
    for (int64_t x = 0; x < share->shape[1]; x++) {
      const int64_t row = share->dims[0].start + y, column = share->dims[1].start + x;
      const char *from = (const char *)share->data + y * share->strides[0] + x * share->strides[1];
      memcpy(&whole[row * share->dims[1].size + column], from, sizeof(double));
    }
  }
}

int32_t read_pattern(MPI_Comm mpi, const distarray_comm *comm, const char *directory,
                     const problem *p, double *pattern, distarray_error *error) {
  const size_t cells = (size_t)(p->pattern[0] * p->pattern[1]);
  char prefix[4096];
  distarray_array *array;
  distarray_export share;
  snprintf(prefix, sizeof prefix, "%s/bb2x2", directory);
  int32_t status = distarray_array_read_dnpy_set(prefix, comm, &array, error);
  if (status != DISTARRAY_OK) return status;

  status = distarray_array_view(array, &share, error);
  if (status == DISTARRAY_OK) status = distarray_check_collective(comm, &share, error);
  if (status == DISTARRAY_OK && !is_pattern(&share, p)) status = DISTARRAY_E_SHAPE;
  if (status == DISTARRAY_OK) {
    memset(pattern, 0, cells * sizeof(double));
    place_share(&share, pattern);
    /* The shares do not overlap, so their sum is the whole. */
    MPI_Allreduce(MPI_IN_PLACE, pattern, (int)cells, MPI_DOUBLE, MPI_SUM, mpi);
  }
  distarray_array_free(array);
  return status;
}

/* Whether two packed arrays hold the same bytes. */
static int same_bits(const distarray_export *a, const distarray_export *b) {
  size_t bytes = (size_t)a->itemsize;
  if (a->ndim != b->ndim || a->itemsize != b->itemsize) return 0;
  for (int axis = 0; axis < a->ndim; axis++) {
    if (a->shape[axis] != b->shape[axis] || a->strides[axis] != b->strides[axis]) return 0;
    bytes *= (size_t)a->shape[axis];
  }
  return memcmp(a->data, b->data, bytes) == 0;
}

int32_t write_and_read_back(distarray_export *loan, const distarray_comm *comm,
                            const char *directory, written *result, distarray_error *error) {
  char prefix[4096];
  distarray_array *field, *back = NULL;
  distarray_export here, there;
  int32_t status = distarray_array_import(loan, DISTARRAY_ACCESS_READ, &field, error);
  if (status != DISTARRAY_OK) {
    distarray_export_release(loan);
    return status;
  }
  snprintf(prefix, sizeof prefix, "%s/field", directory);
  status = distarray_array_write_dnpy_set(field, prefix, comm, error);
  if (status == DISTARRAY_OK) status = distarray_array_read_dnpy_set(prefix, comm, &back, error);
  if (status == DISTARRAY_OK) status = distarray_array_view(field, &here, error);
  if (status == DISTARRAY_OK) status = distarray_array_view(back, &there, error);
  if (status == DISTARRAY_OK) {
    result->used = here.data;
    result->identical = same_bits(&here, &there);
  }
  distarray_array_free(back);
  distarray_array_free(field);
  return status;
}
