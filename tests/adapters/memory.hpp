// Memory that runs out on one rank, where the program or the adapters' headers ask for it:
// every such allocation fails once, and each time all ranks must hear of it and go on.
// What Trilinos asks for inside its own functions is left alone: those are collective, and
// no one can agree on what becomes of them.
#ifndef MEMORY_HPP
#define MEMORY_HPP

#include <cstdlib>
#include <cstring>
#include <new>

#include <dlfcn.h>
#include <execinfo.h>

#include <distarray_export.hpp>

#include "../common/check.h"

namespace memory {

inline bool armed = false;
inline long until = 0; // as many allocations go well first
inline bool has_failed = false;

inline bool inside_trilinos() {
  void *frames[64];
  const int n = backtrace(frames, 64);
  for (int i = 0; i < n; ++i) {
    Dl_info object;
    if (dladdr(frames[i], &object) != 0 && std::strstr(object.dli_fname, "trilinos") != nullptr)
      return true;
  }
  return false;
}

inline void *allocate(std::size_t bytes) {
  if (armed) {
    armed = false; // what is asked for on the way is not counted
    const bool ours = !inside_trilinos();
    if (ours && until-- == 0) {
      has_failed = true;
      throw std::bad_alloc();
    }
    armed = true;
  }
  void *found = std::malloc(bytes > 0 ? bytes : 1);
  if (found == nullptr) throw std::bad_alloc();
  return found;
}

// Calls call() until none of its allocations on the last rank has failed; how many have.
// What it makes goes after the call.
template <class F>
long run_out(int line, F &&call) {
  for (long k = 0;; ++k) {
    std::int32_t status = DISTARRAY_OK;
    until = k;
    has_failed = false;
    armed = rank == size - 1;
    try {
      const auto made = call();
      armed = false;
    } catch (const distarray::Error &refusal) {
      armed = false;
      status = refusal.code();
      error = refusal.report();
    }
    int failed = has_failed;
    MPI_Bcast(&failed, 1, MPI_INT, size - 1, MPI_COMM_WORLD);
    if (!failed) {
      if (status != DISTARRAY_OK) fail(__FILE__, line, "run_out", "fails with memory");
      return k;
    }
    refused_at(__FILE__, line, "run_out", status, DISTARRAY_E_NO_MEMORY, "memory", "");
    if (error.rank != size - 1) fail(__FILE__, line, "run_out", "names another rank");
  }
}

}  // namespace memory

void *operator new(std::size_t bytes) { return memory::allocate(bytes); }
void *operator new[](std::size_t bytes) { return memory::allocate(bytes); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void *memory, std::size_t) noexcept { std::free(memory); }

#endif
