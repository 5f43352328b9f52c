// distarray_epetra.hpp - Epetra's vectors as loans, and loans as them. C++17.
//
//   #include <cstdio>
//
//   #include <distarray_epetra.hpp>
//
//   int main(int argc, char **argv) {
//     MPI_Init(&argc, &argv);
//     {
//       int rank, ranks;
//       MPI_Comm_rank(MPI_COMM_WORLD, &rank);
//       MPI_Comm_size(MPI_COMM_WORLD, &ranks);
//       std::vector<double> u(4, 1); // 4 elements of every rank, of its own
//       double *data = u.data();
//       const auto axis = distarray_dim_block(4 * ranks, ranks, rank, 4 * rank, 4 * rank + 4);
//       auto loan = distarray::lend(data, {axis}, distarray::Place{rank, ranks}, std::move(u));
//
//       const Epetra_MpiComm comm(MPI_COMM_WORLD);
//       auto x = distarray::epetra::borrow<Epetra_Vector>(comm, loan); // a unique_ptr
//       double sum;
//       x->Norm1(&sum);
//       if (rank == 0) std::printf("%g\n", sum); // 8 on two ranks
//
//       loan = distarray::epetra::lend(std::move(x)); // an RCP, shared_ptr, ...; as it lies
//     }
//     MPI_Finalize();
//   }
//
// Header only, compiled with the program's own Trilinos (12 or later) over MPI. No element
// is copied: what Epetra cannot take as it lies is refused by a distarray::Error that says
// why and what to do, the same on all ranks.
//
// The axes are the map's elements, counted from 0; their points, where an element of an
// Epetra_BlockMap has more than one; and the columns of a MultiVector. A linear map is an
// axis of blocks, an Epetra_LocalMap one held whole by every process, any other map a list
// of indices. Where the map overlaps, lend(x, &owned) names the map of those that each
// process owns, which come first in it or lie inside one run of consecutive indices.
//
// A loan keeps the pointer that was lent; a plain pointer's vector must outlive it.
// Borrowing needs libdistarray, which first proves that the loans of all ranks are one
// array. The loan moves into the vector and is given back, as modified unless a const
// vector was borrowed, when that is deleted; copies of the vector have memory of their
// own, Epetra's Views of it have not and must not outlive it. A loan is released on the
// thread that calls Epetra, whose maps are counted without locks.
//
// Both calls are collective. Where one rank has no memory all throw, unless it was asked
// for inside one of Epetra's own collective functions (the constructors of maps and vectors,
// UniqueGIDs): there the others wait, as in any program of Epetra's.
#ifndef DISTARRAY_EPETRA_HPP
#define DISTARRAY_EPETRA_HPP

#include <limits>
#include <memory>
#include <new>
#include <optional>

#include <Epetra_BlockMap.h>
#include <Epetra_Comm.h>
#include <Epetra_MpiComm.h>
#include <Epetra_MultiVector.h>
#include <Epetra_Vector.h>

#include "distarray_trilinos.hpp"

namespace distarray {
namespace epetra {

namespace detail {

// The type of the global indices of a map that is made here.
#ifdef EPETRA_NO_32BIT_GLOBAL_INDICES
using Index = long long;
#else
using Index = int;
#endif

template <class V>
constexpr bool is_multi = !std::is_base_of_v<Epetra_Vector, V>;

template <class V>
constexpr trilinos::Limits limits{DISTARRAY_DTYPE_FLOAT, 64, std::numeric_limits<int>::max(),
                                  std::numeric_limits<Index>::max(), true, is_multi<V>};

inline MPI_Comm mpi_comm(const Epetra_Comm &comm) {
  const auto *mpi = dynamic_cast<const Epetra_MpiComm *>(&comm);
  if (mpi == nullptr && comm.NumProc() > 1)
    trilinos::refuse(DISTARRAY_E_COMM, -1, "comm", 1, comm.NumProc(),
                     "a communicator of several processes that is no Epetra_MpiComm");
  return mpi != nullptr ? mpi->Comm() : MPI_COMM_SELF;
}

inline trilinos::Map read_map(const Epetra_BlockMap &map) {
  trilinos::Map out;
  out.size = map.NumGlobalElements64();
  out.mine = map.NumMyElements();
  out.base = map.IndexBase64();
  out.last = map.MaxAllGID64();
  out.distributed = map.DistributedGlobal();
  out.contiguous = map.LinearMap();
  out.first = map.MinMyGID64();
  if (out.contiguous) return out; // asking for its list would make one
  out.list_is_i32 = map.GlobalIndicesInt();
#ifndef EPETRA_NO_32BIT_GLOBAL_INDICES
  if (out.list_is_i32) out.list = map.MyGlobalElements();
#endif
#ifndef EPETRA_NO_64BIT_GLOBAL_INDICES
  if (!out.list_is_i32) out.list = map.MyGlobalElements64();
#endif
  return out;
}

// Refuses what no axes describe. Local.
inline trilinos::Panel read_panel(const Epetra_MultiVector &vectors, bool multi) {
  const Epetra_BlockMap &map = vectors.Map();
  if (!map.ConstantElementSize())
    trilinos::refuse(DISTARRAY_E_UNSUPPORTED, 0, "ElementSize", map.MinElementSize(),
                     map.MaxElementSize(),
                     "elements of several sizes are no axis: lend the vector with a map of its "
                     "points");
  trilinos::Panel panel;
  panel.multi = multi;
  panel.columns = vectors.NumVectors();
  panel.lda = panel.columns > 1 ? vectors.Stride() : vectors.MyLength();
  panel.points = map.ElementSize();
  trilinos::check_columns(panel, map.NumMyElements(), vectors.ConstantStride());
  return panel;
}

template <class T>
T *address(T *pointer) {
  return pointer;
}
template <class Pointer>
auto address(const Pointer &pointer) -> decltype(pointer.get()) {
  return pointer.get();
}

}  // namespace detail

// Lends the elements of what any kind of pointer points to: an Epetra_Vector, an
// Epetra_MultiVector, or what is derived from them; a const one for reading only.
template <class Pointer>
Export lend(Pointer pointer, const Epetra_BlockMap *owned = nullptr) {
  auto *vectors = detail::address(pointer);
  using V = std::remove_pointer_t<decltype(vectors)>;
  using Element = std::conditional_t<std::is_const_v<V>, const double, double>;
  struct Owner {
    Pointer vectors;
    Epetra_BlockMap map; // shares its list
    std::vector<std::int64_t> list;
  };
  if (vectors == nullptr)
    trilinos::refuse(DISTARRAY_E_NULL, -1, "vectors", 1, 0, "the pointer is null");
  const Epetra_BlockMap &map = vectors->Map();
  const trilinos::Map held = detail::read_map(map);
  std::optional<trilinos::Map> mine;
  if (owned != nullptr) mine = detail::read_map(*owned);
  return trilinos::lend(
      detail::mpi_comm(map.Comm()), held, mine ? &*mine : nullptr,
      [&](const distarray_comm &comm, trilinos::Axis &axis) {
        const trilinos::Panel panel = detail::read_panel(*vectors, detail::is_multi<V>);
        Element *data = vectors->Values();
        return trilinos::describe(data, comm, held, panel,
                                  Owner{std::move(pointer), map, std::move(axis.list)});
      },
      [&] { return map.UniqueGIDs(); });
}

// What borrow<V> takes of an array of ndim axes, for distarray_accommodation_new; of a
// MultiVector at most two. axes is room for ndim records.
template <class V>
distarray_requirements requirements(std::int32_t ndim, distarray_required_axis *axes) {
  return trilinos::requirements(ndim, axes, detail::limits<V>);
}

namespace detail {

// A base, so that the loan is given back after the vector has gone.
struct Debt {
  Export loan;
};

template <class V>
class Borrower final : private Debt, public V {
 public:
  template <class... Arguments>
  explicit Borrower(Arguments &&...arguments) : V(std::forward<Arguments>(arguments)...) {}
  void owe(Export &&given) { loan = std::move(given); }
};

// Memory for a vector, taken before Epetra's constructors, which are collective.
template <class V>
struct Room {
  struct Free {
    void operator()(void *memory) const noexcept { ::operator delete(memory); }
  };
  std::unique_ptr<void, Free> vector;
  std::vector<double *> columns;

  void allocate(const trilinos::Panel &panel) {
    vector.reset(::operator new(sizeof(Borrower<V>)));
    if (is_multi<V>) columns.resize(static_cast<std::size_t>(panel.columns));
  }
  template <class... Arguments>
  std::unique_ptr<Borrower<V>> make(Arguments &&...arguments) {
    auto *made = new (vector.get()) Borrower<V>(std::forward<Arguments>(arguments)...);
    static_cast<void>(vector.release());
    return std::unique_ptr<Borrower<V>>(made);
  }
};

template <class V>
std::unique_ptr<Borrower<V>> make(const Epetra_Comm &comm, const trilinos::Borrowed &borrowed,
                                  const std::vector<Index> &list, void *data, Room<V> &room) {
  const int mine = static_cast<int>(borrowed.mine);
  const int points = static_cast<int>(borrowed.panel.points);
  // As many as each process has: Epetra's word for a map of which every one has all.
  const Index all = borrowed.replicated ? static_cast<Index>(mine) : Index{-1};
  const Epetra_BlockMap map =
      borrowed.listed ? Epetra_BlockMap(Index{-1}, mine, list.data(), points, Index{0}, comm)
                      : Epetra_BlockMap(all, mine, points, Index{0}, comm);
  auto *first = static_cast<double *>(data);
  if constexpr (!is_multi<V>) {
    return room.make(::View, map, first);
  } else { // by addresses: of a distance Epetra would compute them in int
    std::vector<double *> &columns = room.columns;
    for (std::size_t c = 0; c < columns.size(); ++c)
      columns[c] = c == 0 || mine == 0 ? first : columns[c - 1] + borrowed.panel.lda;
    return room.make(::View, map, columns.data(), static_cast<int>(columns.size()));
  }
}

}  // namespace detail

// Makes an Epetra_Vector or Epetra_MultiVector whose elements are the loan's; a const one
// of what was lent for reading only. The first axis is dealt out in any way. Of a Vector
// the others, packed, are the points of an element; of a MultiVector the last is that of
// the columns, at any distance, and those between are the points.
template <class V>
std::unique_ptr<V> borrow(const Epetra_Comm &comm, Export &loan) {
  using Made = std::remove_const_t<V>;
  static_assert(std::is_same_v<Made, Epetra_Vector> || std::is_same_v<Made, Epetra_MultiVector>,
                "borrow an Epetra_Vector or an Epetra_MultiVector");
  distarray_comm table;
  distarray_error error, report;
  std::vector<detail::Index> list;
  detail::Room<Made> room;
  const trilinos::Borrowed borrowed = trilinos::read(
      detail::mpi_comm(comm), *loan.get(), detail::limits<Made>, !std::is_const_v<V>, &table, &list,
      [&](const trilinos::Borrowed &part) { room.allocate(part.panel); });
  if (borrowed.panel.columns == 0 || borrowed.panel.points == 0) // on all ranks alike
    trilinos::refuse(DISTARRAY_E_UNACCEPTABLE, -1, "size", 1, 0,
                     "Epetra has no vectors of no columns, and no elements of no points: leave "
                     "the axis out");
  std::unique_ptr<detail::Borrower<Made>> made;
  const std::int32_t status = trilinos::attempt(
      [&] { made = detail::make(comm, borrowed, list, loan->data, room); }, &report);
  trilinos::check(distarray_adapter_agree_on(&table, status, &report, &error), error);
  if (!std::is_const_v<V>) trilinos::mark_modified(loan, borrowed);
  made->owe(std::move(loan));
  return made;
}

}  // namespace epetra
}  // namespace distarray

#endif  // DISTARRAY_EPETRA_HPP
