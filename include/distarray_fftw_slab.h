/* distarray_fftw_slab.h - slabs as FFTW deals them out: which there are, who holds how much of
 * one, in how much memory, and how it lies there. Included by distarray_fftw.h, which says
 * how to use it.
 */
#ifndef DISTARRAY_FFTW_SLAB_H
#define DISTARRAY_FFTW_SLAB_H

#include <fftw3-mpi.h>

#include "distarray_adapter.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISTARRAY_FFTW_COMPLEX    0
#define DISTARRAY_FFTW_REAL       1 /* in place: rows of n real elements in the room of
                                       n / 2 + 1 complex ones */
#define DISTARRAY_FFTW_TRANSPOSED 2 /* added to DISTARRAY_FFTW_COMPLEX or _R2R */
#define DISTARRAY_FFTW_PAIRS      4 /* added to complex ones: double in the loan */
#define DISTARRAY_FFTW_R2R        8 /* packed real elements, as fftw_mpi_plan_many_r2r and
                                       fftw_mpi_plan_many_transpose have them */

#define DISTARRAY_FFTW_MAX_RNK 8

/* What FFTW's planners take. */
typedef struct distarray_fftw_slab {
  int       rnk;
  ptrdiff_t n[DISTARRAY_FFTW_MAX_RNK]; /* the transform's extents */
  ptrdiff_t howmany;
  ptrdiff_t block;                     /* of the axis that is cut */
  void     *data;
} distarray_fftw_slab;

/* Whether the loan's elements are double, not complex. */
static inline int distarray_fftw_is_real(int layout) {
  return (layout & (DISTARRAY_FFTW_REAL | DISTARRAY_FFTW_PAIRS | DISTARRAY_FFTW_R2R)) != 0;
}

/* The bytes of what FFTW transforms, and of what it counts memory in. */
static inline int64_t distarray_fftw_item(int layout) {
  return layout & (DISTARRAY_FFTW_REAL | DISTARRAY_FFTW_R2R) ? (int64_t)sizeof(double)
                                                             : (int64_t)sizeof(fftw_complex);
}

static inline int64_t distarray_fftw_unit(int layout) {
  return layout & DISTARRAY_FFTW_R2R ? (int64_t)sizeof(double) : (int64_t)sizeof(fftw_complex);
}

/* FFTW's words on a slab: elements held of the axis that is cut, from start on, and
 * how many distarray_fftw_unit are to be allocated. Local. */
static inline ptrdiff_t distarray_fftw_local_size(const distarray_fftw_slab *slab, int layout,
                                                  MPI_Comm comm, ptrdiff_t *held,
                                                  ptrdiff_t *start) {
  ptrdiff_t n[DISTARRAY_FFTW_MAX_RNK], other[2], room, all;
  int rank, axis;
  memcpy(n, slab->n, sizeof n);
  if (layout & DISTARRAY_FFTW_REAL) n[slab->rnk - 1] = n[slab->rnk - 1] / 2 + 1;
  if (!(layout & DISTARRAY_FFTW_TRANSPOSED))
    return fftw_mpi_local_size_many(slab->rnk, n, slab->howmany, slab->block, comm, held, start);
  if (slab->block < n[1])
    return fftw_mpi_local_size_many_transposed(slab->rnk, n, slab->howmany, FFTW_MPI_DEFAULT_BLOCK,
                                               slab->block, comm, &other[0], &other[1], held, start);
  /* One block: FFTW's planners give it to process 0, and that function speaks of an output
   * that is not transposed. The input is dealt out as ever. */
  room = fftw_mpi_local_size_many(slab->rnk, n, slab->howmany, FFTW_MPI_DEFAULT_BLOCK, comm,
                                  &other[0], &other[1]);
  MPI_Comm_rank(comm, &rank);
  *start = 0;
  *held = rank == 0 ? n[1] : 0;
  for (all = rank == 0 ? slab->howmany : 0, axis = 0; axis < slab->rnk; axis++) all *= n[axis];
  return room > all ? room : all;
}

/* The byte strides of a slab of held lines. */
static inline void distarray_fftw_strides(const distarray_fftw_slab *slab, int layout,
                                          ptrdiff_t held, int64_t *strides) {
  const int real = (layout & DISTARRAY_FFTW_REAL) != 0,
            swap = (layout & DISTARRAY_FFTW_TRANSPOSED) != 0;
  int64_t step = distarray_fftw_item(layout);
  int i;
  if (layout & DISTARRAY_FFTW_PAIRS)
    strides[slab->rnk + (slab->howmany > 1)] = (int64_t)sizeof(double);
  if (slab->howmany > 1) strides[slab->rnk] = step;
  step *= slab->howmany;
  for (i = slab->rnk - 1; i >= 0; i--) {
    const int axis = swap && i < 2 ? 1 - i : i; /* the order in memory */
    strides[axis] = step;
    step *= axis == (swap ? 1 : 0) ? held
            : real && axis == slab->rnk - 1 ? 2 * (slab->n[axis] / 2 + 1)
                                            : slab->n[axis];
  }
}

static inline int32_t distarray_fftw_check_layout(int layout, distarray_error *error) {
  if (layout == DISTARRAY_FFTW_REAL ||
      (layout & ~(DISTARRAY_FFTW_TRANSPOSED | DISTARRAY_FFTW_PAIRS)) == 0 ||
      (layout & ~(DISTARRAY_FFTW_TRANSPOSED | DISTARRAY_FFTW_R2R)) == 0)
    return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, -1, "layout", DISTARRAY_FFTW_TRANSPOSED,
                                  layout,
                                  "real; or complex, as pairs or not; or r2r; the last two may be "
                                  "transposed");
}

static inline int32_t distarray_fftw_check_rnk(int64_t rnk, distarray_error *error) {
  if (rnk >= 2 && rnk <= DISTARRAY_FFTW_MAX_RNK) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "ndim", 2, rnk,
                                  "slabs have 2 to 8 axes: FFTW deals the elements of 1-D "
                                  "transforms out in its own way");
}

/* Refuses what FFTW would divide by. */
static inline int32_t distarray_fftw_check_extent(int64_t extent, int32_t axis,
                                                  distarray_error *error) {
  if (extent >= 1) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, axis, "size", 1, extent,
                                  "a transform has one element or more along each axis");
}

/* The shortest block that leaves no element over, which is FFTW's default. */
static inline ptrdiff_t distarray_fftw_least_block(ptrdiff_t extent, ptrdiff_t processes) {
  return extent / processes + (extent % processes > 0);
}

/* Takes a program's words on a slab, or refuses them. */
static inline int32_t distarray_fftw_slab_of(int rnk, const ptrdiff_t *n, ptrdiff_t howmany,
                                             ptrdiff_t block, int layout, int processes,
                                             distarray_fftw_slab *slab, distarray_error *error) {
  const int cut = (layout & DISTARRAY_FFTW_TRANSPOSED) != 0;
  int axis;
  memset(slab, 0, sizeof *slab);
  DISTARRAY_ADAPTER_TRY(distarray_fftw_check_layout(layout, error));
  DISTARRAY_ADAPTER_TRY(distarray_fftw_check_rnk(rnk, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(n, "n", error));
  for (axis = 0; axis < rnk; axis++)
    DISTARRAY_ADAPTER_TRY(distarray_fftw_check_extent(n[axis], axis, error));
  if (howmany < 1)
    return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, -1, "howmany", 1, howmany,
                                    "each place of a transform has one component or more");
  if (block != FFTW_MPI_DEFAULT_BLOCK && block < distarray_fftw_least_block(n[cut], processes))
    return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, cut, "block",
                                    distarray_fftw_least_block(n[cut], processes), block,
                                    "blocks as short leave elements over: take longer ones, or "
                                    "FFTW_MPI_DEFAULT_BLOCK");
  slab->rnk = rnk;
  memcpy(slab->n, n, sizeof *n * (size_t)rnk);
  slab->howmany = howmany;
  slab->block = block;
  return DISTARRAY_OK;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_FFTW_SLAB_H */
