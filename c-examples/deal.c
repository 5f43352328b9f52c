/* A matrix is dealt out by the library, in the program's own memory: rows in blocks with
 * a halo that wraps around, then blocks of 3 x 2 round robin. Any number of ranks from 1.
 *
 * Expected output:
 *   every row arrived in its halo
 *   every element arrived in its block
 */
#include <distarray.h>
#include <distarray_mpi.h>

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 11, COLUMNS = 6 };

static distarray_error error;

static void must(int32_t status) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static double value(int64_t row, int64_t column) { return (double)(100 * row + column); }

/* Whether the array holds value everywhere; with fill, what it owns is set to it, and its
 * halo to -1. Rows beyond the edges are those that they wrap around to. */
static int holds(distarray_array *array, int fill) {
  distarray_export view = DISTARRAY_EXPORT_INIT;
  int64_t held, first, stop;
  int right = 1, all;
  must(distarray_array_view(array, &view, &error));
  must(distarray_dim_owned(&view.dims[0], &held, &first, &stop, &error));
  for (int64_t i = 0; i < held; i++)
    for (int64_t j = 0; j < view.shape[1]; j++) {
      double *u = (double *)(void *)((char *)view.data + i * view.strides[0] + j * view.strides[1]);
      int64_t row, column;
      must(distarray_dim_local_to_global(&view.dims[0], 1, &i, &row, &error));
      must(distarray_dim_local_to_global(&view.dims[1], 1, &j, &column, &error));
      row = (row + ROWS) % ROWS;
      if (fill) *u = first <= i && i < stop ? value(row, column) : -1;
      right = right && *u == value(row, column);
    }
  MPI_Allreduce(&right, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return all;
}

int main(int argc, char **argv) {
  static const distarray_axis nothing; /* all zero */
  distarray_axis axes[2] = {nothing, nothing};
  distarray_distribution *rows, *panels;
  distarray_array *u, *v;
  distarray_halo *halo;
  distarray_redistribution *way;
  distarray_comm comm;
  double *memory;
  int rank, size, arrived;

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);

  axes[0].dist_type = DISTARRAY_DIST_BLOCK;
  axes[0].size = ROWS;
  axes[0].flags = DISTARRAY_DIM_PERIODIC;
  axes[0].halo[0] = axes[0].halo[1] = 1;
  axes[1].size = COLUMNS;
  must(distarray_distribution_new(&comm, 2, axes, NULL, 0, &rows, &error));

  /* No rank owns more rows than this, and each holds one more at either side. */
  memory = malloc((size_t)((ROWS / size + 3) * COLUMNS) * sizeof *memory);
  if (memory == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
  must(distarray_distribution_wrap(rows, DISTARRAY_DTYPE_FLOAT, 64, memory, NULL, &u, &error));
  holds(u, 1);
  must(distarray_halo_new(rows, 0, &halo, &error));
  must(distarray_halo_update(halo, u, &error));
  arrived = holds(u, 0);
  if (rank == 0) printf("%s\n", arrived ? "every row arrived in its halo" : "WRONG");

  axes[0] = axes[1] = nothing;
  axes[0].dist_type = axes[1].dist_type = DISTARRAY_DIST_CYCLIC;
  axes[0].size = ROWS;
  axes[0].block_size = 3;
  axes[1].size = COLUMNS;
  axes[1].block_size = 2;
  must(distarray_distribution_new(&comm, 2, axes, NULL, 0, &panels, &error));
  must(distarray_distribution_zeros(panels, DISTARRAY_DTYPE_FLOAT, 64, 1, 0, &v, &error));
  must(distarray_redistribution_new(rows, panels, NULL, &way, &error));
  must(distarray_redistribution_apply(way, u, v, &error));
  arrived = holds(v, 0);
  if (rank == 0) printf("%s\n", arrived ? "every element arrived in its block" : "WRONG");

  distarray_redistribution_free(way);
  distarray_halo_free(halo);
  distarray_array_free(u);
  distarray_array_free(v);
  distarray_distribution_free(rows);
  distarray_distribution_free(panels);
  free(memory);
  MPI_Finalize();
  return 0;
}
