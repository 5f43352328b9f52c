/* SLEPc: a basis is lent; an eigenvalue problem is solved for a lender's matrix, and the
 * eigenvector is written into a lender's vector. */
#include <distarray_slepc.h>
#include <slepceps.h>

#define ELEMENT PetscScalar
#define ELEMENT_CODE DISTARRAY_PETSC_DTYPE
#include "block.h"
#include "../common/check.h"

#define TRY(call) PetscCallAbort(PETSC_COMM_WORLD, call)

/* Fills the columns by SLEPc's own means: row * columns + column. */
static void fill_columns(BV basis, PetscInt columns) {
  Vec vector;
  PetscInt first, stop;
  for (PetscInt j = 0; j < columns; j++) {
    TRY(BVGetColumn(basis, j, &vector));
    TRY(VecGetOwnershipRange(vector, &first, &stop));
    for (PetscInt i = first; i < stop; i++)
      TRY(VecSetValue(vector, i, (PetscScalar)(i * columns + j), INSERT_VALUES));
    TRY(VecAssemblyBegin(vector));
    TRY(VecAssemblyEnd(vector));
    TRY(BVRestoreColumn(basis, j, &vector));
  }
}

/* Constraints, to which the vectors of a basis are kept orthogonal, are none of them. */
static void lend_constrained(PetscInt N, PetscInt columns) {
  PetscInt constraints = 1;
  distarray_export loan, second;
  BV basis;
  Vec vector;
  TRY(BVCreate(comm, &basis));
  TRY(BVSetSizes(basis, bound(N, size, rank + 1) - bound(N, size, rank), N, columns));
  TRY(BVSetType(basis, BVMAT));
  TRY(BVCreateVec(basis, &vector));
  TRY(VecSet(vector, 9999));
  TRY(BVInsertConstraints(basis, &constraints, &vector));
  TRY(VecDestroy(&vector));
  check(constraints == 1);
  fill_columns(basis, columns);
  must(distarray_slepc_lend_bv(basis, DISTARRAY_ACCESS_READ, &loan, &error));
  must(distarray_slepc_lend_bv(basis, DISTARRAY_ACCESS_READ, &second, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check(loan.shape[1] == columns && is_filled(&loan, 0) && second.data == loan.data);
  distarray_export_release(&second);
  distarray_export_release(&loan);
  TRY(BVDestroy(&basis));
}

static void lend(PetscInt N, PetscInt columns) {
  distarray_export loan;
  BV basis;
  Vec vector;
  PetscInt first, stop;
  PetscScalar value;
  TRY(BVCreate(comm, &basis));
  TRY(BVSetSizes(basis, bound(N, size, rank + 1) - bound(N, size, rank), N, columns));
  TRY(BVSetType(basis, BVMAT));
  fill_columns(basis, columns);
  must(distarray_slepc_lend_bv(basis, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check(is_filled(&loan, 0));
  fill(&loan, 2);
  distarray_export_release(&loan);
  for (PetscInt j = 0; j < columns; j++) {
    TRY(BVGetColumn(basis, j, &vector));
    const void *address;
    const PetscScalar *elements;
    TRY(VecGetOwnershipRange(vector, &first, &stop));
    TRY(VecGetArrayRead(vector, &elements));
    address = elements;
    TRY(VecRestoreArrayRead(vector, &elements));
    for (PetscInt i = first; i < stop; i++) {
      TRY(VecGetValues(vector, 1, &i, &value));
      check(value == (PetscScalar)(i * columns + j + 2));
    }
    TRY(BVRestoreColumn(basis, j, &vector));
    if (j > 0) continue;
    must(distarray_slepc_lend_bv(basis, DISTARRAY_ACCESS_READ, &loan, &error));
    check((loan.data == address || first == stop) && is_filled(&loan, 2));
    distarray_export_release(&loan);
  }
  /* Local: what one rank asks wrongly leaves no other waiting. */
  check(distarray_slepc_lend_bv(basis, rank == 0 ? DISTARRAY_ACCESS_EXCLUSIVE : DISTARRAY_ACCESS_READ,
                                &loan, &error) ==
        (rank == 0 ? DISTARRAY_E_UNSUPPORTED : DISTARRAY_OK));
  distarray_export_release(&loan);
  PetscInt count;
  TRY(PetscObjectGetReference((PetscObject)basis, &count));
  check(count == 1);
  TRY(BVSetType(basis, BVVECS)); /* copies its vectors into other arrays */
  refused_with(distarray_slepc_lend_bv(basis, DISTARRAY_ACCESS_READ, &loan, &error),
          DISTARRAY_E_UNSUPPORTED, "type", "BVSetType");
  TRY(BVDestroy(&basis));
}

/* 2 on the diagonal, -1 beside it: the least eigenvalue is 2 - 2 cos(pi / (n + 1)), of the
 * vector sin(pi (i + 1) / (n + 1)). */
static void solve(void) {
  enum { N = 24 };
  const double least = 2 - 2 * PetscCosReal(PETSC_PI / (N + 1));
  block matrix = block_on(2, rank, size), vector = block_on(1, rank, size);
  distarray_export loan, rows, x;
  Mat A;
  Vec v;
  EPS eps;
  PetscScalar value;
  matrix.column_major = 1;
  matrix.dims[0] = uneven(N, size, rank);
  matrix.dims[1] = distarray_dim_whole(N);
  vector.dims[0] = matrix.dims[0];
  block_alloc(&matrix);
  block_alloc(&vector);
  rows = view_of(&matrix);
  x = view_of(&vector);
  for (int64_t i = 0; i < elements_of(&rows); i++) {
    const element e = element_at(&rows, i);
    const int64_t off = e.index[0] - e.index[1];
    *e.at = off == 0 ? 2 : off == 1 || off == -1 ? -1 : 0;
  }
  block_lend(&matrix, &loan);
  must(distarray_petsc_borrow_dense(comm, &loan, &A, &error));
  block_lend(&vector, &loan);
  must(distarray_petsc_borrow_vec(comm, &loan, &v, &error));
  TRY(EPSCreate(comm, &eps));
  TRY(EPSSetOperators(eps, A, NULL));
  TRY(EPSSetProblemType(eps, EPS_HEP));
  TRY(EPSSetWhichEigenpairs(eps, EPS_SMALLEST_REAL));
  TRY(EPSSetTolerances(eps, 1e-12, 500));
  TRY(EPSSolve(eps));
  TRY(EPSGetEigenpair(eps, 0, &value, NULL, v, NULL));
  check(PetscAbsScalar(value - (PetscScalar)least) < 1e-9);
  TRY(EPSDestroy(&eps));
  TRY(VecDestroy(&v));
  TRY(MatDestroy(&A));
  check(matrix.released == 1 && vector.released == 1);
  check(vector.consumer_flags == DISTARRAY_C_MODIFIED);
  for (int64_t i = 0; i < elements_of(&x); i++) { /* up to a factor of length 1 */
    const double expected = PetscSinReal(PETSC_PI * (double)(x.dims[0].start + i + 1) / (N + 1)) *
                            PetscSqrtReal(2.0 / (N + 1));
    check(PetscAbsReal(PetscAbsScalar(vector.data[i]) - expected) < 1e-7);
  }
  block_free(&matrix);
  block_free(&vector);
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  TRY(SlepcInitialize(&argc, &argv, NULL, NULL));
  lend(13, 4);
  lend(2, 2); /* empty ranks */
  lend_constrained(13, 3);
  lend_constrained(2, 1);
  solve();
  TRY(SlepcFinalize());
  return finish("slepc");
}
