// Tpetra's vectors are lent, and foreign memory becomes Tpetra's, through maps of every
// kind. Each element is set and read by Tpetra's own global indices. Any number of ranks.
#include <Tpetra_Core.hpp>
#include <Tpetra_Import.hpp>

#include <distarray_tpetra.hpp>
#include <distarray.hpp>

#include "check.h"

namespace {

using MV = Tpetra::MultiVector<>;
using Vec = Tpetra::Vector<>;
using Map = MV::map_type;
using GO = MV::global_ordinal_type;
using Teuchos::RCP;
using Teuchos::rcp;

constexpr GO N = 13;
constexpr int columns = 3;
const auto invalid = Teuchos::OrdinalTraits<Tpetra::global_size_t>::invalid();

double element(GO g, int c) { return 100.0 * static_cast<double>(g) + c; }

/* Dealt out one by one, from the back; with overlap, then the neighbour's. */
std::vector<GO> listed(bool overlap, GO base) {
  std::vector<GO> list;
  for (GO g = N - 1; g >= 0; --g)
    if (g % size == rank) list.push_back(g + base);
  for (GO g = 0; overlap && size > 1 && g < N; ++g)
    if ((g + 1) % size == rank) list.push_back(g + base);
  return list;
}

RCP<const Map> map_of(int kind, const RCP<const Teuchos::Comm<int>> &teuchos) {
  const GO base = kind == 3 || kind == 6 ? 1 : 0;
  if (kind == 0 || kind == 3) return rcp(new Map(N, base, teuchos));
  if (kind == 1) // contiguous, uneven; rank 0 has nothing if there are others
    return rcp(new Map(invalid, static_cast<std::size_t>(N * rank / size), 0, teuchos));
  if (kind == 5) return rcp(new Map(N, 0, teuchos, Tpetra::LocallyReplicated));
  if (kind == 7) // one rank in the middle has nothing
    return rcp(new Map(invalid, rank == size / 2 && size > 1 ? 0 : 4, 0, teuchos));
  const auto list = listed(kind == 4, base);
  return rcp(new Map(invalid,
                     Teuchos::ArrayView<const GO>(list.data(), static_cast<int>(list.size())), base,
                     teuchos));
}

void lend_all(const RCP<const Teuchos::Comm<int>> &teuchos) {
  for (int kind = 0; kind < 8; ++kind) {
    if (kind == 1 && size == 1) continue; // an empty array
    const auto map = map_of(kind, teuchos);
    const GO base = map->getIndexBase();
    RCP<MV> x = rcp(new MV(map, columns));
    for (GO g : map->getNodeElementList())
      for (int c = 0; c < columns; ++c)
        x->replaceGlobalValue(g, static_cast<std::size_t>(c), element(g - base, c));
    const void *address = x->getLocalViewHost(Tpetra::Access::ReadOnly).data();
    Teuchos::RCP<MV> weak = x.create_weak();
    const auto owned = map_of(2, teuchos);
    distarray::Export loan = distarray::tpetra::lend(x, kind == 4 ? owned.get() : nullptr);
    x = Teuchos::null; // the loan keeps it
    check(weak.is_valid_ptr());
    distarray::Array array(std::move(loan));
    distarray::Distribution whole(comm, array);
    check(array.description().data == address);
    const auto view = array.owned<double, 2>();
    const distarray_dim rows = array.dim(0);
    for (std::int64_t i = 0; i < view.extent(0); ++i)
      for (int c = 0; c < columns; ++c) {
        std::int64_t g = -1;
        must(distarray_dim_local_to_global(&rows, 1, &i, &g, &error));
        check(view(i, c) == element(g, c));
      }
    if (view.size() > 0) view(0, 1) = -7;
    const auto data = weak->getData(1);
    check(view.size() == 0 || data[0] == -7);
    array = distarray::Array(nullptr);
    check(!weak.is_valid_ptr());
  }
  RCP<const MV> fixed = rcp(new MV(map_of(0, teuchos), 1));
  if (size > 1) {
    const auto overlapping = rcp(new MV(map_of(4, teuchos), 1));
    const auto other = map_of(0, teuchos); /* not the indices that come first */
    for (const Map *owned : {static_cast<const Map *>(nullptr), other.get()})
      try {
        distarray::tpetra::lend(overlapping, owned);
        check(false);
      } catch (const distarray::Error &caught) {
        check(caught.code() == DISTARRAY_E_UNACCEPTABLE &&
              caught.report().field == std::string("n_owned"));
      }
  }
  distarray::Export reading = distarray::tpetra::lend(fixed);
  check(reading->flags_write == DISTARRAY_W_READ_ONLY);
}

struct Foreign {
  std::vector<double> memory;
  std::vector<std::int64_t> list;
  int *alive;
  explicit Foreign(int *counter) : alive(counter) { ++*alive; }
  Foreign(const Foreign &) = delete;
  ~Foreign() { --*alive; }
};

// Rows of one kind in memory of our own, columns lda apart.
distarray::Export lend_foreign(int kind, std::int64_t lda_gap, int *alive, int k = columns) {
  auto owner = std::make_unique<Foreign>(alive);
  std::vector<GO> mine;
  distarray_dim dim{};
  if (kind == 0) {
    const std::int64_t first = N * rank * (rank + 1) / (size * (size + 1)),
                       last = N * (rank + 1) * (rank + 2) / (size * (size + 1));
    for (std::int64_t g = first; g < last; ++g) mine.push_back(g);
    dim = distarray_dim_block(N, size, rank, first, last);
  } else if (kind == 1) {
    for (GO g = 0; g < N; ++g)
      if (g / 2 % size == rank) mine.push_back(g);
    dim = distarray_dim_cyclic(N, size, rank, 2, 0);
  } else {
    mine = listed(false, 0);
    const auto owned = static_cast<std::int64_t>(mine.size());
    if (kind == 3 && size > 1)
      for (GO g = 0; g < N; ++g)
        if ((g + 1) % size == rank) mine.push_back(g);
    owner->list.assign(mine.begin(), mine.end());
    dim = distarray_dim_unstructured(N, size, rank, owner->list.data(),
                                     static_cast<std::int64_t>(mine.size()), owned, 1);
  }
  const auto n = static_cast<std::int64_t>(mine.size()), lda = n + lda_gap;
  owner->memory.assign(static_cast<std::size_t>(lda * k + 1), -77);
  for (std::int64_t i = 0; i < n; ++i)
    for (int c = 0; c < k; ++c)
      owner->memory[static_cast<std::size_t>(i + c * lda)] =
          element(mine[static_cast<std::size_t>(i)], c);
  double *data = owner->memory.data();
  auto loan = distarray::lend(data, {n, k}, {8, 8 * lda}, {dim, distarray_dim_whole(k)},
                              distarray::Place{rank, size}, std::move(owner));
  if (kind == 3 && size > 1) loan.get()->flags_read |= DISTARRAY_R_GHOSTS;
  return loan;
}

void borrow_all(const RCP<const Teuchos::Comm<int>> &teuchos) {
  int alive = 0;
  for (int kind = 0; kind < 4; ++kind)
    for (std::int64_t gap = 0; gap < 3; ++gap) {
      distarray::Export loan = lend_foreign(kind, gap, &alive);
      const void *address = loan->data;
      double *memory = static_cast<double *>(loan->data);
      const std::int64_t lda = loan->strides[1] / 8;
      auto x = distarray::tpetra::borrow<MV>(teuchos, loan);
      check(!loan && alive == 1);
      const auto map = x->getMap();
      check(map->getNodeNumElements() == 0 ||
            x->getLocalViewHost(Tpetra::Access::ReadOnly).data() == address);
      for (GO g = 0; g < N; ++g) {
        const auto local = map->getLocalElement(g);
        if (local == Teuchos::OrdinalTraits<int>::invalid()) continue;
        for (int c = 0; c < columns; ++c) {
          check(x->getData(static_cast<std::size_t>(c))[local] == element(g, c));
          x->replaceGlobalValue(g, static_cast<std::size_t>(c), element(g, c) + 1);
          check(memory[local + c * lda] == element(g, c) + 1);
        }
      }
      { // Lent on as it lies
        const RCP<const MV> reading = x;
        const auto owned = map_of(2, teuchos);
        const distarray::Export again =
            distarray::tpetra::lend(reading, kind == 3 && size > 1 ? owned.get() : nullptr);
        check(map->getNodeNumElements() == 0 ||
              (again->data == address && again->strides[1] == 8 * lda));
      }
      if (kind < 3) { // every element once: its sum is known
        std::vector<double> sums(columns);
        x->norm1(Teuchos::ArrayView<double>(sums.data(), columns));
        for (int c = 0; c < columns; ++c)
          check(sums[static_cast<std::size_t>(c)] == 100.0 * N * (N - 1) / 2 + N * (c + 1));
      }
      // Another map's elements arrive in our memory.
      MV source(map_of(0, teuchos), columns);
      for (GO g : source.getMap()->getNodeElementList())
        for (int c = 0; c < columns; ++c)
          source.replaceGlobalValue(g, static_cast<std::size_t>(c),
                                    5.0 * static_cast<double>(g) + c);
      x->doImport(source, Tpetra::Import<>(source.getMap(), map), Tpetra::INSERT);
      for (GO g : map->getNodeElementList())
        for (int c = 0; c < columns; ++c)
          check(memory[map->getLocalElement(g) + c * lda] == 5.0 * static_cast<double>(g) + c);
      for (std::int64_t i = lda - gap; i < lda; ++i) check(memory[i] == -77);
      x = Teuchos::null;
      check(alive == 0);
    }
  distarray::Export loan = lend_foreign(0, 0, &alive, 1);
  const auto v = distarray::tpetra::borrow<Vec>(teuchos, loan);
  check(v->norm1() == 100.0 * N * (N - 1) / 2 && alive == 1);
}

template <class F>
void must_refuse(std::int32_t code, const char *field, int line, F &&call) {
  std::int32_t status = 0;
  try {
    call();
    error.message[0] = '\0';
  } catch (const distarray::Error &caught) {
    error = caught.report();
    status = caught.code();
  }
  refused_line(status, code, field, line);
}
#define REFUSED(code, field)                                                       \
  must_refuse(code, field, __LINE__, [&] { distarray::tpetra::borrow<MV>(teuchos, loan); }); \
  check(loan && alive == 1);                                                       \
  loan.give_back()

void refuse_all(const RCP<const Teuchos::Comm<int>> &teuchos) {
  int alive = 0;
  const bool last = rank == size - 1;
  static std::int64_t strides[2], shape[3] = {1, 1, 1};
  distarray::Export loan = lend_foreign(0, 0, &alive);
  distarray_export_set_dtype(loan.get(), DISTARRAY_DTYPE_INT, 64);
  REFUSED(DISTARRAY_E_DTYPE, "dtype_code");
  loan = lend_foreign(0, 0, &alive);
  if (last) loan.get()->flags_write = DISTARRAY_W_READ_ONLY;
  REFUSED(DISTARRAY_E_ACCESS, "flags_write");
  loan = lend_foreign(0, 0, &alive); // rows side by side
  strides[0] = 8 * columns, strides[1] = 8;
  loan.get()->strides = strides;
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "strides");
  loan = lend_foreign(0, 2, &alive); // padded
  auto *dim = const_cast<distarray_dim *>(loan->dims);
  distarray_dim_add_halo(dim, 1, 1);
  const_cast<std::int64_t *>(loan->shape)[0] += 2;
  if (loan->shape[0] > 3 && size < 3) {
    REFUSED(DISTARRAY_E_UNACCEPTABLE, "padding");
  } else {
    loan.give_back();
  }
  loan = lend_foreign(0, 0, &alive);
  must_refuse(DISTARRAY_E_UNACCEPTABLE, "size", __LINE__,
              [&] { distarray::tpetra::borrow<Vec>(teuchos, loan); });
  loan.give_back();
  if (size > 1) { // the last rank has the first rows
    static std::int64_t backwards[16];
    for (int k = 0; k < size; ++k) backwards[k] = size - 1 - k;
    loan = lend_foreign(0, 20, &alive);
    dim = const_cast<distarray_dim *>(loan->dims);
    const std::int64_t place = size - 1 - rank;
    dim[0] = distarray_dim_block(N, size, place, N * place / size, N * (place + 1) / size);
    shape[0] = dim[0].stop - dim[0].start;
    shape[1] = columns;
    loan.get()->shape = shape;
    loan.get()->flags_read = DISTARRAY_R_GRID_MAP;
    loan.get()->grid_ranks = backwards;
    REFUSED(DISTARRAY_E_UNACCEPTABLE, "process_rank");
    shape[0] = shape[1] = 1;
  }
  if (size > 1) { // columns dealt out
    loan = lend_foreign(0, 0, &alive);
    dim = const_cast<distarray_dim *>(loan->dims);
    dim[0] = distarray_dim_whole(1);
    dim[1] = distarray_dim_block(size, size, rank, rank, rank + 1);
    loan.get()->shape = shape;
    REFUSED(DISTARRAY_E_UNACCEPTABLE, "proc_grid_size");
  }
  check(alive == 0);
}

}  // namespace

int main(int argc, char **argv) {
  start(&argc, &argv);
  {
    Tpetra::ScopeGuard scope(&argc, &argv);
    const auto teuchos = Tpetra::getDefaultComm();
    lend_all(teuchos);
    borrow_all(teuchos);
    refuse_all(teuchos);
  }
  return finish("tpetra");
}
