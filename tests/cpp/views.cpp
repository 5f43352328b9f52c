// Loans, views and stretches in C++, on one process without MPI.
#include <distarray.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <set>
#include <type_traits>

#if __cplusplus >= 202002L
static_assert(std::forward_iterator<distarray::Stretches::iterator>);
#endif

// Moved, never copied.
template <class T>
constexpr bool only_moves = std::is_nothrow_move_constructible_v<T> &&
                            std::is_nothrow_move_assignable_v<T> &&
                            !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(only_moves<distarray::Export> && only_moves<distarray::Array> &&
              only_moves<distarray::Distribution> && only_moves<distarray::Halo> &&
              only_moves<distarray::BoundHalo> && only_moves<distarray::Redistribution> &&
              only_moves<distarray::Accommodation>);

// DLPack's own numbers.
static_assert(distarray::dtype_code<std::int32_t>() == 0 &&
              distarray::dtype_bits<std::int32_t>() == 32);
static_assert(distarray::dtype_code<std::uint16_t>() == 1 &&
              distarray::dtype_bits<const std::uint16_t>() == 16);
static_assert(distarray::dtype_code<float>() == 2 && distarray::dtype_bits<float>() == 32);
static_assert(distarray::dtype_code<const std::complex<double>>() == 5 &&
              distarray::dtype_bits<std::complex<double>>() == 128);
static_assert(distarray::dtype_code<bool>() == 6 && distarray::dtype_bits<bool>() == 8);

namespace {

void must(bool right, int line) {
  if (right) return;
  std::fprintf(stderr, "line %d does not hold\n", line);
  std::exit(1);
}
#define MUST(condition) must(condition, __LINE__)

template <class F>
void refused(std::int32_t code, const char *field, F &&call, int line) {
  try {
    call();
  } catch (const distarray::Error &error) {
    must(error.code() == code, line);
    must(field == std::string(error.report().field) && error.what()[0] != '\0', line);
    return;
  }
  must(false, line);
}
#define REFUSED(code, field, ...) refused(code, field, [&] { (void)__VA_ARGS__; }, __LINE__)

struct Counted {
  explicit Counted(int *alive) : alive_(alive) { ++*alive_; }
  ~Counted() { --*alive_; }
  Counted(const Counted &) = delete;
  int *alive_;
};

void loans() {
  int alive = 0;
  double numbers[6] = {0, 1, 2, 3, 4, 5};
  const auto lend = [&] {
    return distarray::lend(numbers, {distarray_dim_whole(2), distarray_dim_whole(3)}, {},
                           std::make_unique<Counted>(&alive));
  };
  {
    distarray::Export loan = lend(), other = lend();
    MUST(alive == 2 && loan && loan->data == numbers);
    other = std::move(loan);
    MUST(alive == 1 && !loan && other);
    distarray::Export *self = &other;
    other = std::move(*self);
    MUST(alive == 1 && other);
    REFUSED(DISTARRAY_E_RELEASED, "loan", loan.view<double, 2>());

    // As C takes it and gives it.
    distarray_export raw = DISTARRAY_EXPORT_INIT;
    distarray_export_move(&raw, other.get());
    MUST(!other && distarray_export_is_live(&raw));
    other = distarray::Export::take(raw);
    MUST(other && !distarray_export_is_live(&raw) && alive == 1);
    other.give_back();
    other.give_back();
    MUST(!other && alive == 0);
  }
  MUST(alive == 0);

  // An array takes the loan or leaves it.
  {
    distarray::Export loan = lend();
    loan.get()->process_count = 2;
    REFUSED(DISTARRAY_E_GRID, "process_count", distarray::Array(std::move(loan)));
    MUST(loan && alive == 1);
    loan.get()->process_count = 1;
    distarray::Array array(std::move(loan)), target(lend());
    MUST(!loan && alive == 2);
    target = std::move(array);
    MUST(alive == 1);
    distarray::Export again = target.lend(DISTARRAY_ACCESS_READ_WRITE);
    distarray::Array twice(std::move(again));
    MUST(twice.same_memory(target) && target.description().data == numbers);
    REFUSED(DISTARRAY_E_RANGE, "axis", target.dim(2));
  }
  MUST(alive == 0);
  REFUSED(DISTARRAY_E_SHAPE, "ndim", distarray::lend(numbers, {2}, {8}, {}, {}, 0));
  REFUSED(DISTARRAY_E_UNSUPPORTED, "dist_type",
          distarray::lend(numbers, {distarray_dim_cyclic(6, 1, 0, 2, 0)}, {}, 0));
}

// What the lender hears: written or not.
void notice() {
  static std::uint64_t heard;
  double number = 1;
  distarray_export raw = DISTARRAY_EXPORT_INIT;
  distarray_export_set_dtype(&raw, DISTARRAY_DTYPE_FLOAT, 64);
  raw.data = &number;
  const std::int64_t shape = 1, stride = 8;
  const distarray_dim dim = distarray_dim_whole(1);
  raw.ndim = 1;
  raw.shape = &shape;
  raw.strides = &stride;
  raw.dims = &dim;
  for (int way = 0; way < 4; ++way) {
    raw.release = [](distarray_export *self) {
      heard = self->consumer_flags;
      self->release = nullptr;
    };
    heard = 77;
    {
      distarray::Export loan = distarray::Export::take(raw);
      const distarray::Export &reading = loan;
      if (way == 0) MUST((reading.view<double, 1>()(0) == 1));
      if (way == 1) loan.view<double, 1>();
      if (way == 2) MUST((distarray::Array(std::move(loan)).owned<const double, 1>()(0) == 1));
      if (way == 3) distarray::Array(std::move(loan)).owned<double, 1>();
    }
    MUST(heard == (way % 2 ? DISTARRAY_C_MODIFIED : 0u));
  }
}

void views() {
  // 4 x 3 of a 5 x 6 block, rows backwards, every other column.
  std::vector<std::int32_t> block(30);
  std::iota(block.begin(), block.end(), 0);
  const std::int64_t row = 6 * sizeof(std::int32_t), column = 2 * sizeof(std::int32_t);
  auto loan = distarray::lend(block.data() + 18, {4, 3}, {-row, column},
                              {distarray_dim_whole(4), distarray_dim_whole(3)}, {}, 0);
  auto view = loan.view<std::int32_t, 2>();
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 3; ++j)
      MUST(&view(i, j) == &block[static_cast<std::size_t>(18 - 6 * i + 2 * j)]);
  const auto part = view.part(0, 1, 3).part(1, 2, 3);
  MUST(part.extent(0) == 2 && part.extent(1) == 1 && part(1, 0) == 18 - 12 + 4 && part.size() == 2);
  int sum = 0, seen = 0;
  view.for_each([&](std::int32_t &element, const std::array<std::int64_t, 2> &at) {
    MUST(element == view(at[0], at[1]) && at[0] * 3 + at[1] == seen++);
    sum += element;
  });
  MUST(seen == 12 && sum == 4 * (0 + 2 + 4) + 3 * (0 + 6 + 12 + 18));
  view.part(1, 3, 3).for_each([&](std::int32_t &, const auto &) { seen = -1; });
  MUST(seen == 12);

  REFUSED(DISTARRAY_E_BOUNDS, "position", view.at(0, 3));
  REFUSED(DISTARRAY_E_BOUNDS, "position", view.at(-1, 0));
  REFUSED(DISTARRAY_E_BOUNDS, "stop", view.part(0, 0, 5));
  REFUSED(DISTARRAY_E_BOUNDS, "stop", view.part(2, 0, 0));
  REFUSED(DISTARRAY_E_DTYPE, "dtype_code", loan.view<float, 2>());
  REFUSED(DISTARRAY_E_DTYPE, "dtype_bits", loan.view<std::int64_t, 2>());
  REFUSED(DISTARRAY_E_UNACCEPTABLE, "ndim", loan.view<std::int32_t, 1>());

  const std::int32_t *fixed = block.data();
  auto reading = distarray::lend(fixed, {distarray_dim_whole(30)}, {}, 0);
  REFUSED(DISTARRAY_E_ACCESS, "flags_write", reading.view<std::int32_t, 1>());
  MUST((reading.view<const std::int32_t, 1>()(29) == 29));
#ifdef __cpp_lib_mdspan
  REFUSED(DISTARRAY_E_UNSUPPORTED, "strides", view.mdspan());
  auto spread = distarray::lend(block.data(), {5, 3}, {row, column},
                                {distarray_dim_whole(5), distarray_dim_whole(3)}, {}, 0);
  const auto md = spread.view<const std::int32_t, 2>().mdspan();
  const std::array<int, 2> last{4, 2};
  MUST(md.extent(0) == 5 && md.extent(1) == 3 && &md[last] == &block[28]);
  MUST((spread.view<const std::int32_t, 2>().part(0, 2, 2).mdspan().extent(1) == 3));
#endif
}

// Stretches against the deal done by hand.
void stretches() {
  for (std::int64_t size : {0, 1, 10, 23})
    for (std::int64_t processes : {1, 2, 3})
      for (std::int64_t block : {1, 3, 40})
        for (std::int64_t mine = 0; mine < processes; ++mine) {
          std::vector<std::int64_t> dealt, found;
          for (std::int64_t g = 0; g < size; ++g)
            if (g / block % processes == mine) dealt.push_back(g);
          const auto dim = distarray_dim_cyclic(size, processes, mine, block, 0);
          for (const auto [local, global, length] : distarray::Stretches(dim))
            for (std::int64_t k = 0; k < length; ++k) {
              MUST(local + k == static_cast<std::int64_t>(found.size()));
              found.push_back(global + k);
            }
          MUST(found == dealt);
        }

  // A list, of which the last two are ghosts; a block with padding.
  const std::vector<std::int64_t> list = {4, 5, 6, 2, 0, 9, 8};
  std::vector<std::int64_t> found;
  for (const auto s :
       distarray::Stretches(distarray_dim_unstructured(10, 2, 0, list.data(), 7, 5, 0)))
    for (std::int64_t k = 0; k < s.length; ++k) found.push_back(s.global + k);
  MUST(found == std::vector<std::int64_t>(list.begin(), list.begin() + 5));
  auto dim = distarray_dim_block(20, 4, 1, 5, 10);
  distarray_dim_add_halo(&dim, 2, 1);
  const distarray::Stretches one(dim);
  MUST(std::distance(one.begin(), one.end()) == 1);
  const distarray::Stretch s = *one.begin();
  MUST(s.local == 0 && s.global == 5 && s.length == 5);
  dim.dist_type = 7;
  REFUSED(DISTARRAY_E_RANGE, "dist_type", distarray::Stretches(dim));
}

}  // namespace

int main() {
  loans();
  notice();
  views();
  stretches();
  std::printf("all held\n");
  return 0;
}
