/* distarray_slepc.h - SLEPc's basis vectors (BV) as loans.
 *
 *   #include <distarray_slepc.h>
 *
 *   int main(int argc, char **argv) {
 *     BV basis;
 *     Mat columns;
 *     distarray_export loan;
 *     distarray_error error;
 *     SlepcInitialize(&argc, &argv, NULL, NULL);
 *     BVCreate(PETSC_COMM_WORLD, &basis);
 *     BVSetSizes(basis, PETSC_DECIDE, 8, 3);
 *     BVSetType(basis, BVMAT);
 *     BVSetRandom(basis);
 *     if (distarray_slepc_lend_bv(basis, DISTARRAY_ACCESS_READ_WRITE, &loan, &error) ||
 *         distarray_petsc_borrow_dense(PETSC_COMM_WORLD, &loan, &columns, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(PETSC_COMM_WORLD, 1);
 *     }
 *     MatScale(columns, 2);  // the vectors of the basis
 *     MatDestroy(&columns);  // gives them back
 *     BVDestroy(&basis);
 *     return SlepcFinalize();
 *   }
 *
 * See distarray_petsc.h for what lending means. SLEPc makes no BV of foreign memory, but
 * works on what PETSc borrowed: EPSSetOperators takes a matrix of
 * distarray_petsc_borrow_dense, and EPSGetEigenvector writes into a vector of
 * distarray_petsc_borrow_vec, in its lender's memory.
 */
#ifndef DISTARRAY_SLEPC_H
#define DISTARRAY_SLEPC_H

#include <slepcbv.h>

#include "distarray_petsc.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline void distarray_slepc_release(distarray_export *loan) {
  distarray_petsc_lease *lease = (distarray_petsc_lease *)loan->private_data;
  const PetscScalar *elements = lease->elements;
  PetscBool finalized = PETSC_TRUE;
  int failed = PetscFinalized(&finalized) != 0;
  if (!finalized)
    failed |= lease->reading ? BVRestoreArrayRead((BV)lease->owner, &elements) != 0
                             : BVRestoreArray((BV)lease->owner, &lease->elements) != 0;
  (void)failed;
  distarray_petsc_release(loan);
}

/* Where a column lies, and the first row that this rank has of it. */
static inline PetscErrorCode distarray_slepc_find_column(BV basis, PetscInt column,
                                                         const PetscScalar **at, PetscInt *first) {
  const PetscScalar *elements;
  Vec vec;
  PetscFunctionBegin;
  PetscCall(BVGetColumn(basis, column, &vec));
  PetscCall(VecGetOwnershipRange(vec, first, NULL));
  PetscCall(VecGetArrayRead(vec, &elements));
  *at = elements;
  PetscCall(VecRestoreArrayRead(vec, &elements));
  PetscCall(BVRestoreColumn(basis, column, &vec));
  PetscFunctionReturn((PetscErrorCode)0);
}

static inline int32_t distarray_slepc_describe_bv(distarray_petsc_lease *lease, BV basis,
                                                  distarray_export *loan, distarray_error *error) {
  const MPI_Comm comm = PetscObjectComm((PetscObject)basis);
  const PetscScalar *elements = NULL, *columns[2];
  PetscInt N, n, m, first;
  PetscBool one_array;
  int rank, count;
  DISTARRAY_PETSC_TRY(PetscObjectTypeCompareAny((PetscObject)basis, &one_array, BVMAT, BVSVEC, ""));
  if (!one_array)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "type", 1, 0,
                                    "only bases of type BVMAT or BVSVEC keep their vectors in one "
                                    "array that is not copied: BVSetType makes it one of them");
  DISTARRAY_PETSC_TRY(BVGetSizes(basis, &n, &N, &m));
  /* Constraints lie before the columns, and SLEPc chooses how far apart these are. */
  DISTARRAY_PETSC_TRY(distarray_slepc_find_column(basis, 0, &columns[0], &first));
  DISTARRAY_PETSC_TRY(distarray_slepc_find_column(basis, m > 1 ? 1 : 0, &columns[1], &first));
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &count);
  if (lease->reading) {
    DISTARRAY_PETSC_TRY(BVGetArrayRead(basis, &elements));
    lease->elements = (PetscScalar *)elements;
  } else {
    DISTARRAY_PETSC_TRY(BVGetArray(basis, &lease->elements));
  }
  lease->dims[0] = distarray_dim_block(N, count, rank, first, first + n);
  lease->dims[1] = distarray_dim_whole(m);
  lease->shape[0] = n;
  lease->shape[1] = m;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_fill(lease, 2, comm, loan, error));
  distarray_strides_fortran_order(2, lease->shape, loan->itemsize, lease->strides);
  if (n > 0) loan->data = (void *)columns[0];
  if (n > 0 && m > 1) lease->strides[1] = (columns[1] - columns[0]) * loan->itemsize;
  loan->release = distarray_slepc_release;
  return DISTARRAY_OK;
}

/* Lends all vectors of a basis: blocks of rows, one column for each vector, elements of a
 * column side by side. None of the columns is held by BVGetColumn meanwhile. Local. */
static inline int32_t distarray_slepc_lend_bv(BV basis, uint32_t access, distarray_export *loan,
                                              distarray_error *error) {
  distarray_petsc_lease *lease = NULL;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_new_lease((PetscObject)basis, access, &lease, error));
  status = distarray_slepc_describe_bv(lease, basis, loan, error);
  if (status != DISTARRAY_OK) distarray_petsc_end(lease);
  return status;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_SLEPC_H */
