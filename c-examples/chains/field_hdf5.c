/* HDF5's station: what is inside the halo goes from its place into a dataset, and comes
 * back into memory of another layout. */
#include <distarray_hdf5.h>

#include "field.h"

/* One box of the memory of the loan, whose halo HDF5 steps over: nothing is packed. */
static void check_selection(const distarray_export *loan) {
  distarray_hdf5_selection selection;
  distarray_error error;
  hsize_t extents[3], first[3], last[3];
  MUST(distarray_hdf5_select(loan, &selection, &error));
  REQUIRE(selection.buffer == loan->data);
  REQUIRE(H5Sis_regular_hyperslab(selection.memory) > 0);
  REQUIRE(H5Sget_simple_extent_dims(selection.memory, extents, NULL) == 3);
  REQUIRE(H5Sget_select_bounds(selection.memory, first, last) >= 0);
  for (int axis = 0; axis < 3; axis++) {
    REQUIRE((int64_t)extents[axis] == loan->shape[axis]);
    REQUIRE(first[axis] == 1 && last[axis] == extents[axis] - 2);
  }
  distarray_hdf5_close(&selection);
}

/* Blocks of 2 x 3 columns dealt out, x whole: an array of the library's own. */
static distarray_array *dealt_out(const distarray_comm *comm) {
  static const distarray_axis nothing; /* all zero */
  distarray_axis axes[3] = {nothing, nothing, nothing};
  const int64_t sizes[3] = {NZ, NY, NX};
  distarray_distribution *columns;
  distarray_array *array;
  distarray_error error;
  for (int axis = 0; axis < 3; axis++) axes[axis].size = sizes[axis];
  axes[0].dist_type = axes[1].dist_type = DISTARRAY_DIST_CYCLIC;
  axes[0].block_size = 2;
  axes[1].block_size = 3;
  MUST(distarray_distribution_new(comm, 3, axes, NULL, 0, &columns, &error));
  MUST(distarray_distribution_zeros(columns, DISTARRAY_DTYPE_FLOAT, 64, 0, 0, &array, &error));
  distarray_distribution_free(columns);
  return array;
}

static void check_array(const distarray_array *array) {
  distarray_export view = DISTARRAY_EXPORT_INIT;
  distarray_error error;
  int64_t at[3], g[3];
  MUST(distarray_array_view(array, &view, &error));
  for (at[0] = 0; at[0] < view.shape[0]; at[0]++)
    for (at[1] = 0; at[1] < view.shape[1]; at[1]++)
      for (at[2] = 0; at[2] < view.shape[2]; at[2]++) {
        const char *element = view.data;
        for (int axis = 0; axis < 3; axis++) {
          element += at[axis] * view.strides[axis];
          MUST(distarray_dim_local_to_global(&view.dims[axis], 1, &at[axis], &g[axis], &error));
        }
        REQUIRE(*(const double *)(const void *)element ==
                field_laplacian((int)g[2], (int)g[1], (int)g[0]));
      }
}

void write_and_read(MPI_Comm comm, distarray_export *loan, const char *name) {
  distarray_request writing = DISTARRAY_REQUEST_INIT;
  distarray_comm table;
  distarray_array *other;
  distarray_export theirs;
  distarray_error error;
  hid_t parallel = H5Pcreate(H5P_FILE_ACCESS), file, dataset;
  REQUIRE(H5Pset_fapl_mpio(parallel, comm, MPI_INFO_NULL) >= 0);
  file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, parallel);
  REQUIRE(file >= 0);

  check_selection(loan);
  MUST(distarray_hdf5_create(comm, file, "u", loan, &dataset, &error));
  MUST(distarray_hdf5_write(comm, loan, dataset, &error));
  distarray_export_release(loan);
  field_say(comm,
            "HDF5     writes what is inside the halo from u, by one hyperslab on each rank");

  REQUIRE(distarray_comm_from_mpi(comm, &table) == 0);
  other = dealt_out(&table);
  writing.access = DISTARRAY_ACCESS_READ_WRITE;
  MUST(distarray_array_export(other, &writing, &theirs, &error));
  MUST(distarray_hdf5_read(comm, &theirs, dataset, &error));
  distarray_export_release(&theirs);
  check_array(other);
  distarray_array_free(other);
  field_say(comm, "HDF5     reads it back into memory of another layout");

  H5Dclose(dataset);
  H5Fclose(file);
  H5Pclose(parallel);
}
