/* world.h - what ranks.c and messages.c share. */
#ifndef WORLD_H
#define WORLD_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "distarray_comm.h"

/* A message that has no receiver yet. */
struct parcel {
  struct parcel *next;
  int64_t from, bytes;
  int32_t tag;
  char data[];
};

struct request {
  struct request *next; /* receives that wait for a message, in their order */
  void *data;
  int64_t bytes, peer, arrived;
  int32_t tag;
  int is_send, is_kept, is_active, is_done;
};

struct mailbox {
  struct parcel *parcels;
  struct request *receives;
};

struct world {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int64_t size, members, waiting, round;
  const void **board; /* what each rank shows the others during a collective call */
  struct mailbox *boxes;
};

struct member {
  struct world *world;
  int64_t rank;
  int32_t tag;
  int is_borrowed;
  distarray_comm_attribute attribute;
};

static inline void *must_have(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

static inline void copy_bytes(void *to, const void *from, int64_t bytes) {
  if (bytes > 0) memcpy(to, from, (size_t)bytes);
}

/* Puts the functions of messages.c into a table. */
void messages_fill(distarray_comm *table);

#endif
