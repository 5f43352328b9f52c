// distarray.hpp - libdistarray in C++17: each object frees itself, what is refused is
// thrown as a distarray::Error. Header only, over the functions of distarray.h, which
// say more about each call: its costs, and whether it is collective.
//
//   distarray::Array u(std::move(loan));                  // the lender's own memory
//   distarray::Distribution whole(comm, u);               // collective: it is one array
//   distarray::Halo halo(whole);
//   halo.update(u);
//   auto v = u.owned<double, 2>();                        // without the padding
//   for (auto [local, global, length] : u.stretches(0))   // rows, as they follow
//     for (std::int64_t k = 0; k < length; ++k) v(local + k, 0) = f(global + k);
//
// Objects are moved, not copied; a moved-from object may only be assigned to or
// destroyed. A communicator must outlive what was made with it.
#ifndef DISTARRAY_HPP
#define DISTARRAY_HPP

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "distarray_maps.hpp"

namespace distarray {

namespace detail {

template <class T, void (*Free)(T *)>
struct Freed {
  void operator()(T *object) const noexcept { Free(object); }
};
template <class T, void (*Free)(T *)>
using Handle = std::unique_ptr<T, Freed<T, Free>>;

// Makes an object by a collective function from a list that is empty or has count entries.
// A rank with another list names no place for the object: all are refused, where they would
// wait for a rank that was refused before.
template <class Object, class F, class... A>
Object *make(std::int64_t count, std::size_t given, const char *field, F function, A... arguments) {
  distarray_error error;
  Object *made = nullptr;
  const bool fits = given == 0 || given == static_cast<std::size_t>(count);
  const std::int32_t status = function(arguments..., fits ? &made : nullptr, &error);
  if (!fits) check_length(count, given, field);
  check(status, error);
  return made;
}

}  // namespace detail

// One process's part of a distributed array.
class Array {
 public:
  // Takes a loan over, in place; on error the loan is still the caller's. Local.
  explicit Array(Export &&loan, std::uint32_t access = DISTARRAY_ACCESS_READ_WRITE) {
    distarray_array *array = nullptr;
    detail::call(distarray_array_import, loan.get(), access, &array);
    handle_.reset(array);
  }
  // Takes over a handle of the C interface.
  explicit Array(distarray_array *array) noexcept : handle_(array) {}

  distarray_array *get() const noexcept { return handle_.get(); }

  // Lends the array again; it lives until the last of its loans is over. Local.
  Export lend(std::uint32_t access = DISTARRAY_ACCESS_READ) const {
    distarray_request request = DISTARRAY_REQUEST_INIT;
    request.access = access;
    request.known_flags_read = DISTARRAY_R_KNOWN_1_0;
    request.known_flags_write = DISTARRAY_W_KNOWN_1_0;
    return lend(request);
  }
  Export lend(const distarray_request &request) const {
    Export loan;
    detail::call(distarray_array_export, get(), &request, loan.get());
    return loan;
  }

  // Address, type, shape, strides and axes, valid while the array lives. Local.
  distarray_export description() const {
    distarray_export view = DISTARRAY_EXPORT_INIT;
    detail::call(distarray_array_view, get(), &view);
    return view;
  }
  int ndim() const { return description().ndim; }
  distarray_dim dim(int axis) const {
    const distarray_export all = description();
    if (axis < 0 || axis >= all.ndim)
      detail::refuse(DISTARRAY_E_RANGE, axis, "axis", all.ndim, axis, "no such axis");
    return all.dims[axis];
  }

  // The memory as elements of N axes, padding included; const T to read only. Asking
  // for T to write tells the lender that owned elements were written. Local.
  template <class T, int N>
  View<T, N> view() {
    const auto view = detail::view<T, N>(description());
    if (!std::is_const_v<T>) mark_modified();
    return view;
  }
  template <class T, int N>
  View<const T, N> view() const {
    return detail::view<const T, N>(description());
  }
  // The same without padding and ghosts.
  template <class T, int N>
  View<T, N> owned() {
    return without_padding(view<T, N>());
  }
  template <class T, int N>
  View<const T, N> owned() const {
    return without_padding(view<T, N>());
  }

  // The indices owned along an axis; local positions are those of owned(). Valid
  // while the array lives. Local.
  Stretches stretches(int axis) const { return Stretches(dim(axis)); }

  // Says what was written in other ways than through a view: DISTARRAY_C_*. Local.
  void mark_modified(std::uint64_t consumer_flags = DISTARRAY_C_MODIFIED) {
    detail::call(distarray_array_mark_modified, get(), consumer_flags);
  }

  // Whether both are the same elements in the same memory. Local.
  bool same_memory(const Array &other) const {
    std::int32_t same = 0;
    detail::call(distarray_array_same_memory, get(), other.get(), &same);
    return same != 0;
  }

  // One process's part from and to a file. Local.
  static Array read_dnpy(const std::string &path) {
    distarray_array *array = nullptr;
    detail::call(distarray_array_read_dnpy, path.c_str(), &array);
    return Array(array);
  }
  void write_dnpy(const std::string &path) const {
    detail::call(distarray_array_write_dnpy, get(), path.c_str());
  }
  // All parts from and to prefix_0.dnpy, prefix_1.dnpy, ..., replaced as a whole. Collective.
  static Array read_dnpy_set(const std::string &prefix, const distarray_comm &comm) {
    distarray_array *array = nullptr;
    detail::call(distarray_array_read_dnpy_set, prefix.c_str(), &comm, &array);
    return Array(array);
  }
  void write_dnpy_set(const std::string &prefix, const distarray_comm &comm) const {
    detail::call(distarray_array_write_dnpy_set, get(), prefix.c_str(), &comm);
  }

 private:
  template <class T, int N>
  View<T, N> without_padding(View<T, N> view) const {
    const distarray_export all = description();
    for (int axis = 0; axis < N; ++axis) {
      std::int64_t held = 0, start = 0, stop = 0;
      detail::call(distarray_dim_owned, &all.dims[axis], &held, &start, &stop);
      view = view.part(axis, start, stop);
    }
    return view;
  }

  detail::Handle<distarray_array, distarray_array_free> handle_;
};

// For each of some global indices: the grid coordinate that owns it, and the position
// among those it owns; -1 where none does.
struct Places {
  std::vector<std::int64_t> coordinate, local;
};

// The process grid that is wanted; as it is, the one with the smallest surfaces.
struct Grid {
  std::vector<std::int64_t> extents = {};  // of each axis, or none
  std::int64_t order = 0;                  // 2 numbers the ranks column-major
  std::int64_t replicas = 1;               // equal copies of the array
  std::vector<std::int64_t> ranks = {};    // instead of an order, the rank at each place
};

// A communicator and the parts of all its ranks.
class Distribution {
 public:
  // Proves that the arrays of all ranks are parts of one. Collective over comm.
  Distribution(const distarray_comm &comm, const Array &array) : ndim_(array.ndim()) {
    distarray_distribution *distribution = nullptr;
    detail::call(distarray_distribution_gather, &comm, array.get(), &distribution);
    handle_.reset(distribution);
  }
  // Deals an array out over all ranks, from axes that begin as distarray_axis{}.
  // Collective over comm.
  Distribution(const distarray_comm &comm, const std::vector<distarray_axis> &axes,
               const Grid &grid = {})
      : ndim_(static_cast<int>(axes.size())) {
    distarray_grid wanted{};
    wanted.extents = grid.extents.empty() ? nullptr : grid.extents.data();
    wanted.order = grid.order;
    wanted.replicas = grid.replicas;
    wanted.ranks = grid.ranks.empty() ? nullptr : grid.ranks.data();
    const bool of_axes = grid.ranks.empty() || detail::length(grid.ranks) == comm.size;
    handle_.reset(detail::make<distarray_distribution>(
        of_axes ? ndim_ : comm.size, of_axes ? grid.extents.size() : grid.ranks.size(),
        of_axes ? "grid" : "ranks", distarray_distribution_new_on_grid, &comm,
        static_cast<std::int32_t>(ndim_), axes.data(), &wanted));
  }
  // Takes over a handle of the C interface, of an array of ndim axes.
  Distribution(distarray_distribution *distribution, int ndim) noexcept
      : handle_(distribution), ndim_(ndim) {}

  distarray_distribution *get() const noexcept { return handle_.get(); }
  int ndim() const noexcept { return ndim_; }

  // This rank's part of a set of files, whatever ranks saved it in whatever distribution.
  // Collective.
  Array read_dnpy_set(const std::string &prefix) const {
    distarray_array *array = nullptr;
    detail::call(distarray_distribution_read_dnpy_set, get(), prefix.c_str(), &array);
    return Array(array);
  }

  // A new array, all zero; shared puts it where the ranks of a node share. Collective.
  template <class T>
  Array zeros(bool column_major = false, bool shared = false) const {
    distarray_array *array = nullptr;
    detail::call(distarray_distribution_zeros, get(), dtype_code<T>(), dtype_bits<T>(),
                 std::int32_t{column_major}, std::int32_t{shared}, &array);
    return Array(array);
  }

  // An array in memory of the caller's, which must outlive it; strides in bytes, none is
  // packed with the last axis fastest. Local.
  template <class T>
  Array wrap(T *data, const std::vector<std::int64_t> &strides = {}) const {
    static_assert(!std::is_const_v<T>, "an array may be written: lend const elements instead");
    distarray_array *array = nullptr;
    if (!strides.empty()) detail::check_length(ndim_, strides.size(), "strides");
    detail::call(distarray_distribution_wrap, get(), dtype_code<T>(), dtype_bits<T>(),
                 static_cast<void *>(data), strides.empty() ? nullptr : strides.data(), &array);
    return Array(array);
  }

  // The rank that owns an element, -1 where none does. Local.
  std::int64_t owner(const std::vector<std::int64_t> &index) const {
    std::int64_t rank = -1;
    detail::check_length(ndim_, index.size(), "indices");
    detail::call(distarray_distribution_owner, get(), std::int64_t{1}, index.data(), &rank);
    return rank;
  }

  // Who owns each of some indices along an axis, and where. Local; lists are refused.
  Places places(int axis, const std::vector<std::int64_t> &global) const {
    return places_by(distarray_distribution_global_to_local, axis, global);
  }
  // The same for any axis. Collective; a rank may ask for nothing.
  Places places_collective(int axis, const std::vector<std::int64_t> &global) const {
    return places_by(distarray_distribution_owners, axis, global);
  }
  // The global index of each of some positions among those that a coordinate owns. Local.
  std::vector<std::int64_t> local_to_global(int axis, std::int64_t coordinate,
                                            const std::vector<std::int64_t> &local) const {
    std::vector<std::int64_t> global(local.size());
    detail::call(distarray_distribution_local_to_global, get(), std::int32_t{axis}, coordinate,
                 detail::length(local), local.data(), global.data());
    return global;
  }
  // The indices that a coordinate owns along an axis. Local.
  Stretches stretches(int axis, std::int64_t coordinate) const {
    return Stretches(distarray_distribution_owned_runs, get(), std::int32_t{axis}, coordinate);
  }

 private:
  template <class F>
  Places places_by(F function, int axis, const std::vector<std::int64_t> &global) const {
    Places found;
    distarray_error error;
    try {
      found.coordinate.resize(global.size());
      found.local.resize(global.size());
    } catch (...) { // all are refused, where they would wait for a rank without memory
      function(get(), std::int32_t{axis}, detail::length(global), global.data(), nullptr, nullptr,
               &error);
      throw;
    }
    detail::call(function, get(), std::int32_t{axis}, detail::length(global), global.data(),
                 found.coordinate.data(), found.local.data());
    return found;
  }

  detail::Handle<distarray_distribution, distarray_distribution_free> handle_;
  int ndim_;
};

// An exchange that fills padding, bound to arrays, which it keeps: no agreement left.
class BoundHalo {
 public:
  explicit BoundHalo(distarray_bound_halo *bound) noexcept : handle_(bound) {}
  distarray_bound_halo *get() const noexcept { return handle_.get(); }

  // Fills the padding of the bound arrays. Collective over neighbours.
  void update() { detail::call(distarray_bound_halo_update, get()); }

 private:
  detail::Handle<distarray_bound_halo, distarray_bound_halo_free> handle_;
};

// A planned exchange that fills padding.
class Halo {
 public:
  // corners false: for stencils that reach along axes only. Collective.
  explicit Halo(const Distribution &distribution, bool corners = true)
      : ndim_(distribution.ndim()) {
    distarray_halo *halo = nullptr;
    detail::call(distarray_halo_new, distribution.get(), std::int32_t{corners}, &halo);
    handle_.reset(halo);
  }
  distarray_halo *get() const noexcept { return handle_.get(); }

  // One DISTARRAY_EDGE_* for each axis, and constants for those that want one.
  // Collective.
  void fill_edges(const std::vector<std::int32_t> &edges,
                  const std::vector<double> &constants = {}) {
    const auto ndim = static_cast<std::size_t>(ndim_);
    const bool fits =
        edges.size() == ndim && (constants.empty() || constants.size() == ndim);
    distarray_error error;
    // All are refused, where they would wait for a rank that was refused before.
    const std::int32_t status =
        distarray_halo_fill_edges(get(), fits ? edges.data() : nullptr,
                                  constants.empty() ? nullptr : constants.data(), &error);
    detail::check_length(ndim_, edges.size(), "edges");
    if (!constants.empty()) detail::check_length(ndim_, constants.size(), "constants");
    detail::check(status, error);
  }

  // Fills the padding of some arrays, with one message to each neighbour. Collective.
  template <class... Arrays>
  void update(const Arrays &...arrays) {
    const distarray_array *list[] = {arrays.get()...};
    detail::call(distarray_halo_update_all, get(), std::int64_t{sizeof...(Arrays)}, list);
  }

  // Starts an update and returns while messages fly; finish ends it. Collective.
  void start(const Array &array) { detail::call(distarray_halo_start, get(), array.get()); }
  void finish(const Array &array) { detail::call(distarray_halo_finish, get(), array.get()); }

  // Joins padding to its owners: DISTARRAY_SUM, _MIN or _MAX. Collective.
  void accumulate(const Array &array, std::int32_t how = DISTARRAY_SUM) {
    detail::call(distarray_halo_accumulate, get(), array.get(), how);
  }

  // Collective.
  template <class... Arrays>
  BoundHalo bind(const Arrays &...arrays) const {
    const distarray_array *list[] = {arrays.get()...};
    distarray_bound_halo *bound = nullptr;
    detail::call(distarray_halo_bind, get(), std::int64_t{sizeof...(Arrays)}, list, &bound);
    return BoundHalo(bound);
  }

  // What one update moves on this rank. Local.
  distarray_moved moves(std::int64_t itemsize) const {
    distarray_moved moved{};
    detail::call(distarray_halo_moves, get(), itemsize, &moved);
    return moved;
  }

 private:
  detail::Handle<distarray_halo, distarray_halo_free> handle_;
  int ndim_;
};

// A planned redistribution.
class Redistribution {
 public:
  // axes names, for each axis of the target, the source's axis that becomes it; none
  // keeps the order. Collective.
  Redistribution(const Distribution &source, const Distribution &target,
                 const std::vector<std::int64_t> &axes = {}) {
    handle_.reset(detail::make<distarray_redistribution>(
        target.ndim(), axes.size(), "axes", distarray_redistribution_new, source.get(),
        target.get(), axes.empty() ? nullptr : axes.data()));
  }
  // Takes over a handle of the C interface.
  explicit Redistribution(distarray_redistribution *plan) noexcept : handle_(plan) {}

  // To another shape with the same elements in row-major order. Collective.
  static Redistribution reshape(const Distribution &source, const Distribution &target) {
    distarray_redistribution *plan = nullptr;
    detail::call(distarray_redistribution_new_reshape, source.get(), target.get(), &plan);
    return Redistribution(plan);
  }

  // Between ranks of comm that were split off it: nullptr for a side without a part here,
  // and to apply. Collective over comm.
  static Redistribution across(const distarray_comm &comm, const Distribution *source,
                               const Distribution *target, int ndim,
                               const std::vector<std::int64_t> &axes = {}) {
    return Redistribution(detail::make<distarray_redistribution>(
        ndim, axes.size(), "axes", distarray_redistribution_new_across, &comm,
        source ? source->get() : nullptr, target ? target->get() : nullptr, std::int32_t{ndim},
        axes.empty() ? nullptr : axes.data()));
  }

  distarray_redistribution *get() const noexcept { return handle_.get(); }

  // Moves what the source owns, converting elements. Collective.
  void apply(const Array &source, const Array &target) { apply(&source, &target); }
  void apply(const Array *source, const Array *target) {
    detail::call(distarray_redistribution_apply, get(), source ? source->get() : nullptr,
                 target ? target->get() : nullptr);
  }

  // target = alpha * op(source) + beta * target. Collective.
  void apply_scaled(std::complex<double> alpha, const Array &source, std::complex<double> beta,
                    const Array &target, bool conjugate = false) {
    const double a[2] = {alpha.real(), alpha.imag()}, b[2] = {beta.real(), beta.imag()};
    detail::call(distarray_redistribution_apply_scaled, get(), a, b, std::int32_t{conjugate},
                 source.get(), target.get());
  }

  // What one application moves on this rank. Local.
  distarray_moved moves(std::int64_t itemsize) const {
    distarray_moved moved{};
    detail::call(distarray_redistribution_moves, get(), itemsize, &moved);
    return moved;
  }

 private:
  detail::Handle<distarray_redistribution, distarray_redistribution_free> handle_;
};

// The way of an array to a consumer that takes only some, and back.
class Accommodation {
 public:
  // Collective; all ranks ask for the same.
  Accommodation(const Distribution &distribution, const Array &array,
                const distarray_requirements &requirements)
      : ndim_(distribution.ndim()) {
    distarray_accommodation *way = nullptr;
    detail::call(distarray_accommodation_new, distribution.get(), array.get(), &requirements,
                 &way);
    handle_.reset(way);
  }
  distarray_accommodation *get() const noexcept { return handle_.get(); }

  // The array's own memory where it fits, else a copy. Collective.
  Array hand_over(const Array &array) {
    distarray_array *handed = nullptr;
    detail::call(distarray_accommodation_hand_over, get(), array.get(), &handed);
    return Array(handed);
  }

  // Brings back what the consumer wrote. Collective.
  void take_back(const Array &handed, const Array &array) {
    detail::call(distarray_accommodation_take_back, get(), handed.get(), array.get());
  }

  // The distribution of what is handed over. Local.
  Distribution distribution() const {
    distarray_distribution *distribution = nullptr;
    detail::call(distarray_accommodation_distribution, get(), &distribution);
    return Distribution(distribution, ndim_);
  }

  // Why the consumer gets a copy, one reason a line; empty where the array fits. Local.
  std::string reasons() const {
    return detail::text(distarray_accommodation_reasons, get());
  }

  // What one hand-over moves on this rank. Local.
  distarray_moved moves(std::int64_t itemsize) const {
    distarray_moved moved{};
    detail::call(distarray_accommodation_moves, get(), itemsize, &moved);
    return moved;
  }

 private:
  detail::Handle<distarray_accommodation, distarray_accommodation_free> handle_;
  int ndim_;
};

}  // namespace distarray

#endif  // DISTARRAY_HPP
