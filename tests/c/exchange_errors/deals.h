/* Distributions from axes and process grids, and arrays in the caller's memory. */
#ifndef DEALS_H
#define DEALS_H

#include "parts.h"

static void deals(void) {
  static const distarray_axis nothing;
  const int64_t too_few[2] = {RANKS - 1, 1}, bounds[RANKS + 1] = {0, 2, 5, 9};
  int64_t strides[2] = {8 * COLUMNS, 8};
  distarray_axis axes[2], odd;
  distarray_distribution *d = NULL;
  distarray_array *array = NULL;
  distarray_export loan;
  double memory[(ROWS + 2) * COLUMNS];
  axes[0] = axes[1] = nothing;
  axes[0].dist_type = DISTARRAY_DIST_BLOCK;
  axes[0].size = ROWS;
  axes[1].size = COLUMNS;
  REFUSED(DISTARRAY_E_NULL, "axes", distarray_distribution_new(&table, 2, at_fault ? NULL : axes, NULL, 0, &d, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_distribution_new(&table, 2, axes, NULL, 0, at_fault ? NULL : &d, &error));
  REFUSED(DISTARRAY_E_RANGE, "axes", distarray_distribution_new(&table, -1, axes, NULL, 0, &d, &error));
  REFUSED(DISTARRAY_E_RANGE, "grid_order", distarray_distribution_new(&table, 2, axes, NULL, at_fault * 3, &d, &error));
  REFUSED(DISTARRAY_E_GRID, "proc_grid_size", distarray_distribution_new(&table, 2, axes, too_few, 0, &d, &error));
#define ODD_AXIS(field, value, code, words) \
  odd = axes[0]; \
  axes[0].field = (value); \
  REFUSED(code, words, distarray_distribution_new(&table, 2, axes, NULL, 0, &d, &error)); \
  axes[0] = odd
  ODD_AXIS(dist_type, 'x', DISTARRAY_E_RANGE, "axis 0");
  ODD_AXIS(flags, 1u << 9, DISTARRAY_E_RANGE, "flags");
  ODD_AXIS(reserved[1], 1, DISTARRAY_E_FLAG, "reserved");
  ODD_AXIS(size, -1, DISTARRAY_E_RANGE, "size");
  ODD_AXIS(halo[0], -2, DISTARRAY_E_HALO, "halo");
  ODD_AXIS(block_size, 1, DISTARRAY_E_RANGE, "axis 0");
  axes[0].bounds = bounds;
  axes[0].proc_grid_size = RANKS;
  REFUSED(DISTARRAY_E_RANGE, "bounds", distarray_distribution_new(&table, 2, axes, NULL, 0, &d, &error));
  axes[0].bounds = NULL;
  axes[0].size = at_fault ? ROWS + 1 : ROWS;
  REFUSED(DISTARRAY_E_INVARIANT, "size", distarray_distribution_new(&table, 2, axes, NULL, 0, &d, &error));
  axes[0].size = ROWS;
  check(d == NULL);
  must(distarray_distribution_new(&table, 2, axes, NULL, 0, &d, &error));
  REFUSED(DISTARRAY_E_NULL, "data", distarray_distribution_wrap(d, DISTARRAY_DTYPE_FLOAT, 64, NULL, NULL, &array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "dtype", distarray_distribution_wrap(d, DISTARRAY_DTYPE_OPAQUE, 0, memory, NULL, &array, &error));
  REFUSED(DISTARRAY_E_NULL, "distribution", distarray_distribution_wrap(NULL, DISTARRAY_DTYPE_FLOAT, 64, memory, NULL, &array, &error));
  strides[0] = 4;
  REFUSED(DISTARRAY_E_ALIGN, "strides", distarray_distribution_wrap(d, DISTARRAY_DTYPE_FLOAT, 64, memory, strides, &array, &error));
  check(array == NULL);
  must(distarray_distribution_wrap(d, DISTARRAY_DTYPE_FLOAT, 64, memory, NULL, &array, &error));
  distarray_array_free(array);

  /* The same part described, and lent by hand. */
  REFUSED(DISTARRAY_E_NULL, "description", distarray_distribution_describe(d, NULL, &error));
  REFUSED(DISTARRAY_E_NULL, "distribution", distarray_distribution_describe(NULL, &loan, &error));
  must(distarray_distribution_describe(d, &loan, &error));
  check(loan.release == NULL && loan.shape[0] == 3 - (rank == 2) && loan.shape[1] == COLUMNS);
  strides[0] = 8 * COLUMNS;
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = memory;
  loan.strides = strides;
  loan.release = give_back;
  must(distarray_check_collective(&table, &loan, &error));
  distarray_distribution_free(d);
  d = NULL;
}

/* Process grids with copies, and with ranks in any order. */
static void grids(void) {
  static const distarray_axis nothing;
  static const distarray_grid plain;
  const int64_t turned[RANKS] = {2, 0, 1}, twice[RANKS] = {1, 1, 0}, too_few[1] = {RANKS - 1};
  distarray_axis axis = nothing;
  distarray_grid grid = plain;
  distarray_distribution *d = NULL;
  distarray_export part;
  int64_t last = ROWS - 1, owner;
  axis.dist_type = DISTARRAY_DIST_BLOCK;
  axis.size = ROWS;
#define ODD_GRID(field, value, code, words) \
  grid.field = (value); \
  REFUSED(code, words, distarray_distribution_new_on_grid(&table, 1, &axis, &grid, &d, &error)); \
  grid = plain
  ODD_GRID(order, at_fault ? 3 : 0, DISTARRAY_E_RANGE, "grid_order");
  ODD_GRID(reserved[3], at_fault, DISTARRAY_E_FLAG, "reserved");
  ODD_GRID(replicas, -1, DISTARRAY_E_GRID, "copies");
  ODD_GRID(replicas, 2, DISTARRAY_E_GRID, "copies");
  ODD_GRID(extents, too_few, DISTARRAY_E_GRID, "proc_grid_size");
  ODD_GRID(ranks, twice, DISTARRAY_E_DUPLICATE, "grid_ranks");
  ODD_GRID(ranks, at_fault ? turned : NULL, DISTARRAY_E_GRID, "grid_order");
  grid.order = 2;
  ODD_GRID(ranks, turned, DISTARRAY_E_FLAG, "not both");
  check(d == NULL);
  grid.ranks = turned;
  must(distarray_distribution_new_on_grid(&table, 1, &axis, &grid, &d, &error));
  must(distarray_distribution_owner(d, 1, &last, &owner, &error));
  check(owner == turned[RANKS - 1]);
  must(distarray_distribution_describe(d, &part, &error));
  check(part.flags_read == DISTARRAY_R_GRID_MAP && turned[part.dims[0].proc_grid_rank] == rank);
  distarray_distribution_free(d);
  axis = nothing;
  axis.size = ROWS;
  grid = plain;
  grid.replicas = RANKS;
  must(distarray_distribution_new_on_grid(&table, 1, &axis, &grid, &d, &error));
  must(distarray_distribution_describe(d, &part, &error));
  check(part.flags_write == DISTARRAY_W_REPLICATED && part.shape[0] == ROWS && part.process_rank == rank);
  distarray_distribution_free(d);
}

#endif
