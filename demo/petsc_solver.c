#include "petsc_solver.h"

#include <inttypes.h>

struct petsc_solver {
  DM grid;
  KSP ksp;
  Vec vector[PETSC_ARRAYS];
  distarray_export loan[PETSC_ARRAYS];
};

/* The axes of a 2-D array by their part in a DMDA, where x runs fastest in
 * memory: Fortran lends (x, y), C lends (y, x), of the same memory. */
typedef struct plane {
  const distarray_dim *x, *y;
  int64_t nx, ny;
} plane;

/* Says how PETSc can use a loan in place, or refuses it: a Vec knows neither
 * strides nor an element type other than PetscScalar. Local. */
static PetscErrorCode view_plane(const distarray_export *loan, int64_t halo, plane *out) {
  int x;

  PetscFunctionBeginUser;
  /* process_rank says where we are in the grid; its order need not be known. */
  PetscCheck(distarray_export_readable(loan, DISTARRAY_R_GRID_COLMAJOR) == DISTARRAY_OK,
             PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "not a loan we can read");
  PetscCheck(distarray_export_writable(loan, 0), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
             "lent for reading only");
  PetscCheck(!PetscDefined(USE_COMPLEX) && loan->dtype_code == DISTARRAY_DTYPE_FLOAT &&
                 loan->itemsize == (int64_t)sizeof(PetscScalar),
             PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "elements are not PetscScalar");
  PetscCheck(loan->ndim == 2 && loan->device_type == DISTARRAY_DEVICE_CPU, PETSC_COMM_SELF,
             PETSC_ERR_ARG_WRONG, "not a 2-D array in host memory");

  x = loan->strides[0] == loan->itemsize ? 0 : 1;
  *out = (plane){&loan->dims[x], &loan->dims[1 - x], loan->shape[x], loan->shape[1 - x]};
  PetscCheck(loan->strides[x] == loan->itemsize &&
                 loan->strides[1 - x] == out->nx * loan->itemsize,
             PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "not packed");
  PetscCheck(loan->process_rank ==
                 out->y->proc_grid_rank * out->x->proc_grid_size + out->x->proc_grid_rank,
             PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "processes are not numbered with x fastest");
  for (int axis = 0; axis < 2; axis++) {
    const distarray_dim *dim = &loan->dims[axis];
    PetscCheck(dim->dist_type == DISTARRAY_DIST_BLOCK && dim->padding[0] == halo &&
                   dim->padding[1] == halo &&
                   (halo == 0 || (dim->flags & DISTARRAY_DIM_EDGE_OUTSIDE)),
               PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
               "axis %d is not a block with %" PRId64 " cells of halo all round", axis, halo);
  }
  PetscFunctionReturn(0);
}

/* Makes the DMDA whose global vectors are laid out as a packed array. Collective. */
static PetscErrorCode make_grid(MPI_Comm comm, const plane *packed, DM *out) {
  PetscMPIInt count;
  PetscInt NX, NY, px, py, mine[2], *all, *columns, *rows;

  PetscFunctionBeginUser;
  PetscCall(PetscIntCast(packed->x->size, &NX));
  PetscCall(PetscIntCast(packed->y->size, &NY));
  PetscCall(PetscIntCast(packed->x->proc_grid_size, &px));
  PetscCall(PetscIntCast(packed->y->proc_grid_size, &py));
  PetscCall(PetscIntCast(packed->nx, &mine[0]));
  PetscCall(PetscIntCast(packed->ny, &mine[1]));

  PetscCallMPI(MPI_Comm_size(comm, &count));
  PetscCall(PetscMalloc3(2 * count, &all, px, &columns, py, &rows));
  PetscCallMPI(MPI_Allgather(mine, 2, MPIU_INT, all, 2, MPIU_INT, comm));
  for (PetscInt x = 0; x < px; x++) columns[x] = all[2 * x];
  for (PetscInt y = 0; y < py; y++) rows[y] = all[2 * y * px + 1];

  /* GHOSTED: halo cells exist at the plate's edge too, as in u(0:nx+1,0:ny+1). */
  PetscCall(DMDACreate2d(comm, DM_BOUNDARY_GHOSTED, DM_BOUNDARY_GHOSTED, DMDA_STENCIL_BOX, NX,
                         NY, px, py, 1, 1, columns, rows, out));
  PetscCall(DMSetUp(*out));
  PetscCall(PetscFree3(all, columns, rows));
  PetscFunctionReturn(0);
}

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

/* A global vector whose elements are the packed array's own. */
static PetscErrorCode wrap_packed(MPI_Comm comm, const distarray_export *loan, Vec *out) {
  PetscInt mine, all;

  PetscFunctionBeginUser;
  PetscCall(PetscIntCast(loan->shape[0] * loan->shape[1], &mine));
  PetscCall(PetscIntCast(loan->dims[0].size * loan->dims[1].size, &all));
  PetscCall(VecCreateMPIWithArray(comm, 1, mine, all, loan->data, out));
  PetscFunctionReturn(0);
}

PetscErrorCode petsc_solver_new(MPI_Comm comm, distarray_export loans[PETSC_ARRAYS],
                                double coupling, petsc_solver **out) {
  petsc_solver *self;
  plane view;
  Mat matrix;

  PetscFunctionBeginUser;
  PetscCall(view_plane(&loans[TEMPERATURE], 1, &view));
  PetscCall(view_plane(&loans[LOAD], 0, &view));
  PetscCall(view_plane(&loans[SOLUTION], 0, &view));
  PetscCall(PetscNew(&self));

  PetscCall(make_grid(comm, &view, &self->grid));
  PetscCall(DMGetLocalVector(self->grid, &self->vector[TEMPERATURE]));
  PetscCall(VecPlaceArray(self->vector[TEMPERATURE], loans[TEMPERATURE].data));
  PetscCall(wrap_packed(comm, &loans[LOAD], &self->vector[LOAD]));
  PetscCall(wrap_packed(comm, &loans[SOLUTION], &self->vector[SOLUTION]));

  PetscCall(make_matrix(self->grid, coupling, &matrix));
  PetscCall(KSPCreate(comm, &self->ksp));
  PetscCall(KSPSetOperators(self->ksp, matrix, matrix));
  PetscCall(KSPSetType(self->ksp, KSPCG));
  PetscCall(KSPSetInitialGuessNonzero(self->ksp, PETSC_TRUE));
  PetscCall(KSPSetTolerances(self->ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetErrorIfNotConverged(self->ksp, PETSC_TRUE));
  PetscCall(KSPSetFromOptions(self->ksp));
  PetscCall(MatDestroy(&matrix));

  for (int i = 0; i < PETSC_ARRAYS; i++) distarray_export_move(&self->loan[i], &loans[i]);
  *out = self;
  PetscFunctionReturn(0);
}

PetscErrorCode petsc_solver_step(petsc_solver *self, PetscInt *iterations) {
  Vec load = self->vector[LOAD], solution = self->vector[SOLUTION];
  Vec temperature = self->vector[TEMPERATURE];
  PetscScalar *elements;

  PetscFunctionBeginUser;
  /* The owner wrote LOAD since we last looked; this pair drops the norms that
   * PETSc keeps of it. */
  PetscCall(VecGetArray(load, &elements));
  PetscCall(VecRestoreArray(load, &elements));
  PetscCall(KSPSolve(self->ksp, load, solution));
  PetscCall(KSPGetIterationNumber(self->ksp, iterations));
  self->loan[SOLUTION].consumer_flags |= DISTARRAY_C_MODIFIED;

  PetscCall(DMGlobalToLocalBegin(self->grid, solution, INSERT_VALUES, temperature));
  PetscCall(DMGlobalToLocalEnd(self->grid, solution, INSERT_VALUES, temperature));
  self->loan[TEMPERATURE].consumer_flags |=
      DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED | DISTARRAY_C_HALO_VALID;
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
  PetscCall(VecResetArray((*self)->vector[TEMPERATURE]));
  PetscCall(DMRestoreLocalVector((*self)->grid, &(*self)->vector[TEMPERATURE]));
  PetscCall(VecDestroy(&(*self)->vector[LOAD]));
  PetscCall(VecDestroy(&(*self)->vector[SOLUTION]));
  PetscCall(KSPDestroy(&(*self)->ksp));
  PetscCall(DMDestroy(&(*self)->grid));
  for (int i = 0; i < PETSC_ARRAYS; i++) distarray_export_release(&(*self)->loan[i]);
  PetscCall(PetscFree(*self));
  PetscFunctionReturn(0);
}
