/* distarray_fftw.h - the slabs of FFTW's MPI transforms as loans, and loans as slabs.
 *
 *   #include <distarray_fftw.h>
 *
 *   int main(int argc, char **argv) {
 *     const ptrdiff_t n[2] = {8, 6};
 *     ptrdiff_t rows, first, room, i;
 *     fftw_complex *data;
 *     fftw_plan plan;
 *     distarray_fftw_slab slab;
 *     distarray_export loan; // may come from anyone
 *     distarray_error error;
 *     MPI_Init(&argc, &argv);
 *     fftw_mpi_init();
 *     room = fftw_mpi_local_size_2d(n[0], n[1], MPI_COMM_WORLD, &rows, &first);
 *     data = fftw_alloc_complex(room);
 *     if (distarray_fftw_lend(MPI_COMM_WORLD, 2, n, 1, FFTW_MPI_DEFAULT_BLOCK,
 *                             DISTARRAY_FFTW_COMPLEX, data, NULL, &loan, &error) ||
 *         distarray_fftw_borrow(MPI_COMM_WORLD, &loan, DISTARRAY_FFTW_COMPLEX, &slab, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(MPI_COMM_WORLD, 1);
 *     }
 *     plan = fftw_mpi_plan_many_dft(slab.rnk, slab.n, slab.howmany, slab.block, slab.block,
 *                                   (fftw_complex *)slab.data, (fftw_complex *)slab.data,
 *                                   MPI_COMM_WORLD, FFTW_FORWARD, FFTW_ESTIMATE);
 *     for (i = 0; i < 6 * rows; i++) data[i][0] = 1, data[i][1] = 0;
 *     fftw_execute(plan);
 *     if (first == 0) printf("%g\n", data[0][0]); // 48
 *     loan.consumer_flags |= DISTARRAY_C_MODIFIED;
 *     distarray_export_release(&loan); // after the last use of the plan
 *     fftw_destroy_plan(plan);
 *     fftw_free(data);
 *     fftw_mpi_cleanup();
 *     MPI_Finalize();
 *     return 0;
 *   }
 *
 * Header only, compiled with the program's own MPI and FFTW 3.3 in double precision,
 * after fftw_mpi_init. No element is copied: what FFTW cannot take as it lies is refused,
 * and the report says why. What always works is a copy with FFTW's room, there and back:
 * distarray_accommodation_new with what distarray_fftw_requirements says.
 *
 * A slab is an array of 2 or more axes in C order of which the first is cut into equal
 * blocks, the last ones shorter or empty. With DISTARRAY_FFTW_TRANSPOSED (FFTW_MPI_
 * TRANSPOSED_OUT) the second is cut, and lies in memory before the first. The loan's axes
 * are those of the transform in their own order; howmany > 1 adds an axis of components.
 * DISTARRAY_FFTW_PAIRS adds a last one of 2: complex numbers as two real ones each, for
 * libraries that know real numbers alone.
 *
 * Lending is local and needs no library: data has as many elements as
 * fftw_mpi_local_size_many (_transposed) says and lives until the loan is released. That
 * function speaks of a transposed slab of one block, as long as the second axis, as if it
 * were not transposed; FFTW's planners give it to process 0 alone. What it needs is room of
 * distarray_fftw_requirements, in bytes.
 * Borrowing is collective and needs libdistarray, which first proves that the loans of
 * all ranks are one array; what one rank finds wrong, all ranks return. A plan has no
 * owner, so the loan stays with its borrower, who keeps it while the plan is used, sets
 * DISTARRAY_C_MODIFIED in its consumer_flags and releases it. Planning with FFTW_MEASURE
 * overwrites the elements.
 */
#ifndef DISTARRAY_FFTW_H
#define DISTARRAY_FFTW_H

#include "distarray_adapter_mpi.h"
#include "distarray_fftw_slab.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The end of a refusal. */
#define DISTARRAY_FFTW_WAY_OUT \
  "distarray_accommodation_new copies to what distarray_fftw_requirements says"

/* Lends a slab: n are the rnk extents of the array, that is of the real numbers with
 * DISTARRAY_FFTW_REAL, and n / 2 + 1 along the last axis for a half-complex spectrum.
 * block is that of the axis that is cut; lease may be NULL. Local. */
static inline int32_t distarray_fftw_lend(MPI_Comm comm, int rnk, const ptrdiff_t *n,
                                          ptrdiff_t howmany, ptrdiff_t block, int layout,
                                          void *data, distarray_lease *lease,
                                          distarray_export *loan, distarray_error *error) {
  const int cut = (layout & DISTARRAY_FFTW_TRANSPOSED) != 0;
  const int real = distarray_fftw_is_real(layout);
  const int pairs = (layout & DISTARRAY_FFTW_PAIRS) != 0;
  const int32_t ndim = rnk + (howmany > 1) + pairs;
  int rank, size, axis;
  ptrdiff_t held = 0, start = 0, elements;
  distarray_fftw_slab slab;
  distarray_adapter_keeper *keeper = NULL;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  DISTARRAY_ADAPTER_TRY(distarray_fftw_slab_of(rnk, n, howmany, block, layout, size, &slab, error));
  elements = distarray_fftw_local_size(&slab, layout, comm, &held, &start);
  if (held == 0) start = n[cut]; /* FFTW says 0 for a process that holds nothing */
  DISTARRAY_ADAPTER_TRY(distarray_adapter_new_keeper(ndim, 0, 0, lease, &keeper, error));
  for (axis = 0; axis < rnk; axis++) {
    keeper->dims[axis] = axis == cut ? distarray_dim_block(n[axis], size, rank, start, start + held)
                                     : distarray_dim_whole(n[axis]);
    keeper->shape[axis] = axis == cut ? held : n[axis];
  }
  for (axis = rnk; axis < ndim; axis++) {
    const int64_t components = pairs && axis == ndim - 1 ? 2 : howmany;
    keeper->dims[axis] = distarray_dim_whole(components);
    keeper->dims[axis].flags |= DISTARRAY_DIM_COMPONENT;
    keeper->shape[axis] = components;
  }
  distarray_fftw_strides(&slab, layout, held, keeper->strides);
  distarray_adapter_lend(keeper, ndim, real ? DISTARRAY_DTYPE_FLOAT : DISTARRAY_DTYPE_COMPLEX,
                         real ? 64 : 128, data, rank, size, loan);
  loan->alloc_base = data;
  loan->alloc_bytes = (uint64_t)elements * (uint64_t)distarray_fftw_unit(layout);
  loan->flags_info |= DISTARRAY_I_SLACK;
  return distarray_adapter_ok(error);
}

/* What distarray_fftw_borrow takes, for distarray_accommodation_new, of an array with the
 * axes that distarray_fftw_lend would give it: n, howmany, block and layout are those of
 * lending, and an axis of components is marked as one. The copy has FFTW's room. axes is
 * room for rnk + 2 records. Local. */
static inline int32_t distarray_fftw_requirements(MPI_Comm comm, int rnk, const ptrdiff_t *n,
                                                  ptrdiff_t howmany, ptrdiff_t block, int layout,
                                                  distarray_required_axis *axes,
                                                  distarray_requirements *asked,
                                                  distarray_error *error) {
  static const int32_t swapped[DISTARRAY_FFTW_MAX_RNK + 2] = {1, 0, 2, 3, 4, 5, 6, 7, 8, 9};
  const int cut = (layout & DISTARRAY_FFTW_TRANSPOSED) != 0;
  const int real = distarray_fftw_is_real(layout);
  ptrdiff_t held, start;
  int size;
  distarray_fftw_slab slab;
  MPI_Comm_size(comm, &size);
  DISTARRAY_ADAPTER_TRY(distarray_fftw_slab_of(rnk, n, howmany, block, layout, size, &slab, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(axes, "axes", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(asked, "asked", error));
  *asked = distarray_adapter_rows_requirements(
      rnk + (howmany > 1) + ((layout & DISTARRAY_FFTW_PAIRS) != 0), axes, DISTARRAY_LAYOUT_C,
      real ? DISTARRAY_DTYPE_FLOAT : DISTARRAY_DTYPE_COMPLEX, real ? 64 : 128);
  axes[1 - cut].proc_grid_size = 1;
  axes[cut].proc_grid_size = size;
  axes[cut].block_size =
      block == FFTW_MPI_DEFAULT_BLOCK ? distarray_fftw_least_block(n[cut], size) : block;
  if (layout & DISTARRAY_FFTW_REAL) axes[rnk - 1].pitch = 2 * (n[rnk - 1] / 2 + 1);
  if (cut) asked->permutation = swapped;
  asked->grid_order = 1; /* row-major */
  asked->replicas = 1;
  asked->room = (uint64_t)distarray_fftw_local_size(&slab, layout, comm, &held, &start) *
                (uint64_t)distarray_fftw_unit(layout);
  return distarray_adapter_ok(error);
}

/* Reads a loan as a slab, all but the block. Local. */
static inline int32_t distarray_fftw_read(const distarray_export *loan, int layout,
                                          distarray_fftw_slab *slab, distarray_error *error) {
  const int cut = (layout & DISTARRAY_FFTW_TRANSPOSED) != 0;
  const int real = distarray_fftw_is_real(layout);
  const int pairs = (layout & DISTARRAY_FFTW_PAIRS) != 0;
  const int32_t last = loan->ndim - 1 - pairs;
  int axis;
  memset(slab, 0, sizeof *slab);
  DISTARRAY_ADAPTER_TRY(distarray_fftw_check_layout(layout, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(
      loan, DISTARRAY_R_GRID_COLMAJOR | DISTARRAY_R_GRID_MAP, 1,
      real ? DISTARRAY_DTYPE_FLOAT : DISTARRAY_DTYPE_COMPLEX, real ? 64 : 128, error));
  if (pairs && (last < 0 || loan->shape[last + 1] != 2))
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, last + 1, "shape", 2,
                                    last < 0 ? 0 : loan->shape[last + 1],
                                    "pairs are a last axis of 2: the real and the imaginary parts");
  slab->howmany = 1;
  slab->rnk = last + 1;
  if (last > 0 && (loan->dims[last].flags & DISTARRAY_DIM_COMPONENT)) {
    slab->howmany = loan->shape[last];
    slab->rnk--;
  }
  DISTARRAY_ADAPTER_TRY(distarray_fftw_check_rnk(slab->rnk, error));
  for (axis = 0; axis < loan->ndim; axis++) {
    distarray_adapter_axis part;
    DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(loan, axis, &part, error));
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_no_padding(part.padding, axis, error));
    if (axis != cut) DISTARRAY_ADAPTER_TRY(distarray_adapter_check_whole(&part, axis, error));
    if (axis < slab->rnk) slab->n[axis] = (ptrdiff_t)part.size;
    DISTARRAY_ADAPTER_TRY(distarray_fftw_check_extent(part.size, axis, error));
    if (axis == cut && part.place != loan->process_rank)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "proc_grid_rank",
                                      loan->process_rank, part.place,
                                      "slabs lie in the order of the ranks: MPI_Comm_split with "
                                      "the place as key makes a communicator of that order");
  }
  slab->data = loan->data;
  return DISTARRAY_OK;
}

/* Refuses a slab that lies otherwise than FFTW's, or has not its room. Local. */
static inline int32_t distarray_fftw_check(const distarray_export *loan, int layout,
                                           const distarray_fftw_slab *slab, MPI_Comm comm,
                                           distarray_error *error) {
  const int cut = (layout & DISTARRAY_FFTW_TRANSPOSED) != 0;
  const distarray_dim *dim = &loan->dims[cut];
  int64_t strides[DISTARRAY_FFTW_MAX_RNK + 2], start, item = loan->itemsize, view = 0, room, wanted;
  ptrdiff_t held, first;
  int axis;
  wanted = distarray_fftw_unit(layout) *
           (int64_t)distarray_fftw_local_size(slab, layout, comm, &held, &first);
  start = held > 0 ? first : slab->n[cut];
  if (loan->shape[cut] > 0 && dim->dist_type == DISTARRAY_DIST_BLOCK && dim->start != start)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, cut, "start", start,
                                    dim->start,
                                    "FFTW takes equal blocks alone: " DISTARRAY_FFTW_WAY_OUT);
  if (loan->shape[cut] != held)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, cut, "stop", start + held,
                                    start + loan->shape[cut],
                                    "FFTW takes equal blocks alone: " DISTARRAY_FFTW_WAY_OUT);
  distarray_fftw_strides(slab, layout, held, strides);
  for (axis = 0; axis < loan->ndim; axis++) {
    if (loan->shape[axis] == 0) view = -1;
    if (loan->shape[axis] > 1 && held > 0 && loan->strides[axis] != strides[axis])
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "strides",
                                      strides[axis], loan->strides[axis],
                                      layout & DISTARRAY_FFTW_REAL
                                          ? "FFTW wants rows of n elements in the room of 2 (n / 2 "
                                            "+ 1), in C order: " DISTARRAY_FFTW_WAY_OUT
                                          : "FFTW wants packed elements in the order of the "
                                            "layout: " DISTARRAY_FFTW_WAY_OUT);
    if (view >= 0) view += (loan->shape[axis] - 1) * strides[axis];
  }
  view = view < 0 ? 0 : view + item;
  if (wanted <= view) return DISTARRAY_OK;
  /* More than the view is overwritten: the lender must have said that it may be. */
  room = loan->alloc_bytes == 0 || loan->data == NULL
             ? 0
             : (int64_t)loan->alloc_bytes - ((char *)loan->data - (char *)loan->alloc_base);
  if (room < wanted)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "alloc_bytes", wanted, room,
                                    "FFTW works in more memory than the elements take: allocate "
                                    "what fftw_mpi_local_size_many says and lend it, or "
                                    DISTARRAY_FFTW_WAY_OUT);
  if (!(loan->flags_info & DISTARRAY_I_SLACK))
    return distarray_adapter_refuse(error, DISTARRAY_E_ACCESS, -1, "flags_info",
                                    (int64_t)DISTARRAY_I_SLACK, 0,
                                    "FFTW overwrites the room beyond the elements: the lender "
                                    "allows it by DISTARRAY_I_SLACK, or " DISTARRAY_FFTW_WAY_OUT);
  return DISTARRAY_OK;
}

typedef struct distarray_fftw_request {
  int                  layout;
  distarray_fftw_slab *slab, found;
} distarray_fftw_request;

/* Reads a loan as a slab; the fact is the length of its first block. */
static inline int32_t distarray_fftw_accept(void *context, const distarray_export *loan, int order,
                                            uint64_t facts[4], distarray_error *error) {
  distarray_fftw_request *self = (distarray_fftw_request *)context;
  const int cut = (self->layout & DISTARRAY_FFTW_TRANSPOSED) != 0;
  (void)order; /* the layout is it */
  DISTARRAY_ADAPTER_TRY(distarray_fftw_read(loan, self->layout, &self->found, error));
  facts[0] = loan->process_rank == 0 ? (uint64_t)loan->shape[cut] : 0;
  return distarray_adapter_check_pointer(self->slab, "slab", error);
}

/* Describes a loan to FFTW's planners, for transforms in place. Collective. */
static inline int32_t distarray_fftw_borrow(MPI_Comm mpi, const distarray_export *loan, int layout,
                                            distarray_fftw_slab *slab, distarray_error *error) {
  const int cut = (layout & DISTARRAY_FFTW_TRANSPOSED) != 0;
  distarray_fftw_request mine;
  distarray_adapter_terms terms;
  distarray_comm comm;
  distarray_error report;
  int32_t status;
  mine.layout = layout;
  mine.slab = slab;
  terms.accept = distarray_fftw_accept;
  terms.lies = NULL;
  terms.context = &mine;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_take(mpi, loan, &terms, &comm, error));
  mine.found.block = terms.facts[0] > 0 ? (ptrdiff_t)terms.facts[0] : 1;
  /* A length that leaves elements over is no block of FFTW's. */
  if (mine.found.block < distarray_fftw_least_block(mine.found.n[cut], (ptrdiff_t)comm.size))
    mine.found.block = FFTW_MPI_DEFAULT_BLOCK;
  /* What room FFTW wants of a rank follows from the block, also where the rank has none. */
  status = distarray_fftw_check(loan, layout, &mine.found, mpi, &report);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on(&comm, status, &report, error));
  *slab = mine.found;
  return DISTARRAY_OK;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_FFTW_H */
