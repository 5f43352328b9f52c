/* distarray_fortran.c - the C half of distarray.F90.
 *
 * Compile it with the C compiler that goes with your Fortran compiler, for it needs that
 * one's ISO_Fortran_binding.h, and link it with the Fortran objects. Through Fortran's
 * descriptors one function lends arrays of any type and rank, and one points pointers of
 * any type and rank into loans, whatever the strides.
 */
#include <ISO_Fortran_binding.h>

#include "distarray_adapter.h"

/* DISTARRAY_BOUNDS_* of distarray.F90. */
enum { BOUNDS_ONE, BOUNDS_HALO, BOUNDS_GLOBAL };

typedef struct element_type {
  CFI_type_t  type;
  uint8_t     code, bits;
  const char *name;
} element_type;

/* The types that Fortran and the loan have both. */
static const element_type element_types[] = {
    {CFI_type_int8_t, DISTARRAY_DTYPE_INT, 8, "integer(int8)"},
    {CFI_type_int16_t, DISTARRAY_DTYPE_INT, 16, "integer(int16)"},
    {CFI_type_int32_t, DISTARRAY_DTYPE_INT, 32, "integer(int32)"},
    {CFI_type_int64_t, DISTARRAY_DTYPE_INT, 64, "integer(int64)"},
    {CFI_type_float, DISTARRAY_DTYPE_FLOAT, 32, "real(real32)"},
    {CFI_type_double, DISTARRAY_DTYPE_FLOAT, 64, "real(real64)"},
    {CFI_type_float_Complex, DISTARRAY_DTYPE_COMPLEX, 64, "complex(real32)"},
    {CFI_type_double_Complex, DISTARRAY_DTYPE_COMPLEX, 128, "complex(real64)"},
    {CFI_type_Bool, DISTARRAY_DTYPE_BOOL, 8, "logical(c_bool)"},
};
enum { N_TYPES = sizeof element_types / sizeof element_types[0] };

static const element_type *type_of_descriptor(const CFI_cdesc_t *u) {
  int i;
  for (i = 0; i < N_TYPES; i++)
    if (element_types[i].type == u->type) return &element_types[i];
  return NULL;
}

static const char *type_of_loan(const distarray_export *loan) {
  int i;
  for (i = 0; i < N_TYPES; i++)
    if (element_types[i].code == loan->dtype_code && element_types[i].bits == loan->dtype_bits)
      return element_types[i].name;
  return "a type that Fortran does not have";
}

/* A report in which types have their names. */
static int32_t refuse_type(const char *expected, const char *found, distarray_error *error) {
  distarray_adapter_refuse(error, DISTARRAY_E_DTYPE, -1, "dtype_code", 0, 0, "");
  if (error != NULL) {
    error->has_values = 0;
    snprintf(error->message, sizeof error->message, "dtype_code: expected %s, found %s", expected,
             found);
  }
  return DISTARRAY_E_DTYPE;
}

int32_t distarray_fortran_lend(const CFI_cdesc_t *u, const CFI_cdesc_t *dims, int process_rank,
                               int process_count, distarray_export *loan, distarray_lease *lease,
                               distarray_error *error) {
  const element_type       *type = type_of_descriptor(u);
  distarray_adapter_keeper *keeper;
  int32_t                   axis;
  if (u->base_addr == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_NULL, -1, "u", 1, 0,
                                    "the array is not allocated, or the pointer not associated");
  if (type == NULL)
    return refuse_type("integers of 8 to 64 bits, real or complex numbers of 32 or 64 bits a part, "
                       "or logical(c_bool)",
                       "another type: lend a component of it, or convert it", error);
  if (u->rank > 0 && u->dim[u->rank - 1].extent < 0)
    return distarray_adapter_refuse(error, DISTARRAY_E_SHAPE, u->rank - 1, "shape", 0,
                                    u->dim[u->rank - 1].extent,
                                    "an assumed-size array has no last extent: lend a section "
                                    "that has, such as u(:, 1:n)");
  if (dims->dim[0].extent != u->rank)
    return distarray_adapter_refuse(error, DISTARRAY_E_SHAPE, -1, "dims", u->rank,
                                    dims->dim[0].extent, "one record for each axis of the array");
  DISTARRAY_ADAPTER_TRY(distarray_adapter_new_keeper(u->rank, 0, 0, lease, &keeper, error));
  for (axis = 0; axis < u->rank; axis++) {
    memcpy(&keeper->dims[axis], (const char *)dims->base_addr + axis * dims->dim[0].sm,
           sizeof keeper->dims[axis]);
    keeper->shape[axis] = u->dim[axis].extent;
    keeper->strides[axis] = u->dim[axis].sm;
  }
  distarray_adapter_lend(keeper, u->rank, type->code, type->bits, u->base_addr, process_rank,
                         process_count, loan);
  if (u->rank == 0) { /* one element has no axes to describe */
    loan->shape = loan->strides = NULL;
    loan->dims = NULL;
  }
  return distarray_adapter_ok(error);
}

/* Refuses a loan into which no pointer of this type and rank can point. */
static int32_t check(const distarray_export *loan, const CFI_cdesc_t *u, int32_t access,
                     distarray_error *error) {
  /* Of the must-understand bits those that leave the elements as they are. */
  const uint32_t known_read = DISTARRAY_R_GHOSTS | DISTARRAY_R_GRID_MAP |
                              DISTARRAY_R_GRID_COLMAJOR | DISTARRAY_R_CALL_SCOPED;
  const element_type *type = type_of_descriptor(u);
  int32_t             axis;
  if (type == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "u", 0, u->type,
                                    "the Fortran compiler describes this pointer in its own way");
  if (access < (int32_t)DISTARRAY_ACCESS_READ || access > (int32_t)DISTARRAY_ACCESS_EXCLUSIVE)
    return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, -1, "access",
                                    DISTARRAY_ACCESS_READ_WRITE, access,
                                    "a pointer is for reading, or for reading and writing");
  if (distarray_export_readable(loan, known_read) == DISTARRAY_OK && loan->dtype_lanes == 1 &&
      (loan->dtype_code != type->code || loan->dtype_bits != type->bits))
    return refuse_type(type->name, type_of_loan(loan), error);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(loan, known_read, access != DISTARRAY_ACCESS_READ,
                                               type->code, type->bits, error));
  if (loan->ndim != u->rank)
    return distarray_adapter_refuse(error, DISTARRAY_E_SHAPE, -1, "ndim", u->rank, loan->ndim,
                                    "the pointer has another rank than the array");
  if (u->rank > 0 && (loan->shape == NULL || loan->strides == NULL || loan->dims == NULL))
    return distarray_adapter_refuse(error, DISTARRAY_E_NULL, -1, "shape", 1, 0,
                                    "the loan does not describe its axes");
  for (axis = 0; axis < u->rank; axis++) {
    if (loan->shape[axis] < 0)
      return distarray_adapter_refuse(error, DISTARRAY_E_SHAPE, axis, "shape", 0,
                                      loan->shape[axis], "an extent is negative");
    if (loan->shape[axis] > 1 && loan->strides[axis] % (int64_t)u->elem_len != 0)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "strides",
                                      (int64_t)u->elem_len, loan->strides[axis],
                                      "a Fortran pointer takes steps of whole elements: "
                                      "distarray_accommodation_new makes a copy that has them");
  }
  return DISTARRAY_OK;
}

/* The first subscript of an axis; subscripts count from 1, indices from 0. */
static int32_t find_lower(const distarray_export *loan, int32_t axis, int32_t bounds,
                          CFI_index_t *lower, distarray_error *error) {
  const distarray_dim *dim = &loan->dims[axis];
  *lower = 1;
  if (bounds == BOUNDS_ONE || dim->dist_type == DISTARRAY_DIST_UNDISTRIBUTED) return DISTARRAY_OK;
  if (dim->dist_type == DISTARRAY_DIST_BLOCK) {
    *lower += bounds == BOUNDS_GLOBAL ? dim->start : -dim->padding[0];
    return DISTARRAY_OK;
  }
  if (bounds == BOUNDS_HALO) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "dist_type",
                                  DISTARRAY_DIST_BLOCK, dim->dist_type,
                                  "the global indices of an axis that is dealt out or listed do "
                                  "not follow one another: ask for DISTARRAY_BOUNDS_ONE");
}

/* u is disassociated where this fails. */
static int32_t associate(const distarray_export *loan, CFI_cdesc_t *u, int32_t access,
                         const int32_t *asked, distarray_error *error) {
  static char   nothing; /* a pointer to no elements has an address all the same */
  const int32_t bounds = asked != NULL ? *asked : BOUNDS_ONE;
  CFI_CDESC_T(CFI_MAX_RANK) descriptor;
  CFI_cdesc_t *memory = (CFI_cdesc_t *)&descriptor;
  CFI_index_t  extents[CFI_MAX_RANK], lower[CFI_MAX_RANK], packed = (CFI_index_t)u->elem_len;
  void        *data;
  int32_t      axis;
  u->base_addr = NULL;
  if (bounds < BOUNDS_ONE || bounds > BOUNDS_GLOBAL)
    return distarray_adapter_refuse(error, DISTARRAY_E_RANGE, -1, "bounds", BOUNDS_ONE, bounds,
                                    "not one of DISTARRAY_BOUNDS_*");
  DISTARRAY_ADAPTER_TRY(check(loan, u, access, error));
  data = loan->data;
  for (axis = 0; axis < u->rank; axis++) {
    DISTARRAY_ADAPTER_TRY(find_lower(loan, axis, bounds, &lower[axis], error));
    extents[axis] = loan->shape[axis];
    if (extents[axis] == 0) data = &nothing;
  }
  if (data == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_NULL, -1, "data", 1, 0,
                                    "the loan has elements, but no memory");
  CFI_establish(memory, data, CFI_attribute_other, u->type, u->elem_len, u->rank, extents);
  for (axis = 0; axis < u->rank; axis++) {
    memory->dim[axis].sm = extents[axis] > 1 ? loan->strides[axis] : packed;
    packed *= extents[axis];
  }
  return CFI_setpointer(u, memory, lower) == CFI_SUCCESS
             ? distarray_adapter_ok(error)
             : distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "u", 0, 1,
                                        "the Fortran compiler's library cannot set this pointer");
}

/* Fortran wants a name for each type; here the type is found in the descriptor. */
#define ASSOCIATE(name)                                                                    \
  int32_t distarray_fortran_associate_##name(const distarray_export *loan, CFI_cdesc_t *u, \
                                             int32_t access, const int32_t *bounds,        \
                                             distarray_error *error) {                     \
    return associate(loan, u, access, bounds, error);                                      \
  }
ASSOCIATE(int8)
ASSOCIATE(int16)
ASSOCIATE(int32)
ASSOCIATE(int64)
ASSOCIATE(real32)
ASSOCIATE(real64)
ASSOCIATE(complex32)
ASSOCIATE(complex64)
ASSOCIATE(bool)

void distarray_fortran_release(distarray_export *loan) { distarray_export_release(loan); }

int64_t distarray_fortran_lease_live(const distarray_lease *lease) {
  return distarray_lease_live(lease);
}
