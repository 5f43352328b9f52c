/* Rows become columns, float becomes double, and the result goes to files and back.
 *
 * Prints:
 *   every element is where it belongs: yes
 *   transposed and scaled: yes
 *   the files hold the same: yes
 *   dealt out otherwise, too: yes
 */
#include "common.h"

enum { N = 12 }; /* a matrix of N x N; N is a multiple of the ranks */

/* The distribution that these axes describe, and an array of it. */
static distarray_array *take(void *data, uint8_t bits, const int64_t shape[2],
                             const distarray_dim dims[2], distarray_distribution **whole) {
  int64_t strides[2];
  distarray_array *array;
  distarray_export loan = lend(data, DISTARRAY_DTYPE_FLOAT, bits, shape, strides, dims);
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_distribution_gather(&comm, array, whole, &error));
  return array;
}

static int all(int mine) {
  int everywhere;
  MPI_Allreduce(&mine, &everywhere, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return everywhere;
}

int main(int argc, char **argv) {
  const char *prefix = argc > 1 ? argv[1] : "columns";
  static float rows[N * N];
  static double columns[N * N];
  distarray_distribution *by_rows, *by_columns;
  distarray_redistribution *plan;
  begin(&argc, &argv);
  if (N % size != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  int n = N / size, first = n * rank;

  /* ANCHOR: sides */
  /* This rank's n rows of the source, its n columns of the target. */
  distarray_dim cut = distarray_dim_block(N, size, rank, first, first + n);
  distarray_dim source_dims[2] = {cut, distarray_dim_whole(N)};
  distarray_dim target_dims[2] = {distarray_dim_whole(N), cut};
  /* ANCHOR_END: sides */
  int64_t source_shape[2] = {n, N}, target_shape[2] = {N, n};
  distarray_array *source = take(rows, 32, source_shape, source_dims, &by_rows);
  distarray_array *target = take(columns, 64, target_shape, target_dims, &by_columns);
  for (int i = 0; i < n * N; i++) rows[i] = (float)(first * N + i);

  /* ANCHOR: apply */
  must(distarray_redistribution_new(by_rows, by_columns, NULL, &plan, &error));
  must(distarray_redistribution_apply(plan, source, target, &error));
  distarray_redistribution_free(plan);
  /* ANCHOR_END: apply */
  int right = 1;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < n; j++) right &= columns[i * n + j] == i * N + first + j;
  right = all(right);
  if (rank == 0) printf("every element is where it belongs: %s\n", right ? "yes" : "no");

  /* ANCHOR: transpose */
  /* B = 2 A^T + B: axis 0 of the target is axis 1 of the source. */
  const int64_t axes[2] = {1, 0};
  const double alpha[2] = {2, 0}, beta[2] = {1, 0}; /* real and imaginary part */
  must(distarray_redistribution_new(by_rows, by_columns, axes, &plan, &error));
  must(distarray_redistribution_apply_scaled(plan, alpha, beta, 0, source, target, &error));
  distarray_redistribution_free(plan);
  /* ANCHOR_END: transpose */
  for (int i = 0; i < N; i++)
    for (int j = 0; j < n; j++)
      right &= columns[i * n + j] == (i * N + first + j) + 2 * ((first + j) * N + i);
  right = all(right);
  if (rank == 0) printf("transposed and scaled: %s\n", right ? "yes" : "no");

  /* ANCHOR: files */
  /* columns_0.dnpy, columns_1.dnpy, ...: one file for each rank. */
  distarray_array *back;
  must(distarray_array_write_dnpy_set(target, prefix, &comm, &error));
  must(distarray_array_read_dnpy_set(prefix, &comm, &back, &error));
  /* ANCHOR_END: files */
  distarray_export view;
  must(distarray_array_view(back, &view, &error));
  right = all(memcmp(view.data, columns, sizeof(double) * N * (size_t)n) == 0);
  if (rank == 0) printf("the files hold the same: %s\n", right ? "yes" : "no");
  distarray_array_free(back);

  /* ANCHOR: onto */
  /* Any number of ranks reads the files as any distribution deals the array out. */
  must(distarray_distribution_read_dnpy_set(by_rows, prefix, &back, &error));
  /* ANCHOR_END: onto */
  must(distarray_array_view(back, &view, &error));
  for (int i = first; i < first + n; i++)
    for (int j = 0; j < N; j++)
      right &= ((double *)view.data)[(i - first) * N + j] == (i * N + j) + 2 * (j * N + i);
  right = all(right);
  if (rank == 0) printf("dealt out otherwise, too: %s\n", right ? "yes" : "no");

  distarray_array_free(back);
  distarray_array_free(source);
  distarray_array_free(target);
  distarray_distribution_free(by_rows);
  distarray_distribution_free(by_columns);
  MPI_Finalize();
  return 0;
}
