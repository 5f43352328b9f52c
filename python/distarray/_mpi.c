/* The table of functions of an MPI communicator, compiled with that MPI's mpicc. */
#include "distarray_mpi.h"

/* Its binary interface, which names the file this is compiled to (setup.py). */
#if defined(OPEN_MPI)
#define FAMILY "openmpi"
#elif defined(MPICH_VERSION) || defined(I_MPI_VERSION) || defined(MVAPICH2_VERSION)
#define FAMILY "mpich"
#else
#error "this MPI has a binary interface that is not known here"
#endif
const char distarray_python_mpi_family[] = "distarray_mpi=" FAMILY;

/* `comm` points to the handle. Collective; local when it was asked for before. */
int32_t distarray_python_comm(const MPI_Comm *comm, distarray_comm *table) {
  return distarray_comm_from_mpi(*comm, table);
}

void distarray_python_comm_error(int32_t status, char *text, int64_t capacity) {
  distarray_mpi_error_string(NULL, status, text, capacity);
}

/* With which MPI this was compiled, and with which it runs. */
const int32_t distarray_python_comm_bytes = (int32_t)sizeof(MPI_Comm);

int32_t distarray_python_mpi_version(char *text) { /* MPI_MAX_LIBRARY_VERSION_STRING */
  int length = 0;
  return (int32_t)MPI_Get_library_version(text, &length);
}

const int32_t distarray_python_mpi_version_bytes = MPI_MAX_LIBRARY_VERSION_STRING;
