// distarray_trilinos.hpp - maps as axes and axes as maps, as Trilinos' packages of vectors
// have them. Included by distarray_epetra.hpp and distarray_tpetra.hpp, which say how to
// use it.
#ifndef DISTARRAY_TRILINOS_HPP
#define DISTARRAY_TRILINOS_HPP

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <new>

#include "distarray_adapter_mpi.h"
#include "distarray_export.hpp"

namespace distarray {
namespace trilinos {

using distarray::detail::check;
using distarray::detail::refuse;

// Does what may throw on this rank alone, and gives it as its part of a verdict of all: the
// others would wait for a rank that left. Local.
template <class F>
std::int32_t attempt(F &&work, distarray_error *report) noexcept {
  const auto refused = [&](std::int64_t found, const char *text) {
    return distarray_adapter_refuse(report, DISTARRAY_E_UNACCEPTABLE, -1, "trilinos", 0, found, text);
  };
  try {
    work();
    return DISTARRAY_OK;
  } catch (const Error &refusal) {
    *report = refusal.report();
    return refusal.code();
  } catch (const std::bad_alloc &) {
    return distarray_adapter_refuse(report, DISTARRAY_E_NO_MEMORY, -1, "memory", 1, 0,
                                    "no memory to describe the array, or for its vector");
  } catch (const std::exception &refusal) {
    return refused(-1, refusal.what());
  } catch (int code) { // as Epetra throws
    return refused(code, "Epetra refused the map or the vector, and said on standard error why");
  } catch (...) {
    return refused(-1, "Trilinos threw what is no exception");
  }
}

// --- Lending ---------------------------------------------------------------------

// What a map says on this process.
struct Map {
  std::int64_t size = 0, mine = 0; // its elements on all processes, and on this one
  std::int64_t base = 0, last = 0; // its least and its greatest index
  bool distributed = true;         // or every process has all elements
  bool contiguous = false;         // the processes' elements follow each other
  std::int64_t first = 0;          // where contiguous: of this process
  const void *list = nullptr;      // where not: int32_t or int64_t
  bool list_is_i32 = false;

  // A global index, counted from 0.
  std::int64_t operator[](std::int64_t position) const {
    const std::int64_t index = contiguous    ? first + position
                               : list_is_i32 ? static_cast<const std::int32_t *>(list)[position]
                                             : static_cast<const std::int64_t *>(list)[position];
    return index - base;
  }
};

inline bool begins_with(const Map &map, const Map &owned) {
  if (owned.mine > map.mine) return false;
  for (std::int64_t i = 0; i < owned.mine; ++i)
    if (map[i] != owned[i]) return false;
  return true;
}

inline bool is_run(const Map &map) {
  for (std::int64_t i = 1; i < map.mine; ++i)
    if (map[i] != map[0] + i) return false;
  return true;
}

// A map's elements as an axis, as far as one process knows them: only all together know
// which of the two it is.
struct Axis {
  distarray_dim block{}, listed{};
  std::vector<std::int64_t> list; // listed points to it, or to the map's own
  bool begins = false;            // what is owned comes first
  bool inside = false;            // or lies inside a run of consecutive indices
};

// Reads what a process holds of map, and owns of it: as many elements before stop. Local.
inline Axis read_axis(const distarray_comm &comm, const Map &map, const Map &owned,
                      std::int64_t stop) {
  const std::int64_t processes = map.distributed ? comm.size : 1;
  const std::int64_t place = map.distributed ? comm.rank : 0;
  Axis axis;
  if (!map.distributed) stop = owned.mine;
  const std::int64_t start = stop - owned.mine;
  if (map.contiguous && &map == &owned) {
    axis.block = distarray_dim_block(map.size, processes, place, start, stop);
    axis.inside = true;
    return axis;
  }
  const std::int64_t extent = map.last - map.base + 1;
  const std::int64_t before = map.mine > 0 ? start - map[0] : 0;
  const std::int64_t after = map.mine - owned.mine - before;
  axis.begins = begins_with(map, owned);
  axis.inside = owned.contiguous && before >= 0 && after >= 0 && is_run(map);
  axis.block = distarray_dim_block(extent, processes, place, start - before, stop + after);
  axis.block.padding[0] = before;
  axis.block.padding[1] = after;
  axis.listed = distarray_dim_unstructured(extent, processes, place, nullptr, map.mine, owned.mine, 1);
  if (map.base == 0 && !map.contiguous) {
    axis.listed.indices = map.list;
    if (map.list_is_i32) axis.listed.flags |= DISTARRAY_DIM_INDICES_I32;
  } else if (axis.begins) {
    axis.list.resize(static_cast<std::size_t>(map.mine));
    for (std::size_t i = 0; i < axis.list.size(); ++i)
      axis.list[i] = map[static_cast<std::int64_t>(i)];
    axis.listed.indices = axis.list.data();
  }
  return axis;
}

// How the elements of a vector lie: `points` of an element side by side, the elements of
// a column too, columns `lda` points apart.
struct Panel {
  std::int64_t points = 1;
  bool multi = false; // has an axis of columns
  std::int64_t columns = 1, lda = 0;
};

// Refuses columns that have no one distance, or overlap. Local.
inline void check_columns(const Panel &panel, std::int64_t mine, bool constant_stride) {
  const std::int64_t length = mine * panel.points, lda = constant_stride ? panel.lda : 0;
  if (panel.columns < 2 || length == 0 || (constant_stride && std::abs(lda) >= length)) return;
  refuse(DISTARRAY_E_UNSUPPORTED, panel.points > 1 ? 2 : 1, "strides", length, lda,
         "the columns lie at no one distance, or overlap: lend them one by one, or copy the "
         "vectors");
}

// Describes elements that owner keeps. Their axes are the map's elements, not known yet,
// their points if there is more than one, and the columns. Local.
template <class T, class Owner>
Export describe(T *data, const distarray_comm &comm, const Map &map, const Panel &panel,
                Owner owner) {
  const std::int64_t width = sizeof(T);
  std::vector<std::int64_t> shape{map.mine}, strides{panel.points * width};
  std::vector<distarray_dim> dims(1);
  if (panel.points > 1) {
    shape.push_back(panel.points);
    strides.push_back(width);
    dims.push_back(distarray_dim_whole(panel.points));
    dims.back().flags |= DISTARRAY_DIM_COMPONENT;
  }
  if (panel.multi) {
    shape.push_back(panel.columns);
    strides.push_back((panel.lda != 0 ? panel.lda : 1) * width);
    dims.push_back(distarray_dim_whole(panel.columns));
  }
  Export loan = distarray::lend(data, std::move(shape), std::move(strides), std::move(dims),
                                Place{comm.rank, comm.size, 0}, std::move(owner));
  if (!map.distributed && comm.size > 1) loan.get()->flags_write |= DISTARRAY_W_REPLICATED;
  return loan;
}

// Lends a vector over map. owned is the map of those that each process owns, or null where
// one_to_one() tells that all are. prepare(comm, axis) describes the vector, and keeps the
// axis's list. All that this rank may fail in alone comes before the verdict. Collective.
template <class Prepare, class OneToOne>
Export lend(MPI_Comm mpi, const Map &map, const Map *owned, Prepare &&prepare,
            OneToOne &&one_to_one) {
  const Map &mine = owned != nullptr ? *owned : map;
  distarray_comm comm;
  distarray_error error, report;
  std::int64_t stop = 0; // a map does not say where an empty part lies
  check(distarray_adapter_table(mpi, &comm, &error), error);
  check(distarray_adapter_stop(mpi, mine.mine, &stop, &error), error);
  Axis axis;
  Export loan;
  const std::int32_t status = attempt(
      [&] {
        axis = read_axis(comm, map, mine, stop);
        loan = prepare(comm, axis);
      },
      &report);
  // Of all ranks the least: whether all have an owned map, and whether none has.
  std::int64_t facts[] = {axis.begins, axis.inside, owned != nullptr, owned == nullptr};
  check(distarray_adapter_agree_least(&comm, status, facts, 4, &report), report);
  if (!facts[2] && !facts[3])
    refuse(DISTARRAY_E_INVARIANT, -1, "owned", 1, 0,
           "pass the map of what each process owns on all ranks, or on none");
  if (facts[3] && !map.contiguous && !one_to_one())
    refuse(DISTARRAY_E_UNACCEPTABLE, 0, "n_owned", 1, 0,
           "the map overlaps: pass the one-to-one map of what each process owns");
  if (mine.size != axis.block.size)
    refuse(DISTARRAY_E_UNACCEPTABLE, 0, "size", axis.block.size, mine.size,
           "the map does not own every index from its base to its greatest one, once: number "
           "the elements without gaps");
  if (!facts[0] && !facts[1])
    refuse(DISTARRAY_E_UNACCEPTABLE, 0, "n_owned", 1, 0,
           "the owned indices neither come first in the map of every process, in their order, "
           "nor lie inside a run of consecutive ones: order the map so");
  const distarray_dim &elements = facts[0] ? axis.listed : axis.block;
  const_cast<distarray_dim &>(loan->dims[0]) = elements; // the keeper's, which is no constant
  if (elements.n_owned < elements.n_indices) loan.get()->flags_read |= DISTARRAY_R_GHOSTS;
  return loan;
}

// --- Borrowing -------------------------------------------------------------------

// What a package's vectors can hold.
struct Limits {
  std::uint8_t code, bits;
  std::int64_t local, global; // the greatest index
  bool points;                // elements may have several
  bool multi;                 // the last of several axes is that of the columns
};

// A loan as a vector, and its map.
struct Borrowed {
  Panel panel;
  std::int64_t size = 0, mine = 0;
  bool ghosts = false;     // some of mine are other processes'
  bool replicated = false; // every process has all
  bool listed = false;     // or the processes' elements follow each other
};

// Reads the axes after the first: points, and columns where the vector has several. Local.
inline std::int32_t read_panel(const distarray_export &loan, const Limits &limits, Panel *panel,
                               distarray_error *error) {
  for (std::int32_t i = 1; i < loan.ndim; ++i) {
    distarray_adapter_axis axis{};
    DISTARRAY_ADAPTER_TRY(distarray_adapter_whole_axis(&loan, i, &axis, error));
  }
  distarray_export column = loan;
  panel->multi = limits.multi && loan.ndim > 1;
  if (panel->multi) panel->columns = loan.shape[--column.ndim];
  for (std::int32_t i = 1; i < column.ndim; ++i)
    panel->points = distarray_adapter_product(panel->points, loan.shape[i]);
  if (!limits.points && panel->points != 1)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 1, "size", 1, panel->points,
                                    limits.multi ? "the elements have one point: lend a view of "
                                                   "two axes"
                                                 : "a Vector has one column: borrow a MultiVector");
  const std::int64_t length = distarray_adapter_product(loan.shape[0], panel->points);
  panel->lda = length;
  if (!panel->multi) return distarray_adapter_check_packed(&column, 0, error);
  // Of more axes than two the column's are packed, so that they are as one.
  if (column.ndim > 1)
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_packed(&column, 0, error));
  const std::int64_t shape[] = {length, panel->columns};
  const std::int64_t strides[] = {column.ndim > 1 ? loan.itemsize : loan.strides[0],
                                  loan.strides[loan.ndim - 1]};
  column.shape = shape;
  column.strides = strides;
  return distarray_adapter_check_columns(&column, &panel->lda, error);
}

// Reads a loan; listed tells whether this process's elements do not follow the last
// one's. Local.
inline std::int32_t read_loan(const distarray_export &loan, const Limits &limits, bool writing,
                              Borrowed *out, distarray_error *error) {
  constexpr std::uint32_t known =
      DISTARRAY_R_GHOSTS | DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR;
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_open(&loan, known, 0, limits.code, limits.bits, error));
  if (writing && !distarray_export_writable(&loan, DISTARRAY_W_REPLICATED))
    return distarray_adapter_refuse(error, DISTARRAY_E_ACCESS, -1, "flags_write", 0,
                                    loan.flags_write,
                                    "lent for reading only: borrow a const vector, or ask for "
                                    "DISTARRAY_ACCESS_READ_WRITE");
  if (loan.ndim < 1) return distarray_adapter_check_ndim(&loan, 1, error);
  DISTARRAY_ADAPTER_TRY(read_panel(loan, limits, &out->panel, error));

  const distarray_dim &dim = loan.dims[0];
  const bool whole = dim.dist_type == DISTARRAY_DIST_UNDISTRIBUTED;
  const std::int64_t processes = whole ? 1 : dim.proc_grid_size;
  std::int64_t held = loan.shape[0], first = 0, stop = held;
  if (!whole) DISTARRAY_ADAPTER_TRY(distarray_dim_owned(&dim, &held, &first, &stop, error));
  out->size = whole ? held : dim.size;
  out->mine = held;
  out->ghosts = stop - first < held;
  if (out->ghosts && (dim.flags & DISTARRAY_DIM_EDGE_OUTSIDE))
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "padding", 0,
                                    dim.padding[0] + dim.padding[1],
                                    "a halo around the edges has no indices of the array, as a map "
                                    "needs: distarray_accommodation_new steps over it");
  const bool block = whole || dim.dist_type == DISTARRAY_DIST_BLOCK;
  out->replicated = block && processes == 1 && loan.process_count > 1;
  if (!out->replicated)
    DISTARRAY_ADAPTER_TRY(
        distarray_adapter_check_order(&loan, processes, loan.process_rank, error));
  out->listed = !out->replicated &&
                (!block || out->ghosts || (!whole && dim.proc_grid_rank != loan.process_rank));
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_index(out->panel.lda, limits.local, 0, "shape", error));
  return distarray_adapter_check_index(distarray_adapter_product(out->size, out->panel.points),
                                       limits.global, 0, "size", error);
}

// The global indices of all that a process holds, in a map's type. Local.
template <class Index>
std::vector<Index> indices_of(const distarray_dim &dim, std::int64_t held) {
  constexpr std::int64_t most = 256;
  std::vector<Index> list(static_cast<std::size_t>(held));
  std::int64_t part[most];
  distarray_error error;
  for (std::int64_t begin = 0; begin < held; begin += most) {
    const std::int64_t n = std::min(most, held - begin);
    for (std::int64_t i = 0; i < n; ++i) part[i] = begin + i;
    check(distarray_dim_local_to_global(&dim, n, part, part, &error), error);
    for (std::int64_t i = 0; i < n; ++i)
      list[static_cast<std::size_t>(begin + i)] = static_cast<Index>(part[i]);
  }
  return list;
}

// Proves that the loans of all ranks are one array, and reads this rank's; list becomes the
// indices for its map, where that is listed. prepare(borrowed), which is local, allocates
// what the vector will need. table becomes that of the communicator. Collective.
template <class Index, class Prepare>
Borrowed read(MPI_Comm mpi, const distarray_export &loan, const Limits &limits, bool writing,
              distarray_comm *table, std::vector<Index> *list, Prepare &&prepare) {
  struct Request {
    const Limits &limits;
    bool writing;
    Prepare &prepare;
    Borrowed out;
  } request{limits, writing, prepare, {}};
  distarray_adapter_terms terms{};
  terms.context = &request;
  terms.accept = [](void *context, const distarray_export *part, int, std::uint64_t facts[4],
                    distarray_error *report) {
    auto *self = static_cast<Request *>(context);
    DISTARRAY_ADAPTER_TRY(read_loan(*part, self->limits, self->writing, &self->out, report));
    facts[0] = self->out.listed;
    return attempt([&] { self->prepare(self->out); }, report);
  };
  distarray_error error, report;
  check(distarray_adapter_take(mpi, &loan, &terms, table, &error), error);
  request.out.listed = terms.facts[0] > 0; // on any rank
  if (request.out.listed) { // of any order, ghosts included
    const std::int32_t status =
        attempt([&] { *list = indices_of<Index>(loan.dims[0], request.out.mine); }, &report);
    check(distarray_adapter_agree_on(table, status, &report, &error), error);
  }
  return request.out;
}

// What a vector that may be written will have written, for the lender.
inline void mark_modified(Export &loan, const Borrowed &borrowed) {
  loan.mark_modified(DISTARRAY_C_MODIFIED |
                     (borrowed.ghosts ? DISTARRAY_C_HALO_MODIFIED : 0));
}

// What a vector of these limits takes of an array of ndim axes.
inline distarray_requirements requirements(std::int32_t ndim, distarray_required_axis *axes,
                                           const Limits &limits) {
  distarray_requirements asked = distarray_adapter_rows_requirements(
      ndim, axes, limits.multi && ndim > 1 ? DISTARRAY_LAYOUT_FORTRAN_LINES : DISTARRAY_LAYOUT_C,
      limits.code, limits.bits);
  if (ndim > 0) axes[0].dist_types = 0; // any: a map lists what is no block
  asked.replicas = 1;
  return asked;
}

}  // namespace trilinos
}  // namespace distarray

#endif  // DISTARRAY_TRILINOS_HPP
