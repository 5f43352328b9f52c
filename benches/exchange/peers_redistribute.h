/* peers_redistribute.h - the same redistributions by ScaLAPACK, PETSc, FFTW and
 * COSTA, each where it applies, between the same source and target memory.
 *
 *   scalapack  Cp?gemr2d: both sides stored by columns, or both by rows (then as the
 *              transposed matrix). It plans anew at every call.
 *   petsc      VecScatter from index sets, of blocks where the indices allow it
 *   fftw       a transposition of rows to rows, planned with FFTW_MEASURE
 *   costa      costa::transform, through costa.cpp. It plans anew at every call.
 */
#ifndef PEERS_REDISTRIBUTE_H
#define PEERS_REDISTRIBUTE_H

#include "hand_redistribute.h"

#ifdef HAVE_SCALAPACK
void Cblacs_get(int, int, int *);
void Cblacs_gridinit(int *, char *, int, int);
void Cblacs_gridexit(int);
typedef void gemr2d(int, int, void *, int, int, int *, void *, int, int, int *, int);
gemr2d Cpsgemr2d, Cpdgemr2d, Cpzgemr2d;

typedef struct {
  gemr2d *move;
  int rows, columns, source[9], target[9], contexts[3];
  void *from, *to;
} scalapack;

static void redistribute_scalapack(void *context) {
  scalapack *s = context;
  s->move(s->rows, s->columns, s->from, 1, 1, s->source, s->to, 1, 1, s->target, s->contexts[2]);
}

/* Stored by rows, the matrix is the transposed one stored by columns. */
static void scalapack_side(const layout *l, int *descriptor, int *context) {
  int by_rows = l->order == 'C';
  const cut *rows = by_rows ? &l->columns : &l->rows, *columns = by_rows ? &l->rows : &l->columns;
  long leading = by_rows ? columns_at(l, rank) : rows_at(l, rank);
  Cblacs_get(-1, 0, context);
  Cblacs_gridinit(context, by_rows ? "Column" : "Row", rows->grid, columns->grid);
  int d[9] = {1, *context, (int)rows->size, (int)columns->size, (int)rows->block, (int)columns->block, 0, 0,
              (int)(leading > 1 ? leading : 1)};
  memcpy(descriptor, d, sizeof d);
}

static int race_scalapack(race *race, scalapack *s, redistribution *r) {
  const redistribution_case *c = r->c;
  if (c->from.order != c->to.order) return 0;
  s->move = c->type == FLOAT ? Cpsgemr2d : c->type == DOUBLE ? Cpdgemr2d : Cpzgemr2d;
  scalapack_side(&c->from, s->source, &s->contexts[0]);
  scalapack_side(&c->to, s->target, &s->contexts[1]);
  Cblacs_get(-1, 0, &s->contexts[2]);
  Cblacs_gridinit(&s->contexts[2], "Row", 1, ranks);
  s->rows = s->source[2], s->columns = s->source[3];
  s->from = r->source.data, s->to = r->target.data;
  race_add(race, "scalapack", PEER, redistribute_scalapack, s, -1, redistribution_try(r, redistribute_scalapack, s));
  return 1;
}

static void scalapack_free(scalapack *s) {
  for (int i = 0; i < 3; i++) Cblacs_gridexit(s->contexts[i]);
}
#endif

#ifdef HAVE_PETSC
#include <petscvec.h>

typedef struct {
  VecScatter scatter;
  Vec from, to;
} petsc;

static void redistribute_petsc(void *context) {
  petsc *p = context;
  VecScatterBegin(p->scatter, p->from, p->to, INSERT_VALUES, SCATTER_FORWARD);
  VecScatterEnd(p->scatter, p->from, p->to, INSERT_VALUES, SCATTER_FORWARD);
}

static long common_divisor(long a, long b) { return b ? common_divisor(b, a % b) : a; }

/* For each element of the target in its own order, where PETSc's source vector has it. */
static PetscInt *petsc_indices(const redistribution_case *c, long *block) {
  const layout *f = &c->from, *t = &c->to;
  long rows = rows_at(t, rank), columns = columns_at(t, rank), n = rows * columns, start[64], at = 0;
  PetscInt *indices = malloc((size_t)(n + 1) * sizeof *indices);
  for (int other = 0; other < ranks; at += elements_at(f, other++)) start[other] = at;
  for (long i = 0; i < rows; i++)
    for (long j = 0; j < columns; j++) {
      long gi = global_of(&t->rows, row_of(t, rank), i), gj = global_of(&t->columns, column_of(t, rank), j);
      int other = owner_of(&f->rows, gi) * f->columns.grid + owner_of(&f->columns, gj);
      indices[i * row_step(t, rank) + j * column_step(t, rank)] =
          (PetscInt)(start[other] + local_of(&f->rows, gi) * row_step(f, other) +
                     local_of(&f->columns, gj) * column_step(f, other));
    }
  /* The largest block of which every run of consecutive indices is a multiple. */
  *block = n;
  for (long k = 0; k < n; k++)
    if (k == 0 || indices[k] != indices[k - 1] + 1)
      *block = common_divisor(common_divisor(*block, k), indices[k]);
  for (long k = 0; *block && k < n / *block; k++) indices[k] = indices[k * *block] / (PetscInt)*block;
  return indices;
}

static int race_petsc(race *race, petsc *p, redistribution *r) {
  const redistribution_case *c = r->c;
  if (c->type != DOUBLE) return 0;
  long total = c->from.rows.size * c->from.columns.size, block, of_all;
  PetscInt n_from = (PetscInt)elements_at(&c->from, rank), n_to = (PetscInt)elements_at(&c->to, rank), first = 0;
  IS from, to;
  VecCreateMPIWithArray(PETSC_COMM_WORLD, 1, n_from, total, (double *)r->source.data, &p->from);
  VecCreateMPIWithArray(PETSC_COMM_WORLD, 1, n_to, total, (double *)r->target.data, &p->to);
  VecGetOwnershipRange(p->to, &first, NULL);
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  PetscInt *indices = petsc_indices(c, &block);
  of_all = block; /* ranks without elements have no say */
  MPI_Allreduce(MPI_IN_PLACE, &of_all, 1, MPI_LONG, MPI_MAX, MPI_COMM_WORLD);
  if (block == 0) block = of_all;
  ISCreateBlock(PETSC_COMM_WORLD, (PetscInt)block, n_to / (PetscInt)block, indices, PETSC_COPY_VALUES, &from);
  ISCreateStride(PETSC_COMM_WORLD, n_to, first, 1, &to);
  VecScatterCreate(p->from, from, p->to, to, &p->scatter);
  double plan = MPI_Wtime() - start;
  free(indices);
  ISDestroy(&from);
  ISDestroy(&to);
  race_add(race, "petsc", PEER, redistribute_petsc, p, plan, redistribution_try(r, redistribute_petsc, p));
  return 1;
}

static void petsc_free(petsc *p) {
  VecScatterDestroy(&p->scatter);
  VecDestroy(&p->from);
  VecDestroy(&p->to);
}
#endif

#ifdef HAVE_FFTW
#include <fftw3-mpi.h>

/* FFTW wants room of its own size, and planning with MEASURE writes to it. */
typedef struct {
  fftw_plan plan;
  double *from, *to;
} fftw;

static void redistribute_fftw(void *context) { fftw_execute(((fftw *)context)->plan); }

static int race_fftw(race *race, fftw *f, redistribution *r) {
  const redistribution_case *c = r->c;
  ptrdiff_t m = c->from.rows.size, n = c->from.columns.size, rows, columns, skip;
  if (c->type != DOUBLE || c->from.order != 'C' || c->to.order != 'F' || c->from.rows.grid != ranks ||
      c->to.columns.grid != ranks || c->from.rows.block != parts(m, ranks) || c->to.columns.block != parts(n, ranks))
    return 0;
  ptrdiff_t sizes[2] = {m, n};
  ptrdiff_t room = fftw_mpi_local_size_many_transposed(2, sizes, 1, c->from.rows.block, c->to.columns.block,
                                                       MPI_COMM_WORLD, &rows, &skip, &columns, &skip);
  f->from = fftw_alloc_real(room);
  f->to = fftw_alloc_real(room);
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  f->plan = fftw_mpi_plan_many_transpose(m, n, 1, c->from.rows.block, c->to.columns.block, f->from, f->to,
                                         MPI_COMM_WORLD, FFTW_MEASURE);
  double plan = MPI_Wtime() - start;
  fill_part(c, &c->from, f->from);
  MPI_Barrier(MPI_COMM_WORLD);
  fftw_execute(f->plan);
  race_add(race, "fftw", PEER, redistribute_fftw, f, plan, part_correct(c, f->to));
  return 1;
}

static void fftw_free_all(fftw *f) {
  fftw_destroy_plan(f->plan);
  fftw_free(f->from);
  fftw_free(f->to);
}
#endif

#ifdef HAVE_COSTA
/* costa.cpp */
void *costa_new(int bytes, const long *from, const long *to, void *source, void *target);
void costa_run(void *context);
void costa_free(void *context);

/* What costa.cpp says; stored by rows, the matrix is the transposed one stored by columns. */
static void costa_side(const layout *l, long *numbers) {
  int by_rows = l->order == 'C';
  const cut *rows = by_rows ? &l->columns : &l->rows, *columns = by_rows ? &l->rows : &l->columns;
  long leading = by_rows ? columns_at(l, rank) : rows_at(l, rank);
  long side[] = {rows->size,    rows->block,   rows->grid, columns->size,
                 columns->block, columns->grid, by_rows,    leading > 1 ? leading : 1};
  memcpy(numbers, side, sizeof side);
}

/* Every rank keeps a table of all blocks; beyond 2^20 of them it would not fit here. */
static double blocks_of(const layout *l) {
  return (double)(l->rows.size / l->rows.block + 1) * (double)(l->columns.size / l->columns.block + 1);
}

static int race_costa(race *race, void **costa, redistribution *r) {
  const redistribution_case *c = r->c;
  long from[8], to[8];
  if (blocks_of(&c->from) + blocks_of(&c->to) > 1 << 20) return 0;
  costa_side(&c->from, from);
  costa_side(&c->to, to);
  *costa = costa_new(c->type, from, to, r->source.data, r->target.data);
  race_add(race, "costa", PEER, costa_run, *costa, -1, redistribution_try(r, costa_run, *costa));
  return 1;
}
#endif

#endif /* PEERS_REDISTRIBUTE_H */
