/* distarray_comm.h - how libdistarray sends messages without knowing any MPI.
 *
 * A `distarray_comm` is a communicator as a table of functions. The library
 * contains no MPI symbol: the caller's own MPI comes in through this table, so
 * one libdistarray.so serves every MPI, and programs with none.
 *
 *   - With MPI, do not fill it by hand: include distarray_mpi.h (C, C++) or use
 *     the module of distarray_mpi.f90 (Fortran) and call
 *     distarray_comm_from_mpi(MPI_COMM_WORLD, &comm).
 *   - Without MPI, fill it with the functions of your own message layer.
 *
 * This file needs nothing else and may be copied into any project. It follows
 * C99 and C++11.
 *
 * Rules for every function of the table
 *   - `context` is the table's own `context`, passed back unchanged.
 *   - It returns 0, or any other number: a status that `error_string` explains.
 *   - It never throws, jumps out, or ends the process.
 *   - Lengths are in bytes and, as counts, int64_t and not negative. Only memory
 *     of length 0 may be NULL.
 *   - "Collective" functions are called by all ranks in the same order.
 */
#ifndef DISTARRAY_COMM_H
#define DISTARRAY_COMM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DISTARRAY_COMM_VERSION 1u

/* Element types and operations of allreduce. Integer sums wrap. */
#define DISTARRAY_COMM_U64 1
#define DISTARRAY_COMM_I64 2
#define DISTARRAY_COMM_F64 3
#define DISTARRAY_COMM_SUM 1
#define DISTARRAY_COMM_MIN 2
#define DISTARRAY_COMM_MAX 3

/* The handle of one message under way or prepared; 0 is none. */
typedef uint64_t distarray_comm_request;

/* A value that goes with a communicator, as MPI's attributes do. */
typedef struct distarray_comm_attribute {
  void *value;
  void (*delete_fn)(void *value); /* NULL while there is no value */
} distarray_comm_attribute;

/* A communicator. The library copies the table and keeps calling it, from the
 * thread that calls the library, until the object made with it is freed: what
 * `context` stands for must live as long. A table begins as all zero. */
typedef struct distarray_comm {
  uint32_t struct_size; /* sizeof(distarray_comm) */
  uint32_t version;     /* DISTARRAY_COMM_VERSION; larger tables of the same version are accepted,
                           and smaller ones down to DISTARRAY_COMM_LEAST_SIZE */
  int64_t  rank;        /* 0 <= rank < size */
  int64_t  size;
  void    *context;     /* the table's own; may be NULL */

  /* Local. Writes at most `capacity` bytes, the terminating NUL included. */
  void (*error_string)(void *context, int32_t status, char *text, int64_t capacity);

  /* --- Collective ------------------------------------------------------- */

  int32_t (*barrier)(void *context);

  /* Reduces `count` elements of 8 bytes in place; the result is the same on all ranks. */
  int32_t (*allreduce)(void *context, void *values, int64_t count, int32_t type, int32_t op);

  int32_t (*bcast)(void *context, int64_t root, void *data, int64_t bytes);

  /* Everyone contributes `bytes`; `all` receives size * bytes in rank order. */
  int32_t (*allgather)(void *context, const void *mine, int64_t bytes, void *all);

  /* Rank r contributes bytes[r]; `all` receives them without gaps in rank order. */
  int32_t (*allgatherv)(void *context, const void *mine, void *all, const int64_t *bytes);

  /* Sends `bytes` to each rank and receives `bytes` from each, in rank order. */
  int32_t (*alltoall)(void *context, const void *send, int64_t bytes, void *receive);

  /* Sends send_bytes[r] to rank r, receives receive_bytes[r] from it; both without gaps. */
  int32_t (*alltoallv)(void *context, const void *send, const int64_t *send_bytes,
                       void *receive, const int64_t *receive_bytes);

  /* The next tag of this communicator, 0..32766: the same on all ranks because
   * all ask in the same order. Sends nothing. */
  int32_t (*new_tag)(void *context, int32_t *tag);

  /* Fills `result`, of which there are DISTARRAY_COMM_LEAST_SIZE bytes, with a
   * communicator of the same ranks and its own messages. */
  int32_t (*dup)(void *context, struct distarray_comm *result);

  /* Fills `result`, as dup does, with the ranks of the same color >= 0, ordered by key,
   * then rank; a rank with color -1 gets a zeroed table (size 0). */
  int32_t (*split)(void *context, int32_t color, int32_t key, struct distarray_comm *result);

  /* Frees what dup and split made; on a borrowed communicator it does nothing. */
  int32_t (*free)(void *context);

  /* --- Point to point: local calls --------------------------------------- */
  /* The memory belongs to the message from isend, irecv or start until a wait
   * or test has reported its end. Messages between the same two ranks with the
   * same tag arrive in the order in which they were started, each of them no longer
   * than the memory that receives it. */

  int32_t (*isend)(void *context, const void *data, int64_t bytes, int64_t to, int32_t tag,
                   distarray_comm_request *request);
  int32_t (*irecv)(void *context, void *data, int64_t bytes, int64_t from, int32_t tag,
                   distarray_comm_request *request);

  /* Prepare a message that `start` sends or receives as often as one likes. */
  int32_t (*send_init)(void *context, const void *data, int64_t bytes, int64_t to, int32_t tag,
                       distarray_comm_request *request);
  int32_t (*recv_init)(void *context, void *data, int64_t bytes, int64_t from, int32_t tag,
                       distarray_comm_request *request);
  int32_t (*start)(void *context, int64_t count, distarray_comm_request *requests);

  /* `received` is the length that arrived; it means nothing for a send. An ended
   * isend or irecv becomes 0, an ended prepared message can be started again; a request
   * that is not active has ended. */
  int32_t (*wait)(void *context, distarray_comm_request *request, int64_t *received);
  int32_t (*test)(void *context, distarray_comm_request *request, int32_t *done,
                  int64_t *received);

  /* Ends one active message and tells which; *index is -1 when none is active. */
  int32_t (*waitany)(void *context, int64_t count, distarray_comm_request *requests,
                     int64_t *index, int64_t *received);

  /* Forgets a prepared message that is not active. */
  int32_t (*request_free)(void *context, distarray_comm_request *request);

  /* --- Kept with the communicator ---------------------------------------- */

  /* Local. Gives the address of this communicator's attribute: the same for all its
   * tables, all zero at first. Who frees the communicator calls delete_fn(value) before,
   * once, where delete_fn is not NULL. There the library keeps what it makes once for
   * each communicator. May be NULL: it is made for each object then. */
  int32_t (*attribute)(void *context, distarray_comm_attribute **attribute);
} distarray_comm;

/* The bytes of the first tables of this version, which have no attribute. */
#define DISTARRAY_COMM_LEAST_SIZE (offsetof(distarray_comm, attribute))

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_COMM_H */
