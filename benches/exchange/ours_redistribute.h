/* ours_redistribute.h - the redistribution case by libdistarray.
 *
 *   ours_msg  by messages, between the very memory of the hand-written variants
 *   ours_shm  by shared memory, from an array that the library allocates for it
 *
 * A matrix has two axes, whatever the order of its memory; slabs of a 3-D array
 * have three, a vector has one.
 */
#ifndef OURS_REDISTRIBUTE_H
#define OURS_REDISTRIBUTE_H

#include "hand_redistribute.h"
#include "ours.h"

typedef struct {
  MPI_Comm comm; /* its own, so that each case measures anew how far apart the ranks are */
  distarray_redistribution *plan;
  distarray_array *from, *to;
  distarray_distribution *from_distribution, *to_distribution;
} ours_redistribution;

/* Blocks dealt once are contiguous; an axis that is not cut is held whole. */
static distarray_dim dim_of(const cut *c, int at) {
  int64_t first = at * c->block, stop = first + c->block;
  if (c->grid == 1) return distarray_dim_whole(c->size);
  if (c->block * c->grid < c->size) return distarray_dim_cyclic(c->size, c->grid, at, c->block, 0);
  return distarray_dim_block(c->size, c->grid, at, first < c->size ? first : c->size,
                             stop < c->size ? stop : c->size);
}

/* Rows of (z y): whole planes of z. */
static cut planes_of(const cut *rows, long plane) {
  cut z = {rows->size / plane, rows->block / plane, rows->grid};
  return z;
}

/* From rows to columns of memory is a transposition: then the target's axes change places. */
static int transposed(const redistribution_case *c) { return c->from.order == 'C' && c->to.order == 'F'; }

static void redistribution_piece(piece *p, const redistribution_case *c, const layout *l, void *data) {
  int at_row = row_of(l, rank), at_column = column_of(l, rank), turned = l == &c->to && transposed(c);
  int ndim = c->plane ? 3 : l->columns.size == 1 ? 1 : 2, row = turned, column = turned ? 0 : ndim - 1;
  piece_start(p, ndim, c->type == COMPLEX ? DISTARRAY_DTYPE_COMPLEX : DISTARRAY_DTYPE_FLOAT, 8 * c->type, data);
  if (ndim > 1) p->dims[column] = dim_of(&l->columns, at_column), p->shape[column] = columns_at(l, rank);
  if (c->plane) {
    cut z = planes_of(&l->rows, c->plane);
    p->dims[0] = dim_of(&z, at_row), p->shape[0] = count_of(&z, at_row);
    p->dims[1] = distarray_dim_whole(c->plane), p->shape[1] = c->plane;
  } else {
    p->dims[row] = dim_of(&l->rows, at_row), p->shape[row] = rows_at(l, rank);
  }
  if (l->order == 'C' || turned) distarray_strides_c_order(ndim, p->shape, c->type, p->strides);
  else distarray_strides_fortran_order(ndim, p->shape, c->type, p->strides);
}

static void redistribute_ours(void *context) {
  ours_redistribution *o = context;
  distarray_error error;
  must(distarray_redistribution_apply(o->plan, o->from, o->to, &error), &error);
}

static void race_ours(race *race, const char *name, ours_redistribution *o, redistribution *r, int shared) {
  const redistribution_case *c = r->c;
  distarray_error error;
  piece from, to;
  const int64_t swapped[2] = {1, 0};
  redistribution_piece(&from, c, &c->from, r->source.data);
  redistribution_piece(&to, c, &c->to, r->target.data);
  MPI_Comm_dup(MPI_COMM_WORLD, &o->comm);
  piece_take(&from, o->comm, &o->from, &o->from_distribution);
  piece_take(&to, o->comm, &o->to, &o->to_distribution);
  if (shared) {
    distarray_export view;
    share(&from, o->from_distribution, &o->from);
    must(distarray_array_view(o->from, &view, &error), &error);
    fill_part(c, &c->from, view.data);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  must(distarray_redistribution_new(o->from_distribution, o->to_distribution, transposed(c) ? swapped : NULL,
                                    &o->plan, &error),
       &error);
  double plan = MPI_Wtime() - start;
  race_add(race, name, OURS, redistribute_ours, o, plan, redistribution_try(r, redistribute_ours, o));
}

static void ours_redistribution_free(ours_redistribution *o) {
  distarray_redistribution_free(o->plan);
  distarray_distribution_free(o->from_distribution);
  distarray_distribution_free(o->to_distribution);
  distarray_array_free(o->from);
  distarray_array_free(o->to);
  MPI_Comm_free(&o->comm);
}

#endif /* OURS_REDISTRIBUTE_H */
