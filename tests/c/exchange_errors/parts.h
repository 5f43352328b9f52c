/* Arrays of three ranks, and what must become of a call that one of them gets wrong. */
#ifndef PARTS_H
#define PARTS_H

#include "../../common/check.h"

enum { RANKS = 3, ROWS = 8, COLUMNS = 5, GUILTY = 1 };

static int at_fault, refusals;

/* An array, its memory, and what was last known to be in it. */
typedef struct {
  distarray_dim dims[2];
  int64_t shape[2];
  size_t bytes;
  char *data, *own, *before;
  distarray_array *array;
} part;

static part parts[32];
static int n_parts;

typedef struct {
  uint8_t code, bits;
  int64_t itemsize;
} element;

static const element f64 = {DISTARRAY_DTYPE_FLOAT, 64, 8}, f32 = {DISTARRAY_DTYPE_FLOAT, 32, 4},
                     i32 = {DISTARRAY_DTYPE_INT, 32, 4}, c128 = {DISTARRAY_DTYPE_COMPLEX, 128, 16},
                     record12 = {DISTARRAY_DTYPE_OPAQUE, 0, 12},
                     record16 = {DISTARRAY_DTYPE_OPAQUE, 0, 16};

static void give_back(distarray_export *loan) { loan->release = NULL; }

/* Lends memory, of its own if none is given, and takes the loan. Local. */
static part *lend(const distarray_dim dims[2], element type, uint32_t flags_write, char *memory) {
  int64_t strides[2], first, stop;
  part *p = &parts[n_parts++];
  check(n_parts <= (int)(sizeof parts / sizeof *parts));
  memcpy(p->dims, dims, sizeof p->dims);
  for (int axis = 0; axis < 2; axis++)
    must(distarray_dim_owned(&dims[axis], &p->shape[axis], &first, &stop, &error));
  p->bytes = (size_t)(p->shape[0] * p->shape[1] * type.itemsize);
  p->own = malloc(p->bytes + 64);
  p->before = malloc(p->bytes + 64);
  check(p->own != NULL && p->before != NULL);
  memset(p->own, 0x5a, p->bytes + 64);
  p->data = memory ? memory : p->own;
  distarray_strides_c_order(2, p->shape, type.itemsize, strides);
  distarray_export loan = loan_of(p->data, 2, p->shape, strides, p->dims, give_back);
  loan.dtype_code = type.code;
  loan.dtype_bits = type.bits;
  loan.itemsize = type.itemsize;
  loan.flags_write = flags_write;
  must(distarray_array_import(&loan,
                              flags_write ? DISTARRAY_ACCESS_READ : DISTARRAY_ACCESS_READ_WRITE,
                              &p->array, &error));
  return p;
}

static part *new_part(const distarray_dim dims[2], element type) { return lend(dims, type, 0, NULL); }

/* From here on every array must stay as it is. */
static void keep(void) {
  for (int i = 0; i < n_parts; i++) memcpy(parts[i].before, parts[i].data, parts[i].bytes);
}

/* A call that all ranks must refuse in the same words, these among them; it leaves every
 * array as it is. */
#define REFUSED(code, words, call)        \
  do {                                    \
    refused_with(call, code, NULL, words); \
    check(untouched());                   \
    refusals++;                           \
  } while (0)
static int untouched(void) {
  for (int i = 0; i < n_parts; i++)
    if (memcmp(parts[i].before, parts[i].data, parts[i].bytes) != 0) return 0;
  return 1;
}

/* The array that this rank brings: a wrong one on the rank at fault. */
static distarray_array *bring(const part *right, const part *wrong) {
  return at_fault ? (wrong ? wrong->array : NULL) : right->array;
}

static double value(int64_t row, int64_t column) { return (double)(10 * row + column); }

static void fill(part *p) {
  int64_t held, first, stop, row;
  must(distarray_dim_owned(&p->dims[0], &held, &first, &stop, &error));
  for (int64_t i = first; i < stop; i++)
    for (int64_t j = 0; j < p->shape[1]; j++) {
      must(distarray_dim_local_to_global(&p->dims[0], 1, &i, &row, &error));
      ((double *)(void *)p->data)[i * p->shape[1] + j] = value(row, j);
    }
}

/* Whether every element that is held is there, padding included. */
static int filled(const part *p) {
  int64_t row, column;
  for (int64_t i = 0; i < p->shape[0]; i++)
    for (int64_t j = 0; j < p->shape[1]; j++) {
      must(distarray_dim_local_to_global(&p->dims[0], 1, &i, &row, &error));
      must(distarray_dim_local_to_global(&p->dims[1], 1, &j, &column, &error));
      row = (row + ROWS) % ROWS;
      if (((double *)(void *)p->data)[i * p->shape[1] + j] != value(row, column)) return 0;
    }
  return 1;
}

static int64_t first_of(int64_t coordinate) { return ROWS * coordinate / RANKS; }

static void halo_dims(distarray_dim dims[2], int64_t width) {
  dims[0] = distarray_dim_block(ROWS, RANKS, rank, first_of(rank), first_of(rank + 1));
  dims[0].flags |= DISTARRAY_DIM_PERIODIC;
  distarray_dim_add_halo(&dims[0], width, width);
  dims[1] = distarray_dim_whole(COLUMNS);
}

static distarray_distribution *gather(const part *p) {
  distarray_distribution *whole;
  must(distarray_distribution_gather(&table, p->array, &whole, &error));
  return whole;
}

static void free_parts(void) {
  while (n_parts-- > 0) {
    distarray_array_free(parts[n_parts].array);
    free(parts[n_parts].own);
    free(parts[n_parts].before);
  }
  n_parts = 0;
}

#endif
