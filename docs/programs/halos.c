/* Halos: updates that overlap with work, edges, sums, and what an update moves.
 *
 * On two ranks it prints:
 *   beside row 0: row 7, beside row 7: row 0
 *   at the outer columns: 70 and 74
 *   overlapped: yes
 *   1 message, 80 bytes
 *   bound: yes
 *   added to the owners: yes
 */
#include "common.h"

enum { ROWS = 4, COLUMNS = 5 };

static double u[ROWS + 2][COLUMNS + 2];

int main(int argc, char **argv) {
  int64_t shape[2] = {ROWS + 2, COLUMNS + 2}, strides[2];
  distarray_dim dims[2];
  distarray_array *array;
  distarray_distribution *whole;
  distarray_halo *halo;
  begin(&argc, &argv);

  /* ANCHOR: dims */
  /* Rows are dealt out and periodic; columns are whole. One halo cell all around. */
  dims[0] = distarray_dim_block(ROWS * size, size, rank, ROWS * rank, ROWS * (rank + 1));
  dims[1] = distarray_dim_whole(COLUMNS);
  distarray_dim_add_halo(&dims[0], 1, 1);
  distarray_dim_add_halo(&dims[1], 1, 1);
  dims[0].flags |= DISTARRAY_DIM_PERIODIC;
  /* ANCHOR_END: dims */
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLUMNS; j++) u[i + 1][j + 1] = 10 * (ROWS * rank + i) + j;
  distarray_export loan = lend(u, DISTARRAY_DTYPE_FLOAT, 64, shape, strides, dims);
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_distribution_gather(&comm, array, &whole, &error));

  /* ANCHOR: update */
  must(distarray_halo_new(whole, 0, &halo, &error)); /* 0: without corners */
  must(distarray_halo_update(halo, array, &error));
  /* ANCHOR_END: update */
  double after = u[ROWS + 1][1];
  MPI_Bcast(&after, 1, MPI_DOUBLE, size - 1, MPI_COMM_WORLD);
  if (rank == 0)
    printf("beside row 0: row %g, beside row %d: row %g\n", u[0][1] / 10, ROWS * size - 1, after / 10);

  /* ANCHOR: edges */
  /* What lies outside the columns repeats the cell at the edge. */
  int32_t edges[2] = {DISTARRAY_EDGE_KEEP, DISTARRAY_EDGE_REPLICATE};
  must(distarray_halo_fill_edges(halo, edges, NULL, &error));
  must(distarray_halo_update(halo, array, &error));
  /* ANCHOR_END: edges */
  double outer[2] = {u[ROWS][0], u[ROWS][COLUMNS + 1]};
  MPI_Bcast(outer, 2, MPI_DOUBLE, size - 1, MPI_COMM_WORLD);
  if (rank == 0) printf("at the outer columns: %g and %g\n", outer[0], outer[1]);

  int inside = 0;
  /* ANCHOR: overlap */
  must(distarray_halo_start(halo, array, &error));
  inside++; /* here: all that reads no halo. Owned cells may be written, they are packed */
  must(distarray_halo_finish(halo, array, &error));
  /* ANCHOR_END: overlap */
  if (rank == 0) printf("overlapped: %s\n", inside ? "yes" : "no");

  /* ANCHOR: moves */
  distarray_moved moved;
  must(distarray_halo_moves(halo, sizeof(double), &moved, &error));
  /* ANCHOR_END: moves */
  if (rank == 0) printf("%d message, %d bytes\n", (int)moved.messages, (int)moved.bytes_sent);

  /* ANCHOR: bind */
  distarray_bound_halo *bound;
  const distarray_array *arrays[1] = {array};
  must(distarray_halo_bind(halo, 1, arrays, &bound, &error)); /* agrees, once */
  for (int step = 0; step < 10; step++) must(distarray_bound_halo_update(bound, &error));
  distarray_bound_halo_free(bound);
  /* ANCHOR_END: bind */
  if (rank == 0) printf("bound: yes\n");

  for (int i = 0; i < ROWS + 2; i++)
    for (int j = 0; j < COLUMNS + 2; j++) u[i][j] = 1;
  /* ANCHOR: accumulate */
  must(distarray_halo_accumulate(halo, array, DISTARRAY_SUM, &error));
  /* ANCHOR_END: accumulate */
  if (rank == 0) printf("added to the owners: %s\n", u[1][1] == 2 && u[2][2] == 1 ? "yes" : "no");

  distarray_halo_free(halo);
  distarray_distribution_free(whole);
  distarray_array_free(array);
  MPI_Finalize();
  return 0;
}
