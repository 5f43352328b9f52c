/* PETSc as a consumer of three loans: it solves in the lenders' memory. */
#ifndef PETSC_SOLVER_H
#define PETSC_SOLVER_H

#include <petscdmda.h>
#include <petscksp.h>

#include "distarray_abi.h"

typedef struct petsc_solver petsc_solver;

/* The arrays of one implicit step, by the part they play in PETSc. */
enum { TEMPERATURE, LOAD, SOLUTION, PETSC_ARRAYS };

/* Takes the three loans over and builds the matrix 1 - coupling * Laplacian of a
 * plate with insulated edges. Collective.
 *
 * loans[TEMPERATURE] has one cell of halo and becomes the DMDA's ghosted local
 * vector; loans[LOAD] and loans[SOLUTION] are packed and become global vectors. What
 * PETSc cannot use in place is refused on all ranks alike. */
PetscErrorCode petsc_solver_new(MPI_Comm comm, distarray_export loans[PETSC_ARRAYS],
                                double coupling, petsc_solver **out);

/* Solves for SOLUTION with the right-hand side LOAD by conjugate gradients,
 * starting from what SOLUTION holds; then writes SOLUTION into TEMPERATURE and
 * fills its halo from the neighbours. Collective. */
PetscErrorCode petsc_solver_step(petsc_solver *self, PetscInt *iterations);

/* Where PETSc's own vector says its elements are. Local. */
PetscErrorCode petsc_solver_address(petsc_solver *self, int which, const void **address);

/* Gives the loans back, with notice of what was written. Collective. */
PetscErrorCode petsc_solver_free(petsc_solver **self);

#endif
