/* A consumer that takes only some layouts: it works in place where the array fits, on a
 * copy where not, and its changes come home.
 *
 * On two ranks it prints:
 *   rows without halo: in place
 *   columns: a copy
 *   axis 0, dist_type: 'b' on 2 processes becomes 'b' on 1 process; asked for any kind on 1 process
 *   axis 1, dist_type: 'b' on 1 process becomes 'b' on 2 processes; asked for any kind
 *   the changes came home: yes
 */
#include "common.h"

enum { N = 4 }; /* rows of each rank, and columns */

static double u[N + 2][N];

/* Plans the way to a consumer, lets it work, and brings home what it wrote. */
static void lend_to_consumer(const distarray_distribution *whole, const distarray_array *array,
                             const distarray_requirements *asked, const char *name) {
  distarray_accommodation *way;
  distarray_array *handed;
  distarray_export view;
  char reasons[512];
  size_t length;

  /* ANCHOR: way */
  must(distarray_accommodation_new(whole, array, asked, &way, &error));
  must(distarray_accommodation_hand_over(way, array, &handed, &error));

  /* The consumer works on handed: the array's own memory, or a copy. */
  must(distarray_array_view(handed, &view, &error));
  ((double *)view.data)[0] += 1;
  must(distarray_array_mark_modified(handed, DISTARRAY_C_MODIFIED, &error));

  must(distarray_accommodation_take_back(way, handed, array, &error));
  distarray_array_free(handed);
  /* ANCHOR_END: way */
  /* ANCHOR: reasons */
  must(distarray_accommodation_reasons(way, reasons, sizeof reasons, &length, &error));
  /* ANCHOR_END: reasons */
  distarray_accommodation_free(way);
  if (rank == 0) {
    printf("%s: %s\n", name, view.flags_info & DISTARRAY_I_COPIED ? "a copy" : "in place");
    if (length > 0) printf("%s\n", reasons);
  }
}

int main(int argc, char **argv) {
  int64_t shape[2] = {N + 2, N}, strides[2];
  distarray_dim dims[2];
  distarray_array *array;
  distarray_distribution *whole;
  begin(&argc, &argv);
  dims[0] = distarray_dim_block(N * size, size, rank, N * rank, N * (rank + 1));
  dims[1] = distarray_dim_whole(N);
  distarray_dim_add_halo(&dims[0], 1, 1);
  distarray_export loan = lend(u, DISTARRAY_DTYPE_FLOAT, 64, shape, strides, dims);
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_distribution_gather(&comm, array, &whole, &error));

  /* ANCHOR: rows */
  /* Rows without halo, in C order; zero is "any". */
  distarray_required_axis rows[2] = {{0}, {0}};
  distarray_requirements asked = {0};
  rows[0].padding = DISTARRAY_PADDING_NONE;
  rows[1].proc_grid_size = 1; /* each rank holds whole rows */
  asked.axes = rows;
  asked.ndim = 2;
  asked.layouts = DISTARRAY_LAYOUT_C;
  /* ANCHOR_END: rows */
  lend_to_consumer(whole, array, &asked, "rows without halo");

  distarray_required_axis columns[2] = {{0}, {0}};
  columns[0].padding = DISTARRAY_PADDING_NONE;
  columns[0].proc_grid_size = 1; /* each rank holds whole columns */
  asked.axes = columns;
  lend_to_consumer(whole, array, &asked, "columns");

  /* Element (0, 0) is the first of both; rank 1 changed (4, 0) and (0, 2). */
  int right = rank == 0 ? u[1][0] == 2 && u[1][2] == 1 : u[1][0] == 1, everywhere;
  MPI_Allreduce(&right, &everywhere, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (rank == 0) printf("the changes came home: %s\n", everywhere ? "yes" : "no");

  distarray_distribution_free(whole);
  distarray_array_free(array);
  MPI_Finalize();
  return 0;
}
