#include "petsc_solver.h"

#include <distarray_petsc_dmda.h>

struct petsc_solver {
  DM grid;
  KSP ksp;
  Vec vector[PETSC_ARRAYS];
};

/* A call of an adapter: its report becomes PETSc's error. */
#define ADAPT(call)                                                                   \
  do {                                                                                \
    distarray_error error;                                                            \
    PetscCheck((call) == DISTARRAY_OK, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "%s",    \
               error.message);                                                        \
  } while (0)

/* Assembles 1 - coupling * Laplacian; no heat passes the plate's edges. */
static PetscErrorCode make_matrix(DM grid, double coupling, Mat *out) {
  PetscInt x0, y0, nx, ny, NX, NY;

  PetscFunctionBeginUser;
  PetscCall(DMCreateMatrix(grid, out));
  PetscCall(DMDAGetCorners(grid, &x0, &y0, NULL, &nx, &ny, NULL));
  PetscCall(DMDAGetInfo(grid, NULL, &NX, &NY, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                        NULL, NULL));
  for (PetscInt y = y0; y < y0 + ny; y++) {
    for (PetscInt x = x0; x < x0 + nx; x++) {
      const MatStencil cell = {.i = x, .j = y};
      const MatStencil around[4] = {{.i = x - 1, .j = y}, {.i = x + 1, .j = y},
                                    {.i = x, .j = y - 1}, {.i = x, .j = y + 1}};
      MatStencil column[5] = {cell};
      PetscScalar value[5] = {1.0};
      PetscInt n = 1;
      for (int side = 0; side < 4; side++) {
        const MatStencil other = around[side];
        if (other.i < 0 || other.i >= NX || other.j < 0 || other.j >= NY) continue;
        value[0] += coupling;
        value[n] = -coupling;
        column[n++] = other;
      }
      PetscCall(MatSetValuesStencil(*out, 1, &cell, n, column, value, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(*out, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*out, MAT_FINAL_ASSEMBLY));
  PetscCall(MatSetOption(*out, MAT_SPD, PETSC_TRUE));
  PetscFunctionReturn(0);
}

PetscErrorCode petsc_solver_new(MPI_Comm comm, distarray_export loans[PETSC_ARRAYS],
                                double coupling, petsc_solver **out) {
  petsc_solver *self;
  Vec *vector;
  Mat matrix;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&self));
  vector = self->vector;
  ADAPT(distarray_petsc_create_dmda(comm, &loans[TEMPERATURE], DMDA_STENCIL_BOX, 1, &self->grid,
                                    &error));
  ADAPT(distarray_petsc_borrow_dmda_local(comm, self->grid, &loans[TEMPERATURE],
                                          &vector[TEMPERATURE], &error));
  ADAPT(distarray_petsc_borrow_dmda_global(comm, self->grid, &loans[LOAD], &vector[LOAD], &error));
  ADAPT(distarray_petsc_borrow_dmda_global(comm, self->grid, &loans[SOLUTION], &vector[SOLUTION],
                                           &error));

  PetscCall(make_matrix(self->grid, coupling, &matrix));
  PetscCall(KSPCreate(comm, &self->ksp));
  PetscCall(KSPSetOperators(self->ksp, matrix, matrix));
  PetscCall(KSPSetType(self->ksp, KSPCG));
  PetscCall(KSPSetInitialGuessNonzero(self->ksp, PETSC_TRUE));
  PetscCall(KSPSetTolerances(self->ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetErrorIfNotConverged(self->ksp, PETSC_TRUE));
  PetscCall(KSPSetFromOptions(self->ksp));
  PetscCall(MatDestroy(&matrix));
  *out = self;
  PetscFunctionReturn(0);
}

PetscErrorCode petsc_solver_step(petsc_solver *self, PetscInt *iterations) {
  Vec load = self->vector[LOAD], solution = self->vector[SOLUTION];
  Vec temperature = self->vector[TEMPERATURE];

  PetscFunctionBeginUser;
  /* The owner wrote LOAD since we last looked: PETSc must drop the norms that it keeps. */
  PetscCall(PetscObjectStateIncrease((PetscObject)load));
  PetscCall(KSPSolve(self->ksp, load, solution));
  PetscCall(KSPGetIterationNumber(self->ksp, iterations));
  PetscCall(DMGlobalToLocalBegin(self->grid, solution, INSERT_VALUES, temperature));
  PetscCall(DMGlobalToLocalEnd(self->grid, solution, INSERT_VALUES, temperature));
  PetscFunctionReturn(0);
}

PetscErrorCode petsc_solver_address(petsc_solver *self, int which, const void **address) {
  const PetscScalar *elements;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(self->vector[which], &elements));
  *address = elements;
  PetscCall(VecRestoreArrayRead(self->vector[which], &elements));
  PetscFunctionReturn(0);
}

PetscErrorCode petsc_solver_free(petsc_solver **self) {
  PetscFunctionBeginUser;
  if (*self == NULL) PetscFunctionReturn(0);
  PetscCall(KSPDestroy(&(*self)->ksp));
  for (int i = 0; i < PETSC_ARRAYS; i++) PetscCall(VecDestroy(&(*self)->vector[i]));
  PetscCall(DMDestroy(&(*self)->grid));
  PetscCall(PetscFree(*self));
  PetscFunctionReturn(0);
}
