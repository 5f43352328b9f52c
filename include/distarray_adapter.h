/* distarray_adapter.h - what the adapters to libraries have in common: besides
 * reports and leases, how they read loans. Included by them; C99, C++11, no library
 * needed.
 */
#ifndef DISTARRAY_ADAPTER_H
#define DISTARRAY_ADAPTER_H

#include "distarray_adapter_lease.h"
#include "distarray_adapter_report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Refuses a loan that no library could take in place: not live, of another version
 * or element type, on a device, without data; writing: or lent for reading only.
 * known_read are the must-understand bits that the adapter understands. Local. */
static inline int32_t distarray_adapter_open(const distarray_export *loan, uint32_t known_read,
                                             int writing, uint8_t dtype_code, uint8_t dtype_bits,
                                             distarray_error *error) {
  const int32_t status = distarray_export_readable(loan, known_read);
  if (status == DISTARRAY_E_FLAG)
    return distarray_adapter_refuse(error, status, -1, "flags_read", (int64_t)known_read,
                                    (int64_t)loan->flags_read,
                                    "the library takes no array of these properties in place");
  if (status != DISTARRAY_OK)
    return distarray_adapter_refuse(error, status, -1, "loan", DISTARRAY_ABI_MAJOR,
                                    loan != NULL ? (int64_t)loan->abi_major : 0,
                                    "NULL, released, moved away, or of another version");
  if (loan->device_type != DISTARRAY_DEVICE_CPU && loan->device_type != DISTARRAY_DEVICE_CUDA_HOST)
    return distarray_adapter_refuse(error, DISTARRAY_E_DEVICE, -1, "device_type",
                                    DISTARRAY_DEVICE_CPU, loan->device_type,
                                    "the library works in host memory: copy the array there");
  if (loan->dtype_code != dtype_code || loan->dtype_bits != dtype_bits || loan->dtype_lanes != 1)
    return distarray_adapter_refuse(
        error, DISTARRAY_E_DTYPE, -1, loan->dtype_code != dtype_code ? "dtype_code" : "dtype_bits",
        loan->dtype_code != dtype_code ? dtype_code : dtype_bits,
        loan->dtype_code != dtype_code ? loan->dtype_code : loan->dtype_bits,
        "not the library's element type: distarray_accommodation_new with code and bits makes a "
        "copy that is");
  if (writing && !distarray_export_writable(loan, 0))
    return distarray_adapter_refuse(error, DISTARRAY_E_ACCESS, -1, "flags_write", 0,
                                    (int64_t)loan->flags_write,
                                    "lent for reading only: ask for DISTARRAY_ACCESS_READ_WRITE");
  return DISTARRAY_OK;
}

/* Refuses another number of axes. Local. */
static inline int32_t distarray_adapter_check_ndim(const distarray_export *loan, int32_t ndim,
                                                   distarray_error *error) {
  if (loan->ndim == ndim) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "ndim", ndim, loan->ndim,
                                  "the library takes arrays of another number of axes: lend a "
                                  "view that has them");
}

/* Refuses NULL. Local. */
static inline int32_t distarray_adapter_check_pointer(const void *pointer, const char *name,
                                                      distarray_error *error) {
  if (pointer != NULL) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_NULL, -1, name, 1, 0, "the pointer is NULL");
}

/* A block axis as the library sees it: what this process owns of it, without padding. */
typedef struct distarray_adapter_axis {
  int64_t size, start, stop;   /* owned: [start, stop) of [0, size) */
  int64_t processes, place;
  int64_t padding[2];
} distarray_adapter_axis;

/* Reads an axis that is cut into blocks, or held whole; refuses the other kinds. Local. */
static inline int32_t distarray_adapter_block_axis(const distarray_export *loan, int32_t axis,
                                                   distarray_adapter_axis *out,
                                                   distarray_error *error) {
  const distarray_dim *dim = &loan->dims[axis];
  const distarray_adapter_axis whole = {loan->shape[axis], 0, loan->shape[axis], 1, 0, {0, 0}};
  *out = whole;
  if (dim->dist_type == DISTARRAY_DIST_UNDISTRIBUTED ||
      (dim->dist_type == DISTARRAY_DIST_CYCLIC && dim->proc_grid_size == 1))
    return DISTARRAY_OK; /* dealt to one process, blocks lie in order */
  if (dim->dist_type != DISTARRAY_DIST_BLOCK)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "dist_type",
                                    DISTARRAY_DIST_BLOCK, dim->dist_type,
                                    "the library takes blocks alone: distarray_accommodation_new "
                                    "makes a copy that has them");
  out->size = dim->size;
  out->start = dim->start + dim->padding[0];
  out->stop = dim->stop - dim->padding[1];
  out->processes = dim->proc_grid_size;
  out->place = dim->proc_grid_rank;
  out->padding[0] = dim->padding[0];
  out->padding[1] = dim->padding[1];
  return DISTARRAY_OK;
}

/* Refuses an axis that is cut over processes. Local. */
static inline int32_t distarray_adapter_check_whole(const distarray_adapter_axis *axis,
                                                    int32_t number, distarray_error *error) {
  if (axis->processes == 1) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "proc_grid_size", 1,
                                  axis->processes,
                                  "the library wants this axis whole on every process: "
                                  "distarray_accommodation_new makes a copy that has it");
}

/* Refuses padding. Local. */
static inline int32_t distarray_adapter_check_no_padding(const int64_t padding[2], int32_t number,
                                                         distarray_error *error) {
  if (padding[0] + padding[1] == 0) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "padding", 0,
                                  padding[0] + padding[1],
                                  "the library takes owned elements alone, without gaps: "
                                  "distarray_accommodation_new makes a copy of them");
}

/* Reads an axis that every process holds whole, without padding; refuses others. Local. */
static inline int32_t distarray_adapter_whole_axis(const distarray_export *loan, int32_t number,
                                                   distarray_adapter_axis *out,
                                                   distarray_error *error) {
  DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(loan, number, out, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_whole(out, number, error));
  return distarray_adapter_check_no_padding(out->padding, number, error);
}

/* Refuses strides other than those of a packed array, whose last axis, or with
 * column_major not 0 whose first axis, runs fastest. Local. */
static inline int32_t distarray_adapter_check_packed(const distarray_export *loan,
                                                     int column_major, distarray_error *error) {
  int64_t step = loan->itemsize;
  int32_t i;
  for (i = 0; i < loan->ndim; i++)
    if (loan->shape[i] == 0) return DISTARRAY_OK; /* no element, no stride */
  for (i = 0; i < loan->ndim; i++) {
    const int32_t axis = column_major ? i : loan->ndim - 1 - i;
    if (loan->shape[axis] != 1 && loan->strides[axis] != step)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "strides", step,
                                      loan->strides[axis],
                                      column_major
                                          ? "the library wants packed elements, the first axis "
                                            "fastest: distarray_accommodation_new copies them so"
                                          : "the library wants packed elements, the last axis "
                                            "fastest: distarray_accommodation_new copies them so");
    step *= loan->shape[axis];
  }
  return DISTARRAY_OK;
}

/* Refuses a number that the library's index type cannot hold. Local. */
static inline int32_t distarray_adapter_check_index(int64_t number, int64_t largest, int64_t axis,
                                                    const char *field, distarray_error *error) {
  if (number <= largest) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_BOUNDS, axis, field, largest, number,
                                  "more than the library's index type holds: build the library "
                                  "with 64-bit indices");
}

/* The product of two counts, or INT64_MAX where it is more. Local. */
static inline int64_t distarray_adapter_product(int64_t count, int64_t other) {
  return other > 0 && count > INT64_MAX / other ? INT64_MAX : count * other;
}

/* Refuses an array whose only cut axis is not dealt out to the ranks in their order. Local. */
static inline int32_t distarray_adapter_check_order(const distarray_export *loan,
                                                    int64_t processes, int64_t place,
                                                    distarray_error *error) {
  if (loan->process_count != processes)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "process_count", processes,
                                    loan->process_count,
                                    "the library takes no replicas: split the communicator, and "
                                    "lend each of them on its own");
  if (loan->process_rank != place)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "process_rank", place,
                                    loan->process_rank,
                                    "the library numbers the parts as the ranks: use a communicator "
                                    "of that order, MPI_Comm_split with the place in the grid as key");
  return DISTARRAY_OK;
}

/* Refuses a matrix whose columns do not lie side by side element by element, at one
 * distance that holds a column: lda, in elements. Local. */
static inline int32_t distarray_adapter_check_columns(const distarray_export *loan, int64_t *lda,
                                                      distarray_error *error) {
  const int64_t rows = loan->shape[0], columns = loan->shape[1], item = loan->itemsize;
  *lda = rows > 0 ? rows : 1;
  if (rows > 1 && columns > 0 && loan->strides[0] != item)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "strides", item,
                                    loan->strides[0],
                                    "the library wants the elements of a column side by side: "
                                    "distarray_accommodation_new copies them so");
  if (rows == 0 || columns < 2) return DISTARRAY_OK; /* no distance is ever used */
  if (loan->strides[1] < *lda * item || loan->strides[1] % item != 0)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 1, "strides", *lda * item,
                                    loan->strides[1],
                                    "the library wants columns at least their length and whole "
                                    "elements apart: distarray_accommodation_new copies them so");
  *lda = loan->strides[1] / item;
  return DISTARRAY_OK;
}

/* The global index at a position of an unstructured axis. */
static inline int64_t distarray_adapter_index(const distarray_dim *dim, int64_t position) {
  return dim->flags & DISTARRAY_DIM_INDICES_I32 ? ((const int32_t *)dim->indices)[position]
                                                : ((const int64_t *)dim->indices)[position];
}

/* What a library of rows takes: the first axis cut into blocks, the others whole, no
 * padding. */
static inline distarray_requirements distarray_adapter_rows_requirements(
    int32_t ndim, distarray_required_axis *axes, uint32_t layouts, uint8_t code, uint8_t bits) {
  distarray_requirements asked;
  int32_t i;
  memset(&asked, 0, sizeof asked);
  memset(axes, 0, sizeof *axes * (size_t)ndim);
  for (i = 0; i < ndim; i++) {
    axes[i].dist_types = 1; /* blocks */
    axes[i].padding = DISTARRAY_PADDING_NONE;
    axes[i].proc_grid_size = i == 0 ? 0 : 1;
  }
  asked.ndim = ndim;
  asked.axes = axes;
  asked.layouts = layouts;
  asked.code = code;
  asked.bits = bits;
  return asked;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_ADAPTER_H */
