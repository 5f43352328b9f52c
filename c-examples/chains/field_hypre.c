/* HYPRE's station: a StructVector in the lender's memory, whose halo is HYPRE's ghosts. */
#include <distarray_hypre.h>

#include "field.h"

/* The matrix of the seven-point Laplacian on the cells of this rank's box. */
static HYPRE_StructMatrix laplacian(MPI_Comm comm, HYPRE_StructGrid grid, const hypre_Box *box) {
  static HYPRE_Int offsets[7][3] = {{0, 0, 0},  {-1, 0, 0}, {1, 0, 0}, {0, -1, 0},
                                    {0, 1, 0}, {0, 0, -1}, {0, 0, 1}};
  HYPRE_Int entries[7] = {0, 1, 2, 3, 4, 5, 6}, ghosts[6] = {0}, cell[3];
  HYPRE_Complex row[7] = {-6, 1, 1, 1, 1, 1, 1};
  HYPRE_StructStencil stencil;
  HYPRE_StructMatrix matrix;
  HYPRE_StructStencilCreate(3, 7, &stencil);
  for (HYPRE_Int e = 0; e < 7; e++) HYPRE_StructStencilSetElement(stencil, e, offsets[e]);
  HYPRE_StructMatrixCreate(comm, grid, stencil, &matrix);
  HYPRE_StructMatrixSetNumGhost(matrix, ghosts);
  HYPRE_StructMatrixInitialize(matrix);
  for (cell[2] = hypre_BoxIMinD(box, 2); cell[2] <= hypre_BoxIMaxD(box, 2); cell[2]++)
    for (cell[1] = hypre_BoxIMinD(box, 1); cell[1] <= hypre_BoxIMaxD(box, 1); cell[1]++)
      for (cell[0] = hypre_BoxIMinD(box, 0); cell[0] <= hypre_BoxIMaxD(box, 0); cell[0]++)
        HYPRE_StructMatrixSetValues(matrix, cell, 7, entries, row);
  HYPRE_StructMatrixAssemble(matrix);
  HYPRE_StructStencilDestroy(stencil);
  return matrix;
}

/* Every element of the vector, by HYPRE's indices. */
static void check_vector(HYPRE_StructVector vector, const hypre_Box *box,
                         double value(int, int, int)) {
  HYPRE_Int cell[3];
  for (cell[2] = hypre_BoxIMinD(box, 2); cell[2] <= hypre_BoxIMaxD(box, 2); cell[2]++)
    for (cell[1] = hypre_BoxIMinD(box, 1); cell[1] <= hypre_BoxIMaxD(box, 1); cell[1]++)
      for (cell[0] = hypre_BoxIMinD(box, 0); cell[0] <= hypre_BoxIMaxD(box, 0); cell[0]++) {
        HYPRE_Complex found;
        HYPRE_StructVectorGetValues(vector, cell, &found);
        REQUIRE(found == value(cell[0], cell[1], cell[2]));
      }
}

void apply_laplacian(MPI_Comm comm, distarray_export *loan) {
  const void *address = loan->data;
  distarray_hypre_struct_vector u;
  distarray_error error;
  HYPRE_StructGrid grid;
  HYPRE_StructMatrix matrix;
  HYPRE_StructVector product;
  HYPRE_Init();
  MUST(distarray_hypre_create_struct_grid(comm, loan, &grid, &error));
  MUST(distarray_hypre_borrow_struct_vector(comm, grid, loan, &u, &error));
  REQUIRE(hypre_StructVectorData((hypre_StructVector *)u.vector) == address);

  const hypre_Box *box = hypre_BoxArrayBox(hypre_StructGridBoxes(grid), 0);
  check_vector(u.vector, box, field_value);
  matrix = laplacian(comm, grid, box);
  /* A product needs a second vector, which is HYPRE's own. */
  HYPRE_StructVectorCreate(comm, grid, &product);
  HYPRE_StructVectorInitialize(product);
  HYPRE_StructVectorAssemble(product);
  HYPRE_StructMatrixMatvec(1, matrix, u.vector, 0, product);
  HYPRE_StructVectorCopy(product, u.vector);
  check_vector(u.vector, box, field_laplacian);
  REQUIRE(HYPRE_GetError() == 0);
  field_say(comm, "HYPRE    puts the Laplacian of u into u");

  HYPRE_StructVectorDestroy(product);
  HYPRE_StructMatrixDestroy(matrix);
  distarray_hypre_return_struct_vector(&u);
  HYPRE_StructGridDestroy(grid);
  HYPRE_Finalize();
}
