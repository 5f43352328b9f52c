/* The collective check: all ranks fail together, with the same words. Any number
 * of ranks from 1; run it with mpirun.
 *
 * Expected output:
 *   before MPI_Init: refused
 *   block x block: 0
 *   element types differ on the last rank: the same verdict everywhere
 *   the last rank's block leaves a gap: the same verdict everywhere
 *   the last rank lends nothing: the same verdict everywhere
 *   the last rank's shape is wrong: the same verdict everywhere
 *   another number of processes: the same verdict everywhere
 *   block x block again: 0, owners agree: yes
 *   dnpy set: 0, back: 0, the same bytes: yes
 *   loans given back: all
 *   after MPI_Finalize: refused
 */
#include <distarray.h>
#include <distarray_mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, COLUMNS = 3 };

static int rank, size, lent, given_back;
static double u[ROWS][COLUMNS];
static int64_t shape[2], strides[2];
static distarray_dim dims[2];

static void give_back(distarray_export *self) {
  given_back++;
  self->release = NULL;
}

/* ROWS rows of this rank, of a global array of ROWS * size rows. */
static distarray_export lend(void) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  shape[0] = ROWS;
  shape[1] = COLUMNS;
  distarray_strides_c_order(2, shape, sizeof(double), strides);
  dims[0] = distarray_dim_block(ROWS * size, size, rank, ROWS * rank, ROWS * (rank + 1));
  dims[1] = distarray_dim_whole(COLUMNS);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = u;
  loan.ndim = 2;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.release = give_back;
  lent++;
  return loan;
}

static void say(const char *text) {
  if (rank == 0) printf("%s\n", text);
}

/* A check that must fail alike on all ranks; frees the loan, which stays ours. */
static void refuse(const char *what, const distarray_comm *comm, distarray_export *loan) {
  distarray_error error;
  char first[sizeof error];
  int alike, everywhere;
  int32_t status = distarray_check_collective(comm, loan, &error);
  memcpy(first, &error, sizeof error);
  MPI_Bcast(first, (int)sizeof first, MPI_CHAR, 0, MPI_COMM_WORLD);
  alike = status != DISTARRAY_OK && memcmp(first, &error, sizeof error) == 0;
  MPI_Allreduce(&alike, &everywhere, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (rank == 0 && !everywhere) printf("%s\n", error.message);
  if (rank == 0) printf("%s: %s\n", what, everywhere ? "the same verdict everywhere" : "NOT ALIKE");
  distarray_export_release(loan);
}

static int all(int mine) {
  int everywhere;
  MPI_Allreduce(&mine, &everywhere, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return everywhere;
}

/* Every element's owner, asked for by global index, and every map there and back. */
static int owners_agree(const distarray_distribution *d) {
  int64_t row, index[2] = {0, COLUMNS - 1}, owner, coordinate[2], local[2], global, n_runs;
  distarray_run run;
  for (row = 0; row < ROWS * size; row++) {
    index[0] = row;
    if (distarray_distribution_owner(d, 1, index, &owner, NULL) != DISTARRAY_OK ||
        distarray_distribution_global_to_local(d, 0, 1, &row, coordinate, local, NULL) != 0 ||
        distarray_distribution_owners(d, 0, 1, &row, &coordinate[1], &local[1], NULL) != 0 ||
        distarray_distribution_local_to_global(d, 0, coordinate[0], 1, local, &global, NULL) != 0 ||
        distarray_distribution_owned_runs(d, 0, owner, 1, &run, &n_runs, NULL) != DISTARRAY_OK)
      return 0;
    if (owner != row / ROWS || coordinate[0] != owner || coordinate[1] != owner ||
        local[0] != row % ROWS || local[1] != local[0] || global != row || n_runs != 1 ||
        run.start != owner * ROWS || run.len != ROWS || run.count != 1)
      return 0;
  }
  index[0] = ROWS * size;
  return distarray_distribution_owner(d, 1, index, &owner, NULL) == DISTARRAY_OK && owner == -1;
}

int main(int argc, char **argv) {
  const char *prefix = argc > 1 ? argv[1] : "agree";
  distarray_comm comm, early;
  distarray_export loan, view;
  distarray_array *array, *back;
  distarray_distribution *distribution;
  distarray_error error;
  int32_t before, after, status, read;
  int last;

  before = distarray_comm_from_mpi(MPI_COMM_WORLD, &early);
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  last = rank == size - 1;
  loan = lend();
  say(before != 0 && distarray_check_collective(&early, &loan, NULL) == DISTARRAY_E_COMM
          ? "before MPI_Init: refused" : "before MPI_Init: TAKEN");
  distarray_export_release(&loan);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);

  loan = lend();
  status = distarray_check_collective(&comm, &loan, &error);
  if (rank == 0) printf("block x block: %d%s%s\n", status, status ? " " : "", error.message);
  distarray_export_release(&loan);

  /* A lone rank has nobody to disagree with; there its own part must be wrong. */
  loan = lend();
  if (last) distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_INT, size > 1 ? 64 : 24);
  refuse("element types differ on the last rank", &comm, &loan);
  loan = lend();
  if (last) dims[0].start++, shape[0]--;
  refuse("the last rank's block leaves a gap", &comm, &loan);
  loan = lend();
  if (last) distarray_export_release(&loan);
  refuse("the last rank lends nothing", &comm, &loan);
  loan = lend();
  if (last) shape[0]--;
  refuse("the last rank's shape is wrong", &comm, &loan);
  loan = lend();
  loan.process_count = dims[0].proc_grid_size = size + 1;
  refuse("another number of processes", &comm, &loan);

  loan = lend();
  for (int i = 0; i < ROWS * COLUMNS; i++) (&u[0][0])[i] = 100 * rank + i;
  if (distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error) != DISTARRAY_OK)
    MPI_Abort(MPI_COMM_WORLD, 1);
  status = distarray_distribution_gather(&comm, array, &distribution, &error);
  if (status != DISTARRAY_OK) MPI_Abort(MPI_COMM_WORLD, 1);
  last = all(owners_agree(distribution));
  if (rank == 0) printf("block x block again: %d, owners agree: %s\n", status, last ? "yes" : "no");
  distarray_distribution_free(distribution);

  status = distarray_array_write_dnpy_set(array, prefix, &comm, &error);
  if (status != DISTARRAY_OK) printf("%s\n", error.message);
  read = distarray_array_read_dnpy_set(prefix, &comm, &back, &error);
  if (read != DISTARRAY_OK) printf("%s\n", error.message), MPI_Abort(MPI_COMM_WORLD, 1);
  distarray_array_view(back, &view, NULL);
  last = all(view.data != (void *)u && memcmp(view.data, u, sizeof u) == 0);
  if (rank == 0) printf("dnpy set: %d, back: %d, the same bytes: %s\n", status, read, last ? "yes" : "no");
  distarray_array_free(back);
  distarray_array_free(array);
  last = all(lent == given_back);
  say(last ? "loans given back: all" : "loans given back: NOT ALL");

  MPI_Finalize();
  loan = lend();
  after = distarray_check_collective(&comm, &loan, &error);
  say(after == DISTARRAY_E_COMM ? "after MPI_Finalize: refused" : "after MPI_Finalize: TAKEN");
  distarray_export_release(&loan);
  return 0;
}
