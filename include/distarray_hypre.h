/* distarray_hypre.h - HYPRE's ParVector and StructVector as loans, and loans as them.
 *
 *   #include <distarray_hypre.h>
 *
 *   static void keep(distarray_export *loan) { loan->release = NULL; }
 *
 *   int main(int argc, char **argv) {
 *     double u[6][8] = {{0}}; // 4 rows of 6 cells, and one ghost around them
 *     int64_t shape[2] = {6, 8}, strides[2] = {sizeof u[0], sizeof u[0][0]};
 *     int rank, size;
 *     distarray_dim dims[2];
 *     distarray_export loan = DISTARRAY_EXPORT_INIT;
 *     distarray_error error;
 *     distarray_hypre_struct_vector borrowed;
 *     HYPRE_StructGrid grid;
 *     MPI_Init(&argc, &argv);
 *     HYPRE_Init();
 *     MPI_Comm_rank(MPI_COMM_WORLD, &rank);
 *     MPI_Comm_size(MPI_COMM_WORLD, &size);
 *     dims[0] = distarray_dim_block(4 * size, size, rank, 4 * rank, 4 * rank + 4);
 *     dims[1] = distarray_dim_whole(6);
 *     distarray_dim_add_halo(&dims[0], 1, 1);
 *     distarray_dim_add_halo(&dims[1], 1, 1);
 *     distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
 *     loan.data = u;
 *     loan.ndim = 2;
 *     loan.shape = shape;
 *     loan.strides = strides;
 *     loan.dims = dims;
 *     loan.process_rank = rank;
 *     loan.process_count = size;
 *     loan.release = keep;
 *     if (distarray_hypre_create_struct_grid(MPI_COMM_WORLD, &loan, &grid, &error) ||
 *         distarray_hypre_borrow_struct_vector(MPI_COMM_WORLD, grid, &loan, &borrowed, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(MPI_COMM_WORLD, 1);
 *     }
 *     HYPRE_StructVectorSetConstantValues(borrowed.vector, 3); // a solver would work in u, too
 *     distarray_hypre_return_struct_vector(&borrowed);
 *     printf("%g\n", u[1][1]);
 *     HYPRE_StructGridDestroy(grid);
 *     HYPRE_Finalize();
 *     MPI_Finalize();
 *     return 0;
 *   }
 *
 * Header only, compiled with the program's own HYPRE (2.20 or later, for CPUs) and MPI.
 * It uses HYPRE's internal headers, which HYPRE installs: the public ones copy. HYPRE has
 * no hook by which a loan could return when its vector is destroyed, so a borrowed vector
 * is given back by the _return_ function, which destroys it.
 *
 * Borrowing is collective and needs libdistarray; what one rank finds wrong, all return,
 * and a failed call leaves the loan with the caller. HYPRE works on any vector that it is
 * given, so what was lent for reading only is refused. The lender is told that it was
 * written.
 *
 * HYPRE_GetError is after each of these functions what it was before: an error of HYPRE's
 * inside them is in the report, and what the program had pending stays pending.
 *
 * For one kind of vector alone include distarray_hypre_parcsr.h or distarray_hypre_struct.h.
 */
#ifndef DISTARRAY_HYPRE_H
#define DISTARRAY_HYPRE_H

#include "distarray_hypre_parcsr.h"
#include "distarray_hypre_struct.h"

#endif /* DISTARRAY_HYPRE_H */
