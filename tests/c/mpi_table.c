/* A loadable piece of an MPI program: starts MPI and lends its communicator as a
 * table. Compiled by a real mpicc and loaded by tests/comm_foreign.rs. */
#include "distarray_mpi.h"

int32_t test_start(distarray_comm *table) {
  if (MPI_Init(NULL, NULL) != MPI_SUCCESS) return 1;
  return distarray_comm_from_mpi(MPI_COMM_WORLD, table);
}

int32_t test_table(distarray_comm *table) { return distarray_comm_from_mpi(MPI_COMM_WORLD, table); }

int32_t test_stop(void) { return MPI_Finalize(); }

uint64_t test_struct_size(void) { return sizeof(distarray_comm); }
