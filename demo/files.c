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
  char path[4096];
  distarray_array *array;
  distarray_export share;
  snprintf(path, sizeof path, "%s/bb2x2_%d.dnpy", directory, (int)p->rank);
  int32_t status = distarray_array_read_dnpy(path, &array, error);
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

int32_t write_and_read_back(distarray_export *loan, const char *directory, int rank,
                            written *result, distarray_error *error) {
  char path[4096];
  distarray_array *field, *back = NULL;
  distarray_export written_view, read_view;
  snprintf(path, sizeof path, "%s/field_%d.dnpy", directory, rank);
  int32_t status = distarray_array_import(loan, DISTARRAY_ACCESS_READ, &field, error);
  if (status != DISTARRAY_OK) {
    distarray_export_release(loan);
    return status;
  }
  status = distarray_array_write_dnpy(field, path, error);
  if (status == DISTARRAY_OK) status = distarray_array_read_dnpy(path, &back, error);
  if (status == DISTARRAY_OK) status = distarray_array_view(field, &written_view, error);
  if (status == DISTARRAY_OK) status = distarray_array_view(back, &read_view, error);
  if (status == DISTARRAY_OK) {
    result->used = written_view.data;
    result->identical = same_bits(&written_view, &read_view);
  }
  distarray_array_free(back);
  distarray_array_free(field);
  return status;
}
