/* A rank that waits for another in shared memory lets MPI go on: rank 0 first waits for
 * the end of a long send, which rank 1 has a receive for and does not wait for before
 * its halo update has ended. Where MPI moves long messages only while it is called,
 * that ends because the update calls it. Two ranks. */
#include "../common/check.h"

enum { ROWS = 8, COLUMNS = 5, LONG = 4 << 20, ROUNDS = 3 };

static void give_back(distarray_export *loan) { loan->release = NULL; }

static distarray_array *lend(double (*u)[COLUMNS]) {
  static distarray_dim dims[2];
  int64_t shape[2] = {ROWS + 4, COLUMNS}, strides[2];
  distarray_array *array;
  /* Two rows of halo on each side: no single line, so it takes no message. */
  dims[0] = distarray_dim_block(2 * ROWS, 2, rank, ROWS * rank, ROWS * (rank + 1));
  distarray_dim_add_halo(&dims[0], 2, 2);
  dims[0].flags |= DISTARRAY_DIM_PERIODIC;
  dims[1] = distarray_dim_whole(COLUMNS);
  distarray_strides_c_order(2, shape, sizeof(double), strides);
  distarray_export loan = loan_of(u, 2, shape, strides, dims, give_back);
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  return array;
}

int main(int argc, char **argv) {
  static double u[ROWS + 4][COLUMNS];
  distarray_distribution *whole;
  distarray_halo *halo;
  distarray_array *arrays[2];
  char *bytes = malloc(LONG);
  start(&argc, &argv);
  check(bytes != NULL && size == 2);

  /* Our own memory, through lanes; and an array in shared memory, by direct copies. */
  arrays[0] = lend(u);
  must(distarray_distribution_gather(&table, arrays[0], &whole, &error));
  must(distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, 64, 0, 1, &arrays[1], &error));
  must(distarray_halo_new(whole, 1, &halo, &error));
  for (int way = 0; way < 2; way++) {
    const distarray_array *array = arrays[way];
    distarray_bound_halo *bound;
    must(distarray_halo_bind(halo, 1, &array, &bound, &error));
    for (int round = 1; round <= ROUNDS; round++) {
      MPI_Request request;
      MPI_Barrier(MPI_COMM_WORLD);
      if (rank == 0) {
        memset(bytes, round, LONG);
        MPI_Isend(bytes, LONG, MPI_CHAR, 1, 0, MPI_COMM_WORLD, &request);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        must(distarray_bound_halo_update(bound, &error));
      } else {
        MPI_Irecv(bytes, LONG, MPI_CHAR, 0, 0, MPI_COMM_WORLD, &request);
        must(distarray_bound_halo_update(bound, &error));
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        check(bytes[0] == round && bytes[LONG - 1] == round);
      }
    }
    distarray_bound_halo_free(bound);
  }
  distarray_halo_free(halo);
  distarray_distribution_free(whole);
  distarray_array_free(arrays[0]);
  distarray_array_free(arrays[1]);
  free(bytes);
  if (rank == 0) printf("nobody waited for ever\n");
  MPI_Finalize();
  return 0;
}
