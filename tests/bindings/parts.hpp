// parts.hpp - questions read, and elements written and said, by the C++ interface.
#ifndef PARTS_HPP
#define PARTS_HPP

#include <distarray.hpp>

#include <cstdlib>
#include <cstring>

extern "C" {
#include "driver.h"
}

using Numbers = std::vector<std::int64_t>;

inline void must(bool right) {
  if (!right) std::abort();
}

inline void say(question *q, std::int64_t number) {
  must(q->n_said < MAX_SAID);
  q->said[q->n_said++] = number;
}

inline void say(question *q, const Numbers &numbers) {
  for (auto number : numbers) say(q, number);
}
inline std::int64_t next(question *q) { return *q->ask++; }
inline Numbers next(question *q, std::int64_t n) {
  q->ask += n;
  return Numbers(q->ask - n, q->ask);
}

// An exception is a status and its report again.
template <class F>
std::int32_t answered(distarray_error *error, F &&body) {
  try {
    body();
    return DISTARRAY_OK;
  } catch (const distarray::Error &refusal) {
    *error = refusal.report();
    return refusal.code();
  }
}

inline distarray_dim read_axis(question *q, std::int64_t *extent) {
  distarray_dim dim = DISTARRAY_DIM_INIT;
  *extent = next(q);
  dim.dist_type = static_cast<std::uint32_t>(next(q));
  dim.flags = static_cast<std::uint32_t>(next(q));
  dim.size = next(q);
  dim.proc_grid_size = next(q);
  dim.proc_grid_rank = next(q);
  dim.start = next(q);
  dim.stop = next(q);
  dim.padding[0] = next(q);
  dim.padding[1] = next(q);
  dim.block_size = next(q);
  dim.first_block = next(q);
  dim.n_owned = next(q);
  dim.n_indices = next(q);
  dim.indices = dim.n_indices > 0 ? q->ask : nullptr;
  q->ask += dim.n_indices;
  return dim;
}

struct Part {
  distarray::Place place;
  std::uint64_t uid[2];
  Numbers shape;
  std::vector<distarray_dim> dims;

  explicit Part(question *q) {
    place.rank = next(q);
    place.count = next(q);
    place.flags_read = static_cast<std::uint32_t>(next(q)) & ~DISTARRAY_R_GRID_MAP; // lend says it
    place.flags_write = static_cast<std::uint32_t>(next(q));
    place.grid_ranks = next(q, next(q));
    for (auto &word : uid) word = static_cast<std::uint64_t>(next(q));
    dims.resize(static_cast<std::size_t>(next(q)));
    shape.resize(dims.size());
    for (std::size_t axis = 0; axis < dims.size(); ++axis) dims[axis] = read_axis(q, &shape[axis]);
  }

  template <class T>
  distarray::Export lend(std::vector<T> memory) const {
    Numbers strides(shape.size());
    distarray_strides_c_order(static_cast<std::int32_t>(shape.size()), shape.data(), sizeof(T),
                              strides.data());
    T *data = memory.data();
    auto loan = distarray::lend(data, shape, strides, dims, place, std::move(memory));
    std::memcpy(loan.get()->uid, uid, sizeof uid);
    return loan;
  }
  // Without memory.
  template <class T>
  distarray::Export describe() const {
    auto loan = lend(std::vector<T>());
    loan.get()->data = nullptr;
    loan.get()->flags_read |= DISTARRAY_R_NO_DATA;
    return loan;
  }
  template <class T>
  distarray::Array take() const {
    std::int64_t elements = 1;
    for (auto extent : shape) elements *= extent;
    return distarray::Array(lend(std::vector<T>(static_cast<std::size_t>(elements) + 1)));
  }
};

inline distarray::Distribution deal(question *q, const distarray_comm &comm) {
  std::vector<distarray_axis> axes(static_cast<std::size_t>(next(q)), distarray_axis{});
  const std::int64_t order = next(q);
  const Numbers grid = next(q, next(q));
  for (auto &axis : axes) {
    axis.dist_type = static_cast<std::uint32_t>(next(q));
    axis.flags = static_cast<std::uint32_t>(next(q));
    axis.size = next(q);
    axis.proc_grid_size = next(q);
    axis.block_size = next(q);
    axis.first_process = next(q);
    axis.halo[0] = next(q);
    axis.halo[1] = next(q);
    const std::int64_t n_bounds = next(q);
    if (n_bounds > 0) axis.bounds = q->ask;
    q->ask += n_bounds;
  }
  return distarray::Distribution(comm, axes, {grid, order});
}

// A distribution and an array of it, perhaps in memory of our own.
struct Layout {
  distarray::Distribution distribution;
  std::vector<char> memory;
  distarray::Array array;
};

template <class T>
Layout read_layout(question *q, const distarray_comm &comm) {
  if (next(q) == 1) {
    auto distribution = deal(q, comm);
    const auto zeros = distribution.zeros<T>();
    const auto held = zeros.description();
    std::size_t bytes = sizeof(T);
    for (int axis = 0; axis < held.ndim; ++axis) bytes *= static_cast<std::size_t>(held.shape[axis]);
    std::vector<char> memory(bytes + 1);
    auto array = distribution.wrap(reinterpret_cast<T *>(memory.data()));
    return {std::move(distribution), std::move(memory), std::move(array)};
  }
  auto array = Part(q).take<T>();
  distarray::Distribution distribution(comm, array);
  return {std::move(distribution), {}, std::move(array)};
}

inline void put(double &element, std::int64_t number) { element = static_cast<double>(number); }
inline void put(std::complex<float> &element, std::int64_t number) {
  element = {static_cast<float>(number), static_cast<float>(-1 - number)};
}
inline std::int64_t get(double element) { return static_cast<std::int64_t>(element); }
// -1000 where the two halves do not belong together.
inline std::int64_t get(std::complex<float> element) {
  return element.imag() == -1 - element.real() ? static_cast<std::int64_t>(element.real()) : -1000;
}

// Owned elements get their row-major numbers in the whole array, others -7.
template <class T, int N>
void fill_axes(distarray::Array &array) {
  Numbers index[N];
  std::int64_t sizes[N];
  for (int axis = 0; axis < N; ++axis) {
    const auto dim = array.dim(axis);
    for (const auto [local, global, length] : array.stretches(axis))
      for (std::int64_t k = 0; k < length; ++k) {
        must(local + k == static_cast<std::int64_t>(index[axis].size()));
        index[axis].push_back(global + k);
      }
    sizes[axis] = dim.size;
  }
  array.view<T, N>().for_each([](T &element, const auto &) { put(element, -7); });
  array.owned<T, N>().for_each([&](T &element, const std::array<std::int64_t, N> &at) {
    std::int64_t number = 0;
    for (std::size_t axis = 0; axis < N; ++axis)
      number = number * sizes[axis] + index[axis][static_cast<std::size_t>(at[axis])];
    put(element, number);
  });
}

template <class T>
void fill(distarray::Array &array) {
  switch (array.ndim()) {
    case 0: return put(*static_cast<T *>(array.description().data), 0); // a scalar has no view
    case 1: return fill_axes<T, 1>(array);
    case 2: return fill_axes<T, 2>(array);
    case 3: return fill_axes<T, 3>(array);
    case 4: return fill_axes<T, 4>(array);
    default: std::abort();
  }
}

template <class T, int N>
void say_axes(question *q, const distarray::Array &array, bool owned_only) {
  const auto view = owned_only ? array.owned<T, N>() : array.view<T, N>();
  view.for_each([q](const T &element, const auto &) { say(q, get(element)); });
}

template <class T>
void say_elements(question *q, const distarray::Array &array, bool owned_only) {
  switch (array.ndim()) {
    case 0: return say(q, get(*static_cast<const T *>(array.description().data)));
    case 1: return say_axes<T, 1>(q, array, owned_only);
    case 2: return say_axes<T, 2>(q, array, owned_only);
    case 3: return say_axes<T, 3>(q, array, owned_only);
    case 4: return say_axes<T, 4>(q, array, owned_only);
    default: std::abort();
  }
}

inline void say_array(question *q, const distarray_export &view) {
  say(q, {view.dtype_code, view.dtype_bits, view.itemsize, view.ndim});
  for (int axis = 0; axis < view.ndim; ++axis) {
    const distarray_dim &dim = view.dims[axis];
    say(q, {view.shape[axis], dim.dist_type, dim.flags, dim.size, dim.proc_grid_size, dim.proc_grid_rank,
            dim.start, dim.stop, dim.padding[0], dim.padding[1], dim.block_size, dim.first_block,
            dim.n_owned, dim.n_indices});
    for (std::int64_t i = 0; i < dim.n_indices; ++i)
      say(q, dim.flags & DISTARRAY_DIM_INDICES_I32 ? static_cast<const std::int32_t *>(dim.indices)[i]
                                                   : static_cast<const std::int64_t *>(dim.indices)[i]);
  }
}

#endif
