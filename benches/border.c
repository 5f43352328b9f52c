/* border.c - what the C border costs, beside what cannot be done without.
 *
 *   lend   export + release of a 3-D array, beside a malloc + free
 *   take   import with strict validation, block and cyclic; free of the handle
 *   check  the collective check, beside one small MPI_Allreduce
 *
 * Each for a small array on few ranks and for one of 2^40 elements on 2^20:
 * the figures must not differ. `cargo bench --bench border` compiles and runs
 * it; medians of 501 interleaved windows.
 */
#include <stdio.h>
#include <stdlib.h>

#include <mpi.h>

#include "common/clock.h"

#include "distarray.h"
#include "distarray_mpi.h"

/* Many short windows: on a busy machine most of them run undisturbed. */
enum { REPETITIONS = 501, CALLS = 100, HANDLES = 6, COLLECTIVE_CALLS = 20 };

static void must(int32_t status, const distarray_error *error) {
  if (status != DISTARRAY_OK) {
    fprintf(stderr, "%s\n", error->message);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
}

static void keep(distarray_export *loan) { loan->release = NULL; }

/* A loan of three axes of `extent` elements each, `procs` processes along the first. */
typedef struct {
  distarray_export loan;
  distarray_dim dims[3];
  int64_t shape[3], strides[3];
} piece;

static void describe(piece *p, int cyclic, int64_t extent, int64_t procs, int64_t rank, void *data) {
  distarray_export empty = DISTARRAY_EXPORT_INIT;
  int64_t size = extent * procs;
  p->loan = empty;
  p->dims[0] = cyclic ? distarray_dim_cyclic(size, procs, rank, extent, 0)
                      : distarray_dim_block(size, procs, rank, rank * extent, (rank + 1) * extent);
  p->dims[1] = distarray_dim_whole(extent);
  p->dims[2] = distarray_dim_whole(extent);
  for (int axis = 0; axis < 3; ++axis) p->shape[axis] = extent;
  distarray_strides_c_order(3, p->shape, 8, p->strides);
  distarray_export_set_dtype(&p->loan, DISTARRAY_DTYPE_FLOAT, 64);
  p->loan.ndim = 3;
  p->loan.shape = p->shape;
  p->loan.strides = p->strides;
  p->loan.dims = p->dims;
  p->loan.data = data;
  p->loan.process_rank = rank;
  p->loan.process_count = procs;
  p->loan.release = keep;
}

static void local(const char *name, int64_t extent, int64_t procs) {
  /* Nothing reads the elements, so a large array needs no memory. */
  static double element;
  double lend[REPETITIONS], heap[REPETITIONS], take[2][REPETITIONS], drop[2][REPETITIONS];
  distarray_error error;
  distarray_array *array;
  piece p;
  describe(&p, 0, extent, procs, procs / 2, &element);
  must(distarray_array_import(&p.loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error), &error);
  for (int r = 0; r < REPETITIONS; ++r) {
    double start = now();
    for (int i = 0; i < CALLS; ++i) {
      distarray_export loan;
      must(distarray_array_export(array, NULL, &loan, &error), &error);
      loan.release(&loan);
    }
    lend[r] = (now() - start) / CALLS;
    start = now();
    for (int i = 0; i < CALLS; ++i) {
      void *volatile block = malloc(256);
      free(block);
    }
    heap[r] = (now() - start) / CALLS;
    for (int cyclic = 0; cyclic < 2; ++cyclic) {
      piece q;
      describe(&q, cyclic, extent, procs, procs / 2, &element);
      distarray_array *taken[HANDLES];
      start = now();
      for (int i = 0; i < HANDLES; ++i) {
        q.loan.release = keep;
        must(distarray_array_import(&q.loan, DISTARRAY_ACCESS_READ_WRITE, &taken[i], &error), &error);
      }
      take[cyclic][r] = (now() - start) / HANDLES;
      start = now();
      for (int i = 0; i < HANDLES; ++i) distarray_array_free(taken[i]);
      drop[cyclic][r] = (now() - start) / HANDLES;
    }
  }
  distarray_array_free(array);
  double ours = median(lend, REPETITIONS), theirs = median(heap, REPETITIONS), taken[2];
  for (int cyclic = 0; cyclic < 2; ++cyclic) taken[cyclic] = median(take[cyclic], REPETITIONS);
  printf("%-26s lend %5.1f ns = %3.1f x malloc+free (%.1f ns)   take block %5.1f ns, cyclic %5.1f ns; free %5.1f ns\n",
         name, ours, ours / theirs, theirs, taken[0], taken[1], median(drop[0], REPETITIONS));
}

static void collective(void) {
  double check[REPETITIONS], reduce[REPETITIONS];
  distarray_error error;
  distarray_comm comm;
  int rank, size;
  piece p;
  static double element;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  describe(&p, 0, 64, size, rank, &element);
  for (int r = 0; r < REPETITIONS; ++r) {
    MPI_Barrier(MPI_COMM_WORLD);
    double start = now();
    for (int i = 0; i < COLLECTIVE_CALLS; ++i)
      must(distarray_check_collective(&comm, &p.loan, &error), &error);
    check[r] = (now() - start) / COLLECTIVE_CALLS;
    MPI_Barrier(MPI_COMM_WORLD);
    start = now();
    for (int i = 0; i < COLLECTIVE_CALLS; ++i) {
      double value = 1;
      MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    }
    reduce[r] = (now() - start) / COLLECTIVE_CALLS;
  }
  double ours = median(check, REPETITIONS), theirs = median(reduce, REPETITIONS);
  if (rank == 0)
    printf("collective check on %d ranks: %6.2f us = %4.2f x MPI_Allreduce of 8 bytes (%.2f us)\n", size,
           ours / 1e3, ours / theirs, theirs / 1e3);
}

int main(int argc, char **argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) {
    local("4^3 elements, 4 ranks", 4, 4);
    local("2^30 elements, 2^20 ranks", 1024, 1 << 20);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  collective();
  MPI_Finalize();
  return 0;
}
