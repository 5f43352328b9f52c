/* distarray_petsc.h - PETSc's vectors and dense matrices as loans, and loans as them.
 *
 *   #include <distarray_petsc.h>
 *
 *   int main(int argc, char **argv) {
 *     Vec x, y;
 *     distarray_export loan; // may come from anyone
 *     distarray_error error;
 *     PetscInitialize(&argc, &argv, NULL, NULL);
 *     VecCreateMPI(PETSC_COMM_WORLD, 4, PETSC_DETERMINE, &x);
 *     if (distarray_petsc_lend_vec(x, DISTARRAY_ACCESS_READ_WRITE, &loan, &error) ||
 *         distarray_petsc_borrow_vec(PETSC_COMM_WORLD, &loan, &y, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(PETSC_COMM_WORLD, 1);
 *     }
 *     VecSet(y, 3);   // these are the elements of x
 *     VecDestroy(&y); // gives them back: x forgets the norm that it knew
 *     VecView(x, PETSC_VIEWER_STDOUT_WORLD);
 *     VecDestroy(&x);
 *     return PetscFinalize();
 *   }
 *
 * Header only, compiled with the program's own PETSc (3.18 or later; real or complex,
 * 32-bit or 64-bit indices) and MPI. No element is copied: an array that PETSc cannot
 * take as it lies is refused, and the report says why and what to do.
 *
 * Lending is local and needs no library. The object lives at least as long as the loan;
 * releasing it calls PETSc's Restore, by which PETSc forgets the norms that it kept. A
 * loan is released on the thread that calls PETSc. If it held the last reference to an
 * object of several ranks, that goes with PetscGarbageCleanup or PetscFinalize, because
 * destroying is collective and releasing is not. After PetscFinalize a release does
 * nothing.
 *
 * Borrowing is collective over comm and needs libdistarray, which first proves that the
 * loans of all ranks are one array; what one rank finds wrong, all ranks return. The
 * loan is moved into the object and released when the object is destroyed; its lender
 * then hears whether PETSc wrote it (the object's state tells). Who writes the memory
 * otherwise meanwhile tells PETSc by PetscObjectStateIncrease, lest a norm that it kept
 * stays. PETSc, if built with debugging, refuses to write a vector that was lent for
 * reading only; nothing keeps it from writing such a matrix. A failed call leaves the loan
 * with the caller. VecDuplicate makes a vector of PETSc's own.
 */
#ifndef DISTARRAY_PETSC_H
#define DISTARRAY_PETSC_H

#include "distarray_petsc_loans.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Vec -------------------------------------------------------------------- */

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

/* --- VecGhost --------------------------------------------------------------- */

static inline int32_t distarray_petsc_describe_ghost(distarray_petsc_lease *lease, Vec vec,
                                                     distarray_export *loan,
                                                     distarray_error *error) {
  const MPI_Comm comm = PetscObjectComm((PetscObject)vec);
  ISLocalToGlobalMapping map;
  const PetscInt *indices;
  PetscInt N, n, held, bs;
  PetscBool mpi;
  Vec local = NULL;
  int rank, count;
  DISTARRAY_PETSC_TRY(PetscObjectTypeCompare((PetscObject)vec, VECMPI, &mpi));
  if (mpi) DISTARRAY_PETSC_TRY(VecGhostGetLocalForm(vec, &local));
  if (local == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "type", 1, 0,
                                    "the vector has no ghosts: make it with VecCreateGhost, or "
                                    "lend it by distarray_petsc_lend_vec");
  lease->ghosted = vec;
  lease->local = local;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_open_vec(lease, local, error));
  DISTARRAY_PETSC_TRY(VecGetSize(vec, &N));
  DISTARRAY_PETSC_TRY(VecGetLocalSize(vec, &n));
  DISTARRAY_PETSC_TRY(VecGetLocalSize(local, &held));
  DISTARRAY_PETSC_TRY(VecGetLocalToGlobalMapping(vec, &map));
  DISTARRAY_PETSC_TRY(ISLocalToGlobalMappingGetBlockSize(map, &bs));
  /* The mapping keeps the list, the vector keeps the mapping, and we keep the vector. */
  DISTARRAY_PETSC_TRY(ISLocalToGlobalMappingGetBlockIndices(map, &indices));
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &count);
  lease->dims[0] = distarray_dim_unstructured(N / bs, count, rank, NULL, held / bs, n / bs, 1);
  lease->dims[0].indices = indices;
  if (sizeof(PetscInt) == 4) lease->dims[0].flags |= DISTARRAY_DIM_INDICES_I32;
  lease->shape[0] = held / bs;
  if (bs > 1) distarray_petsc_add_components(lease, 1, bs);
  DISTARRAY_ADAPTER_TRY(distarray_petsc_fill(lease, bs > 1 ? 2 : 1, comm, loan, error));
  loan->flags_read |= DISTARRAY_R_GHOSTS;
  return DISTARRAY_OK;
}

/* Lends a vector of VecCreateGhost with its ghosts: an unstructured axis, owned indices
 * first, and where its block size is above 1 a whole one of the components. Local. */
static inline int32_t distarray_petsc_lend_ghost(Vec vec, uint32_t access, distarray_export *loan,
                                                 distarray_error *error) {
  distarray_petsc_lease *lease = NULL;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_new_lease((PetscObject)vec, access, &lease, error));
  status = distarray_petsc_describe_ghost(lease, vec, loan, error);
  if (status != DISTARRAY_OK) distarray_petsc_end(lease);
  return status;
}

typedef struct distarray_petsc_ghost_request {
  Vec      *vec;
  int64_t   first;          /* the index that PETSc gives to this rank's first element */
  PetscInt *ghosts, n_ghosts, bs;
} distarray_petsc_ghost_request;

/* What a rank owns, before anything is known of its loan; nothing where that is no list. */
static inline int64_t distarray_petsc_owned(const distarray_export *loan) {
  if (distarray_export_readable(loan, DISTARRAY_PETSC_READS) != DISTARRAY_OK) return 0;
  return loan->ndim > 0 && loan->dims != NULL ? loan->dims[0].n_owned : 0;
}

/* Refuses what VecCreateGhost could not hold; lists the ghosts. */
static inline int32_t distarray_petsc_accept_ghost(void *context, const distarray_export *loan,
                                                   int column_major, uint64_t facts[4],
                                                   distarray_error *error) {
  distarray_petsc_ghost_request *self = (distarray_petsc_ghost_request *)context;
  const distarray_dim *dim = &loan->dims[0];
  int64_t i;
  (void)facts;
  self->bs = 1;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(loan, DISTARRAY_PETSC_READS, 0,
                                               DISTARRAY_PETSC_DTYPE, DISTARRAY_PETSC_BITS, error));
  if (loan->ndim < 1 || loan->ndim > 2) return distarray_adapter_check_ndim(loan, 1, error);
  if (dim->dist_type != DISTARRAY_DIST_UNSTRUCTURED)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "dist_type",
                                    DISTARRAY_DIST_UNSTRUCTURED, dim->dist_type,
                                    "a vector with ghosts is a list of indices: blocks are taken "
                                    "by distarray_petsc_borrow_vec");
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_order(loan, dim->proc_grid_size, dim->proc_grid_rank, error));
  if (loan->ndim == 2) {
    distarray_adapter_axis axis;
    DISTARRAY_ADAPTER_TRY(distarray_adapter_whole_axis(loan, 1, &axis, error));
    DISTARRAY_ADAPTER_TRY(
        distarray_adapter_check_index(axis.size, PETSC_MAX_INT, 1, "size", error));
    if (axis.size > 0) self->bs = (PetscInt)axis.size;
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(distarray_adapter_product(dim->size, self->bs),
                                                      PETSC_MAX_INT, -1, "size", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(
      distarray_adapter_product(dim->n_indices, self->bs), PETSC_MAX_INT, 0, "shape", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_packed(loan, column_major, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->vec, "vec", error));
  self->n_ghosts = (PetscInt)(dim->n_indices - dim->n_owned);
  self->ghosts = (PetscInt *)malloc(sizeof *self->ghosts * (size_t)(self->n_ghosts + 1));
  if (self->ghosts == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, 0, "indices", self->n_ghosts, 0,
                                    "no memory for the list of ghosts");
  for (i = 0; i < dim->n_indices; i++) {
    const int64_t index = distarray_adapter_index(dim, i);
    if (i < dim->n_owned && index != self->first + i)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "indices",
                                      self->first + i, index,
                                      "PETSc numbers the elements that ranks own one after the "
                                      "other: number yours so, or copy them to such a vector");
    if (index < 0 || index >= dim->size)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "indices", dim->size - 1,
                                      index, "PETSc numbers elements from 0 to size - 1");
    if (i >= dim->n_owned) self->ghosts[i - dim->n_owned] = (PetscInt)index;
  }
  return DISTARRAY_OK;
}

/* Makes a vector with ghosts of a loan's memory, so that VecGhostUpdateBegin and End
 * fill them. Its first axis is unstructured, and the ranks own consecutive indices one
 * after the other; a second axis becomes the block size. Collective. */
static inline int32_t distarray_petsc_borrow_ghost(MPI_Comm comm, distarray_export *loan, Vec *vec,
                                                   distarray_error *error) {
  distarray_comm table;
  distarray_petsc_ghost_request mine;
  PetscErrorCode code;
  Vec made = NULL;
  int32_t status;
  mine.vec = vec;
  mine.ghosts = NULL;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_stop(comm, distarray_petsc_owned(loan), &mine.first, error));
  mine.first -= distarray_petsc_owned(loan);
  status = distarray_adapter_take_if(comm, loan, distarray_petsc_accept_ghost, &mine, &table, error);
  if (status == DISTARRAY_OK) {
    const PetscInt bs = mine.bs, n = (PetscInt)loan->dims[0].n_owned * bs,
                   N = (PetscInt)loan->dims[0].size * bs;
    const PetscScalar *elements = (const PetscScalar *)loan->data;
    code = bs > 1 ? VecCreateGhostBlockWithArray(comm, bs, n, N, mine.n_ghosts, mine.ghosts,
                                                 elements, &made)
                  : VecCreateGhostWithArray(comm, n, N, mine.n_ghosts, mine.ghosts, elements, &made);
    status = distarray_petsc_give_vec(code, &made, loan, 1, vec, error);
  }
  free(mine.ghosts);
  return status;
}

/* --- Dense matrices --------------------------------------------------------- */

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
#endif /* DISTARRAY_PETSC_H */
