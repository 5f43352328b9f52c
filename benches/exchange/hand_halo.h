/* hand_halo.h - one halo case, and four ways to write its exchange by hand.
 *
 *   subarray  persistent messages of MPI subarray types, one for each direction
 *   pack      packed by hand, one persistent message for each neighbour
 *   neighbor  MPI_Neighbor_alltoallw with the same subarray types
 *   shm       the arrays lie in an MPI shared window; ghosts are copied straight
 *             from the neighbour, flags say when
 *
 * The limit copies the same boxes once, from this rank's interior to its own
 * ghosts. Where a rank is its own neighbour, every variant copies locally.
 * Extents are divisible by the grid, so a neighbour has the same shape.
 */
#ifndef HAND_HALO_H
#define HAND_HALO_H

#include <immintrin.h>
#include <sched.h>

#include "timing.h"

enum { MAX_DIRECTIONS = 26, FLAG_STRIDE = 16 };

/* A box in local coordinates, ghosts included. An unused leading axis has extent 1. */
typedef struct {
  int start[3], extent[3];
} box;

typedef struct {
  int ndim, width, periodic, corners; /* corners: box stencil, else star */
  int grid[3];
  long size[3];
} halo_case;

/* What this rank sends to `to`, and receives from `from`, in one direction. */
typedef struct {
  int to, from, tag;
  box sent, received;
} direction;

typedef struct {
  halo_case c;
  int at[3], inner[3], local[3], ghost[3]; /* coordinates; extents without and with ghosts */
  long offset[3];
  double *a;
  int n_copies, n_directions;
  box copied_from[MAX_DIRECTIONS], copied_to[MAX_DIRECTIONS]; /* within this rank */
  direction directions[MAX_DIRECTIONS];
  int n_boxes;
  box all_from[MAX_DIRECTIONS], all_to[MAX_DIRECTIONS]; /* what the limit copies */
  /* subarray */
  MPI_Datatype sent[MAX_DIRECTIONS], received[MAX_DIRECTIONS];
  MPI_Request requests[2 * MAX_DIRECTIONS];
  int n_requests;
  /* pack */
  int n_peers, peers[MAX_DIRECTIONS], n_out[MAX_DIRECTIONS], n_in[MAX_DIRECTIONS];
  double *out[MAX_DIRECTIONS], *in[MAX_DIRECTIONS];
  MPI_Request sends[MAX_DIRECTIONS], receives[MAX_DIRECTIONS];
  /* neighbor */
  MPI_Comm graph;
  MPI_Datatype graph_sent[MAX_DIRECTIONS], graph_received[MAX_DIRECTIONS];
  int ones[MAX_DIRECTIONS];
  MPI_Aint zeros[MAX_DIRECTIONS];
  /* shm */
  MPI_Win window, flag_window;
  double *theirs[MAX_DIRECTIONS];
  long *flags, round;
} halo;

static inline double *element(const halo *h, double *a, int i, int j, int k) {
  return a + ((size_t)i * h->local[1] + j) * h->local[2] + k;
}

static size_t volume(const box *b) { return (size_t)b->extent[0] * b->extent[1] * b->extent[2]; }

static inline void copy_row(double *to, const double *from, int count) {
  if (count >= 16) memcpy(to, from, count * sizeof *to);
  else for (int k = 0; k < count; k++) to[k] = from[k];
}

static void copy_box(const halo *h, double *to_array, const box *to, double *from_array, const box *from) {
  for (int i = 0; i < to->extent[0]; i++)
    for (int j = 0; j < to->extent[1]; j++)
      copy_row(element(h, to_array, to->start[0] + i, to->start[1] + j, to->start[2]),
               element(h, from_array, from->start[0] + i, from->start[1] + j, from->start[2]),
               to->extent[2]);
}

static double *pack_box(const halo *h, double *buffer, const box *b) {
  for (int i = 0; i < b->extent[0]; i++)
    for (int j = 0; j < b->extent[1]; j++, buffer += b->extent[2])
      copy_row(buffer, element(h, h->a, b->start[0] + i, b->start[1] + j, b->start[2]), b->extent[2]);
  return buffer;
}

static double *unpack_box(const halo *h, double *buffer, const box *b) {
  for (int i = 0; i < b->extent[0]; i++)
    for (int j = 0; j < b->extent[1]; j++, buffer += b->extent[2])
      copy_row(element(h, h->a, b->start[0] + i, b->start[1] + j, b->start[2]), buffer, b->extent[2]);
  return buffer;
}

static void copy_own(const halo *h) {
  for (int i = 0; i < h->n_copies; i++)
    copy_box(h, h->a, &h->copied_to[i], h->a, &h->copied_from[i]);
}

/* Writes what this rank sends, or copies itself, as a program does between two updates:
 * the lines are in its cache then, and in no other. The values stay. */
static void write_own(const halo *h, double *a) {
  if (!written) return;
  for (int n = 0; n < h->n_directions + h->n_copies; n++) {
    const box *b = n < h->n_directions ? &h->directions[n].sent : &h->copied_from[n - h->n_directions];
    if (n < h->n_directions && h->directions[n].to == MPI_PROC_NULL) continue;
    for (int i = 0; i < b->extent[0]; i++)
      for (int j = 0; j < b->extent[1]; j++) {
        volatile double *row = element(h, a, b->start[0] + i, b->start[1] + j, b->start[2]);
        for (int k = 0; k < b->extent[2]; k++) row[k] = row[k];
      }
  }
}

/* --- The variants --------------------------------------------------------- */

static void halo_limit(void *context) {
  halo *h = context;
  write_own(h, h->a);
  for (int i = 0; i < h->n_boxes; i++) copy_box(h, h->a, &h->all_to[i], h->a, &h->all_from[i]);
  __asm__ volatile("" ::: "memory");
}

static void halo_subarray(void *context) {
  halo *h = context;
  write_own(h, h->a);
  if (h->n_requests) MPI_Startall(h->n_requests, h->requests);
  copy_own(h);
  if (h->n_requests) MPI_Waitall(h->n_requests, h->requests, MPI_STATUSES_IGNORE);
}

static void halo_pack(void *context) {
  halo *h = context;
  write_own(h, h->a);
  if (h->n_peers) MPI_Startall(h->n_peers, h->receives);
  for (int p = 0; p < h->n_peers; p++) {
    double *buffer = h->out[p];
    for (int d = 0; d < h->n_directions; d++)
      if (h->directions[d].to == h->peers[p]) buffer = pack_box(h, buffer, &h->directions[d].sent);
    MPI_Start(&h->sends[p]);
  }
  copy_own(h);
  for (int n = 0; n < h->n_peers; n++) {
    int p;
    MPI_Waitany(h->n_peers, h->receives, &p, MPI_STATUS_IGNORE);
    double *buffer = h->in[p];
    for (int d = 0; d < h->n_directions; d++)
      if (h->directions[d].from == h->peers[p])
        buffer = unpack_box(h, buffer, &h->directions[d].received);
  }
  if (h->n_peers) MPI_Waitall(h->n_peers, h->sends, MPI_STATUSES_IGNORE);
}

static void halo_neighbor(void *context) {
  halo *h = context;
  write_own(h, h->a);
  MPI_Neighbor_alltoallw(h->a, h->ones, h->zeros, h->graph_sent, h->a, h->ones, h->zeros,
                         h->graph_received, h->graph);
  copy_own(h);
}

static void wait_for(const long *flag, long round) {
  for (int spins = 0; __atomic_load_n(flag, __ATOMIC_ACQUIRE) < round; spins++) {
    _mm_pause();
    if (spins % 2000 == 1999) sched_yield();
  }
}

/* A rank's first flag says that its interior may be read, its second that it has read. */
static void halo_shm(void *context) {
  halo *h = context;
  write_own(h, h->a);
  long round = ++h->round;
  long *mine = h->flags + rank * FLAG_STRIDE;
  __atomic_store_n(mine, round, __ATOMIC_RELEASE);
  copy_own(h);
  for (int d = 0; d < h->n_directions; d++) {
    const direction *at = &h->directions[d];
    if (at->from == MPI_PROC_NULL) continue;
    wait_for(h->flags + at->from * FLAG_STRIDE, round);
    copy_box(h, h->a, &at->received, h->theirs[d], &at->sent);
  }
  __atomic_store_n(mine + FLAG_STRIDE / 2, round, __ATOMIC_RELEASE);
  for (int p = 0; p < h->n_peers; p++)
    wait_for(h->flags + h->peers[p] * FLAG_STRIDE + FLAG_STRIDE / 2, round);
}

/* --- The elements --------------------------------------------------------- */

static double halo_value(const long *index) { return index[0] * 1e8 + index[1] * 1e4 + (double)index[2]; }

/* The global index of a local position, wrapped. Counts the axes along which it is a
 * ghost, and says whether it lies outside the array. */
static int ghost_axes(const halo *h, const int *local, long *index, int *outside) {
  int axes = 0;
  *outside = 0;
  for (int d = 0; d < 3; d++) {
    axes += local[d] < h->ghost[d] || local[d] >= h->ghost[d] + h->inner[d];
    index[d] = h->offset[d] + local[d] - h->ghost[d];
    *outside |= index[d] < 0 || index[d] >= h->c.size[d];
    if (index[d] < 0) index[d] += h->c.size[d];
    else if (index[d] >= h->c.size[d]) index[d] -= h->c.size[d];
  }
  return axes;
}

/* Interior: the values. Ghosts: -1. */
static void halo_fill(const halo *h, double *a) {
  int l[3], outside;
  long index[3];
  for (l[0] = 0; l[0] < h->local[0]; l[0]++)
    for (l[1] = 0; l[1] < h->local[1]; l[1]++)
      for (l[2] = 0; l[2] < h->local[2]; l[2]++)
        *element(h, a, l[0], l[1], l[2]) = ghost_axes(h, l, index, &outside) ? -1 : halo_value(index);
}

/* Every element, interior included; those that a star stencil leaves alone are not asked for. */
static int halo_correct(const halo *h, double *a) {
  int l[3], outside, correct = 1;
  long index[3];
  for (l[0] = 0; l[0] < h->local[0]; l[0]++)
    for (l[1] = 0; l[1] < h->local[1]; l[1]++)
      for (l[2] = 0; l[2] < h->local[2]; l[2]++) {
        int axes = ghost_axes(h, l, index, &outside);
        if (axes > 1 && !h->c.corners) continue;
        double right = outside && !h->c.periodic ? -1 : halo_value(index);
        correct &= *element(h, a, l[0], l[1], l[2]) == right;
      }
  return correct;
}

/* Fills, runs once, checks. */
static int halo_try(halo *h, operation run) {
  halo_fill(h, h->a);
  MPI_Barrier(MPI_COMM_WORLD);
  run(h);
  MPI_Barrier(MPI_COMM_WORLD);
  return halo_correct(h, h->a);
}

/* --- Set-up --------------------------------------------------------------- */

/* The rank at `at` + sign * step, or MPI_PROC_NULL. */
static int neighbor_rank(const halo *h, const int *step, int sign) {
  int to[3];
  for (int d = 0; d < 3; d++) {
    int grid = h->c.grid[d];
    to[d] = h->at[d] + sign * step[d];
    if ((to[d] < 0 || to[d] >= grid) && !h->c.periodic) return MPI_PROC_NULL;
    to[d] = (to[d] + grid) % grid;
  }
  return (to[0] * h->c.grid[1] + to[1]) * h->c.grid[2] + to[2];
}

static void add_direction(halo *h, const int *step, int tag) {
  direction n = {neighbor_rank(h, step, 1), neighbor_rank(h, step, -1), tag, {{0}, {0}}, {{0}, {0}}};
  for (int d = 0; d < 3; d++) {
    int ghost = h->ghost[d], inner = h->inner[d];
    n.sent.extent[d] = n.received.extent[d] = step[d] ? ghost : inner;
    n.sent.start[d] = step[d] > 0 ? inner : ghost; /* inner = ghost + inner - width */
    n.received.start[d] = step[d] > 0 ? 0 : step[d] < 0 ? ghost + inner : ghost;
  }
  if (n.from != MPI_PROC_NULL) {
    h->all_from[h->n_boxes] = n.sent;
    h->all_to[h->n_boxes++] = n.received;
  }
  if (n.to == rank && n.from == rank) {
    h->copied_from[h->n_copies] = n.sent;
    h->copied_to[h->n_copies++] = n.received;
  } else if (n.to != MPI_PROC_NULL || n.from != MPI_PROC_NULL) {
    h->directions[h->n_directions++] = n;
  }
}

static MPI_Datatype box_type(const halo *h, const box *b) {
  MPI_Datatype type;
  MPI_Type_create_subarray(3, h->local, b->extent, b->start, MPI_ORDER_C, MPI_DOUBLE, &type);
  MPI_Type_commit(&type);
  return type;
}

static double plan_subarray(halo *h) {
  double start = MPI_Wtime();
  for (int d = 0; d < h->n_directions; d++) {
    direction *n = &h->directions[d];
    h->sent[d] = box_type(h, &n->sent);
    h->received[d] = box_type(h, &n->received);
    if (n->from != MPI_PROC_NULL)
      MPI_Recv_init(h->a, 1, h->received[d], n->from, n->tag, MPI_COMM_WORLD, &h->requests[h->n_requests++]);
  }
  for (int d = 0; d < h->n_directions; d++) {
    direction *n = &h->directions[d];
    if (n->to != MPI_PROC_NULL)
      MPI_Send_init(h->a, 1, h->sent[d], n->to, n->tag, MPI_COMM_WORLD, &h->requests[h->n_requests++]);
  }
  return MPI_Wtime() - start;
}

static int peer_number(halo *h, int peer) {
  for (int p = 0; p < h->n_peers; p++)
    if (h->peers[p] == peer) return p;
  h->peers[h->n_peers] = peer;
  return h->n_peers++;
}

static double plan_pack(halo *h) {
  double start = MPI_Wtime();
  for (int d = 0; d < h->n_directions; d++) {
    direction *n = &h->directions[d];
    if (n->to != MPI_PROC_NULL) h->n_out[peer_number(h, n->to)] += (int)volume(&n->sent);
    if (n->from != MPI_PROC_NULL) h->n_in[peer_number(h, n->from)] += (int)volume(&n->received);
  }
  for (int p = 0; p < h->n_peers; p++) {
    h->out[p] = memory(h->n_out[p] * sizeof(double));
    h->in[p] = memory(h->n_in[p] * sizeof(double));
    MPI_Recv_init(h->in[p], h->n_in[p], MPI_DOUBLE, h->peers[p], 99, MPI_COMM_WORLD, &h->receives[p]);
    MPI_Send_init(h->out[p], h->n_out[p], MPI_DOUBLE, h->peers[p], 99, MPI_COMM_WORLD, &h->sends[p]);
  }
  return MPI_Wtime() - start;
}

static double plan_neighbor(halo *h) {
  double start = MPI_Wtime();
  int to[MAX_DIRECTIONS], from[MAX_DIRECTIONS], n_to = 0, n_from = 0;
  for (int d = 0; d < h->n_directions; d++) {
    direction *n = &h->directions[d];
    h->ones[d] = 1;
    if (n->to != MPI_PROC_NULL) h->graph_sent[n_to] = h->sent[d], to[n_to++] = n->to;
    if (n->from != MPI_PROC_NULL) h->graph_received[n_from] = h->received[d], from[n_from++] = n->from;
  }
  MPI_Dist_graph_create_adjacent(MPI_COMM_WORLD, n_from, from, MPI_UNWEIGHTED, n_to, to, MPI_UNWEIGHTED,
                                 MPI_INFO_NULL, 0, &h->graph);
  return MPI_Wtime() - start;
}

static void plan_shm(halo *h) {
  MPI_Aint bytes;
  int unit;
  MPI_Win_shared_query(h->flag_window, 0, &bytes, &unit, &h->flags);
  for (int d = 0; d < h->n_directions; d++)
    if (h->directions[d].from != MPI_PROC_NULL)
      MPI_Win_shared_query(h->window, h->directions[d].from, &bytes, &unit, &h->theirs[d]);
}

static halo *halo_new(const halo_case *c) {
  halo *h = calloc(1, sizeof *h);
  size_t flag_bytes = rank == 0 ? (size_t)ranks * FLAG_STRIDE * sizeof(long) : 0;
  long *flags;
  h->c = *c;
  h->at[0] = rank / (c->grid[1] * c->grid[2]);
  h->at[1] = rank / c->grid[2] % c->grid[1];
  h->at[2] = rank % c->grid[2];
  for (int d = 0; d < 3; d++) {
    h->ghost[d] = d >= 3 - c->ndim ? c->width : 0;
    h->inner[d] = (int)(c->size[d] / c->grid[d]);
    h->local[d] = h->inner[d] + 2 * h->ghost[d];
    h->offset[d] = (long)h->at[d] * h->inner[d];
  }
  MPI_Win_allocate_shared((MPI_Aint)h->local[0] * h->local[1] * h->local[2] * 8, 8, MPI_INFO_NULL,
                          MPI_COMM_WORLD, &h->a, &h->window);
  MPI_Win_allocate_shared(flag_bytes, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &flags, &h->flag_window);
  if (rank == 0) memset(flags, 0, flag_bytes);
  for (int tag = 0; tag < 27; tag++) {
    int step[3] = {tag / 9 - 1, tag / 3 % 3 - 1, tag % 3 - 1}, axes = 0, unused = 0;
    for (int d = 0; d < 3; d++) axes += step[d] != 0, unused |= step[d] && h->ghost[d] == 0;
    if (axes && !unused && (axes == 1 || c->corners)) add_direction(h, step, tag);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  return h;
}

static double halo_bytes(const halo *h) {
  double mine = 0;
  for (int i = 0; i < h->n_boxes; i++) mine += 8.0 * (double)volume(&h->all_to[i]);
  return sum_over_ranks(mine);
}

static void race_by_hand(race *r, halo *h) {
  double subarray = plan_subarray(h), pack = plan_pack(h), neighbor = plan_neighbor(h);
  plan_shm(h);
  race_add(r, "subarray", BY_HAND, halo_subarray, h, subarray, halo_try(h, halo_subarray));
  race_add(r, "pack", BY_HAND, halo_pack, h, pack, halo_try(h, halo_pack));
  race_add(r, "neighbor", BY_HAND, halo_neighbor, h, neighbor, halo_try(h, halo_neighbor));
  race_add(r, "shm", BY_HAND, halo_shm, h, 0, halo_try(h, halo_shm));
}

static void halo_free(halo *h) {
  for (int i = 0; i < h->n_requests; i++) MPI_Request_free(&h->requests[i]);
  for (int p = 0; p < h->n_peers; p++) {
    MPI_Request_free(&h->sends[p]);
    MPI_Request_free(&h->receives[p]);
    free(h->out[p]);
    free(h->in[p]);
  }
  MPI_Comm_free(&h->graph);
  for (int d = 0; d < h->n_directions; d++) {
    MPI_Type_free(&h->sent[d]);
    MPI_Type_free(&h->received[d]);
  }
  MPI_Win_free(&h->window);
  MPI_Win_free(&h->flag_window);
  free(h);
}

#endif /* HAND_HALO_H */
