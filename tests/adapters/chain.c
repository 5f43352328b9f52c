/* One buffer through many libraries, each of which lends on what it borrowed: one address,
 * and when the last gives back all have. */
#include <distarray_hypre.h>
#include <distarray_petsc_dmda.h>
#include <distarray_sundials.h>

#include "adapters.h"

#define TRY(call) PetscCallAbort(PETSC_COMM_WORLD, call)

static const MPI_Comm comm = MPI_COMM_WORLD;

/* malloc -> PETSc, which fills the halo -> HYPRE, which scales what is inside. */
static void haloed_block(void) {
  block b = block_new(2);
  distarray_export loan, view;
  distarray_hypre_struct_vector hypre;
  HYPRE_StructGrid cells;
  DM grid;
  Vec local;
  b.dims[0] = distarray_dim_block(4 * size, size, rank, 4 * rank, 4 * rank + 4);
  b.dims[1] = distarray_dim_whole(5);
  b.dims[0].flags = b.dims[1].flags = DISTARRAY_DIM_PERIODIC;
  for (int i = 0; i < 2; i++) distarray_dim_add_halo(&b.dims[i], 1, 1);
  block_alloc(&b);
  view = view_of(&b);
  fill(&view, 1);

  block_lend(&b, &loan);
  MUST(distarray_petsc_create_dmda(comm, &loan, DMDA_STENCIL_BOX, 1, &grid, &error));
  MUST(distarray_petsc_borrow_dmda_local(grid, &loan, &local, &error));
  TRY(DMLocalToLocalBegin(grid, local, INSERT_VALUES, local));
  TRY(DMLocalToLocalEnd(grid, local, INSERT_VALUES, local));

  MUST(distarray_petsc_lend_dmda(grid, local, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  CHECK(loan.data == b.data);
  MUST(distarray_hypre_create_struct_grid(comm, &loan, &cells, &error));
  MUST(distarray_hypre_borrow_struct_vector(comm, cells, &loan, &hypre, &error));
  CHECK(hypre_StructVectorData((hypre_StructVector *)hypre.vector) == b.data);
  HYPRE_StructVectorScaleValues(hypre.vector, 2);

  /* Whoever goes first, the memory goes back with the last. */
  TRY(VecDestroy(&local));
  TRY(DMDestroy(&grid));
  CHECK(b.live == 1);
  distarray_hypre_return_struct_vector(&hypre);
  HYPRE_StructGridDestroy(cells);
  CHECK(b.live == 0 && b.released == 1 && (b.consumer_flags & DISTARRAY_C_MODIFIED));
  for (int64_t i = 0; i < elements_of(&view); i++) {
    const element e = element_at(&view, i);
    const double value = (double)linear(&view, e.index) + 1;
    if (e.owned) CHECK(*e.at == 2 * value); /* by HYPRE */
  }
  block_free(&b);
}

/* malloc -> PETSc's Vec -> SUNDIALS' N_Vector -> HYPRE's ParVector: each writes, all see it. */
static void rows(void) {
  block b = block_new(2);
  distarray_export loan, view;
  distarray_hypre_par_vector hypre;
  SUNContext context;
  N_Vector vector;
  PetscReal before, after;
  Vec vec;
  MPI_Comm world = comm;
  CHECK(SUNContext_Create(&world, &context) == 0);
  b.dims[0] = uneven(7, size, rank);
  b.dims[1] = distarray_dim_whole(3);
  block_alloc(&b);
  view = view_of(&b);
  fill(&view, 0);

  block_lend(&b, &loan);
  MUST(distarray_petsc_borrow_vec(comm, &loan, &vec, &error));
  TRY(VecNorm(vec, NORM_1, &before));
  MUST(distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  MUST(distarray_sundials_borrow_nvector(comm, &loan, context, &vector, &error));
  N_VAddConst(vector, 1, vector);
  MUST(distarray_sundials_lend_nvector(comm, vector, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  CHECK(loan.data == b.data || elements_of(&view) == 0);
  MUST(distarray_hypre_borrow_par_vector(comm, &loan, &hypre, &error));
  HYPRE_ParVectorScale(2, hypre.vector);
  distarray_hypre_return_par_vector(&hypre);
  CHECK(b.live == 1 && b.consumer_flags == 0);
  N_VDestroy(vector);
  TRY(VecNorm(vec, NORM_1, &after)); /* PETSc heard that its norm is old */
  CHECK(before == 21 * 20 / 2 && after == 21 * 20 + 2 * 21);
  TRY(VecDestroy(&vec));
  CHECK(b.live == 0 && b.consumer_flags == DISTARRAY_C_MODIFIED);
  for (int64_t i = 0; i < elements_of(&view); i++) {
    const element e = element_at(&view, i);
    CHECK(*e.at == 2.0 * (double)(linear(&view, e.index) + 1));
  }
  SUNContext_Free(&context);
  block_free(&b);
}

int main(int argc, char **argv) {
  TRY(PetscInitialize(&argc, &argv, NULL, NULL));
  HYPRE_Init();
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  haloed_block();
  rows();
  if (rank == 0) printf("one buffer all the way\n");
  HYPRE_Finalize();
  TRY(PetscFinalize());
  return 0;
}
