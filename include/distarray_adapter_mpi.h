/* distarray_adapter_mpi.h - how the adapters to MPI libraries begin: with the table of
 * their communicator. Included by them.
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

/* Proves that the loans of all ranks are one array, before any of them looks closer.
 * Collective; needs libdistarray. */
static inline int32_t distarray_adapter_prove(MPI_Comm mpi, const distarray_export *loan,
                                              distarray_comm *comm, distarray_error *error) {
  DISTARRAY_ADAPTER_TRY(distarray_adapter_table(mpi, comm, error));
  return distarray_check_collective(comm, loan, error);
}

/* The least of each of n numbers over all ranks. Collective. */
static inline int32_t distarray_adapter_least(const distarray_comm *comm, int64_t *numbers,
                                              int64_t n, distarray_error *error) {
  const int32_t code =
      comm->allreduce(comm->context, numbers, n, DISTARRAY_COMM_I64, DISTARRAY_COMM_MIN);
  if (code == 0) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_COMM, -1, "comm", 0, code,
                                  "the message layer failed");
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_ADAPTER_MPI_H */
