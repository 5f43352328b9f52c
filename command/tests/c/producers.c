/* Producers that keep the rules of distarray_conformance.h, and some that each break
 * one: what the command's tests expect it to find. */
#include <stdlib.h>
#include <string.h>

#include "distarray_conformance.h"

enum { ROWS = 3, COLUMNS = 4 };

/* One loan's own memory: description and elements. */
typedef struct {
  int64_t shape[2], strides[2];
  distarray_dim dims[2];
  double elements[ROWS][COLUMNS];
} part;

static void give_back(distarray_export *loan) {
  free(loan->private_data);
  loan->release = NULL;
}

/* Rows of a matrix, three for each rank. */
static part *fill(int32_t rank, int32_t count, distarray_export *loan) {
  part *mine = malloc(sizeof *mine);
  *loan = (distarray_export)DISTARRAY_EXPORT_INIT;
  mine->shape[0] = ROWS;
  mine->shape[1] = COLUMNS;
  distarray_strides_c_order(2, mine->shape, sizeof(double), mine->strides);
  mine->dims[0] = distarray_dim_block(ROWS * (int64_t)count, count, rank, ROWS * (int64_t)rank,
                                      ROWS * (int64_t)rank + ROWS);
  mine->dims[1] = distarray_dim_whole(COLUMNS);
  for (int i = 0; i < ROWS; ++i)
    for (int j = 0; j < COLUMNS; ++j) mine->elements[i][j] = 100 * rank + 10 * i + j;
  distarray_export_set_dtype(loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan->data = mine->elements;
  loan->ndim = 2;
  loan->shape = mine->shape;
  loan->strides = mine->strides;
  loan->dims = mine->dims;
  loan->process_rank = rank;
  loan->process_count = count;
  loan->private_data = mine;
  loan->release = give_back;
  return mine;
}

int32_t good(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  return DISTARRAY_OK;
}

/* One loan of a rank at a time. */
static int out[64];

static void give_back_alone(distarray_export *loan) {
  out[loan->process_rank] = 0;
  give_back(loan);
}

int32_t good_alone(int32_t rank, int32_t count, distarray_export *loan) {
  if (out[rank]) {
    loan->release = NULL;
    return DISTARRAY_E_BUSY;
  }
  out[rank] = 1;
  fill(rank, count, loan);
  loan->release = give_back_alone;
  return DISTARRAY_OK;
}

/* Memory that stays its owner's, lent for reading. */
int32_t good_read_only(int32_t rank, int32_t count, distarray_export *loan) {
  static const double constant[ROWS][COLUMNS] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};
  fill(rank, count, loan);
  loan->data = (void *)constant;
  loan->flags_write = DISTARRAY_W_READ_ONLY;
  return DISTARRAY_OK;
}

int32_t refuses(int32_t rank, int32_t count, distarray_export *loan) {
  (void)rank, (void)count;
  loan->release = NULL;
  return DISTARRAY_E_UNSUPPORTED;
}

int32_t live_on_error(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  return rank == 2 ? DISTARRAY_E_IO : DISTARRAY_OK;
}

/* Fills in what it thinks of, and leaves the rest as it was. */
int32_t half_filled(int32_t rank, int32_t count, distarray_export *loan) {
  distarray_export whole;
  fill(rank, count, &whole);
  whole.device_id = loan->device_id;
  whole.epoch = loan->epoch;
  *loan = whole;
  return DISTARRAY_OK;
}

int32_t wrong_shape(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan)->dims[0].stop += rank == 1;
  return DISTARRAY_OK;
}

int32_t unknown_flag(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  loan->flags_read = 1u << 31;
  return DISTARRAY_OK;
}

/* Each rank's part is right, but rank 1 begins where rank 0 has not ended. */
int32_t gap(int32_t rank, int32_t count, distarray_export *loan) {
  part *mine = fill(rank, count, loan);
  int64_t one_more = rank > 0;
  mine->dims[0].size += 1;
  mine->dims[0].start += one_more;
  mine->dims[0].stop += one_more;
  if (count == 1) mine->dims[0].size -= 1;
  return DISTARRAY_OK;
}

int32_t own_name_for_each(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  loan->uid[0] = 1 + (uint64_t)rank;
  return DISTARRAY_OK;
}

/* The shape stands in the reserve of the struct itself. */
int32_t points_into_itself(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  loan->epoch = (uint64_t)COLUMNS;
  loan->uid[1] = (uint64_t)ROWS;
  loan->meta = NULL;
  loan->shape = (const int64_t *)&loan->uid[1];
  return DISTARRAY_OK;
}

static void forget(distarray_export *loan) { free(loan->private_data); }

int32_t release_stays(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  loan->release = forget;
  return DISTARRAY_OK;
}

/* Releases only what is where it was lent. */
static distarray_export *places[64];

static void give_back_in_place(distarray_export *loan) {
  if (loan != places[loan->process_rank]) abort();
  give_back(loan);
}

int32_t release_in_place(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  places[rank] = loan;
  loan->release = give_back_in_place;
  return DISTARRAY_OK;
}

/* Counts its loans in a variable of the thread. */
static _Thread_local int live;

static void give_back_counted(distarray_export *loan) {
  if (live-- == 0) abort();
  give_back(loan);
}

int32_t release_on_its_thread(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  ++live;
  loan->release = give_back_counted;
  return DISTARRAY_OK;
}

int32_t lends_once(int32_t rank, int32_t count, distarray_export *loan) {
  if (out[rank]) {
    loan->release = NULL;
    return DISTARRAY_E_UNACCEPTABLE;
  }
  out[rank] = 1;
  fill(rank, count, loan);
  return DISTARRAY_OK;
}

/* All loans share one description and one buffer, overwritten by the next loan. */
int32_t one_buffer(int32_t rank, int32_t count, distarray_export *loan) {
  static part shared;
  part *mine = fill(rank, count, loan);
  memcpy(&shared, mine, sizeof shared);
  loan->data = shared.elements;
  loan->shape = shared.shape;
  loan->strides = shared.strides;
  loan->dims = shared.dims;
  return DISTARRAY_OK;
}

/* The first release of any loan ends the elements of all. */
static void wipe(distarray_export *loan) {
  part *mine = loan->private_data;
  memset(mine->elements, 0, sizeof mine->elements);
  loan->release = NULL;
}

int32_t release_ends_all(int32_t rank, int32_t count, distarray_export *loan) {
  static part *kept[64];
  if (kept[rank] == NULL) {
    kept[rank] = fill(rank, count, loan);
    kept[rank]->elements[0][0] = 1;
  } else {
    free(fill(rank, count, loan));
    loan->data = kept[rank]->elements;
    loan->shape = kept[rank]->shape;
    loan->strides = kept[rank]->strides;
    loan->dims = kept[rank]->dims;
    loan->private_data = kept[rank];
  }
  loan->release = wipe;
  return DISTARRAY_OK;
}

int32_t constant_lent_to_write(int32_t rank, int32_t count, distarray_export *loan) {
  good_read_only(rank, count, loan);
  loan->flags_write = 0;
  return DISTARRAY_OK;
}

int32_t crashes(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  if (rank == 3) *(volatile int *)8 = 1;
  return DISTARRAY_OK;
}

int32_t hangs(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  while (rank == 1) {
  }
  return DISTARRAY_OK;
}

int32_t exits(int32_t rank, int32_t count, distarray_export *loan) {
  fill(rank, count, loan);
  if (rank == 1) exit(0);
  return DISTARRAY_OK;
}
