/* Handles of another kind, as Fortran's c_ptr lets them through, and freed ones: each is
 * refused by name, nothing is followed, and what was freed twice was freed once. */
#include <distarray.h>
#include <distarray_mpi.h>

#include <stdio.h>
#include <string.h>

static distarray_error error;
static int refusals, released;

#define CHECK(what) \
  do { \
    if (!(what)) { \
      fprintf(stderr, "line %d: %s does not hold (%d: %s)\n", __LINE__, #what, (int)error.code, error.message); \
      MPI_Abort(MPI_COMM_WORLD, 1); \
    } \
  } while (0)
#define MUST(call) CHECK((call) == DISTARRAY_OK)
#define REFUSED(kind, call) \
  do { \
    CHECK((call) == DISTARRAY_E_RELEASED); \
    CHECK(strstr(error.message, "is no distarray_" kind ":") != NULL); \
    refusals++; \
  } while (0)

static void give_back(distarray_export *loan) {
  released++;
  loan->release = NULL;
}

int main(int argc, char **argv) {
  double u[4] = {0};
  int64_t shape[1] = {4}, strides[1] = {sizeof(double)};
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  distarray_dim dims[1] = {distarray_dim_block(2 * size, size, rank, 2 * rank, 2 * rank + 2)};
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_array *array, *other;
  distarray_distribution *whole;
  distarray_halo *halo;
  distarray_bound_halo *bound;
  distarray_redistribution *plan;
  distarray_comm comm;
  distarray_moved moved;
  CHECK(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) == 0);
  distarray_dim_add_halo(&dims[0], 1, 1);
  dims[0].flags |= DISTARRAY_DIM_PERIODIC;
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = u;
  loan.ndim = 1;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.release = give_back;
  MUST(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  MUST(distarray_distribution_gather(&comm, array, &whole, &error));
  MUST(distarray_halo_new(whole, 1, &halo, &error));
  MUST(distarray_redistribution_new(whole, whole, NULL, &plan, &error));
  MUST(distarray_halo_bind(halo, 1, (const distarray_array *const *)&array, &bound, &error));

  /* Of another kind. */
  void *p_array = array, *p_halo = halo, *p_whole = whole, *p_plan = plan, *p_bound = bound;
  REFUSED("halo", distarray_halo_update(p_array, array, &error));
  REFUSED("array", distarray_halo_update(halo, p_halo, &error));
  REFUSED("distribution", distarray_halo_new(p_plan, 1, &halo, &error));
  REFUSED("array", distarray_distribution_gather(&comm, p_whole, &whole, &error));
  REFUSED("bound_halo", distarray_bound_halo_update(p_halo, &error));
  REFUSED("redistribution", distarray_redistribution_moves(p_bound, 8, &moved, &error));
  REFUSED("array", distarray_array_export(p_plan, NULL, &loan, &error));
  distarray_halo_free(p_array);
  distarray_array_free(p_halo);
  distarray_redistribution_free(p_bound);
  MUST(distarray_halo_update(halo, array, &error));
  MUST(distarray_bound_halo_update(bound, &error));

  /* Freed: memory that something new took in the meantime is no handle either. */
  distarray_bound_halo_free(bound);
  distarray_redistribution_free(plan);
  REFUSED("redistribution", distarray_redistribution_moves(plan, 8, &moved, &error));
  distarray_redistribution_free(plan);
  distarray_halo_free(halo);
  REFUSED("halo", distarray_halo_update(halo, array, &error));
  distarray_halo_free(halo);
  CHECK(released == 0);
  other = array;
  distarray_array_free(array);
  CHECK(released == 1);
  REFUSED("array", distarray_distribution_gather(&comm, other, &whole, &error));
  distarray_array_free(other);
  CHECK(released == 1);
  distarray_distribution_free(whole);
  if (rank == 0) printf("%d wrong handles refused\n", refusals);
  MPI_Finalize();
  return 0;
}
