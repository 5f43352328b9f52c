/* hand_redistribute.h - three ways to write a redistribution by hand.
 *
 *   pack    packed for each rank, MPI_Isend and MPI_Irecv, own part copied straight
 *   types   MPI_Alltoallw with datatypes that describe both sides; nothing is packed
 *   shm     the source lies in an MPI shared window; every rank gathers its part
 *           straight from it, between two barriers
 *
 * All share one plan: for each pair of ranks, the overlap of their rows and of
 * their columns as stretches. Where the order changes, tiles of 8 x 8 are turned in
 * registers; messages are packed in the target's order.
 */
#ifndef HAND_REDISTRIBUTE_H
#define HAND_REDISTRIBUTE_H

#include <immintrin.h>

#include "redistribute_cases.h"

#define INLINE static inline __attribute__((always_inline))

/* `count` stretches of `length` indices each, from where to where. */
typedef struct {
  long from, to, length, count, from_step, to_step;
} stretch;

typedef struct {
  stretch *stretches;
  int n;
  long total;
} overlap;

/* Joins a new stretch of count 1 to the last where they continue or repeat it. */
static void overlap_add(overlap *o, int *room, long from, long to, long length) {
  stretch *last = o->n ? &o->stretches[o->n - 1] : NULL;
  o->total += length;
  if (last && last->count == 1 && last->from + last->length == from && last->to + last->length == to) {
    last->length += length;
    return;
  }
  if (last && last->length == length) {
    long from_step = from - (last->from + (last->count - 1) * last->from_step);
    long to_step = to - (last->to + (last->count - 1) * last->to_step);
    if (last->count == 1) last->from_step = from_step, last->to_step = to_step;
    if (last->from_step == from_step && last->to_step == to_step) {
      last->count++;
      return;
    }
  }
  if (o->n == *room) {
    *room = *room ? 2 * *room : 16;
    o->stretches = realloc(o->stretches, (size_t)*room * sizeof(stretch));
  }
  o->stretches[o->n++] = (stretch){from, to, length, 1, 0, 0};
}

static overlap overlap_of(const cut *a, int at_a, const cut *b, int at_b) {
  overlap o = {NULL, 0, 0};
  int room = 0;
  for (long block = at_a * a->block; block < a->size; block += a->block * a->grid) {
    long end = block + a->block < a->size ? block + a->block : a->size;
    for (long g = block, next; g < end; g = next) {
      next = (g / b->block + 1) * b->block;
      if (next > end) next = end;
      if (owner_of(b, g) == at_b) overlap_add(&o, &room, local_of(a, g), local_of(b, g), next - g);
    }
  }
  return o;
}

/* The same overlap with one side packed: 0 the target's, 1 the source's. */
static overlap packed(const overlap *o, int side) {
  overlap p = {malloc(((size_t)o->n + 1) * sizeof(stretch)), o->n, o->total};
  long at = 0;
  for (int i = 0; i < o->n; i++) {
    stretch *s = &p.stretches[i];
    *s = o->stretches[i];
    if (side == 0) s->to = at, s->to_step = s->length;
    else s->from = at, s->from_step = s->length;
    at += s->length * s->count;
  }
  return p;
}

/* --- Moving a box: rows x columns, each axis by its stretches --------------- */

/* A part of an array: its memory and the bytes between neighbours. */
typedef struct {
  char *data;
  long by_row, by_column;
} part;

INLINE void copy_line(char *restrict to, const char *restrict from, const overlap *o, const size_t item) {
  for (int i = 0; i < o->n; i++) {
    stretch s = o->stretches[i];
    char *t = to + s.to * item;
    const char *f = from + s.from * item;
    if (s.length == 1) {
      for (long c = 0; c < s.count; c++) memcpy(t + c * s.to_step * item, f + c * s.from_step * item, item);
    } else if (s.length * item >= 256) {
      for (long c = 0; c < s.count; c++)
        memcpy(t + c * s.to_step * item, f + c * s.from_step * item, s.length * item);
    } else {
      for (long c = 0; c < s.count; c++)
        for (long k = 0; k < s.length; k++)
          memcpy(t + (c * s.to_step + k) * item, f + (c * s.from_step + k) * item, item);
    }
  }
}

/* Both sides have their elements side by side along `inner`. */
INLINE void copy_lines(char *to, long to_step, const char *from, long from_step, const overlap *outer,
                       const overlap *inner, const size_t item) {
  for (int i = 0; i < outer->n; i++) {
    stretch s = outer->stretches[i];
    for (long c = 0; c < s.count; c++)
      for (long k = 0; k < s.length; k++)
        copy_line(to + (s.to + c * s.to_step + k) * to_step, from + (s.from + c * s.from_step + k) * from_step,
                  inner, item);
  }
}

INLINE void turn_tile(char *to, long to_step, const char *from, long from_step, const size_t item) {
#ifdef __AVX512F__
  if (item == 8) {
    const __m512i low = _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13), high = _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15);
    __m512d r[8], t[8], u[8];
    for (int i = 0; i < 8; i++) r[i] = _mm512_loadu_pd(from + i * from_step);
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
    for (int i = 0; i < 2; i++) /* u[i]: columns i, i + 4 of rows 0 to 3; u[4 + i]: of rows 4 to 7 */
      for (int j = 0; j < 8; j += 4) {
        u[j + i] = _mm512_shuffle_f64x2(t[j + i], t[j + 2 + i], 0x88);
        u[j + 2 + i] = _mm512_shuffle_f64x2(t[j + i], t[j + 2 + i], 0xdd);
      }
    for (int i = 0; i < 4; i++) {
      _mm512_storeu_pd(to + i * to_step, _mm512_permutex2var_pd(u[i], low, u[4 + i]));
      _mm512_storeu_pd(to + (i + 4) * to_step, _mm512_permutex2var_pd(u[i], high, u[4 + i]));
    }
    return;
  }
#endif
  for (int i = 0; i < 8; i++)
    for (int j = 0; j < 8; j++) memcpy(to + j * to_step + i * item, from + i * from_step + j * item, item);
}

/* to[j][i] = from[i][j], 64 x 64 at a time. */
INLINE void turn_block(char *to, long to_step, const char *from, long from_step, long rows, long columns,
                       const size_t item) {
  for (long j0 = 0; j0 < columns; j0 += 64)
    for (long i0 = 0; i0 < rows; i0 += 64) {
      long j1 = j0 + 64 < columns ? j0 + 64 : columns, i1 = i0 + 64 < rows ? i0 + 64 : rows, i, j;
      for (j = j0; j + 8 <= j1; j += 8) {
        for (i = i0; i + 8 <= i1; i += 8)
          turn_tile(to + j * to_step + i * item, to_step, from + i * from_step + j * item, from_step, item);
        for (; i < i1; i++)
          for (long k = j; k < j + 8; k++) memcpy(to + k * to_step + i * item, from + i * from_step + k * item, item);
      }
      for (; j < j1; j++)
        for (i = i0; i < i1; i++) memcpy(to + j * to_step + i * item, from + i * from_step + j * item, item);
    }
}

/* The source has its elements side by side along `columns`, the target along `rows`. */
INLINE void turn(char *to, long to_step, const char *from, long from_step, const overlap *rows,
                 const overlap *columns, const size_t item) {
  for (int i = 0; i < rows->n; i++)
    for (int j = 0; j < columns->n; j++) {
      stretch r = rows->stretches[i], c = columns->stretches[j];
      for (long k = 0; k < r.count; k++)
        for (long l = 0; l < c.count; l++)
          turn_block(to + (c.to + l * c.to_step) * to_step + (r.to + k * r.to_step) * item, to_step,
                     from + (r.from + k * r.from_step) * from_step + (c.from + l * c.from_step) * item,
                     from_step, r.length, c.length, item);
    }
}

INLINE void move_items(part to, part from, const overlap *rows, const overlap *columns, const size_t item) {
  const long side_by_side = (long)item;
  if (to.by_row == side_by_side && from.by_row == side_by_side)
    copy_lines(to.data, to.by_column, from.data, from.by_column, columns, rows, item);
  else if (to.by_column == side_by_side && from.by_column == side_by_side)
    copy_lines(to.data, to.by_row, from.data, from.by_row, rows, columns, item);
  else if (from.by_column == side_by_side)
    turn(to.data, to.by_column, from.data, from.by_row, rows, columns, item);
  else
    turn(to.data, to.by_row, from.data, from.by_column, columns, rows, item);
}

static void move_box(part to, part from, const overlap *rows, const overlap *columns, element_type type) {
  if (type == FLOAT) move_items(to, from, rows, columns, 4);
  else if (type == DOUBLE) move_items(to, from, rows, columns, 8);
  else move_items(to, from, rows, columns, 16);
}

/* --- The plan ------------------------------------------------------------- */

/* What this rank has for another, or gets from it. */
typedef struct {
  overlap rows, columns;               /* from its place to its place */
  overlap packed_rows, packed_columns; /* one side is the message */
  part message;
  long elements;
  MPI_Datatype type;
  int count; /* of type */
} dealing;

typedef struct {
  const redistribution_case *c;
  part source, target;
  dealing *out, *in;
  part *theirs; /* every rank's source */
  MPI_Request *requests;
  int *zeros, *out_counts, *in_counts;
  MPI_Datatype *out_types, *in_types;
  MPI_Datatype item;
  MPI_Win window;
} redistribution;

static part part_of(const redistribution_case *c, const layout *l, int of_rank, void *data) {
  part p = {data, row_step(l, of_rank) * c->type, column_step(l, of_rank) * c->type};
  return p;
}

/* A message is a box in the target's order. */
static part message_of(const redistribution_case *c, const overlap *rows, const overlap *columns) {
  long bytes = rows->total * columns->total * c->type;
  part p = {memory(bytes), c->type, c->type};
  if (c->to.order == 'C') p.by_row *= columns->total;
  else p.by_column *= rows->total;
  return p;
}

static dealing dealing_between(const redistribution_case *c, int sender, int receiver) {
  dealing d;
  int side = receiver == rank; /* the receiver has the source packed */
  d.rows = overlap_of(&c->from.rows, row_of(&c->from, sender), &c->to.rows, row_of(&c->to, receiver));
  d.columns = overlap_of(&c->from.columns, column_of(&c->from, sender), &c->to.columns, column_of(&c->to, receiver));
  d.packed_rows = packed(&d.rows, side);
  d.packed_columns = packed(&d.columns, side);
  d.elements = d.rows.total * d.columns.total;
  d.message.data = NULL;
  if (sender != receiver) d.message = message_of(c, &d.rows, &d.columns);
  d.count = 0;
  return d;
}

/* --- The variants --------------------------------------------------------- */

static void redistribute_pack(void *context) {
  redistribution *r = context;
  element_type type = r->c->type;
  int n = 0, n_in, senders[64];
  for (int k = 1; k < ranks; k++) {
    int other = (rank + k) % ranks;
    dealing *d = &r->in[other];
    if (!d->elements) continue;
    MPI_Irecv(d->message.data, (int)d->elements, r->item, other, 7, MPI_COMM_WORLD, &r->requests[n]);
    senders[n++] = other;
  }
  n_in = n;
  for (int k = 1; k < ranks; k++) {
    int other = (rank + k) % ranks;
    dealing *d = &r->out[other];
    if (!d->elements) continue;
    move_box(d->message, r->source, &d->packed_rows, &d->packed_columns, type);
    MPI_Isend(d->message.data, (int)d->elements, r->item, other, 7, MPI_COMM_WORLD, &r->requests[n++]);
  }
  move_box(r->target, r->source, &r->in[rank].rows, &r->in[rank].columns, type);
  for (int k = 0; k < n_in; k++) {
    int i;
    MPI_Waitany(n_in, r->requests, &i, MPI_STATUS_IGNORE);
    dealing *d = &r->in[senders[i]];
    move_box(r->target, d->message, &d->packed_rows, &d->packed_columns, type);
  }
  MPI_Waitall(n - n_in, r->requests + n_in, MPI_STATUSES_IGNORE);
}

static void redistribute_types(void *context) {
  redistribution *r = context;
  MPI_Alltoallw(r->source.data, r->out_counts, r->zeros, r->out_types, r->target.data, r->in_counts, r->zeros,
                r->in_types, MPI_COMM_WORLD);
}

static void redistribute_shm(void *context) {
  redistribution *r = context;
  MPI_Barrier(MPI_COMM_WORLD);
  for (int k = 0; k < ranks; k++) {
    int other = (rank + k) % ranks;
    move_box(r->target, r->theirs[other], &r->in[other].rows, &r->in[other].columns, r->c->type);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

/* --- Datatypes for MPI_Alltoallw -------------------------------------------- */

/* One side of an axis, as a type: `old` repeated at the stretches' places. */
static MPI_Datatype axis_type(const overlap *o, int target, long step, MPI_Datatype old) {
  MPI_Datatype *types = malloc((size_t)o->n * sizeof *types), all;
  MPI_Aint *places = malloc((size_t)o->n * sizeof *places);
  int *ones = malloc((size_t)o->n * sizeof *ones);
  for (int i = 0; i < o->n; i++) {
    stretch s = o->stretches[i];
    MPI_Datatype run;
    ones[i] = 1;
    places[i] = (target ? s.to : s.from) * step;
    MPI_Type_create_hvector((int)s.length, 1, step, old, &run);
    MPI_Type_create_hvector((int)s.count, 1, (target ? s.to_step : s.from_step) * step, run, &types[i]);
    MPI_Type_free(&run);
  }
  MPI_Type_create_struct(o->n, ones, places, types, &all);
  for (int i = 0; i < o->n; i++) MPI_Type_free(&types[i]);
  free(types), free(places), free(ones);
  return all;
}

/* Both sides list the elements in the target's order. */
static void make_type(redistribution *r, dealing *d, int target, MPI_Datatype *type, int *count) {
  const part *p = target ? &r->target : &r->source;
  MPI_Datatype inner;
  *type = r->item;
  *count = 0;
  if (!d->elements) return;
  if (r->c->to.order == 'C') {
    inner = axis_type(&d->columns, target, p->by_column, r->item);
    *type = axis_type(&d->rows, target, p->by_row, inner);
  } else {
    inner = axis_type(&d->rows, target, p->by_row, r->item);
    *type = axis_type(&d->columns, target, p->by_column, inner);
  }
  MPI_Type_free(&inner);
  MPI_Type_commit(type);
  *count = 1;
}

static double plan_types(redistribution *r) {
  double start = MPI_Wtime();
  for (int other = 0; other < ranks; other++) {
    make_type(r, &r->out[other], 0, &r->out_types[other], &r->out_counts[other]);
    make_type(r, &r->in[other], 1, &r->in_types[other], &r->in_counts[other]);
  }
  return MPI_Wtime() - start;
}

/* --- Set-up --------------------------------------------------------------- */

static redistribution *redistribution_new(const redistribution_case *c) {
  redistribution *r = calloc(1, sizeof *r);
  MPI_Aint bytes;
  int unit;
  r->c = c;
  r->item = c->type == FLOAT ? MPI_FLOAT : c->type == DOUBLE ? MPI_DOUBLE : MPI_C_DOUBLE_COMPLEX;
  void *data;
  MPI_Win_allocate_shared(elements_at(&c->from, rank) * c->type, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &data, &r->window);
  r->source = part_of(c, &c->from, rank, data);
  r->target = part_of(c, &c->to, rank, memory((size_t)elements_at(&c->to, rank) * c->type));
  r->out = calloc(ranks, sizeof *r->out);
  r->in = calloc(ranks, sizeof *r->in);
  r->theirs = calloc(ranks, sizeof *r->theirs);
  r->requests = calloc(2 * ranks, sizeof *r->requests);
  r->zeros = calloc(ranks, sizeof(int));
  r->out_counts = calloc(ranks, sizeof(int));
  r->in_counts = calloc(ranks, sizeof(int));
  r->out_types = calloc(ranks, sizeof(MPI_Datatype));
  r->in_types = calloc(ranks, sizeof(MPI_Datatype));
  for (int other = 0; other < ranks; other++) {
    MPI_Win_shared_query(r->window, other, &bytes, &unit, &data);
    r->theirs[other] = part_of(c, &c->from, other, data);
  }
  fill_part(c, &c->from, r->source.data);
  memset(r->target.data, 0xff, (size_t)elements_at(&c->to, rank) * c->type);
  MPI_Barrier(MPI_COMM_WORLD);
  return r;
}

static double plan_overlaps(redistribution *r) {
  double start = MPI_Wtime();
  for (int other = 0; other < ranks; other++) {
    r->out[other] = dealing_between(r->c, rank, other);
    r->in[other] = dealing_between(r->c, other, rank);
  }
  return MPI_Wtime() - start;
}

/* Runs once into the common target, checks. */
static int redistribution_try(redistribution *r, operation run, void *context) {
  MPI_Barrier(MPI_COMM_WORLD);
  run(context);
  return part_correct(r->c, r->target.data);
}

static void race_by_hand(race *race, redistribution *r) {
  double plan = plan_overlaps(r), types = plan_types(r);
  race_add(race, "pack", BY_HAND, redistribute_pack, r, plan, redistribution_try(r, redistribute_pack, r));
  race_add(race, "types", BY_HAND, redistribute_types, r, plan + types, redistribution_try(r, redistribute_types, r));
  race_add(race, "shm", BY_HAND, redistribute_shm, r, plan, redistribution_try(r, redistribute_shm, r));
}

static void dealing_free(dealing *d) {
  free(d->rows.stretches), free(d->columns.stretches);
  free(d->packed_rows.stretches), free(d->packed_columns.stretches);
  free(d->message.data);
}

static void redistribution_free(redistribution *r) {
  for (int other = 0; other < ranks; other++) {
    if (r->out_counts[other]) MPI_Type_free(&r->out_types[other]);
    if (r->in_counts[other]) MPI_Type_free(&r->in_types[other]);
    dealing_free(&r->out[other]);
    dealing_free(&r->in[other]);
  }
  MPI_Win_free(&r->window);
  free(r->target.data);
  free(r->out), free(r->in), free(r->theirs), free(r->requests), free(r->zeros);
  free(r->out_counts), free(r->in_counts), free(r->out_types), free(r->in_types);
  free(r);
}

#endif /* HAND_REDISTRIBUTE_H */
