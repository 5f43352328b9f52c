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

#include "distarray_petsc.h"
#include "distarray_petsc_dmda_grid.h"

#ifdef __cplusplus
extern "C" {
#endif

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
