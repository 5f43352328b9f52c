// Epetra's and Tpetra's vectors. An array of one axis is a Vector; the second axis is that
// of a MultiVector's columns; the other axes of an Epetra_Vector are an element's points.
#include <algorithm>
#include <type_traits>

#include <Tpetra_Core.hpp>

#include <distarray_epetra.hpp>
#include <distarray_tpetra.hpp>

#include "matrix.h"

namespace {

using distarray::Export;

// Of each package: pointers to vectors, and their elements by its own indices.

struct Tpetra_ {
  using Multi = Tpetra::MultiVector<>;
  using Vector = Tpetra::Vector<>;
  using Pointer = Teuchos::RCP<Multi>;
  using Index = Multi::global_ordinal_type;

  static Pointer make(Index n, const std::vector<Index> *list, const shape &s) {
    using Map = Multi::map_type;
    const auto comm = Tpetra::getDefaultComm();
    const auto all = Teuchos::OrdinalTraits<Tpetra::global_size_t>::invalid();
    const auto map =
        list != nullptr
            ? Teuchos::rcp(new Map(all, Teuchos::arrayView(list->data(), n), 0, comm))
            : Teuchos::rcp(new Map(all, static_cast<std::size_t>(n), 0, comm));
    if (s.ndim == 1) return Teuchos::rcp(new Vector(map));
    return Teuchos::rcp(new Multi(map, static_cast<std::size_t>(s.size[1])));
  }
  static Export lend(const Pointer &x, const shape &s) {
    if (s.ndim > 1) return distarray::tpetra::lend(x);
    return distarray::tpetra::lend(Teuchos::rcp_dynamic_cast<Vector>(x));
  }
  template <class V>
  static Pointer borrow(Export &loan) {
    return distarray::tpetra::borrow<V>(Tpetra::getDefaultComm(), loan);
  }
  static std::int64_t mine(const Multi &x) { return static_cast<std::int64_t>(x.getLocalLength()); }
  static std::int64_t points(const Multi &) { return 1; }
  static std::int64_t columns(const Multi &x) {
    return static_cast<std::int64_t>(x.getNumVectors());
  }
  static Index index(const Multi &x, std::int64_t i) {
    return x.getMap()->getGlobalElement(static_cast<int>(i));
  }
  static double get(const Multi &x, Index g, std::int64_t, std::int64_t c) {
    return x.getData(static_cast<std::size_t>(c))[x.getMap()->getLocalElement(g)];
  }
  static void set(Multi &x, Index g, std::int64_t, std::int64_t c, double value) {
    x.replaceGlobalValue(g, static_cast<std::size_t>(c), value);
  }
  static const void *address(const Multi &x) {
    return x.getLocalViewHost(Tpetra::Access::ReadOnly).data();
  }
  template <class V>
  static distarray_requirements takes(std::int32_t ndim, distarray_required_axis *axes) {
    return distarray::tpetra::requirements<V>(ndim, axes);
  }
};

struct Epetra_ {
  using Multi = Epetra_MultiVector;
  using Vector = Epetra_Vector;
  using Pointer = std::unique_ptr<Multi>;
  using Index = int;

  static Epetra_MpiComm comm() { return Epetra_MpiComm(MPI_COMM_WORLD); }
  static Pointer make(Index n, const std::vector<Index> *list, const shape &s) {
    const auto map = list != nullptr ? Epetra_BlockMap(-1, n, list->data(), 1, 0, comm())
                                     : Epetra_BlockMap(-1, n, 1, 0, comm());
    if (s.ndim == 1) return std::make_unique<Vector>(map);
    return std::make_unique<Multi>(map, static_cast<int>(s.size[1]));
  }
  static Export lend(const Pointer &x, const shape &s) {
    if (s.ndim > 1) return distarray::epetra::lend(x.get());
    return distarray::epetra::lend(dynamic_cast<Vector *>(x.get()));
  }
  template <class V>
  static Pointer borrow(Export &loan) {
    return distarray::epetra::borrow<V>(comm(), loan);
  }
  static std::int64_t mine(const Multi &x) { return x.Map().NumMyElements(); }
  static std::int64_t points(const Multi &x) { return x.Map().ElementSize(); }
  static std::int64_t columns(const Multi &x) { return x.NumVectors(); }
  static Index index(const Multi &x, std::int64_t i) { return x.Map().GID(static_cast<int>(i)); }
  static double get(const Multi &x, Index g, std::int64_t p, std::int64_t c) {
    return x[static_cast<int>(c)][x.Map().FirstPointInElement(x.Map().LID(g)) + p];
  }
  static void set(Multi &x, Index g, std::int64_t p, std::int64_t c, double value) {
    x.ReplaceGlobalValue(g, static_cast<int>(p), static_cast<int>(c), value);
  }
  static const void *address(const Multi &x) { return x.Values(); }
  template <class V>
  static distarray_requirements takes(std::int32_t ndim, distarray_required_axis *axes) {
    return distarray::epetra::requirements<V>(ndim, axes);
  }
};

template <class P>
struct Held {
  typename P::Pointer x;
};

// Visits this rank's elements until one is wrong.
template <class P, class F>
int visit(void *object, F &&f) {
  auto &x = *static_cast<Held<P> *>(object)->x;
  const std::int64_t points = P::points(x), columns = P::columns(x);
  for (std::int64_t i = 0; i < P::mine(x); ++i)
    for (std::int64_t p = 0; p < points; ++p)
      for (std::int64_t c = 0; c < columns; ++c) {
        const auto g = P::index(x, i);
        if (!f(x, g, p, c, (static_cast<std::int64_t>(g) * points + p) * columns + c)) return 0;
      }
  return 1;
}

template <class P>
int holds(void *object, std::int64_t added) {
  return visit<P>(object, [&](auto &x, auto g, auto p, auto c, std::int64_t position) {
    return P::get(x, g, p, c) == static_cast<double>(position + added);
  });
}

template <class P>
void write(void *object, std::int64_t added) {
  visit<P>(object, [&](auto &x, auto g, auto p, auto c, std::int64_t position) {
    P::set(x, g, p, c, static_cast<double>(position + added));
    return true;
  });
}

template <class P>
void end(void *object) {
  delete static_cast<Held<P> *>(object);
}

template <class F>
std::int32_t status_of(distarray_error *error, F &&call) {
  try {
    call();
  } catch (const distarray::Error &caught) {
    *error = caught.report();
    return caught.code();
  }
  return DISTARRAY_OK;
}

template <class P, bool listed>
std::int32_t lend(const shape *s, void **object, distarray_export *loan, distarray_error *error) {
  using Index = typename P::Index;
  const std::int64_t N = s->size[0], p = size, ranks = p * (p + 1);
  const auto first = static_cast<Index>(N * rank * (rank + 1) / ranks),
             stop = static_cast<Index>(N * (rank + 1) * (rank + 2) / ranks);
  std::vector<Index> list; // dealt round robin, from the last
  for (auto g = static_cast<Index>(N - 1); g >= 0; --g)
    if (g % size == rank) list.push_back(g);
  *object = new Held<P>{listed ? P::make(static_cast<Index>(list.size()), &list, *s)
                               : P::make(stop - first, nullptr, *s)};
  write<P>(*object, 0);
  return status_of(error, [&] {
    Export made = P::lend(static_cast<Held<P> *>(*object)->x, *s);
    distarray_export_move(loan, made.get());
  });
}

template <class P, class V>
std::int32_t borrow(const shape *, distarray_export *loan, void **object, const void **address,
                    distarray_error *error) {
  Export taken = Export::take(*loan);
  const std::int32_t status = status_of(error, [&] {
    auto *held = new Held<P>{P::template borrow<V>(taken)};
    *address = P::address(*held->x);
    *object = held;
  });
  distarray_export_move(loan, taken.get()); // a husk where it was borrowed
  return status;
}

// One axis has no columns.
template <class P>
std::int32_t borrow_any(const shape *s, distarray_export *loan, void **object,
                        const void **address, distarray_error *error) {
  return (s->ndim == 1 ? borrow<P, typename P::Vector> : borrow<P, typename P::Multi>)(
      s, loan, object, address, error);
}

template <class P, class V>
distarray_requirements takes(const shape *s, distarray_required_axis axes[3]) {
  const bool multi = !std::is_base_of_v<typename P::Vector, V>;
  return P::template takes<V>(multi ? std::min(s->ndim, 2) : s->ndim, axes);
}

const producer tpetra_producers[] = {
    {"Tpetra MultiVector", 0x6, lend<Tpetra_, false>, holds<Tpetra_>, end<Tpetra_>},
};
const consumer tpetra_consumers[] = {
    {"Tpetra MultiVector", borrow_any<Tpetra_>, holds<Tpetra_>, write<Tpetra_>, end<Tpetra_>,
     takes<Tpetra_, Tpetra_::Multi>, nullptr, nullptr},
};
const producer epetra_producers[] = {
    {"Epetra MultiVector", 0x6, lend<Epetra_, false>, holds<Epetra_>, end<Epetra_>},
    {"Epetra list of rows", 0x6, lend<Epetra_, true>, holds<Epetra_>, end<Epetra_>},
};
const consumer epetra_consumers[] = {
    {"Epetra Vector", borrow<Epetra_, Epetra_Vector>, holds<Epetra_>, write<Epetra_>, end<Epetra_>,
     takes<Epetra_, Epetra_Vector>, nullptr, nullptr},
    {"Epetra MultiVector", borrow_any<Epetra_>, holds<Epetra_>, write<Epetra_>, end<Epetra_>,
     takes<Epetra_, Epetra_MultiVector>, nullptr, nullptr},
};

void start(int *argc, char ***argv) { Tpetra::initialize(argc, argv); }

void stop() { Tpetra::finalize(); }

}  // namespace

const library tpetra_library = {"Tpetra",         start,     stop,
                                tpetra_producers, COUNT(tpetra_producers),
                                tpetra_consumers, COUNT(tpetra_consumers)};
const library epetra_library = {"Epetra",         nullptr,   nullptr,
                                epetra_producers, COUNT(epetra_producers),
                                epetra_consumers, COUNT(epetra_consumers)};
