/* Two consumers that do not take every array work on one: a matrix of rows with a halo.
 * The first takes blocks of rows without padding and works in the matrix's own memory;
 * the second takes what ScaLAPACK takes, column-major blocks dealt round robin, and
 * gets a copy, whose changes come back. Any number of ranks from 1.
 *
 * Expected output:
 *   rows without padding: in the array's own memory
 *   column-major panels: a copy, every element moved once, and the library says why
 *   both changed every element, and no other
 */
#include <distarray.h>
#include <distarray_mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 24, COLUMNS = 7, HALO = 1 };

static int rank, size;
static distarray_comm comm;
static distarray_error error;

static void must(int32_t status) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static void give_back(distarray_export *loan) { loan->release = NULL; } /* we free data */

/* A consumer that adds to every element it is lent, whatever its strides. */
static void add(distarray_array *array, double value) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_request request = DISTARRAY_REQUEST_INIT;
  request.access = DISTARRAY_ACCESS_READ_WRITE;
  request.known_flags_read = ~0u;
  must(distarray_array_export(array, &request, &loan, &error));
  for (int64_t i = 0; i < loan.shape[0]; i++)
    for (int64_t j = 0; j < loan.shape[1]; j++)
      *(double *)((char *)loan.data + i * loan.strides[0] + j * loan.strides[1]) += value;
  loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&loan);
}

/* Whether elements of an array are copies of others. */
static const char *where(const distarray_array *array) {
  distarray_export view = DISTARRAY_EXPORT_INIT;
  must(distarray_array_view(array, &view, &error));
  return view.flags_info & DISTARRAY_I_COPIED ? "a copy" : "in the array's own memory";
}

int main(int argc, char **argv) {
  distarray_required_axis bare_rows[2], panels[2];
  distarray_requirements asked;
  distarray_accommodation *way;
  distarray_array *array, *handed;
  distarray_distribution *whole;
  distarray_moved moved;
  distarray_dim dims[2];
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  int64_t shape[2], strides[2], first, stop, bytes, all;
  double *u;
  char reasons[1024];
  size_t length;
  int right = 1, everywhere;

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);

  /* Rows as even as they can be, with one of each neighbour's around them. */
  dims[0] = distarray_dim_block(ROWS, size, rank, ROWS * rank / size, ROWS * (rank + 1) / size);
  dims[1] = distarray_dim_whole(COLUMNS);
  distarray_dim_add_halo(&dims[0], HALO, HALO);
  for (int axis = 0; axis < 2; axis++)
    must(distarray_dim_owned(&dims[axis], &shape[axis], &first, &stop, &error));
  u = calloc((size_t)(shape[0] * shape[1]), sizeof *u);
  if (u == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  distarray_strides_c_order(2, shape, sizeof *u, strides);
  loan.data = u;
  loan.ndim = 2;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.release = give_back;
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_distribution_gather(&comm, array, &whole, &error));

  /* A consumer of whole rows without padding. */
  memset(bare_rows, 0, sizeof bare_rows);
  memset(&asked, 0, sizeof asked);
  bare_rows[0].dist_types = 1; /* blocks */
  bare_rows[0].padding = DISTARRAY_PADDING_NONE;
  bare_rows[1].proc_grid_size = 1; /* whole */
  asked.ndim = 2;
  asked.axes = bare_rows;
  asked.layouts = DISTARRAY_LAYOUT_C_LINES;
  must(distarray_accommodation_new(whole, array, &asked, &way, &error));
  must(distarray_accommodation_hand_over(way, array, &handed, &error));
  if (rank == 0) printf("rows without padding: %s\n", where(handed));
  add(handed, 1);
  must(distarray_accommodation_take_back(way, handed, array, &error));
  distarray_array_free(handed);
  distarray_accommodation_free(way);

  /* A consumer of column-major panels, blocks of 3 x 2, on as many processes. */
  memset(panels, 0, sizeof panels);
  for (int axis = 0; axis < 2; axis++) {
    panels[axis].dist_types = 2; /* cyclic */
    panels[axis].block_size = axis == 0 ? 3 : 2;
    panels[axis].padding = DISTARRAY_PADDING_NONE;
  }
  asked.axes = panels;
  asked.layouts = DISTARRAY_LAYOUT_FORTRAN_LINES;
  must(distarray_accommodation_new(whole, array, &asked, &way, &error));
  must(distarray_accommodation_moves(way, sizeof(double), &moved, &error));
  bytes = moved.bytes_sent + moved.bytes_copied;
  MPI_Allreduce(&bytes, &all, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
  must(distarray_accommodation_hand_over(way, array, &handed, &error));
  if (rank == 0) {
    /* Such as: axis 0, dist_type: 'b' on 4 processes becomes 'c' in blocks of 3 on 4
     * processes; asked for 'c' in blocks of 3. */
    must(distarray_accommodation_reasons(way, reasons, sizeof reasons, &length, &error));
    printf("column-major panels: %s, %s, %s\n", where(handed),
           all == ROWS * COLUMNS * (int64_t)sizeof *u ? "every element moved once" : "WRONG",
           length > 0 ? "and the library says why" : "WRONG");
  }
  add(handed, 2);
  must(distarray_accommodation_take_back(way, handed, array, &error));
  distarray_array_free(handed);
  distarray_accommodation_free(way);

  /* 1 + 2 in every row of ours, and nothing in the halo. */
  must(distarray_dim_owned(&dims[0], &shape[0], &first, &stop, &error));
  for (int64_t i = 0; i < shape[0]; i++)
    for (int64_t j = 0; j < shape[1]; j++)
      right = right && u[i * shape[1] + j] == (first <= i && i < stop ? 3 : 0);
  MPI_Allreduce(&right, &everywhere, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (rank == 0) printf("%s\n", everywhere ? "both changed every element, and no other" : "WRONG");

  distarray_distribution_free(whole);
  distarray_array_free(array);
  free(u);
  MPI_Finalize();
  return 0;
}
