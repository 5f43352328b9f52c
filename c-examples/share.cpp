/* The same as heat3d.c in small, in C++: vectors are lent and live until their loans
 * are over, halos are filled in place, elements are found by global index, a matrix
 * dealt out by rows becomes one dealt out in blocks of columns, and what does not fit
 * is refused by an exception that all ranks get. Any number of ranks from 1 to 4.
 *
 * Expected output:
 *   the vector's own memory: yes
 *   halo filled from the neighbours: yes
 *   columns, dealt round robin: yes
 *   a consumer of packed rows without padding works on a copy and brings it back: yes
 *   rank 0 passed a wrong array, and all ranks know: yes
 *   vectors still lent at the end: 0
 */
#include <distarray.hpp>
#include <distarray_mpi.h>

#include <cstdio>
#include <memory>

namespace {

constexpr std::int64_t rows = 13, columns = 7;
int rank_, size_, lent;

/* A vector that counts itself, so that the end can tell that none is left. */
struct Counted {
  explicit Counted(std::int64_t n) : elements(static_cast<std::size_t>(n), -1.0) { ++lent; }
  ~Counted() { --lent; }
  std::vector<double> elements;
};

double value(std::int64_t i, std::int64_t j) {
  return 100.0 * static_cast<double>(i) + static_cast<double>(j);
}

/* Rows first to last - 1, with one of each neighbour's around them. */
distarray::Export lend_rows(std::int64_t first, std::int64_t last) {
  auto owner = std::make_unique<Counted>((last - first + 2) * columns);
  double *data = owner->elements.data();
  distarray_dim dims[2] = {distarray_dim_block(rows, size_, rank_, first, last),
                           distarray_dim_whole(columns)};
  distarray_dim_add_halo(&dims[0], 1, 1);
  return distarray::lend(data, {dims[0], dims[1]}, distarray::Place{rank_, size_},
                         std::move(owner));
}

/* A description of columns dealt out in blocks of two, column-major. */
distarray::Export describe_columns() {
  std::int64_t mine = 0;
  for (std::int64_t j = 0; j < columns; ++j) mine += j / 2 % size_ == rank_;
  auto owner = std::make_unique<Counted>(rows * mine);
  double *data = owner->elements.data();
  const std::int64_t width = sizeof(double);
  return distarray::lend(
      data, {rows, mine}, {width, rows * width},
      {distarray_dim_whole(rows), distarray_dim_cyclic(columns, size_, rank_, 2, 0)},
      distarray::Place{rank_, size_}, std::move(owner));
}

void say(const char *what, bool right) {
  int mine = right, all = 0;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (rank_ == 0) std::printf("%s: %s\n", what, all ? "yes" : "NO");
}

bool holds(const distarray::Array &array) {
  const auto elements = array.owned<double, 2>();
  bool right = true;
  for (const auto i : array.stretches(0))
    for (const auto j : array.stretches(1))
      for (std::int64_t a = 0; a < i.length; ++a)
        for (std::int64_t b = 0; b < j.length; ++b)
          right =
              right && elements.at(i.local + a, j.local + b) == value(i.global + a, j.global + b);
  return right;
}

void run(const distarray_comm &comm) {
  const std::int64_t first = rows * rank_ / size_, last = rows * (rank_ + 1) / size_;

  /* Lent, taken, proved. */
  distarray::Export loan = lend_rows(first, last);
  const void *address = loan->data;
  distarray::Array u(std::move(loan));
  distarray::Distribution by_rows(comm, u);
  say("the vector's own memory", u.description().data == address && !loan);

  /* Filled by global index; the halo comes from the neighbours. */
  auto mine = u.owned<double, 2>();
  for (const auto &[local, global, length] : u.stretches(0))
    for (std::int64_t i = 0; i < length; ++i)
      for (std::int64_t j = 0; j < columns; ++j) mine(local + i, j) = value(global + i, j);
  distarray::Halo halo(by_rows);
  halo.update(u);
  bool right = true;
  const distarray::Array &read = u;
  read.view<double, 2>().for_each([&](const double &element, const auto &at) {
    const std::int64_t row = first - 1 + at[0];
    right = right && element == (row < 0 || row >= rows ? -1 : value(row, at[1]));
  });
  say("halo filled from the neighbours", right);

  /* Another distribution in other memory. */
  distarray::Array v(describe_columns());
  distarray::Distribution by_columns(comm, v);
  distarray::Redistribution(by_rows, by_columns).apply(u, v);
  say("columns, dealt round robin", holds(v) && by_columns.owner({rows - 1, 2}) == 1 % size_);

  /* A consumer that takes rows without padding, packed, of floats. */
  distarray_requirements asked{};
  asked.layouts = DISTARRAY_LAYOUT_C;
  asked.code = DISTARRAY_DTYPE_FLOAT;
  asked.bits = 32;
  distarray::Accommodation way(by_rows, u, asked);
  {
    distarray::Array copy = way.hand_over(u);
    auto floats = copy.owned<float, 2>();
    if (floats.size() > 0) floats(0, 0) = -5;
    way.take_back(copy, u);
    right = copy.description().flags_info & DISTARRAY_I_COPIED;
  }
  say("a consumer of packed rows without padding works on a copy and brings it back",
      right && !way.reasons().empty() && (first == last || mine(0, 0) == -5));

  /* What rank 0 does wrong, all ranks are told. */
  right = false;
  try {
    distarray::Redistribution(by_rows, by_columns).apply(rank_ == 0 ? v : u, v);
  } catch (const distarray::Error &error) {
    right = error.report().rank == 0;
  }
  say("rank 0 passed a wrong array, and all ranks know", right);
}

}  // namespace

int main(int argc, char **argv) {
  distarray_comm comm;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  try {
    run(comm);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  if (rank_ == 0) std::printf("vectors still lent at the end: %d\n", lent);
  MPI_Finalize();
  return 0;
}
