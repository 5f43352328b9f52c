/* answers.c - the C interface, asked. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define TRY(call)                            \
  do {                                       \
    int32_t status_ = (call);                \
    if (status_ != DISTARRAY_OK) return status_; \
  } while (0)

int32_t answer_dim(question *q) {
  int32_t level = (int32_t)*q->ask++;
  int64_t extent, n, held, start, stop, n_runs = 0, i;
  distarray_dim dim = read_axis(q, &extent);
  distarray_run *runs = NULL;
  TRY(distarray_dim_check(&dim, extent, level, &q->error));
  TRY(distarray_dim_owned(&dim, &held, &start, &stop, &q->error));
  say(q, held);
  say(q, start);
  say(q, stop);
  n = *q->ask++;
  TRY(distarray_dim_local_to_global(&dim, n, q->ask, q->said + q->n_said, &q->error));
  q->n_said += n;
  q->ask += n;
  n = *q->ask++;
  TRY(distarray_dim_global_to_local(&dim, n, q->ask, q->said + q->n_said, &q->error));
  q->n_said += n;
  if (distarray_dim_owned_runs(&dim, 0, NULL, &n_runs, &q->error) != DISTARRAY_OK) {
    n_runs = q->error.expected;
    runs = calloc((size_t)n_runs, sizeof *runs);
    TRY(distarray_dim_owned_runs(&dim, n_runs, runs, &n_runs, &q->error));
  }
  say(q, n_runs);
  for (i = 0; i < n_runs; ++i) {
    say(q, runs[i].start);
    say(q, runs[i].len);
    say(q, runs[i].stride);
    say(q, runs[i].count);
  }
  free(runs);
  /* Just outside is an error. */
  if (distarray_dim_local_to_global(&dim, 1, &held, &n, &q->error) != DISTARRAY_E_RANGE) abort();
  return DISTARRAY_OK;
}

int32_t answer_check(question *q) {
  part p;
  int32_t level = (int32_t)*q->ask++;
  read_part(q, DISTARRAY_DTYPE_INT, 8, &p);
  return distarray_export_check(&p.loan, level, &q->error);
}

static int32_t say_owners(question *q, const distarray_distribution *d, const distarray_dim *dim,
                          int32_t axis) {
  int64_t n = dim->size + 2, i;
  int64_t *memory = malloc((size_t)n * 5 * sizeof *memory);
  int64_t *global = memory, *coordinate = memory + n, *local = memory + 2 * n;
  int64_t *coordinate_too = memory + 3 * n, *local_too = memory + 4 * n;
  for (i = 0; i < n; ++i) global[i] = i - 1;
  TRY(distarray_distribution_owners(d, axis, n, global, coordinate, local, &q->error));
  if (dim->dist_type != DISTARRAY_DIST_UNSTRUCTURED) {
    TRY(distarray_distribution_global_to_local(d, axis, n, global, coordinate_too, local_too, &q->error));
    if (memcmp(coordinate, coordinate_too, (size_t)n * 16) != 0 && n > 0) abort();
    /* And back again. */
    for (i = 1; i + 1 < n; ++i) {
      int64_t again;
      TRY(distarray_distribution_local_to_global(d, axis, coordinate[i], 1, &local[i], &again, &q->error));
      if (again != global[i]) abort();
    }
  }
  for (i = 0; i < n; ++i) {
    say(q, coordinate[i]);
    say(q, local[i]);
  }
  free(memory);
  return DISTARRAY_OK;
}

/* The rank of each element of the whole array. */
static int32_t say_ranks(question *q, const distarray_distribution *d, const distarray_export *view) {
  int64_t total = 1, flat, rest, index[MAX_NDIM], rank;
  int32_t axis;
  for (axis = 0; axis < view->ndim; ++axis) total *= view->dims[axis].size;
  for (flat = 0; flat < total; ++flat) {
    for (axis = view->ndim, rest = flat; axis-- > 0; rest /= view->dims[axis].size)
      index[axis] = rest % view->dims[axis].size;
    TRY(distarray_distribution_owner(d, 1, index, &rank, &q->error));
    say(q, rank);
  }
  return DISTARRAY_OK;
}

int32_t answer_agree(question *q) {
  int64_t has_owners = *q->ask++;
  uint8_t code = (uint8_t)*q->ask++, bits = (uint8_t)*q->ask++;
  part p;
  distarray_array *array;
  distarray_distribution *d;
  distarray_export view;
  int32_t axis;
  read_part(q, code, bits, &p);
  TRY(distarray_check_collective(q->comm, &p.loan, &q->error));
  TRY(take_part(q, &p, &array));
  TRY(distarray_distribution_gather(q->comm, array, &d, &q->error));
  TRY(distarray_array_view(array, &view, &q->error));
  for (axis = 0; axis < view.ndim; ++axis) TRY(say_owners(q, d, &view.dims[axis], axis));
  if (has_owners) TRY(say_ranks(q, d, &view));
  distarray_distribution_free(d);
  distarray_array_free(array);
  return DISTARRAY_OK;
}

int32_t answer_halo(question *q) {
  layout made;
  distarray_halo *halo;
  int64_t n_edges = *q->ask++, axis;
  int32_t edges[MAX_NDIM];
  double constants[MAX_NDIM];
  for (axis = 0; axis < n_edges; ++axis) {
    edges[axis] = (int32_t)*q->ask++;
    constants[axis] = -9;
  }
  TRY(read_layout(q, q->comm, DISTARRAY_DTYPE_FLOAT, 64, &made));
  TRY(fill(q, made.array));
  TRY(distarray_halo_new(made.distribution, 1, &halo, &q->error));
  if (n_edges > 0) TRY(distarray_halo_fill_edges(halo, edges, constants, &q->error));
  TRY(distarray_halo_update(halo, made.array, &q->error));
  distarray_halo_free(halo);
  TRY(say_elements(q, made.array, 0));
  free_layout(&made);
  return DISTARRAY_OK;
}

int32_t answer_move(question *q) {
  uint8_t code = (uint8_t)q->ask[0], bits = (uint8_t)q->ask[1];
  int64_t reshape = q->ask[2];
  int32_t ndim = (int32_t)q->ask[3], side;
  layout sides[2];
  distarray_redistribution *plan;
  distarray_moved moved;
  memset(sides, 0, sizeof sides);
  q->ask += 4;
  for (side = 0; side < 2; ++side)
    if (q->sides[side] != NULL) TRY(read_layout(q, q->sides[side], code, bits, &sides[side]));
  if (sides[0].array != NULL) TRY(fill(q, sides[0].array));
  if (reshape)
    TRY(distarray_redistribution_new_reshape(sides[0].distribution, sides[1].distribution, &plan, &q->error));
  else
    TRY(distarray_redistribution_new_across(q->comm, sides[0].distribution, sides[1].distribution, ndim,
                                            NULL, &plan, &q->error));
  TRY(distarray_redistribution_moves(plan, bits / 8, &moved, &q->error));
  say(q, moved.messages);
  say(q, moved.bytes_sent);
  say(q, moved.bytes_copied);
  TRY(distarray_redistribution_apply(plan, sides[0].array, sides[1].array, &q->error));
  distarray_redistribution_free(plan);
  if (sides[1].array != NULL) TRY(say_elements(q, sides[1].array, 1));
  for (side = 0; side < 2; ++side) free_layout(&sides[side]);
  return DISTARRAY_OK;
}

int32_t answer_file(question *q) {
  distarray_array *array;
  elements e;
  char *again = malloc(strlen(q->text) + 7);
  const unsigned char *element;
  int is_owned;
  TRY(distarray_array_read_dnpy(q->text, &array, &q->error));
  strcat(strcpy(again, q->text), ".again");
  TRY(distarray_array_write_dnpy(array, again, &q->error));
  free(again);
  TRY(elements_of(q, array, &e));
  say_array(q, &e.view);
  while ((element = next_element(&e, &is_owned)) != NULL) {
    int64_t byte;
    for (byte = 0; byte < e.view.itemsize; ++byte) say(q, element[byte]);
  }
  distarray_array_free(array);
  return DISTARRAY_OK;
}

int32_t answer_text(question *q) {
  distarray_export read = DISTARRAY_EXPORT_INIT, again = DISTARRAY_EXPORT_INIT;
  size_t length;
  char *text;
  TRY(distarray_export_from_json(q->text, strlen(q->text), &read, &q->error));
  TRY(distarray_export_to_json(&read, NULL, 0, &length, &q->error));
  text = malloc(length + 1);
  TRY(distarray_export_to_json(&read, text, length + 1, &length, &q->error));
  distarray_export_release(&read);
  TRY(distarray_export_from_json(text, length, &again, &q->error));
  free(text);
  TRY(distarray_export_check(&again, 1, &q->error));
  say_array(q, &again);
  distarray_export_release(&again);
  return DISTARRAY_OK;
}

int32_t life_check(const distarray_export *loan, distarray_error *error) {
  return distarray_export_check(loan, 1, error);
}

int32_t life_import(distarray_export *loan, uint32_t access, void **array, distarray_error *error) {
  distarray_array *taken = NULL;
  int32_t status = distarray_array_import(loan, access, &taken, error);
  *array = taken;
  return status;
}

int32_t life_export(void *array, const distarray_request *request, distarray_export *loan,
                    distarray_error *error) {
  return distarray_array_export(array, request, loan, error);
}

int32_t life_view(void *array, distarray_export *view, distarray_error *error) {
  return distarray_array_view(array, view, error);
}

int32_t life_mark(void *array, uint64_t flags, distarray_error *error) {
  return distarray_array_mark_modified(array, flags, error);
}

void life_move(distarray_export *target, distarray_export *source) {
  distarray_export_move(target, source);
}

void life_release(distarray_export *loan) { distarray_export_release(loan); }

void life_free(void *array) { distarray_array_free(array); }
