/* distarray_hypre_parcsr.h - HYPRE's ParVector, which its ParCSR matrices multiply, as a
 * loan, and loans as it. See distarray_hypre.h for what lending and borrowing mean.
 */
#ifndef DISTARRAY_HYPRE_PARCSR_H
#define DISTARRAY_HYPRE_PARCSR_H

#include <_hypre_parcsr_mv.h>

#include "distarray_adapter_box.h"
#include "distarray_hypre_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Lends a vector: one axis of blocks in the order of the ranks. The vector must live as
 * long as the loan: HYPRE counts no references. Local. */
static inline int32_t distarray_hypre_lend_par_vector(HYPRE_ParVector vector, uint32_t access,
                                                      distarray_export *loan,
                                                      distarray_error *error) {
  hypre_ParVector *par = (hypre_ParVector *)vector;
  distarray_adapter_keeper *keeper = NULL;
  int rank, count;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(vector, "vector", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_access(access, error));
  if (hypre_ParVectorNumVectors(par) != 1)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "num_vectors", 1,
                                    hypre_ParVectorNumVectors(par),
                                    "a multivector is lent one vector at a time");
  DISTARRAY_ADAPTER_TRY(distarray_adapter_new_keeper(1, 0, 0, NULL, &keeper, error));
  MPI_Comm_rank(hypre_ParVectorComm(par), &rank);
  MPI_Comm_size(hypre_ParVectorComm(par), &count);
  keeper->dims[0] = distarray_dim_block(hypre_ParVectorGlobalSize(par), count, rank,
                                        hypre_ParVectorFirstIndex(par),
                                        (int64_t)hypre_ParVectorLastIndex(par) + 1);
  keeper->shape[0] = keeper->dims[0].stop - keeper->dims[0].start;
  keeper->strides[0] = (int64_t)sizeof(HYPRE_Complex);
  distarray_adapter_lend(keeper, 1, DISTARRAY_HYPRE_DTYPE, DISTARRAY_HYPRE_BITS,
                         hypre_VectorData(hypre_ParVectorLocalVector(par)), rank, count, loan);
  if (access == DISTARRAY_ACCESS_READ) loan->flags_write |= DISTARRAY_W_READ_ONLY;
  return distarray_adapter_ok(error);
}

/* A vector in a lender's memory. */
typedef struct distarray_hypre_par_vector {
  HYPRE_ParVector  vector;
  distarray_export loan;
} distarray_hypre_par_vector;

typedef struct distarray_hypre_par_request {
  MPI_Comm                    comm;
  distarray_hypre_par_vector *borrowed;
  hypre_ParVector            *made;
} distarray_hypre_par_request;

/* Makes this rank's part of a vector: HYPRE asks no other rank. */
static inline int32_t distarray_hypre_accept_rows(void *context, const distarray_export *loan,
                                                  int column_major, uint64_t facts[4],
                                                  distarray_error *error) {
  distarray_hypre_par_request *self = (distarray_hypre_par_request *)context;
  distarray_adapter_rows rows;
  HYPRE_BigInt bounds[2];
  HYPRE_Int pending;
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_hypre_open(
      loan, DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR, error));
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_rows(loan, DISTARRAY_HYPRE_MAX_INDEX, &rows, error));
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_index((rows.axis.stop - rows.axis.start) * rows.width,
                                    DISTARRAY_HYPRE_MAX_LOCAL, 0, "shape", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_packed(loan, column_major, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->borrowed, "vector", error));
  bounds[0] = (HYPRE_BigInt)(rows.axis.start * rows.width);
  bounds[1] = (HYPRE_BigInt)(rows.axis.stop * rows.width);
  pending = distarray_hypre_begin();
  self->made = hypre_ParVectorCreate(self->comm, (HYPRE_BigInt)rows.elements, bounds);
  hypre_VectorData(hypre_ParVectorLocalVector(self->made)) = (HYPRE_Complex *)loan->data;
  hypre_SeqVectorSetDataOwner(hypre_ParVectorLocalVector(self->made), 0);
  hypre_ParVectorInitialize(self->made);
  return distarray_hypre_end(pending, error);
}

/* Makes a vector of a loan's memory. The loan's first axis is cut into blocks in the
 * order of the ranks, the others are whole, the last runs fastest: an element's index in
 * the vector is its row-major one in the array. Collective. */
static inline int32_t distarray_hypre_borrow_par_vector(MPI_Comm comm, distarray_export *loan,
                                                        distarray_hypre_par_vector *borrowed,
                                                        distarray_error *error) {
  distarray_comm table;
  distarray_hypre_par_request mine;
  int32_t status;
  mine.comm = comm;
  mine.borrowed = borrowed;
  mine.made = NULL;
  status = distarray_adapter_take_if(comm, loan, distarray_hypre_accept_rows, &mine, &table, error);
  if (status != DISTARRAY_OK) {
    if (mine.made != NULL) hypre_ParVectorDestroy(mine.made);
    return status;
  }
  borrowed->vector = (HYPRE_ParVector)mine.made;
  distarray_export_move(&borrowed->loan, loan);
  return DISTARRAY_OK;
}

/* Destroys a borrowed vector and gives its loan back; harmless when that has happened.
 * Local. */
static inline void distarray_hypre_return_par_vector(distarray_hypre_par_vector *borrowed) {
  if (borrowed->vector != NULL) hypre_ParVectorDestroy((hypre_ParVector *)borrowed->vector);
  borrowed->vector = NULL;
  borrowed->loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&borrowed->loan);
}

/* What distarray_hypre_borrow_par_vector takes of an array of ndim axes, for
 * distarray_accommodation_new. axes is room for ndim records. */
static inline distarray_requirements distarray_hypre_par_vector_requirements(
    int32_t ndim, distarray_required_axis *axes) {
  return distarray_adapter_rows_requirements(ndim, axes, DISTARRAY_LAYOUT_C, DISTARRAY_HYPRE_DTYPE,
                                             DISTARRAY_HYPRE_BITS);
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_HYPRE_PARCSR_H */
