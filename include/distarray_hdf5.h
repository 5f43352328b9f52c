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
 * wrong, all ranks return. distarray_hdf5_select is local, for a program's own calls.
 */
#ifndef DISTARRAY_HDF5_H
#define DISTARRAY_HDF5_H

#include <hdf5.h>

#include "distarray_adapter_mpi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISTARRAY_HDF5_READS \
  (DISTARRAY_R_GHOSTS | DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR | DISTARRAY_R_CALL_SCOPED)

/* What H5Dwrite and H5Dread take, in place of a rank's part. */
typedef struct distarray_hdf5_selection {
  hid_t type;   /* of one element          */
  hid_t memory; /* dataspaces, of as many selected elements in the same order */
  hid_t file;
  void *buffer;
} distarray_hdf5_selection;

static inline void distarray_hdf5_close(distarray_hdf5_selection *selection) {
  if (selection->type >= 0) H5Tclose(selection->type);
  if (selection->memory >= 0) H5Sclose(selection->memory);
  if (selection->file >= 0) H5Sclose(selection->file);
  selection->type = selection->memory = selection->file = -1;
}

static inline int32_t distarray_hdf5_failed(distarray_error *error) {
  return distarray_adapter_refuse(error, DISTARRAY_E_IO, -1, "hdf5", 0, -1,
                                  "HDF5 returned an error, and said on standard error which");
}

/* --- Types ----------------------------------------------------------------- */

/* Complex numbers are {r, i}, as h5py has them; bool is an unsigned byte. */
static inline hid_t distarray_hdf5_make_type(uint8_t code, uint8_t bits) {
  hid_t part, pair;
  size_t width = bits / 16;
  switch (code) {
    case DISTARRAY_DTYPE_INT:
      return bits == 8    ? H5Tcopy(H5T_NATIVE_INT8)
             : bits == 16 ? H5Tcopy(H5T_NATIVE_INT16)
             : bits == 32 ? H5Tcopy(H5T_NATIVE_INT32)
             : bits == 64 ? H5Tcopy(H5T_NATIVE_INT64)
                          : -1;
    case DISTARRAY_DTYPE_BOOL:
    case DISTARRAY_DTYPE_UINT:
      return bits == 8    ? H5Tcopy(H5T_NATIVE_UINT8)
             : bits == 16 ? H5Tcopy(H5T_NATIVE_UINT16)
             : bits == 32 ? H5Tcopy(H5T_NATIVE_UINT32)
             : bits == 64 ? H5Tcopy(H5T_NATIVE_UINT64)
                          : -1;
    case DISTARRAY_DTYPE_FLOAT:
      return bits == 32 ? H5Tcopy(H5T_NATIVE_FLOAT) : bits == 64 ? H5Tcopy(H5T_NATIVE_DOUBLE) : -1;
    case DISTARRAY_DTYPE_COMPLEX:
      part = bits == 64 ? H5T_NATIVE_FLOAT : bits == 128 ? H5T_NATIVE_DOUBLE : -1;
      if (part < 0) return -1;
      pair = H5Tcreate(H5T_COMPOUND, 2 * width);
      if (H5Tinsert(pair, "r", 0, part) >= 0 && H5Tinsert(pair, "i", width, part) >= 0)
        return pair;
      H5Tclose(pair);
      return -1;
    default:
      return -1;
  }
}

/* HDF5's type of a loan's elements, closed by the caller. Local. */
static inline int32_t distarray_hdf5_type(const distarray_export *loan, hid_t *type,
                                          distarray_error *error) {
  *type = distarray_hdf5_make_type(loan->dtype_code, loan->dtype_bits);
  if (*type >= 0) return DISTARRAY_OK;
  return distarray_adapter_refuse(
      error, DISTARRAY_E_DTYPE, -1, "dtype_code", DISTARRAY_DTYPE_FLOAT, loan->dtype_code,
      "integers, float, double and complex numbers have a type in HDF5: "
      "distarray_accommodation_new with code and bits makes a copy");
}

/* --- Selections ------------------------------------------------------------ */

/* What a rank owns, axis by axis. */
typedef struct distarray_hdf5_part {
  int           ndim, listed;                    /* an axis is unstructured        */
  hsize_t       size[H5S_MAX_RANK];              /* of the whole                   */
  int64_t       first[H5S_MAX_RANK], n[H5S_MAX_RANK]; /* owned local positions     */
  distarray_run runs[H5S_MAX_RANK][3];
  int64_t       n_runs[H5S_MAX_RANK], elements;
} distarray_hdf5_part;

static inline int32_t distarray_hdf5_read_part(const distarray_export *loan,
                                               distarray_hdf5_part *part, distarray_error *error) {
  int axis;
  memset(part, 0, sizeof *part);
  if (loan->ndim < 1 || loan->ndim > H5S_MAX_RANK)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "ndim", H5S_MAX_RANK,
                                    loan->ndim, "selections in a dataset have 1 to 32 axes");
  part->ndim = loan->ndim;
  part->elements = 1;
  for (axis = 0; axis < part->ndim; axis++) {
    const distarray_dim *dim = &loan->dims[axis], whole = distarray_dim_whole(loan->shape[axis]);
    int64_t held = 0, stop = 0;
    if (dim->dist_type == DISTARRAY_DIST_UNDISTRIBUTED) dim = &whole;
    if (loan->strides[axis] % loan->itemsize != 0)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "strides",
                                      loan->itemsize, loan->strides[axis],
                                      "HDF5 counts memory in whole elements: "
                                      "distarray_accommodation_new with a layout makes a copy");
    DISTARRAY_ADAPTER_TRY(distarray_dim_owned(dim, &held, &part->first[axis], &stop, error));
    part->n[axis] = stop - part->first[axis];
    part->size[axis] = (hsize_t)dim->size;
    part->elements *= part->n[axis];
    part->listed |= dim->dist_type == DISTARRAY_DIST_UNSTRUCTURED;
    if (dim->dist_type != DISTARRAY_DIST_UNSTRUCTURED)
      DISTARRAY_ADAPTER_TRY(
          distarray_dim_owned_runs(dim, 3, part->runs[axis], &part->n_runs[axis], error));
  }
  return DISTARRAY_OK;
}

/* The next of all combinations of n numbers below limits, the last one fastest; 0 after
 * the last combination. */
static inline int distarray_hdf5_next(int n, const int64_t *limits, int64_t *numbers) {
  while (n-- > 0) {
    if (++numbers[n] < limits[n]) return 1;
    numbers[n] = 0;
  }
  return 0;
}

/* Every combination of the runs of the axes as one hyperslab of the file. */
static inline int distarray_hdf5_select_runs(const distarray_hdf5_part *part, hid_t file) {
  hsize_t start[H5S_MAX_RANK], stride[H5S_MAX_RANK], count[H5S_MAX_RANK], block[H5S_MAX_RANK];
  int64_t which[H5S_MAX_RANK] = {0};
  H5S_seloper_t how = H5S_SELECT_SET;
  do {
    int axis;
    for (axis = 0; axis < part->ndim; axis++) {
      const distarray_run *run = &part->runs[axis][which[axis]];
      start[axis] = (hsize_t)run->start;
      count[axis] = (hsize_t)run->count;
      block[axis] = (hsize_t)run->len;
      stride[axis] = run->count > 1 ? (hsize_t)run->stride : block[axis];
    }
    if (H5Sselect_hyperslab(file, how, start, stride, count, block) < 0) return 0;
    how = H5S_SELECT_OR;
  } while (distarray_hdf5_next(part->ndim, part->n_runs, which));
  return 1;
}

/* Selects the owned elements of the file one by one, in C order of their local
 * positions. */
static inline int32_t distarray_hdf5_select_listed(const distarray_export *loan,
                                                   const distarray_hdf5_part *part, hid_t file,
                                                   distarray_error *error) {
  int64_t at[H5S_MAX_RANK] = {0}, begin[H5S_MAX_RANK], total = 0, i;
  hsize_t *list = NULL, *next;
  int64_t *global;
  int32_t status = DISTARRAY_OK;
  int axis, failed;
  for (axis = 0; axis < part->ndim; axis++) {
    begin[axis] = total;
    total += part->n[axis];
  }
  global = (int64_t *)malloc(sizeof *global * (size_t)total);
  if (global != NULL)
    list = (hsize_t *)malloc(sizeof *list * (size_t)part->ndim * (size_t)part->elements);
  if (list == NULL) {
    free(global);
    return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "shape", 0, part->elements,
                                    "no memory for the list of elements");
  }
  for (axis = 0; axis < part->ndim && status == DISTARRAY_OK; axis++) {
    const distarray_dim *dim = &loan->dims[axis], whole = distarray_dim_whole(loan->shape[axis]);
    for (i = 0; i < part->n[axis]; i++) global[begin[axis] + i] = part->first[axis] + i;
    if (dim->dist_type == DISTARRAY_DIST_UNDISTRIBUTED) dim = &whole;
    status = distarray_dim_local_to_global(dim, part->n[axis], &global[begin[axis]],
                                           &global[begin[axis]], error);
  }
  next = list;
  if (status == DISTARRAY_OK)
    do
      for (axis = 0; axis < part->ndim; axis++) *next++ = (hsize_t)global[begin[axis] + at[axis]];
    while (distarray_hdf5_next(part->ndim, part->n, at));
  failed = status == DISTARRAY_OK &&
           H5Sselect_elements(file, H5S_SELECT_SET, (size_t)part->elements, list) < 0;
  free(list);
  free(global);
  return failed ? distarray_hdf5_failed(error) : status;
}

/* The extents of the C-ordered memory that holds a part: 0 if it lies in no such. */
static inline int distarray_hdf5_extents(const distarray_export *loan,
                                         const distarray_hdf5_part *part, hsize_t *extents) {
  int64_t inner = loan->itemsize, held = 1;
  int axis;
  for (axis = part->ndim - 1; axis >= 0; axis--) {
    const int64_t stride = loan->shape[axis] > 1 ? loan->strides[axis] : inner * held;
    if (axis == part->ndim - 1 ? stride != inner : stride % inner != 0 || stride / inner < held)
      return 0;
    if (axis < part->ndim - 1) extents[axis + 1] = (hsize_t)(stride / inner);
    inner = stride;
    held = loan->shape[axis];
  }
  extents[0] = (hsize_t)held;
  return 1;
}

/* Selects the owned elements in memory: as a box of C-ordered memory, or one by one. */
static inline int32_t distarray_hdf5_select_memory(const distarray_export *loan,
                                                   const distarray_hdf5_part *part,
                                                   distarray_hdf5_selection *selection,
                                                   distarray_error *error) {
  hsize_t extents[H5S_MAX_RANK], start[H5S_MAX_RANK], count[H5S_MAX_RANK], span = 1, *list;
  int64_t at[H5S_MAX_RANK] = {0}, base = 0, k = 0;
  int axis, failed;
  if (distarray_hdf5_extents(loan, part, extents)) {
    for (axis = 0; axis < part->ndim; axis++) {
      start[axis] = (hsize_t)part->first[axis];
      count[axis] = (hsize_t)part->n[axis];
    }
    selection->buffer = loan->data;
    selection->memory = H5Screate_simple(part->ndim, extents, NULL);
    failed = selection->memory < 0 ||
             H5Sselect_hyperslab(selection->memory, H5S_SELECT_SET, start, NULL, count, NULL) < 0;
    return failed ? distarray_hdf5_failed(error) : DISTARRAY_OK;
  }
  for (axis = 0; axis < part->ndim; axis++) { /* strides of any sign */
    const int64_t reach = (part->n[axis] - 1) * (loan->strides[axis] / loan->itemsize);
    base += part->first[axis] * (loan->strides[axis] / loan->itemsize) + (reach < 0 ? reach : 0);
    span += (hsize_t)(reach < 0 ? -reach : reach);
  }
  list = (hsize_t *)malloc(sizeof *list * (size_t)part->elements);
  if (list == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "shape", 0, part->elements,
                                    "no memory for the list of elements");
  do {
    int64_t offset = -base;
    for (axis = 0; axis < part->ndim; axis++)
      offset += (part->first[axis] + at[axis]) * (loan->strides[axis] / loan->itemsize);
    list[k++] = (hsize_t)offset;
  } while (distarray_hdf5_next(part->ndim, part->n, at));
  selection->buffer = (char *)loan->data + base * loan->itemsize;
  selection->memory = H5Screate_simple(1, &span, NULL);
  failed = selection->memory < 0 ||
           H5Sselect_elements(selection->memory, H5S_SELECT_SET, (size_t)k, list) < 0;
  free(list);
  return failed ? distarray_hdf5_failed(error) : DISTARRAY_OK;
}

/* Selects what a loan owns that keeps all rules. Local. */
static inline int32_t distarray_hdf5_select_checked(const distarray_export *loan,
                                                    distarray_hdf5_selection *selection,
                                                    distarray_error *error) {
  distarray_hdf5_selection made = {-1, -1, -1, NULL};
  distarray_hdf5_part part;
  const hsize_t none = 0;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(loan, DISTARRAY_HDF5_READS, 0, loan->dtype_code,
                                               loan->dtype_bits, error));
  DISTARRAY_ADAPTER_TRY(distarray_hdf5_read_part(loan, &part, error));
  DISTARRAY_ADAPTER_TRY(distarray_hdf5_type(loan, &made.type, error));
  made.file = H5Screate_simple(part.ndim, part.size, NULL);
  status = made.file < 0 ? distarray_hdf5_failed(error) : DISTARRAY_OK;
  if (status == DISTARRAY_OK && part.elements == 0) {
    made.memory = H5Screate_simple(1, &none, NULL);
    if (made.memory < 0 || H5Sselect_none(made.memory) < 0 || H5Sselect_none(made.file) < 0)
      status = distarray_hdf5_failed(error);
  } else if (status == DISTARRAY_OK) {
    status = distarray_hdf5_select_memory(loan, &part, &made, error);
    if (status == DISTARRAY_OK && part.listed)
      status = distarray_hdf5_select_listed(loan, &part, made.file, error);
    else if (status == DISTARRAY_OK && !distarray_hdf5_select_runs(&part, made.file))
      status = distarray_hdf5_failed(error);
  }
  if (status != DISTARRAY_OK) {
    distarray_hdf5_close(&made);
    return status;
  }
  *selection = made;
  return distarray_adapter_ok(error);
}

/* Selects what a loan owns, in memory and in a dataset of the whole array's shape; the
 * caller closes the selection. Local. */
static inline int32_t distarray_hdf5_select(const distarray_export *loan,
                                            distarray_hdf5_selection *selection,
                                            distarray_error *error) {
  DISTARRAY_ADAPTER_TRY(distarray_export_check(loan, 1, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(selection, "selection", error));
  return distarray_hdf5_select_checked(loan, selection, error);
}

/* --- Collective IO --------------------------------------------------------- */

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
  DISTARRAY_ADAPTER_TRY(distarray_hdf5_transfer(comm, loan, dataset, 0, error));
  loan->consumer_flags |= DISTARRAY_C_MODIFIED;
  return DISTARRAY_OK;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_HDF5_H */
