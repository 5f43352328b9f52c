/* SUNDIALS' parallel vectors. They know no indices: a consumer's element is the one at
 * the same place among those that its rank owns. */
#include <distarray_sundials.h>

#include "../adapters/block.h"
#include "matrix.h"

static SUNContext context;

typedef struct sundials {
  N_Vector vector;
  int64_t *positions; /* of each element, in the whole array */
} sundials;

static sundials *new_sundials(void) {
  sundials *self = calloc(1, sizeof *self);
  INSIST(self != NULL);
  return self;
}

static void end(void *object) {
  sundials *self = object;
  if (self->vector != NULL) N_VDestroy(self->vector);
  free(self->positions);
  free(self);
}

static int holds(void *object, int64_t added) {
  sundials *self = object;
  for (int64_t i = 0; i < NV_LOCLENGTH_P(self->vector); i++)
    if (NV_Ith_P(self->vector, i) != (double)(self->positions[i] + added)) return 0;
  return 1;
}

static void write_vector(void *object, int64_t added) {
  sundials *self = object;
  for (int64_t i = 0; i < NV_LOCLENGTH_P(self->vector); i++)
    NV_Ith_P(self->vector, i) = (double)(self->positions[i] + added);
}

static int32_t lend(const shape *s, void **object, distarray_export *loan, distarray_error *error) {
  const int64_t first = bound(s->size[0], size, rank);
  const int64_t n = bound(s->size[0], size, rank + 1) - first;
  sundials *self = new_sundials();
  *object = self;
  self->positions = calloc((size_t)n + 1, sizeof *self->positions);
  self->vector = N_VNew_Parallel(MPI_COMM_WORLD, n, s->size[0], context);
  INSIST(self->positions != NULL && self->vector != NULL);
  for (int64_t i = 0; i < n; i++) self->positions[i] = first + i;
  write_vector(self, 0);
  return distarray_sundials_lend_nvector(MPI_COMM_WORLD, self->vector, DISTARRAY_ACCESS_READ_WRITE,
                                         loan, error);
}

/* The positions of a loan's elements in the order of its memory. */
static int64_t *positions_of(const distarray_export *loan) {
  const int64_t n = elements_of(loan);
  int64_t *positions = calloc((size_t)n + 1, sizeof *positions);
  INSIST(positions != NULL);
  for (int64_t i = 0; i < n; i++) {
    const element e = element_at(loan, i);
    const int64_t at = e.at - (double *)loan->data;
    if (0 <= at && at < n) positions[at] = linear(loan, e.index);
  }
  return positions;
}

static int32_t borrow(const shape *s, distarray_export *loan, void **object, const void **address,
                      distarray_error *error) {
  sundials *self = new_sundials();
  (void)s;
  *object = self;
  self->positions = positions_of(loan);
  const int32_t status =
      distarray_sundials_borrow_nvector(MPI_COMM_WORLD, loan, context, &self->vector, error);
  if (status != DISTARRAY_OK)
    end(self);
  else
    *address = N_VGetArrayPointer(self->vector);
  return status;
}

static distarray_requirements takes(const shape *s, distarray_required_axis axes[3]) {
  return distarray_sundials_requirements(s->ndim, axes);
}

static const producer producers[] = {{"SUNDIALS N_Vector", 0x2, lend, holds, end}};
static const consumer consumers[] = {
    {"SUNDIALS N_Vector", borrow, holds, write_vector, end, takes, NULL, NULL}};

static void start(int *argc, char ***argv) {
  MPI_Comm world = MPI_COMM_WORLD;
  (void)argc;
  (void)argv;
  INSIST(SUNContext_Create(&world, &context) == 0);
}

static void stop(void) { SUNContext_Free(&context); }

const library sundials_library = {"SUNDIALS",       start,     stop,            producers,
                                  COUNT(producers), consumers, COUNT(consumers)};
