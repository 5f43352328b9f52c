/* distarray_petsc_dmda.h - the vectors of PETSc's structured grids as loans, and loans
 * as them. See distarray_petsc.h for what lending and borrowing mean.
 *
 *   #include <distarray_petsc_dmda.h>
 *
 *   int main(int argc, char **argv) {
 *     DM mine, grid;
 *     Vec u, local;
 *     distarray_export loan; // of blocks with a halo; may come from anyone
 *     distarray_error error;
 *     PetscInitialize(&argc, &argv, NULL, NULL);
 *     DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_PERIODIC, DM_BOUNDARY_PERIODIC, DMDA_STENCIL_BOX,
 *                  8, 8, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &mine);
 *     DMSetUp(mine);
 *     DMCreateLocalVector(mine, &u);
 *     if (distarray_petsc_lend_dmda(mine, u, DISTARRAY_ACCESS_READ_WRITE, &loan, &error) ||
 *         distarray_petsc_create_dmda(PETSC_COMM_WORLD, &loan, DMDA_STENCIL_BOX, 1, &grid, &error) ||
 *         distarray_petsc_borrow_dmda_local(PETSC_COMM_WORLD, grid, &loan, &local, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(PETSC_COMM_WORLD, 1);
 *     }
 *     DMLocalToLocalBegin(grid, local, INSERT_VALUES, local); // fills the lender's halo
 *     DMLocalToLocalEnd(grid, local, INSERT_VALUES, local);
 *     VecDestroy(&local); // gives it back
 *     DMDestroy(&grid);
 *     VecDestroy(&u);
 *     DMDestroy(&mine);
 *     return PetscFinalize();
 *   }
 *
 * A grid's axes are (z, y, x) here, with a last one of the components where dof is
 * above 1: x runs fastest in memory and among the ranks. A loan's axis of components may
 * stand anywhere if it is the fastest in memory. A loan in Fortran's order, (x, y,
 * z) with the first axis fastest, is taken too; its process_rank then runs fastest
 * along x as well (DISTARRAY_R_GRID_COLMAJOR).
 */
#ifndef DISTARRAY_PETSC_DMDA_H
#define DISTARRAY_PETSC_DMDA_H

#include <petscdmda.h>

#include "distarray_petsc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- What a grid is ---------------------------------------------------------- */

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

/* --- Lending ------------------------------------------------------------------ */

static inline int32_t distarray_petsc_describe_dmda(distarray_petsc_lease *lease, DM grid, Vec vec,
                                                    distarray_export *loan,
                                                    distarray_error *error) {
  distarray_adapter_box box;
  PetscInt elements;
  int ghosted, i;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_open_vec(lease, vec, error));
  DISTARRAY_PETSC_TRY(VecGetLocalSize(vec, &elements));
  /* As DMDAVecGetArray finds out; where both fit they are the same. */
  for (ghosted = 0;; ghosted++) {
    DISTARRAY_ADAPTER_TRY(distarray_petsc_box_of_grid(grid, ghosted, &box, error));
    if (distarray_adapter_box_elements(&box) == elements) break;
    if (ghosted)
      return distarray_adapter_refuse(error, DISTARRAY_E_SHAPE, -1, "size",
                                      distarray_adapter_box_elements(&box), elements,
                                      "the vector is neither a global nor a local one of this grid");
  }
  for (i = 0; i < box.dim; i++) {
    const distarray_adapter_axis *axis = &box.axis[i];
    distarray_dim *dim = &lease->dims[box.number[i]];
    *dim = distarray_dim_block(axis->size, axis->processes, axis->place,
                               axis->start - axis->padding[0], axis->stop + axis->padding[1]);
    dim->flags = box.flags[i];
    dim->padding[0] = axis->padding[0];
    dim->padding[1] = axis->padding[1];
    lease->shape[box.number[i]] = dim->stop - dim->start;
  }
  if (box.dof > 1) distarray_petsc_add_components(lease, box.dim, (PetscInt)box.dof);
  return distarray_petsc_fill(lease, box.dim + (box.dof > 1), PetscObjectComm((PetscObject)grid),
                              loan, error);
}

/* Lends a global vector of a grid, or a local one with its ghosts as padding. Ghosts
 * around the grid's edges lie outside the array (DISTARRAY_DIM_EDGE_OUTSIDE). Local. */
static inline int32_t distarray_petsc_lend_dmda(DM grid, Vec vec, uint32_t access,
                                                distarray_export *loan, distarray_error *error) {
  distarray_petsc_lease *lease = NULL;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_new_lease((PetscObject)vec, access, &lease, error));
  status = distarray_petsc_describe_dmda(lease, grid, vec, loan, error);
  if (status != DISTARRAY_OK) distarray_petsc_end(lease);
  return status;
}

/* --- Borrowing ---------------------------------------------------------------- */

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

/* Refuses a part that is not the grid's own. Local. */
static inline int32_t distarray_petsc_check_box(const distarray_adapter_box *box,
                                                const distarray_adapter_box *wanted,
                                                distarray_error *error) {
  int i;
  if (box->dim != wanted->dim || box->dof != wanted->dof)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1,
                                    box->dim != wanted->dim ? "ndim" : "component size",
                                    box->dim != wanted->dim ? wanted->dim : wanted->dof,
                                    box->dim != wanted->dim ? box->dim : box->dof,
                                    "the grid has other axes or components: "
                                    "distarray_petsc_create_dmda makes one that fits");
  for (i = 0; i < box->dim; i++) {
    const distarray_adapter_axis *a = &box->axis[i], *b = &wanted->axis[i];
    const char *fields[] = {"size", "proc_grid_size", "proc_grid_rank", "start", "stop", "padding",
                            "padding"};
    const int64_t found[] = {a->size, a->processes, a->place, a->start, a->stop, a->padding[0],
                             a->padding[1]};
    const int64_t expected[] = {b->size, b->processes, b->place, b->start, b->stop, b->padding[0],
                                b->padding[1]};
    size_t k;
    for (k = 0; k < sizeof found / sizeof *found; k++)
      if (found[k] != expected[k])
        return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, box->number[i], fields[k],
                                        expected[k], found[k],
                                        "the grid has other cells or ghosts: "
                                        "distarray_petsc_create_dmda makes one that fits");
  }
  return DISTARRAY_OK;
}

static inline int32_t distarray_petsc_check_dmda(DM grid, const distarray_export *loan, int ghosted,
                                                 distarray_adapter_box *box,
                                                 distarray_error *error) {
  distarray_adapter_box wanted;
  distarray_error report;
  int32_t status = DISTARRAY_OK;
  int column_major;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_box_of_grid(grid, ghosted, &wanted, error));
  /* A part that fits in both orders is a single line, the same in either. */
  for (column_major = 0; column_major < 2; column_major++) {
    const int32_t lies = distarray_petsc_box_of_loan(loan, column_major, box, &report);
    const int32_t fits =
        lies == DISTARRAY_OK ? distarray_petsc_check_box(box, &wanted, &report) : lies;
    if (fits == DISTARRAY_OK) /* with its ghosts a part may count more than the grid does */
      return distarray_adapter_check_index(distarray_adapter_box_elements(box), PETSC_MAX_INT, -1,
                                           "shape", error);
    if (column_major && lies != DISTARRAY_OK) break; /* the first order's report tells more */
    status = fits;
    *error = report;
  }
  return status;
}

static inline PetscErrorCode distarray_petsc_wrap_dmda(DM grid, const distarray_adapter_box *box,
                                                       int ghosted, const PetscScalar *elements,
                                                       Vec *vec) {
  const MPI_Comm comm = ghosted ? PETSC_COMM_SELF : PetscObjectComm((PetscObject)grid);
  const PetscInt bs = (PetscInt)box->dof, n = (PetscInt)distarray_adapter_box_elements(box);
  const PetscInt all = bs * (PetscInt)(box->axis[0].size * box->axis[1].size * box->axis[2].size);
  ISLocalToGlobalMapping map;
  PetscFunctionBegin;
  PetscCall(distarray_petsc_wrap(comm, bs, n, ghosted ? n : all, elements, vec));
  PetscCall(VecSetDM(*vec, grid));
  if (!ghosted) {
    PetscCall(DMGetLocalToGlobalMapping(grid, &map));
    PetscCall(VecSetLocalToGlobalMapping(*vec, map));
  }
  PetscFunctionReturn((PetscErrorCode)0);
}

/* Refuses the grid of another communicator. Local. */
static inline int32_t distarray_petsc_check_comm(MPI_Comm comm, DM grid, distarray_error *error) {
  int how = MPI_UNEQUAL;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(grid, "grid", error));
  MPI_Comm_compare(comm, PetscObjectComm((PetscObject)grid), &how);
  if (how == MPI_IDENT || how == MPI_CONGRUENT) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_GRID, -1, "comm", MPI_CONGRUENT, how,
                                  "the grid is one of other ranks, or of another order of them: "
                                  "pass its communicator");
}

typedef struct distarray_petsc_box_request {
  MPI_Comm              comm;
  DM                    grid;
  int                   ghosted;
  Vec                  *vec;
  distarray_adapter_box box;
} distarray_petsc_box_request;

static inline int32_t distarray_petsc_accept_box(void *context, const distarray_export *loan,
                                                 int column_major, uint64_t facts[4],
                                                 distarray_error *error) {
  distarray_petsc_box_request *self = (distarray_petsc_box_request *)context;
  (void)column_major; /* a part of either order is taken where it is the grid's own */
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_check_comm(self->comm, self->grid, error));
  DISTARRAY_ADAPTER_TRY(
      distarray_petsc_check_dmda(self->grid, loan, self->ghosted, &self->box, error));
  return distarray_adapter_check_pointer(self->vec, "vec", error);
}

static inline int32_t distarray_petsc_borrow_box(MPI_Comm comm, DM grid, distarray_export *loan,
                                                 int ghosted, Vec *vec, distarray_error *error) {
  distarray_comm table;
  distarray_petsc_box_request mine;
  Vec made = NULL;
  mine.comm = comm;
  mine.grid = grid;
  mine.ghosted = ghosted;
  mine.vec = vec;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_take_if(comm, loan, distarray_petsc_accept_box, &mine,
                                                  &table, error));
  return distarray_petsc_give_vec(
      distarray_petsc_wrap_dmda(grid, &mine.box, ghosted, (const PetscScalar *)loan->data, &made),
      &made, loan, ghosted, vec, error);
}

/* Makes a global vector of a grid of a loan's memory, which is packed. Collective over
 * comm, the grid's. */
static inline int32_t distarray_petsc_borrow_dmda_global(MPI_Comm comm, DM grid,
                                                         distarray_export *loan, Vec *vec,
                                                         distarray_error *error) {
  return distarray_petsc_borrow_box(comm, grid, loan, 0, vec, error);
}

/* Makes a local vector of a grid of a loan's memory, whose padding is the grid's ghosts:
 * DMGlobalToLocalBegin and DMLocalToLocalBegin fill it. Collective over comm, the grid's. */
static inline int32_t distarray_petsc_borrow_dmda_local(MPI_Comm comm, DM grid,
                                                        distarray_export *loan, Vec *vec,
                                                        distarray_error *error) {
  return distarray_petsc_borrow_box(comm, grid, loan, 1, vec, error);
}

/* What distarray_petsc_create_dmda and distarray_petsc_borrow_dmda_global take of an array
 * of ndim axes, for distarray_accommodation_new. axes is room for ndim records. For
 * a stencil wider than 1 set least of the axes that are cut to its width. */
static inline distarray_requirements distarray_petsc_dmda_requirements(
    int32_t ndim, distarray_required_axis *axes) {
  distarray_requirements asked = distarray_petsc_vec_requirements(ndim, axes);
  int32_t i;
  for (i = 0; i < ndim; i++) {
    axes[i].proc_grid_size = 0;
    axes[i].least = 1;
  }
  asked.grid_order = 1; /* row-major */
  asked.components = DISTARRAY_COMPONENTS_FASTEST;
  return asked;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_PETSC_DMDA_H */
