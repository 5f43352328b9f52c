/* Rank 0 waits for a message that rank 1 never sends. */
#include <mpi.h>

static void waits_for_a_message(void) {
  int number;
  MPI_Recv(&number, 1, MPI_INT, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void waits_for_all(void) { MPI_Barrier(MPI_COMM_WORLD); }

int main(int argc, char **argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) waits_for_a_message();
  waits_for_all();
  MPI_Finalize();
  return 0;
}
