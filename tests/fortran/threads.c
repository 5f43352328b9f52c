/* Gives loans back from four threads, each of which has written an element before. */
#include <pthread.h>
#include <stdint.h>

#include "distarray_abi.h"

enum { THREADS = 4 };

int32_t threads_start(distarray_export *loans, int32_t n);
void    threads_join(void);

static pthread_t         threads[THREADS];
static distarray_export *given;
static int32_t           count;

static void *give_back(void *first) {
  int32_t i;
  for (i = (int32_t)(intptr_t)first; i < count; i += THREADS) {
    ((double *)given[i].data)[i] += 1;
    given[i].consumer_flags = (uint64_t)1 << i % 3;
    distarray_export_release(&given[i]);
  }
  return NULL;
}

int32_t threads_start(distarray_export *loans, int32_t n) {
  int32_t i, failed = 0;
  given = loans;
  count = n;
  for (i = 0; i < THREADS; i++)
    failed |= pthread_create(&threads[i], NULL, give_back, (void *)(intptr_t)i);
  return failed;
}

void threads_join(void) {
  int32_t i;
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}
