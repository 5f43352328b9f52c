/* libdistarray's own arrays, in memory of its own, and its arrays of foreign memory. */
#include "../adapters/block.h"
#include "matrix.h"

#include <distarray_mpi.h>

/* Rows of zeros in the library's memory, dealt as a description says. */
static int32_t lend(const shape *s, void **object, distarray_export *loan, distarray_error *error) {
  block pattern = block_on(s->ndim, rank, size);
  distarray_comm comm;
  distarray_request writing = DISTARRAY_REQUEST_INIT;
  distarray_export view;
  distarray_array *described = NULL, *array = NULL;
  distarray_distribution *whole = NULL;
  int32_t status;
  pattern.dims[0] = distarray_dim_block(s->size[0], size, rank, s->size[0] * rank / size,
                                        s->size[0] * (rank + 1) / size);
  for (int i = 1; i < s->ndim; i++) pattern.dims[i] = distarray_dim_whole(s->size[i]);
  block_alloc(&pattern);
  block_lend(&pattern, &view);
  INSIST(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) == 0);
  writing.access = DISTARRAY_ACCESS_READ_WRITE;
  status = distarray_array_import(&view, DISTARRAY_ACCESS_READ, &described, error);
  if (status == 0) status = distarray_distribution_gather(&comm, described, &whole, error);
  if (status == 0)
    status = distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, 64, 0, 1, &array, error);
  if (status == 0) status = distarray_array_view(array, &view, error);
  if (status == 0) fill(&view, 0);
  if (status == 0) status = distarray_array_export(array, &writing, loan, error);
  distarray_distribution_free(whole);
  distarray_array_free(described);
  block_free(&pattern);
  *object = array;
  return status;
}

static int holds(void *object, int64_t added) {
  distarray_export view;
  return distarray_array_view(object, &view, NULL) == 0 && is_filled(&view, added);
}

static void end(void *object) { distarray_array_free(object); }

static const producer producers[] = {{"distarray", 0xe, lend, holds, end}};

static int32_t borrow(const shape *s, distarray_export *loan, void **object, const void **address,
                      distarray_error *error) {
  distarray_array *array;
  distarray_export view;
  (void)s;
  const int32_t status = distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, &array, error);
  if (status != 0) return status;
  INSIST(distarray_array_view(array, &view, error) == 0);
  *address = view.data;
  *object = array;
  return status;
}

static void add(void *object, int64_t number) {
  distarray_export view;
  INSIST(distarray_array_view(object, &view, NULL) == 0);
  fill(&view, number);
  INSIST(distarray_array_mark_modified(
             object, DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED, NULL) == 0);
}

static const consumer consumers[] = {{"distarray", borrow, holds, add, end, anything, NULL, NULL}};

const library distarray_library = {"distarray",     NULL,      NULL,            producers,
                                   COUNT(producers), consumers, COUNT(consumers)};
