/* Four threads give back the loans of one lease; when none is out the lender sees what
 * all of them wrote, and their flags. For ThreadSanitizer. */
#include <distarray_adapter.h>
#include <pthread.h>

enum { THREADS = 4, LOANS = 2000 };

static distarray_lease lease = DISTARRAY_LEASE_INIT;
static double elements[THREADS];
static distarray_export loans[THREADS][LOANS];

static void insist(int right, const char *what) {
  if (right) return;
  fprintf(stderr, "%s\n", what);
  abort();
}

static void lend(distarray_export *loan, double *element) {
  distarray_adapter_keeper *keeper = NULL;
  insist(distarray_adapter_new_keeper(1, 0, 0, &lease, &keeper, NULL) == DISTARRAY_OK, "no memory");
  keeper->dims[0] = distarray_dim_whole(1);
  keeper->shape[0] = 1;
  keeper->strides[0] = sizeof *element;
  distarray_adapter_lend(keeper, 1, DISTARRAY_DTYPE_FLOAT, 64, element, 0, 1, loan);
}

/* Writes and gives back; every second loan is lent and given back here, too. */
static void *borrow(void *context) {
  const int64_t mine = (int64_t)(intptr_t)context;
  int i;
  for (i = 0; i < LOANS; i++) {
    distarray_export *loan = &loans[mine][i];
    if (i % 2 == 0) {
      distarray_export another;
      lend(&another, &elements[mine]);
      distarray_export_release(&another);
    }
    *(double *)loan->data += 1;
    if (i == LOANS / 2) loan->consumer_flags |= UINT64_C(1) << mine;
    distarray_export_release(loan);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  intptr_t mine;
  int i;
  for (mine = 0; mine < THREADS; mine++)
    for (i = 0; i < LOANS; i++) lend(&loans[mine][i], &elements[mine]);
  insist(distarray_lease_live(&lease) == THREADS * LOANS, "all are out");
  for (mine = 0; mine < THREADS; mine++)
    insist(pthread_create(&threads[mine], NULL, borrow, (void *)mine) == 0, "no thread");
  while (distarray_lease_live(&lease) > 0) continue; /* no join: the lease alone orders it */
  for (mine = 0; mine < THREADS; mine++) insist(elements[mine] == LOANS, "what was written is seen");
  insist(distarray_lease_flags(&lease) == (UINT64_C(1) << THREADS) - 1, "all flags are seen");
  for (mine = 0; mine < THREADS; mine++) pthread_join(threads[mine], NULL);
  return 0;
}
