/* distarray_hdf5_selection.h - what a loan owns as selections of HDF5's: in memory, and in a
 * dataset of the whole array's shape. See distarray_hdf5.h for which ones; this file alone
 * needs no MPI, and so serves a serial HDF5 too.
 */
#ifndef DISTARRAY_HDF5_SELECTION_H
#define DISTARRAY_HDF5_SELECTION_H

#include "distarray_hdf5_type.h"

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

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_HDF5_SELECTION_H */
