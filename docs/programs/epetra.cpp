/* A code whose cells have three values each works with Epetra in one memory.
 *
 * On two ranks it prints:
 *   norm of the code's values: 84, and then 168
 *   Epetra lends 'b' on 2 processes; rank 0 owns 4 of 7
 *   rank 0, axis 0, strides: the library wants the elements of a column side by side: distarray_accommodation_new copies them so (expected 8, found 24)
 *   as columns: a copy, because
 *   strides: elements lie otherwise than asked for: in lines in column-major order
 *   the sum of column 1 is 56, and the changes came home: yes
 */
#include <cstdio>
#include <memory>
#include <vector>

#include <Epetra_Map.h>

#include <distarray.hpp>
#include <distarray_epetra.hpp>

namespace {

constexpr int cells = 7, values = 3; // of all ranks, and of a cell

/* ANCHOR: lend */
// The cells of a rank, one here and one there: their indices, and their values packed.
struct Cells {
  std::vector<std::int64_t> indices;
  std::vector<double> u;
};

distarray::Export lend(const std::shared_ptr<Cells> &mine, int rank, int ranks) {
  const auto n = static_cast<std::int64_t>(mine->indices.size());
  const distarray_dim list =
      distarray_dim_unstructured(cells, ranks, rank, mine->indices.data(), n, n, 1);
  return distarray::lend(mine->u.data(), {list, distarray_dim_whole(values)},
                         distarray::Place{rank, ranks}, mine);
}
/* ANCHOR_END: lend */

}  // namespace

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  {
    int rank, ranks;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    const Epetra_MpiComm comm(MPI_COMM_WORLD);
    distarray_comm table;
    if (distarray_comm_from_mpi(MPI_COMM_WORLD, &table) != 0) MPI_Abort(MPI_COMM_WORLD, 1);

    const auto mine = std::make_shared<Cells>();
    for (int cell = rank; cell < cells; cell += ranks) {
      mine->indices.push_back(cell);
      for (int v = 0; v < values; ++v) mine->u.push_back(cell + v);
    }

    /* ANCHOR: borrow */
    distarray::Export loan = lend(mine, rank, ranks);
    auto x = distarray::epetra::borrow<Epetra_Vector>(comm, loan);

    double before, after; // Epetra's operations, on the code's own values
    x->Norm1(&before);
    x->Scale(2);
    x->Norm1(&after);
    x = nullptr; // gives them back
    /* ANCHOR_END: borrow */
    if (rank == 0) std::printf("norm of the code's values: %g, and then %g\n", before, after);

    /* ANCHOR: lend_epetra */
    const Epetra_Map map(cells, 0, comm);
    const auto y = std::make_shared<Epetra_MultiVector>(map, 2);
    distarray::Array array(distarray::epetra::lend(y)); // keeps y
    distarray::Distribution whole(table, array);
    /* ANCHOR_END: lend_epetra */
    const auto block = array.owned<double, 2>();
    if (rank == 0)
      std::printf("Epetra lends '%c' on %d processes; rank 0 owns %d of %d\n",
                  static_cast<char>(array.dim(0).dist_type), ranks,
                  static_cast<int>(block.extent(0)), cells);

    /* ANCHOR: refused */
    // A MultiVector wants each of the three values as a column; they lie side by side.
    loan = lend(mine, rank, ranks);
    try {
      distarray::epetra::borrow<Epetra_MultiVector>(comm, loan);
    } catch (const distarray::Error &refused) {
      if (rank == 0) std::printf("%s\n", refused.what());
    }

    // So let the library copy them.
    distarray_required_axis axes[2];
    const auto takes = distarray::epetra::requirements<Epetra_MultiVector>(2, axes);
    distarray::Array own(std::move(loan));
    distarray::Distribution dealt(table, own);
    distarray::Accommodation way(dealt, own, takes);
    distarray::Array handed = way.hand_over(own);
    loan = handed.lend(DISTARRAY_ACCESS_READ_WRITE);
    auto columns = distarray::epetra::borrow<Epetra_MultiVector>(comm, loan);
    /* ANCHOR_END: refused */
    double sum;
    (*columns)(1)->Norm1(&sum);
    (*columns)(1)->PutScalar(-1);
    columns = nullptr;
    way.take_back(handed, own);
    bool home = true;
    for (std::size_t i = 0; i < mine->indices.size(); ++i) home = home && mine->u[3 * i + 1] == -1;
    if (rank == 0) {
      std::printf("as columns: %s, because\n%s\n",
                  handed.description().flags_info & DISTARRAY_I_COPIED ? "a copy" : "in place",
                  way.reasons().c_str());
      std::printf("the sum of column 1 is %g, and the changes came home: %s\n", sum,
                  home ? "yes" : "no");
    }
  }
  MPI_Finalize();
  return 0;
}
