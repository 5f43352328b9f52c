/* SUNDIALS' parallel vectors, lent and borrowed; CVODE solves in a lender's memory, and
 * the lender finds the solution. Every element, every address, every release. */
#include <cvode/cvode.h>
#include <distarray_sundials.h>
#include <math.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>

#include "block.h"
#include "../common/check.h"

static SUNContext context;

/* A vector in SUNDIALS' hands, uneven, whose elements are their indices plus added. */
static N_Vector vector_of(int64_t N, double added) {
  const int64_t first = bound(N, size, rank), n = bound(N, size, rank + 1) - first;
  N_Vector vector = N_VNew_Parallel(comm, n, N, context);
  for (int64_t i = 0; i < n; i++) NV_Ith_P(vector, i) = (double)(first + i) + added;
  return vector;
}

static void lend(int64_t N) {
  distarray_export loan;
  N_Vector vector = vector_of(N, 0);
  must(distarray_sundials_lend_nvector(comm, vector, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check(loan.data == N_VGetArrayPointer(vector) && loan.ndim == 1 && is_filled(&loan, 0));
  fill(&loan, 3);
  distarray_export_release(&loan);
  check(N_VL1Norm(vector) == (double)(N * (N - 1) / 2 + 3 * N));
  must(distarray_sundials_lend_nvector(comm, vector, DISTARRAY_ACCESS_READ, &loan, &error));
  check(!distarray_export_writable(&loan, 0) && is_filled(&loan, 3));
  distarray_export_release(&loan);
  refused_with(distarray_sundials_lend_nvector(comm, vector, DISTARRAY_ACCESS_EXCLUSIVE, &loan, &error),
          DISTARRAY_E_UNSUPPORTED, "access", "cannot keep others away");
  refused_with(distarray_sundials_lend_nvector(comm, rank == size - 1 ? NULL : vector,
                                          DISTARRAY_ACCESS_READ, &loan, &error),
          DISTARRAY_E_NULL, "vector", "NULL");
  N_VDestroy(vector);
}

/* Blocks of a 2-D array along one axis or the other, in either order. */
static block plane(int along, int column_major) {
  block b = block_on(2, rank, size);
  b.dims[along] = uneven(11, size, rank);
  b.dims[1 - along] = distarray_dim_whole(3);
  b.column_major = column_major;
  return b;
}

static void borrow(block b) {
  distarray_export loan, view;
  N_Vector vector, clone;
  block_alloc(&b);
  view = view_of(&b);
  fill(&view, 0);
  block_lend(&b, &loan);
  must(distarray_sundials_borrow_nvector(comm, &loan, context, &vector, &error));
  check(!distarray_export_is_live(&loan) && N_VGetArrayPointer(vector) == b.data);
  check(N_VGetLength(vector) == 33 && N_VMaxNorm(vector) == 32);
  check(N_VL1Norm(vector) == 33 * 32 / 2); /* each element once */
  clone = N_VClone(vector);
  check(N_VGetArrayPointer(clone) != N_VGetArrayPointer(vector) || elements_of(&view) == 0);
  N_VConst(5, clone);
  N_VLinearSum(1, vector, 1, clone, vector);
  check(is_filled(&view, 5));
  N_VDestroy(vector);
  check(b.live == 0 && b.released == 1 && b.consumer_flags == DISTARRAY_C_MODIFIED);
  vector = N_VClone(clone); /* a clone's clone is SUNDIALS' own too */
  N_VConst(2, vector);
  check(N_VL1Norm(clone) == 5 * 33 && N_VL1Norm(vector) == 2 * 33);
  N_VDestroy(clone);
  N_VDestroy(vector);
  check(b.released == 1);
  block_free(&b);
}

/* u' = -k u, k the position of the element in the rank's memory. */
static int decay(realtype t, N_Vector u, N_Vector rate, void *data) {
  (void)t;
  (void)data;
  for (int64_t i = 0; i < NV_LOCLENGTH_P(u); i++) NV_Ith_P(rate, i) = -(double)i * NV_Ith_P(u, i);
  return 0;
}

/* The integrator writes the lender's array, against the solution in closed form. */
static void solve(void) {
  block b = plane(0, 1);
  distarray_export loan;
  N_Vector u;
  realtype reached;
  block_alloc(&b);
  const int64_t n = b.shape[0] * b.shape[1];
  for (int64_t i = 0; i < n; i++) b.data[i] = 1;
  block_lend(&b, &loan);
  must(distarray_sundials_borrow_nvector(comm, &loan, context, &u, &error));
  void *cvode = CVodeCreate(CV_ADAMS, context);
  SUNNonlinearSolver fixed_point = SUNNonlinSol_FixedPoint(u, 0, context);
  check(CVodeInit(cvode, decay, 0, u) == CV_SUCCESS);
  check(CVodeSStolerances(cvode, 1e-9, 1e-12) == CV_SUCCESS);
  check(CVodeSetNonlinearSolver(cvode, fixed_point) == CV_SUCCESS);
  check(CVode(cvode, 0.25, u, &reached, CV_NORMAL) == CV_SUCCESS && reached == 0.25);
  for (int64_t i = 0; i < n; i++) check(fabs(b.data[i] - exp(-0.25 * (double)i)) < 1e-7);
  CVodeFree(&cvode);
  SUNNonlinSolFree(fixed_point);
  N_VDestroy(u);
  check(b.released == 1 && b.consumer_flags == DISTARRAY_C_MODIFIED);
  block_free(&b);
}

static void refuse_borrowing(block b, uint8_t bits, int32_t code, const char *field,
                             const char *words) {
  distarray_export loan;
  N_Vector vector = NULL;
  block_alloc(&b);
  block_lend(&b, &loan);
  if (bits == 32) {
    distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, bits);
    for (int i = 0; i < b.ndim; i++) b.strides[i] /= 2;
  }
  refused_with(distarray_sundials_borrow_nvector(comm, &loan, context, &vector, &error), code, field, words);
  check(vector == NULL && distarray_export_is_live(&loan));
  distarray_export_release(&loan);
  check(b.consumer_flags == 0);
  block_free(&b);
}

static void refuse(void) {
  block b = plane(0, 0);
  refuse_borrowing(b, 32, DISTARRAY_E_DTYPE, "dtype_bits", "makes a copy");
  b.flags_write = DISTARRAY_W_READ_ONLY;
  refuse_borrowing(b, 64, DISTARRAY_E_ACCESS, "flags_write", "DISTARRAY_ACCESS_READ_WRITE");
  b = plane(0, 0);
  b.gap = rank == size - 1; /* one rank alone */
  refuse_borrowing(b, 64, DISTARRAY_E_UNACCEPTABLE, "strides", "distarray_accommodation_new");
  b = plane(0, 0);
  distarray_dim_add_halo(&b.dims[1], 1, 1);
  refuse_borrowing(b, 64, DISTARRAY_E_UNACCEPTABLE, "padding", "owned elements alone");
  b = block_on(1, rank, size);
  int64_t indices[1] = {rank};
  b.dims[0] = distarray_dim_unstructured(size, size, rank, indices, 1, 1, 0);
  refuse_borrowing(b, 64, DISTARRAY_E_UNACCEPTABLE, "one_to_one", "let every index have one");
  if (size > 1) {
    b = block_on(1, rank, size);
    b.dims[0] = distarray_dim_whole(4);
    b.flags_write = DISTARRAY_W_REPLICATED;
    refuse_borrowing(b, 64, DISTARRAY_E_ACCESS, "flags_write", "");
  }
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  MPI_Comm world = comm;
  check(SUNContext_Create(&world, &context) == 0);
  lend(13);
  lend(2); /* empty ranks */
  for (int along = 0; along < 2; along++)
    for (int column_major = 0; column_major < 2; column_major++) borrow(plane(along, column_major));
  solve();
  refuse();
  SUNContext_Free(&context);
  return finish("sundials");
}
