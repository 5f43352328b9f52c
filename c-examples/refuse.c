/* What is refused, and that a refused loan stays the lender's. One process, no MPI.
 *
 * Expected output:
 *   NULL loan: 1
 *   never initialised: 2
 *   another major version: 2
 *   unknown must-understand bit: 3
 *   released: 11
 *   moved away: 11
 *   wrong ndim: 4
 *   shape overflows: 7
 *   strides leave the allocation: 7
 *   dims contradict the shape: 6
 *   read-only: 12
 *   device memory: 9
 *   loans given back: 0
 *   then taken: 0, given back: 1
 */
#include <distarray.h>

#include <stdio.h>
#include <string.h>

static double u[3][4];
static int given_back;

static void give_back(distarray_export *self) {
  given_back++;
  self->release = NULL;
}

static int64_t shape[2], strides[2];
static distarray_dim dims[2];

static distarray_export lend(void) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  shape[0] = 3;
  shape[1] = 4;
  distarray_strides_c_order(2, shape, sizeof(double), strides);
  dims[0] = distarray_dim_whole(3);
  dims[1] = distarray_dim_cyclic(4, 1, 0, 2, 0);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = u;
  loan.alloc_base = u;
  loan.alloc_bytes = sizeof u;
  loan.ndim = 2;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.release = give_back;
  return loan;
}

static void refuse(const char *what, distarray_export *loan) {
  distarray_export before;
  distarray_array *array = NULL;
  distarray_error error;
  int32_t status;
  if (loan) before = *loan;
  status = distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error);
  if (array != NULL || error.code != status || error.message[0] == '\0' ||
      distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, &array, NULL) != status ||
      (loan && memcmp(loan, &before, sizeof before) != 0))
    printf("not as promised: ");
  printf("%s: %d\n", what, status);
}

int main(void) {
  distarray_export loan, target;
  distarray_array *array;

  refuse("NULL loan", NULL);
  loan = lend(), loan.magic = 0, refuse("never initialised", &loan);
  loan = lend(), loan.abi_major = 2, refuse("another major version", &loan);
  loan = lend(), loan.flags_read = 1u << 20, refuse("unknown must-understand bit", &loan);
  loan = lend(), loan.release = NULL, refuse("released", &loan);
  loan = lend(), distarray_export_move(&target, &loan), refuse("moved away", &loan);
  loan = lend(), loan.ndim = 0, loan.process_count = 2, refuse("wrong ndim", &loan);
  loan = lend(), shape[0] = INT64_MAX / 2, refuse("shape overflows", &loan);
  loan = lend(), strides[0] = 40, refuse("strides leave the allocation", &loan);
  loan = lend(), dims[0] = distarray_dim_whole(2), refuse("dims contradict the shape", &loan);
  loan = lend(), loan.flags_write = DISTARRAY_W_READ_ONLY, refuse("read-only", &loan);
  loan = lend(), loan.device_type = DISTARRAY_DEVICE_CUDA, refuse("device memory", &loan);
  printf("loans given back: %d\n", given_back);

  loan = lend();
  printf("then taken: %d, ", distarray_array_import(&loan, DISTARRAY_ACCESS_READ, &array, NULL));
  distarray_array_free(array);
  distarray_array_free(NULL);
  distarray_export_release(&loan);
  printf("given back: %d\n", given_back);
  return 0;
}
