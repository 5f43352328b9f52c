// A ring of cells, a few on each rank: the library fills the cells that copy the
// neighbours', in this program's own memory.
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <mpi.h>

#include <distarray.h>
#include <distarray_mpi.h>

// ANCHOR: raii
template <auto Free>
struct Freed { void operator()(auto *object) const { Free(object); } };
using Array = std::unique_ptr<distarray_array, Freed<distarray_array_free>>;
using Distribution = std::unique_ptr<distarray_distribution, Freed<distarray_distribution_free>>;
using Halo = std::unique_ptr<distarray_halo, Freed<distarray_halo_free>>;
// ANCHOR_END: raii

// ANCHOR: make
// Calls a function whose last arguments are the new object and the error.
template <class Owner, class Make, class... Arguments>
Owner make(Make function, Arguments... arguments) {
  typename Owner::pointer object = nullptr;
  distarray_error error;
  if (function(arguments..., &object, &error) != DISTARRAY_OK) throw std::runtime_error(error.message);
  return Owner(object);
}
// ANCHOR_END: make

// ANCHOR: lend
// The loan keeps the vector alive until the last borrower has released it.
struct Lent {
  std::vector<double> cells;
  int64_t shape[1], strides[1];
  distarray_dim dims[1];
};

distarray_export lend(std::shared_ptr<Lent> lent, int rank, int size) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = lent->cells.data();
  loan.ndim = 1;
  loan.shape = lent->shape;
  loan.strides = lent->strides;
  loan.dims = lent->dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.private_data = new std::shared_ptr<Lent>(lent);
  loan.release = [](distarray_export *self) {
    delete static_cast<std::shared_ptr<Lent> *>(self->private_data);
    self->release = nullptr;
  };
  return loan;
}
// ANCHOR_END: lend

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  try {
    // Our own memory: n cells between two halo cells. Cell i holds the number i.
    const int n = 4;
    auto ours = std::make_shared<Lent>(Lent{std::vector<double>(n + 2), {n + 2}, {sizeof(double)}, {}});
    for (int i = 0; i < n; i++) ours->cells[1 + i] = n * rank + i;
    ours->dims[0] = distarray_dim_block(n * size, size, rank, n * rank, n * (rank + 1));
    distarray_dim_add_halo(&ours->dims[0], 1, 1);
    ours->dims[0].flags |= DISTARRAY_DIM_PERIODIC;

    // Lend it, prove that the parts of all ranks make one array, fill the halo.
    distarray_comm comm;
    if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) throw std::runtime_error("no communicator");
    distarray_export loan = lend(ours, rank, size);
    auto array = make<Array>(distarray_array_import, &loan, DISTARRAY_ACCESS_READ_WRITE);
    auto whole = make<Distribution>(distarray_distribution_gather, &comm, array.get());
    auto halo = make<Halo>(distarray_halo_new, whole.get(), 1);
    distarray_error error;
    if (distarray_halo_update(halo.get(), array.get(), &error) != DISTARRAY_OK)
      throw std::runtime_error(error.message);

    std::ostringstream line; // one write, so that lines of ranks do not mix
    line << "rank " << rank << ": cells " << n * rank << " to " << n * rank + n - 1 << ", beside them "
         << ours->cells.front() << " and " << ours->cells.back() << "\n";
    std::cout << line.str() << std::flush;
  } catch (const std::exception &failure) {
    std::cerr << failure.what() << "\n";
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
