#include "ranks.h"

#include <stdio.h>

#include "world.h"

static struct world *new_world(int64_t size) {
  struct world *world = must_have(calloc(1, sizeof *world));
  pthread_mutex_init(&world->lock, NULL);
  pthread_cond_init(&world->changed, NULL);
  world->size = world->members = size;
  world->board = must_have(calloc((size_t)size, sizeof *world->board));
  world->boxes = must_have(calloc((size_t)size, sizeof *world->boxes));
  return world;
}

static void leave(struct world *world) {
  int64_t i, left;
  pthread_mutex_lock(&world->lock);
  left = --world->members;
  pthread_mutex_unlock(&world->lock);
  if (left > 0) return;
  for (i = 0; i < world->size; ++i) {
    struct parcel *parcel = world->boxes[i].parcels;
    if (parcel != NULL || world->boxes[i].receives != NULL) {
      fprintf(stderr, "rank %d leaves a message behind\n", (int)i);
      abort();
    }
  }
  free(world->board);
  free(world->boxes);
  pthread_cond_destroy(&world->changed);
  pthread_mutex_destroy(&world->lock);
  free(world);
}

static int32_t barrier(void *context) {
  struct world *world = ((struct member *)context)->world;
  int64_t round;
  pthread_mutex_lock(&world->lock);
  round = world->round;
  if (++world->waiting == world->size) {
    world->waiting = 0;
    ++world->round;
    pthread_cond_broadcast(&world->changed);
  }
  while (world->round == round) pthread_cond_wait(&world->changed, &world->lock);
  pthread_mutex_unlock(&world->lock);
  return 0;
}

static const void **show(struct member *member, const void *mine) {
  member->world->board[member->rank] = mine;
  barrier(member);
  return member->world->board;
}

#define FOLD(type, how)                                           \
  for (rank = 0; rank < size; ++rank)                             \
    for (i = 0; i < count; ++i) {                                 \
      type *a = (type *)result + i, b = ((const type *)all[rank])[i]; \
      if (rank == 0) *a = b;                                      \
      else if (op == DISTARRAY_COMM_MIN) *a = b < *a ? b : *a;    \
      else if (op == DISTARRAY_COMM_MAX) *a = b > *a ? b : *a;    \
      else *a = (how);                                            \
    }

static int32_t allreduce(void *context, void *values, int64_t count, int32_t type, int32_t op) {
  struct member *member = context;
  const void **all = show(member, values);
  int64_t i, rank, size = member->world->size;
  uint64_t *result = must_have(malloc(8 * (size_t)count + 8));
  if (type == DISTARRAY_COMM_U64) FOLD(uint64_t, *a + b)
  else if (type == DISTARRAY_COMM_I64) FOLD(int64_t, (int64_t)((uint64_t)*a + (uint64_t)b))
  else FOLD(double, *a + b)
  barrier(member);
  copy_bytes(values, result, 8 * count);
  free(result);
  return 0;
}

static int32_t bcast(void *context, int64_t root, void *data, int64_t bytes) {
  struct member *member = context;
  const void **all = show(member, data);
  if (member->rank != root) copy_bytes(data, all[root], bytes);
  return barrier(member);
}

static int32_t allgatherv(void *context, const void *mine, void *all, const int64_t *bytes) {
  struct member *member = context;
  const void **parts = show(member, mine);
  char *next = all;
  int64_t rank;
  for (rank = 0; rank < member->world->size; next += bytes[rank++])
    copy_bytes(next, parts[rank], bytes[rank]);
  return barrier(member);
}

static int32_t allgather(void *context, const void *mine, int64_t bytes, void *all) {
  struct member *member = context;
  const void **parts = show(member, mine);
  int64_t rank;
  for (rank = 0; rank < member->world->size; ++rank)
    copy_bytes((char *)all + rank * bytes, parts[rank], bytes);
  return barrier(member);
}

struct shares {
  const char *data;
  const int64_t *bytes;
};

static int32_t alltoallv(void *context, const void *send, const int64_t *send_bytes,
                         void *receive, const int64_t *receive_bytes) {
  struct member *member = context;
  struct shares mine;
  const void **all;
  char *next = receive;
  int64_t rank, i;
  mine.data = send;
  mine.bytes = send_bytes;
  all = show(member, &mine);
  for (rank = 0; rank < member->world->size; next += receive_bytes[rank++]) {
    const struct shares *theirs = all[rank];
    const char *from = theirs->data;
    for (i = 0; i < member->rank; ++i) from += theirs->bytes[i];
    copy_bytes(next, from, receive_bytes[rank]);
  }
  return barrier(member);
}

static int32_t alltoall(void *context, const void *send, int64_t bytes, void *receive) {
  struct member *member = context;
  const void **all = show(member, send);
  int64_t rank;
  for (rank = 0; rank < member->world->size; ++rank)
    copy_bytes((char *)receive + rank * bytes, (const char *)all[rank] + member->rank * bytes, bytes);
  return barrier(member);
}

static int32_t new_tag(void *context, int32_t *tag) {
  struct member *member = context;
  *tag = member->tag;
  member->tag = (member->tag + 1) % 32767;
  return 0;
}

static int32_t attribute(void *context, distarray_comm_attribute **place) {
  struct member *member = context;
  *place = &member->attribute;
  return 0;
}

static void fill(distarray_comm *table, struct member *member);

static int32_t split(void *context, int32_t color, int32_t key, distarray_comm *result) {
  struct member *member = context;
  int64_t mine[3], (*all)[3], size = member->world->size, rank, before = 0, group = 0, first = -1;
  struct world *made = NULL;
  const void **worlds;
  mine[0] = color;
  mine[1] = key;
  mine[2] = member->rank;
  all = must_have(malloc((size_t)size * sizeof *all));
  allgather(context, mine, sizeof mine, all);
  for (rank = 0; rank < size; ++rank) {
    if (all[rank][0] != color) continue;
    if (first < 0) first = rank;
    ++group;
    before += all[rank][1] < key || (all[rank][1] == key && rank < member->rank);
  }
  if (color >= 0 && first == member->rank) made = new_world(group);
  worlds = show(member, made);
  memset(result, 0, DISTARRAY_COMM_LEAST_SIZE);
  if (color >= 0) {
    struct member *child = must_have(calloc(1, sizeof *child));
    child->world = (struct world *)worlds[first];
    child->rank = before;
    fill(result, child);
  }
  free(all);
  return barrier(member);
}

static int32_t dup(void *context, distarray_comm *result) { return split(context, 0, 0, result); }

static int32_t free_comm(void *context) {
  struct member *member = context;
  if (member->is_borrowed) return 0;
  leave(member->world);
  free(member);
  return 0;
}

static void explain(void *context, int32_t status, char *text, int64_t capacity) {
  (void)context;
  snprintf(text, (size_t)capacity, "status %d", (int)status);
}

static void fill(distarray_comm *table, struct member *member) {
  table->struct_size = DISTARRAY_COMM_LEAST_SIZE;
  table->version = DISTARRAY_COMM_VERSION;
  table->rank = member->rank;
  table->size = member->world->size;
  table->context = member;
  table->error_string = explain;
  table->barrier = barrier;
  table->allreduce = allreduce;
  table->bcast = bcast;
  table->allgather = allgather;
  table->allgatherv = allgatherv;
  table->alltoall = alltoall;
  table->alltoallv = alltoallv;
  table->new_tag = new_tag;
  table->dup = dup;
  table->split = split;
  table->free = free_comm;
  messages_fill(table);
}

struct job {
  struct member member;
  void (*body)(const distarray_comm *comm, void *data);
  void *data;
};

static void *work(void *memory) {
  struct job *job = memory;
  distarray_comm_attribute *kept = &job->member.attribute;
  distarray_comm comm;
  fill(&comm, &job->member);
  comm.struct_size = (uint32_t)sizeof comm;
  comm.attribute = attribute;
  job->body(&comm, job->data);
  if (kept->delete_fn != NULL) kept->delete_fn(kept->value);
  leave(job->member.world);
  return NULL;
}

void ranks_run(int64_t size, void (*body)(const distarray_comm *comm, void *data), void *data) {
  pthread_t *threads = must_have(calloc((size_t)size, sizeof *threads));
  struct job *jobs = must_have(calloc((size_t)size, sizeof *jobs));
  struct world *world = new_world(size);
  int64_t rank;
  for (rank = 0; rank < size; ++rank) {
    jobs[rank].member.world = world;
    jobs[rank].member.rank = rank;
    jobs[rank].member.is_borrowed = 1;
    jobs[rank].body = body;
    jobs[rank].data = data;
    if (rank > 0 && pthread_create(&threads[rank], NULL, work, &jobs[rank]) != 0) abort();
  }
  work(&jobs[0]); /* the calling thread is a rank, too */
  for (rank = 1; rank < size; ++rank) pthread_join(threads[rank], NULL);
  free(jobs);
  free(threads);
}
