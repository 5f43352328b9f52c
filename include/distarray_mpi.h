/* distarray_mpi.h - makes a distarray_comm from an MPI communicator.
 *
 *   distarray_comm comm;
 *   int32_t status = distarray_comm_from_mpi(MPI_COMM_WORLD, &comm);
 *
 * Header only, compiled with the program's own mpicc or mpicxx: it always fits
 * the MPI that the program runs with, and libdistarray needs none. C99, C++11,
 * MPI 3.0 or later.
 *
 * What it does to the program's communicator: it makes ONE duplicate of it, the
 * first time, and keeps it as an attribute. All messages travel on the duplicate
 * and errors return there, so tags, wildcard receives and the error handler of
 * the communicator itself are undisturbed. Freeing the communicator frees the
 * duplicate. A table must not be used after that, nor after MPI_Finalize: then
 * its functions return an error and call no MPI.
 *
 * The library keeps with the duplicate what it needs once for each communicator: which
 * ranks share memory, and the memory through which they pass elements. It goes with the
 * communicator too.
 *
 * The functions call MPI on the thread that calls the library: the level that
 * MPI_Init_thread gave must allow that. The first call of a process comes from one
 * thread at a time. All that is made over one communicator is used by one thread at a
 * time: each thread that exchanges takes a communicator of its own, by MPI_Comm_dup.
 */
#ifndef DISTARRAY_MPI_H
#define DISTARRAY_MPI_H

#include <limits.h>
#include <mpi.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "distarray_comm.h"

/* The largest count passed to MPI; longer messages become one derived type.
 * Lowered by tests, so that the path of 2^31 bytes is taken by small messages. */
#ifndef DISTARRAY_MPI_MAX_COUNT
#define DISTARRAY_MPI_MAX_COUNT INT_MAX
#endif

/* Statuses of our own; those of MPI are positive. */
#define DISTARRAY_MPI_NOT_INITIALIZED (-1)
#define DISTARRAY_MPI_FINALIZED (-2)
#define DISTARRAY_MPI_BAD_COMM (-3)
#define DISTARRAY_MPI_BAD_ARGUMENT (-4)
#define DISTARRAY_MPI_NO_MEMORY (-5)

/* For alltoallv, which is made of point-to-point messages; new_tag stays below. */
#define DISTARRAY_MPI_OWN_TAG 32767

/* One key per program, not one per file that includes this header: the linker
 * merges weak definitions. The keys find the duplicate of a communicator, the number
 * of tags that a duplicate has given out, and what the library keeps with it. */
#if defined(__GNUC__) || defined(__clang__)
#define DISTARRAY_MPI_SHARED __attribute__((weak))
#else
#define DISTARRAY_MPI_SHARED static
#endif

#ifdef __cplusplus
extern "C" {
#endif

DISTARRAY_MPI_SHARED int distarray_mpi_duplicate_key = MPI_KEYVAL_INVALID;
DISTARRAY_MPI_SHARED int distarray_mpi_tag_key = MPI_KEYVAL_INVALID;
DISTARRAY_MPI_SHARED int distarray_mpi_attribute_key = MPI_KEYVAL_INVALID;
#undef DISTARRAY_MPI_SHARED

/* Every MPI call goes through this: its error code is the status. */
#define DISTARRAY_MPI_TRY(call)                      \
  do {                                               \
    int distarray_mpi_code = (call);                 \
    if (distarray_mpi_code != MPI_SUCCESS) {         \
      return (int32_t)distarray_mpi_code;            \
    }                                                \
  } while (0)

/* 0 between MPI_Init and MPI_Finalize. Outside, any other MPI call would end the
 * process, whatever the error handler. */
static inline int32_t distarray_mpi_alive(void) {
  int flag = 0;
  DISTARRAY_MPI_TRY(MPI_Initialized(&flag));
  if (!flag) return DISTARRAY_MPI_NOT_INITIALIZED;
  DISTARRAY_MPI_TRY(MPI_Finalized(&flag));
  return flag ? DISTARRAY_MPI_FINALIZED : 0;
}

/* Handles of MPI are an int or a pointer: both fit a pointer and 64 bits. */
static inline void *distarray_mpi_comm_to_context(MPI_Comm comm) {
  void *context = NULL;
  memcpy(&context, &comm, sizeof comm);
  return context;
}

static inline MPI_Comm distarray_mpi_context_to_comm(void *context) {
  MPI_Comm comm;
  memcpy(&comm, &context, sizeof comm);
  return comm;
}

static inline distarray_comm_request distarray_mpi_from_request(MPI_Request request) {
  distarray_comm_request bits = 0;
  if (request != MPI_REQUEST_NULL) memcpy(&bits, &request, sizeof request);
  return bits;
}

static inline MPI_Request distarray_mpi_to_request(distarray_comm_request bits) {
  MPI_Request request = MPI_REQUEST_NULL;
  if (bits != 0) memcpy(&request, &bits, sizeof request);
  return request;
}

/* A length as a count of a type that MPI's int can hold. */
typedef struct distarray_mpi_span {
  int          count;
  MPI_Datatype type;
} distarray_mpi_span;

static inline int32_t distarray_mpi_span_new(int64_t bytes, distarray_mpi_span *span) {
  const int64_t limit = DISTARRAY_MPI_MAX_COUNT;
  MPI_Datatype  chunk, chunks, parts[2];
  MPI_Aint      offsets[2];
  int           lengths[2], code;
  span->count = 0;
  span->type = MPI_BYTE;
  if (bytes < 0 || bytes / limit > INT_MAX) return DISTARRAY_MPI_BAD_ARGUMENT;
  if (bytes <= limit) {
    span->count = (int)bytes;
    return 0;
  }
  /* bytes / limit chunks, then the rest. */
  DISTARRAY_MPI_TRY(MPI_Type_contiguous((int)limit, MPI_BYTE, &chunk));
  code = MPI_Type_contiguous((int)(bytes / limit), chunk, &chunks);
  MPI_Type_free(&chunk);
  DISTARRAY_MPI_TRY(code);
  lengths[0] = 1;
  lengths[1] = (int)(bytes % limit);
  offsets[0] = 0;
  offsets[1] = (MPI_Aint)(bytes - bytes % limit);
  parts[0] = chunks;
  parts[1] = MPI_BYTE;
  code = MPI_Type_create_struct(2, lengths, offsets, parts, &span->type);
  MPI_Type_free(&chunks);
  if (code == MPI_SUCCESS) code = MPI_Type_commit(&span->type);
  span->count = 1;
  return (int32_t)code;
}

static inline int32_t distarray_mpi_span_free(distarray_mpi_span *span, int32_t status) {
  if (span->type != MPI_BYTE) MPI_Type_free(&span->type);
  return status;
}

/* --- The functions of the table ------------------------------------------- */

static inline void distarray_mpi_error_string(void *context, int32_t status, char *text,
                                              int64_t capacity) {
  char        buffer[MPI_MAX_ERROR_STRING + 1] = "";
  const char *found = buffer;
  int         length = 0;
  size_t      bytes;
  (void)context;
  switch (status) {
    case 0: found = "success"; break;
    case DISTARRAY_MPI_NOT_INITIALIZED: found = "MPI_Init has not been called"; break;
    case DISTARRAY_MPI_FINALIZED: found = "MPI_Finalize has been called"; break;
    case DISTARRAY_MPI_BAD_COMM:
      found = "the MPI communicator is MPI_COMM_NULL or an inter-communicator";
      break;
    case DISTARRAY_MPI_BAD_ARGUMENT: found = "an argument is out of range"; break;
    case DISTARRAY_MPI_NO_MEMORY: found = "memory could not be allocated"; break;
    default:
      if (distarray_mpi_alive() != 0 ||
          MPI_Error_string((int)status, buffer, &length) != MPI_SUCCESS) {
        found = "an MPI call failed";
      }
  }
  if (text == NULL || capacity <= 0) return;
  bytes = strlen(found);
  if ((int64_t)bytes >= capacity) bytes = (size_t)(capacity - 1);
  memcpy(text, found, bytes);
  text[bytes] = '\0';
}

/* Opens a table function: `comm` is the duplicate, and MPI may be called. */
#define DISTARRAY_MPI_BEGIN                                   \
  MPI_Comm comm = distarray_mpi_context_to_comm(context);     \
  int32_t  status = distarray_mpi_alive();                    \
  if (status != 0) return status

static inline int32_t distarray_mpi_barrier(void *context) {
  DISTARRAY_MPI_BEGIN;
  DISTARRAY_MPI_TRY(MPI_Barrier(comm));
  return 0;
}

/* Flips the sign bits: maps the order of unsigned to that of signed numbers, and back. */
static inline void distarray_mpi_flip(uint64_t *values, int64_t count) {
  int64_t i;
  for (i = 0; i < count; i++) values[i] ^= (uint64_t)1 << 63;
}

static inline int32_t distarray_mpi_allreduce(void *context, void *values, int64_t count,
                                              int32_t type, int32_t op) {
  char        *next = (char *)values;
  int64_t      left = count;
  int          flip = type == DISTARRAY_COMM_U64 && op != DISTARRAY_COMM_SUM;
  MPI_Datatype mpi_type;
  MPI_Op       mpi_op;
  DISTARRAY_MPI_BEGIN;
  switch (type) {
    case DISTARRAY_COMM_U64: mpi_type = flip ? MPI_INT64_T : MPI_UINT64_T; break;
    case DISTARRAY_COMM_I64: mpi_type = MPI_INT64_T; break;
    case DISTARRAY_COMM_F64: mpi_type = MPI_DOUBLE; break;
    default: return DISTARRAY_MPI_BAD_ARGUMENT;
  }
  switch (op) {
    case DISTARRAY_COMM_SUM: mpi_op = MPI_SUM; break;
    case DISTARRAY_COMM_MIN: mpi_op = MPI_MIN; break;
    case DISTARRAY_COMM_MAX: mpi_op = MPI_MAX; break;
    default: return DISTARRAY_MPI_BAD_ARGUMENT;
  }
  /* MPICH 4.0 compares every unsigned type as signed, Open MPI 4.1 unsigned long. */
  if (flip) distarray_mpi_flip((uint64_t *)values, count);
  while (left > 0 && status == 0) {
    int part = left < DISTARRAY_MPI_MAX_COUNT ? (int)left : DISTARRAY_MPI_MAX_COUNT;
    status = (int32_t)MPI_Allreduce(MPI_IN_PLACE, next, part, mpi_type, mpi_op, comm);
    next += 8 * (size_t)part;
    left -= part;
  }
  if (flip) distarray_mpi_flip((uint64_t *)values, count);
  return status;
}

static inline int32_t distarray_mpi_bcast(void *context, int64_t root, void *data, int64_t bytes) {
  distarray_mpi_span span;
  DISTARRAY_MPI_BEGIN;
  if (root < 0 || root > INT_MAX) return DISTARRAY_MPI_BAD_ARGUMENT;
  status = distarray_mpi_span_new(bytes, &span);
  if (status == 0) status = (int32_t)MPI_Bcast(data, span.count, span.type, (int)root, comm);
  return distarray_mpi_span_free(&span, status);
}

static inline int32_t distarray_mpi_allgather(void *context, const void *mine, int64_t bytes,
                                              void *all) {
  distarray_mpi_span span;
  DISTARRAY_MPI_BEGIN;
  status = distarray_mpi_span_new(bytes, &span);
  if (status == 0) {
    status = (int32_t)MPI_Allgather(mine, span.count, span.type, all, span.count, span.type, comm);
  }
  return distarray_mpi_span_free(&span, status);
}

/* MPI_Allgatherv where its int counts and places suffice, else one broadcast from
 * each rank. The lengths are the same on all ranks, so all choose alike. */
static inline int32_t distarray_mpi_allgatherv(void *context, const void *mine, void *all,
                                               const int64_t *bytes) {
  char   *next = (char *)all;
  int     rank, size, root, code;
  int    *counts;
  int64_t total = 0;
  DISTARRAY_MPI_BEGIN;
  DISTARRAY_MPI_TRY(MPI_Comm_rank(comm, &rank));
  DISTARRAY_MPI_TRY(MPI_Comm_size(comm, &size));
  for (root = 0; root < size; root++) {
    if (bytes[root] < 0 || bytes[root] > INT64_MAX - total) return DISTARRAY_MPI_BAD_ARGUMENT;
    total += bytes[root];
  }
  if (total <= DISTARRAY_MPI_MAX_COUNT) {
    counts = (int *)malloc(2 * (size_t)size * sizeof *counts); /* and places */
    if (counts == NULL) return DISTARRAY_MPI_NO_MEMORY;
    for (root = 0, total = 0; root < size; root++) {
      counts[root] = (int)bytes[root];
      counts[size + root] = (int)total;
      total += bytes[root];
    }
    code = MPI_Allgatherv(mine, counts[rank], MPI_BYTE, all, counts, counts + size, MPI_BYTE, comm);
    free(counts);
    return (int32_t)code;
  }
  for (root = 0; root < size; root++) {
    if (root == rank && bytes[root] > 0) memcpy(next, mine, (size_t)bytes[root]);
    status = distarray_mpi_bcast(context, root, next, bytes[root]);
    if (status != 0) return status;
    next += bytes[root];
  }
  return 0;
}

static inline int32_t distarray_mpi_alltoall(void *context, const void *send, int64_t bytes,
                                             void *receive) {
  distarray_mpi_span span;
  DISTARRAY_MPI_BEGIN;
  status = distarray_mpi_span_new(bytes, &span);
  if (status == 0) {
    status =
        (int32_t)MPI_Alltoall(send, span.count, span.type, receive, span.count, span.type, comm);
  }
  return distarray_mpi_span_free(&span, status);
}

/* The pairwise exchange: in step k every rank sends to rank + k and receives from
 * rank - k. Pairs without bytes exchange no message. */
static inline int32_t distarray_mpi_alltoallv(void *context, const void *send,
                                              const int64_t *send_bytes, void *receive,
                                              const int64_t *receive_bytes) {
  const char *out = (const char *)send;
  char       *in = (char *)receive;
  int         rank, size, step, to, from, code;
  int64_t     out_at = 0, in_at = 0;
  DISTARRAY_MPI_BEGIN;
  DISTARRAY_MPI_TRY(MPI_Comm_rank(comm, &rank));
  DISTARRAY_MPI_TRY(MPI_Comm_size(comm, &size));
  for (to = 0; to < rank; to++) {
    out_at += send_bytes[to];
    in_at += receive_bytes[to];
  }
  to = from = rank;
  for (step = 0; step < size; step++) {
    distarray_mpi_span s, r;
    if (step == 0) {
      if (send_bytes[rank] != receive_bytes[rank]) return DISTARRAY_MPI_BAD_ARGUMENT;
      if (send_bytes[rank] > 0) memcpy(in + in_at, out + out_at, (size_t)send_bytes[rank]);
    } else {
      status = distarray_mpi_span_new(send_bytes[to], &s);
      if (status != 0) return distarray_mpi_span_free(&s, status);
      status = distarray_mpi_span_new(receive_bytes[from], &r);
      if (status != 0) {
        return distarray_mpi_span_free(&s, distarray_mpi_span_free(&r, status));
      }
      code = MPI_Sendrecv(out + out_at, s.count, s.type,
                          send_bytes[to] > 0 ? to : MPI_PROC_NULL, DISTARRAY_MPI_OWN_TAG,
                          in + in_at, r.count, r.type,
                          receive_bytes[from] > 0 ? from : MPI_PROC_NULL, DISTARRAY_MPI_OWN_TAG,
                          comm, MPI_STATUS_IGNORE);
      status = distarray_mpi_span_free(&s, distarray_mpi_span_free(&r, (int32_t)code));
      if (status != 0) return status;
    }
    out_at += send_bytes[to++];
    if (to == size) {
      to = 0;
      out_at = 0;
    }
    if (from == 0) {
      for (in_at = 0; from < size; from++) in_at += receive_bytes[from];
    }
    in_at -= receive_bytes[--from];
  }
  return 0;
}

/* The count lives with the duplicate, as an attribute: every table and every copy
 * of it made from one communicator draws from the same count. */
static inline int32_t distarray_mpi_new_tag(void *context, int32_t *tag) {
  void    *given = NULL;
  intptr_t next = 0;
  int      found = 0;
  DISTARRAY_MPI_BEGIN;
  if (distarray_mpi_tag_key == MPI_KEYVAL_INVALID) {
    DISTARRAY_MPI_TRY(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN,
                                             &distarray_mpi_tag_key, NULL));
  }
  DISTARRAY_MPI_TRY(MPI_Comm_get_attr(comm, distarray_mpi_tag_key, &given, &found));
  if (found) next = (intptr_t)given;
  *tag = (int32_t)next;
  next = (next + 1) % DISTARRAY_MPI_OWN_TAG;
  DISTARRAY_MPI_TRY(MPI_Comm_set_attr(comm, distarray_mpi_tag_key, (void *)next));
  return 0;
}

/* Begins or prepares a message: MPI's four calls for it differ in nothing else. */
#define DISTARRAY_MPI_MESSAGE(name, mpi_call, memory)                                             \
  static inline int32_t name(void *context, memory *data, int64_t bytes, int64_t rank,            \
                             int32_t tag, distarray_comm_request *request) {                      \
    MPI_Request        mpi_request = MPI_REQUEST_NULL;                                            \
    distarray_mpi_span span;                                                                      \
    DISTARRAY_MPI_BEGIN;                                                                          \
    if (rank < 0 || rank > INT_MAX) return DISTARRAY_MPI_BAD_ARGUMENT;                            \
    status = distarray_mpi_span_new(bytes, &span);                                                \
    if (status == 0)                                                                              \
      status =                                                                                    \
          (int32_t)mpi_call(data, span.count, span.type, (int)rank, tag, comm, &mpi_request);     \
    *request = distarray_mpi_from_request(mpi_request);                                           \
    return distarray_mpi_span_free(&span, status);                                                \
  }

DISTARRAY_MPI_MESSAGE(distarray_mpi_isend, MPI_Isend, const void)
DISTARRAY_MPI_MESSAGE(distarray_mpi_irecv, MPI_Irecv, void)
DISTARRAY_MPI_MESSAGE(distarray_mpi_send_init, MPI_Send_init, const void)
DISTARRAY_MPI_MESSAGE(distarray_mpi_recv_init, MPI_Recv_init, void)
#undef DISTARRAY_MPI_MESSAGE

static inline int32_t distarray_mpi_start(void *context, int64_t count,
                                          distarray_comm_request *requests) {
  int64_t i;
  DISTARRAY_MPI_BEGIN;
  (void)comm;
  for (i = 0; i < count; i++) {
    MPI_Request request = distarray_mpi_to_request(requests[i]);
    DISTARRAY_MPI_TRY(MPI_Start(&request));
    requests[i] = distarray_mpi_from_request(request);
  }
  return 0;
}

/* A message longer than its receive cannot be made a status everywhere: MPICH 4.0
 * reports it to the handler of MPI_COMM_WORLD, Open MPI 4.1 cuts a short one from a
 * rank to itself without a word. The library agrees on lengths beforehand. */

/* A status of zeros: MPI leaves that of a send partly unset. */
static inline MPI_Status distarray_mpi_no_status(void) {
  MPI_Status status;
  memset(&status, 0, sizeof status);
  return status;
}

/* The length of a received message; 0 for a send, whose status holds none. */
static inline int64_t distarray_mpi_received(MPI_Status *status) {
  MPI_Count bytes = 0;
  if (MPI_Get_elements_x(status, MPI_BYTE, &bytes) != MPI_SUCCESS) return 0;
  return bytes == MPI_UNDEFINED ? 0 : (int64_t)bytes;
}

static inline int32_t distarray_mpi_wait(void *context, distarray_comm_request *request,
                                         int64_t *received) {
  MPI_Request mpi_request;
  MPI_Status  mpi_status = distarray_mpi_no_status();
  DISTARRAY_MPI_BEGIN;
  (void)comm;
  mpi_request = distarray_mpi_to_request(*request);
  status = (int32_t)MPI_Wait(&mpi_request, &mpi_status);
  *request = distarray_mpi_from_request(mpi_request); /* a failed message has ended too */
  DISTARRAY_MPI_TRY(status);
  *received = distarray_mpi_received(&mpi_status);
  return 0;
}

static inline int32_t distarray_mpi_test(void *context, distarray_comm_request *request,
                                         int32_t *done, int64_t *received) {
  MPI_Request mpi_request;
  MPI_Status  mpi_status = distarray_mpi_no_status();
  int         flag = 0;
  DISTARRAY_MPI_BEGIN;
  (void)comm;
  mpi_request = distarray_mpi_to_request(*request);
  status = (int32_t)MPI_Test(&mpi_request, &flag, &mpi_status);
  *request = distarray_mpi_from_request(mpi_request);
  DISTARRAY_MPI_TRY(status);
  *done = flag != 0;
  *received = flag ? distarray_mpi_received(&mpi_status) : 0;
  return 0;
}

#define DISTARRAY_MPI_BATCH 64

/* MPI wants its handles side by side. A batch of them is copied to the stack; with
 * more than one batch, the batches are asked in turn. */
static inline int32_t distarray_mpi_waitany(void *context, int64_t count,
                                            distarray_comm_request *requests, int64_t *index,
                                            int64_t *received) {
  int64_t at = 0, active = 0;
  DISTARRAY_MPI_BEGIN;
  (void)comm;
  *index = -1;
  *received = 0;
  while (count > 0) {
    MPI_Request batch[DISTARRAY_MPI_BATCH];
    MPI_Status  mpi_status = distarray_mpi_no_status();
    int         length, i, which = MPI_UNDEFINED, flag = 1;
    length = count - at < DISTARRAY_MPI_BATCH ? (int)(count - at) : DISTARRAY_MPI_BATCH;
    for (i = 0; i < length; i++) batch[i] = distarray_mpi_to_request(requests[at + i]);
    if (count <= DISTARRAY_MPI_BATCH) {
      status = (int32_t)MPI_Waitany(length, batch, &which, &mpi_status);
    } else {
      status = (int32_t)MPI_Testany(length, batch, &which, &flag, &mpi_status);
    }
    for (i = 0; i < length; i++) requests[at + i] = distarray_mpi_from_request(batch[i]);
    DISTARRAY_MPI_TRY(status);
    if (flag && which != MPI_UNDEFINED) {
      *index = at + which;
      *received = distarray_mpi_received(&mpi_status);
      return 0;
    }
    active += !flag; /* this batch has some that have not ended */
    at += length;
    if (at == count) {
      if (active == 0) return 0;
      at = active = 0;
    }
  }
  return 0;
}

static inline int32_t distarray_mpi_request_free(void *context, distarray_comm_request *request) {
  MPI_Request mpi_request;
  DISTARRAY_MPI_BEGIN;
  (void)comm;
  mpi_request = distarray_mpi_to_request(*request);
  if (mpi_request != MPI_REQUEST_NULL) DISTARRAY_MPI_TRY(MPI_Request_free(&mpi_request));
  *request = 0;
  return 0;
}

/* --- Communicators --------------------------------------------------------- */

static inline int32_t distarray_mpi_dup(void *context, distarray_comm *result);
static inline int32_t distarray_mpi_split(void *context, int32_t color, int32_t key,
                                          distarray_comm *result);

static inline int32_t distarray_mpi_free(void *context) {
  DISTARRAY_MPI_BEGIN;
  DISTARRAY_MPI_TRY(MPI_Comm_free(&comm));
  return 0;
}

/* The cached duplicate goes with the program's communicator. */
static inline int32_t distarray_mpi_keep(void *context) {
  DISTARRAY_MPI_BEGIN;
  (void)comm;
  return 0;
}

/* Called by MPI when the attribute is deleted. */
static inline int distarray_mpi_delete_attribute(MPI_Comm comm, int key, void *value,
                                                 void *extra) {
  distarray_comm_attribute *attribute = (distarray_comm_attribute *)value;
  (void)comm;
  (void)key;
  (void)extra;
  if (attribute->delete_fn != NULL) attribute->delete_fn(attribute->value);
  free(attribute);
  return MPI_SUCCESS;
}

/* Found, or made and kept. */
static inline int32_t distarray_mpi_attribute(void *context, distarray_comm_attribute **attribute) {
  void *value = NULL;
  int   found = 0;
  DISTARRAY_MPI_BEGIN;
  if (distarray_mpi_attribute_key == MPI_KEYVAL_INVALID) {
    DISTARRAY_MPI_TRY(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, distarray_mpi_delete_attribute,
                                             &distarray_mpi_attribute_key, NULL));
  }
  DISTARRAY_MPI_TRY(MPI_Comm_get_attr(comm, distarray_mpi_attribute_key, &value, &found));
  if (!found) {
    value = calloc(1, sizeof **attribute);
    if (value == NULL) return DISTARRAY_MPI_NO_MEMORY;
    status = (int32_t)MPI_Comm_set_attr(comm, distarray_mpi_attribute_key, value);
    if (status != 0) {
      free(value);
      return status;
    }
  }
  *attribute = (distarray_comm_attribute *)value;
  return 0;
}

/* Fills a table whose messages travel on `comm`, without an attribute: an older library
 * has no room for it in those that dup and split fill. */
static inline int32_t distarray_mpi_fill(MPI_Comm comm, int32_t (*release)(void *context),
                                         distarray_comm *table) {
  int rank = 0, size = 0;
  memset(table, 0, DISTARRAY_COMM_LEAST_SIZE);
  DISTARRAY_MPI_TRY(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN));
  DISTARRAY_MPI_TRY(MPI_Comm_rank(comm, &rank));
  DISTARRAY_MPI_TRY(MPI_Comm_size(comm, &size));
  table->struct_size = DISTARRAY_COMM_LEAST_SIZE;
  table->version = DISTARRAY_COMM_VERSION;
  table->rank = rank;
  table->size = size;
  table->context = distarray_mpi_comm_to_context(comm);
  table->error_string = distarray_mpi_error_string;
  table->barrier = distarray_mpi_barrier;
  table->allreduce = distarray_mpi_allreduce;
  table->bcast = distarray_mpi_bcast;
  table->allgather = distarray_mpi_allgather;
  table->allgatherv = distarray_mpi_allgatherv;
  table->alltoall = distarray_mpi_alltoall;
  table->alltoallv = distarray_mpi_alltoallv;
  table->new_tag = distarray_mpi_new_tag;
  table->dup = distarray_mpi_dup;
  table->split = distarray_mpi_split;
  table->free = release;
  table->isend = distarray_mpi_isend;
  table->irecv = distarray_mpi_irecv;
  table->send_init = distarray_mpi_send_init;
  table->recv_init = distarray_mpi_recv_init;
  table->start = distarray_mpi_start;
  table->wait = distarray_mpi_wait;
  table->test = distarray_mpi_test;
  table->waitany = distarray_mpi_waitany;
  table->request_free = distarray_mpi_request_free;
  return 0;
}

static inline int32_t distarray_mpi_dup(void *context, distarray_comm *result) {
  MPI_Comm duplicate = MPI_COMM_NULL;
  DISTARRAY_MPI_BEGIN;
  memset(result, 0, DISTARRAY_COMM_LEAST_SIZE);
  DISTARRAY_MPI_TRY(MPI_Comm_dup(comm, &duplicate));
  return distarray_mpi_fill(duplicate, distarray_mpi_free, result);
}

static inline int32_t distarray_mpi_split(void *context, int32_t color, int32_t key,
                                          distarray_comm *result) {
  MPI_Comm part = MPI_COMM_NULL;
  DISTARRAY_MPI_BEGIN;
  memset(result, 0, DISTARRAY_COMM_LEAST_SIZE);
  DISTARRAY_MPI_TRY(MPI_Comm_split(comm, color < 0 ? MPI_UNDEFINED : color, key, &part));
  return part == MPI_COMM_NULL ? 0 : distarray_mpi_fill(part, distarray_mpi_free, result);
}

/* Called by MPI when the program frees its communicator. The attribute goes first: MPI may
 * keep the duplicate for as long as there are requests of it. */
static inline int distarray_mpi_delete_duplicate(MPI_Comm comm, int key, void *value, void *extra) {
  MPI_Comm duplicate = distarray_mpi_context_to_comm(value);
  void    *attribute = NULL;
  int      found = 0;
  (void)comm;
  (void)key;
  (void)extra;
  if (distarray_mpi_attribute_key != MPI_KEYVAL_INVALID) {
    MPI_Comm_get_attr(duplicate, distarray_mpi_attribute_key, &attribute, &found);
  }
  if (found) MPI_Comm_delete_attr(duplicate, distarray_mpi_attribute_key);
  return MPI_Comm_free(&duplicate);
}

/* The one duplicate of `comm`: found, or made and kept. */
static inline int32_t distarray_mpi_duplicate_of(MPI_Comm comm, MPI_Comm *duplicate) {
  void *value = NULL;
  int   found = 0;
  if (distarray_mpi_duplicate_key == MPI_KEYVAL_INVALID) {
    DISTARRAY_MPI_TRY(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, distarray_mpi_delete_duplicate,
                                             &distarray_mpi_duplicate_key, NULL));
  }
  DISTARRAY_MPI_TRY(MPI_Comm_get_attr(comm, distarray_mpi_duplicate_key, &value, &found));
  if (found) {
    *duplicate = distarray_mpi_context_to_comm(value);
    return 0;
  }
  DISTARRAY_MPI_TRY(MPI_Comm_dup(comm, duplicate));
  value = distarray_mpi_comm_to_context(*duplicate);
  DISTARRAY_MPI_TRY(MPI_Comm_set_attr(comm, distarray_mpi_duplicate_key, value));
  return 0;
}

/* Makes the table of `comm`. Collective; local when it was made before.
 *
 * Returns 0, or a status that distarray_mpi_error_string(NULL, status, ...)
 * explains; then the table is all zero and every library function refuses it. */
static inline int32_t distarray_comm_from_mpi(MPI_Comm comm, distarray_comm *table) {
  MPI_Comm                  duplicate = MPI_COMM_NULL;
  MPI_Errhandler            handler;
  distarray_comm_attribute *attribute;
  int                       inter = 0;
  int32_t                   status;
  if (table == NULL) return DISTARRAY_MPI_BAD_ARGUMENT;
  memset(table, 0, sizeof *table);
  status = distarray_mpi_alive();
  if (status != 0) return status;
  if (comm == MPI_COMM_NULL) return DISTARRAY_MPI_BAD_COMM;
  DISTARRAY_MPI_TRY(MPI_Comm_test_inter(comm, &inter));
  if (inter) return DISTARRAY_MPI_BAD_COMM;
  /* A failing duplication must come back as a status: the program's error handler
   * steps aside for this one call. */
  DISTARRAY_MPI_TRY(MPI_Comm_get_errhandler(comm, &handler));
  DISTARRAY_MPI_TRY(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN));
  status = distarray_mpi_duplicate_of(comm, &duplicate);
  MPI_Comm_set_errhandler(comm, handler);
  MPI_Errhandler_free(&handler);
  if (status != 0) return status;
  status = distarray_mpi_fill(duplicate, distarray_mpi_keep, table);
  table->struct_size = (uint32_t)sizeof *table;
  table->attribute = distarray_mpi_attribute;
  /* Made now: where there is no memory for it the program is told here. */
  if (status == 0) status = distarray_mpi_attribute(table->context, &attribute);
  if (status != 0) memset(table, 0, sizeof *table);
  return status;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_MPI_H */
