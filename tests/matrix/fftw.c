/* FFTW's slabs of real numbers: packed ones (r2r), and rows in the room of a half spectrum
 * (r2c). Elements are looked at through FFTW's transforms: the position of an element in
 * the whole array is a sum over the axes, so that every coefficient is known from sums
 * along one axis each. */
#include <complex.h>
#include <math.h>

#include <distarray_fftw.h>

#include "matrix.h"

enum { LONGEST = 32 }; /* extent of an axis */

typedef struct slab {
  distarray_fftw_slab of;
  int                 layout;
  ptrdiff_t           held, start;
  double             *owned; /* to be freed */
  distarray_lease     lease;
  distarray_export    loan;
} slab;

static int is_r2r(const slab *self) { return self->layout == DISTARRAY_FFTW_R2R; }

/* Asks FFTW what this rank holds; how many elements are to be allocated. */
static ptrdiff_t deal(slab *self) {
  ptrdiff_t n[DISTARRAY_FFTW_MAX_RNK];
  memcpy(n, self->of.n, sizeof n);
  if (!is_r2r(self)) n[self->of.rnk - 1] = n[self->of.rnk - 1] / 2 + 1;
  const ptrdiff_t room = fftw_mpi_local_size_many(self->of.rnk, n, 1, self->of.block,
                                                  MPI_COMM_WORLD, &self->held, &self->start);
  return is_r2r(self) ? room : 2 * room;
}

static slab *new_slab(int layout) {
  slab *self = calloc(1, sizeof *self);
  INSIST(self != NULL);
  self->layout = layout;
  return self;
}

static void end(void *object) {
  slab *self = object;
  INSIST(self->lease.live == 0);
  if (self->loan.release != NULL) {
    self->loan.consumer_flags |= DISTARRAY_C_MODIFIED;
    distarray_export_release(&self->loan);
  }
  fftw_free(self->owned);
  free(self);
}

/* --- Elements where FFTW's manual says that they are --------------------------------- */

/* How many there are on this rank, with lines of last. */
static int64_t count(const slab *self, int64_t last) {
  int64_t n = self->held * last;
  for (int axis = 1; axis < self->of.rnk - 1; axis++) n *= self->of.n[axis];
  return n;
}

/* The global index of the one at a place. */
static void index_of(const slab *self, int64_t last, int64_t at, int64_t *index) {
  for (int axis = self->of.rnk - 1; axis > 0; axis--) {
    const int64_t extent = axis == self->of.rnk - 1 ? last : self->of.n[axis];
    index[axis] = at % extent;
    at /= extent;
  }
  index[0] = self->start + at;
}

static int64_t last_of(const slab *self) { return self->of.n[self->of.rnk - 1]; }

static double *element(const slab *self, int64_t at) {
  const int64_t n = last_of(self), room = is_r2r(self) ? n : 2 * (n / 2 + 1);
  return (double *)self->of.data + at / n * room + at % n;
}

static void write_slab(void *object, int64_t added) {
  slab *self = object;
  for (int64_t at = 0; at < count(self, last_of(self)); at++) {
    int64_t index[DISTARRAY_FFTW_MAX_RNK], position = 0;
    index_of(self, last_of(self), at, index);
    for (int axis = 0; axis < self->of.rnk; axis++)
      position = position * self->of.n[axis] + index[axis];
    *element(self, at) = (double)(position + added);
  }
}

/* --- Coefficients ----------------------------------------------------------------------- */

/* Transforms along each axis of 1 and of the index, by their sums. */
typedef struct table {
  double complex of[3][2][LONGEST];
} table;

static table *new_table(const slab *self) {
  const double half_turn = acos(-1.0);
  table *made = calloc(1, sizeof *made);
  INSIST(made != NULL);
  for (int axis = 0; axis < self->of.rnk; axis++) {
    const ptrdiff_t n = self->of.n[axis];
    INSIST(n <= LONGEST);
    for (ptrdiff_t k = 0; k < n; k++)
      for (ptrdiff_t j = 0; j < n; j++) {
        const double x = (double)j, phase = half_turn * (double)k / (double)n;
        const double complex wave = is_r2r(self) ? 2 * cos(phase * (x + 0.5)) : cexp(-2 * I * phase * x);
        made->of[axis][0][k] += wave;
        made->of[axis][1][k] += x * wave;
      }
  }
  return made;
}

/* A coefficient of position + added. */
static double complex coefficient(const slab *self, const table *known, const int64_t *k,
                                  int64_t added) {
  double complex all = (double)added, sum = 0, step = 1;
  for (int axis = self->of.rnk - 1; axis >= 0; axis--) {
    double complex term = step;
    for (int other = 0; other < self->of.rnk; other++)
      term *= known->of[other][other == axis][k[other]];
    sum += term;
    step *= (double)self->of.n[axis];
    all *= known->of[axis][0][k[axis]];
  }
  return sum + all;
}

static fftw_plan plan(slab *self, int back) {
  const distarray_fftw_slab *s = &self->of;
  const fftw_r2r_kind kind = back ? FFTW_REDFT01 : FFTW_REDFT10, kinds[] = {kind, kind, kind};
  if (is_r2r(self))
    return fftw_mpi_plan_many_r2r(s->rnk, s->n, 1, s->block, s->block, s->data, s->data,
                                  MPI_COMM_WORLD, kinds, FFTW_ESTIMATE);
  return back ? fftw_mpi_plan_many_dft_c2r(s->rnk, s->n, 1, s->block, s->block, s->data, s->data,
                                           MPI_COMM_WORLD, FFTW_ESTIMATE)
              : fftw_mpi_plan_many_dft_r2c(s->rnk, s->n, 1, s->block, s->block, s->data, s->data,
                                           MPI_COMM_WORLD, FFTW_ESTIMATE);
}

static void transform(slab *self, int back) {
  const fftw_plan made = plan(self, back);
  INSIST(made != NULL);
  fftw_execute(made);
  fftw_destroy_plan(made);
}

/* Transforms there, compares, and back: elements are whole numbers. */
static int holds(void *object, int64_t added) {
  slab *self = object;
  const int64_t last = is_r2r(self) ? last_of(self) : last_of(self) / 2 + 1;
  table *known = new_table(self);
  double scale = 1;
  int right = 1;
  transform(self, 0);
  for (int64_t at = 0; at < count(self, last); at++) {
    int64_t k[DISTARRAY_FFTW_MAX_RNK];
    index_of(self, last, at, k);
    const double complex found = is_r2r(self) ? ((double *)self->of.data)[at]
                                              : ((double complex *)self->of.data)[at];
    right = right && cabs(found - coefficient(self, known, k, added)) < 1e-6;
  }
  free(known);
  transform(self, 1);
  for (int axis = 0; axis < self->of.rnk; axis++)
    scale *= (double)self->of.n[axis] * (is_r2r(self) ? 2 : 1);
  for (int64_t at = 0; at < count(self, last_of(self)); at++)
    *element(self, at) = rint(*element(self, at) / scale);
  return right;
}

/* --- Lending and borrowing -------------------------------------------------------------- */

static int32_t lend_again(void *object, distarray_export *loan, distarray_error *error) {
  slab *self = object;
  return distarray_fftw_lend(MPI_COMM_WORLD, self->of.rnk, self->of.n, 1, FFTW_MPI_DEFAULT_BLOCK,
                             self->layout, self->of.data, &self->lease, loan, error);
}

static int32_t lend(int layout, const shape *s, void **object, distarray_export *loan,
                    distarray_error *error) {
  slab *self = new_slab(layout);
  self->of.rnk = s->ndim;
  self->of.block = FFTW_MPI_DEFAULT_BLOCK;
  for (int axis = 0; axis < s->ndim; axis++) self->of.n[axis] = (ptrdiff_t)s->size[axis];
  self->of.data = self->owned = fftw_alloc_real((size_t)deal(self) + 1);
  INSIST(self->owned != NULL);
  write_slab(self, 0);
  *object = self;
  return lend_again(self, loan, error);
}

static int32_t borrow(int layout, distarray_export *loan, void **object, const void **address,
                      distarray_error *error) {
  distarray_fftw_slab of;
  DISTARRAY_ADAPTER_TRY(distarray_fftw_borrow(MPI_COMM_WORLD, loan, layout, &of, error));
  slab *self = new_slab(layout);
  self->of = of;
  deal(self);
  distarray_export_move(&self->loan, loan);
  *address = of.data;
  *object = self;
  return DISTARRAY_OK;
}

static int32_t lend_r2r(const shape *s, void **object, distarray_export *loan,
                        distarray_error *error) {
  return lend(DISTARRAY_FFTW_R2R, s, object, loan, error);
}

static int32_t lend_r2c(const shape *s, void **object, distarray_export *loan,
                        distarray_error *error) {
  return lend(DISTARRAY_FFTW_REAL, s, object, loan, error);
}

static int32_t borrow_r2r(const shape *s, distarray_export *loan, void **object,
                          const void **address, distarray_error *error) {
  (void)s;
  return borrow(DISTARRAY_FFTW_R2R, loan, object, address, error);
}

static int32_t borrow_r2c(const shape *s, distarray_export *loan, void **object,
                          const void **address, distarray_error *error) {
  (void)s;
  return borrow(DISTARRAY_FFTW_REAL, loan, object, address, error);
}

static distarray_requirements takes(int layout, const shape *s, distarray_required_axis axes[3]) {
  ptrdiff_t n[3];
  distarray_requirements asked = {0};
  distarray_error error;
  for (int axis = 0; axis < s->ndim; axis++) n[axis] = (ptrdiff_t)s->size[axis];
  const int32_t status = distarray_fftw_requirements(
      MPI_COMM_WORLD, s->ndim, n, 1, FFTW_MPI_DEFAULT_BLOCK, layout, axes, &asked, &error);
  INSIST((status == DISTARRAY_OK) == (s->ndim > 1));
  return asked;
}

static distarray_requirements r2r_takes(const shape *s, distarray_required_axis axes[3]) {
  return takes(DISTARRAY_FFTW_R2R, s, axes);
}

static distarray_requirements r2c_takes(const shape *s, distarray_required_axis axes[3]) {
  return takes(DISTARRAY_FFTW_REAL, s, axes);
}

static const producer producers[] = {
    {"FFTW r2r", 0xc, lend_r2r, holds, end},
    {"FFTW r2c", 0xc, lend_r2c, holds, end},
};
static const consumer consumers[] = {
    {"FFTW r2r", borrow_r2r, holds, write_slab, end, r2r_takes, NULL, NULL},
    {"FFTW r2c", borrow_r2c, holds, write_slab, end, r2c_takes, NULL, NULL},
};

static void start(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  fftw_mpi_init();
}

const library fftw_library = {"FFTW",           start,     fftw_mpi_cleanup, producers,
                              COUNT(producers), consumers, COUNT(consumers)};
