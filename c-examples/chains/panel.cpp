/* A matrix through three libraries: ScaLAPACK solves A X = B in its block-cyclic panels,
 * libdistarray moves what Tpetra needs into rows, and Tpetra finds the residual. Blocks dealt
 * out are no rows, so that elements must move, once: from the panels themselves into memory
 * that Tpetra works in. All of it on process grids of every order. Any number of ranks from 1.
 *
 * Expected output:
 *   ranks row by row: the residual is below 1e-10, and X is the solution
 *   ranks column by column: the residual is below 1e-10, and X is the solution
 *   ranks backwards: the residual is below 1e-10, and X is the solution
 *   panels given back: all
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <Tpetra_Core.hpp>

#include <distarray.hpp>
#include <distarray_scalapack.h>
#include <distarray_tpetra.hpp>

extern "C" {
void Cblacs_get(int context, int what, int *value);
void Cblacs_gridexit(int context);
int numroc_(const int *n, const int *block, const int *place, const int *source, const int *count);
void descinit_(int *desc, const int *m, const int *n, const int *mb, const int *nb, const int *rsrc,
               const int *csrc, const int *context, const int *lld, int *info);
void pdelset_(double *a, const int *i, const int *j, const int *desc, const double *value);
void pdgesv_(const int *n, const int *nrhs, double *a, const int *ia, const int *ja,
             const int *desca, int *ipiv, double *b, const int *ib, const int *jb,
             const int *descb, int *info);
}

namespace {

using MV = Tpetra::MultiVector<double>;
using Map = MV::map_type;
using Teuchos::RCP;

constexpr int N = 23, COLUMNS = 4, BLOCK = 3;
int rank_, size_;

#define REQUIRE(condition)                                                          \
  do                                                                                \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "rank %d: this does not hold: %s\n", rank_, #condition); \
      MPI_Abort(MPI_COMM_WORLD, 1);                                                 \
    }                                                                               \
  while (0)

distarray_error error;
void must(std::int32_t status) {
  if (status != DISTARRAY_OK) throw distarray::Error(error);
}

/* Whole numbers, so that B is exact. */
using Formula = double(std::int64_t row, std::int64_t column);
double a_at(std::int64_t i, std::int64_t j) {
  return i == j ? 100.0 + static_cast<double>(i) : static_cast<double>((7 * i + 3 * j) % 11);
}
double x_at(std::int64_t i, std::int64_t j) { return static_cast<double>((3 * i + 5 * j) % 7) - 3; }
double b_at(std::int64_t i, std::int64_t j) {
  double sum = 0;
  for (std::int64_t k = 0; k < N; ++k) sum += a_at(i, k) * x_at(k, j);
  return sum;
}

/* A matrix of ScaLAPACK's: blocks dealt out from process (0, 0), filled by its indices. */
struct Panel {
  int desc[9];
  std::vector<double> memory;

  Panel(int context, int columns, Formula at) {
    const int rows = N, block = BLOCK, zero = 0;
    int grid[2], place[2], info = 0;
    Cblacs_gridinfo(context, &grid[0], &grid[1], &place[0], &place[1]);
    const int held = numroc_(&rows, &block, &place[0], &zero, &grid[0]);
    const int lld = held + 1; // columns with a gap between them
    memory.resize(static_cast<std::size_t>(lld) *
                  static_cast<std::size_t>(numroc_(&columns, &block, &place[1], &zero, &grid[1]) + 1));
    descinit_(desc, &rows, &columns, &block, &block, &zero, &zero, &context, &lld, &info);
    REQUIRE(info == 0);
    for (int i = 1; i <= rows; ++i)
      for (int j = 1; j <= columns; ++j) {
        const double value = at(i - 1, j - 1);
        pdelset_(memory.data(), &i, &j, desc, &value);
      }
  }

  distarray::Array lend(distarray_lease &lease) {
    distarray::Export loan;
    must(distarray_scalapack_lend(MPI_COMM_WORLD, desc, memory.data(), DISTARRAY_DTYPE_FLOAT, 64,
                                  &lease, loan.get(), &error));
    distarray::Array array(std::move(loan), DISTARRAY_ACCESS_READ);
    REQUIRE(array.description().data == memory.data());
    return array;
  }
};

/* The grid of all ranks, numbered in one of three orders. */
int new_grid(const std::string &order) {
  int grid[2] = {0, 0}, context = 0;
  MPI_Dims_create(size_, 2, grid);
  std::vector<int> ranks(static_cast<std::size_t>(size_)); // at row + column * rows
  for (int row = 0; row < grid[0]; ++row)
    for (int column = 0; column < grid[1]; ++column) {
      const int by_rows = row * grid[1] + column, by_columns = row + column * grid[0];
      ranks[static_cast<std::size_t>(by_columns)] = order == "row by row"         ? by_rows
                                                    : order == "column by column" ? by_columns
                                                                                  : size_ - 1 - by_rows;
    }
  Cblacs_get(-1, 0, &context);
  Cblacs_gridmap(&context, ranks.data(), grid[0], grid[0], grid[1]);
  return context;
}

/* Moves a panel's elements into an array's memory. */
void redistribute(const distarray_comm &comm, const distarray::Array &from, const distarray::Array &to) {
  const distarray::Distribution source(comm, from), target(comm, to);
  distarray::Redistribution(source, target).apply(from, to);
}

const double *address_of(const MV &vectors) {
  return vectors.getLocalViewHost(Tpetra::Access::ReadOnly).data();
}

/* A panel's elements in rows, which are the library's memory and Tpetra's vectors. */
RCP<MV> in_rows(const distarray_comm &comm, const RCP<const Teuchos::Comm<int>> &teuchos,
                const distarray::Array &panel) {
  distarray_axis axes[2] = {};
  axes[0].dist_type = DISTARRAY_DIST_BLOCK;
  axes[0].size = N;
  axes[1].size = panel.dim(1).size;
  distarray_distribution *made = nullptr;
  must(distarray_distribution_new(&comm, 2, axes, nullptr, 0, &made, &error));
  const bool column_major = true;
  distarray::Array rows = distarray::Distribution(made, 2).zeros<double>(column_major);
  redistribute(comm, panel, rows);
  distarray::Export loan = rows.lend(DISTARRAY_ACCESS_READ_WRITE);
  const RCP<MV> vectors = distarray::tpetra::borrow<MV>(teuchos, loan);
  REQUIRE(address_of(*vectors) == rows.description().data);
  return vectors;
}

/* A panel's elements on every rank, in memory of Tpetra's. */
RCP<MV> on_every_rank(const distarray_comm &comm, const RCP<const Teuchos::Comm<int>> &teuchos,
                      const distarray::Array &panel) {
  const auto map = Teuchos::rcp(new Map(N, 0, teuchos, Tpetra::LocallyReplicated));
  const RCP<MV> vectors =
      Teuchos::rcp(new MV(map, static_cast<std::size_t>(panel.dim(1).size)));
  const distarray::Array lent(distarray::tpetra::lend(vectors));
  REQUIRE(address_of(*vectors) == lent.description().data);
  redistribute(comm, panel, lent);
  return vectors;
}

/* The largest distance of an element from its formula, by Tpetra's indices. */
double distance(const MV &vectors, Formula at) {
  double most = 0;
  for (std::size_t c = 0; c < vectors.getNumVectors(); ++c) {
    const auto column = vectors.getData(c);
    for (const auto g : vectors.getMap()->getNodeElementList()) {
      const auto local = vectors.getMap()->getLocalElement(g);
      most = std::fmax(most, std::fabs(column[local] - at(g, static_cast<std::int64_t>(c))));
    }
  }
  return most;
}

double largest(const MV &vectors) {
  std::vector<double> norms(vectors.getNumVectors());
  vectors.normInf(Teuchos::ArrayView<double>(norms.data(), COLUMNS));
  return *std::max_element(norms.begin(), norms.end());
}

void solve(const distarray_comm &comm, const RCP<const Teuchos::Comm<int>> &teuchos,
           const std::string &order) {
  int context = new_grid(order);
  distarray_lease lease = DISTARRAY_LEASE_INIT;
  {
    Panel a(context, N, a_at), b(context, COLUMNS, b_at);

    // ANCHOR: way
    // ScaLAPACK overwrites A by its factors and B by X: the residual needs both as they were.
    const RCP<MV> rows = in_rows(comm, teuchos, a.lend(lease));
    const RCP<MV> residual = in_rows(comm, teuchos, b.lend(lease));
    REQUIRE(distance(*rows, a_at) == 0 && distance(*residual, b_at) == 0);
    REQUIRE(lease.live == 0 && largest(*residual) > 100);

    const int n = N, columns = COLUMNS, one = 1;
    std::vector<int> pivots(a.memory.size() + BLOCK);
    int info = -1;
    pdgesv_(&n, &columns, a.memory.data(), &one, &one, a.desc, pivots.data(), b.memory.data(), &one,
            &one, b.desc, &info);
    REQUIRE(info == 0);

    const RCP<MV> x = on_every_rank(comm, teuchos, b.lend(lease));
    REQUIRE(distance(*x, x_at) < 1e-10);
    residual->multiply(Teuchos::NO_TRANS, Teuchos::NO_TRANS, -1, *rows, *x, 1);
    REQUIRE(largest(*residual) < 1e-10);
    // ANCHOR_END: way
  }
  REQUIRE(lease.live == 0);
  Cblacs_gridexit(context);
  if (rank_ == 0)
    std::printf("ranks %s: the residual is below 1e-10, and X is the solution\n", order.c_str());
}

}  // namespace

int main(int argc, char **argv) {
  Tpetra::ScopeGuard scope(&argc, &argv); // MPI, too
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  distarray_comm comm;
  REQUIRE(distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) == 0);
  for (const char *order : {"row by row", "column by column", "backwards"})
    solve(comm, Tpetra::getDefaultComm(), order);
  if (rank_ == 0) std::printf("panels given back: all\n");
  return 0;
}
