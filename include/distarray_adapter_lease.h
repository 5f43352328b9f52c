/* distarray_adapter_lease.h - lending a library's arrays: leases, and what a loan points
 * to. Included by adapters; C99, C++11, no library needed.
 */
#ifndef DISTARRAY_ADAPTER_LEASE_H
#define DISTARRAY_ADAPTER_LEASE_H

#include <stdlib.h>

#include "distarray_adapter_report.h"

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

/* Refuses to lend a library's own array otherwise than for reading, or for reading and
 * writing. Local. */
static inline int32_t distarray_adapter_check_access(uint32_t access, distarray_error *error) {
  if (access == DISTARRAY_ACCESS_READ || access == DISTARRAY_ACCESS_READ_WRITE) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "access",
                                  DISTARRAY_ACCESS_READ_WRITE, access,
                                  "the library cannot keep others away: ask for reading, or for "
                                  "reading and writing");
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_ADAPTER_LEASE_H */
