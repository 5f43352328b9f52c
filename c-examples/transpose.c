/* A matrix dealt out by rows becomes one dealt out by columns, and is transposed into
 * block-cyclic panels of another element type, as a solver wants them. Any number of
 * ranks from 1; run it with mpirun.
 *
 * Expected output:
 *   rows to columns: every element is there
 *   transposed into 4 x 3 blocks, float to double: every element is there
 *   2 * transposed - 3 * target: every element is there
 *   columns to rows: every bit is there
 *   each way moves 17 x 22 elements of 4 bytes: yes
 */
#include <distarray.h>
#include <distarray_mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 17, COLUMNS = 22 };

static int rank, size;
static distarray_comm comm;
static distarray_error error;

static void must(int32_t status) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Our part of a matrix: memory of our own, the library's handle of it, and what it
 * knows of all parts together. */
typedef struct {
  distarray_dim dims[2];
  int64_t shape[2];
  void *data;
  distarray_array *array;
  distarray_distribution *whole;
} matrix;

static void give_back(distarray_export *loan) { loan->release = NULL; } /* we free data */

/* Collective. */
static matrix new_matrix(distarray_dim rows, distarray_dim columns, uint8_t bits) {
  int64_t strides[2], first, stop;
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  matrix m;
  m.dims[0] = rows;
  m.dims[1] = columns;
  for (int axis = 0; axis < 2; axis++)
    must(distarray_dim_owned(&m.dims[axis], &m.shape[axis], &first, &stop, &error));
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, bits);
  distarray_strides_c_order(2, m.shape, loan.itemsize, strides);
  m.data = calloc((size_t)(m.shape[0] * m.shape[1]) + 1, (size_t)loan.itemsize);
  if (m.data == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
  loan.data = m.data;
  loan.ndim = 2;
  loan.shape = m.shape;
  loan.strides = strides;
  loan.dims = m.dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.release = give_back;
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &m.array, &error));
  must(distarray_distribution_gather(&comm, m.array, &m.whole, &error));
  return m;
}

static void free_matrix(matrix *m) {
  distarray_distribution_free(m->whole);
  distarray_array_free(m->array);
  free(m->data);
}

/* What stands at a row and a column of the original: no two alike. */
static double value(int64_t row, int64_t column) { return (double)(100 * row + column) + 0.5; }

/* Global row and column of a local element. */
static void place(const matrix *m, int64_t i, int64_t j, int64_t global[2]) {
  must(distarray_dim_local_to_global(&m->dims[0], 1, &i, &global[0], &error));
  must(distarray_dim_local_to_global(&m->dims[1], 1, &j, &global[1], &error));
}

static int everywhere(int mine) {
  int all;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return all;
}

/* Whether a matrix holds factor * value; transposed: of what stands across the
 * diagonal. Collective. */
static const char *verdict(const matrix *m, int transposed, int bits, double factor) {
  int64_t g[2];
  int right = 1;
  for (int64_t i = 0; i < m->shape[0]; i++)
    for (int64_t j = 0; j < m->shape[1]; j++) {
      size_t at = (size_t)(i * m->shape[1] + j);
      double found = bits == 32 ? ((float *)m->data)[at] : ((double *)m->data)[at];
      place(m, i, j, g);
      right = right && found == factor * (transposed ? value(g[1], g[0]) : value(g[0], g[1]));
    }
  return everywhere(right) ? "every element is there" : "WRONG";
}

static void say(const char *what, const char *verdict) {
  if (rank == 0) printf("%s: %s\n", what, verdict);
}

/* Whether all ranks together move the whole matrix once: over messages, or from a rank
 * to itself. Collective. */
static int moves_all(const distarray_redistribution *r) {
  distarray_moved moved;
  int64_t bytes, all;
  must(distarray_redistribution_moves(r, sizeof(float), &moved, &error));
  bytes = moved.bytes_sent + moved.bytes_copied;
  MPI_Allreduce(&bytes, &all, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
  return everywhere(all == ROWS * COLUMNS * (int64_t)sizeof(float) && moved.messages < size);
}

int main(int argc, char **argv) {
  static const int64_t turned[2] = {1, 0};
  static const double two[2] = {2, 0}, minus_three[2] = {-3, 0};
  distarray_redistribution *to_columns, *to_rows, *transposition;
  matrix rows, columns, again, panels;
  int grid[2] = {0, 0}, same, all;

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);

  /* Blocks of rows, and of columns, as even as they can be. */
  rows = new_matrix(
      distarray_dim_block(ROWS, size, rank, ROWS * rank / size, ROWS * (rank + 1) / size),
      distarray_dim_whole(COLUMNS), 32);
  columns = new_matrix(
      distarray_dim_whole(ROWS),
      distarray_dim_block(COLUMNS, size, rank, COLUMNS * rank / size, COLUMNS * (rank + 1) / size),
      32);
  again = new_matrix(rows.dims[0], rows.dims[1], 32);
  /* The transposed one: COLUMNS x ROWS, in blocks of 4 x 3 on a process grid. */
  MPI_Dims_create(size, 2, grid);
  panels = new_matrix(distarray_dim_cyclic(COLUMNS, grid[0], rank / grid[1], 4, 0),
                      distarray_dim_cyclic(ROWS, grid[1], rank % grid[1], 3, 0), 64);

  for (int64_t i = 0; i < rows.shape[0]; i++)
    for (int64_t j = 0; j < rows.shape[1]; j++) {
      int64_t g[2];
      place(&rows, i, j, g);
      ((float *)rows.data)[i * rows.shape[1] + j] = (float)value(g[0], g[1]);
    }

  must(distarray_redistribution_new(rows.whole, columns.whole, NULL, &to_columns, &error));
  must(distarray_redistribution_apply(to_columns, rows.array, columns.array, &error));
  say("rows to columns", verdict(&columns, 0, 32, 1));

  /* Axis turned[i] of the source becomes axis i of the target. */
  must(distarray_redistribution_new(rows.whole, panels.whole, turned, &transposition, &error));
  must(distarray_redistribution_apply(transposition, rows.array, panels.array, &error));
  say("transposed into 4 x 3 blocks, float to double", verdict(&panels, 1, 64, 1));
  must(distarray_redistribution_apply_scaled(transposition, two, minus_three, 0, rows.array,
                                             panels.array, &error));
  say("2 * transposed - 3 * target", verdict(&panels, 1, 64, 2 - 3));

  must(distarray_redistribution_new(columns.whole, again.whole, NULL, &to_rows, &error));
  must(distarray_redistribution_apply(to_rows, columns.array, again.array, &error));
  same = memcmp(again.data, rows.data, (size_t)(rows.shape[0] * rows.shape[1]) * sizeof(float)) == 0;
  say("columns to rows", everywhere(same) ? "every bit is there" : "WRONG");

  all = moves_all(to_columns) && moves_all(transposition) && moves_all(to_rows);
  if (rank == 0)
    printf("each way moves %d x %d elements of %d bytes: %s\n", ROWS, COLUMNS, (int)sizeof(float),
           all ? "yes" : "no");

  distarray_redistribution_free(to_columns);
  distarray_redistribution_free(transposition);
  distarray_redistribution_free(to_rows);
  free_matrix(&rows);
  free_matrix(&columns);
  free_matrix(&again);
  free_matrix(&panels);
  MPI_Finalize();
  return 0;
}
