/* Global Arrays, which take no memory but their own. */
#include <distarray_ga.h>

#include <stdlib.h>

#include "matrix.h"

typedef struct global {
  shape   shape;
  int     g_a;
  double *all;
} global;

static void end(void *object) {
  global *self = object;
  GA_Destroy(self->g_a);
  free(self->all);
  free(self);
}

/* All elements, put or got by their global indices. */
static int64_t bounds(const global *self, int lo[3], int hi[3], int ld[3]) {
  int64_t count = 1;
  for (int axis = 0; axis < self->shape.ndim; axis++) {
    lo[axis] = 0;
    hi[axis] = (int)self->shape.size[axis] - 1;
    if (axis > 0) ld[axis - 1] = (int)self->shape.size[axis];
    count *= self->shape.size[axis];
  }
  return count;
}

static int holds(void *object, int64_t added) {
  global *self = object;
  int lo[3], hi[3], ld[3];
  const int64_t count = bounds(self, lo, hi, ld);
  GA_Sync();
  NGA_Get(self->g_a, lo, hi, self->all, ld);
  for (int64_t k = 0; k < count; k++)
    if (self->all[k] != (double)(k + added)) return 0;
  return 1;
}

static void write_all(void *object, int64_t added) {
  global *self = object;
  int lo[3], hi[3], ld[3];
  const int64_t count = bounds(self, lo, hi, ld);
  for (int64_t k = 0; k < count; k++) self->all[k] = (double)(k + added);
  GA_Sync();
  if (rank == 0) NGA_Put(self->g_a, lo, hi, self->all, ld);
  GA_Sync();
}

static int32_t lend_again(void *object, distarray_export *loan, distarray_error *error) {
  return distarray_ga_lend(((global *)object)->g_a, DISTARRAY_ACCESS_READ_WRITE, NULL, loan, error);
}

static int32_t lend(const shape *s, void **object, distarray_export *loan, distarray_error *error) {
  global *self = calloc(1, sizeof *self);
  int sizes[3], chunk[3] = {-1, -1, -1}, lo[3], hi[3], ld[3];
  INSIST(self != NULL);
  self->shape = *s;
  for (int axis = 0; axis < s->ndim; axis++) sizes[axis] = (int)s->size[axis];
  self->g_a = NGA_Create(C_DBL, s->ndim, sizes, "matrix", chunk);
  const int64_t count = bounds(self, lo, hi, ld);
  self->all = calloc((size_t)count, sizeof *self->all);
  INSIST(self->g_a != 0 && self->all != NULL);
  write_all(self, 0);
  *object = self;
  return lend_again(self, loan, error);
}

static const producer producers[] = {{"Global Arrays", 0xe, lend, holds, end}};
static const consumer consumers[] = {
    {"Global Arrays", NULL, holds, write_all, end, NULL, &producers[0], lend_again}};

static void start(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  GA_Initialize();
  INSIST(MA_init(C_DBL, 100000, 100000));
}

static void stop(void) { GA_Terminate(); }

const library ga_library = {"Global Arrays", start, stop, producers, COUNT(producers),
                            consumers,       COUNT(consumers)};
