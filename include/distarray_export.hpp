// distarray_export.hpp - loans in C++: made from any container, given back by their
// destructor, read and written through typed views. C++17, header only, no library.
//
//   std::vector<double> u(rows * columns);
//   double *data = u.data();
//   distarray::Export loan = distarray::lend(
//       data, {distarray_dim_block(N, p, rank, first, last), distarray_dim_whole(columns)},
//       distarray::Place{rank, p}, std::move(u));        // u lives until the loan is over
//   auto v = loan.view<double, 2>();
//   v(0, 0) = 1;
//
// What is wrong is thrown as a distarray::Error.
#ifndef DISTARRAY_EXPORT_HPP
#define DISTARRAY_EXPORT_HPP

#include <array>
#include <complex>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_mdspan
#include <mdspan>
#endif

#include "distarray_adapter.h"

namespace distarray {

// Why a call was refused, and where: report() is the C struct with the rank, axis,
// field, expected and found.
class Error : public std::exception {
 public:
  // Allocates nothing: it also tells that memory is out.
  explicit Error(const distarray_error &report) noexcept : report_(report) {}

  const char *what() const noexcept override { return report_.message; }
  const distarray_error &report() const noexcept { return report_; }
  std::int32_t code() const noexcept { return report_.code; }

 private:
  distarray_error report_;
};

namespace detail {

// Throws what a call of the C interface reported.
inline void check(std::int32_t status, const distarray_error &error) {
  if (status != DISTARRAY_OK) throw Error(error);
}

[[noreturn]] inline void refuse(std::int32_t code, std::int64_t axis, const char *field,
                                std::int64_t expected, std::int64_t found, const char *text) {
  distarray_error error;
  distarray_adapter_refuse(&error, code, axis, field, expected, found, text);
  throw Error(error);
}

template <class T>
struct is_complex : std::false_type {};
template <class T>
struct is_complex<std::complex<T>> : std::is_floating_point<T> {};

}  // namespace detail

// DLPack's code for an element type: integers, floating-point, complex, bool.
template <class T>
constexpr std::uint8_t dtype_code() {
  using E = std::remove_const_t<T>;
  if constexpr (std::is_same_v<E, bool>) return DISTARRAY_DTYPE_BOOL;
  else if constexpr (std::is_floating_point_v<E>) return DISTARRAY_DTYPE_FLOAT;
  else if constexpr (detail::is_complex<E>::value) return DISTARRAY_DTYPE_COMPLEX;
  else {
    static_assert(std::is_integral_v<E>, "no element type of the protocol");
    return std::is_signed_v<E> ? DISTARRAY_DTYPE_INT : DISTARRAY_DTYPE_UINT;
  }
}

template <class T>
constexpr std::uint8_t dtype_bits() {
  static_assert(!std::is_same_v<std::remove_const_t<T>, long double> &&
                    !std::is_same_v<std::remove_const_t<T>, std::complex<long double>>,
                "long double is another type on every machine");
  return static_cast<std::uint8_t>(8 * sizeof(T));
}

// A number for each of N axes.
template <int N>
using Index = std::array<std::int64_t, static_cast<std::size_t>(N)>;

// The local part of N axes of elements T, const T where it is only read. It owns
// nothing: it is valid as long as what it was made from. Strides are in bytes and may
// be negative.
template <class T, int N>
class View {
  static_assert(N > 0, "an element has no axes: read it through data()");

 public:
  using element_type = T;
  using value_type = std::remove_const_t<T>;

  View(T *data, const Index<N> &shape,
       const Index<N> &strides)
      : data_(data), shape_(shape), strides_(strides) {}

  T *data() const noexcept { return data_; }
  std::int64_t extent(int axis) const { return shape_[static_cast<std::size_t>(axis)]; }
  std::int64_t stride(int axis) const { return strides_[static_cast<std::size_t>(axis)]; }
  const Index<N> &shape() const noexcept { return shape_; }

  std::int64_t size() const noexcept {
    std::int64_t size = 1;
    for (auto extent : shape_) size *= extent;
    return size;
  }

  // The element at local positions, which must be inside.
  template <class... I>
  T &operator()(I... positions) const {
    static_assert(sizeof...(I) == N, "one position for each axis");
    const std::int64_t at[] = {static_cast<std::int64_t>(positions)...};
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis < N; ++axis) offset += at[axis] * strides_[axis];
    return *address(offset);
  }

  // The same, checked.
  template <class... I>
  T &at(I... positions) const {
    std::size_t axis = 0;
    for (std::int64_t position : {static_cast<std::int64_t>(positions)...}) {
      if (position < 0 || position >= shape_[axis])
        detail::refuse(DISTARRAY_E_BOUNDS, static_cast<std::int64_t>(axis), "position",
                       shape_[axis], position, "outside the local part");
      ++axis;
    }
    return (*this)(positions...);
  }

  // The positions start to stop - 1 of one axis.
  View part(int axis, std::int64_t start, std::int64_t stop) const {
    if (axis < 0 || axis >= N || start < 0 || stop < start || stop > extent(axis))
      detail::refuse(DISTARRAY_E_BOUNDS, axis, "stop", axis >= 0 && axis < N ? extent(axis) : N,
                     stop, "outside the local part");
    View part = *this;
    const auto which = static_cast<std::size_t>(axis);
    if (start < stop) part.data_ = address(start * strides_[which]);
    part.shape_[which] = stop - start;
    return part;
  }

  // Calls f(element, positions) for each element, last axis fastest.
  template <class F>
  void for_each(F &&f) const {
    if (size() == 0) return;
    Index<N> at{};
    for (int axis = N - 1; axis >= 0;) {
      std::int64_t offset = 0;
      for (std::size_t i = 0; i < N; ++i) offset += at[i] * strides_[i];
      f(*address(offset), static_cast<const Index<N> &>(at));
      for (axis = N - 1; axis >= 0; --axis) {
        const auto i = static_cast<std::size_t>(axis);
        if (++at[i] < shape_[i]) break;
        at[i] = 0;
      }
    }
  }

#ifdef __cpp_lib_mdspan
  // The same as std::mdspan, which takes positive strides of whole elements only.
  auto mdspan() const {
    using Extents = std::dextents<std::int64_t, N>;
    Index<N> steps{};
    for (std::size_t axis = 0; axis < N; ++axis) {
      const std::int64_t bytes = strides_[axis], width = sizeof(T);
      const bool used = size() > 0 && shape_[axis] > 1; // else no step is ever made
      if (used && (bytes <= 0 || bytes % width != 0))
        detail::refuse(DISTARRAY_E_UNSUPPORTED, static_cast<std::int64_t>(axis), "strides", width,
                       bytes, "std::mdspan takes positive strides of whole elements: use the view");
      steps[axis] = used ? bytes / width : 1;
    }
    return std::mdspan<T, Extents, std::layout_stride>(
        data_, typename std::layout_stride::template mapping<Extents>(Extents(shape_), steps));
  }
#endif

 private:
  T *address(std::int64_t offset) const {
    using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
    return reinterpret_cast<T *>(reinterpret_cast<Byte *>(data_) + offset);
  }

  T *data_;
  Index<N> shape_, strides_;
};

namespace detail {

// A typed view of what a struct lends; T that is not const is for writing.
template <class T, int N>
View<T, N> view(const distarray_export &loan) {
  constexpr std::uint32_t known = DISTARRAY_R_GHOSTS | DISTARRAY_R_GRID_MAP |
                                  DISTARRAY_R_GRID_COLMAJOR | DISTARRAY_R_CALL_SCOPED;
  distarray_error error;
  check(distarray_adapter_open(&loan, known, 0, dtype_code<T>(), dtype_bits<T>(), &error), error);
  // Whoever writes through a view keeps replicas equal.
  if (!std::is_const_v<T> && !distarray_export_writable(&loan, DISTARRAY_W_KNOWN_1_0))
    refuse(DISTARRAY_E_ACCESS, -1, "flags_write", 0, loan.flags_write,
           "lent for reading only: ask for DISTARRAY_ACCESS_READ_WRITE, or view const elements");
  check(distarray_adapter_check_ndim(&loan, N, &error), error);
  Index<N> shape{}, strides{};
  for (std::size_t axis = 0; axis < N; ++axis) {
    shape[axis] = loan.shape[axis];
    strides[axis] = loan.strides[axis];
  }
  return {static_cast<T *>(loan.data), shape, strides};
}

}  // namespace detail

// This process on the grid: its rank and the number of ranks. flags_read has
// DISTARRAY_R_GRID_COLMAJOR where the first axis of the grid runs fastest, and
// DISTARRAY_R_GHOSTS where a list has ghosts; flags_write has DISTARRAY_W_REPLICATED where
// the ranks are several grids. grid_ranks is the rank at each place of the grid, row-major,
// where the ranks have another order.
struct Place {
  std::int64_t rank = 0;
  std::int64_t count = 1;
  std::uint32_t flags_read = 0;
  std::uint32_t flags_write = 0;
  std::vector<std::int64_t> grid_ranks = {};
};

// A loan. It is given back when the object goes, once.
class Export {
 public:
  Export() noexcept : loan_(DISTARRAY_EXPORT_INIT) {}

  // Takes over what a C producer filled in, and leaves it a husk.
  static Export take(distarray_export &loan) noexcept {
    Export taken;
    distarray_export_move(&taken.loan_, &loan);
    return taken;
  }

  Export(Export &&other) noexcept : Export() { distarray_export_move(&loan_, &other.loan_); }
  Export &operator=(Export &&other) noexcept {
    if (this != &other) {
      give_back();
      distarray_export_move(&loan_, &other.loan_);
    }
    return *this;
  }
  Export(const Export &) = delete;
  Export &operator=(const Export &) = delete;
  ~Export() { give_back(); }

  explicit operator bool() const noexcept { return distarray_export_is_live(&loan_) != 0; }
  const distarray_export *operator->() const noexcept { return &loan_; }

  // The struct, for C functions that fill it in, read it or take it over.
  distarray_export *get() noexcept { return &loan_; }
  const distarray_export *get() const noexcept { return &loan_; }

  // Gives the memory back; harmless when that has happened already.
  void give_back() noexcept { distarray_export_release(&loan_); }

  // Says what was written: DISTARRAY_C_*.
  void mark_modified(std::uint64_t consumer_flags = DISTARRAY_C_MODIFIED) noexcept {
    loan_.consumer_flags |= consumer_flags;
  }

  // The memory as elements of N axes, padding included; const T to read only. Asking
  // for T to write counts as having written owned elements.
  template <class T, int N>
  View<T, N> view() {
    const auto view = detail::view<T, N>(loan_);
    if (!std::is_const_v<T>) mark_modified();
    return view;
  }
  template <class T, int N>
  View<const T, N> view() const {
    return detail::view<const T, N>(loan_);
  }

 private:
  distarray_export loan_;
};

// Lends elements that owner keeps alive, in place: owner is moved into the loan and
// destroyed by its release (a container, a shared_ptr; move-only ones too). shape and
// strides are those of the memory, padding included, strides in bytes.
template <class T, class Owner>
Export lend(T *data, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides,
            std::vector<distarray_dim> dims, Place place, Owner owner) {
  struct Keeper {
    std::vector<std::int64_t> shape, strides, grid_ranks;
    std::vector<distarray_dim> dims;
    Owner owner;
  };
  if (shape.size() != dims.size() || strides.size() != dims.size())
    detail::refuse(DISTARRAY_E_SHAPE, -1, "ndim", static_cast<std::int64_t>(dims.size()),
                   static_cast<std::int64_t>(
                       shape.size() != dims.size() ? shape.size() : strides.size()),
                   "one extent and one stride for each axis");
  auto *keeper =
      new Keeper{std::move(shape), std::move(strides), std::move(place.grid_ranks),
                 std::move(dims), std::move(owner)};
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_export_set_dtype(&loan, dtype_code<T>(), dtype_bits<T>());
  loan.data = const_cast<std::remove_const_t<T> *>(data);
  loan.ndim = static_cast<std::int32_t>(keeper->dims.size());
  loan.shape = keeper->shape.data();
  loan.strides = keeper->strides.data();
  loan.dims = keeper->dims.data();
  loan.process_rank = place.rank;
  loan.process_count = place.count;
  loan.flags_read = place.flags_read;
  if (!keeper->grid_ranks.empty()) {
    loan.grid_ranks = keeper->grid_ranks.data();
    loan.flags_read |= DISTARRAY_R_GRID_MAP;
  }
  loan.flags_write = place.flags_write | (std::is_const_v<T> ? DISTARRAY_W_READ_ONLY : 0);
  loan.private_data = keeper;
  loan.release = [](distarray_export *self) {
    delete static_cast<Keeper *>(self->private_data);
    self->private_data = nullptr;
    self->release = nullptr;
  };
  return Export::take(loan);
}

// The same for packed elements, last axis fastest, that lie as blocks or whole axes:
// their extents are those of the axes.
template <class T, class Owner>
Export lend(T *data, std::vector<distarray_dim> dims, Place place, Owner owner) {
  std::vector<std::int64_t> shape, strides(dims.size());
  for (const auto &dim : dims) {
    if (dim.dist_type != DISTARRAY_DIST_BLOCK && dim.dist_type != DISTARRAY_DIST_UNSTRUCTURED)
      detail::refuse(DISTARRAY_E_UNSUPPORTED, static_cast<std::int64_t>(shape.size()),
                     "dist_type", DISTARRAY_DIST_BLOCK, dim.dist_type,
                     "this kind of axis does not tell its extent: pass shape and strides");
    shape.push_back(dim.dist_type == DISTARRAY_DIST_BLOCK ? dim.stop - dim.start : dim.n_indices);
  }
  distarray_strides_c_order(static_cast<std::int32_t>(shape.size()), shape.data(), sizeof(T),
                            strides.data());
  return lend(data, std::move(shape), std::move(strides), std::move(dims), std::move(place),
              std::move(owner));
}

}  // namespace distarray

#endif  // DISTARRAY_EXPORT_HPP
