/* Handles of another kind, as Fortran's c_ptr lets them through, and freed ones: each is
 * refused by name, nothing is followed, and what was freed twice was freed once. */
#include "../common/check.h"

static int released;

#define REFUSED(kind, call) refused_with(call, DISTARRAY_E_RELEASED, NULL, "is no distarray_" kind ":")

static void give_back(distarray_export *loan) {
  released++;
  loan->release = NULL;
}

int main(int argc, char **argv) {
  double u[4] = {0};
  int64_t shape[1] = {4}, strides[1] = {sizeof(double)};
  start(&argc, &argv);
  distarray_dim dims[1] = {distarray_dim_block(2 * size, size, rank, 2 * rank, 2 * rank + 2)};
  distarray_array *array, *other;
  distarray_distribution *whole;
  distarray_halo *halo;
  distarray_bound_halo *bound;
  distarray_redistribution *plan;
  distarray_moved moved;
  distarray_dim_add_halo(&dims[0], 1, 1);
  dims[0].flags |= DISTARRAY_DIM_PERIODIC;
  distarray_export loan = loan_of(u, 1, shape, strides, dims, give_back);
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_distribution_gather(&table, array, &whole, &error));
  must(distarray_halo_new(whole, 1, &halo, &error));
  must(distarray_redistribution_new(whole, whole, NULL, &plan, &error));
  must(distarray_halo_bind(halo, 1, (const distarray_array *const *)&array, &bound, &error));

  /* Of another kind. */
  void *p_array = array, *p_halo = halo, *p_whole = whole, *p_plan = plan, *p_bound = bound;
  REFUSED("halo", distarray_halo_update(p_array, array, &error));
  REFUSED("array", distarray_halo_update(halo, p_halo, &error));
  REFUSED("distribution", distarray_halo_new(p_plan, 1, &halo, &error));
  REFUSED("array", distarray_distribution_gather(&table, p_whole, &whole, &error));
  REFUSED("bound_halo", distarray_bound_halo_update(p_halo, &error));
  REFUSED("redistribution", distarray_redistribution_moves(p_bound, 8, &moved, &error));
  REFUSED("array", distarray_array_export(p_plan, NULL, &loan, &error));
  distarray_halo_free(p_array);
  distarray_array_free(p_halo);
  distarray_redistribution_free(p_bound);
  must(distarray_halo_update(halo, array, &error));
  must(distarray_bound_halo_update(bound, &error));

  /* Freed: memory that something new took in the meantime is no handle either. */
  distarray_bound_halo_free(bound);
  distarray_redistribution_free(plan);
  REFUSED("redistribution", distarray_redistribution_moves(plan, 8, &moved, &error));
  distarray_redistribution_free(plan);
  distarray_halo_free(halo);
  REFUSED("halo", distarray_halo_update(halo, array, &error));
  distarray_halo_free(halo);
  check(released == 0);
  other = array;
  distarray_array_free(array);
  check(released == 1);
  REFUSED("array", distarray_distribution_gather(&table, other, &whole, &error));
  distarray_array_free(other);
  check(released == 1);
  distarray_distribution_free(whole);
  return finish("handles");
}
