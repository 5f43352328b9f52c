// Tpetra's vectors are lent, and foreign memory becomes Tpetra's, through maps of every
// kind. Each element is set and read by Tpetra's own global indices. Any number of ranks.
#include <Tpetra_Core.hpp>
#include <Tpetra_Import.hpp>

#include <distarray_tpetra.hpp>

#include "trilinos.hpp"

namespace {

using MV = Tpetra::MultiVector<>;
using Vec = Tpetra::Vector<>;
using Map = MV::map_type;
using GO = MV::global_ordinal_type;
using Teuchos::RCP;
using Teuchos::rcp;

const auto invalid = Teuchos::OrdinalTraits<Tpetra::global_size_t>::invalid();

struct Package {
  RCP<const Teuchos::Comm<int>> comm;
  const char *several = "size";

  RCP<const Map> map(Kind kind, Index base, Index step = 1) const {
    std::vector<GO> list;
    for (const Index g : part_of(kind).held) list.push_back(g * step + base);
    if (kind == Kind::blocks || kind == Kind::first_empty)
      return rcp(new Map(invalid, list.size(), base, comm));
    if (kind == Kind::replicated) return rcp(new Map(N, base, comm, Tpetra::LocallyReplicated));
    return rcp(new Map(invalid, Teuchos::ArrayView<const GO>(list), base, comm));
  }
  RCP<MV> vectors(const RCP<const Map> &map, int columns) const {
    return rcp(new MV(map, static_cast<std::size_t>(columns)));
  }

  void set(MV &x, Index g, int c, double value) const {
    x.replaceGlobalValue(g, static_cast<std::size_t>(c), value);
  }
  double get(const MV &x, std::int64_t position, int c) const {
    return x.getData(static_cast<std::size_t>(c))[position];
  }
  double norm1(const MV &x, int c) const {
    return x.getVector(static_cast<std::size_t>(c))->norm1();
  }
  std::int64_t held(const MV &x) const { return static_cast<std::int64_t>(x.getLocalLength()); }
  std::int64_t position(const MV &x, Index g) const { return x.getMap()->getLocalElement(g); }
  const void *address(const MV &x) const {
    return x.getLocalViewHost(Tpetra::Access::ReadOnly).data();
  }
  void update(MV &x, const MV &from) const {
    x.doImport(from, Tpetra::Import<>(from.getMap(), x.getMap()), Tpetra::INSERT);
  }

  RCP<MV> watched(RCP<MV> x, std::weak_ptr<int> *alive) const {
    auto token = std::make_shared<int>();
    *alive = token;
    Teuchos::set_extra_data(token, "token", Teuchos::inOutArg(x));
    return x;
  }
  template <class V>
  distarray::Export lend(const RCP<V> &x, const Map *owned) const {
    return distarray::tpetra::lend(x, owned);
  }
  template <class V>
  distarray::Export lend(V *x, const Map *owned) const {
    return distarray::tpetra::lend(Teuchos::rcpFromRef(*x), owned);
  }
  RCP<MV> borrow_all(distarray::Export &loan) const {
    return distarray::tpetra::borrow<MV>(comm, loan);
  }
  RCP<const MV> borrow_to_read(distarray::Export &loan) const {
    return distarray::tpetra::borrow<const MV>(comm, loan);
  }
  RCP<Vec> borrow_one(distarray::Export &loan) const {
    return distarray::tpetra::borrow<Vec>(comm, loan);
  }
};

// What Tpetra alone has: views of vectors, which share their memory.
void lend_views(const Package &package) {
  const auto map = package.map(Kind::blocks, 0);
  const auto x = package.vectors(map, 4);
  for (const Index g : part_of(Kind::blocks).held)
    for (int c = 0; c < 4; ++c) package.set(*x, g, c, element(g, c));
  const std::size_t apart[] = {0, 1, 3};
  REFUSED(DISTARRAY_E_UNSUPPORTED, "strides",
          package.lend(x->subViewNonConst(Teuchos::ArrayView<const std::size_t>(apart, 3)),
                       nullptr));
  distarray::Export loan =
      package.lend(x->subViewNonConst(Teuchos::Range1D(1, 2)), nullptr);
  const auto view = loan.view<double, 2>();
  for (std::int64_t i = 0; i < view.extent(0); ++i)
    for (int c = 0; c < 2; ++c)
      check(view(i, c) == element(part_of(Kind::blocks).held[static_cast<std::size_t>(i)], c + 1));
}

void refuse_null(const Package &package) {
  const RCP<MV> none;
  REFUSED(DISTARRAY_E_NULL, "vectors", package.lend(none, nullptr));
  distarray::Export loan;
  REFUSED(DISTARRAY_E_NULL, "comm", distarray::tpetra::borrow<MV>(Teuchos::null, loan));
}

}  // namespace

int main(int argc, char **argv) {
  start(&argc, &argv);
  {
    Tpetra::ScopeGuard scope(&argc, &argv);
    const Package package{Tpetra::getDefaultComm()};
    lend_every_kind(package);
    lend_views(package);
    borrow_every_kind(package);
    refuse_to_lend(package);
    refuse_to_borrow(package);
    run_out_of_memory(package);
    refuse_null(package);
  }
  return finish("tpetra");
}
