/* PETSc: vectors, dense matrices, the global and local vectors of structured grids. */
#include "matrix.h"

#include <distarray_petsc_dmda.h>

#define TRY(call) PetscCallAbort(PETSC_COMM_WORLD, call)

/* An object, and what tells which index an element has. */
typedef struct petsc {
  shape shape;
  Vec   vec;
  Mat   mat;
  DM    grid;
} petsc;

static petsc *new_petsc(const shape *s) {
  petsc *self = calloc(1, sizeof *self);
  INSIST(self != NULL);
  self->shape = *s;
  return self;
}

static void end(void *object) {
  petsc *self = object;
  TRY(VecDestroy(&self->vec));
  TRY(MatDestroy(&self->mat));
  TRY(DMDestroy(&self->grid));
  free(self);
}

static int close_borrowed(petsc *self, int32_t status) {
  if (status != DISTARRAY_OK) end(self);
  return status;
}

/* --- Vec: an element's index is its row-major position ----------------------- */

static void write_vec(void *object, int64_t added) {
  petsc *self = object;
  PetscInt first, stop;
  TRY(VecGetOwnershipRange(self->vec, &first, &stop));
  for (PetscInt i = first; i < stop; i++)
    TRY(VecSetValue(self->vec, i, (PetscScalar)(i + added), INSERT_VALUES));
  TRY(VecAssemblyBegin(self->vec));
  TRY(VecAssemblyEnd(self->vec));
}

static int vec_holds(void *object, int64_t added) {
  petsc *self = object;
  PetscInt first, stop;
  PetscScalar found;
  TRY(VecGetOwnershipRange(self->vec, &first, &stop));
  for (PetscInt i = first; i < stop; i++) {
    TRY(VecGetValues(self->vec, 1, &i, &found));
    if (found != (PetscScalar)(i + added)) return 0;
  }
  return 1;
}

static int32_t lend_vec(const shape *s, void **object, distarray_export *loan,
                        distarray_error *error) {
  petsc *self = new_petsc(s);
  *object = self;
  TRY(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, s->size[0], &self->vec));
  write_vec(self, 0);
  return distarray_petsc_lend_vec(self->vec, DISTARRAY_ACCESS_READ_WRITE, loan, error);
}

static const void *address_of(Vec vec) {
  const PetscScalar *elements;
  TRY(VecGetArrayRead(vec, &elements));
  const void *at = elements;
  TRY(VecRestoreArrayRead(vec, &elements));
  return at;
}

static int32_t borrow_vec(const shape *s, distarray_export *loan, void **object,
                          const void **address, distarray_error *error) {
  petsc *self = new_petsc(s);
  *object = self;
  const int32_t status = distarray_petsc_borrow_vec(PETSC_COMM_WORLD, loan, &self->vec, error);
  if (status == DISTARRAY_OK) *address = address_of(self->vec);
  return close_borrowed(self, status);
}

static distarray_requirements vec_takes(const shape *s, distarray_required_axis axes[3]) {
  return distarray_petsc_vec_requirements(s->ndim, axes);
}

/* --- Dense matrices ------------------------------------------------------------ */

static void write_dense(void *object, int64_t added) {
  petsc *self = object;
  const PetscInt columns = self->shape.size[1];
  PetscInt first, stop;
  TRY(MatGetOwnershipRange(self->mat, &first, &stop));
  for (PetscInt i = first; i < stop; i++)
    for (PetscInt j = 0; j < columns; j++)
      TRY(MatSetValue(self->mat, i, j, (PetscScalar)(i * columns + j + added), INSERT_VALUES));
  TRY(MatAssemblyBegin(self->mat, MAT_FINAL_ASSEMBLY));
  TRY(MatAssemblyEnd(self->mat, MAT_FINAL_ASSEMBLY));
}

static int dense_holds(void *object, int64_t added) {
  petsc *self = object;
  const PetscInt columns = self->shape.size[1];
  PetscInt first, stop;
  PetscScalar found;
  TRY(MatGetOwnershipRange(self->mat, &first, &stop));
  for (PetscInt i = first; i < stop; i++)
    for (PetscInt j = 0; j < columns; j++) {
      TRY(MatGetValues(self->mat, 1, &i, 1, &j, &found));
      if (found != (PetscScalar)(i * columns + j + added)) return 0;
    }
  return 1;
}

static int32_t lend_dense(const shape *s, void **object, distarray_export *loan,
                          distarray_error *error) {
  petsc *self = new_petsc(s);
  *object = self;
  TRY(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, s->size[0], s->size[1], NULL,
                     &self->mat));
  write_dense(self, 0);
  return distarray_petsc_lend_dense(self->mat, DISTARRAY_ACCESS_READ_WRITE, loan, error);
}

static int32_t borrow_dense(const shape *s, distarray_export *loan, void **object,
                            const void **address, distarray_error *error) {
  petsc *self = new_petsc(s);
  const PetscScalar *elements;
  *object = self;
  const int32_t status = distarray_petsc_borrow_dense(PETSC_COMM_WORLD, loan, &self->mat, error);
  if (status == DISTARRAY_OK) {
    TRY(MatDenseGetArrayRead(self->mat, &elements));
    *address = elements;
    TRY(MatDenseRestoreArrayRead(self->mat, &elements));
  }
  return close_borrowed(self, status);
}

static distarray_requirements dense_takes(const shape *s, distarray_required_axis axes[3]) {
  (void)s;
  return distarray_petsc_dense_requirements(axes);
}

/* --- Grids: the axes are (z, y, x), or (x, y, z) of memory in Fortran's order ---- */

/* Visits the cells that this rank owns: writes them, or says whether they hold. */
static int visit(petsc *self, int64_t added, int writing) {
  PetscInt at[3], n[3], ghost[3], held[3], cell[3];
  ISLocalToGlobalMapping map;
  TRY(DMDAGetCorners(self->grid, &at[0], &at[1], &at[2], &n[0], &n[1], &n[2]));
  TRY(DMDAGetGhostCorners(self->grid, &ghost[0], &ghost[1], &ghost[2], &held[0], &held[1], &held[2]));
  TRY(DMGetLocalToGlobalMapping(self->grid, &map));
  PetscInt along_x;
  int ranks;
  const int last = self->shape.ndim - 1;
  TRY(DMDAGetInfo(self->grid, NULL, &along_x, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                  NULL, NULL));
  MPI_Comm_size(PetscObjectComm((PetscObject)self->vec), &ranks);
  const int local = ranks == 1 && size > 1;
  const int reversed = along_x == self->shape.size[last]; /* all extents differ */
  for (cell[2] = at[2]; cell[2] < at[2] + n[2]; cell[2]++)
    for (cell[1] = at[1]; cell[1] < at[1] + n[1]; cell[1]++)
      for (cell[0] = at[0]; cell[0] < at[0] + n[0]; cell[0]++) {
        PetscInt index = ((cell[2] - ghost[2]) * held[1] + cell[1] - ghost[1]) * held[0] + cell[0] - ghost[0];
        int64_t position = 0;
        PetscScalar value;
        for (int axis = 0; axis <= last; axis++)
          position = position * self->shape.size[axis] + cell[reversed ? last - axis : axis];
        if (!local) TRY(ISLocalToGlobalMappingApply(map, 1, &index, &index));
        value = (PetscScalar)(position + added);
        if (writing) {
          TRY(VecSetValue(self->vec, index, value, INSERT_VALUES));
        } else {
          PetscScalar found;
          TRY(VecGetValues(self->vec, 1, &index, &found));
          if (found != value) return 0;
        }
      }
  TRY(VecAssemblyBegin(self->vec));
  TRY(VecAssemblyEnd(self->vec));
  return 1;
}

static void write_grid(void *object, int64_t added) { visit(object, added, 1); }

static int grid_holds(void *object, int64_t added) { return visit(object, added, 0); }

static int32_t lend_dmda(void *object, distarray_export *loan, distarray_error *error) {
  petsc *self = object;
  return distarray_petsc_lend_dmda(self->grid, self->vec, DISTARRAY_ACCESS_READ_WRITE, loan, error);
}

static int32_t lend_grid(const shape *s, int local, void **object, distarray_export *loan,
                         distarray_error *error) {
  petsc *self = new_petsc(s);
  PetscInt n[3] = {1, 1, 1};
  *object = self;
  for (int axis = 0; axis < s->ndim; axis++) n[s->ndim - 1 - axis] = s->size[axis];
  TRY(DMDACreate(PETSC_COMM_WORLD, &self->grid));
  TRY(DMSetDimension(self->grid, s->ndim));
  TRY(DMDASetSizes(self->grid, n[0], n[1], n[2]));
  TRY(DMDASetBoundaryType(self->grid, DM_BOUNDARY_GHOSTED, DM_BOUNDARY_GHOSTED, DM_BOUNDARY_GHOSTED));
  TRY(DMDASetDof(self->grid, 1));
  TRY(DMDASetStencilType(self->grid, DMDA_STENCIL_BOX));
  TRY(DMDASetStencilWidth(self->grid, 1));
  TRY(DMSetUp(self->grid));
  if (local)
    TRY(DMCreateLocalVector(self->grid, &self->vec));
  else
    TRY(DMCreateGlobalVector(self->grid, &self->vec));
  write_grid(self, 0);
  return lend_dmda(self, loan, error);
}

static int32_t lend_global(const shape *s, void **object, distarray_export *loan,
                           distarray_error *error) {
  return lend_grid(s, 0, object, loan, error);
}

static int32_t lend_local(const shape *s, void **object, distarray_export *loan,
                          distarray_error *error) {
  return lend_grid(s, 1, object, loan, error);
}

static int32_t borrow_grid(const shape *s, int local, distarray_export *loan, void **object,
                           const void **address, distarray_error *error) {
  petsc *self = new_petsc(s);
  *object = self;
  int32_t status = distarray_petsc_create_dmda(PETSC_COMM_WORLD, loan, DMDA_STENCIL_BOX, local,
                                               &self->grid, error);
  if (status == DISTARRAY_OK)
    status = (local ? distarray_petsc_borrow_dmda_local
                    : distarray_petsc_borrow_dmda_global)(PETSC_COMM_WORLD, self->grid, loan,
                                                          &self->vec, error);
  if (status == DISTARRAY_OK) *address = address_of(self->vec);
  return close_borrowed(self, status);
}

static int32_t borrow_global(const shape *s, distarray_export *loan, void **object,
                             const void **address, distarray_error *error) {
  return borrow_grid(s, 0, loan, object, address, error);
}

static int32_t borrow_local(const shape *s, distarray_export *loan, void **object,
                            const void **address, distarray_error *error) {
  return borrow_grid(s, 1, loan, object, address, error);
}

static distarray_requirements global_takes(const shape *s, distarray_required_axis axes[3]) {
  return distarray_petsc_dmda_requirements(s->ndim, axes);
}

static distarray_requirements local_takes(const shape *s, distarray_required_axis axes[3]) {
  distarray_requirements asked = distarray_petsc_dmda_requirements(s->ndim, axes);
  for (int i = 0; i < s->ndim; i++) {
    axes[i].padding = DISTARRAY_PADDING_HALO_AROUND;
    axes[i].halo[0] = axes[i].halo[1] = 1;
  }
  return asked;
}

static const producer producers[] = {
    {"PETSc Vec", 0x2, lend_vec, vec_holds, end},
    {"PETSc MatDense", 0x4, lend_dense, dense_holds, end},
    {"PETSc DMDA global", 0xe, lend_global, grid_holds, end},
    {"PETSc DMDA local", 0xe, lend_local, grid_holds, end},
};

static const consumer consumers[] = {
    {"PETSc Vec", borrow_vec, vec_holds, write_vec, end, vec_takes, NULL, NULL},
    {"PETSc MatDense", borrow_dense, dense_holds, write_dense, end, dense_takes, NULL, NULL},
    {"PETSc DMDA global", borrow_global, grid_holds, write_grid, end, global_takes, NULL, NULL},
    {"PETSc DMDA local", borrow_local, grid_holds, write_grid, end, local_takes, NULL, NULL},
};

static void start(int *argc, char ***argv) { TRY(PetscInitialize(argc, argv, NULL, NULL)); }

static void stop(void) { TRY(PetscFinalize()); }

const library petsc_library = {"PETSc",          start,     stop,            producers,
                               COUNT(producers), consumers, COUNT(consumers)};
