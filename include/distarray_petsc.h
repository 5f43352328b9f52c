/* distarray_petsc.h - PETSc's vectors and dense matrices as loans, and loans as them.
 *
 *   #include <distarray_petsc.h>
 *
 *   int main(int argc, char **argv) {
 *     Vec x, y;
 *     distarray_export loan; // may come from anyone
 *     distarray_error error;
 *     PetscInitialize(&argc, &argv, NULL, NULL);
 *     VecCreateMPI(PETSC_COMM_WORLD, 4, PETSC_DETERMINE, &x);
 *     if (distarray_petsc_lend_vec(x, DISTARRAY_ACCESS_READ_WRITE, &loan, &error) ||
 *         distarray_petsc_borrow_vec(PETSC_COMM_WORLD, &loan, &y, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(PETSC_COMM_WORLD, 1);
 *     }
 *     VecSet(y, 3);   // these are the elements of x
 *     VecDestroy(&y); // gives them back: x forgets the norm that it knew
 *     VecView(x, PETSC_VIEWER_STDOUT_WORLD);
 *     VecDestroy(&x);
 *     return PetscFinalize();
 *   }
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
 * loan is moved into the object and released when the object is destroyed; its lender
 * then hears whether PETSc wrote it (the object's state tells). Who writes the memory
 * otherwise meanwhile tells PETSc by PetscObjectStateIncrease, lest a norm that it kept
 * stays. PETSc, if built with debugging, refuses to write a vector that was lent for
 * reading only; nothing keeps it from writing such a matrix. A failed call leaves the loan
 * with the caller. VecDuplicate makes a vector of PETSc's own.
 */
#ifndef DISTARRAY_PETSC_H
#define DISTARRAY_PETSC_H

#include "distarray_petsc_dense.h"
#include "distarray_petsc_ghost.h"
#include "distarray_petsc_vec.h"

#endif /* DISTARRAY_PETSC_H */
