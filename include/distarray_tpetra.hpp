// distarray_tpetra.hpp - Tpetra's vectors as loans, and loans as them. C++17.
//
//   #include <iostream>
//
//   #include <Tpetra_Core.hpp>
//   #include <distarray_tpetra.hpp>
//
//   int main(int argc, char **argv) {
//     Tpetra::ScopeGuard scope(&argc, &argv);
//     const auto comm = Tpetra::getDefaultComm();
//     const int rank = comm->getRank(), ranks = comm->getSize();
//     std::vector<double> u(4, 1); // 4 elements of every rank, of its own
//     double *data = u.data();
//     const auto axis = distarray_dim_block(4 * ranks, ranks, rank, 4 * rank, 4 * rank + 4);
//     auto loan = distarray::lend(data, {axis}, distarray::Place{rank, ranks}, std::move(u));
//
//     auto x = distarray::tpetra::borrow<Tpetra::Vector<>>(comm, loan); // an RCP
//     const double sum = x->norm1();
//     if (rank == 0) std::cout << sum << std::endl; // 8 on two ranks
//
//     loan = distarray::tpetra::lend(x); // as it lies
//   }
//
// Header only, compiled with the program's own Trilinos (13.2 or later), for vectors in
// host memory. No element is copied: what Tpetra cannot take as it lies is refused by a
// distarray::Error that says why and what to do, the same on all ranks.
//
// The axes are the map's indices, counted from 0, and the columns of a MultiVector. A
// contiguous map is an axis of blocks, a locally replicated one held whole by every
// process, any other map a list of indices. Where the map overlaps, lend(x, &owned) names
// the map of those that each process owns, which come first in it or lie inside one run
// of consecutive indices.
//
// A loan keeps its vector alive, and its view on the host: until it is released Tpetra
// refuses to use the elements on a device, and brings there what was written afterwards.
// Borrowing needs libdistarray, which first proves that the loans of all ranks are one
// array. The loan moves into the vector and is given back, as modified unless a const
// vector was borrowed, when the last reference to it goes; Tpetra's views of it
// (getVectorNonConst, offsetView) must not outlive it. A loan is released on the thread
// that calls Tpetra, whose references are counted without locks, and before Tpetra is
// finalized.
//
// Both calls are collective. Where one rank has no memory all throw, unless it was asked
// for inside one of Tpetra's own collective functions (those that make a map, isOneToOne):
// there the others wait, as in any program of Tpetra's.
#ifndef DISTARRAY_TPETRA_HPP
#define DISTARRAY_TPETRA_HPP

#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

#include <Teuchos_RCP.hpp>
#include <Tpetra_Details_extractMpiCommFromTeuchos.hpp>
#include <Tpetra_MultiVector.hpp>
#include <Tpetra_Vector.hpp>
#include <Trilinos_version.h>

#include "distarray_trilinos.hpp"

namespace distarray {
namespace tpetra {

namespace detail {

template <class V>
using Vector = Tpetra::Vector<typename V::scalar_type, typename V::local_ordinal_type,
                              typename V::global_ordinal_type, typename V::node_type>;

template <class V>
constexpr bool is_multi = !std::is_base_of_v<Vector<V>, V>;

template <class V>
constexpr trilinos::Limits limits{
    dtype_code<typename V::scalar_type>(), dtype_bits<typename V::scalar_type>(),
    std::numeric_limits<typename V::local_ordinal_type>::max(),
    std::numeric_limits<typename V::global_ordinal_type>::max(), false, is_multi<V>};

template <class Map>
trilinos::Map read_map(const Map &map) {
  trilinos::Map out;
#if TRILINOS_MAJOR_MINOR_VERSION >= 130400
  out.mine = static_cast<std::int64_t>(map.getLocalNumElements());
#else
  out.mine = static_cast<std::int64_t>(map.getNodeNumElements());
#endif
  out.size = static_cast<std::int64_t>(map.getGlobalNumElements());
  out.base = map.getIndexBase();
  out.last = map.getMaxAllGlobalIndex();
  out.distributed = map.isDistributed();
  out.contiguous = map.isContiguous();
  out.first = map.getMinGlobalIndex();
  if (out.contiguous) return out; // asking for its list would make one
  out.list_is_i32 = sizeof(typename Map::global_ordinal_type) == sizeof(std::int32_t);
#if TRILINOS_MAJOR_MINOR_VERSION >= 130400
  out.list = map.getLocalElementList().getRawPtr();
#else
  out.list = map.getNodeElementList().getRawPtr();
#endif
  return out;
}

template <class V>
auto host_view(V &vectors) {
  if constexpr (std::is_const_v<V>)
    return vectors.getLocalViewHost(Tpetra::Access::ReadOnly);
  else
    return vectors.getLocalViewHost(Tpetra::Access::ReadWrite);
}

// The view that a loan is made of. Local.
template <class V>
auto open(V &vectors) {
  try {
    return host_view(vectors);
  } catch (const std::runtime_error &) {
    trilinos::refuse(DISTARRAY_E_BUSY, -1, "vectors", 0, 1,
                     "Tpetra gives no view on the host: let its views on the device go before "
                     "lending");
  }
}

}  // namespace detail

// Lends the elements of a Vector or MultiVector; of a const one for reading only.
template <class V>
Export lend(const Teuchos::RCP<V> &vectors, const typename V::map_type *owned = nullptr) {
  using View = decltype(detail::host_view(*vectors));
  struct Owner {
    Teuchos::RCP<V> vectors;
    Teuchos::RCP<const typename V::map_type> map;
    View view;
    std::vector<std::int64_t> list;
  };
  if (vectors.is_null())
    trilinos::refuse(DISTARRAY_E_NULL, -1, "vectors", 1, 0, "the reference is null");
  const auto map = vectors->getMap();
  const trilinos::Map held = detail::read_map(*map);
  std::optional<trilinos::Map> mine;
  if (owned != nullptr) mine = detail::read_map(*owned);
  // Kokkos has complex numbers of its own, of the same two parts.
  using Element = std::conditional_t<std::is_const_v<V>, const typename V::scalar_type,
                                     typename V::scalar_type>;
  return trilinos::lend(
      Tpetra::Details::extractMpiCommFromTeuchos(*map->getComm()), held, mine ? &*mine : nullptr,
      [&](const distarray_comm &comm, trilinos::Axis &axis) {
        const bool constant_stride = vectors->isConstantStride();
        trilinos::Panel panel;
        panel.multi = detail::is_multi<V>;
        panel.columns = static_cast<std::int64_t>(vectors->getNumVectors());
        panel.lda = panel.columns > 1 && constant_stride
                        ? static_cast<std::int64_t>(vectors->getStride())
                        : held.mine;
        trilinos::check_columns(panel, held.mine, constant_stride);
        Owner owner{vectors, map, detail::open(*vectors), std::move(axis.list)};
        auto *data = reinterpret_cast<Element *>(owner.view.data());
        return trilinos::describe(data, comm, held, panel, std::move(owner));
      },
      [&] { return map->isOneToOne(); });
}

// What borrow<V> takes of an array of ndim axes, for distarray_accommodation_new. axes is
// room for ndim records.
template <class V>
distarray_requirements requirements(std::int32_t ndim, distarray_required_axis *axes) {
  return trilinos::requirements(ndim, axes, detail::limits<V>);
}

namespace detail {

// Gives the loan back after the vector has gone.
template <class V>
struct Return {
  using ptr_t = V;
  std::shared_ptr<Export> loan;
  void free(V *vector) {
    delete vector;
    loan.reset();
  }
};

// Tpetra's own functions, which are collective.
template <class Map, class GO>
Teuchos::RCP<const Map> make_map(const Teuchos::RCP<const Teuchos::Comm<int>> &comm,
                                 const trilinos::Borrowed &borrowed, const std::vector<GO> &list) {
  using LO = typename Map::local_ordinal_type;
  using Node = typename Map::node_type;
  const auto size = static_cast<Tpetra::global_size_t>(borrowed.size);
  const auto n = static_cast<std::size_t>(borrowed.mine);
  if (borrowed.listed)
    return Tpetra::createNonContigMapWithNode<LO, GO, Node>(
        Teuchos::ArrayView<const GO>(list.data(), static_cast<int>(n)), comm);
  if (borrowed.replicated) return Tpetra::createLocalMapWithNode<LO, GO, Node>(n, comm);
  return Tpetra::createContigMapWithNode<LO, GO, Node>(size, n, comm);
}

template <class V>
std::unique_ptr<V> make(const Teuchos::RCP<const typename V::map_type> &map,
                        const trilinos::Borrowed &borrowed, void *data) {
  using Dual = typename V::dual_view_type;
  using Device = typename Dual::t_dev;
  static_assert(Kokkos::SpaceAccessibility<Kokkos::HostSpace,
                                           typename Device::memory_space>::accessible,
                "the vectors of this node lie out of the host's reach");
  const auto n = static_cast<std::size_t>(borrowed.mine);
  const auto columns = static_cast<std::size_t>(borrowed.panel.columns);
  if (n == 0 || columns == 0) return std::make_unique<V>(map, Dual("", n, columns));
  const Device panel(static_cast<typename V::impl_scalar_type *>(data),
                     static_cast<std::size_t>(borrowed.panel.lda), columns);
  const Device view = Kokkos::subview(panel, std::make_pair(std::size_t{0}, n), Kokkos::ALL());
  return std::make_unique<V>(map, Dual(view, view));
}

}  // namespace detail

// Makes a Vector or MultiVector whose elements are the loan's; a const one of what was
// lent for reading only. The first axis is dealt out in any way; the second, that of the
// columns, is whole: elements of a column lie side by side, columns at any distance.
template <class V>
Teuchos::RCP<V> borrow(const Teuchos::RCP<const Teuchos::Comm<int>> &comm, Export &loan) {
  using Made = std::remove_const_t<V>;
  using Map = typename Made::map_type;
  if (comm.is_null())
    trilinos::refuse(DISTARRAY_E_NULL, -1, "comm", 1, 0, "the reference is null");
  distarray_comm table;
  distarray_error error, report;
  std::vector<typename Made::global_ordinal_type> list;
  const trilinos::Borrowed borrowed =
      trilinos::read(Tpetra::Details::extractMpiCommFromTeuchos(*comm), *loan.get(),
                     detail::limits<Made>, !std::is_const_v<V>, &table, &list,
                     [](const trilinos::Borrowed &) {});
  Teuchos::RCP<V> made;
  std::shared_ptr<Export> debt;
  const std::int32_t status = trilinos::attempt(
      [&] {
        const auto map = detail::make_map<Map>(comm, borrowed, list);
        debt = std::make_shared<Export>();
        // One view is the host's and the device's: nothing is left that could be a copy.
        auto vector = detail::make<Made>(map, borrowed, loan->data);
        made = Teuchos::rcpWithDealloc(vector.get(), detail::Return<Made>{debt});
        static_cast<void>(vector.release()); // only now: the reference is allocated, too
      },
      &report);
  trilinos::check(distarray_adapter_agree_on(&table, status, &report, &error), error);
  if (!std::is_const_v<V>) trilinos::mark_modified(loan, borrowed);
  *debt = std::move(loan);
  return made;
}

}  // namespace tpetra
}  // namespace distarray

#endif  // DISTARRAY_TPETRA_HPP
