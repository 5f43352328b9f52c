// What one rank asks for wrongly in C++ is refused on all; nobody waits for it.
#include <cstdio>
#include <vector>

#include <distarray.hpp>
#include <distarray_mpi.h>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, refused = 0, all = 0, size = 0;
  distarray_comm comm;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  std::vector<distarray_axis> axes(1);
  axes[0].dist_type = DISTARRAY_DIST_BLOCK;
  axes[0].size = 10;
  const std::vector<std::int64_t> right = {size}, wrong = {size, 1};
  try {
    distarray::Distribution(comm, axes, rank == 1 ? wrong : right);
  } catch (const distarray::Error &error) {
    refused = error.code() == (rank == 1 ? DISTARRAY_E_RANGE : DISTARRAY_E_NULL);
  }
  const distarray::Distribution dealt(comm, axes, right);
  refused = refused != 0 && dealt.owner({9}) == size - 1;
  MPI_Allreduce(&refused, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0) std::printf("refused on %d of %d\n", all, size);
  MPI_Finalize();
  return 0;
}
