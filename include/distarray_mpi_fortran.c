/* distarray_mpi_fortran.c - the C half of distarray_mpi.f90.
 *
 * Compile it with the program's own mpicc and link it with the Fortran objects. It
 * turns a Fortran communicator, an integer, into the C one that the table is made of.
 */
#include "distarray_mpi.h"

int32_t distarray_comm_from_fortran(const MPI_Fint *comm, distarray_comm *table);
void    distarray_mpi_message_fortran(int32_t status, char *text, int64_t length);

int32_t distarray_comm_from_fortran(const MPI_Fint *comm, distarray_comm *table) {
  /* Before MPI_Init even the conversion may not be called. */
  int32_t status = distarray_mpi_alive();
  if (status != 0) {
    memset(table, 0, sizeof *table);
    return status;
  }
  return distarray_comm_from_mpi(MPI_Comm_f2c(*comm), table);
}

/* Fills all of `text`, with blanks at the end as Fortran has them. */
void distarray_mpi_message_fortran(int32_t status, char *text, int64_t length) {
  char   buffer[MPI_MAX_ERROR_STRING + 1];
  size_t used;
  if (length <= 0) return;
  distarray_mpi_error_string(NULL, status, buffer, (int64_t)sizeof buffer);
  used = strlen(buffer) < (size_t)length ? strlen(buffer) : (size_t)length;
  memcpy(text, buffer, used);
  memset(text + used, ' ', (size_t)length - used);
}
