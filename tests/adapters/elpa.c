/* ELPA finds the eigenvectors of a foreign matrix, in foreign memory, through descriptors
 * of distarray_scalapack.h. Any number of ranks from 1. */
#include <distarray_scalapack.h>

#include "../common/check.h"

#include <elpa/elpa.h>

void Cblacs_gridexit(int context);
void pdelget_(const char *scope, const char *top, double *value, const double *a, const int *i,
              const int *j, const int *desc);

enum { N = 13, BLOCK = 2, ROOM = (N + BLOCK) * (N + BLOCK) };

/* The second difference, whose eigenvalues and eigenvectors are known. */
static double element(int64_t i, int64_t j) {
  return i == j ? 2 : i == j + 1 || j == i + 1 ? -1 : 0;
}

static void give_back(distarray_export *loan) { loan->release = NULL; }

int main(int argc, char **argv) {
  int code, context, desc[2][9];
  double memory[2][ROOM] = {{0}}, *panel[2], values[N];
  distarray_export loan[2];
  start(&argc, &argv);

  /* Rows and columns dealt out over a grid; every column has room for a row more. */
  const int rows = size % 2 == 0 ? 2 : 1, columns = size / rows;
  const int place[2] = {rank / columns, rank % columns}, grid[2] = {rows, columns};
  int64_t shape[2], strides[2], mine[2][N];
  distarray_dim dims[2];
  for (int axis = 0; axis < 2; axis++) {
    shape[axis] = 0;
    for (int64_t g = 0; g < N; g++)
      if (g / BLOCK % grid[axis] == place[axis]) mine[axis][shape[axis]++] = g;
    dims[axis] = distarray_dim_cyclic(N, grid[axis], place[axis], BLOCK, 0);
  }
  strides[0] = sizeof(double);
  strides[1] = (int64_t)sizeof(double) * (shape[0] + 1);
  for (int64_t i = 0; i < shape[0]; i++)
    for (int64_t j = 0; j < shape[1]; j++)
      memory[0][i + j * (shape[0] + 1)] = element(mine[0][i], mine[1][j]);
  for (int k = 0; k < 2; k++) { /* the matrix, and its eigenvectors */
    loan[k] = loan_of(memory[k], 2, shape, strides, dims, give_back);
    if (k == 0) must(distarray_scalapack_grid(MPI_COMM_WORLD, &loan[0], &context, &error));
    must(distarray_scalapack_borrow(MPI_COMM_WORLD, &loan[k], context, DISTARRAY_ACCESS_READ_WRITE,
                                    DISTARRAY_DTYPE_FLOAT, 64, desc[k], (void **)&panel[k], NULL,
                                    &error));
    check(panel[k] == memory[k]);
  }

  check(elpa_init(20211125) == ELPA_OK);
  elpa_t elpa = elpa_allocate(&code);
  check(code == ELPA_OK);
#define SET(name, value) elpa_set(elpa, name, (int)(value), &code), check(code == ELPA_OK)
  SET("na", desc[0][2]);
  SET("nev", desc[0][2]);
  SET("nblk", desc[0][4]);
  SET("local_nrows", desc[0][8]);
  SET("local_ncols", shape[1]);
  SET("mpi_comm_parent", MPI_Comm_c2f(MPI_COMM_WORLD));
  SET("process_row", place[0]);
  SET("process_col", place[1]);
  check(elpa_setup(elpa) == ELPA_OK);
  elpa_eigenvectors(elpa, panel[0], values, panel[1], &code);
  check(code == ELPA_OK);

  const double turn = acos(-1.0) / (N + 1);
  for (int k = 1; k <= N; k++) {
    double vector[N], length = 0;
    check(fabs(values[k - 1] - (2 - 2 * cos(k * turn))) < 1e-12);
    for (int i = 1; i <= N; i++) {
      pdelget_("A", " ", &vector[i - 1], panel[1], &i, &k, desc[1]);
      length += vector[i - 1] * vector[i - 1];
    }
    check(fabs(length - 1) < 1e-12);
    for (int i = 1; i <= N; i++) /* sin(i k turn), of either sign */
      check(fabs(vector[i - 1] * sin(k * turn) - vector[0] * sin(i * k * turn)) < 1e-12);
  }
  elpa_deallocate(elpa, &code);
  elpa_uninit(&code);
  for (int k = 0; k < 2; k++) distarray_export_release(&loan[k]);
  Cblacs_gridexit(context);
  return finish("elpa");
}
