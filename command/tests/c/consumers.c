/* Consumers that keep the rules of distarray_conformance.h, and some that each break
 * one: what the command's tests expect it to find. */
#include <stdlib.h>
#include <string.h>

#include "distarray_conformance.h"

enum { KNOWN_READ = DISTARRAY_R_GHOSTS | DISTARRAY_R_GRID_COLMAJOR };

/* Whether all of the loan is understood. */
static int32_t readable(const distarray_export *loan) {
  int32_t status = distarray_export_readable(loan, KNOWN_READ);
  if (status != DISTARRAY_OK) return status;
  for (int32_t axis = 0; axis < loan->ndim; ++axis)
    if ((loan->dims[axis].flags & ~DISTARRAY_DIM_KNOWN_1_0) != 0) return DISTARRAY_E_FLAG;
  return DISTARRAY_OK;
}

/* Calls visit for every element, padding included. */
static void each(const distarray_export *loan, void (*visit)(unsigned char *, size_t)) {
  int64_t index[64] = {0};
  int32_t axis;
  for (axis = 0; axis < loan->ndim; ++axis)
    if (loan->shape[axis] == 0) return;
  do {
    unsigned char *element = loan->data;
    for (axis = 0; axis < loan->ndim; ++axis) element += index[axis] * loan->strides[axis];
    visit(element, (size_t)loan->itemsize);
    for (axis = loan->ndim - 1; axis >= 0 && ++index[axis] == loan->shape[axis]; --axis) index[axis] = 0;
  } while (axis >= 0);
}

static volatile unsigned char sum;

static void look(unsigned char *element, size_t size) {
  for (size_t i = 0; i < size; ++i) sum += element[i];
}

static void turn(unsigned char *element, size_t size) { element[size - 1] ^= 1; }

/* Reads everything it understands. */
int32_t good(distarray_export *loan) {
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  each(loan, look);
  distarray_export_release(loan);
  return DISTARRAY_OK;
}

/* Moves the loan, writes what may be written, and says so. */
int32_t good_writer(distarray_export *loan) {
  distarray_export mine;
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  distarray_export_move(&mine, loan);
  if (distarray_export_writable(&mine, DISTARRAY_W_REPLICATED)) {
    each(&mine, turn);
    mine.consumer_flags |= DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED;
  }
  distarray_export_release(&mine);
  return DISTARRAY_OK;
}

/* Vectors only. */
int32_t good_chooser(distarray_export *loan) {
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  if (loan->ndim != 1) return DISTARRAY_E_UNSUPPORTED;
  return good(loan);
}

int32_t refuses_all(distarray_export *loan) {
  (void)loan;
  return DISTARRAY_E_UNSUPPORTED;
}

int32_t keeps(distarray_export *loan) {
  int32_t status = readable(loan);
  if (status == DISTARRAY_OK) each(loan, look);
  return status;
}

int32_t refuses_and_releases(distarray_export *loan) {
  int32_t status = readable(loan);
  if (status == DISTARRAY_OK && loan->ndim == 2) {
    distarray_export_release(loan);
    return DISTARRAY_E_UNSUPPORTED;
  }
  return status == DISTARRAY_OK ? good(loan) : status;
}

/* A copy is released, and the original, which was not told. */
int32_t releases_twice(distarray_export *loan) {
  distarray_export copy;
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  copy = *loan;
  each(&copy, look);
  distarray_export_release(&copy);
  distarray_export_release(loan);
  return DISTARRAY_OK;
}

/* Believes that every loan is of its own version. */
int32_t ignores_version(distarray_export *loan) {
  if (!distarray_export_is_live(loan)) return DISTARRAY_E_RELEASED;
  if ((loan->flags_read & ~(uint32_t)KNOWN_READ) != 0) return DISTARRAY_E_FLAG;
  each(loan, look);
  distarray_export_release(loan);
  return DISTARRAY_OK;
}

int32_t ignores_flags(distarray_export *loan) {
  int32_t status = distarray_export_readable(loan, ~0u);
  if (status != DISTARRAY_OK) return status;
  distarray_export_release(loan);
  return DISTARRAY_OK;
}

int32_t ignores_magic(distarray_export *loan) {
  if (loan->release == NULL || loan->abi_major != 1 || loan->struct_size < 256) return DISTARRAY_E_VERSION;
  if ((loan->flags_read & ~(uint32_t)KNOWN_READ) != 0) return DISTARRAY_E_FLAG;
  loan->release(loan);
  return DISTARRAY_OK;
}

int32_t writes_read_only(distarray_export *loan) {
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  each(loan, turn);
  loan->consumer_flags |= DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED;
  distarray_export_release(loan);
  return DISTARRAY_OK;
}

/* Believes that elements are packed in C order. */
int32_t ignores_strides(distarray_export *loan) {
  int64_t count = 1;
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  for (int32_t axis = 0; axis < loan->ndim; ++axis) count *= loan->shape[axis];
  if (distarray_export_writable(loan, DISTARRAY_W_REPLICATED)) {
    if (count > 0) memset(loan->data, 0, (size_t)(count * loan->itemsize));
    loan->consumer_flags |= DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED;
  }
  distarray_export_release(loan);
  return DISTARRAY_OK;
}

int32_t writes_in_silence(distarray_export *loan) {
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  if (distarray_export_writable(loan, DISTARRAY_W_REPLICATED)) each(loan, turn);
  distarray_export_release(loan);
  return DISTARRAY_OK;
}

int32_t looks_back(distarray_export *loan) {
  distarray_export mine;
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  distarray_export_move(&mine, loan);
  distarray_export_release(&mine);
  each(&mine, look);
  return DISTARRAY_OK;
}

int32_t changes_fields(distarray_export *loan) {
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  loan->epoch += 1;
  distarray_export_release(loan);
  return DISTARRAY_OK;
}

int32_t changes_shape(distarray_export *loan) {
  int32_t status = readable(loan);
  if (status != DISTARRAY_OK) return status;
  if (loan->ndim > 0) ((int64_t *)loan->shape)[0] = 0;
  distarray_export_release(loan);
  return DISTARRAY_OK;
}
