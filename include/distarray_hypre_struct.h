/* distarray_hypre_struct.h - HYPRE's StructVector as a loan, and loans as it, on a StructGrid
 * made of one. See distarray_hypre.h for what lending and borrowing mean.
 */
#ifndef DISTARRAY_HYPRE_STRUCT_H
#define DISTARRAY_HYPRE_STRUCT_H

#include <_hypre_struct_mv.h>

#include "distarray_adapter_box.h"
#include "distarray_hypre_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Lending ----------------------------------------------------------------------- */

/* What each rank tells of its box. */
typedef struct distarray_hypre_share {
  int64_t boxes, start[3], stop[3];
} distarray_hypre_share;

/* Finds the bounds of the blocks along an axis, one more than there are; their number. */
static inline int64_t distarray_hypre_bounds(const distarray_hypre_share *all, int64_t count, int i,
                                             int64_t *bounds) {
  int64_t rank, n, last = all[0].stop[i];
  for (rank = 0; rank < count; rank++) {
    bounds[rank] = all[rank].start[i];
    if (all[rank].stop[i] > last) last = all[rank].stop[i];
  }
  n = distarray_adapter_unique(bounds, count);
  bounds[n] = last;
  return n;
}

/* Describes this rank's box among all, and enters all ranks into the grid of processes.
 * The same on all ranks. */
static inline int32_t distarray_hypre_describe_boxes(hypre_StructVector *vector,
                                                     const distarray_hypre_share *all,
                                                     int64_t rank, int64_t count, int64_t *bounds,
                                                     distarray_adapter_keeper *keeper,
                                                     distarray_error *error) {
  const int32_t ndim = (int32_t)hypre_StructVectorNDim(vector);
  const HYPRE_Int *ghosts = hypre_StructVectorNumGhost(vector);
  int64_t other, processes = 1;
  int32_t i;
  for (other = 0; other < count; other++) {
    keeper->ranks[other] = 0; /* each one's place, until all are known */
    if (all[other].boxes != 1)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "boxes", 1,
                                      all[other].boxes,
                                      "a loan is one box on each rank: use as many ranks as boxes");
  }
  for (i = ndim; i-- > 0;) { /* z, y, x: the last runs fastest */
    const int64_t n = distarray_hypre_bounds(all, count, i, bounds);
    const int32_t axis = ndim - 1 - i;
    processes *= n;
    for (other = 0; other < count; other++) {
      const int64_t place = distarray_adapter_place(bounds, n, all[other].start[i]);
      keeper->ranks[other] = keeper->ranks[other] * n + place;
      if (all[other].stop[i] != bounds[place + 1])
        return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "stop",
                                        bounds[place + 1], all[other].stop[i],
                                        "the boxes are no grid of blocks: cut every axis for all "
                                        "boxes at the same places");
      if (other != rank) continue;
      keeper->dims[axis] = distarray_dim_block(bounds[n] - bounds[0], n, place,
                                               bounds[place] - bounds[0],
                                               bounds[place + 1] - bounds[0]);
      distarray_dim_add_halo(&keeper->dims[axis], ghosts[2 * i], ghosts[2 * i + 1]);
      if (hypre_IndexD(hypre_StructGridPeriodic(hypre_StructVectorGrid(vector)), i) > 0)
        keeper->dims[axis].flags |= DISTARRAY_DIM_PERIODIC;
      keeper->shape[axis] = keeper->dims[axis].stop - keeper->dims[axis].start;
    }
  }
  if (processes == count) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "proc_grid_size", count,
                                  processes,
                                  "the boxes are no grid of blocks: leave no gap between them");
}

static inline int32_t distarray_hypre_check_struct_vector(HYPRE_StructVector vector, uint32_t access,
                                                          distarray_error *error) {
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(vector, "vector", error));
  return distarray_adapter_check_access(access, error);
}

/* Lends a vector with its ghosts as padding, around the grid's edges too: axes (z, y, x),
 * whose index 0 is the least of the grid. The boxes of all ranks, one on each, must be
 * the blocks of a grid of processes. The vector must live as long as the loan. Collective
 * over comm, the vector's. */
static inline int32_t distarray_hypre_lend_struct_vector(MPI_Comm comm, HYPRE_StructVector vector,
                                                         uint32_t access, distarray_export *loan,
                                                         distarray_error *error) {
  hypre_StructVector *self = (hypre_StructVector *)vector;
  distarray_adapter_keeper *keeper = NULL;
  distarray_hypre_share mine, *all = NULL;
  distarray_comm table;
  distarray_error report;
  int64_t *bounds = NULL, place;
  int32_t status, ndim = 0, i;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_table(comm, &table, error));
  status = distarray_hypre_check_struct_vector(vector, access, &report);
  if (status == DISTARRAY_OK) {
    ndim = (int32_t)hypre_StructVectorNDim(self);
    all = (distarray_hypre_share *)malloc(sizeof *all * (size_t)table.size);
    bounds = (int64_t *)malloc(sizeof *bounds * (size_t)(table.size + 1));
    status = distarray_adapter_new_keeper(ndim, table.size, table.size, NULL, &keeper, &report);
    if (status == DISTARRAY_OK && (all == NULL || bounds == NULL))
      status = distarray_adapter_refuse(&report, DISTARRAY_E_NO_MEMORY, -1, "loan", 0, 0,
                                        "no memory for the boxes of all ranks");
  }
  status = distarray_adapter_agree_on(&table, status, &report, error);
  if (status == DISTARRAY_OK) {
    const hypre_BoxArray *boxes = hypre_StructGridBoxes(hypre_StructVectorGrid(self));
    memset(&mine, 0, sizeof mine);
    mine.boxes = hypre_BoxArraySize(boxes);
    for (i = 0; i < ndim && mine.boxes > 0; i++) {
      mine.start[i] = hypre_BoxIMinD(hypre_BoxArrayBox(boxes, 0), i);
      mine.stop[i] = (int64_t)hypre_BoxIMaxD(hypre_BoxArrayBox(boxes, 0), i) + 1;
    }
    status = distarray_adapter_check_messages(
        table.allgather(table.context, &mine, sizeof mine, all), error);
  }
  if (status == DISTARRAY_OK)
    status = distarray_hypre_describe_boxes(self, all, table.rank, table.size, bounds, keeper, error);
  if (status == DISTARRAY_OK) {
    /* From each rank's place to each place's rank. */
    for (place = 0; place < table.size; place++) keeper->indices[keeper->ranks[place]] = place;
    distarray_strides_c_order(ndim, keeper->shape, (int64_t)sizeof(HYPRE_Complex), keeper->strides);
    distarray_adapter_lend(keeper, ndim, DISTARRAY_HYPRE_DTYPE, DISTARRAY_HYPRE_BITS,
                           hypre_StructVectorData(self), table.rank, table.size, loan);
    loan->grid_ranks = keeper->indices;
    loan->flags_read |= DISTARRAY_R_GRID_MAP;
    if (access == DISTARRAY_ACCESS_READ) loan->flags_write |= DISTARRAY_W_READ_ONLY;
    keeper = NULL;
    status = distarray_adapter_ok(error);
  }
  distarray_adapter_free_keeper(keeper);
  free(all);
  free(bounds);
  return status;
}

/* --- Borrowing --------------------------------------------------------------------- */

/* Reads a loan's part as HYPRE would order it; refuses what no grid could hold. Local. */
static inline int32_t distarray_hypre_box_of_loan(const distarray_export *loan, int column_major,
                                                  distarray_adapter_box *box,
                                                  distarray_error *error) {
  int i;
  DISTARRAY_ADAPTER_TRY(distarray_hypre_open(
      loan, DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_box_of_loan(loan, column_major, DISTARRAY_HYPRE_MAX_INDEX,
                                                      box, error));
  if (box->dof != 1)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE,
                                    distarray_adapter_component_axis(loan), "size", 1, box->dof,
                                    "a StructVector has one component: lend each on its own, with "
                                    "elements packed");
  if (loan->process_count != box->processes)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "process_count",
                                    box->processes, loan->process_count,
                                    "a grid has every cell once: split the communicator, and lend "
                                    "each replica on its own");
  for (i = 0; i < box->dim; i++)
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(box->axis[i].size, DISTARRAY_HYPRE_MAX_LOCAL,
                                                        box->number[i], "size", error));
  return distarray_adapter_check_index(distarray_adapter_box_elements(box),
                                       DISTARRAY_HYPRE_MAX_LOCAL, -1, "shape", error);
}

typedef struct distarray_hypre_grid_request {
  HYPRE_StructGrid     *grid;
  distarray_adapter_box boxes[2]; /* as read in each order of storage */
} distarray_hypre_grid_request;

static inline int32_t distarray_hypre_accept_cells(void *context, const distarray_export *loan,
                                                   int column_major, uint64_t facts[4],
                                                   distarray_error *error) {
  distarray_hypre_grid_request *self = (distarray_hypre_grid_request *)context;
  (void)facts;
  DISTARRAY_ADAPTER_TRY(
      distarray_hypre_box_of_loan(loan, column_major, &self->boxes[column_major], error));
  return distarray_adapter_check_pointer(self->grid, "grid", error);
}

/* Makes the grid of a loan's cells, one box on each rank that has any; a periodic axis
 * is periodic in it. HYPRE's x is the axis that runs fastest in memory. The loan is only
 * looked at. Collective. */
static inline int32_t distarray_hypre_create_struct_grid(MPI_Comm comm, const distarray_export *loan,
                                                         HYPRE_StructGrid *grid,
                                                         distarray_error *error) {
  HYPRE_Int pending, lower[3], upper[3], periodic[3];
  distarray_comm table;
  distarray_error report;
  distarray_adapter_terms terms;
  distarray_hypre_grid_request mine;
  const distarray_adapter_box *box;
  HYPRE_StructGrid made;
  int32_t status;
  int i;
  mine.grid = grid;
  terms.accept = distarray_hypre_accept_cells;
  terms.lies = distarray_adapter_is_packed;
  terms.context = &mine;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_take(comm, loan, &terms, &table, error));
  box = &mine.boxes[terms.order];
  pending = distarray_hypre_begin();
  HYPRE_StructGridCreate(comm, box->dim, &made);
  for (i = 0; i < box->dim; i++) {
    lower[i] = (HYPRE_Int)box->axis[i].start;
    upper[i] = (HYPRE_Int)box->axis[i].stop - 1;
    periodic[i] = box->flags[i] & DISTARRAY_DIM_PERIODIC ? (HYPRE_Int)box->axis[i].size : 0;
  }
  for (i = 0; i < box->dim && lower[i] <= upper[i]; i++) continue;
  if (i == box->dim) HYPRE_StructGridSetExtents(made, lower, upper);
  HYPRE_StructGridSetPeriodic(made, periodic);
  HYPRE_StructGridAssemble(made);
  status = distarray_hypre_end(pending, &report);
  status = distarray_adapter_agree_on(&table, status, &report, error);
  if (status != DISTARRAY_OK) {
    HYPRE_StructGridDestroy(made);
    return status;
  }
  *grid = made;
  return DISTARRAY_OK;
}

/* A vector in a lender's memory. */
typedef struct distarray_hypre_struct_vector {
  HYPRE_StructVector vector;
  distarray_export   loan;
} distarray_hypre_struct_vector;

/* Refuses a loan whose cells are not the grid's one box here, or whose halo is not the
 * same on all ranks, as HYPRE's ghosts are: it is where it goes around the edges, as the
 * collective check proves, and otherwise not. Local. */
static inline int32_t distarray_hypre_check_grid(HYPRE_StructGrid grid,
                                                 const distarray_adapter_box *box,
                                                 distarray_error *error) {
  hypre_BoxArray *boxes;
  int64_t cells = 1;
  int i;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(grid, "grid", error));
  boxes = hypre_StructGridBoxes(grid);
  if (hypre_StructGridNDim(grid) != box->dim)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "ndim",
                                    hypre_StructGridNDim(grid), box->dim,
                                    "the grid has other axes: distarray_hypre_create_struct_grid "
                                    "makes one that fits");
  for (i = 0; i < box->dim; i++) cells *= box->axis[i].stop - box->axis[i].start;
  if (hypre_BoxArraySize(boxes) != (cells > 0))
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "boxes", cells > 0,
                                    hypre_BoxArraySize(boxes),
                                    "a loan is one box on each rank: "
                                    "distarray_hypre_create_struct_grid makes a grid that fits");
  for (i = 0; i < box->dim; i++) {
    const distarray_adapter_axis *axis = &box->axis[i];
    if (axis->padding[0] + axis->padding[1] > 0 && !(box->flags[i] & DISTARRAY_DIM_EDGE_OUTSIDE))
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, box->number[i], "padding", 0,
                                      axis->padding[axis->padding[0] == 0],
                                      "HYPRE's ghosts are as wide on all ranks, around the edges "
                                      "too: widen the halo (DISTARRAY_DIM_EDGE_OUTSIDE), or leave "
                                      "it out");
    if (cells > 0) {
      const hypre_Box *mine = hypre_BoxArrayBox(boxes, 0);
      const int64_t first = hypre_BoxIMinD(mine, i), last = hypre_BoxIMaxD(mine, i);
      if (axis->start != first || axis->stop != last + 1)
        return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, box->number[i],
                                        axis->start != first ? "start" : "stop",
                                        axis->start != first ? first : last + 1,
                                        axis->start != first ? axis->start : axis->stop,
                                        "the grid has other cells here: "
                                        "distarray_hypre_create_struct_grid makes one that fits");
    }
  }
  return DISTARRAY_OK;
}

typedef struct distarray_hypre_struct_request {
  MPI_Comm                       comm;
  HYPRE_StructGrid               grid;
  distarray_hypre_struct_vector *borrowed;
  HYPRE_StructVector             made[2]; /* in each order of storage that is accepted */
} distarray_hypre_struct_request;

/* Makes this rank's part of a vector: HYPRE asks no other rank. */
static inline int32_t distarray_hypre_accept_box(void *context, const distarray_export *loan,
                                                 int column_major, uint64_t facts[4],
                                                 distarray_error *error) {
  distarray_hypre_struct_request *self = (distarray_hypre_struct_request *)context;
  HYPRE_StructVector *made = &self->made[column_major];
  HYPRE_Int pending, ghosts[2 * HYPRE_MAXDIM] = {0};
  distarray_adapter_box box;
  int i;
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_hypre_box_of_loan(loan, column_major, &box, error));
  DISTARRAY_ADAPTER_TRY(distarray_hypre_check_grid(self->grid, &box, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->borrowed, "vector", error));
  for (i = 0; i < 6; i++) ghosts[i] = (HYPRE_Int)box.axis[i / 2].padding[i % 2];
  pending = distarray_hypre_begin();
  HYPRE_StructVectorCreate(self->comm, self->grid, made);
  HYPRE_StructVectorSetNumGhost(*made, ghosts);
  hypre_StructVectorInitializeShell((hypre_StructVector *)*made);
  hypre_StructVectorInitializeData((hypre_StructVector *)*made, (HYPRE_Complex *)loan->data);
  HYPRE_StructVectorAssemble(*made);
  return distarray_hypre_end(pending, error);
}

/* Makes a vector of a loan's memory, on a grid of its cells. Padding becomes HYPRE's
 * ghosts; without any the vector can be a right-hand side, but HYPRE's solvers want a
 * layer of ghosts around the solution. Those around the grid's edges become 0, because
 * HYPRE computes with them. Collective. */
static inline int32_t distarray_hypre_borrow_struct_vector(MPI_Comm comm, HYPRE_StructGrid grid,
                                                           distarray_export *loan,
                                                           distarray_hypre_struct_vector *borrowed,
                                                           distarray_error *error) {
  distarray_comm table;
  distarray_adapter_terms terms;
  distarray_hypre_struct_request mine;
  int32_t status;
  int order;
  mine.comm = comm;
  mine.grid = grid;
  mine.borrowed = borrowed;
  mine.made[0] = mine.made[1] = NULL;
  terms.accept = distarray_hypre_accept_box;
  terms.lies = distarray_adapter_is_packed;
  terms.context = &mine;
  status = distarray_adapter_take(comm, loan, &terms, &table, error);
  for (order = 0; order < 2; order++)
    if (mine.made[order] != NULL && (status != DISTARRAY_OK || order != terms.order))
      HYPRE_StructVectorDestroy(mine.made[order]);
  if (status != DISTARRAY_OK) return status;
  borrowed->vector = mine.made[terms.order];
  /* HYPRE's products multiply them by 0, which makes no number of a NaN. */
  hypre_StructVectorClearBoundGhostValues((hypre_StructVector *)borrowed->vector, 1);
  distarray_export_move(&borrowed->loan, loan);
  return DISTARRAY_OK;
}

/* Destroys a borrowed vector and gives its loan back; harmless when that has happened.
 * Local. */
static inline void distarray_hypre_return_struct_vector(distarray_hypre_struct_vector *borrowed) {
  if (borrowed->vector != NULL) HYPRE_StructVectorDestroy(borrowed->vector);
  borrowed->vector = NULL;
  borrowed->loan.consumer_flags |= DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED;
  distarray_export_release(&borrowed->loan);
}

/* What distarray_hypre_borrow_struct_vector takes of an array of ndim axes with halos this
 * wide, for distarray_accommodation_new. axes is room for ndim records. */
static inline distarray_requirements distarray_hypre_struct_vector_requirements(
    int32_t ndim, int64_t halo, distarray_required_axis *axes) {
  distarray_requirements asked = distarray_adapter_rows_requirements(
      ndim, axes, DISTARRAY_LAYOUT_C | DISTARRAY_LAYOUT_FORTRAN, DISTARRAY_HYPRE_DTYPE,
      DISTARRAY_HYPRE_BITS);
  int32_t i;
  for (i = 0; i < ndim; i++) {
    axes[i].proc_grid_size = 0;
    axes[i].padding = halo > 0 ? DISTARRAY_PADDING_HALO_AROUND : DISTARRAY_PADDING_NONE;
    axes[i].halo[0] = axes[i].halo[1] = halo;
  }
  asked.replicas = 1;
  return asked;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_HYPRE_STRUCT_H */
