/* The library itself as a consumer: it imports the loan, and gives it back. */
#include <distarray.h>

#include "distarray_conformance.h"

int32_t imports(distarray_export *loan) {
  distarray_array *array;
  int32_t status = distarray_array_import(loan, DISTARRAY_ACCESS_READ, &array, NULL);
  if (status == DISTARRAY_OK) distarray_array_free(array);
  return status;
}
