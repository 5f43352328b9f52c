// What one rank asks for wrongly in C++ is refused on all; nobody waits for it.
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include <distarray.hpp>
#include <distarray_mpi.h>

using List = std::vector<std::int64_t>;

static bool full = false; // no memory is left here

void *operator new(std::size_t bytes) {
  void *found = full ? nullptr : std::malloc(bytes > 0 ? bytes : 1);
  if (found == nullptr) throw std::bad_alloc();
  return found;
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, refused = 0, whole = 0, size = 0;
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
  ask([&] { distarray::Distribution(comm, axes, {wrong ? List{size, 1} : List{size}}); });
  const List few(static_cast<std::size_t>(size - 1)), none;
  ask([&] { distarray::Distribution(comm, axes, {{}, 0, 1, wrong ? few : none}); });
  const distarray::Distribution line(comm, axes, {{size}});
  // Every rank has a copy of its own.
  distarray::Grid copies;
  copies.replicas = size;
  const distarray::Distribution everywhere(comm, axes, copies);
  whole += everywhere.zeros<double>().view<const double, 1>().extent(0) == axes[0].size;
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
  // One rank has no memory for the answers.
  const List some{0, 9};
  full = wrong;
  try {
    line.places_collective(0, some);
  } catch (const std::bad_alloc &) {
    refused += wrong;
  } catch (const distarray::Error &error) {
    refused += !wrong && error.code() == DISTARRAY_E_NULL;
  }
  full = false;
  int mine[2] = {refused, whole}, all[2] = {0, 0};
  MPI_Allreduce(mine, all, 2, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0) std::printf("%d of 7 refused on all, %d whole copies\n", all[0] / size, all[1]);
  MPI_Finalize();
  return 0;
}
