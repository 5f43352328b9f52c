/* HYPRE's vectors, lent and borrowed; PCG solves in a lender's haloed memory, whose halo
 * holds anything. Every element by HYPRE's own indices, every address, every release. */
#include <HYPRE_IJ_mv.h>
#include <HYPRE_struct_ls.h>
#include <distarray_hypre.h>
#include <math.h>

#include "block.h"
#include "../common/check.h"

/* --- ParVector ------------------------------------------------------------------ */

static void par_vectors(int64_t rows, int64_t columns) {
  block b = block_on(2, rank, size);
  distarray_export loan, view;
  distarray_hypre_par_vector borrowed;
  b.dims[0] = uneven(rows, size, rank);
  b.dims[1] = distarray_dim_whole(columns);
  block_alloc(&b);
  view = view_of(&b);
  fill(&view, 0);
  block_lend(&b, &loan);
  must(distarray_hypre_borrow_par_vector(comm, &loan, &borrowed, &error));
  check(!distarray_export_is_live(&loan));
  /* HYPRE's public interface: the inner product, and values by global index. */
  HYPRE_Real product;
  const double n = (double)(rows * columns);
  HYPRE_ParVectorInnerProd(borrowed.vector, borrowed.vector, &product);
  check(product == (n - 1) * n * (2 * n - 1) / 6);
  const int64_t first = b.dims[0].start * columns, stop = b.dims[0].stop * columns;
  for (int64_t i = first; i < stop; i++) {
    HYPRE_BigInt index = (HYPRE_BigInt)i;
    HYPRE_Complex found;
    hypre_ParVectorGetValues((hypre_ParVector *)borrowed.vector, 1, &index, &found);
    check(found == (double)i);
  }
  /* Lend it on. */
  must(distarray_hypre_lend_par_vector(borrowed.vector, DISTARRAY_ACCESS_READ, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check((loan.data == (void *)b.data || elements_of(&view) == 0) && is_filled(&loan, 0));
  check(!distarray_export_writable(&loan, 0));
  distarray_export_release(&loan);
  HYPRE_ParVectorSetConstantValues(borrowed.vector, 4);
  for (int64_t i = 0; i < elements_of(&view); i++) check(b.data[i] == 4);
  distarray_hypre_return_par_vector(&borrowed);
  distarray_hypre_return_par_vector(&borrowed);
  check(b.live == 0 && b.released == 1 && b.consumer_flags == DISTARRAY_C_MODIFIED);
  block_free(&b);
}

/* --- StructVector --------------------------------------------------------------- */

/* A box of 12 x 10 cells on a grid of ranks: y along the first axis in C's order. */
static block box_of(int64_t halo, int column_major) {
  block b = block_on(2, rank, size);
  const int64_t n = size % 2 == 0 ? 2 : 1, m = size / n;
  const int y = column_major, x = 1 - column_major;
  b.dims[y] = uneven(12, m, rank / n);
  b.dims[x] = uneven(10, n, rank % n);
  for (int i = 0; i < 2 && halo > 0; i++) distarray_dim_add_halo(&b.dims[i], halo, halo);
  b.column_major = column_major;
  if (column_major) b.flags_read = DISTARRAY_R_GRID_COLMAJOR;
  block_alloc(&b);
  return b;
}

static void struct_vectors(int64_t halo, int column_major) {
  block b = box_of(halo, column_major);
  distarray_export loan, view = view_of(&b);
  distarray_hypre_struct_vector borrowed;
  HYPRE_StructGrid grid;
  fill(&view, 0);
  block_lend(&b, &loan);
  must(distarray_hypre_create_struct_grid(comm, &loan, &grid, &error));
  check(distarray_export_is_live(&loan));
  must(distarray_hypre_borrow_struct_vector(comm, grid, &loan, &borrowed, &error));
  for (int64_t i = 0; i < elements_of(&view); i++) {
    const element e = element_at(&view, i);
    HYPRE_Int at[2] = {(HYPRE_Int)e.index[1 - column_major], (HYPRE_Int)e.index[column_major]};
    HYPRE_Complex found;
    if (!e.owned) continue;
    HYPRE_StructVectorGetValues(borrowed.vector, at, &found);
    check(found == (double)linear(&view, e.index));
    HYPRE_StructVectorAddToValues(borrowed.vector, at, 5);
  }
  check(is_filled(&view, 5));
  /* HYPRE lends it on: axes (y, x), ghosts as padding, places found from the boxes. */
  must(distarray_hypre_lend_struct_vector(comm, borrowed.vector, DISTARRAY_ACCESS_READ, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check(loan.data == (void *)b.data && loan.dims[0].size == 12 && loan.dims[1].size == 10);
  for (int64_t i = 0; i < elements_of(&loan); i++) {
    const element e = element_at(&loan, i);
    const int64_t index[2] = {e.index[column_major], e.index[1 - column_major]};
    if (e.owned) check(*e.at == (double)(linear(&view, index) + 5));
  }
  distarray_export_release(&loan);
  distarray_hypre_return_struct_vector(&borrowed);
  distarray_hypre_return_struct_vector(&borrowed);
  check(b.released == 1 && (b.consumer_flags & DISTARRAY_C_MODIFIED));
  HYPRE_StructGridDestroy(grid);
  block_free(&b);
}

/* An axis that is periodic in the grid is so in what HYPRE lends. */
static void periodic(void) {
  block b = block_on(1, rank, size);
  distarray_export loan;
  distarray_hypre_struct_vector borrowed;
  HYPRE_StructGrid grid;
  b.dims[0] = distarray_dim_block(4 * size, size, rank, 4 * rank, 4 * rank + 4);
  b.dims[0].flags |= DISTARRAY_DIM_PERIODIC;
  distarray_dim_add_halo(&b.dims[0], 1, 1);
  block_alloc(&b);
  block_lend(&b, &loan);
  must(distarray_hypre_create_struct_grid(comm, &loan, &grid, &error));
  must(distarray_hypre_borrow_struct_vector(comm, grid, &loan, &borrowed, &error));
  must(distarray_hypre_lend_struct_vector(comm, borrowed.vector, DISTARRAY_ACCESS_READ, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check(loan.dims[0].flags == b.dims[0].flags && loan.dims[0].start == b.dims[0].start);
  distarray_export_release(&loan);
  distarray_hypre_return_struct_vector(&borrowed);
  HYPRE_StructGridDestroy(grid);
  block_free(&b);
}

/* 5 u - (the four neighbours) = f, in u's own memory; the residual by hand. */
static void solve(void) {
  block u = box_of(1, 0), f = box_of(0, 0);
  distarray_export loan, u_view = view_of(&u), f_view = view_of(&f);
  distarray_hypre_struct_vector solution, load;
  HYPRE_StructGrid grid;
  HYPRE_StructStencil stencil;
  HYPRE_StructMatrix matrix;
  HYPRE_StructSolver solver;
  HYPRE_Int offsets[3][2] = {{0, 0}, {1, 0}, {0, 1}}, entries[3] = {0, 1, 2};
  for (int64_t i = 0; i < elements_of(&f_view); i++) f.data[i] = 1;
  for (int64_t i = 0; i < elements_of(&u_view); i++) {
    const element e = element_at(&u_view, i);
    *e.at = e.owned ? 0 : NAN;
  }
  block_lend(&u, &loan);
  must(distarray_hypre_create_struct_grid(comm, &loan, &grid, &error));
  must(distarray_hypre_borrow_struct_vector(comm, grid, &loan, &solution, &error));
  block_lend(&f, &loan);
  must(distarray_hypre_borrow_struct_vector(comm, grid, &loan, &load, &error));
  HYPRE_StructStencilCreate(2, 3, &stencil);
  for (int k = 0; k < 3; k++) HYPRE_StructStencilSetElement(stencil, k, offsets[k]);
  HYPRE_StructMatrixCreate(comm, grid, stencil, &matrix);
  HYPRE_StructMatrixSetSymmetric(matrix, 1);
  HYPRE_StructMatrixInitialize(matrix);
  for (int64_t i = 0; i < elements_of(&f_view); i++) {
    const element e = element_at(&f_view, i);
    HYPRE_Int at[2] = {(HYPRE_Int)e.index[1], (HYPRE_Int)e.index[0]};
    HYPRE_Complex values[3] = {5, at[0] == 9 ? 0 : -1, at[1] == 11 ? 0 : -1};
    HYPRE_StructMatrixSetValues(matrix, at, 3, entries, values);
  }
  HYPRE_StructMatrixAssemble(matrix);
  HYPRE_StructPCGCreate(comm, &solver);
  HYPRE_StructPCGSetTol(solver, 1e-12);
  HYPRE_StructPCGSetMaxIter(solver, 200);
  HYPRE_StructPCGSetup(solver, matrix, load.vector, solution.vector);
  check(HYPRE_StructPCGSolve(solver, matrix, load.vector, solution.vector) == 0);
  HYPRE_StructPCGDestroy(solver);
  HYPRE_StructMatrixDestroy(matrix);
  HYPRE_StructStencilDestroy(stencil);
  distarray_hypre_return_struct_vector(&solution);
  distarray_hypre_return_struct_vector(&load);
  HYPRE_StructGridDestroy(grid);

  /* The library fills the halo, nothing is outside: the equation holds everywhere. */
  distarray_array *array;
  distarray_distribution *whole;
  distarray_halo *halo;
  for (int64_t i = 0; i < elements_of(&u_view); i++) {
    const element e = element_at(&u_view, i);
    if (!e.owned) *e.at = 0;
  }
  block_lend(&u, &loan);
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_distribution_gather(&table, array, &whole, &error));
  must(distarray_halo_new(whole, 0, &halo, &error));
  must(distarray_halo_update(halo, array, &error));
  const int64_t row = u.shape[1];
  for (int64_t i = 0; i < elements_of(&u_view); i++) {
    const element e = element_at(&u_view, i);
    if (e.owned) check(fabs(5 * e.at[0] - e.at[1] - e.at[-1] - e.at[row] - e.at[-row] - 1) < 1e-9);
  }
  distarray_halo_free(halo);
  distarray_distribution_free(whole);
  distarray_array_free(array);
  block_free(&u);
  block_free(&f);
}

/* --- Refusals ------------------------------------------------------------------- */

static void refuse(void) {
  distarray_export loan;
  distarray_hypre_par_vector par = {NULL, DISTARRAY_EXPORT_INIT};
  distarray_hypre_struct_vector vector = {NULL, DISTARRAY_EXPORT_INIT};
  HYPRE_StructGrid grid;
  block b = box_of(0, 1); /* columns are no rows */
  block_lend(&b, &loan);
  if (size > 1)
    refused_with(distarray_hypre_borrow_par_vector(comm, &loan, &par, &error), DISTARRAY_E_UNACCEPTABLE,
            size == 2 ? "strides" : "proc_grid_size", "distarray_accommodation_new");
  must(distarray_hypre_create_struct_grid(comm, &loan, &grid, &error));
  distarray_export_release(&loan);
  block_free(&b);

  b = box_of(0, 0);
  block_lend(&b, &loan);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_INT, 64);
  refused_with(distarray_hypre_borrow_struct_vector(comm, grid, &loan, &vector, &error),
          DISTARRAY_E_DTYPE, "dtype_code", "makes a copy");
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.flags_write = DISTARRAY_W_READ_ONLY;
  refused_with(distarray_hypre_borrow_struct_vector(comm, grid, &loan, &vector, &error),
          DISTARRAY_E_ACCESS, "flags_write", "DISTARRAY_ACCESS_READ_WRITE");
  check(distarray_export_is_live(&loan) && vector.vector == NULL);
  distarray_export_release(&loan);
  block_free(&b);

  /* A halo that ends at the edges is not as wide on all ranks. */
  if (size > 1) {
    b = block_on(2, rank, size);
    b.dims[0] = uneven(12, size, rank);
    b.dims[1] = distarray_dim_whole(10);
    b.dims[0].padding[0] = rank > 0;
    b.dims[0].padding[1] = rank < size - 1;
    b.dims[0].start -= b.dims[0].padding[0];
    b.dims[0].stop += b.dims[0].padding[1];
    block_alloc(&b);
    block_lend(&b, &loan);
    HYPRE_StructGrid rows;
    must(distarray_hypre_create_struct_grid(comm, &loan, &rows, &error));
    refused_with(distarray_hypre_borrow_struct_vector(comm, rows, &loan, &vector, &error),
            DISTARRAY_E_UNACCEPTABLE, "padding", "as wide on all ranks");
    /* And that is another grid than the columns'. */
    distarray_export_release(&loan);
    block_free(&b);
    b = block_on(2, rank, size);
    b.dims[0] = uneven(13, size, rank);
    b.dims[1] = distarray_dim_whole(10);
    block_alloc(&b);
    block_lend(&b, &loan);
    refused_with(distarray_hypre_borrow_struct_vector(comm, rows, &loan, &vector, &error),
            DISTARRAY_E_UNACCEPTABLE, error.field, "distarray_hypre_create_struct_grid");
    check(distarray_export_is_live(&loan) && vector.vector == NULL);
    distarray_export_release(&loan);
    HYPRE_StructGridDestroy(rows);
    block_free(&b);
  }
  HYPRE_StructGridDestroy(grid);
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  HYPRE_Init();
  par_vectors(13, 3);
  par_vectors(2, 5); /* empty ranks */
  for (int64_t halo = 0; halo < 3; halo++) {
    struct_vectors(halo, 0);
    struct_vectors(halo, 1);
  }
  periodic();
  solve();
  refuse();
  HYPRE_Finalize();
  return finish("hypre");
}
