/* distarray_petsc_loans.h - how an object of PETSc lends, and holds what it borrowed.
 * Included by the headers of PETSc's objects; distarray_petsc.h says how to use them.
 */
#ifndef DISTARRAY_PETSC_LOANS_H
#define DISTARRAY_PETSC_LOANS_H

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
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_access(access, error));
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

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_PETSC_LOANS_H */
