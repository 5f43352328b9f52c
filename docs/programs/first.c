/* A ring of cells, a few on each rank: the library fills the cells that copy the
 * neighbours', in this program's own memory. */
#include <stdio.h>

#include <mpi.h>

#include <distarray.h>
#include <distarray_mpi.h>

enum { N = 4 }; /* cells of each rank */

static void give_back(distarray_export *loan) { loan->release = NULL; } /* u stays ours */

static void must(int32_t status, const distarray_error *error) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error->message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

int main(int argc, char **argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);

  /* Our own memory: N cells between two halo cells. Cell i holds the number i. */
  double u[N + 2] = {0};
  for (int i = 0; i < N; i++) u[1 + i] = N * rank + i;

  /* Lend it: where it lies, and how it fits into the whole. */
  int64_t shape[1] = {N + 2}, strides[1] = {sizeof(double)};
  distarray_dim dims[1];
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  /* ANCHOR: dims */
  dims[0] = distarray_dim_block(N * size, size, rank, N * rank, N * (rank + 1));
  distarray_dim_add_halo(&dims[0], 1, 1);
  /* ANCHOR_END: dims */
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

  distarray_array *array;
  distarray_distribution *whole;
  distarray_halo *halo;
  distarray_comm comm;
  distarray_error error;

  /* Take the loan, then prove that the parts of all ranks make one array. */
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error), &error);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  must(distarray_distribution_gather(&comm, array, &whole, &error), &error);

  /* Plan once, update as often as you like. */
  must(distarray_halo_new(whole, 1, &halo, &error), &error);
  must(distarray_halo_update(halo, array, &error), &error);
  printf("rank %d: cells %d to %d, beside them %g and %g\n", rank, N * rank, N * rank + N - 1,
         u[0], u[N + 1]);

  distarray_halo_free(halo);
  distarray_distribution_free(whole);
  distarray_array_free(array); /* give_back runs here */
  MPI_Finalize();
  return 0;
}
