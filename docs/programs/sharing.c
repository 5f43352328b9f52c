/* Who owns the memory of a loan, when it goes back, and how the lender hears that it
 * was written. One process, no MPI.
 *
 * Prints:
 *   in place: yes
 *   lent out, the array is freed: 1 borrower left
 *   returned, and written: the norm is computed anew
 *   freed
 */
#include <stdio.h>
#include <stdlib.h>

#include <distarray.h>

/* ANCHOR: lender */
typedef struct {
  double *cells;
  int64_t shape[1], strides[1]; /* the loan points at these: they live as long */
  distarray_dim dims[1];
  int borrowers;
  int norm_is_current;
} field;

static void returned(distarray_export *loan) {
  field *f = loan->private_data;
  if (loan->consumer_flags & DISTARRAY_C_MODIFIED) f->norm_is_current = 0;
  f->borrowers--;
  loan->release = NULL; /* it has been given back: never twice */
}

static distarray_export lend(field *f) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  f->borrowers++;
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = f->cells;
  loan.ndim = 1;
  loan.shape = f->shape;
  loan.strides = f->strides;
  loan.dims = f->dims;
  loan.private_data = f;
  loan.release = returned;
  return loan;
}
/* ANCHOR_END: lender */

static void must(int32_t status, const distarray_error *error) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error->message);
  exit(1);
}

/* ANCHOR: solver */
/* Another code, which knows of the array only what the loan says. */
static distarray_export solver(distarray_export loan) {
  distarray_array *array;
  distarray_export view, onward;
  distarray_request writing = DISTARRAY_REQUEST_INIT;
  distarray_error error;

  must(distarray_array_import(&loan, DISTARRAY_ACCESS_READ_WRITE, &array, &error), &error);
  must(distarray_array_view(array, &view, &error), &error); /* where it lies, and how */
  ((double *)view.data)[0] = 1;
  must(distarray_array_mark_modified(array, DISTARRAY_C_MODIFIED, &error), &error);

  /* It can be lent on, and the array freed: the memory stays lent until the last. */
  writing.access = DISTARRAY_ACCESS_READ_WRITE;
  must(distarray_array_export(array, &writing, &onward, &error), &error);
  distarray_array_free(array);
  return onward;
}
/* ANCHOR_END: solver */

int main(void) {
  double cells[8] = {0};
  field f = {cells, {8}, {sizeof(double)}, {distarray_dim_whole(8)}, 0, 1};
  distarray_export onward = solver(lend(&f));
  printf("in place: %s\n", onward.data == cells && cells[0] == 1 ? "yes" : "no");
  printf("lent out, the array is freed: %d borrower left\n", f.borrowers);
  distarray_export_release(&onward);
  distarray_export_release(&onward); /* harmless */
  printf("returned, %s\n", f.norm_is_current ? "not written" : "and written: the norm is computed anew");
  if (f.borrowers == 0) printf("freed\n");
  return f.borrowers;
}
