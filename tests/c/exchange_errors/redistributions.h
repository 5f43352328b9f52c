/* Redistribution. */
#ifndef REDISTRIBUTIONS_H
#define REDISTRIBUTIONS_H

#include "parts.h"

static void redistributions(void) {
  static const int64_t twice[2] = {0, 0}, beyond[2] = {0, 2}, negative[2] = {-1, 0}, kept[2] = {0, 1};
  static const double one[2] = {1, 0}, two[2] = {2, 0}, i[2] = {0, 1};
  distarray_dim rows[2], columns[2], longer[2], vector[2];
  distarray_distribution *from, *to, *alien, *alone;
  distarray_redistribution *r = NULL, *same;
  distarray_moved moved;
  distarray_comm self;
  distarray_export one_rank = DISTARRAY_EXPORT_INIT;
  distarray_array *own;
  part *a, *b, *a_int, *a_complex, *a_record, *b_float, *b_record, *b_long_record, *b_int, *other, *shut;
  part *overlapping, *twin;
  int64_t length = 0;
  double nothing = 0;

  rows[0] = distarray_dim_block(ROWS, RANKS, rank, first_of(rank), first_of(rank + 1));
  rows[1] = distarray_dim_whole(COLUMNS);
  columns[0] = distarray_dim_whole(ROWS);
  columns[1] = distarray_dim_cyclic(COLUMNS, RANKS, rank, 1, 0);
  longer[0] = distarray_dim_whole(ROWS + 1);
  longer[1] = columns[1];
  a = new_part(rows, f64);
  a_int = new_part(rows, i32);
  a_complex = new_part(rows, c128);
  a_record = new_part(rows, record12);
  b = new_part(columns, f64);
  b_float = new_part(columns, f32);
  b_int = new_part(columns, i32);
  b_record = new_part(columns, record12);
  b_long_record = new_part(columns, record16);
  other = new_part(longer, f64);
  shut = lend(columns, f64, DISTARRAY_W_READ_ONLY, NULL);
  overlapping = lend(rows, f64, 0, a->data + 8); /* malloc'ed with room to spare */
  twin = new_part(rows, f64);
  fill(a);
  for (int64_t k = 0; k < a_int->shape[0] * a_int->shape[1]; k++)
    ((int32_t *)(void *)a_int->data)[k] = (int32_t)((double *)(void *)a->data)[k];
  keep();
  from = gather(a);
  to = gather(b);
  alien = gather(other);

  /* Plans. */
  REFUSED(DISTARRAY_E_SHAPE, "axis 0", distarray_redistribution_new(from, alien, NULL, &r, &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 1",
          distarray_redistribution_new(from, at_fault ? alien : to, NULL, &r, &error));
  REFUSED(DISTARRAY_E_RANGE, "once", distarray_redistribution_new(from, to, twice, &r, &error));
  REFUSED(DISTARRAY_E_RANGE, "once", distarray_redistribution_new(from, to, beyond, &r, &error));
  REFUSED(DISTARRAY_E_RANGE, "rank 1",
          distarray_redistribution_new(from, to, at_fault ? negative : kept, &r, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_redistribution_new(from, at_fault ? NULL : to, NULL, &r, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_redistribution_new(from, to, NULL, at_fault ? NULL : &r, &error));
  REFUSED(DISTARRAY_E_NULL, "source", distarray_redistribution_new(NULL, to, NULL, &r, &error));
  /* Another number of axes, and other ranks. */
  check(distarray_comm_from_mpi(MPI_COMM_SELF, &self) == 0);
  vector[0] = distarray_dim_whole(0);
  distarray_export_set_dtype(&one_rank, DISTARRAY_DTYPE_FLOAT, 64);
  distarray_strides_c_order(1, &length, 8, &length);
  length = 0;
  one_rank.ndim = 1;
  one_rank.shape = &length;
  one_rank.strides = &one_rank.itemsize;
  one_rank.dims = vector;
  one_rank.data = &nothing;
  one_rank.release = give_back;
  must(distarray_array_import(&one_rank, DISTARRAY_ACCESS_READ, &own, &error));
  must(distarray_distribution_gather(&self, own, &alone, &error));
  REFUSED(DISTARRAY_E_GRID, "the same ranks", distarray_redistribution_new(from, alone, NULL, &r, &error));
  distarray_distribution_free(alone);
  distarray_array_free(own);
  REFUSED(DISTARRAY_E_RANGE, "once",
          distarray_redistribution_new_across(&table, from, to, 2, at_fault ? twice : kept, &r, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_redistribution_new_across(&table, from, to, 2, NULL, at_fault ? NULL : &r, &error));
  check(r == NULL);

  must(distarray_redistribution_new(from, to, NULL, &r, &error));
  must(distarray_redistribution_new(from, from, NULL, &same, &error));
  distarray_distribution_free(from);
  distarray_distribution_free(to);
  distarray_distribution_free(alien);

  /* Arrays. */
  REFUSED(DISTARRAY_E_NULL, "the source must be an array",
          distarray_redistribution_apply(r, bring(a, NULL), b->array, &error));
  REFUSED(DISTARRAY_E_NULL, "the target must be an array",
          distarray_redistribution_apply(r, a->array, bring(b, NULL), &error));
  REFUSED(DISTARRAY_E_SHAPE, "the target",
          distarray_redistribution_apply(r, a->array, bring(b, other), &error));
  REFUSED(DISTARRAY_E_SHAPE, "the source",
          distarray_redistribution_apply(r, bring(a, b), b->array, &error));
  REFUSED(DISTARRAY_E_ACCESS, "rank 1",
          distarray_redistribution_apply(r, a->array, bring(b, shut), &error));
  REFUSED(DISTARRAY_E_BUSY, "share memory", distarray_redistribution_apply(same, a->array, a->array, &error));
  REFUSED(DISTARRAY_E_BUSY, "rank 1",
          distarray_redistribution_apply(same, a->array, bring(twin, overlapping), &error));
  REFUSED(DISTARRAY_E_NULL, "redistribution",
          distarray_redistribution_apply(NULL, a->array, b->array, &error));

  /* Element types. */
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must",
          distarray_redistribution_apply(r, a->array, bring(b, b_float), &error));
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must",
          distarray_redistribution_apply(r, a->array, bring(b, b_int), &error));
  REFUSED(DISTARRAY_E_DTYPE, "convert", distarray_redistribution_apply(r, a_complex->array, b->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "convert", distarray_redistribution_apply(r, a->array, b_int->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "convert", distarray_redistribution_apply(r, a->array, b_record->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "different sizes",
          distarray_redistribution_apply(r, a_record->array, b_long_record->array, &error));

  /* Factors. */
  REFUSED(DISTARRAY_E_NULL, "alpha",
          distarray_redistribution_apply_scaled(r, at_fault ? NULL : two, one, 0, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_NULL, "beta",
          distarray_redistribution_apply_scaled(r, two, NULL, 0, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must",
          distarray_redistribution_apply_scaled(r, at_fault ? one : two, one, 0, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must",
          distarray_redistribution_apply_scaled(r, two, one, at_fault, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "complex",
          distarray_redistribution_apply_scaled(r, i, one, 0, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "scaled",
          distarray_redistribution_apply_scaled(r, two, one, 0, a_int->array, b_int->array, &error));
  REFUSED(DISTARRAY_E_RANGE, "itemsize", distarray_redistribution_moves(r, -8, &moved, &error));

  /* And all goes on: integers become floats, records of one size are moved. */
  must(distarray_redistribution_apply(r, a_int->array, b->array, &error));
  check(filled(b));
  memset(b->data, 0, b->bytes);
  must(distarray_redistribution_apply(r, a->array, b->array, &error));
  check(filled(b));
  must(distarray_redistribution_apply(r, a_record->array, b_record->array, &error));
  must(distarray_redistribution_apply(same, a->array, twin->array, &error));
  check(filled(twin));
  distarray_redistribution_free(r);
  distarray_redistribution_free(same);
  distarray_redistribution_free(NULL);
}

#endif
