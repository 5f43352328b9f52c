/* The demonstration's files, through libdistarray. */
#ifndef FILES_H
#define FILES_H

#include <mpi.h>

#include "distarray.h"
#include "problem.h"

/* Reads this process's share of the source pattern, checks that the shares fit
 * together, and gives everyone the whole of it. Collective. */
int32_t read_pattern(MPI_Comm mpi, const distarray_comm *comm, const char *directory,
                     const problem *p, double *pattern, distarray_error *error);

typedef struct written {
  const void *used;      /* where the library read the elements it wrote */
  int         identical; /* the file read back holds the same bits */
} written;

/* Takes the loan over, writes it to <directory>/field_<rank>.dnpy, reads that back
 * and compares. The loan is given back in any case. Collective. */
int32_t write_and_read_back(distarray_export *loan, const distarray_comm *comm,
                            const char *directory, written *result, distarray_error *error);

#endif
