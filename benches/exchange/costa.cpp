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
                                       int(n[5]), 'R', 0, 0, static_cast<T *>(data), int(n[7]),
                                       n[6] ? 'R' : 'C', rank);
}

template <typename T>
struct of_type : transformation {
  costa::grid_layout<T> from, to;
  of_type(const long *f, const long *t, void *source, void *target)
      : from(side<T>(f, source)), to(side<T>(t, target)) {}
  void run() override { costa::transform(from, to, MPI_COMM_WORLD); }
};

}  // namespace

extern "C" void *costa_new(int bytes, const long *from, const long *to, void *source, void *target) {
  if (bytes == 4) return new of_type<float>(from, to, source, target);
  if (bytes == 8) return new of_type<double>(from, to, source, target);
  return new of_type<std::complex<double>>(from, to, source, target);
}

extern "C" void costa_run(void *context) { static_cast<transformation *>(context)->run(); }

extern "C" void costa_free(void *context) { delete static_cast<transformation *>(context); }
