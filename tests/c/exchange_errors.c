/* Bad input to halo exchange and redistribution: the same report on all ranks, no hang,
 * no array touched, and all goes on afterwards. Three ranks, of which the middle one is
 * often the only one at fault. */
#include "exchange_errors/accommodations.h"
#include "exchange_errors/deals.h"
#include "exchange_errors/halos.h"
#include "exchange_errors/redistributions.h"

int main(int argc, char **argv) {
  start(&argc, &argv);
  check(size == RANKS);
  at_fault = rank == GUILTY;
  halos();
  free_parts();
  wide_halo();
  free_parts();
  redistributions();
  free_parts();
  accommodations();
  free_parts();
  deals();
  grids();
  if (rank == 0) printf("%d refusals, the same on all ranks\n", refusals);
  MPI_Finalize();
  return 0;
}
