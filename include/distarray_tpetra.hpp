// distarray_tpetra.hpp - Tpetra's vectors as loans, and loans as them. C++17.
//
//   distarray::Export loan = distarray::tpetra::lend(x);          // RCP<MultiVector> x
//   auto x = distarray::tpetra::borrow<MultiVector>(comm, loan);  // RCP<MultiVector>
//
// Header only, compiled with the program's own Trilinos (13 or later), for vectors in
// host memory. No element is copied: what Tpetra cannot take as it lies is refused by a
// distarray::Error that says why and what to do, the same on all ranks.
//
// The axes are the map's indices, counted from 0, and the columns. A loan keeps its
// vector alive. Where the map overlaps, lend(x, owned) names the map of those that each
// process owns, which must come first; the others become ghosts. Lending is collective:
// all processes are asked whether a map is one to one, and how many indices each has.
// Borrowing is too, and needs libdistarray, which first proves that the loans of all
// ranks are one array; the loan moves into the vector and is given back, as modified,
// when the last reference to it goes.
#ifndef DISTARRAY_TPETRA_HPP
#define DISTARRAY_TPETRA_HPP

#include <algorithm>
#include <memory>

#include <Teuchos_CommHelpers.hpp>
#include <Teuchos_RCP.hpp>
#include <Tpetra_Details_extractMpiCommFromTeuchos.hpp>
#include <Tpetra_MultiVector.hpp>
#include <Tpetra_Vector.hpp>

#include "distarray_adapter_mpi.h"
#include "distarray_export.hpp"

namespace distarray {
namespace tpetra {

namespace detail {

using distarray::detail::check;

// The map's indices as an axis; what the axis points to is kept in list. owned may be
// null.
template <class Map>
distarray_dim map_axis(const Map &map, const Map *owned, std::vector<std::int64_t> &list) {
  const auto size = static_cast<std::int64_t>(map.getGlobalNumElements());
  const auto mine = static_cast<std::int64_t>(map.getNodeNumElements());
  const int processes = map.getComm()->getSize(), rank = map.getComm()->getRank();
  const auto base = static_cast<std::int64_t>(map.getIndexBase());
  if (!map.isDistributed() && map.isContiguous()) return distarray_dim_whole(size); // on each
  if (map.isContiguous()) {
    // Where an empty part lies, the map does not say.
    long long stop = 0;
    Teuchos::scan<int, long long>(*map.getComm(), Teuchos::REDUCE_SUM, mine, Teuchos::outArg(stop));
    return distarray_dim_block(size, processes, rank, stop - mine, stop);
  }
  if (owned == nullptr && !map.isOneToOne())
    distarray::detail::refuse(DISTARRAY_E_UNACCEPTABLE, 0, "n_owned", 1, 0,
                              "the map overlaps: pass the one-to-one map of what each process "
                              "owns, whose indices come first in this one");
  const auto indices = map.getNodeElementList();
  std::int64_t n_owned = mine;
  if (owned != nullptr) {
    const auto first = owned->getNodeElementList();
    n_owned = first.size();
    const int mine_first =
        n_owned <= mine && std::equal(first.begin(), first.end(), indices.begin());
    int all_first = 0;
    Teuchos::reduceAll<int, int>(*map.getComm(), Teuchos::REDUCE_MIN, mine_first,
                                 Teuchos::outArg(all_first));
    if (!all_first)
      distarray::detail::refuse(DISTARRAY_E_UNACCEPTABLE, 0, "n_owned", n_owned, mine,
                                "the owned indices do not come first in the map of every process, "
                                "in their order");
  }
  list.assign(indices.begin(), indices.end());
  for (auto &index : list) index -= base;
  return distarray_dim_unstructured(map.getMaxAllGlobalIndex() - base + 1, processes, rank,
                                    list.data(), mine, n_owned, 1);
}

template <class MV, class View>
Export lend_view(const Teuchos::RCP<MV> &vectors, const typename MV::map_type *owned,
                 const View &view) {
  using Element = std::remove_pointer_t<decltype(view.data())>;
  struct Owner {
    Teuchos::RCP<MV> vectors;
    View view;
    std::vector<std::int64_t> list;
  };
  const auto &map = *vectors->getMap();
  auto owner = std::make_unique<Owner>(Owner{vectors, view, {}});
  const distarray_dim rows = map_axis(map, owned, owner->list);
  const auto columns = static_cast<std::int64_t>(vectors->getNumVectors());
  const std::int64_t held = view.extent(0), width = sizeof(Element);
  if (!vectors->isConstantStride())
    distarray::detail::refuse(DISTARRAY_E_UNSUPPORTED, 1, "strides", 1, 0,
                              "the columns are picked from another vector's, at no one "
                              "distance: lend them one by one, or copy");
  const std::int64_t lda = static_cast<std::int64_t>(vectors->getStride());
  Element *data = view.data();
  Export loan = distarray::lend(
      data, {held, columns}, {width, (lda > held ? lda : held) * width},
      {rows, distarray_dim_whole(columns)},
      Place{map.getComm()->getRank(), map.getComm()->getSize(), 0}, std::move(owner));
  if (!map.isDistributed() && map.getComm()->getSize() > 1)
    loan.get()->flags_write |= DISTARRAY_W_REPLICATED;
  if (rows.n_owned < rows.n_indices) loan.get()->flags_read |= DISTARRAY_R_GHOSTS;
  return loan;
}

}  // namespace detail

// Lends the elements of a vector or multivector; a const one for reading only. Collective.
template <class MV>
Export lend(const Teuchos::RCP<MV> &vectors, const typename MV::map_type *owned = nullptr) {
  if (vectors.is_null())
    distarray::detail::refuse(DISTARRAY_E_NULL, -1, "vectors", 1, 0, "the reference is null");
  if constexpr (std::is_const_v<MV>)
    return detail::lend_view(vectors, owned, vectors->getLocalViewHost(Tpetra::Access::ReadOnly));
  else
    return detail::lend_view(vectors, owned, vectors->getLocalViewHost(Tpetra::Access::ReadWrite));
}

namespace detail {

// What Tpetra must know of the rows: where a process's begin, or which they are.
struct Rows {
  std::int64_t size = 0, mine = 0, columns = 1, lda = 1;
  bool listed = false;
  std::vector<std::int64_t> list;
};

inline std::int32_t read_rows(const distarray_export &loan, std::uint8_t code, std::uint8_t bits,
                              std::int64_t most_local, std::int64_t most_global, Rows &rows,
                              distarray_error *error) {
  constexpr std::uint32_t known =
      DISTARRAY_R_GHOSTS | DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(&loan, known, 1, code, bits, error));
  if (loan.ndim != 1) DISTARRAY_ADAPTER_TRY(distarray_adapter_check_ndim(&loan, 2, error));
  const distarray_dim *dim = &loan.dims[0];
  distarray_adapter_axis part{};
  if (loan.ndim == 2) {
    DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(&loan, 1, &part, error));
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_whole(&part, 1, error));
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_no_padding(&part, 1, error));
    rows.columns = loan.shape[1];
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_columns(&loan, &rows.lda, error));
  } else {
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_packed(&loan, 1, error));
    rows.lda = loan.shape[0] > 0 ? loan.shape[0] : 1;
  }
  rows.size = dim->size;
  rows.mine = loan.shape[0];
  rows.listed = dim->dist_type == DISTARRAY_DIST_UNSTRUCTURED ||
                dim->dist_type == DISTARRAY_DIST_CYCLIC;
  if (rows.listed) { // of any order, ghosts included: a map of these indices
    part.processes = dim->proc_grid_size;
    part.place = dim->proc_grid_rank;
    rows.list.resize(static_cast<std::size_t>(rows.mine));
    for (std::int64_t i = 0; i < rows.mine; ++i) rows.list[static_cast<std::size_t>(i)] = i;
    DISTARRAY_ADAPTER_TRY(distarray_dim_local_to_global(dim, rows.mine, rows.list.data(),
                                                        rows.list.data(), error));
  } else {
    DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(&loan, 0, &part, error));
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_no_padding(&part, 0, error));
    rows.size = part.size;
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_order(&loan, part.processes, part.place, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(rows.lda, most_local, 0, "shape", error));
  return distarray_adapter_check_index(rows.size, most_global, 0, "size", error);
}

}  // namespace detail

// Makes a MultiVector or Vector whose elements are the loan's. Columns lie side by side,
// elements of a column follow each other; the rows are blocks of any length, or dealt
// out, or listed. Collective.
template <class MV>
Teuchos::RCP<MV> borrow(const Teuchos::RCP<const Teuchos::Comm<int>> &comm, Export &loan) {
  using Scalar = typename MV::impl_scalar_type;
  using LO = typename MV::local_ordinal_type;
  using GO = typename MV::global_ordinal_type;
  using Multi = Tpetra::MultiVector<typename MV::scalar_type, LO, GO, typename MV::node_type>;
  using Vector = Tpetra::Vector<typename MV::scalar_type, LO, GO, typename MV::node_type>;
  using Map = typename MV::map_type;
  using Dual = typename Multi::dual_view_type;
  using Device = typename Dual::t_dev;
  static_assert(Kokkos::SpaceAccessibility<Kokkos::HostSpace,
                                           typename Device::memory_space>::accessible,
                "the vectors of this node lie out of the host's reach");
  constexpr bool single = std::is_same_v<MV, Vector>;

  distarray_comm table;
  distarray_error error;
  distarray::detail::check(
      distarray_adapter_prove(Tpetra::Details::extractMpiCommFromTeuchos(*comm), loan.get(), &table,
                              &error),
      error);
  detail::Rows rows;
  distarray_error report;
  std::int32_t status = detail::read_rows(*loan.get(), dtype_code<Scalar>(), dtype_bits<Scalar>(),
                                          std::numeric_limits<LO>::max(),
                                          std::numeric_limits<GO>::max(), rows, &report);
  if (status == DISTARRAY_OK && single && rows.columns != 1)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_UNACCEPTABLE, 1, "size", 1, rows.columns,
                                      "a Vector has one column: borrow a MultiVector");
  distarray::detail::check(distarray_adapter_agree_on(&table, status, &report, &error), error);

  Teuchos::RCP<const Map> map;
  if (rows.listed) {
    const std::vector<GO> list(rows.list.begin(), rows.list.end());
    map = Teuchos::rcp(new Map(Teuchos::OrdinalTraits<Tpetra::global_size_t>::invalid(),
                               Teuchos::ArrayView<const GO>(list.data(), rows.mine), 0, comm));
  } else {
    map = Teuchos::rcp(new Map(static_cast<Tpetra::global_size_t>(rows.size),
                               static_cast<std::size_t>(rows.mine), 0, comm));
  }
  const auto n = static_cast<std::size_t>(rows.mine), k = static_cast<std::size_t>(rows.columns);
  Teuchos::RCP<MV> made;
  const auto wrap = [&](const Dual &dual) { made = Teuchos::rcp(new MV(map, dual)); };
  if (n > 0 && k > 0) {
    const Device panel(static_cast<Scalar *>(loan->data), static_cast<std::size_t>(rows.lda), k);
    const Device view = Kokkos::subview(panel, std::make_pair(std::size_t{0}, n), Kokkos::ALL());
    wrap(Dual(view, view));
  } else {
    wrap(Dual("", n, k));
  }
  status = DISTARRAY_OK;
  if (n > 0 && k > 0 &&
      static_cast<const void *>(made->getLocalViewHost(Tpetra::Access::ReadOnly).data()) !=
          loan->data)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_WOULD_COPY, -1, "data", 0, 1,
                                      "this Tpetra keeps a copy on the host: use a host node");
  distarray::detail::check(distarray_adapter_agree_on(&table, status, &report, &error), error);
  loan.mark_modified();
  Teuchos::set_extra_data(std::make_shared<Export>(std::move(loan)), "distarray_loan",
                          Teuchos::inOutArg(made));
  return made;
}

}  // namespace tpetra
}  // namespace distarray

#endif  // DISTARRAY_TPETRA_HPP
