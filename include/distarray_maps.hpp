// distarray_maps.hpp - what one process knows by itself, with libdistarray, in C++17: which
// global indices it holds, whether a loan is right, and loans as text. Included by
// distarray.hpp. Nothing here communicates but check_collective.
#ifndef DISTARRAY_MAPS_HPP
#define DISTARRAY_MAPS_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "distarray_export.hpp"

namespace distarray {

namespace detail {

// Calls a function whose last argument is the error.
template <class F, class... A>
void call(F function, A... arguments) {
  distarray_error error;
  check(function(arguments..., &error), error);
}

// Refuses a list that has not one entry for each axis.
inline void check_length(std::int64_t expected, std::size_t found, const char *field) {
  if (static_cast<std::size_t>(expected) != found)
    refuse(DISTARRAY_E_RANGE, -1, field, expected, static_cast<std::int64_t>(found),
           "another number of entries");
}

template <class T>
std::int64_t length(const std::vector<T> &list) {
  return static_cast<std::int64_t>(list.size());
}

// Asks a function for the length of its text, then for the text.
template <class F, class Object>
std::string text(F function, const Object *object) {
  std::size_t length = 0;
  call(function, object, nullptr, std::size_t{0}, &length);
  std::string text(length + 1, '\0');
  call(function, object, text.data(), text.size(), &length);
  text.resize(length);
  return text;
}

}  // namespace detail

// length consecutive global indices from global on, which lie one after the other:
// their local positions, among those owned, begin at local.
struct Stretch {
  std::int64_t local = 0, global = 0, length = 0;
};

// The indices owned along an axis, as a range of Stretch in local order.
class Stretches {
 public:
  explicit Stretches(const distarray_dim &dim) : Stretches(distarray_dim_owned_runs, &dim) {}
  // What a function of the C interface tells as runs: distarray_dim_owned_runs,
  // distarray_distribution_owned_runs.
  template <class F, class Object, class... A>
  explicit Stretches(F function, const Object *object, A... arguments) {
    distarray_error error;
    distarray_run *none = nullptr;
    std::int64_t n = 0;
    if (function(object, arguments..., 0, none, &n, &error) == DISTARRAY_OK) return;
    if (std::string(error.field) != "capacity") throw Error(error);
    runs_.resize(static_cast<std::size_t>(error.expected));
    detail::call(function, object, arguments..., error.expected, runs_.data(), &n);
  }

  class iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag; // what * gives is no reference
    using value_type = Stretch;
    using difference_type = std::ptrdiff_t;
    using pointer = const Stretch *;
    using reference = Stretch;

    iterator() = default;
    Stretch operator*() const { return {local_, run_->start + which_ * run_->stride, run_->len}; }
    iterator &operator++() {
      local_ += run_->len;
      if (++which_ == run_->count) {
        ++run_;
        which_ = 0;
      }
      return *this;
    }
    iterator operator++(int) {
      iterator old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(const iterator &a, const iterator &b) {
      return a.run_ == b.run_ && a.which_ == b.which_;
    }
    friend bool operator!=(const iterator &a, const iterator &b) { return !(a == b); }

   private:
    friend class Stretches;
    explicit iterator(const distarray_run *run) : run_(run) {}
    const distarray_run *run_ = nullptr;
    std::int64_t which_ = 0, local_ = 0;
  };

  iterator begin() const { return iterator(runs_.data()); }
  iterator end() const { return iterator(runs_.data() + runs_.size()); }

 private:
  std::vector<distarray_run> runs_;
};

// The global index of each of some local positions of an axis, padding included.
inline std::vector<std::int64_t> local_to_global(const distarray_dim &dim,
                                                 const std::vector<std::int64_t> &local) {
  std::vector<std::int64_t> global(local.size());
  detail::call(distarray_dim_local_to_global, &dim, detail::length(local), local.data(),
               global.data());
  return global;
}

// The local position of each of some global indices, -1 where it is not held.
inline std::vector<std::int64_t> global_to_local(const distarray_dim &dim,
                                                 const std::vector<std::int64_t> &global) {
  std::vector<std::int64_t> local(global.size());
  detail::call(distarray_dim_global_to_local, &dim, detail::length(global), global.data(),
               local.data());
  return local;
}

// Checks a loan without taking it: level 0, the rules for each field; 1, all rules that
// one process can check.
inline void check(const distarray_export &loan, std::int32_t level = 1) {
  detail::call(distarray_export_check, &loan, level);
}

// Proves that the loans of all ranks are parts of one array. Collective over comm.
inline void check_collective(const distarray_comm &comm, const distarray_export &loan) {
  detail::call(distarray_check_collective, &comm, &loan);
}

// What a loan says of itself, but not its memory, as JSON; and back, as a description.
inline std::string to_json(const distarray_export &loan) {
  return detail::text(distarray_export_to_json, &loan);
}
inline Export from_json(const std::string &text) {
  Export description;
  detail::call(distarray_export_from_json, text.data(), text.size(), description.get());
  return description;
}

}  // namespace distarray

#endif  // DISTARRAY_MAPS_HPP
