/* ours.h - what both programs need to call libdistarray. */
#ifndef OURS_H
#define OURS_H

#include <distarray.h>
#include <distarray_mpi.h>

#include "timing.h"

static void must(int32_t status, const distarray_error *error) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "rank %d: %s\n", rank, error->message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static void keep(distarray_export *loan) { loan->release = NULL; } /* the memory stays ours */

/* One rank's part as a loan, with the arrays that it points to. */
typedef struct {
  distarray_export loan;
  distarray_dim dims[3];
  int64_t shape[3], strides[3];
} piece;

static void piece_start(piece *p, int ndim, uint8_t dtype_code, uint8_t dtype_bits, void *data) {
  distarray_export empty = DISTARRAY_EXPORT_INIT;
  p->loan = empty;
  distarray_export_set_dtype(&p->loan, dtype_code, dtype_bits);
  p->loan.ndim = ndim;
  p->loan.shape = p->shape;
  p->loan.strides = p->strides;
  p->loan.dims = p->dims;
  p->loan.data = data;
  p->loan.process_rank = rank;
  p->loan.process_count = ranks;
  p->loan.release = keep;
}

/* Takes the loan and learns from all ranks how their parts make one array. */
static void piece_take(piece *p, MPI_Comm world, distarray_array **array, distarray_distribution **distribution) {
  distarray_comm comm;
  distarray_error error;
  if (distarray_comm_from_mpi(world, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  must(distarray_array_import(&p->loan, DISTARRAY_ACCESS_READ_WRITE, array, &error), &error);
  must(distarray_distribution_gather(&comm, *array, distribution, &error), &error);
}

/* Puts an array that all ranks of the node can reach in the place of the loan. */
static void share(const piece *p, const distarray_distribution *distribution, distarray_array **array) {
  distarray_error error;
  int last = p->loan.ndim - 1, column_major = p->strides[0] < p->strides[last];
  distarray_array_free(*array);
  must(distarray_distribution_zeros(distribution, p->loan.dtype_code, p->loan.dtype_bits, column_major, 1, array,
                                    &error),
       &error);
}

#endif /* OURS_H */
