/* redistribute_cases.h - the redistributions that are timed, as plain numbers.
 *
 * Every case is a matrix of rows x columns, each axis dealt out in blocks over one
 * dimension of a row-major grid of ranks (contiguous parts are blocks dealt once),
 * each rank's part stored by columns ('F') or by rows ('C'). A transposition is
 * then a change of order: the transpose by rows is the matrix by columns. A 3-D
 * array cut along z or x is a matrix of (z y) x (x); `plane` is then its edge.
 */
#ifndef REDISTRIBUTE_CASES_H
#define REDISTRIBUTE_CASES_H

#include <complex.h>

#include "timing.h"

/* One axis: blocks of `block` dealt to `grid` processes. */
typedef struct {
  long size, block;
  int grid;
} cut;

typedef struct {
  cut rows, columns;
  char order;
} layout;

typedef enum { FLOAT = 4, DOUBLE = 8, COMPLEX = 16 } element_type; /* bytes */

typedef struct {
  char name[64];
  element_type type;
  long plane; /* 0: a matrix, or a vector where columns.size is 1 */
  layout from, to;
} redistribution_case;

/* --- Block-cyclic arithmetic ---------------------------------------------- */

static inline int owner_of(const cut *c, long global) { return (int)(global / c->block % c->grid); }

static inline long local_of(const cut *c, long global) {
  return global / (c->block * c->grid) * c->block + global % c->block;
}

static inline long global_of(const cut *c, int at, long local) {
  return (local / c->block * c->grid + at) * c->block + local % c->block;
}

static long count_of(const cut *c, int at) {
  long blocks = c->size / c->block, count = blocks / c->grid * c->block, extra = blocks % c->grid;
  return at < extra ? count + c->block : at == extra ? count + c->size % c->block : count;
}

static int row_of(const layout *l, int of_rank) { return of_rank / l->columns.grid; }
static int column_of(const layout *l, int of_rank) { return of_rank % l->columns.grid; }
static long rows_at(const layout *l, int of_rank) { return count_of(&l->rows, row_of(l, of_rank)); }
static long columns_at(const layout *l, int of_rank) { return count_of(&l->columns, column_of(l, of_rank)); }
static long elements_at(const layout *l, int of_rank) { return rows_at(l, of_rank) * columns_at(l, of_rank); }

/* Distances in elements between neighbouring rows and columns of a rank's part. */
static long row_step(const layout *l, int of_rank) { return l->order == 'C' ? columns_at(l, of_rank) : 1; }
static long column_step(const layout *l, int of_rank) { return l->order == 'C' ? 1 : rows_at(l, of_rank); }

/* --- Elements ------------------------------------------------------------- */

static inline void put_value(element_type type, void *a, long at, long i, long j) {
  if (type == FLOAT) ((float *)a)[at] = (float)((i * 4099 + j) % 16777213);
  else if (type == DOUBLE) ((double *)a)[at] = (double)(i * 16384 + j);
  else ((double complex *)a)[at] = (double)(i * 16384 + j) - I * (double)(j + 1);
}

/* The elements of a rank's part, in the order of its memory. */
typedef struct {
  const layout *l;
  long rows, columns, i, j, *global_rows, *global_columns;
} walk;

static walk walk_part(const layout *l) {
  walk w = {l, rows_at(l, rank), columns_at(l, rank), 0, 0, NULL, NULL};
  w.global_rows = malloc((size_t)(w.rows + 1) * sizeof(long));
  w.global_columns = malloc((size_t)(w.columns + 1) * sizeof(long));
  for (long i = 0; i < w.rows; i++) w.global_rows[i] = global_of(&l->rows, row_of(l, rank), i);
  for (long j = 0; j < w.columns; j++) w.global_columns[j] = global_of(&l->columns, column_of(l, rank), j);
  return w;
}

/* Puts the present element's value at a[at] and steps on. */
static inline void walk_put(walk *w, element_type type, void *a, long at) {
  put_value(type, a, at, w->global_rows[w->i], w->global_columns[w->j]);
  if (w->l->order == 'C') {
    if (++w->j == w->columns) w->j = 0, w->i++;
  } else {
    if (++w->i == w->rows) w->i = 0, w->j++;
  }
}

static void walk_free(walk *w) { free(w->global_rows), free(w->global_columns); }

static void fill_part(const redistribution_case *c, const layout *l, void *a) {
  walk w = walk_part(l);
  for (long k = 0; k < w.rows * w.columns; k++) walk_put(&w, c->type, a, k);
  walk_free(&w);
}

/* Every element of the target; sets all bytes to 0xff afterwards. */
static int part_correct(const redistribution_case *c, void *a) {
  walk w = walk_part(&c->to);
  char right[16];
  int correct = 1;
  for (long k = 0; k < w.rows * w.columns; k++) {
    walk_put(&w, c->type, right, 0);
    correct &= memcmp((char *)a + k * c->type, right, c->type) == 0;
  }
  memset(a, 0xff, (size_t)(w.rows * w.columns) * c->type);
  walk_free(&w);
  return correct;
}

/* --- The list ------------------------------------------------------------- */

static long parts(long size, int grid) { return (size + grid - 1) / grid; }

static layout cyclic(long m, long n, long row_block, long column_block, int p, int q, char order) {
  layout l = {{m, row_block, p}, {n, column_block, q}, order};
  return l;
}
static layout row_blocks(long m, long n, char order) {
  return cyclic(m, n, parts(m, ranks), n, ranks, 1, order);
}
static layout column_blocks(long m, long n, char order) {
  return cyclic(m, n, m, parts(n, ranks), 1, ranks, order);
}

enum { MAX_CASES = 32 };

static int make_cases(redistribution_case *cases) {
  int n_cases = 0, p = ranks == 4 ? 2 : ranks, q = ranks / p;
  long s = small ? 256 : 4096, edge = small ? 32 : 256;
  long prime = small ? 251 : 4093, other = small ? 257 : 4099;
#define CASE(bytes, edge_or_0, source, target, ...)                                    \
  do {                                                                                 \
    redistribution_case *c = &cases[n_cases++];                                        \
    c->type = bytes, c->plane = edge_or_0, c->from = source, c->to = target;           \
    snprintf(c->name, sizeof c->name, __VA_ARGS__);                                    \
  } while (0)

  /* Stored by columns, as ScaLAPACK has it. */
  CASE(DOUBLE, 0, cyclic(s, s, 128, 128, p, q, 'F'), cyclic(s, s, 128, 128, p, q, 'F'),
       "%ldx%ld nb128, nothing moves", s, s);
  CASE(DOUBLE, 0, cyclic(s, s, 64, 64, p, q, 'F'), cyclic(s, s, 128, 128, p, q, 'F'),
       "%ldx%ld nb64 -> nb128", s, s);
  CASE(DOUBLE, 0, cyclic(s, s, 32, 32, ranks, 1, 'F'), cyclic(s, s, 256, 256, 1, ranks, 'F'),
       "%ldx%ld nb32 %dx1 -> nb256 1x%d", s, s, ranks, ranks);
  CASE(DOUBLE, 0, cyclic(s, s, 32, 32, ranks, 1, 'F'), cyclic(s, s, 48, 48, 1, ranks, 'F'),
       "%ldx%ld nb32 %dx1 -> nb48 1x%d", s, s, ranks, ranks);
  CASE(DOUBLE, 0, row_blocks(s, s, 'F'), cyclic(s, s, 8, 8, p, q, 'F'), "%ldx%ld row blocks -> nb8", s, s);
  CASE(DOUBLE, 0, row_blocks(s, s, 'F'), column_blocks(s, s, 'F'), "%ldx%ld rows -> columns", s, s);
  CASE(DOUBLE, 0, cyclic(s, s, 1, s, ranks, 1, 'F'), row_blocks(s, s, 'F'),
       "%ldx%ld cyclic(1) rows -> row blocks", s, s);
  CASE(DOUBLE, 0, cyclic(2 * s, s, 64, 64, p, q, 'F'), cyclic(2 * s, s, 128, 128, p, q, 'F'),
       "%ldx%ld nb64 -> nb128", 2 * s, s);
  CASE(DOUBLE, 0, row_blocks(2 * s, s, 'F'), column_blocks(2 * s, s, 'F'), "%ldx%ld rows -> columns", 2 * s, s);
  /* Sizes that nothing divides. */
  CASE(DOUBLE, 0, row_blocks(prime, other, 'F'), column_blocks(prime, other, 'F'), "%ldx%ld rows -> columns",
       prime, other);
  CASE(DOUBLE, 0, cyclic(prime, other, 37, 37, ranks, 1, 'F'), cyclic(prime, other, 53, 53, 1, ranks, 'F'),
       "%ldx%ld nb37 %dx1 -> nb53 1x%d", prime, other, ranks, ranks);
  /* Other element types. */
  CASE(FLOAT, 0, row_blocks(s, s, 'F'), column_blocks(s, s, 'F'), "%ldx%ld float32 rows -> columns", s, s);
  CASE(COMPLEX, 0, row_blocks(s, s / 2, 'F'), column_blocks(s, s / 2, 'F'), "%ldx%ld complex128 rows -> columns",
       s, s / 2);
  /* Stored by rows, as C has it. */
  CASE(DOUBLE, 0, row_blocks(s, s, 'C'), column_blocks(s, s, 'C'), "%ldx%ld rows -> columns, C order", s, s);
  CASE(DOUBLE, 0, cyclic(s, s, 1, s, ranks, 1, 'C'), row_blocks(s, s, 'C'),
       "%ldx%ld cyclic(1) -> row blocks, C order", s, s);
  CASE(DOUBLE, edge, row_blocks(edge * edge, edge, 'C'), column_blocks(edge * edge, edge, 'C'),
       "%ld^3 slabs of z -> slabs of x", edge);
  CASE(DOUBLE, 0, row_blocks(s * s, 1, 'C'), cyclic(s * s, 1, 1, 1, ranks, 1, 'C'), "%ld block -> cyclic(1)", s * s);
  /* From one order to the other. */
  CASE(DOUBLE, 0, row_blocks(s, s, 'F'), row_blocks(s, s, 'C'), "%ldx%ld by columns -> by rows, in place", s, s);
  CASE(DOUBLE, 0, row_blocks(s, s, 'F'), column_blocks(s, s, 'C'), "%ldx%ld rows F -> columns C", s, s);
  CASE(DOUBLE, 0, row_blocks(s, s, 'C'), column_blocks(s, s, 'F'), "%ldx%ld transposed, rows -> rows", s, s);
  CASE(DOUBLE, 0, row_blocks(2 * s, s, 'C'), column_blocks(2 * s, s, 'F'), "%ldx%ld transposed, rows -> rows",
       2 * s, s);
  CASE(DOUBLE, 0, row_blocks(prime, other, 'C'), column_blocks(prime, other, 'F'),
       "%ldx%ld transposed, rows -> rows", prime, other);
#undef CASE
  return n_cases;
}

#endif /* REDISTRIBUTE_CASES_H */
