/* The vectors of PETSc's grids, lent and borrowed: 1-D to 3-D, components, all edges,
 * C's order and Fortran's, on any number of ranks. Every element by the grid's own
 * indices, halos against the index they stand for. */
#include <distarray.h>
#include <distarray_petsc_dmda.h>

#define ELEMENT PetscScalar
#define ELEMENT_CODE DISTARRAY_PETSC_DTYPE
#include "block.h"
#include "../common/check.h"

#define TRY(call) PetscCallAbort(PETSC_COMM_WORLD, call)

typedef struct problem {
  int            dim, dof;      /* axes x, y, z of the grid              */
  int            width;         /* of the stencil                        */
  DMBoundaryType edge;          /* of all axes                           */
  int            column_major;  /* the lender's order                    */
} problem;

/* As many processes along x as divide the ranks, the rest along the last axis. */
static void cut(const problem *p, int64_t size_[3], int64_t processes[3], int64_t place[3]) {
  const int64_t cells[3] = {13, 11, 9};
  int64_t left = size, at = rank;
  for (int i = 0; i < 3; i++) {
    size_[i] = i < p->dim ? cells[i] : 1;
    processes[i] = i == p->dim - 1 ? left : i == 0 && left % 2 == 0 && p->dim > 1 ? 2 : 1;
    if (i >= p->dim) processes[i] = 1;
    left /= processes[i];
    place[i] = at % processes[i];
    at /= processes[i];
  }
}

/* Blocks of at least two cells, uneven. */
static int64_t first_cell(int64_t extent, int64_t n, int64_t place) {
  return 2 * place + bound(extent - 2 * n, n, place);
}

/* A block of the problem, with a halo or packed; which of the block's axes is x. */
static block block_of(const problem *p, int haloed, int axis_of[3]) {
  block b = block_on(p->dim + (p->dof > 1), rank, size);
  int64_t cells[3], processes[3], place[3];
  cut(p, cells, processes, place);
  for (int i = 0; i < p->dim; i++) {
    const int axis = p->column_major ? i + (p->dof > 1) : p->dim - 1 - i;
    const int inner[2] = {place[i] > 0, place[i] < processes[i] - 1};
    distarray_dim *dim = &b.dims[axis];
    axis_of[i] = axis;
    *dim = distarray_dim_block(cells[i], processes[i], place[i],
                               first_cell(cells[i], processes[i], place[i]),
                               first_cell(cells[i], processes[i], place[i] + 1));
    if (p->edge == DM_BOUNDARY_PERIODIC) dim->flags |= DISTARRAY_DIM_PERIODIC;
    if (!haloed) continue;
    if (p->edge != DM_BOUNDARY_NONE) {
      distarray_dim_add_halo(dim, p->width, p->width);
    } else { /* the halo ends at the edges */
      dim->padding[0] = inner[0] * p->width;
      dim->padding[1] = inner[1] * p->width;
      dim->start -= dim->padding[0];
      dim->stop += dim->padding[1];
    }
  }
  if (p->dof > 1) {
    const int axis = p->column_major ? 0 : p->dim;
    b.dims[axis] = distarray_dim_whole(p->dof);
    b.dims[axis].flags = DISTARRAY_DIM_COMPONENT;
  }
  b.column_major = p->column_major;
  if (p->column_major) b.flags_read = DISTARRAY_R_GRID_COLMAJOR;
  block_alloc(&b);
  return b;
}

/* The position of a cell's component in the block's whole array. */
static PetscScalar expected(const problem *p, const distarray_export *view, const int axis_of[3],
                            const PetscInt cell[3], int component) {
  int64_t index[MAX_NDIM] = {0};
  for (int i = 0; i < p->dim; i++) index[axis_of[i]] = cell[i];
  if (p->dof > 1) index[p->column_major ? 0 : p->dim] = component;
  return (PetscScalar)(double)linear(view, index);
}

/* Calls PETSc's own global numbering: every owned cell's value by VecGetValues. */
static void check_global(const problem *p, DM grid, Vec vec, const distarray_export *view,
                         const int axis_of[3], PetscScalar added) {
  PetscInt at[3], n[3], cell[3];
  ISLocalToGlobalMapping map;
  PetscInt ghost[3], held[3];
  TRY(DMDAGetCorners(grid, &at[0], &at[1], &at[2], &n[0], &n[1], &n[2]));
  TRY(DMDAGetGhostCorners(grid, &ghost[0], &ghost[1], &ghost[2], &held[0], &held[1], &held[2]));
  TRY(DMGetLocalToGlobalMapping(grid, &map));
  for (cell[2] = at[2]; cell[2] < at[2] + n[2]; cell[2]++)
    for (cell[1] = at[1]; cell[1] < at[1] + n[1]; cell[1]++)
      for (cell[0] = at[0]; cell[0] < at[0] + n[0]; cell[0]++)
        for (int c = 0; c < p->dof; c++) {
          PetscInt local = (((cell[2] - ghost[2]) * held[1] + cell[1] - ghost[1]) * held[0] +
                            cell[0] - ghost[0]) * p->dof + c;
          PetscInt global;
          PetscScalar found;
          TRY(ISLocalToGlobalMappingApply(map, 1, &local, &global));
          TRY(VecGetValues(vec, 1, &global, &found));
          check(found == expected(p, view, axis_of, cell, c) + added);
        }
}

/* A borrowed block: PETSc reads it by its indices and fills its halo. */
static void borrow(const problem *p) {
  int axis_of[3];
  distarray_export loan, haloed_view, packed_view;
  block haloed = block_of(p, 1, axis_of), packed = block_of(p, 0, axis_of);
  DM grid;
  Vec local, global, copy;
  haloed_view = view_of(&haloed);
  packed_view = view_of(&packed);
  fill(&haloed_view, 0);
  fill(&packed_view, 0);

  block_lend(&haloed, &loan);
  must(distarray_petsc_create_dmda(comm, &loan, DMDA_STENCIL_BOX, p->width, &grid, &error));
  check(distarray_export_is_live(&loan));
  must(distarray_petsc_borrow_dmda_local(comm, grid, &loan, &local, &error));
  const PetscScalar *elements;
  TRY(VecGetArrayRead(local, &elements));
  check(elements == haloed.data);
  TRY(VecRestoreArrayRead(local, &elements));
  TRY(DMLocalToLocalBegin(grid, local, INSERT_VALUES, local));
  TRY(DMLocalToLocalEnd(grid, local, INSERT_VALUES, local));
  for (int64_t i = 0; i < elements_of(&haloed_view); i++) {
    const element e = element_at(&haloed_view, i);
    int inside = 1;
    for (int k = 0; k < p->dim; k++)
      inside = inside && e.index[axis_of[k]] >= 0 &&
               e.index[axis_of[k]] < haloed.dims[axis_of[k]].size;
    if (inside || p->edge == DM_BOUNDARY_PERIODIC)
      check(*e.at == (PetscScalar)(double)linear(&haloed_view, e.index));
    else
      check(*e.at == (PetscScalar)-1); /* nobody's */
  }

  block_lend(&packed, &loan);
  must(distarray_petsc_borrow_dmda_global(comm, grid, &loan, &global, &error));
  TRY(VecGetArrayRead(global, &elements));
  check(elements == packed.data);
  TRY(VecRestoreArrayRead(global, &elements));
  check_global(p, grid, global, &packed_view, axis_of, 0);

  /* From the one's memory to the other's, and PETSc's own vectors beside them. */
  TRY(VecShift(global, 3));
  TRY(DMGlobalToLocal(grid, global, INSERT_VALUES, local));
  check(is_filled(&haloed_view, 3) && is_filled(&packed_view, 3));
  TRY(VecDuplicate(global, &copy));
  TRY(VecCopy(global, copy));
  check_global(p, grid, copy, &packed_view, axis_of, 3);
  if (p->edge == DM_BOUNDARY_NONE) { /* PETSc offers it for some edges only */
    TRY(DMLocalToGlobal(grid, local, INSERT_VALUES, copy));
    check_global(p, grid, copy, &packed_view, axis_of, 3);
  }

  /* The grid may go before its vectors. */
  TRY(DMDestroy(&grid));
  TRY(VecDestroy(&local));
  check(haloed.released == 1 &&
        haloed.consumer_flags == (DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED));
  TRY(VecDestroy(&global));
  check(packed.released == 1 && packed.consumer_flags == DISTARRAY_C_MODIFIED);
  TRY(VecDestroy(&copy));
  block_free(&haloed);
  block_free(&packed);
}

/* Axes (component, y, x): each component of all cells after the other. The library puts
 * those of a cell side by side, and PETSc works in that. */
static void accommodate(void) {
  distarray_required_axis axes[3];
  const distarray_requirements asked = distarray_petsc_dmda_requirements(3, axes);
  distarray_request writing = DISTARRAY_REQUEST_INIT;
  distarray_array *array, *handed;
  distarray_distribution *whole;
  distarray_accommodation *way;
  distarray_export loan, view;
  block b = block_on(3, rank, size);
  DM grid;
  Vec global;
  PetscInt dim, columns, rows, dof, block_size;
  writing.access = DISTARRAY_ACCESS_READ_WRITE;
  writing.known_flags_read = DISTARRAY_R_KNOWN_1_0;
  writing.known_flags_write = DISTARRAY_W_KNOWN_1_0;
  b.dims[0] = distarray_dim_whole(2);
  b.dims[0].flags |= DISTARRAY_DIM_COMPONENT;
  /* No row for the last rank. */
  const int64_t most = size > 1 ? size - 1 : 1, at = rank < most ? rank : most;
  b.dims[1] = distarray_dim_block(5 * most, size, rank, 5 * at, rank < most ? 5 * at + 5 : 5 * most);
  b.dims[2] = distarray_dim_whole(7);
  block_alloc(&b);
  view = view_of(&b);
  fill(&view, 0);
  block_lend(&b, &loan);
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_distribution_gather(&table, array, &whole, &error));
  must(distarray_accommodation_new(whole, array, &asked, &way, &error));
  must(distarray_accommodation_hand_over(way, array, &handed, &error));
  must(distarray_array_export(handed, &writing, &loan, &error));
  check(loan.flags_info & DISTARRAY_I_COPIED);
  check(is_filled(&loan, 0) && loan.shape[1] > 0 && loan.strides[0] == loan.itemsize);
  must(distarray_petsc_create_dmda(comm, &loan, DMDA_STENCIL_BOX, 1, &grid, &error));
  TRY(DMDAGetInfo(grid, &dim, &columns, &rows, NULL, NULL, NULL, NULL, &dof, NULL, NULL, NULL, NULL,
                  NULL));
  check(dim == 2 && columns == 7 && rows == 5 * most && dof == 2);
  must(distarray_petsc_borrow_dmda_global(comm, grid, &loan, &global, &error));
  TRY(VecGetBlockSize(global, &block_size));
  check(block_size == 2);
  /* By PETSc's words: cell (y, x), component c. */
  PetscScalar ***cells;
  PetscInt x, y, nx, ny;
  TRY(DMDAGetCorners(grid, &x, &y, NULL, &nx, &ny, NULL));
  TRY(DMDAVecGetArrayDOF(grid, global, &cells));
  for (PetscInt j = y; j < y + ny; j++)
    for (PetscInt i = x; i < x + nx; i++)
      for (PetscInt c = 0; c < 2; c++) {
        check(cells[j][i][c] == (PetscScalar)(double)((c * rows + j) * 7 + i));
        cells[j][i][c] += 3;
      }
  TRY(DMDAVecRestoreArrayDOF(grid, global, &cells));
  TRY(VecDestroy(&global));
  TRY(DMDestroy(&grid));
  must(distarray_accommodation_take_back(way, handed, array, &error));
  check(is_filled(&view, 3));
  distarray_accommodation_free(way);
  distarray_array_free(handed);
  distarray_distribution_free(whole);
  distarray_array_free(array);
  check(b.released == 1);
  block_free(&b);
}

/* PETSc's own grid: its global and its local vector as loans, and back again. */
static void lend(const problem *p) {
  int64_t cells[3], processes[3], place[3];
  int axis_of[3];
  distarray_export loan, view;
  DM grid;
  Vec global, local, again;
  PetscReal before, after;
  cut(p, cells, processes, place);
  TRY(DMDACreate(comm, &grid));
  TRY(DMSetDimension(grid, p->dim));
  TRY(DMDASetSizes(grid, cells[0], cells[1], cells[2]));
  TRY(DMDASetNumProcs(grid, processes[0], processes[1], processes[2]));
  TRY(DMDASetBoundaryType(grid, p->edge, p->edge, p->edge));
  TRY(DMDASetDof(grid, p->dof));
  TRY(DMDASetStencilType(grid, DMDA_STENCIL_BOX));
  TRY(DMDASetStencilWidth(grid, p->width));
  TRY(DMSetUp(grid));
  TRY(DMCreateGlobalVector(grid, &global));
  TRY(DMCreateLocalVector(grid, &local));

  must(distarray_petsc_lend_dmda(grid, global, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check(loan.ndim == p->dim + (p->dof > 1) && loan.dims[p->dim - 1].size == cells[0]);
  for (int i = 0; i < 3; i++) axis_of[i] = p->dim - 1 - i;
  fill(&loan, 0);
  view = loan;
  const problem c_order = {p->dim, p->dof, p->width, p->edge, 0};
  check_global(&c_order, grid, global, &view, axis_of, 0);
  distarray_export_release(&loan);

  /* Filled by PETSc, read through the loan: every ghost is the element it stands for. */
  TRY(DMGlobalToLocal(grid, global, INSERT_VALUES, local));
  must(distarray_petsc_lend_dmda(grid, local, DISTARRAY_ACCESS_READ, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  for (int64_t i = 0; i < elements_of(&loan); i++) {
    const element e = element_at(&loan, i);
    int inside = 1;
    for (int k = 0; k < p->dim; k++)
      inside = inside && e.index[k] >= 0 && e.index[k] < loan.dims[k].size;
    if (inside || p->edge == DM_BOUNDARY_PERIODIC)
      check(*e.at == (PetscScalar)(double)linear(&loan, e.index));
  }
  distarray_export_release(&loan);

  /* What one lends the other borrows, halo and all; PETSc forgets the old norm. */
  TRY(VecNorm(local, NORM_1, &before));
  must(distarray_petsc_lend_dmda(grid, local, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  const int64_t held = elements_of(&loan);
  must(distarray_petsc_borrow_dmda_local(comm, grid, &loan, &again, &error));
  TRY(VecSet(again, 9999));
  TRY(VecDestroy(&again));
  TRY(VecNorm(local, NORM_1, &after));
  check(after == (PetscReal)(9999 * held) && after != before);

  /* A grid has two kinds of vectors, and no third. */
  TRY(VecCreateSeq(PETSC_COMM_SELF, 1000000, &again));
  check(distarray_petsc_lend_dmda(grid, again, DISTARRAY_ACCESS_READ, &loan, &error) ==
        DISTARRAY_E_SHAPE);
  TRY(VecDestroy(&again));
  TRY(VecDestroy(&local));
  TRY(VecDestroy(&global));
  TRY(DMDestroy(&grid));
}

int main(int argc, char **argv) {
  const DMBoundaryType edges[] = {DM_BOUNDARY_NONE, DM_BOUNDARY_GHOSTED, DM_BOUNDARY_PERIODIC};
  start(&argc, &argv);
  TRY(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int dim = 1; dim <= 3; dim++)
    for (int dof = 1; dof <= 2; dof++)
      for (int e = 0; e < 3; e++) {
        problem p = {dim, dof, 1 + (dim == 2), edges[e], 0};
        lend(&p);
        borrow(&p);
        p.column_major = 1;
        borrow(&p);
      }
  accommodate();
  TRY(PetscFinalize());
  return finish("petsc_dmda");
}
