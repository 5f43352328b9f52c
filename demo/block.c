#include "block.h"

#include <stdatomic.h>
#include <stdlib.h>

struct block {
  double *cells;
  int64_t shape[2], strides[2];
  distarray_dim dims[2];
  int64_t rank, count;
  int loans_made;
  /* A loan may come back on any thread. */
  atomic_int loans_out, times_modified;
};

block *block_new(const problem *p, double value) {
  block *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  for (int axis = 0; axis < 2; axis++) {
    self->shape[axis] = p->stop[axis] - p->start[axis];
    self->dims[axis] = distarray_dim_block(p->size[axis], p->grid[axis], p->place[axis],
                                           p->start[axis], p->stop[axis]);
  }
  distarray_strides_c_order(2, self->shape, sizeof(double), self->strides);
  self->rank = p->rank;
  self->count = p->count;

  size_t cells = (size_t)(self->shape[0] * self->shape[1]);
  self->cells = malloc(cells * sizeof(double));
  if (self->cells == NULL) {
    free(self);
    return NULL;
  }
  for (size_t i = 0; i < cells; i++) self->cells[i] = value;
  return self;
}

static void take_back(distarray_export *loan) {
  block *self = loan->private_data;
  if (loan->consumer_flags & DISTARRAY_C_MODIFIED) atomic_fetch_add(&self->times_modified, 1);
  atomic_fetch_sub(&self->loans_out, 1);
  loan->release = NULL;
}

void block_lend(block *self, distarray_export *loan) {
  distarray_export filled = DISTARRAY_EXPORT_INIT;
  distarray_export_set_dtype(&filled, DISTARRAY_DTYPE_FLOAT, 64);
  filled.data = self->cells;
  filled.alloc_base = self->cells;
  filled.alloc_bytes = (uint64_t)(self->shape[0] * self->strides[0]);
  filled.ndim = 2;
  filled.shape = self->shape;
  filled.strides = self->strides;
  filled.dims = self->dims;
  filled.process_rank = self->rank;
  filled.process_count = self->count;
  filled.release = take_back;
  filled.private_data = self;
  self->loans_made++;
  atomic_fetch_add(&self->loans_out, 1);
  *loan = filled;
}

const double *block_data(const block *self) { return self->cells; }

double block_max(const block *self) {
  double max = self->cells[0];
  for (int64_t i = 1; i < self->shape[0] * self->shape[1]; i++)
    if (self->cells[i] > max) max = self->cells[i];
  return max;
}

int block_loans_made(const block *self) { return self->loans_made; }
int block_loans_out(const block *self) { return atomic_load(&self->loans_out); }
int block_times_modified(const block *self) { return atomic_load(&self->times_modified); }

int block_free(block *self) {
  if (self == NULL) return 0;
  if (block_loans_out(self) != 0) return 1;
  free(self->cells);
  free(self);
  return 0;
}
