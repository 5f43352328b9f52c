/* Parallel HDF5, which takes elements to a file from where they lie, and back. What it
 * wrote is read, and what it is to read is written, by one process as one array. */
#include <distarray_hdf5.h>

#include <stdlib.h>

#include "matrix.h"

static const char *path; /* of the file: the program's first argument */

typedef struct stored {
  shape            shape;
  distarray_export loan;
} stored;

static hid_t open_parallel(int creating) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  INSIST(H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL) >= 0);
  const hid_t file = creating ? H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access)
                              : H5Fopen(path, H5F_ACC_RDONLY, access);
  INSIST(file >= 0 && H5Pclose(access) >= 0);
  return file;
}

/* One process reads the whole dataset and compares, or writes it. */
static int alone(const stored *self, int64_t added, int writing) {
  int64_t count = 1;
  int right = 1;
  for (int axis = 0; axis < self->shape.ndim; axis++) count *= self->shape.size[axis];
  double *all = calloc((size_t)count, sizeof *all);
  INSIST(all != NULL);
  const hid_t file = H5Fopen(path, writing ? H5F_ACC_RDWR : H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t dataset = H5Dopen2(file, "array", H5P_DEFAULT);
  if (!writing)
    INSIST(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) >= 0);
  for (int64_t k = 0; k < count; k++) {
    if (writing) all[k] = (double)(k + added);
    right = right && all[k] == (double)(k + added);
  }
  if (writing)
    INSIST(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) >= 0);
  INSIST(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
  free(all);
  return right;
}

static int holds(void *object, int64_t added) {
  stored *self = object;
  distarray_error error;
  const hid_t file = open_parallel(1);
  hid_t dataset;
  INSIST(distarray_hdf5_create(MPI_COMM_WORLD, file, "array", &self->loan, &dataset, &error) == 0);
  INSIST(distarray_hdf5_write(MPI_COMM_WORLD, &self->loan, dataset, &error) == 0);
  INSIST(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
  return rank != 0 || alone(self, added, 0);
}

static void add(void *object, int64_t number) {
  stored *self = object;
  distarray_error error;
  if (rank == 0) alone(self, number, 1);
  MPI_Barrier(MPI_COMM_WORLD);
  const hid_t file = open_parallel(0), dataset = H5Dopen2(file, "array", H5P_DEFAULT);
  INSIST(distarray_hdf5_read(MPI_COMM_WORLD, &self->loan, dataset, &error) == 0);
  INSIST(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
}

static void end(void *object) {
  stored *self = object;
  distarray_export_release(&self->loan);
  free(self);
}

static int32_t borrow(const shape *s, distarray_export *loan, void **object, const void **address,
                      distarray_error *error) {
  distarray_hdf5_selection selection;
  DISTARRAY_ADAPTER_TRY(distarray_hdf5_select(loan, &selection, error));
  *address = selection.buffer == first_owned(loan) ? loan->data : selection.buffer;
  distarray_hdf5_close(&selection);
  stored *self = calloc(1, sizeof *self);
  INSIST(self != NULL);
  self->shape = *s;
  distarray_export_move(&self->loan, loan);
  *object = self;
  return DISTARRAY_OK;
}

static const consumer consumers[] = {{"HDF5", borrow, holds, add, end, NULL, NULL, NULL}};

static void start(int *argc, char ***argv) {
  INSIST(*argc > 1);
  path = (*argv)[1];
}

const library hdf5_library = {"HDF5", start, NULL, NULL, 0, consumers, COUNT(consumers)};
