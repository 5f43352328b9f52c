/* distarray_scalapack.h - ScaLAPACK's distributed matrices as loans, and loans as them.
 *
 *   #include <distarray_scalapack.h>
 *
 *   void   Cblacs_gridexit(int context);
 *   double pdlange_(const char *norm, const int *m, const int *n, const double *a, const int *ia,
 *                   const int *ja, const int *desc, double *work);
 *
 *   static void keep(distarray_export *loan) { loan->release = NULL; }
 *
 *   int main(int argc, char **argv) {
 *     double a[6 * 4]; // 4 rows of each rank, in columns
 *     int64_t shape[2] = {4, 6}, strides[2];
 *     int rank, size, context, desc[9], one = 1, rows, columns = 6;
 *     distarray_dim dims[2];
 *     distarray_export loan = DISTARRAY_EXPORT_INIT;
 *     distarray_error error;
 *     void *local;
 *     MPI_Init(&argc, &argv);
 *     MPI_Comm_rank(MPI_COMM_WORLD, &rank);
 *     MPI_Comm_size(MPI_COMM_WORLD, &size);
 *     for (int i = 0; i < 24; i++) a[i] = rank;
 *     dims[0] = distarray_dim_block(4 * size, size, rank, 4 * rank, 4 * rank + 4);
 *     dims[1] = distarray_dim_whole(6);
 *     distarray_strides_fortran_order(2, shape, sizeof(double), strides);
 *     distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
 *     loan.data = a;
 *     loan.ndim = 2;
 *     loan.shape = shape;
 *     loan.strides = strides;
 *     loan.dims = dims;
 *     loan.process_rank = rank;
 *     loan.process_count = size;
 *     loan.release = keep;
 *     if (distarray_scalapack_grid(MPI_COMM_WORLD, &loan, &context, &error) ||
 *         distarray_scalapack_borrow(MPI_COMM_WORLD, &loan, context, DISTARRAY_ACCESS_READ,
 *                                    DISTARRAY_DTYPE_FLOAT, 64, desc, &local, NULL, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(MPI_COMM_WORLD, 1);
 *     }
 *     rows = desc[2];
 *     printf("%g\n", pdlange_("M", &rows, &columns, (double *)local, &one, &one, desc, NULL));
 *     distarray_export_release(&loan); // after the last use of desc
 *     Cblacs_gridexit(context);
 *     MPI_Finalize();
 *     return 0;
 *   }
 *
 * Header only, compiled with the program's own MPI, for ScaLAPACK's 32-bit integers. No
 * element is copied: what ScaLAPACK cannot take as it lies is refused, and the report
 * says why and what to do. ELPA takes the same descriptors, with square blocks, from
 * process 0.
 *
 * All functions are collective over comm, whose ranks are those of the process grid:
 * what one rank finds wrong, all ranks return, and nothing is changed. Lending needs no
 * library; borrowing needs libdistarray, which first proves that the loans of all ranks
 * are one array. The element type is one of DISTARRAY_DTYPE_* and its bits: FLOAT 64 for
 * pd..., FLOAT 32 for ps..., COMPLEX 128 for pz..., COMPLEX 64 for pc....
 *
 * A descriptor has no owner, so a loan stays with its borrower, who keeps it while the
 * descriptor is used, sets DISTARRAY_C_MODIFIED in its consumer_flags after a routine
 * that writes, and releases it.
 */
#ifndef DISTARRAY_SCALAPACK_H
#define DISTARRAY_SCALAPACK_H

#include "distarray_scalapack_borrow.h"
#include "distarray_scalapack_lend.h"

#endif /* DISTARRAY_SCALAPACK_H */
