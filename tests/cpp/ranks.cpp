// What one rank asks for wrongly in C++ is refused on all; nobody waits for it.
#include <cstdio>
#include <vector>

#include <distarray.hpp>
#include <distarray_mpi.h>

using List = std::vector<std::int64_t>;

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, refused = 0, all = 0, size = 0;
  distarray_comm comm;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  const bool wrong = rank == 1;
  const auto ask = [&](auto call) {
    try {
      call();
    } catch (const distarray::Error &error) {
      refused += error.code() == (wrong ? DISTARRAY_E_RANGE : DISTARRAY_E_NULL);
    }
  };
  std::vector<distarray_axis> axes(1);
  axes[0].dist_type = DISTARRAY_DIST_BLOCK;
  axes[0].size = 10;
  ask([&] { distarray::Distribution(comm, axes, wrong ? List{size, 1} : List{size}); });
  const distarray::Distribution line(comm, axes, {size});
  axes.resize(3);
  axes[1].size = axes[2].size = 1;
  const distarray::Distribution cube(comm, axes);
  ask([&] { distarray::Redistribution(line, line, wrong ? List{0, 1} : List{0}); });
  ask([&] { distarray::Redistribution::across(comm, &line, &line, 1, wrong ? List{0, 1} : List{0}); });
  distarray::Halo halo(line);
  ask([&] { halo.fill_edges(wrong ? std::vector<std::int32_t>{} : std::vector<std::int32_t>{0}); });
  // As many axes as the target has, which is fewer than the source's.
  try {
    distarray::Redistribution(cube, line, List{0});
  } catch (const distarray::Error &) {
    refused++;
  }
  MPI_Allreduce(&refused, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0) std::printf("%d of 5 refused on all\n", all / size);
  MPI_Finalize();
  return 0;
}
