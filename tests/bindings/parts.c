#include "parts.h"

#include <stdlib.h>
#include <string.h>

void say(question *q, int64_t number) {
  if (q->n_said == MAX_SAID) abort();
  q->said[q->n_said++] = number;
}

static void keep(distarray_export *self) { self->release = NULL; }

static void give_memory_back(distarray_export *self) {
  free(self->private_data);
  self->release = NULL;
}

distarray_dim read_axis(question *q, int64_t *extent) {
  distarray_dim dim = DISTARRAY_DIM_INIT;
  const int64_t *a = q->ask;
  *extent = a[0];
  dim.dist_type = (uint32_t)a[1];
  dim.flags = (uint32_t)a[2];
  dim.size = a[3];
  dim.proc_grid_size = a[4];
  dim.proc_grid_rank = a[5];
  dim.start = a[6];
  dim.stop = a[7];
  dim.padding[0] = a[8];
  dim.padding[1] = a[9];
  dim.block_size = a[10];
  dim.first_block = a[11];
  dim.n_owned = a[12];
  dim.n_indices = a[13];
  dim.indices = dim.n_indices > 0 ? a + 14 : NULL;
  q->ask += 14 + dim.n_indices;
  return dim;
}

void read_part(question *q, uint8_t code, uint8_t bits, part *p) {
  distarray_export init = DISTARRAY_EXPORT_INIT;
  int32_t axis;
  p->loan = init;
  p->loan.process_rank = q->ask[0];
  p->loan.process_count = q->ask[1];
  p->loan.flags_read = (uint32_t)q->ask[2] | DISTARRAY_R_NO_DATA;
  p->loan.flags_write = (uint32_t)q->ask[3];
  if (q->ask[4] > 0) p->loan.grid_ranks = q->ask + 5;
  q->ask += 5 + q->ask[4];
  p->loan.uid[0] = (uint64_t)q->ask[0];
  p->loan.uid[1] = (uint64_t)q->ask[1];
  p->loan.ndim = (int32_t)q->ask[2];
  q->ask += 3;
  for (axis = 0; axis < p->loan.ndim; ++axis) p->dims[axis] = read_axis(q, &p->shape[axis]);
  distarray_export_set_dtype(&p->loan, code, bits);
  distarray_strides_c_order(p->loan.ndim, p->shape, p->loan.itemsize, p->strides);
  if (p->loan.ndim > 0) {
    p->loan.shape = p->shape;
    p->loan.strides = p->strides;
    p->loan.dims = p->dims;
  }
  p->loan.release = keep;
}

int32_t take_part(question *q, part *p, distarray_array **array) {
  int64_t elements = 1;
  int32_t axis, status;
  for (axis = 0; axis < p->loan.ndim; ++axis) elements *= p->shape[axis];
  p->loan.data = calloc((size_t)elements + 1, (size_t)p->loan.itemsize);
  p->loan.private_data = p->loan.data;
  p->loan.release = give_memory_back;
  p->loan.flags_read &= ~DISTARRAY_R_NO_DATA;
  status = distarray_array_import(&p->loan, DISTARRAY_ACCESS_READ_WRITE, array, &q->error);
  if (status != DISTARRAY_OK) distarray_export_release(&p->loan);
  return status;
}

static int32_t deal(question *q, const distarray_comm *comm, distarray_distribution **d) {
  distarray_axis axes[MAX_NDIM];
  const int64_t *grid = NULL;
  int32_t ndim = (int32_t)q->ask[0], order = (int32_t)q->ask[1], axis;
  if (q->ask[2] > 0) grid = q->ask + 3;
  q->ask += 3 + q->ask[2];
  memset(axes, 0, sizeof axes);
  for (axis = 0; axis < ndim; ++axis) {
    const int64_t *a = q->ask;
    axes[axis].dist_type = (uint32_t)a[0];
    axes[axis].flags = (uint32_t)a[1];
    axes[axis].size = a[2];
    axes[axis].proc_grid_size = a[3];
    axes[axis].block_size = a[4];
    axes[axis].first_process = a[5];
    axes[axis].halo[0] = a[6];
    axes[axis].halo[1] = a[7];
    if (a[8] > 0) axes[axis].bounds = a + 9;
    q->ask += 9 + a[8];
  }
  return distarray_distribution_new(comm, ndim, axes, grid, order, d, &q->error);
}

int32_t read_layout(question *q, const distarray_comm *comm, uint8_t code, uint8_t bits,
                           layout *made) {
  static const layout none = {NULL, NULL};
  part *p;
  int32_t status;
  *made = none;
  if (*q->ask++ == 1) {
    status = deal(q, comm, &made->distribution);
    if (status != DISTARRAY_OK) return status;
    return distarray_distribution_zeros(made->distribution, code, bits, 0, 0, &made->array, &q->error);
  }
  p = malloc(sizeof *p);
  read_part(q, code, bits, p);
  status = take_part(q, p, &made->array);
  free(p); /* the array keeps what the loan pointed to */
  if (status != DISTARRAY_OK) return status;
  return distarray_distribution_gather(comm, made->array, &made->distribution, &q->error);
}

void free_layout(layout *made) {
  distarray_array_free(made->array);
  distarray_distribution_free(made->distribution);
}

int32_t elements_of(question *q, const distarray_array *array, elements *e) {
  int32_t axis, status = distarray_array_view(array, &e->view, &q->error);
  e->flat = 0;
  e->total = 1;
  for (axis = 0; status == DISTARRAY_OK && axis < e->view.ndim; ++axis) {
    int64_t held;
    e->total *= e->view.shape[axis];
    status = distarray_dim_owned(&e->view.dims[axis], &held, &e->start[axis], &e->stop[axis], &q->error);
  }
  return status;
}

void *next_element(elements *e, int *is_owned) {
  char *element = e->view.data;
  int64_t rest = e->flat++;
  int32_t axis;
  if (rest >= e->total) return NULL;
  *is_owned = 1;
  for (axis = e->view.ndim; axis-- > 0; rest /= e->view.shape[axis]) {
    e->at[axis] = rest % e->view.shape[axis];
    element += e->at[axis] * e->view.strides[axis];
    *is_owned = *is_owned && e->at[axis] >= e->start[axis] && e->at[axis] < e->stop[axis];
  }
  return element;
}

/* Row-major number in the whole array. */
static int32_t number_of(question *q, const elements *e, int64_t *number) {
  int32_t axis, status = DISTARRAY_OK;
  *number = 0;
  for (axis = 0; status == DISTARRAY_OK && axis < e->view.ndim; ++axis) {
    const distarray_dim *dim = &e->view.dims[axis];
    int64_t global;
    status = distarray_dim_local_to_global(dim, 1, &e->at[axis], &global, &q->error);
    *number = *number * dim->size + global;
  }
  return status;
}

static void put(const elements *e, void *element, int64_t number) {
  if (e->view.dtype_code == DISTARRAY_DTYPE_COMPLEX) {
    ((float *)element)[0] = (float)number;
    ((float *)element)[1] = (float)(-1 - number);
  } else {
    *(double *)element = (double)number;
  }
}

/* -1000 where the two halves of a complex number do not belong together. */
static int64_t get(const elements *e, const void *element) {
  const float *halves = element;
  if (e->view.dtype_code != DISTARRAY_DTYPE_COMPLEX) return (int64_t) * (const double *)element;
  return halves[1] == -1 - halves[0] ? (int64_t)halves[0] : -1000;
}

int32_t fill(question *q, const distarray_array *array) {
  elements e;
  int is_owned;
  void *element;
  int32_t status = elements_of(q, array, &e);
  while (status == DISTARRAY_OK && (element = next_element(&e, &is_owned)) != NULL) {
    int64_t number = -7;
    if (is_owned) status = number_of(q, &e, &number);
    put(&e, element, number);
  }
  return status;
}

int32_t say_elements(question *q, const distarray_array *array, int owned_only) {
  elements e;
  int is_owned;
  const void *element;
  int32_t status = elements_of(q, array, &e);
  while (status == DISTARRAY_OK && (element = next_element(&e, &is_owned)) != NULL)
    if (is_owned || !owned_only) say(q, get(&e, element));
  return status;
}

void say_array(question *q, const distarray_export *view) {
  int32_t axis;
  int64_t i;
  say(q, view->dtype_code);
  say(q, view->dtype_bits);
  say(q, view->itemsize);
  say(q, view->ndim);
  for (axis = 0; axis < view->ndim; ++axis) {
    const distarray_dim *dim = &view->dims[axis];
    say(q, view->shape[axis]);
    say(q, dim->dist_type);
    say(q, dim->flags);
    say(q, dim->size);
    say(q, dim->proc_grid_size);
    say(q, dim->proc_grid_rank);
    say(q, dim->start);
    say(q, dim->stop);
    say(q, dim->padding[0]);
    say(q, dim->padding[1]);
    say(q, dim->block_size);
    say(q, dim->first_block);
    say(q, dim->n_owned);
    say(q, dim->n_indices);
    for (i = 0; i < dim->n_indices; ++i) {
      if (dim->flags & DISTARRAY_DIM_INDICES_I32) say(q, ((const int32_t *)dim->indices)[i]);
      else say(q, ((const int64_t *)dim->indices)[i]);
    }
  }
}
