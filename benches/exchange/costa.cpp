// costa.cpp - COSTA's own C++ interface as three C functions.
//
// Compiled only where COSTA_ROOT names an installation of COSTA
// (https://github.com/eth-cscs/COSTA).
#include <complex>

#include <costa/grid2grid/transform.hpp>
#include <costa/layout.hpp>

namespace {

struct transformation {
  virtual ~transformation() {}
  virtual void run() = 0;
};

template <typename T>
costa::grid_layout<T> side(const long *n, void *data) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const int rows = int(n[0]), columns = int(n[3]);
  return costa::block_cyclic_layout<T>(rows, columns, int(n[1]), int(n[4]), 1, 1, rows, columns, int(n[2]),
                                       int(n[5]), n[6] ? 'C' : 'R', 0, 0, static_cast<T *>(data), int(n[7]),
                                       'C', rank);
}

template <typename T>
struct of_type : transformation {
  costa::grid_layout<T> from, to;
  bool turned;
  of_type(const long *f, const long *t, void *source, void *target)
      : from(side<T>(f, source)), to(side<T>(t, target)), turned(f[6] != t[6]) {}
  void run() override {
    if (turned) costa::transform(from, to, 'T', T(1), T(0), MPI_COMM_WORLD);
    else costa::transform(from, to, MPI_COMM_WORLD);
  }
};

}  // namespace

// Of each side: size, block and grid of its rows, then of its columns; 1 if the grid
// counts by columns; the leading dimension. A matrix by rows is described as its
// transpose by columns: COSTA 2.3.2 turns blocks by rows wrongly when they are not
// square.
extern "C" void *costa_new(int bytes, const long *from, const long *to, void *source, void *target) {
  if (bytes == 4) return new of_type<float>(from, to, source, target);
  if (bytes == 8) return new of_type<double>(from, to, source, target);
  return new of_type<std::complex<double>>(from, to, source, target);
}

extern "C" void costa_run(void *context) { static_cast<transformation *>(context)->run(); }

extern "C" void costa_free(void *context) { delete static_cast<transformation *>(context); }
