/* Consumers that do not take every array. */
#ifndef ACCOMMODATIONS_H
#define ACCOMMODATIONS_H

#include "parts.h"

static void accommodations(void) {
  distarray_distribution *from;
  distarray_accommodation *way = NULL;
  distarray_array *handed = NULL;
  const int32_t twice[2] = {1, 1}, outside[2] = {-1, 0}, turned[2] = {1, 0};
  distarray_required_axis axes[2];
  distarray_requirements any, odd;
  distarray_dim rows[2] = {distarray_dim_block(ROWS, RANKS, rank, ROWS * rank / RANKS, ROWS * (rank + 1) / RANKS),
                           distarray_dim_whole(COLUMNS)};
  distarray_dim fewer[2] = {distarray_dim_block(6, RANKS, rank, 2 * rank, 2 * rank + 2),
                            distarray_dim_whole(COLUMNS)};
  part *a = lend(rows, f64, 0, NULL), *other = lend(fewer, f64, 0, NULL), *a_int = lend(rows, i32, 0, NULL);
  part *shut = lend(rows, f64, DISTARRAY_W_READ_ONLY, NULL);
  must(distarray_distribution_gather(&table, a->array, &from, &error));
  memset(axes, 0, sizeof axes);
  memset(&any, 0, sizeof any);
  any.axes = axes;
  any.ndim = 2;
  keep();

  REFUSED(DISTARRAY_E_NULL, "distribution", distarray_accommodation_new(NULL, a->array, &any, &way, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_accommodation_new(from, bring(a, NULL), &any, &way, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_accommodation_new(from, a->array, &any, at_fault ? NULL : &way, &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 1", distarray_accommodation_new(from, bring(a, other), &any, &way, &error));
#define ODD(field, value, code, words) \
  odd = any; \
  odd.field = (value); \
  REFUSED(code, words, distarray_accommodation_new(from, a->array, at_fault ? &odd : &any, &way, &error))
  ODD(ndim, 1, DISTARRAY_E_SHAPE, "rank 1");
  ODD(ndim, -1, DISTARRAY_E_RANGE, "axes");
  ODD(axes, NULL, DISTARRAY_E_NULL, "axes");
  ODD(layouts, 32, DISTARRAY_E_RANGE, "layouts");
  ODD(grid_order, 3, DISTARRAY_E_RANGE, "grid_order");
  ODD(alignment, 24, DISTARRAY_E_RANGE, "alignment");
  ODD(device_type, 2, DISTARRAY_E_DEVICE, "device_type");
  ODD(reserved[0], 1, DISTARRAY_E_FLAG, "reserved");
  ODD(components, 3, DISTARRAY_E_RANGE, "components");
  any.layouts = DISTARRAY_LAYOUT_STRIDED;
  ODD(permutation, turned, DISTARRAY_E_RANGE, "permutation");
  ODD(components, DISTARRAY_COMPONENTS_FASTEST, DISTARRAY_E_RANGE, "components");
  any.layouts = DISTARRAY_LAYOUT_C;
  ODD(permutation, twice, DISTARRAY_E_RANGE, "permutation");
  ODD(permutation, outside, DISTARRAY_E_RANGE, "permutation");
  ODD(permutation, turned, DISTARRAY_E_INVARIANT, "all ranks must");
  axes[1].pitch = COLUMNS - 1;
  REFUSED(DISTARRAY_E_RANGE, "pitch", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[1].pitch = -1;
  REFUSED(DISTARRAY_E_RANGE, "pitch", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[1].pitch = 0;
  axes[0].least = -1;
  REFUSED(DISTARRAY_E_RANGE, "least", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[0].least = ROWS / RANKS + 1;
  axes[0].proc_grid_size = RANKS;
  REFUSED(DISTARRAY_E_UNSUPPORTED, "fewer ranks", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[0].least = axes[0].proc_grid_size = 0;
  any.room = UINT64_MAX;
  must(distarray_accommodation_new(from, a->array, &any, &way, &error));
  REFUSED(DISTARRAY_E_NO_MEMORY, "rank 0", distarray_accommodation_hand_over(way, a->array, &handed, &error));
  distarray_accommodation_free(way);
  way = NULL;
  any.room = any.layouts = 0;
  ODD(alignment, 64, DISTARRAY_E_INVARIANT, "all ranks must");
  axes[1].padding = 4;
  REFUSED(DISTARRAY_E_RANGE, "axis 1", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[1].padding = 0;
  axes[0].dist_types = 8;
  REFUSED(DISTARRAY_E_RANGE, "axis 0", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[0].dist_types = 0;
  axes[0].proc_grid_size = RANKS + 1;
  REFUSED(DISTARRAY_E_GRID, "proc_grid_size", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[0].proc_grid_size = 0;
  any.bits = 32;
  REFUSED(DISTARRAY_E_DTYPE, "int32", distarray_accommodation_new(from, a->array, &any, &way, &error));
  any.bits = 0;
  axes[0].dist_types = 2;
  axes[0].block_size = 2;
  any.never_copy = 1;
  REFUSED(DISTARRAY_E_WOULD_COPY, "axis 0", distarray_accommodation_new(from, a->array, &any, &way, &error));
  any.never_copy = 0;
  check(way == NULL);

  must(distarray_accommodation_new(from, a->array, &any, &way, &error));
  distarray_distribution_free(from);
  REFUSED(DISTARRAY_E_NULL, "accommodation", distarray_accommodation_hand_over(NULL, a->array, &handed, &error));
  REFUSED(DISTARRAY_E_NULL, "array", distarray_accommodation_hand_over(way, bring(a, NULL), &handed, &error));
  REFUSED(DISTARRAY_E_NULL, "handed",
          distarray_accommodation_hand_over(way, a->array, at_fault ? NULL : &handed, &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 1", distarray_accommodation_hand_over(way, bring(a, other), &handed, &error));
  REFUSED(DISTARRAY_E_DTYPE, "rank 1", distarray_accommodation_hand_over(way, bring(a, a_int), &handed, &error));
  check(handed == NULL);
  must(distarray_accommodation_hand_over(way, a->array, &handed, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_accommodation_take_back(way, at_fault ? NULL : handed, a->array, &error));
  REFUSED(DISTARRAY_E_SHAPE, "source", distarray_accommodation_take_back(way, bring(a, a), a->array, &error));
  REFUSED(DISTARRAY_E_ACCESS, "rank 1",
          distarray_accommodation_take_back(way, handed, bring(a, shut), &error));
  must(distarray_accommodation_take_back(way, handed, a->array, &error));
  distarray_array_free(handed);
  distarray_accommodation_free(way);
  distarray_accommodation_free(NULL);
}

#endif
