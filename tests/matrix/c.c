/* Plain C: blocks of memory in the layouts that codes have, and a consumer that walks
 * along any strides. */
#include "../adapters/block.h"
#include "matrix.h"

/* Processes along the first two axes, the last fastest. */
static void grid_of(const shape *s, int64_t n[2], int64_t place[2]) {
  n[0] = s->ndim > 1 && size % 2 == 0 ? size / 2 : size;
  n[1] = size / n[0];
  place[0] = rank / n[1];
  place[1] = rank % n[1];
}

static block rows_of(const shape *s) {
  block b = block_on(s->ndim, rank, size);
  b.dims[0] = uneven(s->size[0], size, rank);
  for (int i = 1; i < s->ndim; i++) b.dims[i] = distarray_dim_whole(s->size[i]);
  return b;
}

static block blocks_of(const shape *s, int64_t halo) {
  block b = rows_of(s);
  int64_t n[2], place[2];
  grid_of(s, n, place);
  for (int i = 0; i < s->ndim && i < 2; i++)
    b.dims[i] = distarray_dim_block(s->size[i], n[i], place[i], s->size[i] * place[i] / n[i],
                                    s->size[i] * (place[i] + 1) / n[i]);
  for (int i = 0; i < s->ndim && halo > 0; i++) distarray_dim_add_halo(&b.dims[i], halo, halo);
  return b;
}

static int32_t lend(block prepared, void **object, distarray_export *loan) {
  block *b = malloc(sizeof *b);
  distarray_export view;
  if (b == NULL) return DISTARRAY_E_NO_MEMORY;
  *b = prepared;
  block_alloc(b);
  view = view_of(b);
  fill(&view, 0);
  block_lend(b, loan);
  *object = b;
  return DISTARRAY_OK;
}

static int32_t lend_rows(const shape *s, void **object, distarray_export *loan,
                         distarray_error *error) {
  (void)error;
  return lend(rows_of(s), object, loan);
}

static int32_t lend_blocks(const shape *s, void **object, distarray_export *loan,
                           distarray_error *error) {
  (void)error;
  return lend(blocks_of(s, 0), object, loan);
}

static int32_t lend_halo(const shape *s, void **object, distarray_export *loan,
                         distarray_error *error) {
  (void)error;
  return lend(blocks_of(s, 1), object, loan);
}

/* Equal slabs with room for FFTW, which transposes them in place: all slabs have room for
 * that. */
static int32_t lend_slabs(const shape *s, void **object, distarray_export *loan,
                          distarray_error *error) {
  block b = rows_of(s);
  const int64_t length = (s->size[0] + size - 1) / size;
  const int64_t start = length * rank < s->size[0] ? length * rank : s->size[0];
  const int64_t stop = start + length < s->size[0] ? start + length : s->size[0];
  (void)error;
  b.dims[0] = distarray_dim_block(s->size[0], size, rank, start, stop);
  b.room = length * size;
  for (int i = 1; i < s->ndim; i++) b.room *= s->size[i];
  return lend(b, object, loan);
}

/* Rows, columns of which are further apart than they are long. */
static int32_t lend_columns(const shape *s, void **object, distarray_export *loan,
                            distarray_error *error) {
  block b = rows_of(s);
  (void)error;
  b.column_major = 1;
  b.gap = 2;
  return lend(b, object, loan);
}

/* Panels of 3 x 2 blocks dealt round robin, as ScaLAPACK has them. */
static int32_t lend_cyclic(const shape *s, void **object, distarray_export *loan,
                           distarray_error *error) {
  block b = rows_of(s);
  int64_t n[2], place[2];
  (void)error;
  grid_of(s, n, place);
  for (int i = 0; i < s->ndim && i < 2; i++)
    b.dims[i] = distarray_dim_cyclic(s->size[i], n[i], place[i], 3 - i, 0);
  b.column_major = 1;
  return lend(b, object, loan);
}

static int holds(void *object, int64_t added) {
  const distarray_export view = view_of(object);
  return is_filled(&view, added);
}

static void end(void *object) {
  block_free(object);
  free(object);
}

static const producer producers[] = {
    {"C rows", 0xe, lend_rows, holds, end},
    {"C blocks", 0xe, lend_blocks, holds, end},
    {"C blocks with halo", 0xe, lend_halo, holds, end},
    {"C slabs", 0xe, lend_slabs, holds, end},
    {"C columns", 0xc, lend_columns, holds, end},
    {"C panels", 0xc, lend_cyclic, holds, end},
};

/* The consumer reads any loan that a program can read without help. */
static int32_t borrow(const shape *s, distarray_export *loan, void **object, const void **address,
                      distarray_error *error) {
  (void)s;
  (void)error;
  const int32_t status = distarray_export_readable(loan, DISTARRAY_R_GHOSTS | DISTARRAY_R_GRID_MAP |
                                                             DISTARRAY_R_GRID_COLMAJOR);
  if (status != DISTARRAY_OK) return status;
  distarray_export *taken = malloc(sizeof *taken);
  *address = loan->data;
  distarray_export_move(taken, loan);
  *object = taken;
  return DISTARRAY_OK;
}

static int loan_holds(void *object, int64_t added) { return is_filled(object, added); }

static void add(void *object, int64_t number) { fill(object, number); }

static void give_back(void *object) {
  distarray_export *loan = object;
  loan->consumer_flags |= DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED;
  distarray_export_release(loan);
  free(loan);
}

static const consumer consumers[] = {{"C", borrow, loan_holds, add, give_back, anything, NULL, NULL}};

const library c_library = {"C", NULL, NULL, producers, COUNT(producers), consumers, COUNT(consumers)};
