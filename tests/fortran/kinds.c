/* Elements of loans as C finds them: by dims, shape and byte strides alone. Each has a
 * value that its global indices and a salt give; kinds.f90 has the same formula. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "distarray_abi.h"

enum { C_ORDER, PITCH, BACKWARDS };
enum { MAX_RANK = 7 };

int64_t kinds_check(const distarray_export *loan, int32_t salt);
void    kinds_write(const distarray_export *loan, int32_t salt);
void    kinds_make(distarray_export *loan, const distarray_dim *dims, int32_t ndim, int8_t code,
                   int32_t bits, int32_t layout);

static int64_t value(const distarray_export *loan, const int64_t *local, int32_t salt) {
  int64_t v = salt;
  int32_t axis;
  for (axis = 0; axis < loan->ndim; axis++) {
    const int64_t global = loan->dims[axis].start + local[axis];
    v = (((7 * v + (axis + 3) * global) % 101) + 101) % 101;
  }
  return v;
}

/* The bytes of an element. */
static void encode(const distarray_export *loan, int64_t v, void *to) {
  const int8_t  i8 = (int8_t)(v - 50);
  const int16_t i16 = i8;
  const int32_t i32 = i8;
  const int64_t i64 = i8;
  const float   f32 = (float)v + 0.5f;
  const double  f64 = (double)v + 0.5;
  const float   c32[2] = {(float)v, (float)-v - 1};
  const double  c64[2] = {(double)v, (double)-v - 1};
  const uint8_t truth = v % 2 == 1;
  const void   *from = NULL;
  switch (loan->dtype_code << 8 | loan->dtype_bits) {
  case DISTARRAY_DTYPE_INT << 8 | 8: from = &i8; break;
  case DISTARRAY_DTYPE_INT << 8 | 16: from = &i16; break;
  case DISTARRAY_DTYPE_INT << 8 | 32: from = &i32; break;
  case DISTARRAY_DTYPE_INT << 8 | 64: from = &i64; break;
  case DISTARRAY_DTYPE_FLOAT << 8 | 32: from = &f32; break;
  case DISTARRAY_DTYPE_FLOAT << 8 | 64: from = &f64; break;
  case DISTARRAY_DTYPE_COMPLEX << 8 | 64: from = c32; break;
  case DISTARRAY_DTYPE_COMPLEX << 8 | 128: from = c64; break;
  case DISTARRAY_DTYPE_BOOL << 8 | 8: from = &truth; break;
  default: abort();
  }
  memcpy(to, from, (size_t)loan->itemsize);
}

/* Counts the elements that are not as they should be, or makes them so. */
static int64_t visit(const distarray_export *loan, int32_t salt, int write) {
  int64_t local[MAX_RANK] = {0}, elements = 1, wrong = 0, n;
  int32_t axis;
  char    expected[16];
  for (axis = 0; axis < loan->ndim; axis++) elements *= loan->shape[axis];
  for (n = 0; n < elements; n++) {
    int64_t rest = n;
    char   *at = (char *)loan->data;
    for (axis = 0; axis < loan->ndim; axis++) {
      local[axis] = rest % loan->shape[axis];
      rest /= loan->shape[axis];
      at += local[axis] * loan->strides[axis];
    }
    encode(loan, value(loan, local, salt), expected);
    if (write) memcpy(at, expected, (size_t)loan->itemsize);
    wrong += memcmp(at, expected, (size_t)loan->itemsize) != 0;
  }
  return wrong;
}

int64_t kinds_check(const distarray_export *loan, int32_t salt) { return visit(loan, salt, 0); }

void kinds_write(const distarray_export *loan, int32_t salt) { visit(loan, salt, 1); }

typedef struct made {
  int64_t       shape[MAX_RANK], strides[MAX_RANK];
  distarray_dim dims[MAX_RANK];
  char         *memory;
} made;

static void give_back(distarray_export *loan) {
  free(((made *)loan->private_data)->memory);
  free(loan->private_data);
  loan->release = NULL;
}

/* Lends new memory for blocks, exactly as large as its layout needs. */
void kinds_make(distarray_export *loan, const distarray_dim *dims, int32_t ndim, int8_t code,
                int32_t bits, int32_t layout) {
  const distarray_export empty = DISTARRAY_EXPORT_INIT;
  made   *m = calloc(1, sizeof *m);
  int64_t reach = bits / 8, first = 0;
  int32_t i;
  *loan = empty;
  distarray_export_set_dtype(loan, (uint8_t)code, (uint8_t)bits);
  for (i = 0; i < ndim; i++) {
    const int32_t axis = layout == C_ORDER ? ndim - 1 - i : i;
    m->dims[axis] = dims[axis];
    m->shape[axis] = dims[axis].stop - dims[axis].start;
    m->strides[axis] = reach;
    reach *= m->shape[axis] + (layout == PITCH);
    if (layout == BACKWARDS) {
      first += (m->shape[axis] - 1) * m->strides[axis];
      m->strides[axis] *= -1;
    }
  }
  m->memory = calloc(1, (size_t)reach);
  loan->data = m->memory + first;
  loan->ndim = ndim;
  loan->shape = m->shape;
  loan->strides = m->strides;
  loan->dims = m->dims;
  loan->process_count = 1;
  for (i = 0; i < ndim; i++) loan->process_count *= dims[i].proc_grid_size;
  loan->private_data = m;
  loan->release = give_back;
}
