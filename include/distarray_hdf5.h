/* distarray_hdf5.h - distributed arrays of any layout to and from HDF5 datasets.
 *
 *   #include <distarray_hdf5.h>
 *
 *   static void keep(distarray_export *loan) { loan->release = NULL; }
 *
 *   int main(int argc, char **argv) {
 *     double u[4] = {1, 2, 3, 4};
 *     int64_t shape[1] = {4}, strides[1] = {sizeof u[0]};
 *     int rank, size;
 *     distarray_dim dims[1];
 *     distarray_export loan = DISTARRAY_EXPORT_INIT;
 *     distarray_error error;
 *     hid_t access, file, dataset;
 *     MPI_Init(&argc, &argv);
 *     MPI_Comm_rank(MPI_COMM_WORLD, &rank);
 *     MPI_Comm_size(MPI_COMM_WORLD, &size);
 *     dims[0] = distarray_dim_block(4 * size, size, rank, 4 * rank, 4 * rank + 4);
 *     distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
 *     loan.data = u;
 *     loan.ndim = 1;
 *     loan.shape = shape;
 *     loan.strides = strides;
 *     loan.dims = dims;
 *     loan.process_rank = rank;
 *     loan.process_count = size;
 *     loan.release = keep;
 *     access = H5Pcreate(H5P_FILE_ACCESS);
 *     H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL);
 *     file = H5Fcreate(argc > 1 ? argv[1] : "u.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access);
 *     if (distarray_hdf5_create(MPI_COMM_WORLD, file, "u", &loan, &dataset, &error) ||
 *         distarray_hdf5_write(MPI_COMM_WORLD, &loan, dataset, &error) ||
 *         distarray_hdf5_read(MPI_COMM_WORLD, &loan, dataset, &error)) { // also in another layout
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(MPI_COMM_WORLD, 1);
 *     }
 *     distarray_export_release(&loan);
 *     H5Dclose(dataset);
 *     H5Fclose(file);
 *     H5Pclose(access);
 *     MPI_Finalize();
 *     return 0;
 *   }
 *
 * Header only, compiled with the program's own MPI and parallel HDF5 (1.8 or later);
 * needs libdistarray. The dataset is the whole array in C order, axes as in the loan,
 * whatever the order and the distribution in memory. Owned elements alone are written and
 * read, straight from and to their places: padding and ghosts are skipped. Of replicas the
 * first is written; of an index that several ranks list as owned, one of them, any.
 *
 * HDF5 gets one hyperslab for each block axis, at most three for a cyclic one. It gets a
 * list of the single elements, 8 bytes for each and axis, where an axis is unstructured
 * (in the file) or the elements do not lie in C order (in memory).
 *
 * These three are collective over comm, the file's communicator; what one rank finds
 * wrong, all ranks return. distarray_hdf5_select is local, for a program's own calls; where
 * those are all, include distarray_hdf5_selection.h, which needs no MPI.
 */
#ifndef DISTARRAY_HDF5_H
#define DISTARRAY_HDF5_H

#include "distarray_hdf5_dataset.h" /* and the selections and types that it is made of */

#endif /* DISTARRAY_HDF5_H */
