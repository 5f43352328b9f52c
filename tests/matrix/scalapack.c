/* ScaLAPACK's matrices, in panels of 3 x 2 blocks on a BLACS grid that is numbered column
 * by column. */
#include <distarray_scalapack.h>

#include <stdlib.h>

#include "matrix.h"

void Cblacs_get(int context, int what, int *value);
void Cblacs_gridinit(int *context, const char *order, int rows, int columns);
void Cblacs_gridexit(int context);
void pdelset_(double *a, const int *i, const int *j, const int *desc, const double *value);
void pdelget_(const char *scope, const char *top, double *value, const double *a, const int *i,
              const int *j, const int *desc);

typedef struct matrix {
  int64_t          rows, columns;
  int              desc[9];
  double          *panel, *owned; /* owned: to be freed */
  char             trans;
  distarray_lease  lease;
  distarray_export loan;
} matrix;

static matrix *new_matrix(const shape *s) {
  matrix *self = calloc(1, sizeof *self);
  INSIST(self != NULL);
  self->rows = s->size[0];
  self->columns = s->size[1];
  self->trans = 'N';
  return self;
}

static void end(void *object) {
  matrix *self = object;
  INSIST(self->lease.live == 0);
  self->loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&self->loan);
  Cblacs_gridexit(self->desc[1]);
  free(self->owned);
  free(self);
}

/* The element's place in the matrix that ScaLAPACK has, counted from 1. */
static void place_of(const matrix *self, int64_t i, int64_t j, int *row, int *column) {
  *row = (int)(self->trans == 'N' ? i : j) + 1;
  *column = (int)(self->trans == 'N' ? j : i) + 1;
}

static void write_matrix(void *object, int64_t added) {
  matrix *self = object;
  int row, column;
  for (int64_t i = 0; i < self->rows; i++)
    for (int64_t j = 0; j < self->columns; j++) {
      const double value = (double)(i * self->columns + j + added);
      place_of(self, i, j, &row, &column);
      pdelset_(self->panel, &row, &column, self->desc, &value);
    }
}

/* Each process gets what it has, and 0 for the others': the sums are the matrix. */
static int holds(void *object, int64_t added) {
  matrix *self = object;
  const int64_t n = self->rows * self->columns;
  double *all = calloc((size_t)n, sizeof *all);
  int row, column, right = 1;
  INSIST(all != NULL);
  for (int64_t k = 0; k < n; k++) {
    place_of(self, k / self->columns, k % self->columns, &row, &column);
    pdelget_(" ", " ", &all[k], self->panel, &row, &column, self->desc);
  }
  MPI_Allreduce(MPI_IN_PLACE, all, (int)n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  for (int64_t k = 0; k < n; k++) right = right && all[k] == (double)(k + added);
  free(all);
  return right;
}

static int32_t lend(const shape *s, void **object, distarray_export *loan, distarray_error *error) {
  const int rows = size % 2 == 0 ? 2 : 1;
  matrix *self = new_matrix(s);
  int context;
  Cblacs_get(-1, 0, &context);
  Cblacs_gridinit(&context, "C", rows, size / rows);
  const int desc[9] = {1, context, (int)s->size[0],    (int)s->size[1], 3, 2,
                       0, 0,       (int)s->size[0] + 1};
  memcpy(self->desc, desc, sizeof desc);
  self->panel = self->owned = calloc((size_t)(desc[8] * (s->size[1] + 1)), sizeof *self->panel);
  INSIST(self->panel != NULL);
  write_matrix(self, 0);
  *object = self;
  return distarray_scalapack_lend(MPI_COMM_WORLD, self->desc, self->panel, DISTARRAY_DTYPE_FLOAT,
                                  64, &self->lease, loan, error);
}

static int32_t borrow(const shape *s, distarray_export *loan, void **object, const void **address,
                      distarray_error *error) {
  int context = -1;
  void *panel = NULL;
  char trans = 'N';
  int desc[9];
  int32_t status = distarray_scalapack_grid(MPI_COMM_WORLD, loan, &context, error);
  if (status != DISTARRAY_OK) return status;
  status = distarray_scalapack_borrow(MPI_COMM_WORLD, loan, context, DISTARRAY_ACCESS_READ_WRITE,
                                      DISTARRAY_DTYPE_FLOAT, 64, desc, &panel, &trans, error);
  if (status != DISTARRAY_OK) {
    Cblacs_gridexit(context);
    return status;
  }
  matrix *self = new_matrix(s);
  memcpy(self->desc, desc, sizeof desc);
  self->panel = panel;
  self->trans = trans;
  *address = panel == first_owned(loan) ? loan->data : panel; /* behind the halo */
  distarray_export_move(&self->loan, loan);
  *object = self;
  return DISTARRAY_OK;
}

static distarray_requirements takes(const shape *s, distarray_required_axis axes[3]) {
  (void)s; /* always two axes */
  return distarray_scalapack_requirements(axes, 3, 2, DISTARRAY_DTYPE_FLOAT, 64);
}

static const producer producers[] = {{"ScaLAPACK", 0x4, lend, holds, end}};
static const consumer consumers[] = {{"ScaLAPACK", borrow, holds, write_matrix, end, takes, NULL, NULL}};

const library scalapack_library = {"ScaLAPACK",      NULL,      NULL,            producers,
                                   COUNT(producers), consumers, COUNT(consumers)};
