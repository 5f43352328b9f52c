// Epetra's vectors are lent, and foreign memory becomes Epetra's, through maps of every
// kind and elements of several points. Each element is set and read by Epetra's own global
// indices. Any number of ranks.
#include <Epetra_Import.h>
#include <Epetra_LocalMap.h>
#include <Epetra_Map.h>
#include <Epetra_SerialComm.h>

#include <distarray_epetra.hpp>

#include "trilinos.hpp"

namespace {

using MV = Epetra_MultiVector;
using Vec = Epetra_Vector;
using Map = Epetra_BlockMap;

struct Package {
  const Epetra_Comm &comm;
  const char *several = "strides";

  std::unique_ptr<Map> map(Kind kind, Index base, Index step = 1, int points = 1) const {
    std::vector<int> list;
    for (const Index g : part_of(kind).held) list.push_back(static_cast<int>(g * step + base));
    const int mine = static_cast<int>(list.size()), first = static_cast<int>(base);
    if (kind == Kind::blocks || kind == Kind::first_empty)
      return std::make_unique<Map>(-1, mine, points, first, comm);
    if (kind == Kind::replicated) return std::make_unique<Epetra_LocalMap>(mine, first, comm);
    return std::make_unique<Map>(-1, mine, list.data(), points, first, comm);
  }
  std::unique_ptr<MV> vectors(const std::unique_ptr<Map> &map, int columns) const {
    return std::make_unique<MV>(*map, columns);
  }

  void set(MV &x, Index g, int c, double value) const {
    check(x.ReplaceGlobalValue(static_cast<int>(g), c, value) == 0);
  }
  double get(const MV &x, std::int64_t position, int c) const { return x[c][position]; }
  double norm1(const MV &x, int c) const {
    double norm = -1;
    check(x(c)->Norm1(&norm) == 0);
    return norm;
  }
  std::int64_t held(const MV &x) const { return x.Map().NumMyElements(); }
  std::int64_t position(const MV &x, Index g) const { return x.Map().LID(static_cast<int>(g)); }
  const void *address(const MV &x) const { return x.Values(); }
  void update(MV &x, const MV &from) const {
    check(x.Import(from, Epetra_Import(x.Map(), from.Map()), Insert) == 0);
  }

  std::shared_ptr<MV> watched(std::unique_ptr<MV> x, std::weak_ptr<int> *alive) const {
    const auto token = std::make_shared<int>();
    *alive = token;
    return {x.release(), [token](MV *self) { delete self; }};
  }
  template <class Pointer>
  distarray::Export lend(Pointer x, const Map *owned) const {
    return distarray::epetra::lend(std::move(x), owned);
  }
  std::unique_ptr<MV> borrow_all(distarray::Export &loan) const {
    return distarray::epetra::borrow<MV>(comm, loan);
  }
  std::unique_ptr<const MV> borrow_to_read(distarray::Export &loan) const {
    return distarray::epetra::borrow<const MV>(comm, loan);
  }
  std::unique_ptr<Vec> borrow_one(distarray::Export &loan) const {
    return distarray::epetra::borrow<Vec>(comm, loan);
  }
};

constexpr int points = 2;

// Elements of several points, as axes of their own.
void lend_points(const Package &package) {
  for (const Kind kind : {Kind::blocks, Kind::first_empty, Kind::listed}) {
    const auto map = package.map(kind, 0, 1, points);
    const auto x = package.vectors(map, columns);
    const Part part = part_of(kind);
    for (const Index g : part.held)
      for (int p = 0; p < points; ++p)
        for (int c = 0; c < columns; ++c)
          check(x->ReplaceGlobalValue(static_cast<int>(g), p, c, element(g * points + p, c)) == 0);
    distarray::Array all(package.lend(&*x, nullptr));
    distarray::Array one(package.lend((*x)(1), nullptr));
    distarray::Distribution whole(table, all), column(table, one);
    check(all.dim(1).flags == DISTARRAY_DIM_COMPONENT && all.dim(1).size == points);
    check(one.description().ndim == 2);
    const auto view = all.owned<double, 3>();
    const auto second = one.owned<double, 2>();
    for (std::size_t i = 0; i < part.held.size(); ++i)
      for (int p = 0; p < points; ++p) {
        for (int c = 0; c < columns; ++c)
          check(view(i, p, c) == element(part.held[i] * points + p, c));
        check(&second(i, p) == &view(i, p, 1));
      }
  }
}

// The points of x are those of the foreign memory.
void check_points(MV &x, const Part &part, int k) {
  check(x.Map().ElementSize() == points && x.NumVectors() == k);
  for (const Index g : part.held)
    for (int p = 0; p < points; ++p)
      for (int c = 0; c < k; ++c) {
        const int local = x.Map().LID(static_cast<int>(g)) * points + p;
        check(x[c][local] == element(g * points + p, c));
        check(x.ReplaceGlobalValue(static_cast<int>(g), p, c, -1) == 0 && x[c][local] == -1);
      }
}

void borrow_points(const Package &package) {
  Lender lender;
  for (const Kind kind : kinds) {
    const Part part = part_of(kind);
    for (std::int64_t gap = 0; gap < 2; ++gap) {
      auto loan = lend_foreign(lender, Dealt::as_map, kind, gap, columns, points);
      const void *memory = loan->data;
      const auto all = distarray::epetra::borrow<MV>(package.comm, loan);
      check(part.held.empty() || all->Values() == memory);
      check_points(*all, part, columns);
    }
    auto loan = lend_foreign(lender, Dealt::as_map, kind, 0, 0, points);
    const auto one = distarray::epetra::borrow<Vec>(package.comm, loan);
    check_points(*one, part, 1);
  }
  check(lender.alive == 0);
}

// Columns picked from another vector's, by Epetra as addresses.
void lend_picked(const Package &package) {
  const auto map = package.map(Kind::blocks, 0);
  const auto x = package.vectors(map, 4);
  const Part part = part_of(Kind::blocks);
  for (const Index g : part.held)
    for (int c = 0; c < 4; ++c) package.set(*x, g, c, element(g, c));
  int apart[] = {0, 1, 3}, twice[] = {2, 2}, backwards[] = {3, 2, 1};
  MV uneven(::View, *x, apart, 3), same(::View, *x, twice, 2), back(::View, *x, backwards, 3);
  REFUSED(DISTARRAY_E_UNSUPPORTED, "strides", package.lend(&uneven, nullptr));
  REFUSED(DISTARRAY_E_UNSUPPORTED, "strides", package.lend(&same, nullptr));
  distarray::Export loan = package.lend(&back, nullptr);
  const auto view = loan.view<double, 2>();
  for (std::size_t i = 0; i < part.held.size(); ++i)
    for (int c = 0; c < 3; ++c) check(view(i, c) == element(part.held[i], 3 - c));
}

// Maps of 64-bit indices, which Epetra has as well, are lent.
void lend_long_long() {
  Epetra_MpiComm world(MPI_COMM_WORLD);
  const Part part = part_of(Kind::listed);
  const long long many = -1;
  const Epetra_Map listed(many, static_cast<int>(part.held.size()), part.held.data(), 0LL, world);
  const Epetra_Map linear(static_cast<long long>(N), 0LL, world);
  for (const Epetra_Map *map : {&listed, &linear}) {
    Vec x(*map);
    for (int i = 0; i < map->NumMyElements(); ++i) x[i] = element(map->GID64(i), 0);
    distarray::Array array(distarray::epetra::lend(&x));
    distarray::Distribution whole(table, array);
    const distarray_dim rows = array.dim(0);
    for (std::int64_t i = 0; i < map->NumMyElements(); ++i) {
      std::int64_t g = -1;
      must(distarray_dim_local_to_global(&rows, 1, &i, &g, &error));
      check(x[static_cast<int>(i)] == element(g, 0));
    }
  }
}

// A vector of each process alone.
void borrow_alone() {
  double memory[] = {1, 2, 3};
  double *data = memory;
  const Epetra_SerialComm alone;
  auto loan = distarray::lend(data, {distarray_dim_whole(3)}, distarray::Place{}, 0);
  const auto x = distarray::epetra::borrow<Vec>(alone, loan);
  double sum = 0;
  check(x->Norm1(&sum) == 0 && sum == 6 && x->Values() == memory);
  const distarray::Export again = distarray::epetra::lend(&*x);
  check(again->data == memory && again->process_count == 1);
}

// A loan of elements that are nowhere: nothing looks at them.
distarray::Export lend_many(std::vector<std::int64_t> shape, std::vector<std::int64_t> strides) {
  static double nowhere;
  double *data = &nowhere;
  const std::int64_t n = shape[0];
  const distarray_dim rows = distarray_dim_block(n * size, size, rank, n * rank, n * (rank + 1));
  std::vector<distarray_dim> dims{rows};
  for (std::size_t i = 1; i < shape.size(); ++i) dims.push_back(distarray_dim_whole(shape[i]));
  return distarray::lend(data, std::move(shape), std::move(strides), std::move(dims),
                         distarray::Place{rank, size}, 0);
}

void refuse_what_int_cannot_count(const Package &package) {
  const std::int64_t most = std::numeric_limits<int>::max();
  auto loan = lend_many({most + 1}, {8}); // on each process
  REFUSED(DISTARRAY_E_BOUNDS, "shape", package.borrow_one(loan));
  if (size > 1) { // on all
    loan = lend_many({most / 2 + 1}, {8});
    REFUSED(DISTARRAY_E_BOUNDS, "size", package.borrow_one(loan));
  }
  loan = lend_many({most / size / 2, 3}, {24, 8}); // points
  REFUSED(DISTARRAY_E_BOUNDS, size == 1 ? "shape" : "size", package.borrow_one(loan));
  loan = lend_many({4, 2}, {8, 8 * (most + 1)}); // a distance
  REFUSED(DISTARRAY_E_BOUNDS, "shape", package.borrow_all(loan));
}

void refuse_what_epetra_has_not(const Package &package) {
  Lender lender;
  auto loan = lend_foreign(lender, Dealt::as_map, Kind::blocks, 0);
  const_cast<std::int64_t *>(loan->shape)[1] = 0;
  const_cast<distarray_dim *>(loan->dims)[1] = distarray_dim_whole(0);
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "size", package.borrow_all(loan));
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "size", package.borrow_one(loan));
  MV *none = nullptr;
  REFUSED(DISTARRAY_E_NULL, "vectors", package.lend(none, nullptr));
  const int elements[] = {2 * rank, 2 * rank + 1}, sizes[] = {1, 2};
  const Map ragged(-1, 2, elements, sizes, 0, package.comm);
  Vec x(ragged);
  REFUSED(DISTARRAY_E_UNSUPPORTED, "ElementSize", package.lend(&x, nullptr));
}

}  // namespace

int main(int argc, char **argv) {
  start(&argc, &argv);
  {
    const Epetra_MpiComm world(MPI_COMM_WORLD);
    const Package package{world};
    lend_every_kind(package);
    lend_points(package);
    lend_picked(package);
    lend_long_long();
    borrow_every_kind(package);
    borrow_points(package);
    borrow_alone();
    refuse_to_lend(package);
    refuse_to_borrow(package);
    run_out_of_memory(package);
    refuse_what_int_cannot_count(package);
    refuse_what_epetra_has_not(package);
  }
  return finish("epetra");
}
