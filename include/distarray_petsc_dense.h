/* distarray_petsc_dense.h - PETSc's dense matrices as loans, and loans as them. See
 * distarray_petsc.h for what lending and borrowing mean.
 */
#ifndef DISTARRAY_PETSC_DENSE_H
#define DISTARRAY_PETSC_DENSE_H

#include "distarray_petsc_loans.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline int32_t distarray_petsc_describe_dense(distarray_petsc_lease *lease, Mat mat,
                                                     distarray_export *loan,
                                                     distarray_error *error) {
  const MPI_Comm comm = PetscObjectComm((PetscObject)mat);
  const PetscScalar *elements;
  PetscInt M, N, start, stop, lda;
  PetscBool dense;
  int rank, count;
  DISTARRAY_PETSC_TRY(
      PetscObjectTypeCompareAny((PetscObject)mat, &dense, MATSEQDENSE, MATMPIDENSE, ""));
  if (!dense)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "type", 1, 0,
                                    "only matrices of type MATDENSE keep all elements in one array: "
                                    "MatConvert makes one, by copying");
  if (lease->reading)
    DISTARRAY_PETSC_TRY(MatDenseGetArrayRead(mat, &elements));
  else
    DISTARRAY_PETSC_TRY(MatDenseGetArray(mat, &lease->elements));
  if (lease->reading) lease->elements = (PetscScalar *)elements;
  lease->mat = mat;
  DISTARRAY_PETSC_TRY(MatDenseGetLDA(mat, &lda));
  DISTARRAY_PETSC_TRY(MatGetSize(mat, &M, &N));
  DISTARRAY_PETSC_TRY(MatGetOwnershipRange(mat, &start, &stop));
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &count);
  lease->dims[0] = distarray_dim_block(M, count, rank, start, stop);
  lease->dims[1] = distarray_dim_whole(N);
  lease->shape[0] = stop - start;
  lease->shape[1] = N;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_fill(lease, 2, comm, loan, error));
  lease->strides[0] = loan->itemsize;
  lease->strides[1] = loan->itemsize * lda;
  return DISTARRAY_OK;
}

/* Lends a dense matrix: blocks of rows, columns whole and lda elements apart. Local. */
static inline int32_t distarray_petsc_lend_dense(Mat mat, uint32_t access, distarray_export *loan,
                                                 distarray_error *error) {
  distarray_petsc_lease *lease = NULL;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_new_lease((PetscObject)mat, access, &lease, error));
  status = distarray_petsc_describe_dense(lease, mat, loan, error);
  if (status != DISTARRAY_OK) distarray_petsc_end(lease);
  return status;
}

typedef struct distarray_petsc_dense_request {
  Mat                   *mat;
  distarray_adapter_rows rows;
  int64_t                lda; /* distance of the columns in elements */
} distarray_petsc_dense_request;

/* Refuses what is not a matrix of columns. */
static inline int32_t distarray_petsc_accept_dense(void *context, const distarray_export *loan,
                                                   int column_major, uint64_t facts[4],
                                                   distarray_error *error) {
  distarray_petsc_dense_request *self = (distarray_petsc_dense_request *)context;
  (void)column_major;
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_check_rows(loan, &self->rows, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_ndim(loan, 2, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_columns(loan, &self->lda, error));
  /* BLAS counts rows and columns; PETSc, what they span. */
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_index(self->lda, PETSC_BLAS_INT_MAX, 1, "strides", error));
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_index(self->rows.width, PETSC_BLAS_INT_MAX, 1, "size", error));
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_index(distarray_adapter_product(self->lda, self->rows.width),
                                    PETSC_MAX_INT, 1, "strides", error));
  return distarray_adapter_check_pointer(self->mat, "mat", error);
}

static inline PetscErrorCode distarray_petsc_wrap_dense(MPI_Comm comm,
                                                        const distarray_adapter_rows *rows,
                                                        int64_t lda, distarray_export *loan,
                                                        Mat *mat) {
  const PetscInt m = (PetscInt)(rows->axis.stop - rows->axis.start);
  static PetscScalar none;
  /* NULL would ask PETSc to allocate. */
  PetscScalar *elements = loan->data != NULL ? (PetscScalar *)loan->data : &none;
  distarray_petsc_debt *debt = NULL;
  PetscFunctionBegin;
  PetscCall(MatCreate(comm, mat));
  /* The vectors that a square matrix multiplies are dealt out like those that it gives. */
  PetscCall(MatSetSizes(*mat, m, rows->axis.size == rows->width ? m : PETSC_DECIDE,
                        (PetscInt)rows->axis.size, (PetscInt)rows->width));
  PetscCall(MatSetType(*mat, MATDENSE));
  PetscCall(MatDenseSetLDA(*mat, (PetscInt)lda));
  PetscCall(MatSeqDenseSetPreallocation(*mat, elements));
  PetscCall(MatMPIDenseSetPreallocation(*mat, elements));
  PetscCall(distarray_petsc_owe((PetscObject)*mat, loan, DISTARRAY_C_MODIFIED, &debt));
  debt->destroy_mat = (*mat)->ops->destroy;
  (*mat)->ops->destroy = distarray_petsc_destroy_mat;
  PetscFunctionReturn((PetscErrorCode)0);
}

/* Makes a dense matrix of a loan's memory: rows cut into blocks in the order of the
 * ranks, columns whole, elements of a column side by side, columns any distance apart.
 * Collective.
 *
 * MatNorm(NORM_FROBENIUS) of PETSc 3.18, and still in the sources of 3.25, reads gaps
 * between columns as elements where there is more than one rank. */
static inline int32_t distarray_petsc_borrow_dense(MPI_Comm comm, distarray_export *loan, Mat *mat,
                                                   distarray_error *error) {
  distarray_comm table;
  distarray_petsc_dense_request mine;
  PetscErrorCode code;
  Mat made = NULL;
  mine.mat = mat;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_take_if(comm, loan, distarray_petsc_accept_dense, &mine,
                                                  &table, error));
  code = distarray_petsc_wrap_dense(comm, &mine.rows, mine.lda, loan, &made);
  if (code != 0) {
    if (made != NULL && MatDestroy(&made) != 0) made = NULL;
    return distarray_petsc_failed(code, error);
  }
  *mat = made;
  return distarray_adapter_ok(error);
}

/* What distarray_petsc_borrow_dense takes, for distarray_accommodation_new. */
static inline distarray_requirements distarray_petsc_dense_requirements(
    distarray_required_axis axes[2]) {
  return distarray_adapter_rows_requirements(2, axes, DISTARRAY_LAYOUT_FORTRAN_LINES,
                                             DISTARRAY_PETSC_DTYPE, DISTARRAY_PETSC_BITS);
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_PETSC_DENSE_H */
