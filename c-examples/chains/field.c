/* The way of field.f90's array through the libraries. PETSc borrows it, and lends it on,
 * as its own local vector, to the others. */
#include <distarray_petsc_dmda.h>

#include "field.h"

#define PETSC(call) REQUIRE((call) == 0)

void through_the_libraries(const MPI_Fint *world, distarray_export *loan, const char *file);

/* PETSc's view of the whole local vector, by PETSc's indices, in memory that begins at u. */
static void check_local(DM grid, Vec local, const void *u, double value(int, int, int)) {
  DMDALocalInfo box;
  PetscScalar ***a;
  const PetscScalar *first;
  PETSC(VecGetArrayRead(local, &first));
  REQUIRE(first == u);
  PETSC(VecRestoreArrayRead(local, &first));
  PETSC(DMDAGetLocalInfo(grid, &box));
  PETSC(DMDAVecGetArrayRead(grid, local, &a));
  for (int k = box.gzs; k < box.gzs + box.gzm; k++)
    for (int j = box.gys; j < box.gys + box.gym; j++)
      for (int i = box.gxs; i < box.gxs + box.gxm; i++) REQUIRE(a[k][j][i] == value(i, j, k));
  PETSC(DMDAVecRestoreArrayRead(grid, local, &a));
}

static void fill_halo(DM grid, Vec local) {
  PETSC(DMLocalToLocalBegin(grid, local, INSERT_VALUES, local));
  PETSC(DMLocalToLocalEnd(grid, local, INSERT_VALUES, local));
}

void through_the_libraries(const MPI_Fint *world, distarray_export *loan, const char *file) {
  const MPI_Comm comm = MPI_Comm_f2c(*world);
  const void *u = loan->data;
  distarray_export onward;
  distarray_error error;
  DM grid;
  Vec local;
  PETSC(PetscInitializeNoArguments());

  /* ANCHOR: way */
  MUST(distarray_petsc_create_dmda(comm, loan, DMDA_STENCIL_BOX, 1, &grid, &error));
  MUST(distarray_petsc_borrow_dmda_local(comm, grid, loan, &local, &error));
  fill_halo(grid, local);
  check_local(grid, local, u, field_value);
  field_say(comm, "PETSc    fills the halo, edges and corners too, in u");

  /* Fortran's axes are x, y, z; those that PETSc lends are z, y, x, and x still runs
   * fastest: the same memory in C's words. */
  MUST(distarray_petsc_lend_dmda(grid, local, DISTARRAY_ACCESS_READ_WRITE, &onward, &error));
  REQUIRE(onward.data == u);
  apply_laplacian(comm, &onward);

  fill_halo(grid, local);
  check_local(grid, local, u, field_laplacian);
  field_say(comm, "PETSc    fills the halo anew, in u");

  /* PETSc may end here: Fortran's array is lent until the last gives it back. */
  MUST(distarray_petsc_lend_dmda(grid, local, DISTARRAY_ACCESS_READ, &onward, &error));
  REQUIRE(onward.data == u);
  PETSC(VecDestroy(&local));
  PETSC(DMDestroy(&grid));
  write_and_read(comm, &onward, file);
  /* ANCHOR_END: way */
  PETSC(PetscFinalize());
}
