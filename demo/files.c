#include "files.h"

#include <stdio.h>
#include <string.h>

int32_t read_pattern(MPI_Comm mpi, const distarray_comm *comm, const char *directory,
                     const problem *p, double *pattern, distarray_error *error) {
  char path[4096];
  distarray_array *share;
  distarray_export view;
  snprintf(path, sizeof path, "%s/bb2x2_%d.dnpy", directory, (int)p->rank);
  int32_t status = distarray_array_read_dnpy(path, &share, error);
  if (status != DISTARRAY_OK) return status;

  status = distarray_array_view(share, &view, error);
  if (status == DISTARRAY_OK) status = distarray_check_collective(comm, &view, error);

  /* Each rank puts its share where its file says it belongs; the sum is the whole. */
  const int64_t cells = p->pattern[0] * p->pattern[1];
  memset(pattern, 0, (size_t)cells * sizeof(double));
  if (status == DISTARRAY_OK && (view.ndim != 2 || view.dtype_code != DISTARRAY_DTYPE_FLOAT ||
                                 view.itemsize != (int64_t)sizeof(double) ||
                                 view.dims[0].size != p->pattern[0] ||
                                 view.dims[1].size != p->pattern[1]))
    status = DISTARRAY_E_SHAPE;
  if (status == DISTARRAY_OK) {
    for (int64_t y = 0; y < view.shape[0]; y++)
      for (int64_t x = 0; x < view.shape[1]; x++) {
        const char *from = (const char *)view.data + y * view.strides[0] + x * view.strides[1];
        const int64_t row = view.dims[0].start + y, column = view.dims[1].start + x;
        memcpy(&pattern[row * p->pattern[1] + column], from, sizeof(double));
      }
    MPI_Allreduce(MPI_IN_PLACE, pattern, (int)cells, MPI_DOUBLE, MPI_SUM, mpi);
  }
  distarray_array_free(share);
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
