/* Hand-overs that break a rule, one for each argument: what DISTARRAY_CHECK=1 says of
 * them. Prints the status and message of the call that takes the loan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <distarray.h>

static double elements[4] = {1, 2, 3, 4};
static const double constants[4] = {1, 2, 3, 4};
static unsigned char truths[4] = {0, 1, 2, 1};
static int64_t shape[1] = {4}, strides[1] = {8};
static distarray_dim dims[1];

static void give_back(distarray_export *loan) { loan->release = NULL; }
static void forget(distarray_export *loan) { (void)loan; }

static distarray_export lend(void) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  dims[0] = distarray_dim_whole(4);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = elements;
  loan.ndim = 1;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.release = give_back;
  return loan;
}

static distarray_array *take(distarray_export *loan) {
  distarray_array *array = NULL;
  distarray_error error;
  int32_t status = distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error);
  printf("%d %s\n", status, error.message);
  return array;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  distarray_export loan = lend(), own, copy;
  distarray_ext record = {1, sizeof record, 1, NULL};
  distarray_key_value nameless = {"name", NULL};
  distarray_array *array;

  if (!strcmp(what, "constant")) loan.data = (void *)constants;
  if (!strcmp(what, "nowhere")) loan.data = (void *)4096;
  if (!strcmp(what, "into itself")) {
    loan.uid[0] = 4;
    loan.shape = (const int64_t *)&loan.uid[0];
  }
  if (!strcmp(what, "critical extension")) loan.ext = &record;
  if (!strcmp(what, "name without value")) {
    loan.meta = &nameless;
    loan.n_meta = 1;
  }
  if (!strcmp(what, "truth of 2")) {
    distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_BOOL, 8);
    loan.data = truths;
    strides[0] = 1;
  }
  if (!strcmp(what, "release stays")) loan.release = forget;

  array = take(&loan);
  if (array == NULL) return 0;

  if (distarray_array_export(array, NULL, &own, NULL) != DISTARRAY_OK) return 1;
  copy = own;
  if (!strcmp(what, "field changed")) own.epoch = 99;
  own.release(&own);
  if (!strcmp(what, "copy released")) copy.release(&copy);
  if (!strcmp(what, "released again")) copy.release(&own);
  if (!strcmp(what, "shape changed")) dims[0].size = dims[0].stop = shape[0] = 3;
  distarray_array_free(array);
  if (!strcmp(what, "freed again")) distarray_array_free(array);
  return 0;
}
