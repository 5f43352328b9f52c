/* Lends a block of doubles, takes the loan with libdistarray, and lends it on.
 * One process, no MPI.
 *
 * Expected output:
 *   the same memory: yes
 *   axis 0 holds 2 to 6, owns 3 to 6
 *   loans out after the array is freed: 1
 *   given back: 1 time, written: yes
 *   u[1][0] = 42
 */
#include <distarray.h>

#include <stdio.h>
#include <stdlib.h>

/* What the lender learns from its borrowers. */
typedef struct {
  int given_back;
  uint64_t consumer_flags;
} lease;

static void give_back(distarray_export *self) {
  lease *mine = (lease *)self->private_data;
  mine->given_back++;
  mine->consumer_flags |= self->consumer_flags;
  self->release = NULL;
}

static void try_(int32_t status, const distarray_error *error) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error->message);
  exit(1);
}

int main(void) {
  /* Rows 2 to 6 of a global 6 x 5 array; row 2 is a copy of the neighbour's. */
  double u[4][5] = {{0}};
  int64_t shape[2] = {4, 5}, strides[2];
  distarray_dim dims[2];
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_request writing = DISTARRAY_REQUEST_INIT;
  distarray_export view, onward;
  distarray_array *array;
  distarray_error error;
  lease mine = {0, 0};

  dims[0] = distarray_dim_block(6, 2, 1, 2, 6);
  dims[0].padding[0] = 1;
  dims[1] = distarray_dim_whole(5);
  distarray_strides_c_order(2, shape, sizeof(double), strides);
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = u;
  loan.alloc_base = u;
  loan.alloc_bytes = sizeof u;
  loan.ndim = 2;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.process_rank = 1;
  loan.process_count = 2;
  loan.private_data = &mine;
  loan.release = give_back;

  try_(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error), &error);
  try_(distarray_array_view(array, &view, &error), &error);
  printf("the same memory: %s\n", view.data == (void *)u ? "yes" : "no");
  printf("axis 0 holds %lld to %lld, owns %lld to %lld\n", (long long)view.dims[0].start,
         (long long)view.dims[0].stop, (long long)(view.dims[0].start + view.dims[0].padding[0]),
         (long long)view.dims[0].stop);

  writing.access = DISTARRAY_ACCESS_READ_WRITE;
  try_(distarray_array_export(array, &writing, &onward, &error), &error);
  distarray_array_free(array);
  printf("loans out after the array is freed: %d\n", 1 - mine.given_back);

  ((double *)onward.data)[5] = 42;
  onward.consumer_flags = DISTARRAY_C_MODIFIED;
  distarray_export_release(&onward);
  distarray_export_release(&onward); /* harmless */
  printf("given back: %d time, written: %s\n", mine.given_back,
         mine.consumer_flags & DISTARRAY_C_MODIFIED ? "yes" : "no");
  printf("u[1][0] = %g\n", u[1][0]);
  return 0;
}
