/* messages.c - messages between ranks: a receive waits in the mailbox of its rank for a
 * message, or a message for its receive. */
#include <stdio.h>

#include "world.h"

/* The next three are called with the lock of the world held. */

static void deliver(struct request *receive, const void *data, int64_t bytes) {
  if (bytes > receive->bytes) {
    fprintf(stderr, "a message of %d bytes for room of %d\n", (int)bytes, (int)receive->bytes);
    abort();
  }
  copy_bytes(receive->data, data, bytes);
  receive->arrived = bytes;
  receive->is_done = 1;
}

static void begin_send(struct member *member, struct request *send) {
  struct mailbox *box = &member->world->boxes[send->peer];
  struct request **waiting = &box->receives;
  struct parcel **end = &box->parcels, *parcel;
  send->is_done = 1;
  for (; *waiting != NULL; waiting = &(*waiting)->next) {
    if ((*waiting)->peer != member->rank || (*waiting)->tag != send->tag) continue;
    deliver(*waiting, send->data, send->bytes);
    *waiting = (*waiting)->next;
    return;
  }
  while (*end != NULL) end = &(*end)->next;
  parcel = must_have(malloc(sizeof *parcel + (size_t)send->bytes));
  parcel->next = NULL;
  parcel->from = member->rank;
  parcel->tag = send->tag;
  parcel->bytes = send->bytes;
  copy_bytes(parcel->data, send->data, send->bytes);
  *end = parcel;
}

static void begin_receive(struct member *member, struct request *receive) {
  struct mailbox *box = &member->world->boxes[member->rank];
  struct parcel **parcel = &box->parcels;
  struct request **end = &box->receives;
  for (; *parcel != NULL; parcel = &(*parcel)->next) {
    struct parcel *found = *parcel;
    if (found->from != receive->peer || found->tag != receive->tag) continue;
    deliver(receive, found->data, found->bytes);
    *parcel = found->next;
    free(found);
    return;
  }
  while (*end != NULL) end = &(*end)->next;
  receive->next = NULL;
  *end = receive;
}

static int32_t start(void *context, int64_t count, distarray_comm_request *requests) {
  struct member *member = context;
  int64_t i;
  pthread_mutex_lock(&member->world->lock);
  for (i = 0; i < count; ++i) {
    struct request *request = (struct request *)(uintptr_t)requests[i];
    request->is_active = 1;
    request->is_done = 0;
    if (request->is_send) begin_send(member, request);
    else begin_receive(member, request);
  }
  pthread_cond_broadcast(&member->world->changed);
  pthread_mutex_unlock(&member->world->lock);
  return 0;
}

static void prepare(int is_send, int is_kept, const void *data, int64_t bytes, int64_t peer,
                    int32_t tag, distarray_comm_request *handle) {
  struct request *request = must_have(calloc(1, sizeof *request));
  request->is_send = is_send;
  request->is_kept = is_kept;
  request->data = (void *)data;
  request->bytes = bytes;
  request->peer = peer;
  request->tag = tag;
  *handle = (uintptr_t)request;
}

static int32_t isend(void *context, const void *data, int64_t bytes, int64_t to, int32_t tag,
                     distarray_comm_request *request) {
  prepare(1, 0, data, bytes, to, tag, request);
  return start(context, 1, request);
}

static int32_t irecv(void *context, void *data, int64_t bytes, int64_t from, int32_t tag,
                     distarray_comm_request *request) {
  prepare(0, 0, data, bytes, from, tag, request);
  return start(context, 1, request);
}

static int32_t send_init(void *context, const void *data, int64_t bytes, int64_t to,
                         int32_t tag, distarray_comm_request *request) {
  (void)context;
  prepare(1, 1, data, bytes, to, tag, request);
  return 0;
}

static int32_t recv_init(void *context, void *data, int64_t bytes, int64_t from, int32_t tag,
                         distarray_comm_request *request) {
  (void)context;
  prepare(0, 1, data, bytes, from, tag, request);
  return 0;
}

static int is_active(distarray_comm_request handle) {
  return handle != 0 && ((struct request *)(uintptr_t)handle)->is_active;
}

/* Ends one of the active requests that is done; -1 where there is none. */
static int64_t end_one(int64_t count, distarray_comm_request *requests, int64_t *received) {
  int64_t i;
  for (i = 0; i < count; ++i) {
    struct request *request = (struct request *)(uintptr_t)requests[i];
    if (!is_active(requests[i]) || !request->is_done) continue;
    *received = request->arrived;
    request->is_active = 0;
    if (request->is_kept) return i;
    free(request);
    requests[i] = 0;
    return i;
  }
  return -1;
}

static int32_t waitany(void *context, int64_t count, distarray_comm_request *requests,
                       int64_t *index, int64_t *received) {
  struct world *world = ((struct member *)context)->world;
  int64_t i, active = 0;
  for (i = 0; i < count; ++i) active += is_active(requests[i]);
  *index = -1;
  *received = 0;
  pthread_mutex_lock(&world->lock);
  while (active > 0 && (*index = end_one(count, requests, received)) < 0)
    pthread_cond_wait(&world->changed, &world->lock);
  pthread_mutex_unlock(&world->lock);
  return 0;
}

static int32_t wait_one(void *context, distarray_comm_request *request, int64_t *received) {
  int64_t index;
  return waitany(context, 1, request, &index, received);
}

static int32_t test(void *context, distarray_comm_request *request, int32_t *done,
                    int64_t *received) {
  struct world *world = ((struct member *)context)->world;
  *received = 0;
  pthread_mutex_lock(&world->lock);
  *done = !is_active(*request) || end_one(1, request, received) == 0;
  pthread_mutex_unlock(&world->lock);
  return 0;
}

static int32_t request_free(void *context, distarray_comm_request *request) {
  (void)context;
  free((struct request *)(uintptr_t)*request);
  *request = 0;
  return 0;
}

void messages_fill(distarray_comm *table) {
  table->isend = isend;
  table->irecv = irecv;
  table->send_init = send_init;
  table->recv_init = recv_init;
  table->start = start;
  table->wait = wait_one;
  table->test = test;
  table->waitany = waitany;
  table->request_free = request_free;
}
