// What the tests of Epetra and Tpetra share: maps of every kind, foreign memory dealt out
// in every way, and what must hold of a package's vectors over them. A package P has
//
//   map(kind, base, step = 1)         of indices base + step * i, as a pointer
//   vectors(map, columns)             a multivector, as a pointer
//   set(x, index, column, value), get(x, position, column), norm1(x, column)
//   held(x), position(x, index), address(x), update(x, from)
//   watched(x, &alive)                a pointer whose end shows in alive
//   lend(pointer, owned or null)
//   borrow_all(loan), borrow_to_read(loan), borrow_one(loan)   a multivector, a vector
//   several                           the field that refuses columns as a vector
#ifndef TRILINOS_HPP
#define TRILINOS_HPP

#include <memory>

#include <distarray.hpp>

#include "../common/check.h"
#include "memory.hpp"

using Index = long long;
constexpr Index N = 13;
constexpr int columns = 3;

inline double element(Index g, int c) { return 100.0 * static_cast<double>(g) + c; }

// A map of the indices 0 to N - 1: blocks; blocks, of which the first is empty; dealt out
// one by one from the back; the same, and then the neighbour's; even blocks with an index
// of each neighbour around them; all on every process.
enum class Kind { blocks, first_empty, listed, overlapping, padded, replicated };
constexpr Kind kinds[] = {Kind::blocks,      Kind::first_empty, Kind::listed,
                          Kind::overlapping, Kind::padded,      Kind::replicated};

struct Part {
  std::vector<Index> held;
  std::int64_t first = 0, stop = 0; // owned: held[first] to held[stop - 1]
};

inline Part part_of(Kind kind) {
  Part part;
  Index start = N * rank / size, end = N * (rank + 1) / size;
  if (kind == Kind::replicated) start = 0, end = N;
  if (kind == Kind::first_empty && size > 1) {
    start = rank == 0 ? 0 : N * (rank - 1) / (size - 1);
    end = N * rank / (size - 1);
  }
  if (kind == Kind::listed || kind == Kind::overlapping) {
    for (Index g = N - 1; g >= 0; --g)
      if (g % size == rank) part.held.push_back(g);
    part.stop = static_cast<std::int64_t>(part.held.size());
    for (Index g = 0; kind == Kind::overlapping && size > 1 && g < N; ++g)
      if ((g + 1) % size == rank) part.held.push_back(g);
    return part;
  }
  part.first = kind == Kind::padded && rank > 0;
  part.stop = part.first + end - start;
  for (Index g = start - part.first; g < end; ++g) part.held.push_back(g);
  if (kind == Kind::padded && rank < size - 1) part.held.push_back(end);
  return part;
}

// The map of what each process owns of an overlapping one.
inline bool overlaps(Kind kind, Kind *owned) {
  *owned = kind == Kind::overlapping ? Kind::listed : Kind::blocks;
  return size > 1 && (kind == Kind::overlapping || kind == Kind::padded);
}

// --- Lending ---------------------------------------------------------------------

// Lends vectors of every map, and finds every element by the loan's indices.
template <class P>
void lend_every_kind(const P &package) {
  for (const Kind kind : kinds)
    for (const Index base : {0, 1}) {
      const auto map = package.map(kind, base);
      auto x = package.vectors(map, columns);
      for (const Index g : part_of(kind).held)
        for (int c = 0; c < columns; ++c) package.set(*x, g + base, c, element(g, c));
      const void *address = package.address(*x);
      std::weak_ptr<int> alive;
      Kind owner;
      const bool shared = overlaps(kind, &owner);
      const auto owned = package.map(owner, base);
      distarray::Export loan =
          package.lend(package.watched(std::move(x), &alive), shared ? &*owned : nullptr);
      x = decltype(x)();
      check(!alive.expired()); // the loan keeps it
      check(!!(loan->flags_write & DISTARRAY_W_REPLICATED) ==
            (kind == Kind::replicated && size > 1));
      distarray::Array array(std::move(loan));
      distarray::Distribution whole(table, array);
      check(part_of(kind).held.empty() || array.description().data == address);
      const distarray_dim rows = array.dim(0);
      const bool listed = kind == Kind::listed || kind == Kind::overlapping ||
                          (kind == Kind::padded && !shared);
      check(rows.dist_type == (listed ? DISTARRAY_DIST_UNSTRUCTURED : DISTARRAY_DIST_BLOCK));
      std::int64_t held, first, stop;
      must(distarray_dim_owned(&rows, &held, &first, &stop, &error));
      const Part part = part_of(kind);
      check(held == static_cast<std::int64_t>(part.held.size()));
      check(part.first == first && part.stop == stop);
      const auto view = array.owned<double, 2>();
      for (std::int64_t i = 0; i < view.extent(0); ++i)
        for (int c = 0; c < columns; ++c)
          check(view(i, c) == element(part.held[static_cast<std::size_t>(first + i)], c));
      for (std::int64_t i = 0; i < held; ++i) {
        std::int64_t g = -1;
        must(distarray_dim_local_to_global(&rows, 1, &i, &g, &error));
        check(g == part.held[static_cast<std::size_t>(i)]);
      }
      array = distarray::Array(nullptr);
      check(alive.expired());
    }
}

template <class F>
void must_refuse(const char *file, int line, const char *what, std::int32_t code, const char *field,
                 F &&call) {
  std::int32_t status = 0;
  try {
    call();
    error.message[0] = '\0';
  } catch (const distarray::Error &caught) {
    error = caught.report();
    status = caught.code();
  }
  refused_at(file, line, what, status, code, field, "");
}
#define REFUSED(code, field, call) must_refuse(__FILE__, __LINE__, #call, code, field, [&] { call; })

// An overlapping map whose owners are not told, or not so that a loan can tell them.
template <class P>
void refuse_to_lend(const P &package) {
  if (size == 1) return;
  const auto map = package.map(Kind::overlapping, 0), other = package.map(Kind::blocks, 0);
  const auto x = package.vectors(map, 1);
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "n_owned", package.lend(&*x, nullptr));
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "n_owned", package.lend(&*x, &*other));
  const auto gaps = package.vectors(package.map(Kind::listed, 0, 2), 1);
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "size", package.lend(&*gaps, nullptr));
}

// --- Borrowing -------------------------------------------------------------------

struct Foreign {
  std::vector<double> memory;
  std::vector<std::int64_t> list, ranks;
};

// What became of the loans.
struct Lender {
  int alive = 0;
  std::uint64_t told = 0; // DISTARRAY_C_* of the last one
};

// How memory of our own is dealt out: as maps are, and as no map is: in blocks of two
// round robin; in blocks whose last is on the first rank.
enum class Dealt { as_map, cyclic, backwards };

inline Part part_of(Dealt dealt, Kind kind, distarray_dim *dim, Foreign &foreign) {
  Part part;
  if (dealt == Dealt::cyclic) {
    *dim = distarray_dim_cyclic(N, size, rank, 2, 0);
    for (Index g = 0; g < N; ++g)
      if (g / 2 % size == rank) part.held.push_back(g);
  } else if (dealt == Dealt::backwards) {
    const std::int64_t place = size - 1 - rank;
    *dim = distarray_dim_block(N, size, place, N * place / size, N * (place + 1) / size);
    for (Index g = dim->start; g < dim->stop; ++g) part.held.push_back(g);
    for (std::int64_t k = 0; k < size; ++k) foreign.ranks.push_back(size - 1 - k);
  } else {
    part = part_of(kind);
    const auto held = static_cast<std::int64_t>(part.held.size());
    if (kind == Kind::listed || kind == Kind::overlapping) {
      foreign.list.assign(part.held.begin(), part.held.end());
      *dim = distarray_dim_unstructured(N, size, rank, foreign.list.data(), held, part.stop, 1);
    } else if (kind == Kind::replicated) {
      *dim = distarray_dim_whole(N);
    } else {
      const std::int64_t start = held > 0 ? part.held[0] : 0;
      *dim = distarray_dim_block(N, size, rank, start, start + held);
      dim->padding[0] = part.first;
      dim->padding[1] = held - part.stop;
    }
    return part;
  }
  part.stop = static_cast<std::int64_t>(part.held.size());
  return part;
}

// Lends elements of `points` points in k columns, `gap` elements between them; k 0 for no
// axis of columns, points 0 for none of points.
inline distarray::Export lend_foreign(Lender &lender, Dealt dealt, Kind kind, std::int64_t gap,
                                      int k = columns, std::int64_t points = 0) {
  struct Owner : Foreign {
    explicit Owner(Lender &lender) : lender_(&lender) { ++lender.alive; }
    Owner(const Owner &) = delete;
    ~Owner() { --lender_->alive; }
    Lender *lender_;
  };
  auto owner = std::make_unique<Owner>(lender);
  distarray_dim dim{};
  const Part part = part_of(dealt, kind, &dim, *owner);
  const auto n = static_cast<std::int64_t>(part.held.size());
  const std::int64_t width = points > 0 ? points : 1, lda = n * width + gap;
  owner->memory.assign(static_cast<std::size_t>(lda * (k > 0 ? k : 1) + 1), -77);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t p = 0; p < width; ++p)
      for (int c = 0; c < (k > 0 ? k : 1); ++c)
        owner->memory[static_cast<std::size_t>(i * width + p + c * lda)] =
            element(part.held[static_cast<std::size_t>(i)] * width + p, c);
  std::vector<std::int64_t> shape{n}, strides{8 * width};
  std::vector<distarray_dim> dims{dim};
  const auto add_axis = [&](std::int64_t extent, std::int64_t stride) {
    shape.push_back(extent);
    strides.push_back(stride);
    dims.push_back(distarray_dim_whole(extent));
  };
  if (points > 0) add_axis(points, 8);
  if (k > 0) add_axis(k, 8 * lda);
  double *data = owner->memory.data();
  const std::int64_t *ranks = owner->ranks.data();
  const bool mapped = !owner->ranks.empty();
  auto loan = distarray::lend(data, std::move(shape), std::move(strides), std::move(dims),
                              distarray::Place{rank, size}, std::move(owner));
  if (dim.n_owned < dim.n_indices) loan.get()->flags_read |= DISTARRAY_R_GHOSTS;
  if (kind == Kind::replicated && size > 1) loan.get()->flags_write |= DISTARRAY_W_REPLICATED;
  if (mapped) {
    loan.get()->flags_read |= DISTARRAY_R_GRID_MAP;
    loan.get()->grid_ranks = ranks;
  }
  // Listens to what the borrower says.
  struct Listener {
    distarray_export inner;
    Lender *lender;
  };
  auto *listener = new Listener{DISTARRAY_EXPORT_INIT, &lender};
  distarray_export outer = *loan.get();
  distarray_export_move(&listener->inner, loan.get());
  outer.private_data = listener;
  outer.release = [](distarray_export *self) {
    auto *heard = static_cast<Listener *>(self->private_data);
    heard->lender->told = self->consumer_flags;
    distarray_export_release(&heard->inner);
    delete heard;
    self->release = nullptr;
  };
  return distarray::Export::take(outer);
}

template <class P>
void borrow_one_kind(const P &package, Dealt dealt, Kind kind, std::int64_t gap) {
  Lender lender;
  distarray::Export loan = lend_foreign(lender, dealt, kind, gap);
  double *memory = static_cast<double *>(loan->data);
  const std::int64_t lda = loan->strides[1] / 8;
  distarray_dim dim = loan->dims[0];
  Foreign lists;
  const Part part = part_of(dealt, kind, &dim, lists);
  auto x = package.borrow_all(loan);
  check(!loan && lender.alive == 1);
  check(package.held(*x) == static_cast<std::int64_t>(part.held.size()));
  check(part.held.empty() || package.address(*x) == memory);
  for (const Index g : part.held) {
    const std::int64_t local = package.position(*x, g);
    check(local >= 0 && part.held[static_cast<std::size_t>(local)] == g);
    for (int c = 0; c < columns; ++c) {
      check(package.get(*x, local, c) == element(g, c));
      package.set(*x, g, c, element(g, c) + 1);
      check(memory[local + c * lda] == element(g, c) + 1);
    }
  }
  const bool whole = part.stop - part.first == static_cast<std::int64_t>(part.held.size());
  Kind owner = Kind::blocks;
  const bool shared = dealt == Dealt::as_map && overlaps(kind, &owner);
  if (!shared) // every element once: the sum is known
    for (int c = 0; c < columns; ++c)
      check(package.norm1(*x, c) == 100.0 * N * (N - 1) / 2 + N * (c + 1));
  // Another map's elements arrive in our memory.
  auto source = package.vectors(package.map(Kind::blocks, 0), columns);
  for (const Index g : part_of(Kind::blocks).held)
    for (int c = 0; c < columns; ++c)
      package.set(*source, g, c, 5.0 * static_cast<double>(g) + c);
  if (kind != Kind::replicated) {
    package.update(*x, *source);
    for (const Index g : part.held)
      for (int c = 0; c < columns; ++c)
        check(memory[package.position(*x, g) + c * lda] == 5.0 * static_cast<double>(g) + c);
  }
  for (std::int64_t i = lda - gap; i < lda; ++i) check(memory[i] == -77);
  { // lent on as it lies
    const auto owned = package.map(owner, 0);
    const distarray::Export again = package.lend(&*x, shared ? &*owned : nullptr);
    check(part.held.empty() || (again->data == memory && again->strides[1] == 8 * lda));
  }
  x = decltype(x)();
  check(lender.alive == 0 && (lender.told & DISTARRAY_C_MODIFIED));
  check(!!(lender.told & DISTARRAY_C_HALO_MODIFIED) == !whole);
}

template <class P>
void borrow_every_kind(const P &package) {
  for (std::int64_t gap = 0; gap < 3; ++gap) {
    for (const Kind kind : kinds) borrow_one_kind(package, Dealt::as_map, kind, gap);
    borrow_one_kind(package, Dealt::cyclic, Kind::blocks, gap);
    borrow_one_kind(package, Dealt::backwards, Kind::blocks, gap);
  }
  Lender lender;
  distarray::Export loan = lend_foreign(lender, Dealt::as_map, Kind::blocks, 0, 0);
  {
    const auto x = package.borrow_one(loan);
    check(package.norm1(*x, 0) == 100.0 * N * (N - 1) / 2 && lender.alive == 1);
    const distarray::Export again = package.lend(&*x, nullptr);
    check(again->ndim == 1);
  }
  check(lender.alive == 0);
  loan = lend_foreign(lender, Dealt::as_map, Kind::blocks, 0);
  loan.get()->flags_write |= DISTARRAY_W_READ_ONLY;
  {
    const auto x = package.borrow_to_read(loan);
    check(package.norm1(*x, 1) == 100.0 * N * (N - 1) / 2 + N);
    const distarray::Export again = package.lend(&*x, nullptr);
    check(again->flags_write == DISTARRAY_W_READ_ONLY);
  }
  check(lender.alive == 0 && lender.told == 0);
}

// --- Refusing --------------------------------------------------------------------

template <class P>
void refuse_to_borrow(const P &package) {
  Lender lender;
  const bool last = rank == size - 1;
  static std::int64_t strides[2], shape[2] = {1, 1};
  const auto blocks = [&](std::int64_t gap) {
    return lend_foreign(lender, Dealt::as_map, Kind::blocks, gap);
  };
  distarray::Export loan;
  // The loan stays with the caller.
  const auto refused_all = [&](std::int32_t code, const char *field, int line) {
    must_refuse(__FILE__, line, "borrow_all", code, field, [&] { package.borrow_all(loan); });
    if (!loan || lender.alive != 1) fail(__FILE__, line, "borrow_all", "takes what it refuses");
    loan.give_back();
  };
#define REFUSED_ALL(code, field) refused_all(code, field, __LINE__)
  loan = blocks(0);
  distarray_export_set_dtype(loan.get(), DISTARRAY_DTYPE_INT, 64);
  REFUSED_ALL(DISTARRAY_E_DTYPE, "dtype_code");
  loan = blocks(0);
  if (last) loan.get()->flags_write = DISTARRAY_W_READ_ONLY;
  REFUSED_ALL(DISTARRAY_E_ACCESS, "flags_write");
  loan = blocks(0); // rows side by side
  strides[0] = 8 * columns, strides[1] = 8;
  loan.get()->strides = strides;
  REFUSED_ALL(DISTARRAY_E_UNACCEPTABLE, "strides");
  loan = blocks(0); // every other element
  strides[0] = 16, strides[1] = 16 * loan->shape[0];
  loan.get()->strides = strides;
  REFUSED_ALL(DISTARRAY_E_UNACCEPTABLE, "strides");
  loan = blocks(0); // one column in the place of all
  strides[0] = 8, strides[1] = 0;
  loan.get()->strides = strides;
  loan.get()->flags_write |= DISTARRAY_W_ALIASED;
  REFUSED_ALL(DISTARRAY_E_ACCESS, "flags_write");
  loan = blocks(2); // a halo around the edges
  auto *dim = const_cast<distarray_dim *>(loan->dims);
  distarray_dim_add_halo(dim, 1, 1);
  const_cast<std::int64_t *>(loan->shape)[0] += 2;
  REFUSED_ALL(DISTARRAY_E_UNACCEPTABLE, "padding");
  loan = blocks(0);
  REFUSED(DISTARRAY_E_UNACCEPTABLE, package.several, package.borrow_one(loan));
  loan.give_back();
  if (size > 1) { // columns dealt out
    loan = blocks(0);
    dim = const_cast<distarray_dim *>(loan->dims);
    dim[0] = distarray_dim_whole(1);
    dim[1] = distarray_dim_block(size, size, rank, rank, rank + 1);
    loan.get()->shape = shape;
    REFUSED_ALL(DISTARRAY_E_UNACCEPTABLE, "proc_grid_size");
  }
  if (size % 2 == 0) { // halves, each twice
    loan = blocks(20);
    dim = const_cast<distarray_dim *>(loan->dims);
    const int half = size / 2, place = rank % half;
    dim[0] = distarray_dim_block(half, half, place, place, place + 1);
    loan.get()->flags_write |= DISTARRAY_W_REPLICATED;
    shape[1] = columns;
    loan.get()->shape = shape;
    if (half > 1) {
      REFUSED_ALL(DISTARRAY_E_UNACCEPTABLE, "process_count");
    }
    shape[1] = 1;
    loan.give_back();
  }
  check(lender.alive == 0);
}

// --- Without memory --------------------------------------------------------------

// What one rank has no memory for, all refuse, and go on; a loan stays with its lender.
template <class P>
void run_out_of_memory(const P &package) {
  void *primed[1];
  check(backtrace(primed, 1) == 1); // the first call asks for memory
  for (const Kind kind : kinds) {
    Lender lender;
    distarray::Export loan = lend_foreign(lender, Dealt::as_map, kind, 0);
    const auto again = [&] { // the vector took it
      if (!loan) loan = lend_foreign(lender, Dealt::as_map, kind, 0);
      return true;
    };
    check(memory::run_out(__LINE__, [&] { return package.borrow_all(loan); }) >= 1);
    check(again() && memory::run_out(__LINE__, [&] { return package.borrow_to_read(loan); }) >= 1);
    for (const Index base : {0, 1}) { // the map's own list, or one of the loan's
      std::weak_ptr<int> alive;
      const auto x = package.watched(package.vectors(package.map(kind, base), columns), &alive);
      Kind owner;
      const bool shared = overlaps(kind, &owner);
      const auto owned = package.map(owner, base);
      const auto lend = [&] { return package.lend(x, shared ? &*owned : nullptr); };
      check(memory::run_out(__LINE__, lend) >= 4); // shape, strides, axes, and the keeper
    }
    loan.give_back();
    check(lender.alive == 0);
  }
}

#endif
