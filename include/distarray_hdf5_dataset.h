/* distarray_hdf5_dataset.h - datasets made for a loan, written from it and read into it by all
 * ranks together. See distarray_hdf5.h for how.
 */
#ifndef DISTARRAY_HDF5_DATASET_H
#define DISTARRAY_HDF5_DATASET_H

#include "distarray_adapter_mpi.h"
#include "distarray_hdf5_selection.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Refuses a dataset of another shape. Local. */
static inline int32_t distarray_hdf5_check_shape(hid_t dataset, hid_t file,
                                                 distarray_error *error) {
  hsize_t theirs[H5S_MAX_RANK], ours[H5S_MAX_RANK];
  const hid_t space = H5Dget_space(dataset);
  const int ndim = H5Sget_simple_extent_ndims(space), wanted = H5Sget_simple_extent_ndims(file);
  int32_t status = DISTARRAY_OK;
  int axis;
  if (space < 0 || ndim < 0)
    status = distarray_hdf5_failed(error);
  else if (ndim != wanted)
    status = distarray_adapter_refuse(error, DISTARRAY_E_SHAPE, -1, "ndim", wanted, ndim,
                                      "the dataset has another number of axes");
  else {
    H5Sget_simple_extent_dims(space, theirs, NULL);
    H5Sget_simple_extent_dims(file, ours, NULL);
    for (axis = 0; axis < ndim && status == DISTARRAY_OK; axis++)
      if (theirs[axis] != ours[axis])
        status = distarray_adapter_refuse(error, DISTARRAY_E_SHAPE, axis, "size",
                                          (int64_t)ours[axis], (int64_t)theirs[axis],
                                          "the dataset has another extent than the array");
  }
  if (space >= 0) H5Sclose(space);
  return status;
}

typedef struct distarray_hdf5_request {
  hid_t                    location, dataset; /* where one is made, or the one moved to */
  const char              *name;
  hid_t                   *made;
  int                      creating, writing;
  distarray_hdf5_selection selection;
} distarray_hdf5_request;

/* Selects this rank's part, where HDF5 will not fail on this rank alone. */
static inline int32_t distarray_hdf5_accept(void *context, const distarray_export *loan, int order,
                                            uint64_t facts[4], distarray_error *error) {
  distarray_hdf5_request *self = (distarray_hdf5_request *)context;
  const H5I_type_t kind = H5Iget_type(self->creating ? self->location : self->dataset);
  (void)order;
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_hdf5_select_checked(loan, &self->selection, error));
  if (self->creating) {
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->name, "name", error));
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->made, "dataset", error));
    if (kind == H5I_FILE || kind == H5I_GROUP) return DISTARRAY_OK;
    return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, -1, "location", H5I_FILE, kind,
                                    "not the identifier of an open file or group");
  }
  if (kind != H5I_DATASET)
    return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, -1, "dataset", H5I_DATASET, kind,
                                    "not the identifier of an open dataset");
  if (!self->writing && !distarray_export_writable(loan, DISTARRAY_W_REPLICATED))
    return distarray_adapter_refuse(error, DISTARRAY_E_ACCESS, -1, "flags_write", 0,
                                    (int64_t)loan->flags_write,
                                    "lent for reading only: ask for DISTARRAY_ACCESS_READ_WRITE");
  return distarray_hdf5_check_shape(self->dataset, self->selection.file, error);
}

/* Asks for a selection on all ranks. Collective. */
static inline int32_t distarray_hdf5_open(MPI_Comm mpi, const distarray_export *loan,
                                          distarray_hdf5_request *mine, distarray_comm *comm,
                                          distarray_error *error) {
  const distarray_hdf5_selection none = {-1, -1, -1, NULL};
  int32_t status;
  mine->selection = none;
  status = distarray_adapter_take_if(mpi, loan, distarray_hdf5_accept, mine, comm, error);
  if (status != DISTARRAY_OK) distarray_hdf5_close(&mine->selection);
  return status;
}

/* Makes a dataset for a loan: its shape, its element type, nothing written. */
static inline int32_t distarray_hdf5_create(MPI_Comm mpi, hid_t location, const char *name,
                                            const distarray_export *loan, hid_t *dataset,
                                            distarray_error *error) {
  distarray_hdf5_request mine;
  distarray_comm comm;
  distarray_error report;
  hid_t made;
  int32_t status;
  memset(&mine, 0, sizeof mine);
  mine.creating = 1;
  mine.location = location;
  mine.name = name;
  mine.made = dataset;
  DISTARRAY_ADAPTER_TRY(distarray_hdf5_open(mpi, loan, &mine, &comm, error));
  made = H5Dcreate2(location, name, mine.selection.type, mine.selection.file, H5P_DEFAULT,
                    H5P_DEFAULT, H5P_DEFAULT);
  distarray_hdf5_close(&mine.selection);
  status = made < 0 ? distarray_hdf5_failed(&report) : DISTARRAY_OK;
  status = distarray_adapter_agree_on(&comm, status, &report, error);
  if (status == DISTARRAY_OK)
    *dataset = made;
  else if (made >= 0)
    H5Dclose(made);
  return status;
}

/* Whether this rank is of the first of the replicas. Local. */
static inline int distarray_hdf5_is_first(const distarray_export *loan) {
  int64_t places = 1, place;
  int32_t axis;
  for (axis = 0; axis < loan->ndim; axis++)
    if (loan->dims[axis].proc_grid_size > 0) places *= loan->dims[axis].proc_grid_size;
  if (!(loan->flags_read & DISTARRAY_R_GRID_MAP)) return loan->process_rank < places;
  for (place = 0; place < places; place++)
    if (loan->grid_ranks[place] == loan->process_rank) return 1;
  return 0;
}

static inline int32_t distarray_hdf5_transfer(MPI_Comm mpi, const distarray_export *loan,
                                              hid_t dataset, int writing,
                                              distarray_error *error) {
  distarray_hdf5_request mine;
  const distarray_hdf5_selection *part = &mine.selection;
  distarray_comm comm;
  distarray_error report;
  hid_t how;
  herr_t done = -1;
  int32_t status;
  memset(&mine, 0, sizeof mine);
  mine.dataset = dataset;
  mine.writing = writing;
  DISTARRAY_ADAPTER_TRY(distarray_hdf5_open(mpi, loan, &mine, &comm, error));
  if (writing && !distarray_hdf5_is_first(loan)) { /* the first replica writes, all read */
    H5Sselect_none(part->memory);
    H5Sselect_none(part->file);
  }
  how = H5Pcreate(H5P_DATASET_XFER);
  if (H5Pset_dxpl_mpio(how, H5FD_MPIO_COLLECTIVE) >= 0)
    done = writing
               ? H5Dwrite(dataset, part->type, part->memory, part->file, how, part->buffer)
               : H5Dread(dataset, part->type, part->memory, part->file, how, part->buffer);
  H5Pclose(how);
  distarray_hdf5_close(&mine.selection);
  status = done < 0 ? distarray_hdf5_failed(&report) : DISTARRAY_OK;
  return distarray_adapter_agree_on(&comm, status, &report, error);
}

/* Writes what the loan owns to its place in the dataset. */
static inline int32_t distarray_hdf5_write(MPI_Comm comm, const distarray_export *loan,
                                           hid_t dataset, distarray_error *error) {
  return distarray_hdf5_transfer(comm, loan, dataset, 1, error);
}

/* Reads what the loan owns from its place in the dataset, and marks it as modified. */
static inline int32_t distarray_hdf5_read(MPI_Comm comm, distarray_export *loan, hid_t dataset,
                                          distarray_error *error) {
  const int32_t status = distarray_hdf5_transfer(comm, loan, dataset, 0, error);
  /* Where HDF5 failed it may have read some elements before. */
  if (status == DISTARRAY_OK || status == DISTARRAY_E_IO)
    loan->consumer_flags |= DISTARRAY_C_MODIFIED;
  return status;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_HDF5_DATASET_H */
