// adapters.cpp - what Trilinos' adapters cost beside its own constructors.
//
//   own     a map and a vector that views bare memory, and their end
//   borrow  the same of a loan, which is made for it
//   lend    a loan of a vector, and its release
//
// Compiled and run beside adapters.c; medians of 501 interleaved windows, of the slowest
// rank.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include <Epetra_Map.h>
#include <Epetra_MpiComm.h>
#include <Epetra_Vector.h>
#include <Tpetra_Core.hpp>
#include <distarray_epetra.hpp>
#include <distarray_tpetra.hpp>

namespace {

using Vector = Tpetra::Vector<>;
using Map = Vector::map_type;
using Dual = Vector::dual_view_type;

constexpr int repetitions = 501, calls = 20, n = 64;
std::vector<double> elements(n);

distarray::Export loan_of(int rank, int size) {
  const auto axis = distarray_dim_block(n * size, size, rank, n * rank, n * rank + n);
  return distarray::lend(elements.data(), {axis}, distarray::Place{rank, size}, nullptr);
}

}  // namespace

int main(int argc, char **argv) {
  Tpetra::ScopeGuard scope(&argc, &argv);
  const auto comm = Tpetra::getDefaultComm();
  const Epetra_MpiComm epetra(MPI_COMM_WORLD);
  const int rank = comm->getRank(), size = comm->getSize();
  const Epetra_Map linear(-1, n, 0, epetra);
  Epetra_Vector lent(View, linear, elements.data());
  const auto map = Teuchos::rcp(new Map(n * size, n, 0, comm));
  const Teuchos::RCP<Vector> vector(new Vector(map));
  const auto own_tpetra = [&] {
    const auto made = Teuchos::rcp(new Map(n * size, n, 0, comm));
    const Dual::t_dev view(elements.data(), n, 1);
    Vector wrapped(made, Dual(view, view));
  };
  const auto own_epetra = [&] {
    const Epetra_Map made(-1, n, 0, epetra);
    Epetra_Vector wrapped(View, made, elements.data());
  };
  const auto borrow = [&](auto &&take) {
    auto loan = loan_of(rank, size);
    take(loan);
  };
  const auto once = [&](int kind) {
    switch (kind) {
      case 0: own_epetra(); break;
      case 1: borrow([&](auto &loan) { distarray::epetra::borrow<Epetra_Vector>(epetra, loan); }); break;
      case 2: distarray::epetra::lend(&lent); break;
      case 3: own_tpetra(); break;
      case 4: borrow([&](auto &loan) { distarray::tpetra::borrow<Vector>(comm, loan); }); break;
      default: distarray::tpetra::lend(vector);
    }
  };
  std::array<std::array<double, repetitions>, 6> times;
  std::array<double, 6> t;
  for (int i = 0; i < repetitions; ++i)
    for (int kind = 0; kind < 6; ++kind) {
      const auto begin = std::chrono::steady_clock::now();
      for (int call = 0; call < calls; ++call) once(kind);
      const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
      times[kind][i] = spent.count() / calls;
    }
  for (int kind = 0; kind < 6; ++kind) {
    std::nth_element(times[kind].begin(), times[kind].begin() + repetitions / 2, times[kind].end());
    t[kind] = times[kind][repetitions / 2];
  }
  MPI_Allreduce(MPI_IN_PLACE, t.data(), 6, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  if (rank != 0) return 0;
  for (int package = 0; package < 2; ++package)
    std::printf("           borrow with %s    %7.0f ns, its own %7.0f ns; lend %7.0f ns\n",
                package ? "Tpetra" : "Epetra", t[3 * package + 1], t[3 * package], t[3 * package + 2]);
}
