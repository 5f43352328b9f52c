/* What PETSc cannot take is refused on all ranks with one report, which says why and
 * what to do; the loan stays the caller's. What it cannot lend, too. */
#include <distarray_petsc_dmda.h>

#define ELEMENT PetscScalar
#define ELEMENT_CODE DISTARRAY_PETSC_DTYPE
#include "block.h"
#include "../common/check.h"

#define TRY(call) PetscCallAbort(PETSC_COMM_WORLD, call)

static distarray_export loan;
static Vec vec;
static Mat mat;
static DM grid;

/* Rows of a 2-D array with three columns. */
static block rows(void) {
  block b = block_on(2, rank, size);
  b.dims[0] = distarray_dim_block(6 * size, size, rank, 6 * rank, 6 * rank + 6);
  b.dims[1] = distarray_dim_whole(3);
  return b;
}

/* Ends a refused borrowing: the loan is live, nothing was made. */
static void still_ours(block *b) {
  check(distarray_export_is_live(&loan) && b->live == 1 && vec == NULL && mat == NULL && grid == NULL);
  distarray_export_release(&loan);
  check(b->consumer_flags == 0);
  block_free(b);
}

#define REFUSED_BY(borrow, object, b, code, field, words)                         \
  do {                                                                            \
    if ((b).data == NULL) block_alloc(&(b));                                      \
    if (!distarray_export_is_live(&loan)) block_lend(&(b), &loan);                \
    refused_with(borrow(comm, &loan, object, &error), code, field, words);             \
    still_ours(&(b));                                                             \
  } while (0)
#define VECTOR(b, code, field, words) \
  REFUSED_BY(distarray_petsc_borrow_vec, &vec, b, code, field, words)
#define DENSE(b, code, field, words) \
  REFUSED_BY(distarray_petsc_borrow_dense, &mat, b, code, field, words)

static int32_t create(MPI_Comm c, distarray_export *l, DM *g, distarray_error *e) {
  return distarray_petsc_create_dmda(c, l, DMDA_STENCIL_BOX, 2, g, e);
}
#define GRID(b, code, field, words) REFUSED_BY(create, &grid, b, code, field, words)

static void vectors(void) {
  block b = rows();
  block_alloc(&b);
  block_lend(&b, &loan);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_INT, 64);
  VECTOR(b, DISTARRAY_E_DTYPE, DISTARRAY_PETSC_DTYPE == DISTARRAY_DTYPE_INT ? "" : "dtype_code",
         "makes a copy");
  b = rows();
  block_alloc(&b);
  block_lend(&b, &loan);
  distarray_export_set_dtype(&loan, DISTARRAY_PETSC_DTYPE, DISTARRAY_PETSC_BITS / 2);
  for (int i = 0; i < 2; i++) b.strides[i] /= 2;
  VECTOR(b, DISTARRAY_E_DTYPE, "dtype_bits", "makes a copy");

  /* One rank alone lends something else in memory: all say so. */
  b = rows();
  b.gap = rank == size - 1;
  VECTOR(b, DISTARRAY_E_UNACCEPTABLE, "strides", "last axis fastest");
  check(error.rank == size - 1 && error.axis == 0);
  b = rows();
  b.column_major = 1;
  VECTOR(b, DISTARRAY_E_UNACCEPTABLE, "strides", "distarray_accommodation_new");
  b = rows();
  distarray_dim_add_halo(&b.dims[0], 1, 1);
  VECTOR(b, DISTARRAY_E_UNACCEPTABLE, "padding", "owned elements alone");
  if (size > 1) {
    b = rows();
    b.dims[0] = distarray_dim_cyclic(4 * size, size, rank, 2, 0);
    VECTOR(b, DISTARRAY_E_UNACCEPTABLE, "dist_type", "blocks alone");
    b = rows();
    b.dims[1] = distarray_dim_block(3 * size, size, rank, 3 * rank, 3 * rank + 3);
    b.dims[0] = distarray_dim_whole(6);
    VECTOR(b, DISTARRAY_E_UNACCEPTABLE, "proc_grid_size", "whole on every process");
    b = rows(); /* the parts against the order of the ranks */
    static int64_t map[64];
    const int64_t place = size - 1 - rank;
    for (int i = 0; i < size; i++) map[i] = size - 1 - i;
    b.dims[0] = distarray_dim_block(6 * size, size, place, 6 * place, 6 * place + 6);
    b.flags_read = DISTARRAY_R_GRID_MAP;
    block_alloc(&b);
    block_lend(&b, &loan);
    loan.grid_ranks = map;
    VECTOR(b, DISTARRAY_E_UNACCEPTABLE, "process_rank", "MPI_Comm_split");
    b = rows(); /* every rank holds all */
    b.dims[0] = distarray_dim_whole(6);
    b.flags_write = DISTARRAY_W_REPLICATED;
    VECTOR(b, DISTARRAY_E_UNACCEPTABLE, "process_count", "replicas");
  }
  /* More elements than a PetscInt counts; nobody looks at them. */
  if (sizeof(PetscInt) == 4) {
    const int64_t many = INT64_C(3) << 30;
    b = rows();
    block_alloc(&b);
    b.dims[1] = distarray_dim_whole(many / 6);
    b.shape[1] = many / 6;
    b.strides[0] = b.shape[1] * (int64_t)sizeof(ELEMENT);
    VECTOR(b, DISTARRAY_E_BOUNDS, "size", "64-bit indices");
  }
  /* The library's own check comes first, and PETSc never hears of it. */
  b = rows();
  block_alloc(&b);
  if (rank == size - 1) b.shape[0]--;
  block_lend(&b, &loan);
  refused_with(distarray_petsc_borrow_vec(comm, &loan, &vec, &error), DISTARRAY_E_SHAPE, "shape", "");
  still_ours(&b);
  b = rows();
  block_alloc(&b);
  block_lend(&b, &loan);
  refused_with(distarray_petsc_borrow_vec(comm, &loan, rank == 0 ? NULL : &vec, &error), DISTARRAY_E_NULL,
          "vec", "NULL");
  check(distarray_petsc_borrow_vec(comm, &loan, NULL, NULL) == DISTARRAY_E_NULL);
  still_ours(&b);
  refused_with(distarray_petsc_borrow_vec(comm, NULL, &vec, &error), DISTARRAY_E_NULL, error.field, "");
  b = rows();
  block_alloc(&b);
  block_lend(&b, &loan);
  refused_with(distarray_petsc_borrow_ghost(comm, &loan, &vec, &error), DISTARRAY_E_UNACCEPTABLE,
          "dist_type", "distarray_petsc_borrow_vec");
  still_ours(&b);
}

static void matrices(void) {
  block b = rows();
  DENSE(b, DISTARRAY_E_UNACCEPTABLE, "strides", "side by side"); /* row-major */
  b = rows();
  b.ndim = 1;
  DENSE(b, DISTARRAY_E_UNACCEPTABLE, "ndim", "axes");
  b = rows();
  b.column_major = 1;
  block_alloc(&b);
  b.strides[1] = -b.strides[1]; /* columns backwards */
  block_lend(&b, &loan);
  loan.data = (char *)b.data - 2 * b.strides[1];
  DENSE(b, DISTARRAY_E_UNACCEPTABLE, "strides", "columns at least");
  check(error.axis == 1);
  /* One rank's columns span more than a PetscInt counts; nobody looks at them. */
  if (sizeof(PetscInt) == 4) {
    b = rows();
    b.column_major = 1;
    block_alloc(&b);
    if (rank == size - 1) b.strides[1] = (INT64_C(1) << 30) * (int64_t)sizeof(ELEMENT);
    DENSE(b, DISTARRAY_E_BOUNDS, "strides", "64-bit indices");
    check(error.rank == size - 1);
  }
}

/* A ghost that is no element. */
static void ghosts(void) {
  const int64_t next = rank < size - 1 ? 2 * rank + 2 : INT64_C(1) << 40;
  const int64_t indices[3] = {2 * rank, 2 * rank + 1, next};
  block b = block_on(1, rank, size);
  b.dims[0] = distarray_dim_unstructured(2 * size, size, rank, indices, 3, 2, 1);
  b.flags_read = DISTARRAY_R_GHOSTS;
  REFUSED_BY(distarray_petsc_borrow_ghost, &vec, b, DISTARRAY_E_UNACCEPTABLE, "indices",
             "0 to size - 1");
  check(error.rank == size - 1);
}

static void grids(void) {
  block b;
  /* Ghosts at the edges that count as elements. */
  b = rows();
  b.dims[0].padding[0] = b.dims[0].padding[1] = 1;
  if (rank > 0) b.dims[0].start--;
  if (rank < size - 1) b.dims[0].stop++;
  GRID(b, DISTARRAY_E_UNACCEPTABLE, "padding", "DISTARRAY_DIM_EDGE_OUTSIDE");
  /* A rank with fewer cells than the stencil is wide, or none. */
  if (size > 1) {
    b = rows();
    b.dims[0] = distarray_dim_block(3 * size - 2, size, rank, rank == 0 ? 0 : 3 * rank - 2, 3 * rank + 1);
    GRID(b, DISTARRAY_E_UNACCEPTABLE, "shape", "fewer ranks");
    check(error.rank == 0 && error.axis == 0 && error.expected == 2 && error.found == 1);
    b = rows();
    b.dims[0] = distarray_dim_block(size - 1, size, rank, rank == 0 ? 0 : rank - 1, rank);
    GRID(b, DISTARRAY_E_UNACCEPTABLE, "shape", "fewer ranks");
    check(error.rank == 0 && error.found == 0);
  }
  /* The components of a cell lie together. */
  b = rows();
  b.dims[0].flags |= DISTARRAY_DIM_COMPONENT;
  b.dims[0] = distarray_dim_whole(2);
  b.dims[0].flags |= DISTARRAY_DIM_COMPONENT;
  b.dims[1] = distarray_dim_block(6 * size, size, rank, 6 * rank, 6 * rank + 6);
  GRID(b, DISTARRAY_E_UNACCEPTABLE, "strides", "side by side");
  check(error.axis == 0);
  b = rows();
  b.dims[0].flags |= DISTARRAY_DIM_COMPONENT;
  b.dims[1].flags |= DISTARRAY_DIM_COMPONENT;
  GRID(b, DISTARRAY_E_UNACCEPTABLE, "flags", "DISTARRAY_COMPONENTS_NONE");
  /* A grid of processes with the other axis fastest. */
  if (size == 4) {
    b = rows();
    b.dims[0] = distarray_dim_block(12, 2, rank % 2, 6 * (rank % 2), 6 * (rank % 2) + 6);
    b.dims[1] = distarray_dim_block(6, 2, rank / 2, 3 * (rank / 2), 3 * (rank / 2) + 3);
    b.flags_read = DISTARRAY_R_GRID_COLMAJOR;
    GRID(b, DISTARRAY_E_UNACCEPTABLE, "process_rank", "MPI_Comm_split");
  }
  /* One rank's memory is in C's order, another's in Fortran's. */
  if (size > 1) {
    b = rows();
    b.column_major = rank == 0;
    GRID(b, DISTARRAY_E_UNACCEPTABLE, "strides", "packed");
  }
  b = rows();
  block_alloc(&b);
  block_lend(&b, &loan);
  refused_with(distarray_petsc_create_dmda(comm, &loan, DMDA_STENCIL_STAR, -1, &grid, &error),
          DISTARRAY_E_RANGE, "width", "negative");
  still_ours(&b);
  if (size > 1) { /* PETSc, if not built with debugging, would make a grid that is none */
    b = rows();
    block_alloc(&b);
    block_lend(&b, &loan);
    refused_with(distarray_petsc_create_dmda(comm, &loan, DMDA_STENCIL_BOX, 1 + (rank == size - 1), &grid,
                                        &error),
            DISTARRAY_E_INVARIANT, "width", "same stencil");
    check(error.rank == size - 1);
    still_ours(&b);
  }

  /* A grid of another array. */
  DM other;
  TRY(DMDACreate2d(comm, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_BOX, 3, 6 * size + 1, 1,
                   size, 1, 0, NULL, NULL, &other));
  TRY(DMSetUp(other));
  b = rows();
  block_alloc(&b);
  block_lend(&b, &loan);
  refused_with(distarray_petsc_borrow_dmda_global(comm, other, &loan, &vec, &error), DISTARRAY_E_UNACCEPTABLE,
          "size", "distarray_petsc_create_dmda");
  TRY(DMDestroy(&other));
  /* On one rank alone no grid, or one of this rank alone. */
  must(create(comm, &loan, &other, &error));
  refused_with(distarray_petsc_borrow_dmda_global(comm, rank == size - 1 ? NULL : other, &loan, &vec, &error),
          DISTARRAY_E_NULL, "grid", "NULL");
  check(error.rank == size - 1);
  if (size > 1) {
    DM alone;
    TRY(DMDACreate1d(PETSC_COMM_SELF, DM_BOUNDARY_NONE, 3, 1, 1, NULL, &alone));
    TRY(DMSetUp(alone));
    refused_with(distarray_petsc_borrow_dmda_global(comm, rank == 0 ? alone : other, &loan, &vec, &error),
            DISTARRAY_E_GRID, "comm", "its communicator");
    check(error.rank == 0);
    TRY(DMDestroy(&alone));
  }
  still_ours(&b);
  TRY(DMDestroy(&other));
}

/* Not lent: what is locked, not in one array, or asked for in another way. */
static void lending(void) {
  Vec whole, nest, parts[2];
  TRY(VecCreateMPI(comm, 3, PETSC_DETERMINE, &whole));
  refused_with(distarray_petsc_lend_vec(whole, DISTARRAY_ACCESS_EXCLUSIVE, &loan, &error),
          DISTARRAY_E_UNSUPPORTED, "access", "reading and");
  refused_with(distarray_petsc_lend_vec(NULL, DISTARRAY_ACCESS_READ, &loan, &error), DISTARRAY_E_NULL,
          "object", "NULL");
  refused_with(distarray_petsc_lend_ghost(whole, DISTARRAY_ACCESS_READ, &loan, &error),
          DISTARRAY_E_UNACCEPTABLE, "type", "VecCreateGhost");
  parts[0] = parts[1] = whole;
  TRY(VecCreateNest(comm, 2, NULL, parts, &nest));
  refused_with(distarray_petsc_lend_vec(nest, DISTARRAY_ACCESS_READ, &loan, &error),
          DISTARRAY_E_UNSUPPORTED, "type", "VECMPI");
  TRY(VecDestroy(&nest));
  TRY(MatCreateConstantDiagonal(comm, 2, 2, PETSC_DETERMINE, PETSC_DETERMINE, 1, &mat));
  refused_with(distarray_petsc_lend_dense(mat, DISTARRAY_ACCESS_READ, &loan, &error),
          DISTARRAY_E_UNSUPPORTED, "type", "MATDENSE");
  TRY(MatDestroy(&mat));
  check(!distarray_export_is_live(&loan));
  /* A refusal leaves the vector as it was. */
  PetscInt count;
  TRY(PetscObjectGetReference((PetscObject)whole, &count));
  check(count == 1);
  TRY(VecDestroy(&whole));
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  TRY(PetscInitialize(&argc, &argv, NULL, NULL));
  vectors();
  ghosts();
  matrices();
  grids();
  lending();
  TRY(PetscFinalize());
  return finish("petsc_refuse");
}
