/* driver.h - what a binding answers, in its own language, with its own types.
 *
 * The driver reads questions from a file, calls one of these functions on each rank,
 * and prints what it said. Numbers come in and go out; what they mean stands at each
 * function. A function returns the status that its binding reported, and the report. */
#ifndef DRIVER_H
#define DRIVER_H

#include "distarray.h"

typedef struct question {
  const distarray_comm *comm;
  const distarray_comm *sides[2]; /* move: the ranks of source and target, or NULL */
  const int64_t *ask;             /* the numbers of this rank */
  const char *text;               /* a path or a description */
  int64_t *said;                  /* the answer, with room for MAX_SAID */
  int64_t n_said;
  distarray_error error;
} question;

#define MAX_SAID 500000

/* Spellings
 *   axis    extent dist_type flags size proc_grid_size proc_grid_rank start stop
 *           padding[2] block_size first_block n_owned n_indices indices[n_indices]
 *   part    process_rank process_count flags_read flags_write n_grid grid_ranks[n_grid]
 *           uid[2] ndim axis[ndim]
 *   dealing ndim grid_order n_grid grid[n_grid], for each axis: dist_type flags size
 *           proc_grid_size block_size first_process halo[2] n_bounds bounds[n_bounds]
 *   layout  0 part, or 1 dealing
 *   array   code bits itemsize ndim axis[ndim]                                       */

/* level axis n_local local[] n_global global[] -> held start stop global[n_local]
 * local[n_global] n_runs (start len stride count)[] */
int32_t answer_dim(question *q);
/* level part -> nothing: a description of bytes is checked */
int32_t answer_check(question *q);
/* has_owners code bits part -> for each axis and each index from -1 to size: coordinate
 * local; then, where has_owners, the rank of each element */
int32_t answer_agree(question *q);
/* n_edges edges[n_edges] layout -> the elements after an update: each the row-major number
 * of its owner, -7 where nothing was written, -9 where a constant is asked for */
int32_t answer_halo(question *q);
/* code bits reshape ndim, has_source layout, has_target layout -> messages
 * bytes_sent bytes_copied, the elements owned of the target */
int32_t answer_move(question *q);
/* text: a path -> array, the bytes of the elements; written again beside it */
int32_t answer_file(question *q);
/* text: a description -> array, after it was written as text and read once more */
int32_t answer_text(question *q);

/* The life of loans, step by step. */
int32_t life_check(const distarray_export *loan, distarray_error *error);
int32_t life_import(distarray_export *loan, uint32_t access, void **array, distarray_error *error);
int32_t life_export(void *array, const distarray_request *request, distarray_export *loan,
                    distarray_error *error);
int32_t life_view(void *array, distarray_export *view, distarray_error *error);
int32_t life_mark(void *array, uint64_t flags, distarray_error *error);
void life_move(distarray_export *target, distarray_export *source);
void life_release(distarray_export *loan);
void life_free(void *array);

#endif
