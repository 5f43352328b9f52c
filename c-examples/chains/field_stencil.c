/* The station of field_hypre.c in plain C, which knows of the array what its loan says. */
#include <stdlib.h>

#include "field.h"

static double *element(const distarray_export *loan, int64_t k, int64_t j, int64_t i) {
  char *at = loan->data;
  at += k * loan->strides[0] + j * loan->strides[1] + i * loan->strides[2];
  return (double *)(void *)at;
}

void apply_laplacian(MPI_Comm comm, distarray_export *loan) {
  int64_t held[3], first[3], stop[3], i, j, k;
  distarray_error error;
  double *product, *next;
  REQUIRE(distarray_export_writable(loan, 0) && loan->ndim == 3);
  for (int axis = 0; axis < 3; axis++)
    MUST(distarray_dim_owned(&loan->dims[axis], &held[axis], &first[axis], &stop[axis], &error));
  product = next = malloc(sizeof *product * (size_t)(held[0] * held[1] * held[2]));
  REQUIRE(product != NULL);
  for (k = first[0]; k < stop[0]; k++)
    for (j = first[1]; j < stop[1]; j++)
      for (i = first[2]; i < stop[2]; i++)
        *next++ = *element(loan, k - 1, j, i) + *element(loan, k + 1, j, i) +
                  *element(loan, k, j - 1, i) + *element(loan, k, j + 1, i) +
                  *element(loan, k, j, i - 1) + *element(loan, k, j, i + 1) -
                  6 * *element(loan, k, j, i);
  next = product;
  for (k = first[0]; k < stop[0]; k++)
    for (j = first[1]; j < stop[1]; j++)
      for (i = first[2]; i < stop[2]; i++) *element(loan, k, j, i) = *next++;
  free(product);
  field_say(comm, "C        puts the Laplacian of u into u");
  loan->consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(loan);
}
