/* parts.h - questions read, and elements written and said, by the C interface. */
#ifndef PARTS_H
#define PARTS_H

#include "driver.h"

#define MAX_NDIM 64

typedef struct part {
  distarray_dim dims[MAX_NDIM];
  int64_t shape[MAX_NDIM], strides[MAX_NDIM];
  distarray_export loan;
} part;

/* A distribution and an array of it. */
typedef struct layout {
  distarray_distribution *distribution;
  distarray_array *array;
} layout;

/* A walk through the elements of an array. */
typedef struct elements {
  distarray_export view;
  int64_t start[MAX_NDIM], stop[MAX_NDIM]; /* the local positions owned */
  int64_t at[MAX_NDIM];
  int64_t flat, total;
} elements;

void say(question *q, int64_t number);
/* code bits itemsize ndim axis[ndim] */
void say_array(question *q, const distarray_export *view);
/* The elements, or those owned. */
int32_t say_elements(question *q, const distarray_array *array, int owned_only);

distarray_dim read_axis(question *q, int64_t *extent);
/* A description, without memory; and memory for it, lent and taken. */
void read_part(question *q, uint8_t code, uint8_t bits, part *p);
int32_t take_part(question *q, part *p, distarray_array **array);
int32_t read_layout(question *q, const distarray_comm *comm, uint8_t code, uint8_t bits,
                    layout *made);
void free_layout(layout *made);

int32_t elements_of(question *q, const distarray_array *array, elements *e);
/* The next element, last axis fastest; NULL after the last. */
void *next_element(elements *e, int *is_owned);
/* Owned elements get their row-major numbers in the whole array, others -7. */
int32_t fill(question *q, const distarray_array *array);

#endif
