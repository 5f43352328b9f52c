// answers.cpp - the C++ interface, asked.
#include <optional>

#include "parts.hpp"

namespace {

template <class T>
void move(question *q) {
  const bool reshape = next(q) != 0;
  const int ndim = static_cast<int>(next(q));
  std::optional<Layout> sides[2];
  for (int side = 0; side < 2; ++side)
    if (q->sides[side]) sides[side] = read_layout<T>(q, *q->sides[side]);
  const distarray::Distribution *distributions[2] = {nullptr, nullptr};
  const distarray::Array *arrays[2] = {nullptr, nullptr};
  for (int side = 0; side < 2; ++side)
    if (sides[side]) {
      distributions[side] = &sides[side]->distribution;
      arrays[side] = &sides[side]->array;
    }
  if (sides[0]) fill<T>(sides[0]->array);
  auto plan = reshape ? distarray::Redistribution::reshape(*distributions[0], *distributions[1])
                      : distarray::Redistribution::across(*q->comm, distributions[0], distributions[1], ndim);
  const auto moved = plan.moves(sizeof(T));
  say(q, {moved.messages, moved.bytes_sent, moved.bytes_copied});
  plan.apply(arrays[0], arrays[1]);
  if (sides[1]) say_elements<T>(q, sides[1]->array, true);
}

template <class T>
void agree(question *q, bool has_owners) {
  const Part part(q);
  distarray::check_collective(*q->comm, *part.describe<T>().get());
  const auto array = part.take<T>();
  const distarray::Distribution whole(*q->comm, array);
  std::int64_t total = 1;
  for (int axis = 0; axis < array.ndim(); ++axis) {
    const auto dim = array.dim(axis);
    total *= dim.size;
    Numbers global;
    for (std::int64_t i = -1; i <= dim.size; ++i) global.push_back(i);
    const auto places = whole.places_collective(axis, global);
    if (dim.dist_type != DISTARRAY_DIST_UNSTRUCTURED) {
      const auto again = whole.places(axis, global);
      must(again.coordinate == places.coordinate && again.local == places.local);
      for (std::size_t i = 1; i + 1 < global.size(); ++i)
        must(whole.local_to_global(axis, places.coordinate[i], {places.local[i]})[0] == global[i]);
      // The stretches of a coordinate are what it owns.
      for (const auto [local, first, length] : whole.stretches(axis, 0))
        for (std::int64_t k = 0; k < length; ++k) {
          const auto i = static_cast<std::size_t>(first + k + 1);
          must(places.coordinate[i] == 0 && places.local[i] == local + k);
        }
    }
    for (std::size_t i = 0; i < global.size(); ++i) say(q, {places.coordinate[i], places.local[i]});
  }
  for (std::int64_t flat = 0; has_owners && flat < total; ++flat) {
    Numbers index(static_cast<std::size_t>(array.ndim()));
    std::int64_t rest = flat;
    for (int axis = array.ndim(); axis-- > 0;) {
      const auto size = array.dim(axis).size;
      index[static_cast<std::size_t>(axis)] = rest % size;
      rest /= size;
    }
    say(q, whole.owner(index));
  }
}

}  // namespace

extern "C" {

int32_t answer_dim(question *q) {
  return answered(&q->error, [q] {
    const auto level = static_cast<std::int32_t>(next(q));
    std::int64_t extent = 0;
    const distarray_dim dim = read_axis(q, &extent);
    // A buffer along one axis; a process grid of one line.
    distarray::Place place{dim.proc_grid_rank, dim.proc_grid_size};
    if (dim.n_owned < dim.n_indices) place.flags_read |= DISTARRAY_R_GHOSTS;
    auto loan = distarray::lend(static_cast<std::int8_t *>(nullptr), {extent}, {1}, {dim}, place, 0);
    loan.get()->flags_read |= DISTARRAY_R_NO_DATA;
    distarray::check(*loan.get(), level);
    std::int64_t held = 0, start = 0, stop = 0;
    distarray::detail::call(distarray_dim_owned, &dim, &held, &start, &stop);
    say(q, {held, start, stop});
    say(q, distarray::local_to_global(dim, next(q, next(q))));
    say(q, distarray::global_to_local(dim, next(q, next(q))));
    const distarray::Stretches stretches(dim);
    say(q, std::distance(stretches.begin(), stretches.end()));
    for (const auto [local, global, length] : stretches) {
      (void)local;
      say(q, {global, length, 0, 1});
    }
  });
}

int32_t answer_check(question *q) {
  return answered(&q->error, [q] {
    const auto level = static_cast<std::int32_t>(next(q));
    distarray::check(*Part(q).describe<std::int8_t>().get(), level);
  });
}

int32_t answer_agree(question *q) {
  return answered(&q->error, [q] {
    const bool has_owners = next(q) != 0;
    const std::int64_t code = next(q), bits = next(q);
    if (code == DISTARRAY_DTYPE_INT) agree<std::int8_t>(q, has_owners);
    else if (bits == 32) agree<float>(q, has_owners);
    else agree<double>(q, has_owners);
  });
}

int32_t answer_halo(question *q) {
  return answered(&q->error, [q] {
    std::vector<std::int32_t> edges;
    for (auto edge : next(q, next(q))) edges.push_back(static_cast<std::int32_t>(edge));
    auto made = read_layout<double>(q, *q->comm);
    fill<double>(made.array);
    distarray::Halo halo(made.distribution);
    if (!edges.empty()) halo.fill_edges(edges, std::vector<double>(edges.size(), -9));
    halo.update(made.array);
    say_elements<double>(q, made.array, false);
  });
}

int32_t answer_move(question *q) {
  return answered(&q->error, [q] {
    const bool is_complex = next(q) == DISTARRAY_DTYPE_COMPLEX;
    next(q);
    if (is_complex) move<std::complex<float>>(q);
    else move<double>(q);
  });
}

int32_t answer_file(question *q) {
  return answered(&q->error, [q] {
    const auto array = distarray::Array::read_dnpy(q->text);
    array.write_dnpy(std::string(q->text) + ".again");
    const auto view = array.description();
    say_array(q, view);
    std::int64_t total = 1;
    for (int axis = 0; axis < view.ndim; ++axis) total *= view.shape[axis];
    for (std::int64_t flat = 0; flat < total; ++flat) {
      auto *element = static_cast<const unsigned char *>(view.data);
      std::int64_t rest = flat;
      for (int axis = view.ndim; axis-- > 0; rest /= view.shape[axis])
        element += rest % view.shape[axis] * view.strides[axis];
      for (std::int64_t byte = 0; byte < view.itemsize; ++byte) say(q, element[byte]);
    }
  });
}

int32_t answer_text(question *q) {
  return answered(&q->error, [q] {
    const auto read = distarray::from_json(q->text);
    const auto again = distarray::from_json(distarray::to_json(*read.get()));
    distarray::check(*again.get());
    say_array(q, *again.get());
  });
}

int32_t life_check(const distarray_export *loan, distarray_error *error) {
  return answered(error, [&] { distarray::check(*loan); });
}

int32_t life_import(distarray_export *loan, uint32_t access, void **array, distarray_error *error) {
  auto mine = distarray::Export::take(*loan);
  const auto status = answered(error, [&] { *array = new distarray::Array(std::move(mine), access); });
  if (status != DISTARRAY_OK) distarray_export_move(loan, mine.get()); // still the lender's
  return status;
}

int32_t life_export(void *array, const distarray_request *request, distarray_export *loan,
                    distarray_error *error) {
  return answered(error, [&] {
    const distarray_request none = DISTARRAY_REQUEST_INIT;
    auto lent = static_cast<distarray::Array *>(array)->lend(request ? *request : none);
    distarray_export_move(loan, lent.get());
  });
}

int32_t life_view(void *array, distarray_export *view, distarray_error *error) {
  return answered(error, [&] { *view = static_cast<distarray::Array *>(array)->description(); });
}

int32_t life_mark(void *array, uint64_t flags, distarray_error *error) {
  return answered(error, [&] { static_cast<distarray::Array *>(array)->mark_modified(flags); });
}

void life_move(distarray_export *target, distarray_export *source) {
  auto moved = distarray::Export::take(*source);
  distarray_export_move(target, moved.get());
}

void life_release(distarray_export *loan) { distarray::Export::take(*loan).give_back(); }

void life_free(void *array) { delete static_cast<distarray::Array *>(array); }

}  // extern "C"
