/* What the demonstration proves, gathered over the ranks and printed by rank 0. */
#ifndef REPORT_H
#define REPORT_H

#include <mpi.h>
#include <stdint.h>

#include "problem.h"

/* One loan: the same memory as its owner and as its borrower see it. */
typedef struct hand_over {
  const char *array, *lender, *borrower;
  const void *lent, *used;
  int64_t bytes;
} hand_over;

/* Prints who owns which cells, and where. Collective. */
void report_places(MPI_Comm comm, const problem *p, const void *temperature,
                   const void *block);

/* Prints one line per loan; returns how many were not used in place on every
 * rank. steps: how often the loans were worked with. Collective. */
int report_loans(MPI_Comm comm, const hand_over *loans, int count, int steps);

/* Prints a line that holds on all ranks, or says on how many it does not; returns
 * 0 or 1. Collective. */
int report_claim(MPI_Comm comm, int holds, const char *claim);

#endif
