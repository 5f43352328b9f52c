/* distarray_adapter.h - what the adapters to libraries have in common: leases,
 * refusals, and agreement on them. Included by them; C99, C++11, no library needed.
 */
#ifndef DISTARRAY_ADAPTER_H
#define DISTARRAY_ADAPTER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distarray.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a lender learns from its borrowers, who may give loans back on any thread. It
 * must outlive every loan it counts; one lease serves any number of loans. While loans
 * are out, read it by the two functions below. */
typedef struct distarray_lease {
  int64_t  live;           /* loans not given back yet              */
  uint64_t consumer_flags; /* DISTARRAY_C_* of those given back     */
} distarray_lease;

#define DISTARRAY_LEASE_INIT { 0, 0 }

/* The builtins that GCC, Clang and the compilers made after them share: C11's atomics
 * want other types, C++ does not have them. Elsewhere loans are lent and given back on
 * one thread at a time. */
#if defined(__GNUC__) || defined(__clang__)
#define DISTARRAY_ADAPTER_ADD(place, number) __atomic_fetch_add(place, number, __ATOMIC_ACQ_REL)
#define DISTARRAY_ADAPTER_OR(place, bits) __atomic_fetch_or(place, bits, __ATOMIC_RELAXED)
#define DISTARRAY_ADAPTER_LOAD(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
#else
#define DISTARRAY_ADAPTER_ADD(place, number) (*(place) += (number))
#define DISTARRAY_ADAPTER_OR(place, bits) (*(place) |= (bits))
#define DISTARRAY_ADAPTER_LOAD(place) (*(place))
#endif

/* How many loans are out. Where it is 0, what borrowers wrote is seen, and their flags. */
static inline int64_t distarray_lease_live(const distarray_lease *lease) {
  return DISTARRAY_ADAPTER_LOAD(&lease->live);
}

/* DISTARRAY_C_* of the loans given back. */
static inline uint64_t distarray_lease_flags(const distarray_lease *lease) {
  return DISTARRAY_ADAPTER_LOAD(&lease->consumer_flags);
}

/* What a loan points to, freed by its release. */
typedef struct distarray_adapter_keeper {
  distarray_dim   *dims;
  int64_t         *shape, *strides, *ranks, *indices;
  distarray_lease *lease;
} distarray_adapter_keeper;

/* Writes a report and returns its code. text says what is wrong and what to do;
 * axis is -1 for none. */
static inline int32_t distarray_adapter_refuse(distarray_error *error, int32_t code,
                                               int64_t axis, const char *field,
                                               int64_t expected, int64_t found,
                                               const char *text) {
  char place[32] = "";
  if (error == NULL) return code;
  memset(error, 0, sizeof *error);
  error->code = code;
  error->has_values = 1;
  error->rank = error->other_rank = -1;
  error->axis = axis;
  error->expected = expected;
  error->found = found;
  if (axis >= 0) snprintf(place, sizeof place, "axis %lld, ", (long long)axis);
  snprintf(error->field, sizeof error->field, "%s", field);
  snprintf(error->message, sizeof error->message, "%s%s: %s (expected %lld, found %lld)", place,
           field, text, (long long)expected, (long long)found);
  return code;
}

/* Ends the caller with the report of a call that failed. */
#define DISTARRAY_ADAPTER_TRY(call)                            \
  do {                                                         \
    const int32_t distarray_adapter_status = (call);           \
    if (distarray_adapter_status != DISTARRAY_OK)              \
      return distarray_adapter_status;                         \
  } while (0)

/* Refuses what the message layer reports by a code other than 0. */
static inline int32_t distarray_adapter_check_messages(int32_t code, distarray_error *error) {
  if (code == 0) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_COMM, -1, "comm", 0, code,
                                  "the message layer failed");
}

/* The end of a call that went well. */
static inline int32_t distarray_adapter_ok(distarray_error *error) {
  if (error != NULL) {
    memset(error, 0, sizeof *error);
    error->rank = error->other_rank = error->axis = -1;
  }
  return DISTARRAY_OK;
}

/* Names the rank at fault in a report. */
static inline void distarray_adapter_name_rank(distarray_error *report, int64_t rank) {
  const size_t prefix = sizeof "rank 9223372036854775807, ";
  char message[sizeof report->message];
  report->rank = rank;
  snprintf(message, sizeof message, "%s", report->message);
  snprintf(report->message, sizeof report->message, "rank %lld, %.*s", (long long)rank,
           (int)(sizeof report->message - prefix), message);
}

/* Gives all ranks the report of the first rank that has one, and the least of each of n
 * numbers, at most 4. Collective over comm, by one reduction; what one rank finds wrong
 * must not leave another waiting in a library's call. */
static inline int32_t distarray_adapter_agree_least(const distarray_comm *comm, int32_t status,
                                                    int64_t *numbers, int n,
                                                    distarray_error *error) {
  distarray_error report;
  int64_t least[5], first;
  int32_t code;
  int i;
  least[0] = status == DISTARRAY_OK ? comm->size : comm->rank;
  for (i = 0; i < n; i++) least[1 + i] = numbers[i];
  code = comm->allreduce(comm->context, least, 1 + n, DISTARRAY_COMM_I64, DISTARRAY_COMM_MIN);
  first = least[0];
  for (i = 0; i < n; i++) numbers[i] = least[1 + i];
  distarray_adapter_ok(&report);
  if (code == 0 && first == comm->size) return distarray_adapter_ok(error);
  if (code == 0 && first == comm->rank) {
    report.code = status;
    if (error != NULL) report = *error;
    distarray_adapter_name_rank(&report, first);
  }
  if (code == 0) code = comm->bcast(comm->context, first, &report, (int64_t)sizeof report);
  if (code != 0) return distarray_adapter_check_messages(code, error);
  if (error != NULL) *error = report;
  return report.code;
}

static inline void distarray_adapter_free_keeper(distarray_adapter_keeper *keeper) {
  if (keeper == NULL) return;
  free(keeper->dims);
  free(keeper->shape);
  free(keeper->ranks);
  free(keeper->indices);
  free(keeper);
}

static inline void distarray_adapter_release(distarray_export *loan) {
  distarray_adapter_keeper *keeper = (distarray_adapter_keeper *)loan->private_data;
  distarray_lease *lease = keeper->lease;
  if (lease != NULL) DISTARRAY_ADAPTER_OR(&lease->consumer_flags, loan->consumer_flags);
  distarray_adapter_free_keeper(keeper);
  loan->private_data = NULL;
  loan->release = NULL;
  /* Last: the lender may go when none is out. */
  if (lease != NULL) DISTARRAY_ADAPTER_ADD(&lease->live, -1);
}

/* Memory for the axes of a loan and, where not 0, a list of ranks and of indices. */
static inline int32_t distarray_adapter_new_keeper(int32_t ndim, int64_t n_ranks,
                                                   int64_t n_indices, distarray_lease *lease,
                                                   distarray_adapter_keeper **out,
                                                   distarray_error *error) {
  const size_t axes = (size_t)(ndim > 0 ? ndim : 1);
  distarray_adapter_keeper *keeper = (distarray_adapter_keeper *)calloc(1, sizeof *keeper);
  if (keeper != NULL) {
    keeper->lease = lease;
    keeper->dims = (distarray_dim *)calloc(axes, sizeof *keeper->dims);
    keeper->shape = (int64_t *)calloc(2 * axes, sizeof *keeper->shape);
    if (n_ranks > 0) keeper->ranks = (int64_t *)calloc((size_t)n_ranks, sizeof *keeper->ranks);
    if (n_indices > 0)
      keeper->indices = (int64_t *)calloc((size_t)n_indices, sizeof *keeper->indices);
  }
  if (keeper == NULL || keeper->dims == NULL || keeper->shape == NULL ||
      (n_ranks > 0 && keeper->ranks == NULL) || (n_indices > 0 && keeper->indices == NULL)) {
    distarray_adapter_free_keeper(keeper);
    return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "loan", 0, 0,
                                    "no memory to describe the array");
  }
  keeper->strides = keeper->shape + axes;
  *out = keeper;
  return DISTARRAY_OK;
}

/* Fills a loan in from what the keeper now says, and counts it. */
static inline void distarray_adapter_lend(distarray_adapter_keeper *keeper, int32_t ndim,
                                          uint8_t dtype_code, uint8_t dtype_bits, void *data,
                                          int64_t rank, int64_t count, distarray_export *loan) {
  const distarray_export empty = DISTARRAY_EXPORT_INIT;
  *loan = empty;
  distarray_export_set_dtype(loan, dtype_code, dtype_bits);
  loan->data = data;
  loan->ndim = ndim;
  loan->shape = keeper->shape;
  loan->strides = keeper->strides;
  loan->dims = keeper->dims;
  loan->process_rank = rank;
  loan->process_count = count;
  loan->private_data = keeper;
  loan->release = distarray_adapter_release;
  if (keeper->lease != NULL) DISTARRAY_ADAPTER_ADD(&keeper->lease->live, 1);
}

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

/* Refuses to lend a library's own array otherwise than for reading, or for reading and
 * writing. Local. */
static inline int32_t distarray_adapter_check_access(uint32_t access, distarray_error *error) {
  if (access == DISTARRAY_ACCESS_READ || access == DISTARRAY_ACCESS_READ_WRITE) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "access",
                                  DISTARRAY_ACCESS_READ_WRITE, access,
                                  "the library cannot keep others away: ask for reading, or for "
                                  "reading and writing");
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

/* distarray_adapter_agree_least without numbers, for a caller whose error may be NULL:
 * report is this rank's own, written if status is one. Collective. */
static inline int32_t distarray_adapter_agree_on(const distarray_comm *comm, int32_t status,
                                                 distarray_error *report, distarray_error *error) {
  status = distarray_adapter_agree_least(comm, status, NULL, 0, report);
  if (error != NULL) *error = *report;
  return status;
}

/* Refuses on all ranks what malloc refused on one. Collective. */
static inline int32_t distarray_adapter_agree_on_memory(const distarray_comm *comm, void *memory,
                                                        distarray_error *error) {
  distarray_error report;
  int32_t status = DISTARRAY_OK;
  if (memory == NULL)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_NO_MEMORY, -1, "memory", 1, 0,
                                      "memory for a message could not be allocated");
  status = distarray_adapter_agree_on(comm, status, &report, error);
  if (status != DISTARRAY_OK) free(memory);
  return status;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_ADAPTER_H */
