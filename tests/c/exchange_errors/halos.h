/* Halo exchange. */
#ifndef HALOS_H
#define HALOS_H

#include "parts.h"

static void halos(void) {
  static const int32_t known[2] = {DISTARRAY_EDGE_KEEP, DISTARRAY_EDGE_KEEP}, unknown[2] = {0, 7};
  distarray_dim dims[2], wider[2];
  distarray_distribution *whole;
  distarray_halo *halo;
  distarray_bound_halo *bound = NULL;
  const distarray_array *pair[2];
  distarray_moved moved = {-1, -1, -1};
  distarray_array *made = NULL;
  part *u, *v, *other_type, *read_only, *other_dims, *complex_, *records;

  halo_dims(dims, 1);
  halo_dims(wider, 2);
  u = new_part(dims, f64);
  v = new_part(dims, f64);
  other_type = new_part(dims, f32);
  read_only = lend(dims, f64, DISTARRAY_W_READ_ONLY, NULL);
  other_dims = new_part(wider, f64);
  complex_ = new_part(dims, c128);
  records = new_part(dims, record12);
  fill(u);
  fill(v);
  keep();
  whole = gather(u);
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, 64, 0, 0, at_fault ? NULL : &made, &error));
  REFUSED(DISTARRAY_E_DTYPE, "rank 1",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, at_fault ? 63 : 64, 0, 1, &made, &error));
  REFUSED(DISTARRAY_E_DTYPE, "no element type",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_OPAQUE, 0, 0, 0, &made, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, 64, 0, at_fault, &made, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, at_fault ? 32 : 64, 0, 1, &made, &error));
  check(made == NULL);
  REFUSED(DISTARRAY_E_NULL, "halo must not be NULL",
          distarray_halo_new(whole, 1, at_fault ? NULL : &halo, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must", distarray_halo_new(whole, at_fault, &halo, &error));
  must(distarray_halo_new(whole, 1, &halo, &error));
  distarray_distribution_free(whole);

  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_update(halo, bring(u, NULL), &error));
  REFUSED(DISTARRAY_E_NULL, "rank 0", distarray_halo_update(halo, NULL, &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 1", distarray_halo_update(halo, bring(u, other_dims), &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 0", distarray_halo_update(halo, other_dims->array, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1", distarray_halo_update(halo, bring(u, other_type), &error));
  REFUSED(DISTARRAY_E_ACCESS, "rank 1", distarray_halo_update(halo, bring(u, read_only), &error));

  pair[0] = u->array;
  pair[1] = bring(v, NULL);
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_update_all(halo, 2, pair, &error));
  pair[1] = v->array;
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_update_all(halo, 2, at_fault ? NULL : pair, &error));
  REFUSED(DISTARRAY_E_RANGE, "rank 1", distarray_halo_update_all(halo, at_fault ? -1 : 2, pair, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1", distarray_halo_update_all(halo, at_fault ? 1 : 2, pair, &error));

  REFUSED(DISTARRAY_E_RANGE, "axis 1", distarray_halo_fill_edges(halo, unknown, NULL, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_halo_fill_edges(halo, at_fault ? NULL : known, NULL, &error));
  /* A binding agrees once; its updates are not checked again. */
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_halo_bind(halo, 2, pair, at_fault ? NULL : &bound, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1",
          distarray_halo_bind(halo, at_fault ? 1 : 2, pair, &bound, &error));
  pair[1] = bring(v, NULL);
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_bind(halo, 2, pair, &bound, &error));
  pair[1] = bring(v, read_only);
  REFUSED(DISTARRAY_E_ACCESS, "rank 1", distarray_halo_bind(halo, 2, pair, &bound, &error));
  pair[1] = bring(v, other_dims);
  REFUSED(DISTARRAY_E_SHAPE, "rank 1", distarray_halo_bind(halo, 2, pair, &bound, &error));
  pair[1] = v->array;
  REFUSED(DISTARRAY_E_NULL, "bound", distarray_bound_halo_update(NULL, &error));
  check(bound == NULL);

  REFUSED(DISTARRAY_E_RANGE, "DISTARRAY_MAX", distarray_halo_accumulate(halo, u->array, 4, &error));
  REFUSED(DISTARRAY_E_RANGE, "rank 1", distarray_halo_accumulate(halo, u->array, at_fault ? 0 : 1, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1",
          distarray_halo_accumulate(halo, u->array, at_fault ? DISTARRAY_MIN : DISTARRAY_SUM, &error));
  REFUSED(DISTARRAY_E_DTYPE, "no order",
          distarray_halo_accumulate(halo, complex_->array, DISTARRAY_MAX, &error));
  REFUSED(DISTARRAY_E_DTYPE, "no sum",
          distarray_halo_accumulate(halo, records->array, DISTARRAY_SUM, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_halo_accumulate(halo, bring(u, NULL), DISTARRAY_SUM, &error));

  REFUSED(DISTARRAY_E_BUSY, "no halo update was started", distarray_halo_finish(halo, u->array, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_start(halo, bring(u, NULL), &error));
  REFUSED(DISTARRAY_E_BUSY, "no halo update was started", distarray_halo_finish(halo, u->array, &error));
  must(distarray_halo_start(halo, u->array, &error));
  REFUSED(DISTARRAY_E_BUSY, "is not finished", distarray_halo_start(halo, u->array, &error));
  REFUSED(DISTARRAY_E_BUSY, "is not finished", distarray_halo_update(halo, v->array, &error));
  REFUSED(DISTARRAY_E_BUSY, "rank 1", distarray_halo_finish(halo, bring(u, v), &error));
  REFUSED(DISTARRAY_E_BUSY, "rank 1", distarray_halo_finish(halo, bring(u, NULL), &error));
  must(distarray_halo_finish(halo, u->array, &error));
  check(filled(u) && !filled(v));
  keep();
  REFUSED(DISTARRAY_E_BUSY, "no halo update was started", distarray_halo_finish(halo, u->array, &error));

  /* Local ones, refused on every rank alike. */
  REFUSED(DISTARRAY_E_NULL, "halo", distarray_halo_update(NULL, u->array, &error));
  REFUSED(DISTARRAY_E_NULL, "distribution", distarray_halo_new(NULL, 1, &halo, &error));
  REFUSED(DISTARRAY_E_NULL, "moved", distarray_halo_moves(halo, 8, NULL, &error));
  REFUSED(DISTARRAY_E_RANGE, "itemsize", distarray_halo_moves(halo, -1, &moved, &error));
  check(moved.messages == -1);

  /* And all goes on. */
  pair[0] = other_type->array;
  must(distarray_halo_update_all(halo, 2, pair, &error));
  check(filled(v));
  must(distarray_halo_update(halo, records->array, &error));
  memset(v->data, 0, v->bytes);
  fill(v);
  pair[0] = records->array;
  must(distarray_halo_bind(halo, 2, pair, &bound, &error));
  distarray_halo_free(halo);
  must(distarray_bound_halo_update(bound, &error));
  check(filled(v));
  distarray_bound_halo_free(bound);
  distarray_bound_halo_free(NULL);
  distarray_halo_free(NULL);
}

/* A halo that no neighbour can fill is found before any plan is made. */
static void wide_halo(void) {
  distarray_dim dims[2];
  distarray_distribution *whole;
  part *p;
  /* Up to the edges only: wider than the neighbour's block. */
  dims[0] = distarray_dim_block(ROWS, RANKS, rank, first_of(rank), first_of(rank + 1));
  dims[0].padding[0] = rank > 0 ? 4 : 0;
  dims[0].padding[1] = rank < RANKS - 1 ? 4 : 0;
  dims[0].start -= dims[0].padding[0];
  dims[0].stop += dims[0].padding[1];
  if (dims[0].start < 0) dims[0].start = 0;
  if (dims[0].stop > ROWS) dims[0].stop = ROWS;
  dims[1] = distarray_dim_whole(COLUMNS);
  p = new_part(dims, f64);
  keep();
  REFUSED(DISTARRAY_E_HALO, "axis 0", distarray_distribution_gather(&table, p->array, &whole, &error));
  /* Around the edges: wider than the axis goes around it more than once. */
  halo_dims(dims, 2 * ROWS);
  p = new_part(dims, f64);
  keep();
  REFUSED(DISTARRAY_E_HALO, "axis 0", distarray_distribution_gather(&table, p->array, &whole, &error));
}

#endif
