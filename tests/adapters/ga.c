/* Global Arrays are lent: others see what is written in place through NGA_Get and
 * NGA_Acc, and the borrower sees what others put. Any number of ranks from 1. */
#include <distarray_ga.h>

#include "../common/check.h"

enum { NI = 9, NJ = 8, NK = 5 };

static double element(const int64_t *g, int ndim) {
  double value = 7;
  for (int axis = 0; axis < ndim; axis++) value = value * 11 + (double)g[axis];
  return value;
}

/* Calls with each element and its global index, through libdistarray's maps; the index is
 * -1 or size in a halo beyond the edge. */
static void each(const distarray_export *loan, void visit(double *, const int64_t *, int, int)) {
  int64_t local[3] = {0}, count = 1;
  for (int axis = 0; axis < loan->ndim; axis++) count *= loan->shape[axis];
  for (int64_t k = 0; k < count; k++) {
    int64_t g[3], offset = 0, rest = k;
    int owned = 1;
    for (int axis = loan->ndim - 1; axis >= 0; axis--) {
      const distarray_dim *dim = &loan->dims[axis];
      local[axis] = rest % loan->shape[axis];
      rest /= loan->shape[axis];
      offset += local[axis] * loan->strides[axis];
      g[axis] = dim->start + local[axis];
      owned = owned && local[axis] >= dim->padding[0] &&
              local[axis] < loan->shape[axis] - dim->padding[1];
      g[axis] = (g[axis] + dim->size) % dim->size;
    }
    visit((double *)((char *)loan->data + offset), g, loan->ndim, owned);
  }
}

static void set(double *e, const int64_t *g, int ndim, int owned) {
  *e = owned ? element(g, ndim) : -1;
}
static void set_twice(double *e, const int64_t *g, int ndim, int owned) {
  if (owned) *e = 2 * element(g, ndim);
}
static void holds(double *e, const int64_t *g, int ndim, int owned) {
  if (owned) check(*e == element(g, ndim));
}
static void holds_around(double *e, const int64_t *g, int ndim, int owned) {
  (void)owned;
  check(*e == element(g, ndim));
}
static void holds_twice(double *e, const int64_t *g, int ndim, int owned) {
  if (owned) check(*e == 2 * element(g, ndim));
}

static void proved(distarray_export *loan) {
  must(distarray_check_collective(&table, loan, &error));
}

static void try_array(int g_a, int ndim, int ghosts) {
  const int64_t sizes[3] = {NI, NJ, NK};
  distarray_lease lease = DISTARRAY_LEASE_INIT;
  distarray_export loan, again;
  int lo[3], hi[3], ld[3];
  double *all = malloc(sizeof *all * NI * NJ * NK);
  for (int axis = 0; axis < ndim; axis++) {
    lo[axis] = 0;
    hi[axis] = (int)sizes[axis] - 1;
    if (axis > 0) ld[axis - 1] = (int)sizes[axis];
  }
  must(distarray_ga_lend(g_a, DISTARRAY_ACCESS_READ_WRITE, &lease, &loan, &error));
  proved(&loan);
  each(&loan, set);
  loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&loan);
  check(lease.live == 0 && lease.consumer_flags == DISTARRAY_C_MODIFIED);
  GA_Sync();

  /* Any process gets all, by global index. */
  NGA_Get(g_a, lo, hi, all, ld);
  int64_t count = 1, g[3];
  for (int axis = 0; axis < ndim; axis++) count *= sizes[axis];
  for (int64_t k = 0; k < count; k++) {
    int64_t rest = k;
    for (int axis = ndim - 1; axis >= 0; axis--) {
      g[axis] = rest % sizes[axis];
      rest /= sizes[axis];
    }
    check(all[k] == element(g, ndim));
  }
  GA_Sync();
  if (ghosts) { /* GA fills the halo, around the edges too */
    GA_Update_ghosts(g_a);
    must(distarray_ga_lend(g_a, DISTARRAY_ACCESS_READ, &lease, &loan, &error));
    proved(&loan);
    check(loan.flags_write == DISTARRAY_W_READ_ONLY);
    each(&loan, holds_around);
    distarray_export_release(&loan);
    GA_Sync();
  }

  /* What one rank adds to all of it arrives in the memory that is lent. */
  must(distarray_ga_lend(g_a, DISTARRAY_ACCESS_READ_WRITE, &lease, &loan, &error));
  const void *address = loan.data;
  each(&loan, holds);
  distarray_export_release(&loan);
  GA_Sync();
  double one = 1;
  if (rank == size - 1) NGA_Acc(g_a, lo, hi, all, ld, &one);
  GA_Sync();
  must(distarray_ga_lend(g_a, DISTARRAY_ACCESS_READ, &lease, &loan, &error));
  must(distarray_ga_lend(g_a, DISTARRAY_ACCESS_READ, &lease, &again, &error));
  check(loan.data == address && again.data == address && lease.live == 2);
  each(&loan, holds_twice);
  distarray_export_release(&again);
  distarray_export_release(&loan);
  check(lease.live == 0);
  free(all);
  GA_Sync();
}

static void keep(distarray_export *loan) { loan->release = NULL; }

/* A foreign matrix of uneven blocks gets a Global Array beside it, and libdistarray's
 * halo and redistribution work on it. */
static void like_all(void) {
  const int64_t shape[2] = {3 + rank, NJ};
  int64_t strides[2], first = 3 * rank + rank * (rank - 1) / 2;
  distarray_dim dims[2];
  int g_a = 0;
  const int64_t N = 3 * size + size * (size - 1) / 2;
  distarray_export made;
  dims[0] = distarray_dim_block(N, size, rank, first, first + shape[0]);
  dims[1] = distarray_dim_whole(NJ);
  distarray_strides_c_order(2, shape, 8, strides);
  double *memory = malloc(sizeof *memory * (size_t)(shape[0] * NJ));
  distarray_export loan = loan_of(memory, 2, shape, strides, dims, keep);
  each(&loan, set);
  must(distarray_ga_create_like(MPI_COMM_WORLD, &loan, "like", &g_a, &error));
  must(distarray_ga_lend(g_a, DISTARRAY_ACCESS_READ_WRITE, NULL, &made, &error));
  proved(&made);
  check(made.dims[0].start == first && made.shape[0] == shape[0] && made.data != loan.data);
  each(&made, set_twice);
  each(&made, holds_twice);
  each(&loan, holds);
  made.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&made);
  GA_Sync();
  for (int i = 0; i < N; i++) {
    int lo[2] = {i, 3}, hi[2] = {i, 3}, ld[1] = {1};
    const int64_t g[2] = {i, 3};
    double value;
    NGA_Get(g_a, lo, hi, &value, ld);
    check(value == 2 * element(g, 2));
  }
  GA_Destroy(g_a);

  g_a = -3;
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_INT, 8);
  strides[1] = 1, strides[0] = NJ;
  refused(distarray_ga_create_like(MPI_COMM_WORLD, &loan, "like", &g_a, &error), DISTARRAY_E_DTYPE,
          "dtype_code");
  distarray_strides_c_order(2, shape, 8, strides);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  int64_t other[2] = {(N + size - 1 - rank) / size, NJ};
  if (size > 1) {
    dims[0] = distarray_dim_cyclic(N, size, rank, 1, 0);
    loan.shape = other;
    refused(distarray_ga_create_like(MPI_COMM_WORLD, &loan, "like", &g_a, &error),
            DISTARRAY_E_UNACCEPTABLE, "dist_type");
    other[0] = rank == 0 ? N : 0;
    dims[0] = distarray_dim_block(N, size, rank, rank == 0 ? 0 : N, N);
    refused(distarray_ga_create_like(MPI_COMM_WORLD, &loan, "like", &g_a, &error),
            DISTARRAY_E_UNACCEPTABLE, "shape");
  }
  other[0] = N;
  dims[0] = distarray_dim_whole(N); /* a loan of each rank alone: GA's world is larger */
  loan.shape = other;
  loan.process_rank = 0;
  loan.process_count = 1;
  if (size > 1)
    check(distarray_ga_create_like(MPI_COMM_SELF, &loan, "like", &g_a, &error) == DISTARRAY_E_GRID);
  const int64_t block[2] = {3 + rank, NJ};
  dims[0] = distarray_dim_block(N, size, rank, first, first + block[0]);
  loan.shape = block;
  loan.process_rank = rank;
  loan.process_count = size;
  refused(distarray_ga_create_like(MPI_COMM_WORLD, &loan, rank == 0 ? NULL : "like", &g_a, &error),
          DISTARRAY_E_NULL, "name");
  check(g_a == -3);
  free(memory);
}

static void refuse_all(void) {
  int sizes[2] = {NI, NJ}, block[2] = {2, 3};
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  const int g_a = GA_Create_handle();
  GA_Set_data(g_a, 2, sizes, C_DBL);
  GA_Set_block_cyclic(g_a, block);
  check(GA_Allocate(g_a));
  int32_t status = distarray_ga_lend(g_a, 0, NULL, &loan, &error);
  check(status == DISTARRAY_E_UNSUPPORTED && !distarray_export_is_live(&loan));
  GA_Destroy(g_a);
  int plain[2] = {NI, NJ}, any[2] = {-1, -1};
  const int whole = NGA_Create(C_DBL, 2, plain, "whole", any);
  status = distarray_ga_lend(whole, DISTARRAY_ACCESS_EXCLUSIVE, NULL, &loan, &error);
  check(status == DISTARRAY_E_UNSUPPORTED && strcmp(error.field, "access") == 0);
  check(!distarray_export_is_live(&loan));
  GA_Destroy(whole);
  if (size == 1) return;
  int tiny[1] = {1}, chunk[1] = {-1};
  const int few = NGA_Create(C_DBL, 1, tiny, "few", chunk);
  status = distarray_ga_lend(few, 0, NULL, &loan, &error);
  check(status == DISTARRAY_E_UNACCEPTABLE && strcmp(error.field, "shape") == 0);
  GA_Destroy(few);
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  GA_Initialize();
  check(MA_init(C_DBL, 100000, 100000));
  check(GA_Nodeid() == rank && GA_Nnodes() == size);
  int sizes[3] = {NI, NJ, NK}, chunk[3] = {-1, -1, -1}, width[3] = {1, 2, 1};
  for (int ndim = 1; ndim <= 3; ndim++) {
    int g_a = NGA_Create(C_DBL, ndim, sizes, "array", chunk);
    check(g_a != 0);
    try_array(g_a, ndim, 0);
    GA_Destroy(g_a);
    g_a = NGA_Create_ghosts(C_DBL, ndim, sizes, width, "ghosts", chunk);
    check(g_a != 0);
    try_array(g_a, ndim, 1);
    GA_Destroy(g_a);
  }
  like_all();
  refuse_all();
  GA_Terminate();
  return finish("ga");
}
