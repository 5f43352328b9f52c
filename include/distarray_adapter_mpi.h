/* distarray_adapter_mpi.h - how the adapters to MPI libraries begin: with the table of
 * their communicator, and with what all ranks must say before a library is called that
 * would fail on one of them alone. Included by them.
 */
#ifndef DISTARRAY_ADAPTER_MPI_H
#define DISTARRAY_ADAPTER_MPI_H

#include "distarray_adapter.h"
#include "distarray_mpi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the table of a communicator. */
static inline int32_t distarray_adapter_table(MPI_Comm mpi, distarray_comm *comm,
                                              distarray_error *error) {
  const int32_t made = distarray_comm_from_mpi(mpi, comm);
  if (made == 0) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_COMM, -1, "comm", 0, made,
                                  "the communicator cannot be used");
}

/* What an adapter asks of a loan, which keeps every rule that a rank can check. Local. */
typedef struct distarray_adapter_terms {
  /* Refuses what the adapter cannot take of this rank's part as read in an order of
   * storage: 0 is the one it prefers, 1 the other. Sets facts, of which the sums over all
   * ranks are wanted. */
  int32_t (*accept)(void *context, const distarray_export *loan, int order, uint64_t facts[4],
                    distarray_error *report);
  /* Whether the elements lie in an order; NULL where the adapter knows one alone. */
  int (*lies)(const distarray_export *loan, int order);
  void *context;
  /* Filled in by distarray_adapter_take. */
  int      order; /* that all ranks' elements have; 0 where they have both, or none in common */
  uint64_t facts[4];
} distarray_adapter_terms;

/* A rank's answers, in each order. */
typedef struct distarray_adapter_answers {
  const distarray_adapter_terms *terms;
  int32_t                        status[2];
  distarray_error                report[2]; /* written where status is not DISTARRAY_OK */
} distarray_adapter_answers;

static inline void distarray_adapter_look(void *context, const distarray_export *loan,
                                          uint64_t *counts) {
  distarray_adapter_answers *mine = (distarray_adapter_answers *)context;
  const distarray_adapter_terms *terms = mine->terms;
  int order;
  for (order = 0; order < (terms->lies != NULL ? 2 : 1); order++) {
    mine->status[order] =
        terms->accept(terms->context, loan, order, counts + 4, &mine->report[order]);
    counts[order] = mine->status[order] != DISTARRAY_OK;
    counts[2 + order] = terms->lies != NULL && !terms->lies(loan, order);
  }
}

/* Proves that the loans of all ranks are one array, and that the adapter takes the part of
 * every rank: all get the report of the first that it does not. Collective, by one
 * reduction; needs libdistarray. */
static inline int32_t distarray_adapter_take(MPI_Comm mpi, const distarray_export *loan,
                                             distarray_adapter_terms *terms, distarray_comm *comm,
                                             distarray_error *error) {
  distarray_adapter_answers mine;
  uint64_t counts[8];
  mine.terms = terms;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_table(mpi, comm, error));
  DISTARRAY_ADAPTER_TRY(distarray_check_collective_with(comm, loan, distarray_adapter_look, &mine,
                                                        &counts, error));
  terms->order = counts[2] > 0 && counts[3] == 0;
  memcpy(terms->facts, counts + 4, sizeof terms->facts);
  if (counts[terms->order] == 0) return DISTARRAY_OK;
  return distarray_adapter_agree_on(comm, mine.status[terms->order],
                                    &mine.report[terms->order], error);
}

/* The same for an adapter that knows one order alone, and sums nothing. */
static inline int32_t distarray_adapter_take_if(
    MPI_Comm mpi, const distarray_export *loan,
    int32_t (*accept)(void *context, const distarray_export *loan, int order, uint64_t facts[4],
                      distarray_error *report),
    void *context, distarray_comm *comm, distarray_error *error) {
  distarray_adapter_terms terms;
  terms.accept = accept;
  terms.lies = NULL;
  terms.context = context;
  return distarray_adapter_take(mpi, loan, &terms, comm, error);
}

/* Where this rank's n elements end, if those of all ranks follow each other. Collective. */
static inline int32_t distarray_adapter_stop(MPI_Comm mpi, int64_t n, int64_t *stop,
                                             distarray_error *error) {
  return distarray_adapter_check_messages(
      (int32_t)MPI_Scan(&n, stop, 1, MPI_INT64_T, MPI_SUM, mpi), error);
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_ADAPTER_MPI_H */
