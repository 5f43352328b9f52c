/* What the programs that test adapters share: a lender in plain C that counts its
 * loans, and checks that end the job and say where. ELEMENT is the library's scalar. */
#ifndef ADAPTERS_H
#define ADAPTERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <distarray.h>
#include <mpi.h>

#ifndef ELEMENT
#define ELEMENT double
#endif
#ifndef ELEMENT_CODE
#define ELEMENT_CODE DISTARRAY_DTYPE_FLOAT
#endif

static int rank, size; /* of MPI_COMM_WORLD */

static void fail(const char *file, int line, const char *what, const char *why) {
  fprintf(stderr, "%s:%d: rank %d of %d: %s%s%s\n", file, line, rank, size, what, *why ? ": " : "", why);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

#define CHECK(condition) \
  do {                   \
    if (!(condition)) fail(__FILE__, __LINE__, #condition, ""); \
  } while (0)

static distarray_error error;

#define MUST(call)                                                                    \
  do {                                                                                \
    if ((call) != DISTARRAY_OK) fail(__FILE__, __LINE__, #call, error.message);       \
    if (error.code != DISTARRAY_OK) fail(__FILE__, __LINE__, #call, "leaves a report"); \
  } while (0)

/* A call that must fail with this code and field on all ranks alike, and name the way
 * out: some of the words that it should say. */
#define REFUSED(call, code_, field_, words)                                         \
  do {                                                                              \
    const int32_t status_ = (call);                                                 \
    if (status_ != (code_) || error.code != (code_) || strcmp(error.field, (field_)) != 0 || \
        strstr(error.message, (words)) == NULL) {                                   \
      fprintf(stderr, "status %d: ", (int)status_);                                 \
      fail(__FILE__, __LINE__, #call, error.message);                               \
    }                                                                               \
    if (!alike(&error, sizeof error)) fail(__FILE__, __LINE__, #call, "reports differ"); \
  } while (0)

static inline int alike(const void *bytes, size_t length) {
  char *first = malloc(length);
  int same, all;
  memcpy(first, bytes, length);
  MPI_Bcast(first, (int)length, MPI_CHAR, 0, MPI_COMM_WORLD);
  same = memcmp(first, bytes, length) == 0;
  free(first);
  MPI_Allreduce(&same, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return all;
}

enum { MAX_NDIM = 4 };

/* A block of memory and its place in the whole; set dims, and what else should differ,
 * before block_alloc. */
typedef struct block {
  int32_t       ndim;
  int           column_major;
  int64_t       gap;           /* elements between the lines of the fastest axis */
  uint32_t      flags_read, flags_write;
  distarray_dim dims[MAX_NDIM];
  int64_t       shape[MAX_NDIM], strides[MAX_NDIM], rank, count;
  ELEMENT      *data;
  int           live, released;
  uint64_t      consumer_flags;
} block;

static inline block block_new(int32_t ndim) {
  block b;
  memset(&b, 0, sizeof b);
  b.ndim = ndim;
  b.rank = rank;
  b.count = size;
  return b;
}

static inline void block_alloc(block *b) {
  int64_t step = sizeof(ELEMENT);
  for (int i = 0; i < b->ndim; i++) {
    const int axis = b->column_major ? i : b->ndim - 1 - i;
    int64_t start, stop;
    MUST(distarray_dim_owned(&b->dims[axis], &b->shape[axis], &start, &stop, &error));
    b->strides[axis] = step;
    step *= b->shape[axis] + (i == 0 ? b->gap : 0);
  }
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
  CHECK(b->live == 0);
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
    if (dim->dist_type == DISTARRAY_DIST_UNSTRUCTURED) {
      e.index[axis] = dim->flags & DISTARRAY_DIM_INDICES_I32 ? ((const int32_t *)dim->indices)[local]
                                                             : ((const int64_t *)dim->indices)[local];
      e.owned = e.owned && local < dim->n_owned;
    } else {
      e.index[axis] = dim->start + local;
      e.owned = e.owned && local >= dim->padding[0] && local < loan->shape[axis] - dim->padding[1];
    }
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
