#include "life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

#define SLOTS 8

enum { LEND, CHECK, IMPORT, EXPORT, VIEW, MARK, WRITE, MOVE, RELEASE, FREE };

struct lender {
  uint64_t released, heard;
};

static void give_back(distarray_export *self) {
  struct lender *lender = self->private_data;
  self->release = NULL;
  ++lender->released;
  lender->heard |= self->consumer_flags;
}

static const char *or_dash(const char *text) { return text[0] == '\0' ? "-" : text; }

void print_status(int32_t status, const distarray_error *error) {
  if (status == DISTARRAY_OK) {
    printf("ok");
    return;
  }
  if (status != error->code) printf("a report of %d: ", (int)error->code);
  printf("no %d %" PRId64 " %" PRId64 " %" PRId64 " %s %s", (int)status, error->rank,
         error->other_rank, error->axis, or_dash(error->rule), or_dash(error->field));
}

/* Memory as the bytes say, pointers put in. */
static char **image(const int64_t **next, int64_t *n_segments) {
  void (*release)(distarray_export *) = give_back;
  int64_t i, n = *(*next)++;
  char **segments = calloc((size_t)n, sizeof *segments);
  if (segments == NULL) abort();
  *n_segments = n;
  for (i = 0; i < n; ++i) {
    int64_t byte, n_bytes = *(*next)++;
    segments[i] = malloc((size_t)n_bytes + 1);
    if (segments[i] == NULL) abort();
    for (byte = 0; byte < n_bytes; ++byte) segments[i][byte] = (char)(unsigned char)*(*next)++;
  }
  n = *(*next)++;
  for (i = 0; i < n; ++i, *next += 4) {
    const int64_t *pointer = *next;
    char *place = segments[pointer[0]] + pointer[1];
    char *target = pointer[2] < 0 ? NULL : segments[pointer[2]] + pointer[3];
    if (pointer[2] < 0) memcpy(place, &release, sizeof release);
    else memcpy(place, &target, sizeof target);
  }
  return segments;
}

static void ask_for(distarray_request *request, const int64_t *fields) {
  request->struct_size = (uint32_t)fields[0];
  request->max_abi_major = (uint32_t)fields[1];
  request->max_abi_minor = (uint32_t)fields[2];
  request->access = (uint32_t)fields[3];
  request->known_flags_read = (uint32_t)fields[4];
  request->known_flags_write = (uint32_t)fields[5];
  request->layouts = (uint32_t)fields[6];
  request->dist_types = (uint32_t)fields[7];
  request->copy = (uint32_t)fields[8];
  request->device_type = (int32_t)fields[9];
  request->min_alignment = (uint32_t)fields[10];
  request->reserved[8] = (uint64_t)fields[11];
}

void live(const int64_t *ask) {
  int64_t n_segments, steps, i;
  char **segments = image(&ask, &n_segments);
  distarray_export loans[SLOTS], before, husk = DISTARRAY_EXPORT_INIT;
  void *arrays[SLOTS] = {NULL};
  struct lender lender = {0, 0};
  for (i = 0; i < SLOTS; ++i) loans[i] = husk;
  for (steps = *ask++; steps > 0; --steps, ask += 4) {
    distarray_export *loan = &loans[ask[1]];
    void **array = &arrays[ask[0] == LEND ? 0 : ask[2]];
    distarray_request request = DISTARRAY_REQUEST_INIT, *wish = NULL;
    int64_t step = ask[0], other = ask[2], value = ask[3];
    int32_t status = DISTARRAY_OK;
    distarray_error error;
    uint64_t alive = 0;
    int touched;
    if (ask[4]) {
      ask_for(&request, ask + 5);
      wish = &request;
      ask += 12;
    }
    ++ask;
    before = *loan;
    memset(&error, 0, sizeof error);
    switch (step) {
      case LEND: /* other and value: flags_read | flags_write, flags_info */
        memcpy(loan, segments[0], sizeof *loan);
        loan->private_data = &lender;
        loan->flags_read |= (uint32_t)(other & 0xffff);
        loan->flags_write |= (uint32_t)(other >> 16);
        loan->flags_info |= (uint64_t)value;
        break;
      case CHECK: status = life_check(loan, &error); break;
      case IMPORT: status = life_import(loan, (uint32_t)value, array, &error); break;
      case EXPORT: status = life_export(*array, wish, loan, &error); break;
      case VIEW: status = life_view(*array, loan, &error); break;
      case MARK: status = life_mark(*array, (uint64_t)value, &error); break;
      case WRITE: loan->consumer_flags |= (uint64_t)value; break;
      case MOVE: life_move(&loans[other], loan); break;
      case RELEASE: life_release(loan); break;
      case FREE: life_free(*array); break;
      default: abort();
    }
    touched = status != DISTARRAY_OK && memcmp(&before, loan, sizeof before) != 0;
    for (i = 0; i < SLOTS; ++i) alive |= (uint64_t)(loans[i].release != NULL) << i;
    print_status(status, &error);
    printf(" | %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d\n",
           (int64_t)lender.released, (int64_t)lender.heard, (int64_t)alive, (int64_t)loan->epoch,
           (int64_t)loan->flags_info, touched);
  }
  for (i = 0; i < n_segments; ++i) free(segments[i]);
  free(segments);
}
