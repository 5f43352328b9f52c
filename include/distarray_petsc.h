/* distarray_petsc.h - PETSc's vectors and dense matrices as loans, and loans as them.
 *
 *   distarray_petsc_lend_vec(v, DISTARRAY_ACCESS_READ_WRITE, &loan, &error);
 *   distarray_petsc_borrow_vec(comm, &loan, &v, &error);   VecDestroy(&v) gives it back
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
 * loan is moved into the object and released when the object is destroyed, after which
 * its lender is told that it may have been written, unless it was lent for reading
 * only: then PETSc, if built with debugging, refuses to write. A failed call leaves the
 * loan with the caller. VecDuplicate makes a vector of PETSc's own.
 */
#ifndef DISTARRAY_PETSC_H
#define DISTARRAY_PETSC_H

#include <petsc/private/matimpl.h> /* ops->destroy: nothing public says that an object goes */
#include <petsc/private/vecimpl.h>

#include "distarray_adapter_box.h"
#include "distarray_adapter_mpi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* PetscScalar as an element type. */
#if defined(PETSC_USE_COMPLEX)
#define DISTARRAY_PETSC_DTYPE DISTARRAY_DTYPE_COMPLEX
#else
#define DISTARRAY_PETSC_DTYPE DISTARRAY_DTYPE_FLOAT
#endif
#define DISTARRAY_PETSC_BITS ((uint8_t)(8 * sizeof(PetscScalar)))

/* The bits that the borrowers below understand. */
#define DISTARRAY_PETSC_READS (DISTARRAY_R_GHOSTS | DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR)

/* PETSc declares them in a private header. */
PETSC_EXTERN PetscErrorCode PetscObjectDelayedDestroy(PetscObject *);
PETSC_EXTERN PetscErrorCode PetscGarbageCleanup(MPI_Comm);

/* --- What the functions below share ---------------------------------------- */

/* PETSc's own error; its traceback is on standard error already. */
static inline int32_t distarray_petsc_failed(PetscErrorCode code, distarray_error *error) {
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "petsc", 0, (int64_t)code,
                                  "PETSc returned an error, and said on standard error which");
}

#define DISTARRAY_PETSC_TRY(call)                                  \
  do {                                                             \
    const PetscErrorCode distarray_petsc_code = (call);            \
    if (distarray_petsc_code != 0)                                 \
      return distarray_petsc_failed(distarray_petsc_code, error);  \
  } while (0)

/* What a loan of an object of PETSc points to. */
typedef struct distarray_petsc_lease {
  PetscObject   owner;          /* referenced                                  */
  Vec           vec;            /* whose elements these are, or NULL           */
  Vec           ghosted, local; /* and of what they are the local form, or NULL */
  Mat           mat;
  PetscScalar  *elements;
  int           reading;
  distarray_dim dims[4];
  int64_t       shape[4], strides[4];
} distarray_petsc_lease;

/* Gives back what the lease holds. PETSc's errors have nobody to hear of them here. */
static inline void distarray_petsc_end(distarray_petsc_lease *lease) {
  const PetscScalar *elements = lease->elements;
  PetscBool finalized = PETSC_TRUE;
  int ranks, failed = PetscFinalized(&finalized) != 0;
  if (!finalized) {
    if (lease->vec != NULL)
      failed |= lease->reading ? VecRestoreArrayRead(lease->vec, &elements) != 0
                               : VecRestoreArray(lease->vec, &lease->elements) != 0;
    if (lease->ghosted != NULL)
      failed |= VecGhostRestoreLocalForm(lease->ghosted, &lease->local) != 0;
    if (lease->mat != NULL)
      failed |= lease->reading ? MatDenseRestoreArrayRead(lease->mat, &elements) != 0
                               : MatDenseRestoreArray(lease->mat, &lease->elements) != 0;
    /* Destroying is collective, but for one rank; releasing is not. */
    MPI_Comm_size(PetscObjectComm(lease->owner), &ranks);
    failed |= ranks == 1 ? PetscObjectDereference(lease->owner) != 0
                         : PetscObjectDelayedDestroy(&lease->owner) != 0;
  }
  (void)failed;
  free(lease);
}

static inline void distarray_petsc_release(distarray_export *loan) {
  distarray_petsc_end((distarray_petsc_lease *)loan->private_data);
  loan->private_data = NULL;
  loan->release = NULL;
}

/* A lease of an object, for the access asked for. */
static inline int32_t distarray_petsc_new_lease(PetscObject owner, uint32_t access,
                                                distarray_petsc_lease **out,
                                                distarray_error *error) {
  distarray_petsc_lease *lease;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(owner, "object", error));
  if (access != DISTARRAY_ACCESS_READ && access != DISTARRAY_ACCESS_READ_WRITE)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "access",
                                    DISTARRAY_ACCESS_READ_WRITE, access,
                                    "PETSc shares its arrays for reading or for reading and "
                                    "writing: ask for one of them");
  lease = (distarray_petsc_lease *)calloc(1, sizeof *lease);
  if (lease == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "loan", 0, 0,
                                    "no memory to describe the array");
  lease->owner = owner;
  lease->reading = access == DISTARRAY_ACCESS_READ;
  DISTARRAY_PETSC_TRY(PetscObjectReference(owner));
  *out = lease;
  return DISTARRAY_OK;
}

/* Takes a vector's elements. */
static inline int32_t distarray_petsc_open_vec(distarray_petsc_lease *lease, Vec vec,
                                               distarray_error *error) {
  const PetscScalar *elements = NULL;
  PetscBool plain = PETSC_FALSE;
  PetscInt lock = 0;
  DISTARRAY_PETSC_TRY(PetscObjectTypeCompareAny((PetscObject)vec, &plain, VECSEQ, VECMPI, ""));
  if (!plain)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "type", 1, 0,
                                    "only vectors of type VECSEQ or VECMPI keep their elements in "
                                    "one array in host memory: set the type, or copy to one");
  DISTARRAY_PETSC_TRY(VecLockGet(vec, &lock));
  if (lock < 0 || (lock > 0 && !lease->reading))
    return distarray_adapter_refuse(error, DISTARRAY_E_BUSY, -1, "lock", 0, lock,
                                    "PETSc holds the vector locked: lend it for reading, or after "
                                    "its VecLockReadPop");
  if (lease->reading)
    DISTARRAY_PETSC_TRY(VecGetArrayRead(vec, &elements));
  else
    DISTARRAY_PETSC_TRY(VecGetArray(vec, &lease->elements));
  if (lease->reading) lease->elements = (PetscScalar *)elements;
  lease->vec = vec;
  return DISTARRAY_OK;
}

/* Fills a loan in from a lease whose dims, shape and elements are known: packed, the
 * last axis fastest, on the ranks of comm. */
static inline int32_t distarray_petsc_fill(distarray_petsc_lease *lease, int32_t ndim,
                                           MPI_Comm comm, distarray_export *loan,
                                           distarray_error *error) {
  const distarray_export empty = DISTARRAY_EXPORT_INIT;
  int rank, count;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &count);
  *loan = empty;
  distarray_export_set_dtype(loan, DISTARRAY_PETSC_DTYPE, DISTARRAY_PETSC_BITS);
  distarray_strides_c_order(ndim, lease->shape, loan->itemsize, lease->strides);
  loan->data = lease->elements;
  loan->ndim = ndim;
  loan->shape = lease->shape;
  loan->strides = lease->strides;
  loan->dims = lease->dims;
  loan->process_rank = rank;
  loan->process_count = count;
  loan->flags_write = lease->reading ? DISTARRAY_W_READ_ONLY : 0;
  loan->private_data = lease;
  loan->release = distarray_petsc_release;
  return distarray_adapter_ok(error);
}

/* The axis of the components of one value, of which there are bs. */
static inline void distarray_petsc_add_components(distarray_petsc_lease *lease, int32_t axis,
                                                  PetscInt bs) {
  lease->dims[axis] = distarray_dim_whole(bs);
  lease->dims[axis].flags |= DISTARRAY_DIM_COMPONENT;
  lease->shape[axis] = bs;
}

/* A loan inside the object that borrowed it. */
typedef struct distarray_petsc_debt {
  distarray_export loan;
  PetscObject      borrower;
  PetscObjectState state;   /* of the borrower when it borrowed    */
  uint64_t         written; /* DISTARRAY_C_*, if that has changed  */
  int              ghosted;
  PetscErrorCode (*destroy_vec)(Vec); /* the type's own */
  PetscErrorCode (*destroy_mat)(Mat);
} distarray_petsc_debt;

#define DISTARRAY_PETSC_DEBT "distarray_loan"

static inline PetscErrorCode distarray_petsc_find_debt(PetscObject object,
                                                       distarray_petsc_debt **debt) {
  PetscContainer box = NULL;
  void *context = NULL;
  PetscFunctionBegin;
  PetscCall(PetscObjectQuery(object, DISTARRAY_PETSC_DEBT, (PetscObject *)&box));
  PetscCall(PetscContainerGetPointer(box, &context));
  *debt = (distarray_petsc_debt *)context;
  PetscFunctionReturn((PetscErrorCode)0);
}

/* Gives the loan back when its borrower is destroyed. A duplicate, which inherits what
 * its original is composed of, owes nothing. */
static inline PetscErrorCode distarray_petsc_repay(distarray_petsc_debt *debt,
                                                   PetscObject borrower) {
  PetscObjectState state;
  PetscFunctionBegin;
  if (debt->borrower != borrower) PetscFunctionReturn((PetscErrorCode)0);
  PetscCall(PetscObjectStateGet(borrower, &state));
  if (state != debt->state) debt->loan.consumer_flags |= debt->written;
  debt->borrower = NULL;
  distarray_export_release(&debt->loan);
  PetscFunctionReturn((PetscErrorCode)0);
}

static inline PetscErrorCode distarray_petsc_destroy_vec(Vec vec) {
  distarray_petsc_debt *debt = NULL;
  Vec local;
  PetscFunctionBegin;
  PetscCall(distarray_petsc_find_debt((PetscObject)vec, &debt));
  if (debt->ghosted) { /* by this the vector's state learns of what was written to its ghosts */
    PetscCall(VecGhostGetLocalForm(vec, &local));
    PetscCall(VecGhostRestoreLocalForm(vec, &local));
  }
  PetscCall((*debt->destroy_vec)(vec));
  PetscCall(distarray_petsc_repay(debt, (PetscObject)vec));
  PetscFunctionReturn((PetscErrorCode)0);
}

static inline PetscErrorCode distarray_petsc_destroy_mat(Mat mat) {
  distarray_petsc_debt *debt = NULL;
  PetscFunctionBegin;
  PetscCall(distarray_petsc_find_debt((PetscObject)mat, &debt));
  PetscCall((*debt->destroy_mat)(mat));
  PetscCall(distarray_petsc_repay(debt, (PetscObject)mat));
  PetscFunctionReturn((PetscErrorCode)0);
}

/* Makes an object the holder of a loan, which is moved when nothing can fail any more. */
static inline PetscErrorCode distarray_petsc_owe(PetscObject borrower, distarray_export *loan,
                                                 uint64_t written, distarray_petsc_debt **out) {
  distarray_petsc_debt *debt = NULL;
  PetscContainer box;
  PetscFunctionBegin;
  PetscCall(PetscNew(&debt));
  /* On the borrower's own communicator: PETSC_COMM_SELF may have to be duplicated first. */
  PetscCall(PetscContainerCreate(PetscObjectComm(borrower), &box));
  PetscCall(PetscContainerSetPointer(box, debt));
  PetscCall(PetscContainerSetUserDestroy(box, PetscContainerUserDestroyDefault));
  PetscCall(PetscObjectCompose(borrower, DISTARRAY_PETSC_DEBT, (PetscObject)box));
  PetscCall(PetscContainerDestroy(&box));
  PetscCall(PetscObjectStateGet(borrower, &debt->state));
  debt->borrower = borrower;
  debt->written = written;
  distarray_export_move(&debt->loan, loan);
  *out = debt;
  PetscFunctionReturn((PetscErrorCode)0);
}

static inline PetscErrorCode distarray_petsc_owe_vec(Vec vec, distarray_export *loan,
                                                     int ghosted) {
  const uint64_t halo = ghosted ? DISTARRAY_C_HALO_MODIFIED : 0;
  PetscBool mpi;
  distarray_petsc_debt *debt = NULL;
  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)vec, VECMPI, &mpi));
  if (!distarray_export_writable(loan, 0)) PetscCall(VecLockReadPush(vec));
  PetscCall(distarray_petsc_owe((PetscObject)vec, loan, DISTARRAY_C_MODIFIED | halo, &debt));
  debt->ghosted = ghosted && mpi;
  debt->destroy_vec = vec->ops->destroy;
  vec->ops->destroy = distarray_petsc_destroy_vec;
  PetscFunctionReturn((PetscErrorCode)0);
}

/* Ends what every borrower begins: gives out what it made, or takes it back. */
static inline int32_t distarray_petsc_give_vec(PetscErrorCode code, Vec *made,
                                               distarray_export *loan, int ghosted, Vec *vec,
                                               distarray_error *error) {
  if (code == 0) code = distarray_petsc_owe_vec(*made, loan, ghosted);
  if (code != 0) {
    if (*made != NULL && VecDestroy(made) != 0) *made = NULL;
    return distarray_petsc_failed(code, error);
  }
  *vec = *made;
  return distarray_adapter_ok(error);
}

/* A communicator of one rank has sequential vectors, as VECSTANDARD has: PETSc refuses
 * to compute with the two kinds together. */
static inline PetscErrorCode distarray_petsc_wrap(MPI_Comm comm, PetscInt bs, PetscInt n,
                                                  PetscInt N, const PetscScalar *elements,
                                                  Vec *vec) {
  PetscMPIInt size;
  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  if (size == 1)
    PetscCall(VecCreateSeqWithArray(comm, bs, n, elements, vec));
  else
    PetscCall(VecCreateMPIWithArray(comm, bs, n, N, elements, vec));
  PetscFunctionReturn((PetscErrorCode)0);
}

/* Refuses what is not cut into rows, in the order of the ranks. Local. */
static inline int32_t distarray_petsc_check_rows(const distarray_export *loan,
                                                 distarray_adapter_rows *rows,
                                                 distarray_error *error) {
  memset(rows, 0, sizeof *rows);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(loan, DISTARRAY_PETSC_READS, 0,
                                               DISTARRAY_PETSC_DTYPE, DISTARRAY_PETSC_BITS, error));
  return distarray_adapter_check_rows(loan, PETSC_MAX_INT, rows, error);
}

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

static inline int32_t distarray_petsc_check_vec(const distarray_export *loan,
                                                distarray_adapter_rows *rows,
                                                distarray_error *error) {
  DISTARRAY_ADAPTER_TRY(distarray_petsc_check_rows(loan, rows, error));
  return distarray_adapter_check_packed(loan, 0, error);
}

/* Makes a vector of a loan's memory. The loan's first axis is cut into blocks in the
 * order of the ranks, the others are whole, the last runs fastest: an element's index
 * in the vector is its row-major one in the array. A last axis of components becomes
 * the block size. Collective. */
static inline int32_t distarray_petsc_borrow_vec(MPI_Comm comm, distarray_export *loan, Vec *vec,
                                                 distarray_error *error) {
  distarray_comm table;
  distarray_error report;
  distarray_adapter_rows rows;
  Vec made = NULL;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_prove(comm, loan, &table, error));
  status = distarray_petsc_check_vec(loan, &rows, &report);
  if (status == DISTARRAY_OK) status = distarray_adapter_check_pointer(vec, "vec", &report);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on(&table, status, &report, error));
  return distarray_petsc_give_vec(
      distarray_petsc_wrap(comm, (PetscInt)rows.components,
                           (PetscInt)((rows.axis.stop - rows.axis.start) * rows.width),
                           (PetscInt)rows.elements, (const PetscScalar *)loan->data, &made),
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

/* Refuses what VecCreateGhost could not hold; first is the index that PETSc gives to
 * this rank's first element, ghosts is room for the indices of its ghosts. Local. */
static inline int32_t distarray_petsc_check_ghost(const distarray_export *loan, int64_t first,
                                                  PetscInt *ghosts, PetscInt *bs,
                                                  distarray_error *error) {
  const distarray_dim *dim = &loan->dims[0];
  int64_t i;
  *bs = 1;
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
    DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(loan, 1, &axis, error));
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_whole(&axis, 1, error));
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_no_padding(&axis, 1, error));
    DISTARRAY_ADAPTER_TRY(
        distarray_adapter_check_index(axis.size, PETSC_MAX_INT, 1, "size", error));
    if (axis.size > 0) *bs = (PetscInt)axis.size;
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(distarray_adapter_product(dim->size, *bs),
                                                      PETSC_MAX_INT, -1, "size", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_packed(loan, 0, error));
  for (i = 0; i < dim->n_indices; i++) {
    const int64_t index = distarray_adapter_index(dim, i);
    if (i < dim->n_owned && index != first + i)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "indices", first + i,
                                      index,
                                      "PETSc numbers the elements that ranks own one after the "
                                      "other: number yours so, or copy them to such a vector");
    if (i >= dim->n_owned) ghosts[i - dim->n_owned] = (PetscInt)index;
  }
  return DISTARRAY_OK;
}

/* Makes a vector with ghosts of a loan's memory, so that VecGhostUpdateBegin and End
 * fill them. Its first axis is unstructured, and the ranks own consecutive indices one
 * after the other; a second axis becomes the block size. Collective. */
static inline int32_t distarray_petsc_borrow_ghost(MPI_Comm comm, distarray_export *loan, Vec *vec,
                                                   distarray_error *error) {
  distarray_comm table;
  distarray_error report;
  int64_t n_owned, n_ghosts, stop = 0;
  PetscInt *ghosts = NULL, bs = 1;
  PetscErrorCode code;
  Vec made = NULL;
  int32_t status = DISTARRAY_OK;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_prove(comm, loan, &table, error));
  n_owned = loan->ndim > 0 ? loan->dims[0].n_owned : 0;
  n_ghosts = loan->ndim > 0 ? loan->dims[0].n_indices - n_owned : 0;
  if (MPI_Scan(&n_owned, &stop, 1, MPI_INT64_T, MPI_SUM, comm) != MPI_SUCCESS)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_COMM, -1, "comm", 0, 1,
                                      "the message layer failed");
  ghosts = (PetscInt *)malloc(sizeof *ghosts * (size_t)(n_ghosts + 1));
  if (ghosts == NULL)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_NO_MEMORY, 0, "indices", n_ghosts, 0,
                                      "no memory for the list of ghosts");
  if (status == DISTARRAY_OK)
    status = distarray_petsc_check_ghost(loan, stop - n_owned, ghosts, &bs, &report);
  if (status == DISTARRAY_OK) status = distarray_adapter_check_pointer(vec, "vec", &report);
  status = distarray_adapter_agree_on(&table, status, &report, error);
  if (status == DISTARRAY_OK) {
    const PetscInt n = (PetscInt)n_owned * bs, N = (PetscInt)loan->dims[0].size * bs;
    const PetscScalar *elements = (const PetscScalar *)loan->data;
    code = bs > 1 ? VecCreateGhostBlockWithArray(comm, bs, n, N, (PetscInt)n_ghosts, ghosts,
                                                 elements, &made)
                  : VecCreateGhostWithArray(comm, n, N, (PetscInt)n_ghosts, ghosts, elements, &made);
    status = distarray_petsc_give_vec(code, &made, loan, 1, vec, error);
  }
  free(ghosts);
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

/* Refuses what is not a matrix of columns; lda becomes their distance in elements. Local. */
static inline int32_t distarray_petsc_check_dense(const distarray_export *loan,
                                                  distarray_adapter_rows *rows, int64_t *lda,
                                                  distarray_error *error) {
  *lda = 1;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_check_rows(loan, rows, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_ndim(loan, 2, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_columns(loan, lda, error));
  return distarray_adapter_check_index(*lda, PETSC_MAX_INT, 1, "strides", error);
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
  PetscCall(MatAssemblyBegin(*mat, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*mat, MAT_FINAL_ASSEMBLY));
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
  distarray_error report;
  distarray_adapter_rows rows;
  PetscErrorCode code;
  Mat made = NULL;
  int64_t lda;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_prove(comm, loan, &table, error));
  status = distarray_petsc_check_dense(loan, &rows, &lda, &report);
  if (status == DISTARRAY_OK) status = distarray_adapter_check_pointer(mat, "mat", &report);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on(&table, status, &report, error));
  code = distarray_petsc_wrap_dense(comm, &rows, lda, loan, &made);
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
