/* The heat equation in three dimensions by explicit Euler steps, on a process grid of
 * any shape. The halo travels while the cells that need none of it are computed. Any
 * number of ranks from 1; run it with mpirun. heat3d.f90 is the same in Fortran,
 * examples/heat3d.rs in Rust.
 *
 * The first axis is periodic; along the others the box ends at walls of temperature 0.
 * It starts with a sine mode, which the discrete equation damps by one known factor in
 * each step: the closed form that every cell is compared with.
 *
 * Expected output:
 *   25 x 18 x 13 cells, periodic along the first axis
 *   after  0 steps: warmest 0.994618
 *   after 20 steps: warmest 0.631709
 *   after 40 steps: warmest 0.401216
 *   after 60 steps: warmest 0.254823
 *   every cell is within 1e-12 of the closed form: yes
 *   no rank sends more than six messages a step: yes
 */
#include <distarray.h>
#include <distarray_mpi.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 60, REPORT_EVERY = 20 };

static const int cells[3] = {25, 18, 13};
static const double rate = 0.16; /* conductivity * time step / (cell size)^2 */

/* Our memory, halo included, and the library's handle of it. */
typedef struct {
  double *data;
  distarray_array *array;
} field;

/* Local positions lo[axis] <= i < hi[axis]; the halo is at 0 and at n[axis] + 1. */
typedef struct {
  int lo[3], hi[3];
} box;

static MPI_Comm world;
static int rank, size, first[3], n[3];
static distarray_dim dims[3];

static void must(int32_t status, const distarray_error *error) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error->message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static void give_back(distarray_export *loan) { loan->release = NULL; } /* we free data */

/* A field of zeros, lent to the library in place. */
static field new_field(void) {
  int64_t shape[3] = {n[0] + 2, n[1] + 2, n[2] + 2}, strides[3];
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_error error;
  field f;
  f.data = calloc((size_t)(shape[0] * shape[1] * shape[2]), sizeof *f.data);
  if (f.data == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
  distarray_strides_c_order(3, shape, sizeof *f.data, strides);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = f.data;
  loan.ndim = 3;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.release = give_back;
  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &f.array, &error), &error);
  return f;
}

static size_t at(int i, int j, int k) {
  return ((size_t)i * (size_t)(n[1] + 2) + (size_t)j) * (size_t)(n[2] + 2) + (size_t)k;
}

/* One Euler step of the cells of a box. */
static void advance(const double *now, double *next, box b) {
  for (int i = b.lo[0]; i < b.hi[0]; i++)
    for (int j = b.lo[1]; j < b.hi[1]; j++)
      for (int k = b.lo[2]; k < b.hi[2]; k++)
        next[at(i, j, k)] =
            now[at(i, j, k)] + rate * (now[at(i - 1, j, k)] + now[at(i + 1, j, k)] +
                                       now[at(i, j - 1, k)] + now[at(i, j + 1, k)] +
                                       now[at(i, j, k - 1)] + now[at(i, j, k + 1)] -
                                       6 * now[at(i, j, k)]);
}

/* Cuts the two outermost layers across an axis off a box; a thin box is the first. */
static void peel(box *b, int axis, box layers[2]) {
  int lo = b->lo[axis], hi = b->hi[axis];
  layers[0] = layers[1] = *b;
  b->lo[axis] = layers[0].hi[axis] = lo + 1 < hi ? lo + 1 : hi;
  b->hi[axis] = layers[1].lo[axis] = hi - 1 > b->lo[axis] ? hi - 1 : b->lo[axis];
}

/* The mode at a cell, before the first step: a whole sine wave around the periodic
 * axis, half a wave between the walls. */
static double mode(int i, int j, int k) {
  const double pi = acos(-1);
  return sin(2 * pi * (first[0] + i - 1) / cells[0]) *
         sin(pi * (first[1] + j) / (cells[1] + 1)) * sin(pi * (first[2] + k) / (cells[2] + 1));
}

/* What one step leaves of it. */
static double damping(void) {
  const double pi = acos(-1);
  return 1 + 2 * rate * (cos(2 * pi / cells[0]) + cos(pi / (cells[1] + 1)) +
                         cos(pi / (cells[2] + 1)) - 3);
}

/* The largest value, and the largest distance from the closed form. Collective. */
static void measure(const double *u, int step, double *warmest, double *distance) {
  double found[2] = {0, 0}, all[2], left = pow(damping(), step);
  for (int i = 1; i <= n[0]; i++)
    for (int j = 1; j <= n[1]; j++)
      for (int k = 1; k <= n[2]; k++) {
        found[0] = fmax(found[0], u[at(i, j, k)]);
        found[1] = fmax(found[1], fabs(u[at(i, j, k)] - left * mode(i, j, k)));
      }
  MPI_Allreduce(found, all, 2, MPI_DOUBLE, MPI_MAX, world);
  *warmest = all[0];
  *distance = fmax(*distance, all[1]);
}

int main(int argc, char **argv) {
  int grid[3] = {0, 0, 0}, around[3] = {1, 0, 0}, place[3];
  distarray_comm comm;
  distarray_distribution *whole;
  distarray_halo *halo;
  distarray_moved moved;
  distarray_error error;
  double warmest, distance = 0;
  int64_t most;
  field now, next, spare;
  box own, inner, shell[6];

  MPI_Init(&argc, &argv);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Dims_create(size, 3, grid);
  MPI_Cart_create(MPI_COMM_WORLD, 3, grid, around, 1, &world);
  MPI_Comm_rank(world, &rank);
  MPI_Cart_coords(world, rank, 3, place);

  /* Our block, with a cell of halo all around. */
  for (int axis = 0; axis < 3; axis++) {
    int stop = cells[axis] * (place[axis] + 1) / grid[axis];
    first[axis] = cells[axis] * place[axis] / grid[axis];
    n[axis] = stop - first[axis];
    dims[axis] = distarray_dim_block(cells[axis], grid[axis], place[axis], first[axis], stop);
    distarray_dim_add_halo(&dims[axis], 1, 1);
    own.lo[axis] = 1;
    own.hi[axis] = n[axis] + 1;
  }
  dims[0].flags |= DISTARRAY_DIM_PERIODIC;
  now = new_field();
  next = new_field();

  /* One plan serves every array of this distribution. The stencil needs no corners. */
  if (distarray_comm_from_mpi(world, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  must(distarray_distribution_gather(&comm, now.array, &whole, &error), &error);
  must(distarray_halo_new(whole, 0, &halo, &error), &error);
  distarray_distribution_free(whole);

  /* The shell is what reads the halo. */
  inner = own;
  for (int axis = 0; axis < 3; axis++) peel(&inner, axis, &shell[2 * axis]);

  for (int i = 1; i <= n[0]; i++)
    for (int j = 1; j <= n[1]; j++)
      for (int k = 1; k <= n[2]; k++) now.data[at(i, j, k)] = mode(i, j, k);
  if (rank == 0)
    printf("%d x %d x %d cells, periodic along the first axis\n", cells[0], cells[1], cells[2]);

  for (int step = 0;; step++) {
    if (step % REPORT_EVERY == 0) {
      measure(now.data, step, &warmest, &distance);
      if (rank == 0) printf("after %2d steps: warmest %.6f\n", step, warmest);
    }
    if (step == STEPS) break;
    must(distarray_halo_start(halo, now.array, &error), &error);
    advance(now.data, next.data, inner); /* while messages fly */
    must(distarray_halo_finish(halo, now.array, &error), &error);
    for (int i = 0; i < 6; i++) advance(now.data, next.data, shell[i]);
    spare = now, now = next, next = spare;
  }

  must(distarray_halo_moves(halo, sizeof(double), &moved, &error), &error);
  MPI_Allreduce(&moved.messages, &most, 1, MPI_INT64_T, MPI_MAX, world);
  if (rank == 0) {
    printf("every cell is within 1e-12 of the closed form: %s\n", distance < 1e-12 ? "yes" : "no");
    printf("no rank sends more than six messages a step: %s\n", most <= 6 ? "yes" : "no");
  }
  distarray_halo_free(halo);
  distarray_array_free(now.array);
  distarray_array_free(next.array);
  free(now.data);
  free(next.data);
  MPI_Comm_free(&world);
  MPI_Finalize();
  return 0;
}
