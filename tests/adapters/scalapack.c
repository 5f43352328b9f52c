/* ScaLAPACK works on foreign panels, and its own are lent: every element is compared
 * through its own global indices (PDELSET, PDELGET). Any number of ranks from 1. */
#include <distarray_scalapack.h>

#include "../common/check.h"

void Cblacs_get(int context, int what, int *value);
void Cblacs_gridinit(int *context, const char *order, int rows, int columns);
void Cblacs_gridexit(int context);
void descinit_(int *desc, const int *m, const int *n, const int *mb, const int *nb, const int *rsrc,
               const int *csrc, const int *context, const int *lld, int *info);
void pdelset_(double *a, const int *i, const int *j, const int *desc, const double *value);
void pdelget_(const char *scope, const char *top, double *value, const double *a, const int *i,
              const int *j, const int *desc);
void pdgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k,
             const double *alpha, const double *a, const int *ia, const int *ja, const int *desca,
             const double *b, const int *ib, const int *jb, const int *descb, const double *beta,
             double *c, const int *ic, const int *jc, const int *descc);
void pdgesv_(const int *n, const int *nrhs, double *a, const int *ia, const int *ja,
             const int *desca, int *ipiv, double *b, const int *ib, const int *jb,
             const int *descb, int *info);

static const int one = 1;

/* The element of a matrix that the tests fill by, and read by, global index. */
static double element(int which, int64_t i, int64_t j) {
  return which == 3 ? (double)(i == j ? 100 + i : (i * 7 + j * 3) % 11) /* diagonally dominant */
                    : (double)((i * 5 + j * 13 + which) % 17);
}

/* --- ScaLAPACK lends ------------------------------------------------------- */

/* Every local element of the loan is the one that its global index says. */
static void check_loan(distarray_export *loan, int which, int64_t i0, int64_t j0) {
  distarray_array *array;
  distarray_export view = DISTARRAY_EXPORT_INIT;
  const void *address = loan->data;
  must(distarray_check_collective(&table, loan, &error));
  must(distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_array_view(array, &view, &error));
  check(view.data == address);
  for (int64_t i = 0; i < view.shape[0]; i++)
    for (int64_t j = 0; j < view.shape[1]; j++) {
      int64_t global[2];
      must(distarray_dim_local_to_global(&view.dims[0], 1, &i, &global[0], &error));
      must(distarray_dim_local_to_global(&view.dims[1], 1, &j, &global[1], &error));
      check(*(double *)((char *)view.data + i * view.strides[0] + j * view.strides[1]) ==
            element(which, global[0] + i0, global[1] + j0));
    }
  must(distarray_array_mark_modified(array, DISTARRAY_C_MODIFIED, &error));
  distarray_array_free(array);
}

static void lend_all(int rows, int columns, int kind) {
  const int M = 11, N = 9;
  int context, place[2], grid[2], info;
  distarray_lease lease = DISTARRAY_LEASE_INIT;
  Cblacs_get(-1, 0, &context);
  if (kind == 2) { /* ranks in no order: from the last to the first, column by column */
    int ranks[16];
    for (int k = 0; k < size; k++) ranks[k] = (size - k) % size;
    Cblacs_gridmap(&context, ranks, rows, rows, columns);
  } else {
    Cblacs_gridinit(&context, kind == 0 ? "R" : "C", rows, columns);
  }
  Cblacs_gridinfo(context, &grid[0], &grid[1], &place[0], &place[1]);
  for (int rsrc = 0; rsrc < rows; rsrc++) {
    const int csrc = (rsrc + 1) % columns, mb = 3, nb = 2, lld = M + 2;
    double *a = malloc(sizeof *a * (size_t)(lld * N));
    int desc[9];
    descinit_(desc, &M, &N, &mb, &nb, &rsrc, &csrc, &context, &lld, &info);
    check(info == 0);
    for (int i = 1; i <= M; i++)
      for (int j = 1; j <= N; j++) {
        const double value = element(0, i - 1, j - 1);
        pdelset_(a, &i, &j, desc, &value);
      }
    distarray_export loan;
    must(distarray_scalapack_lend(MPI_COMM_WORLD, desc, a, DISTARRAY_DTYPE_FLOAT, 64, &lease, &loan,
                                  &error));
    check(loan.data == a && lease.live == 1);
    check_loan(&loan, 0, 0, 0);
    check(lease.live == 0 && lease.consumer_flags == DISTARRAY_C_MODIFIED);
    for (int ia = 1; ia < M; ia += 3) { /* parts that begin inside a block */
      const int ja = ia % N + 1, m = M - ia, n = N - ja + 1;
      must(distarray_scalapack_lend_part(MPI_COMM_WORLD, m, n, a, ia, ja, desc,
                                         DISTARRAY_DTYPE_FLOAT, 64, &lease, &loan, &error));
      check_loan(&loan, 0, ia - 1, ja - 1);
    }
    check(lease.live == 0);
    free(a);
  }
  Cblacs_gridexit(context);
}

/* --- ScaLAPACK borrows ----------------------------------------------------- */

/* A foreign panel, dealt out by hand. */
typedef struct panel {
  int64_t          shape[2], strides[2], own[2][64], held[2];
  int64_t          first; /* of what is owned, in memory */
  distarray_dim    dims[2];
  distarray_lease  lease;
  distarray_export loan;
  int64_t          ranks[16];
  double          *memory;
} panel;

static void give_back(distarray_export *loan) {
  ((panel *)loan->private_data)->lease.live--;
  loan->release = NULL;
}

/* grid_order: 0 row-major, 1 column-major, 2 backwards. source: who has the first block;
 * -1 makes equal blocks with a halo of 1, -2 with padding that is owned where it is at the
 * edges of the array. c_order: rows contiguous. */
static void make_panel(panel *p, int which, int64_t m, int64_t n, const int grid[2], int grid_order,
                       int64_t block, int source, int c_order) {
  const int64_t size_of[2] = {m, n};
  int64_t place[2], position = grid_order == 2 ? size - 1 - rank : rank;
  memset(p, 0, sizeof *p);
  place[0] = grid_order == 1 ? position % grid[0] : position / grid[1];
  place[1] = grid_order == 1 ? position / grid[0] : position % grid[1];
  for (int axis = 0; axis < 2; axis++) {
    const int64_t P = grid[axis], B = source < 0 ? (size_of[axis] + P - 1) / P : block;
    int64_t held = 0, turn = source < 0 ? place[axis] : (place[axis] - source % P + P) % P;
    for (int64_t g = 0; g < size_of[axis]; g++)
      if (g / B % P == turn) p->own[axis][held++] = g;
    p->shape[axis] = p->held[axis] = held;
    if (source < 0) {
      const int64_t first = turn * B < size_of[axis] ? turn * B : size_of[axis];
      p->dims[axis] = distarray_dim_block(size_of[axis], P, place[axis], first, first + held);
      if (source == -1) distarray_dim_add_halo(&p->dims[axis], 1, 1);
      for (int side = 0; side < 2 && source == -2; side++) {
        p->dims[axis].padding[side] = 1;
        if (place[axis] != (side == 0 ? 0 : P - 1))
          *(side ? &p->dims[axis].stop : &p->dims[axis].start) += side ? 1 : -1;
      }
      p->shape[axis] = p->dims[axis].stop - p->dims[axis].start;
    } else {
      p->dims[axis] = distarray_dim_cyclic(size_of[axis], P, place[axis], B, source % P);
    }
  }
  const int64_t line = p->shape[c_order] + 3; /* gaps between lines */
  p->strides[c_order] = 8;
  p->strides[!c_order] = 8 * line;
  p->memory = malloc(sizeof(double) * (size_t)(line * (p->shape[!c_order] + 1)));
  int64_t skip[2];
  for (int axis = 0; axis < 2; axis++)
    skip[axis] = source == -1 || (source == -2 && place[axis] > 0);
  for (int64_t k = 0; k < line * (p->shape[!c_order] + 1); k++) p->memory[k] = -77;
  p->first = skip[0] * p->strides[0] / 8 + skip[1] * p->strides[1] / 8;
  for (int64_t i = 0; i < p->held[0]; i++)
    for (int64_t j = 0; j < p->held[1]; j++)
      p->memory[p->first + (i * p->strides[0] + j * p->strides[1]) / 8] =
          element(which, p->own[0][i], p->own[1][j]);
  p->loan = loan_of(p->memory, 2, p->shape, p->strides, p->dims, give_back);
  if (grid_order == 1) p->loan.flags_read = DISTARRAY_R_GRID_COLMAJOR;
  if (grid_order == 2) {
    p->loan.flags_read = DISTARRAY_R_GRID_MAP;
    for (int k = 0; k < size; k++) p->ranks[k] = size - 1 - k;
    p->loan.grid_ranks = p->ranks;
  }
  p->loan.private_data = p;
  p->lease.live = 1;
}

static void free_panel(panel *p) {
  distarray_export_release(&p->loan);
  check(p->lease.live == 0);
  free(p->memory);
}

static int32_t borrow(panel *p, int context, int *desc, double **a, char *trans) {
  return distarray_scalapack_borrow(MPI_COMM_WORLD, &p->loan, context, DISTARRAY_ACCESS_READ_WRITE,
                                    DISTARRAY_DTYPE_FLOAT, 64, desc, (void **)a, trans, &error);
}

static double get(const double *a, const int *desc, char trans, int64_t i, int64_t j) {
  const int row = (int)(trans == 'N' ? i : j) + 1, column = (int)(trans == 'N' ? j : i) + 1;
  double value = -1;
  pdelget_("A", " ", &value, a, &row, &column, desc);
  return value;
}

/* C = op(A) op(B), then A X = B, in panels of one kind. */
static void solve(const int grid[2], int grid_order, int64_t block, int source, int c_order) {
  const int M = 12, N = 10, K = 12;
  const double alpha = 1, beta = 0;
  panel a, b, c;
  int desca[9], descb[9], descc[9], context = -1, info = -1;
  double *la, *lb, *lc;
  char ta, tb, tc;
  make_panel(&a, 3, M, K, grid, grid_order, block, source, c_order);
  make_panel(&b, 1, K, N, grid, grid_order, block, source, c_order);
  make_panel(&c, 2, M, N, grid, grid_order, block, source, c_order);
  must(distarray_scalapack_grid(MPI_COMM_WORLD, &a.loan, &context, &error));
  must(borrow(&a, context, desca, &la, &ta));
  must(borrow(&b, context, descb, &lb, &tb));
  must(borrow(&c, context, descc, &lc, &tc));
  check(ta == tb && tb == tc && la == a.memory + a.first);
  if (c_order && grid[0] * grid[1] > 1) check(ta == 'T');
  for (int i = 0; i < M; i++)
    for (int j = 0; j < K; j++) check(get(la, desca, ta, i, j) == element(3, i, j));

  if (ta == 'N') {
    pdgemm_("N", "N", &M, &N, &K, &alpha, la, &one, &one, desca, lb, &one, &one, descb, &beta, lc,
            &one, &one, descc);
  } else { /* the transposed matrices: C' = B' A' */
    pdgemm_("N", "N", &N, &M, &K, &alpha, lb, &one, &one, descb, la, &one, &one, desca, &beta, lc,
            &one, &one, descc);
  }
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++) {
      double sum = 0;
      for (int k = 0; k < K; k++) sum += element(3, i, k) * element(1, k, j);
      check(get(lc, descc, tc, i, j) == sum); /* whole numbers: exact */
    }

  if (ta == 'N' && desca[4] == desca[5]) { /* A X = C gives B again; wants square blocks */
    int *pivots = malloc(sizeof *pivots * 64);
    pdgesv_(&M, &N, la, &one, &one, desca, pivots, lc, &one, &one, descc, &info);
    check(info == 0);
    for (int i = 0; i < M; i++)
      for (int j = 0; j < N; j++) check(fabs(get(lc, descc, tc, i, j) - element(1, i, j)) < 1e-11);
    free(pivots);
  }
  /* What lies between the lines, and in the halo, is as it was. */
  if (source == -1)
    for (int64_t j = 0; j < c.shape[1]; j++)
      check(c.memory[j * c.strides[1] / 8] == -77 &&
            c.memory[(c.shape[0] - 1) * c.strides[0] / 8 + j * c.strides[1] / 8] == -77);
  for (int64_t k = 0; k < c.shape[!c_order]; k++)
    check(c.memory[k * c.strides[!c_order] / 8 + c.shape[c_order]] == -77);
  c.loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  free_panel(&a);
  free_panel(&b);
  free_panel(&c);
  Cblacs_gridexit(context);
}

/* --- What is refused ------------------------------------------------------- */

/* The last rank, or all, change the panel; all must hear of it. */
static void refuse_all(const int grid[2]) {
  panel p;
  int context, desc[9] = {-5, -5, -5, -5, -5, -5, -5, -5, -5};
  double *a = NULL;
  char trans = '?';
  const int last = rank == size - 1;
#define PANEL() make_panel(&p, 0, 12, 10, grid, 0, 2, 0, 0)
#define REFUSED(code, field)                                                      \
  refused(borrow(&p, context, desc, &a, &trans), code, field);                    \
  check(desc[0] == -5 && a == NULL && trans == '?' && distarray_export_is_live(&p.loan)); \
  free_panel(&p)

  PANEL();
  must(distarray_scalapack_grid(MPI_COMM_WORLD, &p.loan, &context, &error));
  free_panel(&p);

  PANEL();
  distarray_export_set_dtype(&p.loan, DISTARRAY_DTYPE_FLOAT, 32);
  p.strides[0] = 4;
  REFUSED(DISTARRAY_E_DTYPE, "dtype_bits");
  PANEL();
  if (last) p.loan.flags_write = DISTARRAY_W_READ_ONLY;
  REFUSED(DISTARRAY_E_ACCESS, "flags_write");
  PANEL();
  if (last) p.strides[0] *= 2, p.strides[1] *= 2; /* every other row */
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "strides");
  PANEL();
  p.dims[0].size = 3000000000;
  p.shape[0] = distarray_scalapack_held(3000000000, 2, p.dims[0].proc_grid_rank, grid[0]);
  p.strides[1] = 8 * p.shape[0];
  REFUSED(DISTARRAY_E_BOUNDS, "size");
  PANEL();
  for (int axis = 0; axis < 2; axis++) { /* each size fits, the panel does not */
    p.dims[axis].size = 200000;
    p.shape[axis] = distarray_scalapack_held(200000, 2, p.dims[axis].proc_grid_rank, grid[axis]);
  }
  p.strides[1] = 8 * p.shape[0];
  REFUSED(DISTARRAY_E_BOUNDS, "shape");
  PANEL();
  p.loan.ndim = 1;
  p.loan.process_count = size;
  if (grid[1] == 1) {
    REFUSED(DISTARRAY_E_UNACCEPTABLE, "ndim");
  } else {
    free_panel(&p);
  }
  make_panel(&p, 0, 12, 10, grid, 0, 2, 0, 1);
  if (size > 1)
    refused(distarray_scalapack_borrow(MPI_COMM_WORLD, &p.loan, context, 0, DISTARRAY_DTYPE_FLOAT,
                                       64, desc, (void **)&a, NULL, &error),
            DISTARRAY_E_UNACCEPTABLE, "strides");
  free_panel(&p);
  make_panel(&p, 0, 12, 10, grid, 0, 2, 0, 0);
  p.dims[0].first_block = 1;
  if (p.dims[0].start > 0) p.dims[0].start--;
  p.shape[0] = 0;
  for (int64_t g = 0; g < 12; g++) p.shape[0] += (g + 1) / 2 % grid[0] == p.dims[0].proc_grid_rank;
  p.strides[1] = 8 * p.shape[0];
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "first_block");

  if (size > 1) { /* needs neighbours */
    static int64_t list[64];
    int64_t n = 0;
    PANEL();
    for (int64_t g = 0; g < 12; g++)
      if (g % grid[0] == p.dims[0].proc_grid_rank) list[n++] = g;
    p.dims[0] = distarray_dim_unstructured(12, grid[0], p.dims[0].proc_grid_rank, list, n, n, 1);
    p.shape[0] = n;
    REFUSED(DISTARRAY_E_UNACCEPTABLE, "dist_type");

    PANEL(); /* unequal blocks: rows 0 to 2, 3 to 4, ... and a long last one */
    const int64_t r = p.dims[0].proc_grid_rank, first = r == 0 ? 0 : 1 + r * 2;
    const int64_t stop = r == grid[0] - 1 ? 12 : 3 + r * 2;
    p.dims[0] = distarray_dim_block(12, grid[0], r, first, stop);
    p.shape[0] = stop - first;
    p.strides[1] = 8 * 12;
    if (grid[0] > 1) {
      REFUSED(DISTARRAY_E_UNACCEPTABLE, "stop");
    } else {
      free_panel(&p);
    }
    /* The same ranks in another order: not the context's. */
    make_panel(&p, 0, 12, 10, grid, 2, 2, 0, 0);
    REFUSED(DISTARRAY_E_GRID, "proc_grid_rank");

    PANEL(); /* parts of two arrays */
    if (last) p.loan.uid[0] = 7;
    REFUSED(DISTARRAY_E_INVARIANT, "uid");
  }

  PANEL(); /* what is lent must be a matrix of this grid */
  must(borrow(&p, context, desc, &a, &trans));
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  const int good = desc[8];
#define NOT_LENT(code, field)                                                                  \
  refused(distarray_scalapack_lend(MPI_COMM_WORLD, desc, a, DISTARRAY_DTYPE_FLOAT, 64, NULL,   \
                                   &loan, &error),                                             \
          code, field);                                                                        \
  check(!distarray_export_is_live(&loan))
  if (last) desc[8] = 0;
  NOT_LENT(DISTARRAY_E_SHAPE, "lld");
  desc[8] = good;
  if (last) desc[0] = 501;
  NOT_LENT(DISTARRAY_E_UNSUPPORTED, "dtype_");
  desc[0] = 1;
  if (last) desc[4] = 0;
  NOT_LENT(DISTARRAY_E_RANGE, "desc");
  desc[4] = 2;
  refused(distarray_scalapack_lend_part(MPI_COMM_WORLD, 12, 10, a, 2, 1, desc,
                                        DISTARRAY_DTYPE_FLOAT, 64, NULL, &loan, &error),
          DISTARRAY_E_RANGE, "desc");
  free_panel(&p);
  Cblacs_gridexit(context);
  if (size > 1) { /* a grid that leaves the last rank out */
    int ranks[16];
    for (int k = 0; k < size; k++) ranks[k] = k;
    Cblacs_get(-1, 0, &context);
    Cblacs_gridmap(&context, ranks, 1, 1, size - 1);
    desc[1] = context;
    NOT_LENT(DISTARRAY_E_GRID, "process_count");
    if (!last) Cblacs_gridexit(context);
  }
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  for (int rows = 1; rows <= size; rows++) {
    const int grid[2] = {rows, size / rows};
    if (size % rows != 0) continue;
    for (int kind = 0; kind < 3; kind++) lend_all(grid[0], grid[1], kind);
    for (int order = 0; order < 3; order++)
      for (int c_order = 0; c_order < 2; c_order++) {
        solve(grid, order, 3, 0, c_order);
        solve(grid, order, 2, rows - 1, c_order);
        solve(grid, order, 0, -1, c_order);
        solve(grid, order, 0, -2, c_order);
      }
    refuse_all(grid);
  }
  return finish("scalapack");
}
