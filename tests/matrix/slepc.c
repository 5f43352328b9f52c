/* SLEPc's basis vectors, which take no memory but their own: a row for each element of the
 * vectors, a column for each vector. What PETSc borrows, SLEPc works on. */
#include <distarray_slepc.h>

#include "matrix.h"

#define TRY(call) PetscCallAbort(PETSC_COMM_WORLD, call)

/* Visits the elements that this rank owns of every vector. */
static int visit(BV basis, int64_t added, int writing) {
  PetscInt first, stop, columns;
  int right = 1;
  TRY(BVGetSizes(basis, NULL, NULL, &columns));
  for (PetscInt j = 0; j < columns; j++) {
    Vec vector;
    TRY(BVGetColumn(basis, j, &vector));
    TRY(VecGetOwnershipRange(vector, &first, &stop));
    for (PetscInt i = first; i < stop; i++) {
      const PetscScalar value = (PetscScalar)(i * columns + j + added);
      PetscScalar found = value;
      if (writing)
        TRY(VecSetValue(vector, i, value, INSERT_VALUES));
      else
        TRY(VecGetValues(vector, 1, &i, &found));
      right = right && found == value;
    }
    if (writing) {
      TRY(VecAssemblyBegin(vector));
      TRY(VecAssemblyEnd(vector));
    }
    TRY(BVRestoreColumn(basis, j, &vector));
  }
  return right;
}

static int holds(void *object, int64_t added) { return visit(object, added, 0); }

static void write_basis(void *object, int64_t added) { visit(object, added, 1); }

static void end(void *object) {
  BV basis = object;
  TRY(BVDestroy(&basis));
}

static int32_t lend_again(void *object, distarray_export *loan, distarray_error *error) {
  return distarray_slepc_lend_bv(object, DISTARRAY_ACCESS_READ_WRITE, loan, error);
}

static int32_t lend(const shape *s, void **object, distarray_export *loan, distarray_error *error) {
  BV basis;
  TRY(BVCreate(PETSC_COMM_WORLD, &basis));
  TRY(BVSetSizes(basis, PETSC_DECIDE, s->size[0], s->size[1]));
  TRY(BVSetType(basis, BVMAT));
  write_basis(basis, 0);
  *object = basis;
  return lend_again(basis, loan, error);
}

static const producer producers[] = {{"SLEPc BV", 0x4, lend, holds, end}};
static const consumer consumers[] = {
    {"SLEPc BV", NULL, holds, write_basis, end, NULL, &producers[0], lend_again}};

static void start(int *argc, char ***argv) { TRY(SlepcInitialize(argc, argv, NULL, NULL)); }

static void stop(void) { TRY(SlepcFinalize()); }

const library slepc_library = {"SLEPc",          start,     stop,            producers,
                               COUNT(producers), consumers, COUNT(consumers)};
