#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static int is_first(MPI_Comm comm, int *ranks) {
  int rank;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, ranks);
  return rank == 0;
}

/* Writes a number of bytes as a person reads it. */
static const char *readable(int64_t bytes, char text[16]) {
  static const char *const unit[] = {"B", "KB", "MB", "GB", "TB"};
  double value = (double)bytes;
  int i = 0;
  for (; value >= 1000 && i < 4; i++) value /= 1000;
  snprintf(text, 16, i == 0 ? "%.0f %s" : "%.1f %s", value, unit[i]);
  return text;
}

void report_places(MPI_Comm comm, const problem *p, const void *temperature,
                   const void *block) {
  enum { COLUMNS = 6, MOST_RANKS = 16 };
  int64_t mine[COLUMNS] = {p->start[1], p->stop[1], p->start[0], p->stop[0],
                           (int64_t)(intptr_t)temperature, (int64_t)(intptr_t)block};
  int64_t all[MOST_RANKS * COLUMNS];
  int ranks, first = is_first(comm, &ranks);
  if (ranks > MOST_RANKS) return;
  MPI_Gather(mine, COLUMNS, MPI_INT64_T, all, COLUMNS, MPI_INT64_T, 0, comm);
  if (!first) return;

  printf("\n  rank  cells x, y             Fortran u(0:nx+1,0:ny+1)    C block\n");
  for (int rank = 0; rank < ranks; rank++) {
    const int64_t *at = &all[rank * COLUMNS];
    char cells[96], shape[48];
    snprintf(cells, sizeof cells, "%" PRId64 "..%" PRId64 " x %" PRId64 "..%" PRId64, at[0],
             at[1], at[2], at[3]);
    snprintf(shape, sizeof shape, "%" PRId64 " x %" PRId64, at[1] - at[0] + 2,
             at[3] - at[2] + 2);
    printf("  %4d  %-21s  %-8s at %#-15" PRIx64 " at %#" PRIx64 "\n", rank, cells, shape,
           (uint64_t)at[4], (uint64_t)at[5]);
  }
}

int report_loans(MPI_Comm comm, const hand_over *loans, int count, int steps) {
  int ranks, first = is_first(comm, &ranks), failures = 0;
  char shared[16], copied[16];
  if (first)
    printf("\n  array        lent by  used by                        same address     shared  "
           "copied\n"
           "  -----------  -------  -----------------------------  ------------  ---------  "
           "------\n");
  for (int i = 0; i < count; i++) {
    const hand_over *loan = &loans[i];
    const int64_t in_place = loan->lent != NULL && loan->lent == loan->used;
    int64_t sum[3] = {in_place, loan->bytes, in_place ? 0 : loan->bytes};
    MPI_Allreduce(MPI_IN_PLACE, sum, 3, MPI_INT64_T, MPI_SUM, comm);
    failures += sum[0] != ranks;
    if (first)
      printf("  %-11s  %-7s  %-29s  %d of %d ranks  %9s  %6s%s\n", loan->array, loan->lender,
             loan->borrower, (int)sum[0], ranks, readable(sum[1], shared),
             readable(sum[2], copied), sum[0] == ranks ? "" : "  <-- NOT IN PLACE");
  }
  if (first)
    printf("\n  Besides, each of the %d steps writes the solution into the temperature: that is\n"
           "  what a time step is.\n\n",
           steps);
  return failures;
}

int report_claim(MPI_Comm comm, int holds, const char *claim) {
  int ranks, first = is_first(comm, &ranks), agreeing = holds != 0;
  MPI_Allreduce(MPI_IN_PLACE, &agreeing, 1, MPI_INT, MPI_SUM, comm);
  if (first && agreeing == ranks) printf("  yes   %s\n", claim);
  if (first && agreeing != ranks)
    printf("  NO    %s   <-- FALSE ON %d OF %d RANKS\n", claim, ranks - agreeing, ranks);
  return agreeing != ranks;
}
