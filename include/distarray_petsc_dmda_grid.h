/* distarray_petsc_dmda_grid.h - what of a grid this process has, and grids whose vectors lie as
 * loans do. Included by distarray_petsc_dmda.h, which says how to use it.
 */
#ifndef DISTARRAY_PETSC_DMDA_GRID_H
#define DISTARRAY_PETSC_DMDA_GRID_H

#include <petscdmda.h>

#include "distarray_petsc_loans.h"

#ifdef __cplusplus
extern "C" {
#endif

/* This process's box of a grid, with its ghosts as padding if ghosted. */
static inline int32_t distarray_petsc_box_of_grid(DM grid, int ghosted, distarray_adapter_box *box,
                                                  distarray_error *error) {
  PetscInt dim, dof, size[3], processes[3], first[3], cells[3], held_first[3], held[3];
  DMBoundaryType edge[3];
  PetscBool is_dmda;
  int rank, i;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(grid, "grid", error));
  DISTARRAY_PETSC_TRY(PetscObjectTypeCompare((PetscObject)grid, DMDA, &is_dmda));
  if (!is_dmda)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "type", 1, 0,
                                    "the grid is no DMDA: lend its vectors as vectors");
  DISTARRAY_PETSC_TRY(DMDAGetInfo(grid, &dim, &size[0], &size[1], &size[2], &processes[0],
                                  &processes[1], &processes[2], &dof, NULL, &edge[0], &edge[1],
                                  &edge[2], NULL));
  DISTARRAY_PETSC_TRY(DMDAGetCorners(grid, &first[0], &first[1], &first[2], &cells[0], &cells[1],
                                     &cells[2]));
  DISTARRAY_PETSC_TRY(DMDAGetGhostCorners(grid, &held_first[0], &held_first[1], &held_first[2],
                                          &held[0], &held[1], &held[2]));
  MPI_Comm_rank(PetscObjectComm((PetscObject)grid), &rank);
  memset(box, 0, sizeof *box);
  box->dim = (int)dim;
  box->dof = dof;
  for (i = 0; i < 3; i++) {
    distarray_adapter_axis *axis = &box->axis[i];
    axis->size = size[i];
    axis->processes = processes[i];
    axis->place = rank % (int)processes[i];
    rank /= (int)processes[i];
    axis->start = first[i];
    axis->stop = first[i] + cells[i];
    box->number[i] = (int32_t)(dim - 1 - i);
    if (edge[i] == DM_BOUNDARY_TWIST && ghosted)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, dim - 1 - i, "boundary", 0,
                                      DM_BOUNDARY_TWIST,
                                      "the halo of a twisted edge cannot be described");
    if (edge[i] == DM_BOUNDARY_PERIODIC) box->flags[i] |= DISTARRAY_DIM_PERIODIC;
    if (!ghosted || i >= dim) continue;
    if (edge[i] != DM_BOUNDARY_NONE) box->flags[i] |= DISTARRAY_DIM_EDGE_OUTSIDE;
    axis->padding[0] = first[i] - held_first[i];
    axis->padding[1] = held_first[i] + held[i] - axis->stop;
  }
  return DISTARRAY_OK;
}

/* Reads a loan's part as PETSc would order it; refuses what no grid could hold. Local. */
static inline int32_t distarray_petsc_box_of_loan(const distarray_export *loan, int column_major,
                                                  distarray_adapter_box *box,
                                                  distarray_error *error) {
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(loan, DISTARRAY_PETSC_READS, 0,
                                               DISTARRAY_PETSC_DTYPE, DISTARRAY_PETSC_BITS, error));
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_box_of_loan(loan, column_major, PETSC_MAX_INT, box, error));
  return distarray_adapter_check_order(loan, box->processes, box->place, error);
}

/* Refuses parts that are too thin for a stencil: PETSc would, on that rank alone, while
 * the others wait. Local. */
static inline int32_t distarray_petsc_check_width(const distarray_adapter_box *box, PetscInt width,
                                                  distarray_error *error) {
  int i;
  if (width < 0)
    return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, -1, "width", 0, width,
                                    "a stencil's width is not negative");
  for (i = 0; i < box->dim; i++) {
    const distarray_adapter_axis *axis = &box->axis[i];
    const int64_t cells = axis->stop - axis->start;
    const int crossed = axis->processes > 1 || (box->flags[i] & DISTARRAY_DIM_PERIODIC);
    const int64_t least = crossed && width > 1 ? width : 1;
    if (cells < least)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, box->number[i], "shape",
                                      least, cells,
                                      "PETSc wants as many cells as its stencil is wide, and one, on "
                                      "every rank: take fewer ranks, or distarray_accommodation_new "
                                      "with least copies them into other blocks");
  }
  return DISTARRAY_OK;
}

/* What each rank tells of its part, axis by axis. */
typedef struct distarray_petsc_share {
  int64_t cells[3];
  int64_t outside[3]; /* padding around the grid's edges */
  int64_t stencil, width;
} distarray_petsc_share;

static inline distarray_petsc_share distarray_petsc_share_of(const distarray_adapter_box *box,
                                                             DMDAStencilType stencil,
                                                             PetscInt width) {
  distarray_petsc_share share;
  int i;
  share.stencil = stencil;
  share.width = width;
  for (i = 0; i < 3; i++) {
    const distarray_adapter_axis *axis = &box->axis[i];
    share.cells[i] = axis->stop - axis->start;
    share.outside[i] = axis->place == 0 ? axis->padding[0] : 0;
    if (axis->place == axis->processes - 1) share.outside[i] += axis->padding[1];
  }
  return share;
}

/* The cells of every process along each axis, from the shares of all ranks, and the
 * edges that give an axis the ghosts that it has. */
static inline void distarray_petsc_gathered(const distarray_adapter_box *box,
                                            const distarray_petsc_share *all, PetscInt *cells[3],
                                            DMBoundaryType edge[3]) {
  int64_t step = 1, j;
  int i;
  for (i = 0; i < 3; i++) {
    edge[i] = DM_BOUNDARY_NONE;
    for (j = 0; j < box->axis[i].processes; j++) {
      const distarray_petsc_share *share = &all[j * step];
      cells[i][j] = (PetscInt)share->cells[i];
      if (share->outside[i] > 0) edge[i] = DM_BOUNDARY_GHOSTED;
    }
    if (box->flags[i] & DISTARRAY_DIM_PERIODIC) edge[i] = DM_BOUNDARY_PERIODIC;
    step *= box->axis[i].processes;
  }
}

static inline PetscErrorCode distarray_petsc_new_grid(MPI_Comm comm, const distarray_adapter_box *box,
                                                      const distarray_petsc_share *all,
                                                      DMDAStencilType stencil, PetscInt width,
                                                      DM *grid) {
  PetscInt *cells[3];
  DMBoundaryType edge[3];
  PetscFunctionBegin;
  PetscCall(PetscMalloc3(box->axis[0].processes, &cells[0], box->axis[1].processes, &cells[1],
                         box->axis[2].processes, &cells[2]));
  distarray_petsc_gathered(box, all, cells, edge);
  PetscCall(DMDACreate(comm, grid));
  PetscCall(DMSetDimension(*grid, box->dim));
  PetscCall(DMDASetSizes(*grid, (PetscInt)box->axis[0].size, (PetscInt)box->axis[1].size,
                         (PetscInt)box->axis[2].size));
  PetscCall(DMDASetNumProcs(*grid, (PetscInt)box->axis[0].processes,
                            (PetscInt)box->axis[1].processes, (PetscInt)box->axis[2].processes));
  PetscCall(DMDASetBoundaryType(*grid, edge[0], edge[1], edge[2]));
  PetscCall(DMDASetDof(*grid, (PetscInt)box->dof));
  PetscCall(DMDASetStencilType(*grid, stencil));
  PetscCall(DMDASetStencilWidth(*grid, width));
  PetscCall(DMDASetOwnershipRanges(*grid, cells[0], box->dim > 1 ? cells[1] : NULL,
                                   box->dim > 2 ? cells[2] : NULL));
  PetscCall(DMSetUp(*grid));
  PetscCall(PetscFree3(cells[0], cells[1], cells[2]));
  PetscFunctionReturn((PetscErrorCode)0);
}

typedef struct distarray_petsc_grid_request {
  DM                   *grid;
  PetscInt              width;
  int64_t               ranks;
  distarray_adapter_box boxes[2]; /* as read in each order of storage */
  distarray_petsc_share *all;     /* room for one of each rank        */
} distarray_petsc_grid_request;

static inline int32_t distarray_petsc_accept_grid(void *context, const distarray_export *loan,
                                                  int column_major, uint64_t facts[4],
                                                  distarray_error *error) {
  distarray_petsc_grid_request *self = (distarray_petsc_grid_request *)context;
  distarray_adapter_box *box = &self->boxes[column_major];
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_box_of_loan(loan, column_major, box, error));
  DISTARRAY_ADAPTER_TRY(distarray_petsc_check_width(box, self->width, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->grid, "grid", error));
  if (self->all == NULL)
    self->all = (distarray_petsc_share *)malloc(sizeof *self->all * (size_t)loan->process_count);
  if (self->all != NULL) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "grid", 1, 0,
                                  "no memory for the parts of all ranks");
}

/* Learns the shares of all ranks; refuses stencils that they do not agree on. Collective. */
static inline int32_t distarray_petsc_gather_shares(const distarray_comm *comm,
                                                    const distarray_petsc_share *mine,
                                                    distarray_petsc_share *all,
                                                    distarray_error *error) {
  int64_t i;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_messages(
      comm->allgather(comm->context, mine, sizeof *mine, all), error));
  for (i = 1; i < comm->size; i++) {
    const int kinds = all[i].stencil != all[0].stencil;
    if (!kinds && all[i].width == all[0].width) continue;
    distarray_adapter_refuse(error, DISTARRAY_E_INVARIANT, -1, kinds ? "stencil" : "width",
                             kinds ? all[0].stencil : all[0].width,
                             kinds ? all[i].stencil : all[i].width,
                             "all ranks ask for the same stencil");
    if (error != NULL) distarray_adapter_name_rank(error, i);
    return DISTARRAY_E_INVARIANT;
  }
  return DISTARRAY_OK;
}

/* Makes a grid whose vectors lie as a loan does: its cells, processes and components,
 * its edges (periodic; ghosts around them if there is padding outside), and a stencil of
 * this kind and width. The loan is only looked at. Collective. */
static inline int32_t distarray_petsc_create_dmda(MPI_Comm comm, const distarray_export *loan,
                                                  DMDAStencilType stencil, PetscInt width,
                                                  DM *grid, distarray_error *error) {
  distarray_comm table;
  distarray_adapter_terms terms;
  distarray_petsc_grid_request mine;
  PetscErrorCode code = 0;
  DM made = NULL;
  int32_t status;
  mine.grid = grid;
  mine.width = width;
  mine.all = NULL;
  terms.accept = distarray_petsc_accept_grid;
  terms.lies = distarray_adapter_is_packed;
  terms.context = &mine;
  status = distarray_adapter_take(comm, loan, &terms, &table, error);
  if (status == DISTARRAY_OK) {
    const distarray_adapter_box *box = &mine.boxes[terms.order];
    const distarray_petsc_share share = distarray_petsc_share_of(box, stencil, width);
    status = distarray_petsc_gather_shares(&table, &share, mine.all, error);
    if (status == DISTARRAY_OK)
      code = distarray_petsc_new_grid(comm, box, mine.all, stencil, width, &made);
  }
  free(mine.all);
  if (code != 0) {
    if (made != NULL && DMDestroy(&made) != 0) made = NULL;
    return distarray_petsc_failed(code, error);
  }
  if (status == DISTARRAY_OK) *grid = made;
  return status;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_PETSC_DMDA_GRID_H */
