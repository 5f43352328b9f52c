/* A lender in plain C that counts its loans, and the elements of any loan with their
 * global indices. ELEMENT is the library's scalar. */
#ifndef BLOCK_H
#define BLOCK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <distarray.h>

#ifndef ELEMENT
#define ELEMENT double
#endif
#ifndef ELEMENT_CODE
#define ELEMENT_CODE DISTARRAY_DTYPE_FLOAT
#endif

/* Ends the job, by ending this rank, where the test itself is wrong. */
static inline void insist(int right, const char *what) {
  if (right) return;
  fprintf(stderr, "the test fails at %s\n", what);
  abort();
}

enum { MAX_NDIM = 4 };

/* A block of memory and its place in the whole; set dims, and what else should differ,
 * before block_alloc. */
typedef struct block {
  int32_t       ndim;
  int           column_major;
  int64_t       gap;           /* elements between the lines of the fastest axis */
  int64_t       room;          /* elements allocated that a borrower may use, or 0 */
  uint32_t      flags_read, flags_write;
  distarray_dim dims[MAX_NDIM];
  int64_t       shape[MAX_NDIM], strides[MAX_NDIM], rank, count;
  ELEMENT      *data;
  int           live, released;
  uint64_t      consumer_flags;
} block;

static inline block block_on(int32_t ndim, int64_t rank, int64_t count) {
  block b;
  memset(&b, 0, sizeof b);
  b.ndim = ndim;
  b.rank = rank;
  b.count = count;
  return b;
}

static inline void block_alloc(block *b) {
  int64_t step = sizeof(ELEMENT);
  for (int i = 0; i < b->ndim; i++) {
    const int axis = b->column_major ? i : b->ndim - 1 - i;
    int64_t start, stop;
    insist(distarray_dim_owned(&b->dims[axis], &b->shape[axis], &start, &stop, NULL) == 0, "an axis");
    b->strides[axis] = step;
    step *= b->shape[axis] + (i == 0 ? b->gap : 0);
  }
  if (b->room > 0) step = b->room * (int64_t)sizeof(ELEMENT);
  b->data = step > 0 ? calloc(1, (size_t)step) : NULL;
}

static inline void block_give_back(distarray_export *loan) {
  block *b = loan->private_data;
  b->live--;
  b->released++;
  b->consumer_flags |= loan->consumer_flags;
  loan->release = NULL;
}

static inline void block_lend(block *b, distarray_export *loan) {
  distarray_export filled = DISTARRAY_EXPORT_INIT;
  distarray_export_set_dtype(&filled, ELEMENT_CODE, 8 * sizeof(ELEMENT));
  filled.data = b->data;
  if (b->room > 0) {
    filled.alloc_base = b->data;
    filled.alloc_bytes = (uint64_t)b->room * sizeof(ELEMENT);
    filled.flags_info = DISTARRAY_I_SLACK;
  }
  filled.ndim = b->ndim;
  filled.shape = b->shape;
  filled.strides = b->strides;
  filled.dims = b->dims;
  filled.flags_read = b->flags_read;
  filled.flags_write = b->flags_write;
  filled.process_rank = b->rank;
  filled.process_count = b->count;
  filled.private_data = b;
  filled.release = block_give_back;
  b->live++;
  *loan = filled;
}

/* All loans came back; frees the memory. */
static inline void block_free(block *b) {
  insist(b->live == 0, "all loans back");
  free(b->data);
  b->data = NULL;
}

/* --- Every element of a loan, with its global index ------------------------- */

typedef struct element {
  int64_t  index[MAX_NDIM]; /* global; outside [0, size) in a halo around the edges */
  int      owned;
  ELEMENT *at;
} element;

static inline int64_t elements_of(const distarray_export *loan) {
  int64_t n = 1;
  for (int i = 0; i < loan->ndim; i++) n *= loan->shape[i];
  return n;
}

/* The element at a row-major local position. */
static inline element element_at(const distarray_export *loan, int64_t position) {
  element e = {{0}, 1, NULL};
  char *at = loan->data;
  for (int axis = loan->ndim; axis-- > 0; position /= loan->shape[axis]) {
    const distarray_dim *dim = &loan->dims[axis];
    const int64_t local = position % loan->shape[axis];
    at += local * loan->strides[axis];
    int64_t held, start, stop;
    insist(distarray_dim_owned(dim, &held, &start, &stop, NULL) == 0, "an axis");
    e.owned = e.owned && start <= local && local < stop;
    if (dim->dist_type == DISTARRAY_DIST_BLOCK)
      e.index[axis] = dim->start + local; /* below 0 or above size outside the edges */
    else
      insist(distarray_dim_local_to_global(dim, 1, &local, &e.index[axis], NULL) == 0, "an index");
  }
  e.at = (ELEMENT *)at;
  return e;
}

/* The row-major position of an index in the whole array, wrapped around where periodic. */
static inline int64_t linear(const distarray_export *loan, const int64_t *index) {
  int64_t position = 0;
  for (int axis = 0; axis < loan->ndim; axis++) {
    const int64_t n = loan->dims[axis].size;
    position = position * n + (index[axis] % n + n) % n;
  }
  return position;
}

/* Owned elements become the position of their index, plus added; the others -1. */
static inline void fill(const distarray_export *loan, int64_t added) {
  for (int64_t i = 0; i < elements_of(loan); i++) {
    const element e = element_at(loan, i);
    *e.at = (ELEMENT)(e.owned ? (double)(linear(loan, e.index) + added) : -1.0);
  }
}

/* Owned elements are what fill makes them. */
static inline int is_filled(const distarray_export *loan, int64_t added) {
  for (int64_t i = 0; i < elements_of(loan); i++) {
    const element e = element_at(loan, i);
    if (e.owned && *e.at != (ELEMENT)(double)(linear(loan, e.index) + added)) return 0;
  }
  return 1;
}

/* A loan of a block that only shows it: never given back. */
static inline distarray_export view_of(block *b) {
  distarray_export view;
  block_lend(b, &view);
  b->live--;
  view.release = NULL;
  return view;
}

/* Uneven bounds: process place of n owns [bound(place), bound(place + 1)) of extent. */
static inline int64_t bound(int64_t extent, int64_t n, int64_t place) {
  return place == n ? extent : extent * place * (place + 1) / (n * (n + 1));
}

static inline distarray_dim uneven(int64_t extent, int64_t n, int64_t place) {
  return distarray_dim_block(extent, n, place, bound(extent, n, place), bound(extent, n, place + 1));
}

#endif
