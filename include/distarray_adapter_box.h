/* distarray_adapter_box.h - arrays cut into rows, or into boxes of a grid of up to three
 * axes, as libraries see them. Included by their adapters.
 */
#ifndef DISTARRAY_ADAPTER_BOX_H
#define DISTARRAY_ADAPTER_BOX_H

#include "distarray_adapter_mpi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Rows: cut along the first axis alone -------------------------------------- */

typedef struct distarray_adapter_rows {
  distarray_adapter_axis axis; /* the first                             */
  int64_t width, elements;     /* of a row, and of the whole array      */
  int64_t components;          /* extent of a last axis of them, else 1 */
} distarray_adapter_rows;

/* Refuses what is not cut into rows in the order of the ranks, or has more elements than
 * largest. Local. */
static inline int32_t distarray_adapter_check_rows(const distarray_export *loan, int64_t largest,
                                                   distarray_adapter_rows *rows,
                                                   distarray_error *error) {
  int32_t i;
  if (loan->ndim < 1) return distarray_adapter_check_ndim(loan, 1, error);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(loan, 0, &rows->axis, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_no_padding(rows->axis.padding, 0, error));
  rows->elements = rows->axis.size;
  rows->width = rows->components = 1;
  for (i = 1; i < loan->ndim; i++) {
    distarray_adapter_axis axis;
    DISTARRAY_ADAPTER_TRY(distarray_adapter_whole_axis(loan, i, &axis, error));
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(axis.size, largest, i, "size", error));
    rows->elements = distarray_adapter_product(rows->elements, axis.size);
    rows->width = distarray_adapter_product(rows->width, axis.size);
    if (i == loan->ndim - 1 && (loan->dims[i].flags & DISTARRAY_DIM_COMPONENT) && axis.size > 0)
      rows->components = axis.size;
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(rows->elements, largest, -1, "size", error));
  return distarray_adapter_check_order(loan, rows->axis.processes, rows->axis.place, error);
}

/* --- Boxes: x runs fastest in memory --------------------------------------------- */

/* A part of a grid. Axes that are not there are 1 long. */
typedef struct distarray_adapter_box {
  int                    dim;
  int64_t                dof;              /* components of a cell                  */
  int64_t                processes, place; /* with x fastest                        */
  distarray_adapter_axis axis[3];          /* x, y, z                               */
  int32_t                number[3];        /* each one's place among the loan's axes */
  uint32_t               flags[3];         /* DISTARRAY_DIM_*                       */
} distarray_adapter_box;

/* The elements of a box, padding included. */
static inline int64_t distarray_adapter_box_elements(const distarray_adapter_box *box) {
  int64_t elements = box->dof;
  int i;
  for (i = 0; i < box->dim; i++)
    elements *= box->axis[i].stop - box->axis[i].start + box->axis[i].padding[0] +
                box->axis[i].padding[1];
  return elements;
}

/* Reads one axis of a box; refuses padding that is counted in size. */
static inline int32_t distarray_adapter_box_axis(const distarray_export *loan, int32_t number,
                                                 distarray_adapter_axis *axis,
                                                 distarray_error *error) {
  const uint32_t flags = loan->dims[number].flags;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(loan, number, axis, error));
  if (flags & DISTARRAY_DIM_COMPONENT)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "flags", 0, flags,
                                    "one axis alone may count the components of a cell: "
                                    "DISTARRAY_COMPONENTS_NONE of distarray_accommodation_new "
                                    "takes the marks away");
  if (!(flags & DISTARRAY_DIM_EDGE_OUTSIDE) &&
      ((axis->place == 0 && axis->padding[0] > 0) ||
       (axis->place == axis->processes - 1 && axis->padding[1] > 0)))
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "padding", 0,
                                    axis->padding[axis->place != 0],
                                    "ghosts around a grid's edges are no elements of the array: do "
                                    "not count them in size, mark the axis "
                                    "DISTARRAY_DIM_EDGE_OUTSIDE");
  return DISTARRAY_OK;
}

/* The axis that counts the components of a cell; -1 where there is none. */
static inline int32_t distarray_adapter_component_axis(const distarray_export *loan) {
  int32_t i;
  for (i = loan->ndim - 1; i >= 0; i--)
    if (loan->dims[i].flags & DISTARRAY_DIM_COMPONENT) break;
  return i;
}

/* Refuses elements that are not packed: the components of a cell side by side, then x, y
 * and z, from the last axis on or, with column_major not 0, from the first. Local. */
static inline int32_t distarray_adapter_check_cells_packed(const distarray_export *loan,
                                                           int column_major,
                                                           distarray_error *error) {
  const int32_t components = distarray_adapter_component_axis(loan);
  int64_t shape[4], strides[4];
  int32_t numbers[4], i, n = 0;
  distarray_export cells = *loan;
  distarray_error report;
  int32_t status;
  if (components < 0 || loan->ndim > 4) return distarray_adapter_check_packed(loan, column_major, error);
  /* The same axes, that of the components at the end where the fastest is. */
  if (column_major) numbers[n++] = components;
  for (i = 0; i < loan->ndim; i++)
    if (i != components) numbers[n++] = i;
  if (!column_major) numbers[n++] = components;
  for (i = 0; i < n; i++) {
    shape[i] = loan->shape[numbers[i]];
    strides[i] = loan->strides[numbers[i]];
  }
  cells.shape = shape;
  cells.strides = strides;
  status = distarray_adapter_check_packed(&cells, column_major, &report);
  if (status == DISTARRAY_OK) return status;
  i = numbers[report.axis];
  return distarray_adapter_refuse(error, status, i, "strides", report.expected, report.found,
                                  "the library wants packed elements, the components of a cell "
                                  "side by side: distarray_accommodation_new copies them so");
}

/* Reads a loan's part, x from the last axis on or, with column_major not 0, from the
 * first, that of the components left out. Refuses what no grid of at most largest elements
 * could hold. Local. */
static inline int32_t distarray_adapter_box_of_loan(const distarray_export *loan, int column_major,
                                                    int64_t largest, distarray_adapter_box *box,
                                                    distarray_error *error) {
  const distarray_adapter_axis none = {1, 0, 1, 1, 0, {0, 0}};
  const int32_t step = column_major ? 1 : -1, components = distarray_adapter_component_axis(loan);
  int32_t number = column_major ? 0 : loan->ndim - 1, i;
  int64_t elements;
  memset(box, 0, sizeof *box);
  box->dim = loan->ndim;
  box->dof = box->processes = elements = 1;
  if (components >= 0) {
    distarray_adapter_axis axis;
    DISTARRAY_ADAPTER_TRY(distarray_adapter_whole_axis(loan, components, &axis, error));
    box->dim--;
    box->dof = elements = axis.size;
  }
  if (box->dim < 1 || box->dim > 3 || box->dof < 1)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "ndim", 3, box->dim,
                                    "a grid has one to three axes, and one more of the components "
                                    "of a cell, marked DISTARRAY_DIM_COMPONENT");
  for (i = 0; i < 3; i++, number += step) {
    box->axis[i] = none;
    if (i >= box->dim) continue;
    if (number == components) number += step;
    DISTARRAY_ADAPTER_TRY(distarray_adapter_box_axis(loan, number, &box->axis[i], error));
    box->number[i] = number;
    box->flags[i] = loan->dims[number].flags;
    elements = distarray_adapter_product(elements, box->axis[i].size);
    box->place += box->axis[i].place * box->processes;
    box->processes *= box->axis[i].processes;
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(elements, largest, -1, "size", error));
  return distarray_adapter_check_cells_packed(loan, column_major, error);
}

/* Whether the elements are packed in this order; those of a single line are in both. */
static inline int distarray_adapter_is_packed(const distarray_export *loan, int column_major) {
  distarray_error report;
  return distarray_adapter_check_cells_packed(loan, column_major, &report) == DISTARRAY_OK;
}

/* --- Grids: from where the parts of all ranks begin ------------------------------- */

static inline int distarray_adapter_compare(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Sorts numbers and leaves each once; how many there are then. */
static inline int64_t distarray_adapter_unique(int64_t *numbers, int64_t count) {
  int64_t i, n = 0;
  qsort(numbers, (size_t)count, sizeof *numbers, distarray_adapter_compare);
  for (i = 0; i < count; i++)
    if (n == 0 || numbers[i] != numbers[n - 1]) numbers[n++] = numbers[i];
  return n;
}

/* The place of one of such numbers. */
static inline int64_t distarray_adapter_place(const int64_t *numbers, int64_t n, int64_t number) {
  const void *found =
      bsearch(&number, numbers, (size_t)n, sizeof *numbers, distarray_adapter_compare);
  return (const int64_t *)found - numbers;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_ADAPTER_BOX_H */
