/* HYPRE: ParVectors, numbered as the array in row-major order, and StructVectors, whose
 * x is the axis that runs fastest in memory. */
#include <distarray_hypre.h>

#include "../adapters/block.h"
#include "matrix.h"

/* --- ParVector -------------------------------------------------------------------- */

typedef struct par {
  distarray_hypre_par_vector borrowed; /* its vector is our own if nothing was borrowed */
} par;

static hypre_ParVector *vector_of(void *object) {
  return (hypre_ParVector *)((par *)object)->borrowed.vector;
}

static void write_par(void *object, int64_t added) {
  hypre_ParVector *vector = vector_of(object);
  for (HYPRE_BigInt i = hypre_ParVectorFirstIndex(vector); i <= hypre_ParVectorLastIndex(vector); i++)
    hypre_VectorData(hypre_ParVectorLocalVector(vector))[i - hypre_ParVectorFirstIndex(vector)] =
        (double)(i + added);
}

static int par_holds(void *object, int64_t added) {
  hypre_ParVector *vector = vector_of(object);
  for (HYPRE_BigInt i = hypre_ParVectorFirstIndex(vector); i <= hypre_ParVectorLastIndex(vector); i++) {
    HYPRE_Complex found;
    hypre_ParVectorGetValues(vector, 1, &i, &found);
    if (found != (double)(i + added)) return 0;
  }
  return 1;
}

static int32_t lend_par(const shape *s, void **object, distarray_export *loan,
                        distarray_error *error) {
  par *self = calloc(1, sizeof *self);
  HYPRE_BigInt bounds[2] = {(HYPRE_BigInt)bound(s->size[0], size, rank),
                            (HYPRE_BigInt)bound(s->size[0], size, rank + 1)};
  INSIST(self != NULL);
  *object = self;
  hypre_ParVector *vector = hypre_ParVectorCreate(MPI_COMM_WORLD, (HYPRE_BigInt)s->size[0], bounds);
  hypre_ParVectorInitialize(vector);
  self->borrowed.vector = (HYPRE_ParVector)vector;
  write_par(self, 0);
  return distarray_hypre_lend_par_vector(self->borrowed.vector, DISTARRAY_ACCESS_READ_WRITE, loan,
                                         error);
}

static void end_par(void *object) {
  distarray_hypre_return_par_vector(&((par *)object)->borrowed);
  free(object);
}

static int32_t borrow_par(const shape *s, distarray_export *loan, void **object,
                          const void **address, distarray_error *error) {
  par *self = calloc(1, sizeof *self);
  (void)s;
  INSIST(self != NULL);
  *object = self;
  const int32_t status =
      distarray_hypre_borrow_par_vector(MPI_COMM_WORLD, loan, &self->borrowed, error);
  if (status != DISTARRAY_OK)
    free(self);
  else
    *address = hypre_VectorData(hypre_ParVectorLocalVector(vector_of(self)));
  return status;
}

static distarray_requirements par_takes(const shape *s, distarray_required_axis axes[3]) {
  return distarray_hypre_par_vector_requirements(s->ndim, axes);
}

/* --- StructVector ------------------------------------------------------------------ */

typedef struct structured {
  shape shape;
  int   column_major; /* x is the first axis */
  HYPRE_StructGrid grid;
  distarray_hypre_struct_vector borrowed;
} structured;

/* Visits this rank's box through HYPRE's public interface. */
static int visit(structured *self, int64_t added, int writing) {
  const int32_t ndim = self->shape.ndim;
  HYPRE_Int lower[3] = {0, 0, 0}, upper[3] = {0, 0, 0}, at[3];
  hypre_BoxArray *boxes = hypre_StructGridBoxes(self->grid);
  if (hypre_BoxArraySize(boxes) == 0) return 1;
  for (int i = 0; i < ndim; i++) {
    lower[i] = hypre_BoxIMinD(hypre_BoxArrayBox(boxes, 0), i);
    upper[i] = hypre_BoxIMaxD(hypre_BoxArrayBox(boxes, 0), i);
  }
  for (at[2] = lower[2]; at[2] <= upper[2]; at[2]++)
    for (at[1] = lower[1]; at[1] <= upper[1]; at[1]++)
      for (at[0] = lower[0]; at[0] <= upper[0]; at[0]++) {
        int64_t position = 0;
        HYPRE_Complex found;
        for (int axis = 0; axis < ndim; axis++)
          position = position * self->shape.size[axis] + at[self->column_major ? axis : ndim - 1 - axis];
        if (writing) {
          HYPRE_StructVectorSetValues(self->borrowed.vector, at, (double)(position + added));
        } else {
          HYPRE_StructVectorGetValues(self->borrowed.vector, at, &found);
          if (found != (double)(position + added)) return 0;
        }
      }
  return 1;
}

static void write_struct(void *object, int64_t added) { visit(object, added, 1); }

static int struct_holds(void *object, int64_t added) { return visit(object, added, 0); }

static void end_struct(void *object) {
  structured *self = object;
  distarray_hypre_return_struct_vector(&self->borrowed);
  HYPRE_StructGridDestroy(self->grid);
  free(self);
}

/* HYPRE's own: boxes cut along y and x, with its usual layer of ghosts. */
static int32_t lend_struct(const shape *s, void **object, distarray_export *loan,
                           distarray_error *error) {
  structured *self = calloc(1, sizeof *self);
  const int64_t along_x = s->ndim > 1 && size % 2 == 0 ? 2 : s->ndim > 1 ? 1 : size;
  const int64_t n[3] = {along_x, size / along_x, 1};
  const int64_t place[3] = {rank % along_x, rank / along_x, 0};
  HYPRE_Int lower[3], upper[3];
  HYPRE_StructVector vector;
  INSIST(self != NULL);
  self->shape = *s;
  *object = self;
  for (int i = 0; i < s->ndim; i++) {
    const int64_t extent = s->size[s->ndim - 1 - i];
    lower[i] = (HYPRE_Int)(extent * place[i] / n[i]);
    upper[i] = (HYPRE_Int)(extent * (place[i] + 1) / n[i]) - 1;
  }
  HYPRE_StructGridCreate(MPI_COMM_WORLD, s->ndim, &self->grid);
  HYPRE_StructGridSetExtents(self->grid, lower, upper);
  HYPRE_StructGridAssemble(self->grid);
  HYPRE_StructVectorCreate(MPI_COMM_WORLD, self->grid, &vector);
  HYPRE_StructVectorInitialize(vector);
  self->borrowed.vector = vector;
  write_struct(self, 0);
  return distarray_hypre_lend_struct_vector(MPI_COMM_WORLD, vector, DISTARRAY_ACCESS_READ_WRITE, loan,
                                            error);
}

static int32_t borrow_struct(const shape *s, distarray_export *loan, void **object,
                             const void **address, distarray_error *error) {
  structured *self = calloc(1, sizeof *self);
  int mine = 1;
  INSIST(self != NULL);
  self->shape = *s;
  *object = self;
  *address = loan->data;
  /* A part of one cell's width has both orders: one that has not, decides. */
  for (int i = 1; i < loan->ndim; i++) mine = mine && loan->strides[i] >= loan->strides[i - 1];
  MPI_Allreduce(&mine, &self->column_major, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  int32_t status = distarray_hypre_create_struct_grid(MPI_COMM_WORLD, loan, &self->grid, error);
  if (status == DISTARRAY_OK) {
    status = distarray_hypre_borrow_struct_vector(MPI_COMM_WORLD, self->grid, loan, &self->borrowed,
                                                  error);
    if (status != DISTARRAY_OK) HYPRE_StructGridDestroy(self->grid);
  }
  if (status != DISTARRAY_OK)
    free(self);
  else
    *address = hypre_StructVectorData((hypre_StructVector *)self->borrowed.vector);
  return status;
}

static distarray_requirements struct_takes(const shape *s, distarray_required_axis axes[3]) {
  return distarray_hypre_struct_vector_requirements(s->ndim, 0, axes);
}

static const producer producers[] = {
    {"HYPRE ParVector", 0x2, lend_par, par_holds, end_par},
    {"HYPRE StructVector", 0xe, lend_struct, struct_holds, end_struct},
};
static const consumer consumers[] = {
    {"HYPRE ParVector", borrow_par, par_holds, write_par, end_par, par_takes, NULL, NULL},
    {"HYPRE StructVector", borrow_struct, struct_holds, write_struct, end_struct, struct_takes, NULL, NULL},
};

static void start(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  HYPRE_Init();
}

static void stop(void) { HYPRE_Finalize(); }

const library hypre_library = {"HYPRE",          start,     stop,            producers,
                               COUNT(producers), consumers, COUNT(consumers)};
