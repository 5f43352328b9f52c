// A ring of cells, a few on each rank: the library fills the cells that copy the
// neighbours', in this program's own memory.
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <mpi.h>

#include <distarray.hpp>
#include <distarray_mpi.h>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  try {
    // Our own memory: n cells between two halo cells. Cell i holds the number i.
    const int n = 4;
    auto ours = std::make_shared<std::vector<double>>(n + 2);
    for (int i = 0; i < n; i++) (*ours)[1 + i] = n * rank + i;

    // ANCHOR: lend
    distarray_dim cells = distarray_dim_block(n * size, size, rank, n * rank, n * (rank + 1));
    distarray_dim_add_halo(&cells, 1, 1);
    cells.flags |= DISTARRAY_DIM_PERIODIC;
    distarray::Export loan = distarray::lend(ours->data(), {cells}, {rank, size}, ours);
    // ANCHOR_END: lend

    // ANCHOR: take
    distarray_comm comm;
    if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) throw std::runtime_error("no communicator");
    distarray::Array array(std::move(loan));       // the vector's own memory
    distarray::Distribution whole(comm, array);    // the parts of all ranks are one array
    distarray::Halo(whole).update(array);          // the vector's halo is filled
    // ANCHOR_END: take

    // ANCHOR: stretches
    const distarray::View<double, 1> mine = array.owned<double, 1>(); // without the halo
    for (const auto &[local, global, length] : array.stretches(0))
      for (std::int64_t k = 0; k < length; ++k)
        if (mine(local + k) != static_cast<double>(global + k)) throw std::logic_error("a wrong cell");
    // ANCHOR_END: stretches

    std::ostringstream line; // one write, so that lines of ranks do not mix
    line << "rank " << rank << ": cells " << n * rank << " to " << n * rank + n - 1 << ", beside them "
         << ours->front() << " and " << ours->back() << "\n";
    std::cout << line.str() << std::flush;
  } catch (const std::exception &failure) {
    std::cerr << failure.what() << "\n";
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
