/* distarray_petsc_vec.h - PETSc's Vec as a loan, and loans as it. See distarray_petsc.h for
 * what lending and borrowing mean.
 */
#ifndef DISTARRAY_PETSC_VEC_H
#define DISTARRAY_PETSC_VEC_H

#include "distarray_petsc_loans.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline int32_t distarray_petsc_describe_vec(distarray_petsc_lease *lease, Vec vec,
                                                   distarray_export *loan,
                                                   distarray_error *error) {
  const MPI_Comm comm = PetscObjectComm((PetscObject)vec);
  PetscInt N, start, stop, bs;
  int rank, count;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_open_vec(lease, vec, error));
  DISTARRAY_PETSC_TRY(VecGetSize(vec, &N));
  DISTARRAY_PETSC_TRY(VecGetOwnershipRange(vec, &start, &stop));
  DISTARRAY_PETSC_TRY(VecGetBlockSize(vec, &bs));
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &count);
  lease->dims[0] = distarray_dim_block(N / bs, count, rank, start / bs, stop / bs);
  lease->shape[0] = (stop - start) / bs;
  if (bs > 1) distarray_petsc_add_components(lease, 1, bs);
  return distarray_petsc_fill(lease, bs > 1 ? 2 : 1, comm, loan, error);
}

/* Lends a vector's own elements, without ghosts: one axis of blocks, and where its
 * block size is above 1 a second, whole one of the components. Local. */
static inline int32_t distarray_petsc_lend_vec(Vec vec, uint32_t access, distarray_export *loan,
                                               distarray_error *error) {
  distarray_petsc_lease *lease = NULL;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_new_lease((PetscObject)vec, access, &lease, error));
  status = distarray_petsc_describe_vec(lease, vec, loan, error);
  if (status != DISTARRAY_OK) distarray_petsc_end(lease);
  return status;
}

typedef struct distarray_petsc_vec_request {
  Vec                   *vec;
  distarray_adapter_rows rows;
} distarray_petsc_vec_request;

static inline int32_t distarray_petsc_accept_vec(void *context, const distarray_export *loan,
                                                 int column_major, uint64_t facts[4],
                                                 distarray_error *error) {
  distarray_petsc_vec_request *self = (distarray_petsc_vec_request *)context;
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_check_rows(loan, &self->rows, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_packed(loan, column_major, error));
  return distarray_adapter_check_pointer(self->vec, "vec", error);
}

/* Makes a vector of a loan's memory. The loan's first axis is cut into blocks in the
 * order of the ranks, the others are whole, the last runs fastest: an element's index
 * in the vector is its row-major one in the array. A last axis of components becomes
 * the block size. Collective. */
static inline int32_t distarray_petsc_borrow_vec(MPI_Comm comm, distarray_export *loan, Vec *vec,
                                                 distarray_error *error) {
  distarray_comm table;
  distarray_petsc_vec_request mine;
  const distarray_adapter_rows *rows = &mine.rows;
  Vec made = NULL;
  mine.vec = vec;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_take_if(comm, loan, distarray_petsc_accept_vec, &mine,
                                                  &table, error));
  return distarray_petsc_give_vec(
      distarray_petsc_wrap(comm, (PetscInt)rows->components,
                           (PetscInt)((rows->axis.stop - rows->axis.start) * rows->width),
                           (PetscInt)rows->elements, (const PetscScalar *)loan->data, &made),
      &made, loan, 0, vec, error);
}

/* What distarray_petsc_borrow_vec takes of an array of ndim axes, for
 * distarray_accommodation_new. axes is room for ndim records. */
static inline distarray_requirements distarray_petsc_vec_requirements(
    int32_t ndim, distarray_required_axis *axes) {
  return distarray_adapter_rows_requirements(ndim, axes, DISTARRAY_LAYOUT_C,
                                             DISTARRAY_PETSC_DTYPE, DISTARRAY_PETSC_BITS);
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_PETSC_VEC_H */
