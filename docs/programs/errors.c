/* What a failed check says, on all ranks alike.
 *
 * On two ranks it prints:
 *   rank 1, against rank 0, axis 0, start: the owned parts leave a gap (expected 10, found 11) [rule W4]
 *   rule W4, axis 0, field start, expected 10, found 11
 *   rank 1, array: array must not be NULL; if an earlier call failed, its message says why
 *   all ranks go on together
 */
#include "common.h"

int main(int argc, char **argv) {
  static double u[10][8];
  int64_t shape[2] = {10, 8}, strides[2];
  distarray_dim dims[2];
  begin(&argc, &argv);

  /* ANCHOR: mistake */
  /* Rows 10 * rank to 10 * rank + 9, but the last rank begins a row late. */
  int late = size > 1 && rank == size - 1;
  dims[0] = distarray_dim_block(10 * size, size, rank, 10 * rank + late, 10 * (rank + 1));
  dims[1] = distarray_dim_whole(8);
  shape[0] -= late;
  /* ANCHOR_END: mistake */
  distarray_export loan = lend(u, DISTARRAY_DTYPE_FLOAT, 64, shape, strides, dims);

  /* ANCHOR: check */
  int32_t status = distarray_check_collective(&comm, &loan, &error);
  if (status != DISTARRAY_OK && rank == 0) { /* the same on all ranks: one is enough to tell */
    printf("%s\n", error.message);
    printf("rule %s, axis %d, field %s", error.rule, (int)error.axis, error.field);
    if (error.has_values) printf(", expected %d, found %d", (int)error.expected, (int)error.found);
    printf("\n");
  }
  /* ANCHOR_END: check */

  /* ANCHOR: hand_on */
  shape[0] = rank == 1 ? -1 : shape[0]; /* what only rank 1 can find wrong */
  distarray_array *array = NULL;
  distarray_distribution *whole;
  if (distarray_array_import(&loan, DISTARRAY_ACCESS_READ, &array, &error) != DISTARRAY_OK)
    fprintf(stderr, "%s\n", error.message); /* array is still NULL */
  status = distarray_distribution_gather(&comm, array, &whole, &error);
  /* ANCHOR_END: hand_on */
  if (status != DISTARRAY_OK && rank == 0) printf("%s\n", error.message);
  distarray_array_free(array);
  distarray_export_release(&loan); /* still ours where it was refused, harmless elsewhere */
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) printf("all ranks go on together\n");
  MPI_Finalize();
  return 0;
}
