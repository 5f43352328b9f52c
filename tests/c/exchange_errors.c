/* Bad input to halo exchange and redistribution: the same report on all ranks, no hang,
 * no array touched, and all goes on afterwards. Three ranks, of which the middle one is
 * often the only one at fault. */
#include <distarray.h>
#include <distarray_mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANKS = 3, ROWS = 8, COLUMNS = 5, GUILTY = 1 };

static int rank, at_fault, refusals;
static distarray_comm comm;
static distarray_error error;

static void fail(int line, const char *what) {
  fprintf(stderr, "rank %d, line %d: %s (%d: %s)\n", rank, line, what, (int)error.code, error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

#define CHECK(what) \
  do { \
    if (!(what)) fail(__LINE__, #what " does not hold"); \
  } while (0)
#define MUST(call) CHECK((call) == DISTARRAY_OK && error.code == DISTARRAY_OK)
/* A call that all ranks must refuse in the same words, these among them. */
#define REFUSED(code, words, call) refused(__LINE__, code, words, (call))

/* An array, its memory, and what was last known to be in it. */
typedef struct {
  distarray_dim dims[2];
  int64_t shape[2];
  size_t bytes;
  char *data, *own, *before;
  distarray_array *array;
} part;

static part parts[32];
static int n_parts;

typedef struct {
  uint8_t code, bits;
  int64_t itemsize;
} element;

static const element f64 = {DISTARRAY_DTYPE_FLOAT, 64, 8}, f32 = {DISTARRAY_DTYPE_FLOAT, 32, 4},
                     i32 = {DISTARRAY_DTYPE_INT, 32, 4}, c128 = {DISTARRAY_DTYPE_COMPLEX, 128, 16},
                     record12 = {DISTARRAY_DTYPE_OPAQUE, 0, 12},
                     record16 = {DISTARRAY_DTYPE_OPAQUE, 0, 16};

static void give_back(distarray_export *loan) { loan->release = NULL; }

/* Lends memory, of its own if none is given, and takes the loan. Local. */
static part *lend(const distarray_dim dims[2], element type, uint32_t flags_write, char *memory) {
  int64_t strides[2], first, stop;
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  part *p = &parts[n_parts++];
  CHECK(n_parts <= (int)(sizeof parts / sizeof *parts));
  memcpy(p->dims, dims, sizeof p->dims);
  for (int axis = 0; axis < 2; axis++)
    MUST(distarray_dim_owned(&dims[axis], &p->shape[axis], &first, &stop, &error));
  p->bytes = (size_t)(p->shape[0] * p->shape[1] * type.itemsize);
  p->own = malloc(p->bytes + 64);
  p->before = malloc(p->bytes + 64);
  CHECK(p->own != NULL && p->before != NULL);
  memset(p->own, 0x5a, p->bytes + 64);
  p->data = memory ? memory : p->own;
  loan.dtype_code = type.code;
  loan.dtype_bits = type.bits;
  loan.dtype_lanes = 1;
  loan.itemsize = type.itemsize;
  distarray_strides_c_order(2, p->shape, type.itemsize, strides);
  loan.flags_write = flags_write;
  loan.data = p->data;
  loan.ndim = 2;
  loan.shape = p->shape;
  loan.strides = strides;
  loan.dims = p->dims;
  loan.process_rank = rank;
  loan.process_count = RANKS;
  loan.release = give_back;
  MUST(distarray_array_import(&loan,
                              flags_write ? DISTARRAY_ACCESS_READ : DISTARRAY_ACCESS_READ_WRITE,
                              &p->array, &error));
  return p;
}

static part *new_part(const distarray_dim dims[2], element type) { return lend(dims, type, 0, NULL); }

/* From here on every array must stay as it is. */
static void keep(void) {
  for (int i = 0; i < n_parts; i++) memcpy(parts[i].before, parts[i].data, parts[i].bytes);
}

static void refused(int line, int32_t code, const char *words, int32_t status) {
  distarray_error all[RANKS];
  if (status != code || error.code != code) fail(line, "another status");
  if (strstr(error.message, words) == NULL) fail(line, words);
  MPI_Allgather(&error, (int)sizeof error, MPI_CHAR, all, (int)sizeof error, MPI_CHAR, MPI_COMM_WORLD);
  for (int other = 0; other < RANKS; other++)
    if (memcmp(&all[other], &error, sizeof error) != 0) fail(line, "not the same report on all ranks");
  for (int i = 0; i < n_parts; i++)
    if (memcmp(parts[i].before, parts[i].data, parts[i].bytes) != 0) fail(line, "an array was touched");
  refusals++;
}

/* The array that this rank brings: a wrong one on the rank at fault. */
static distarray_array *bring(const part *right, const part *wrong) {
  return at_fault ? (wrong ? wrong->array : NULL) : right->array;
}

static double value(int64_t row, int64_t column) { return (double)(10 * row + column); }

static void fill(part *p) {
  int64_t held, first, stop, row;
  MUST(distarray_dim_owned(&p->dims[0], &held, &first, &stop, &error));
  for (int64_t i = first; i < stop; i++)
    for (int64_t j = 0; j < p->shape[1]; j++) {
      MUST(distarray_dim_local_to_global(&p->dims[0], 1, &i, &row, &error));
      ((double *)(void *)p->data)[i * p->shape[1] + j] = value(row, j);
    }
}

/* Whether every element that is held is there, padding included. */
static int filled(const part *p) {
  int64_t row, column;
  for (int64_t i = 0; i < p->shape[0]; i++)
    for (int64_t j = 0; j < p->shape[1]; j++) {
      MUST(distarray_dim_local_to_global(&p->dims[0], 1, &i, &row, &error));
      MUST(distarray_dim_local_to_global(&p->dims[1], 1, &j, &column, &error));
      row = (row + ROWS) % ROWS;
      if (((double *)(void *)p->data)[i * p->shape[1] + j] != value(row, column)) return 0;
    }
  return 1;
}

static int64_t first_of(int64_t coordinate) { return ROWS * coordinate / RANKS; }

static void halo_dims(distarray_dim dims[2], int64_t width) {
  dims[0] = distarray_dim_block(ROWS, RANKS, rank, first_of(rank), first_of(rank + 1));
  dims[0].flags |= DISTARRAY_DIM_PERIODIC;
  distarray_dim_add_halo(&dims[0], width, width);
  dims[1] = distarray_dim_whole(COLUMNS);
}

static distarray_distribution *gather(const part *p) {
  distarray_distribution *whole;
  MUST(distarray_distribution_gather(&comm, p->array, &whole, &error));
  return whole;
}

static void halos(void) {
  static const int32_t known[2] = {DISTARRAY_EDGE_KEEP, DISTARRAY_EDGE_KEEP}, unknown[2] = {0, 7};
  distarray_dim dims[2], wider[2];
  distarray_distribution *whole;
  distarray_halo *halo;
  distarray_bound_halo *bound = NULL;
  const distarray_array *pair[2];
  distarray_moved moved = {-1, -1, -1};
  distarray_array *made = NULL;
  part *u, *v, *other_type, *read_only, *other_dims, *complex_, *records;

  halo_dims(dims, 1);
  halo_dims(wider, 2);
  u = new_part(dims, f64);
  v = new_part(dims, f64);
  other_type = new_part(dims, f32);
  read_only = lend(dims, f64, DISTARRAY_W_READ_ONLY, NULL);
  other_dims = new_part(wider, f64);
  complex_ = new_part(dims, c128);
  records = new_part(dims, record12);
  fill(u);
  fill(v);
  keep();
  whole = gather(u);
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, 64, 0, 0, at_fault ? NULL : &made, &error));
  REFUSED(DISTARRAY_E_DTYPE, "rank 1",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, at_fault ? 63 : 64, 0, 1, &made, &error));
  REFUSED(DISTARRAY_E_DTYPE, "no element type",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_OPAQUE, 0, 0, 0, &made, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, 64, 0, at_fault, &made, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1",
          distarray_distribution_zeros(whole, DISTARRAY_DTYPE_FLOAT, at_fault ? 32 : 64, 0, 1, &made, &error));
  CHECK(made == NULL);
  REFUSED(DISTARRAY_E_NULL, "halo must not be NULL",
          distarray_halo_new(whole, 1, at_fault ? NULL : &halo, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must", distarray_halo_new(whole, at_fault, &halo, &error));
  MUST(distarray_halo_new(whole, 1, &halo, &error));
  distarray_distribution_free(whole);

  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_update(halo, bring(u, NULL), &error));
  REFUSED(DISTARRAY_E_NULL, "rank 0", distarray_halo_update(halo, NULL, &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 1", distarray_halo_update(halo, bring(u, other_dims), &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 0", distarray_halo_update(halo, other_dims->array, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1", distarray_halo_update(halo, bring(u, other_type), &error));
  REFUSED(DISTARRAY_E_ACCESS, "rank 1", distarray_halo_update(halo, bring(u, read_only), &error));

  pair[0] = u->array;
  pair[1] = bring(v, NULL);
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_update_all(halo, 2, pair, &error));
  pair[1] = v->array;
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_update_all(halo, 2, at_fault ? NULL : pair, &error));
  REFUSED(DISTARRAY_E_RANGE, "rank 1", distarray_halo_update_all(halo, at_fault ? -1 : 2, pair, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1", distarray_halo_update_all(halo, at_fault ? 1 : 2, pair, &error));

  REFUSED(DISTARRAY_E_RANGE, "axis 1", distarray_halo_fill_edges(halo, unknown, NULL, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_halo_fill_edges(halo, at_fault ? NULL : known, NULL, &error));
  /* A binding agrees once; its updates are not checked again. */
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_halo_bind(halo, 2, pair, at_fault ? NULL : &bound, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1",
          distarray_halo_bind(halo, at_fault ? 1 : 2, pair, &bound, &error));
  pair[1] = bring(v, NULL);
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_bind(halo, 2, pair, &bound, &error));
  pair[1] = bring(v, read_only);
  REFUSED(DISTARRAY_E_ACCESS, "rank 1", distarray_halo_bind(halo, 2, pair, &bound, &error));
  pair[1] = bring(v, other_dims);
  REFUSED(DISTARRAY_E_SHAPE, "rank 1", distarray_halo_bind(halo, 2, pair, &bound, &error));
  pair[1] = v->array;
  REFUSED(DISTARRAY_E_NULL, "bound", distarray_bound_halo_update(NULL, &error));
  CHECK(bound == NULL);

  REFUSED(DISTARRAY_E_RANGE, "DISTARRAY_MAX", distarray_halo_accumulate(halo, u->array, 4, &error));
  REFUSED(DISTARRAY_E_RANGE, "rank 1", distarray_halo_accumulate(halo, u->array, at_fault ? 0 : 1, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "rank 1",
          distarray_halo_accumulate(halo, u->array, at_fault ? DISTARRAY_MIN : DISTARRAY_SUM, &error));
  REFUSED(DISTARRAY_E_DTYPE, "no order",
          distarray_halo_accumulate(halo, complex_->array, DISTARRAY_MAX, &error));
  REFUSED(DISTARRAY_E_DTYPE, "no sum",
          distarray_halo_accumulate(halo, records->array, DISTARRAY_SUM, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_halo_accumulate(halo, bring(u, NULL), DISTARRAY_SUM, &error));

  REFUSED(DISTARRAY_E_BUSY, "no halo update was started", distarray_halo_finish(halo, u->array, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_halo_start(halo, bring(u, NULL), &error));
  REFUSED(DISTARRAY_E_BUSY, "no halo update was started", distarray_halo_finish(halo, u->array, &error));
  MUST(distarray_halo_start(halo, u->array, &error));
  REFUSED(DISTARRAY_E_BUSY, "is not finished", distarray_halo_start(halo, u->array, &error));
  REFUSED(DISTARRAY_E_BUSY, "is not finished", distarray_halo_update(halo, v->array, &error));
  REFUSED(DISTARRAY_E_BUSY, "rank 1", distarray_halo_finish(halo, bring(u, v), &error));
  REFUSED(DISTARRAY_E_BUSY, "rank 1", distarray_halo_finish(halo, bring(u, NULL), &error));
  MUST(distarray_halo_finish(halo, u->array, &error));
  CHECK(filled(u) && !filled(v));
  keep();
  REFUSED(DISTARRAY_E_BUSY, "no halo update was started", distarray_halo_finish(halo, u->array, &error));

  /* Local ones, refused on every rank alike. */
  REFUSED(DISTARRAY_E_NULL, "halo", distarray_halo_update(NULL, u->array, &error));
  REFUSED(DISTARRAY_E_NULL, "distribution", distarray_halo_new(NULL, 1, &halo, &error));
  REFUSED(DISTARRAY_E_NULL, "moved", distarray_halo_moves(halo, 8, NULL, &error));
  REFUSED(DISTARRAY_E_RANGE, "itemsize", distarray_halo_moves(halo, -1, &moved, &error));
  CHECK(moved.messages == -1);

  /* And all goes on. */
  pair[0] = other_type->array;
  MUST(distarray_halo_update_all(halo, 2, pair, &error));
  CHECK(filled(v));
  MUST(distarray_halo_update(halo, records->array, &error));
  memset(v->data, 0, v->bytes);
  fill(v);
  pair[0] = records->array;
  MUST(distarray_halo_bind(halo, 2, pair, &bound, &error));
  distarray_halo_free(halo);
  MUST(distarray_bound_halo_update(bound, &error));
  CHECK(filled(v));
  distarray_bound_halo_free(bound);
  distarray_bound_halo_free(NULL);
  distarray_halo_free(NULL);
}

/* A halo that no neighbour can fill is found before any plan is made. */
static void wide_halo(void) {
  distarray_dim dims[2];
  distarray_distribution *whole;
  part *p;
  /* Up to the edges only: wider than the neighbour's block. */
  dims[0] = distarray_dim_block(ROWS, RANKS, rank, first_of(rank), first_of(rank + 1));
  dims[0].padding[0] = rank > 0 ? 4 : 0;
  dims[0].padding[1] = rank < RANKS - 1 ? 4 : 0;
  dims[0].start -= dims[0].padding[0];
  dims[0].stop += dims[0].padding[1];
  if (dims[0].start < 0) dims[0].start = 0;
  if (dims[0].stop > ROWS) dims[0].stop = ROWS;
  dims[1] = distarray_dim_whole(COLUMNS);
  p = new_part(dims, f64);
  keep();
  REFUSED(DISTARRAY_E_HALO, "axis 0", distarray_distribution_gather(&comm, p->array, &whole, &error));
  /* Around the edges: wider than the axis goes around it more than once. */
  halo_dims(dims, 2 * ROWS);
  p = new_part(dims, f64);
  keep();
  REFUSED(DISTARRAY_E_HALO, "axis 0", distarray_distribution_gather(&comm, p->array, &whole, &error));
}

static void redistributions(void) {
  static const int64_t twice[2] = {0, 0}, beyond[2] = {0, 2}, negative[2] = {-1, 0}, kept[2] = {0, 1};
  static const double one[2] = {1, 0}, two[2] = {2, 0}, i[2] = {0, 1};
  distarray_dim rows[2], columns[2], longer[2], vector[2];
  distarray_distribution *from, *to, *alien, *alone;
  distarray_redistribution *r = NULL, *same;
  distarray_moved moved;
  distarray_comm self;
  distarray_export one_rank = DISTARRAY_EXPORT_INIT;
  distarray_array *own;
  part *a, *b, *a_int, *a_complex, *a_record, *b_float, *b_record, *b_long_record, *b_int, *other, *shut;
  part *overlapping, *twin;
  int64_t length = 0;
  double nothing = 0;

  rows[0] = distarray_dim_block(ROWS, RANKS, rank, first_of(rank), first_of(rank + 1));
  rows[1] = distarray_dim_whole(COLUMNS);
  columns[0] = distarray_dim_whole(ROWS);
  columns[1] = distarray_dim_cyclic(COLUMNS, RANKS, rank, 1, 0);
  longer[0] = distarray_dim_whole(ROWS + 1);
  longer[1] = columns[1];
  a = new_part(rows, f64);
  a_int = new_part(rows, i32);
  a_complex = new_part(rows, c128);
  a_record = new_part(rows, record12);
  b = new_part(columns, f64);
  b_float = new_part(columns, f32);
  b_int = new_part(columns, i32);
  b_record = new_part(columns, record12);
  b_long_record = new_part(columns, record16);
  other = new_part(longer, f64);
  shut = lend(columns, f64, DISTARRAY_W_READ_ONLY, NULL);
  overlapping = lend(rows, f64, 0, a->data + 8); /* malloc'ed with room to spare */
  twin = new_part(rows, f64);
  fill(a);
  for (int64_t k = 0; k < a_int->shape[0] * a_int->shape[1]; k++)
    ((int32_t *)(void *)a_int->data)[k] = (int32_t)((double *)(void *)a->data)[k];
  keep();
  from = gather(a);
  to = gather(b);
  alien = gather(other);

  /* Plans. */
  REFUSED(DISTARRAY_E_SHAPE, "axis 0", distarray_redistribution_new(from, alien, NULL, &r, &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 1",
          distarray_redistribution_new(from, at_fault ? alien : to, NULL, &r, &error));
  REFUSED(DISTARRAY_E_RANGE, "once", distarray_redistribution_new(from, to, twice, &r, &error));
  REFUSED(DISTARRAY_E_RANGE, "once", distarray_redistribution_new(from, to, beyond, &r, &error));
  REFUSED(DISTARRAY_E_RANGE, "rank 1",
          distarray_redistribution_new(from, to, at_fault ? negative : kept, &r, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_redistribution_new(from, at_fault ? NULL : to, NULL, &r, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_redistribution_new(from, to, NULL, at_fault ? NULL : &r, &error));
  REFUSED(DISTARRAY_E_NULL, "source", distarray_redistribution_new(NULL, to, NULL, &r, &error));
  /* Another number of axes, and other ranks. */
  CHECK(distarray_comm_from_mpi(MPI_COMM_SELF, &self) == 0);
  vector[0] = distarray_dim_whole(0);
  distarray_export_set_dtype(&one_rank, DISTARRAY_DTYPE_FLOAT, 64);
  distarray_strides_c_order(1, &length, 8, &length);
  length = 0;
  one_rank.ndim = 1;
  one_rank.shape = &length;
  one_rank.strides = &one_rank.itemsize;
  one_rank.dims = vector;
  one_rank.data = &nothing;
  one_rank.release = give_back;
  MUST(distarray_array_import(&one_rank, DISTARRAY_ACCESS_READ, &own, &error));
  MUST(distarray_distribution_gather(&self, own, &alone, &error));
  REFUSED(DISTARRAY_E_GRID, "the same ranks", distarray_redistribution_new(from, alone, NULL, &r, &error));
  distarray_distribution_free(alone);
  distarray_array_free(own);
  REFUSED(DISTARRAY_E_RANGE, "once",
          distarray_redistribution_new_across(&comm, from, to, 2, at_fault ? twice : kept, &r, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_redistribution_new_across(&comm, from, to, 2, NULL, at_fault ? NULL : &r, &error));
  CHECK(r == NULL);

  MUST(distarray_redistribution_new(from, to, NULL, &r, &error));
  MUST(distarray_redistribution_new(from, from, NULL, &same, &error));
  distarray_distribution_free(from);
  distarray_distribution_free(to);
  distarray_distribution_free(alien);

  /* Arrays. */
  REFUSED(DISTARRAY_E_NULL, "the source must be an array",
          distarray_redistribution_apply(r, bring(a, NULL), b->array, &error));
  REFUSED(DISTARRAY_E_NULL, "the target must be an array",
          distarray_redistribution_apply(r, a->array, bring(b, NULL), &error));
  REFUSED(DISTARRAY_E_SHAPE, "the target",
          distarray_redistribution_apply(r, a->array, bring(b, other), &error));
  REFUSED(DISTARRAY_E_SHAPE, "the source",
          distarray_redistribution_apply(r, bring(a, b), b->array, &error));
  REFUSED(DISTARRAY_E_ACCESS, "rank 1",
          distarray_redistribution_apply(r, a->array, bring(b, shut), &error));
  REFUSED(DISTARRAY_E_BUSY, "share memory", distarray_redistribution_apply(same, a->array, a->array, &error));
  REFUSED(DISTARRAY_E_BUSY, "rank 1",
          distarray_redistribution_apply(same, a->array, bring(twin, overlapping), &error));
  REFUSED(DISTARRAY_E_NULL, "redistribution",
          distarray_redistribution_apply(NULL, a->array, b->array, &error));

  /* Element types. */
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must",
          distarray_redistribution_apply(r, a->array, bring(b, b_float), &error));
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must",
          distarray_redistribution_apply(r, a->array, bring(b, b_int), &error));
  REFUSED(DISTARRAY_E_DTYPE, "convert", distarray_redistribution_apply(r, a_complex->array, b->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "convert", distarray_redistribution_apply(r, a->array, b_int->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "convert", distarray_redistribution_apply(r, a->array, b_record->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "different sizes",
          distarray_redistribution_apply(r, a_record->array, b_long_record->array, &error));

  /* Factors. */
  REFUSED(DISTARRAY_E_NULL, "alpha",
          distarray_redistribution_apply_scaled(r, at_fault ? NULL : two, one, 0, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_NULL, "beta",
          distarray_redistribution_apply_scaled(r, two, NULL, 0, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must",
          distarray_redistribution_apply_scaled(r, at_fault ? one : two, one, 0, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_INVARIANT, "all ranks must",
          distarray_redistribution_apply_scaled(r, two, one, at_fault, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "complex",
          distarray_redistribution_apply_scaled(r, i, one, 0, a->array, b->array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "scaled",
          distarray_redistribution_apply_scaled(r, two, one, 0, a_int->array, b_int->array, &error));
  REFUSED(DISTARRAY_E_RANGE, "itemsize", distarray_redistribution_moves(r, -8, &moved, &error));

  /* And all goes on: integers become floats, records of one size are moved. */
  MUST(distarray_redistribution_apply(r, a_int->array, b->array, &error));
  CHECK(filled(b));
  memset(b->data, 0, b->bytes);
  MUST(distarray_redistribution_apply(r, a->array, b->array, &error));
  CHECK(filled(b));
  MUST(distarray_redistribution_apply(r, a_record->array, b_record->array, &error));
  MUST(distarray_redistribution_apply(same, a->array, twin->array, &error));
  CHECK(filled(twin));
  distarray_redistribution_free(r);
  distarray_redistribution_free(same);
  distarray_redistribution_free(NULL);
}

/* Consumers that do not take every array. */
static void accommodations(void) {
  distarray_distribution *from;
  distarray_accommodation *way = NULL;
  distarray_array *handed = NULL;
  const int32_t twice[2] = {1, 1}, outside[2] = {-1, 0}, turned[2] = {1, 0};
  distarray_required_axis axes[2];
  distarray_requirements any, odd;
  distarray_dim rows[2] = {distarray_dim_block(ROWS, RANKS, rank, ROWS * rank / RANKS, ROWS * (rank + 1) / RANKS),
                           distarray_dim_whole(COLUMNS)};
  distarray_dim fewer[2] = {distarray_dim_block(6, RANKS, rank, 2 * rank, 2 * rank + 2),
                            distarray_dim_whole(COLUMNS)};
  part *a = lend(rows, f64, 0, NULL), *other = lend(fewer, f64, 0, NULL), *a_int = lend(rows, i32, 0, NULL);
  part *shut = lend(rows, f64, DISTARRAY_W_READ_ONLY, NULL);
  MUST(distarray_distribution_gather(&comm, a->array, &from, &error));
  memset(axes, 0, sizeof axes);
  memset(&any, 0, sizeof any);
  any.axes = axes;
  any.ndim = 2;
  keep();

  REFUSED(DISTARRAY_E_NULL, "distribution", distarray_accommodation_new(NULL, a->array, &any, &way, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_accommodation_new(from, bring(a, NULL), &any, &way, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_accommodation_new(from, a->array, &any, at_fault ? NULL : &way, &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 1", distarray_accommodation_new(from, bring(a, other), &any, &way, &error));
#define ODD(field, value, code, words) \
  odd = any; \
  odd.field = (value); \
  REFUSED(code, words, distarray_accommodation_new(from, a->array, at_fault ? &odd : &any, &way, &error))
  ODD(ndim, 1, DISTARRAY_E_SHAPE, "rank 1");
  ODD(ndim, -1, DISTARRAY_E_RANGE, "axes");
  ODD(axes, NULL, DISTARRAY_E_NULL, "axes");
  ODD(layouts, 32, DISTARRAY_E_RANGE, "layouts");
  ODD(grid_order, 3, DISTARRAY_E_RANGE, "grid_order");
  ODD(alignment, 24, DISTARRAY_E_RANGE, "alignment");
  ODD(device_type, 2, DISTARRAY_E_DEVICE, "device_type");
  ODD(reserved[0], 1, DISTARRAY_E_FLAG, "reserved");
  ODD(components, 3, DISTARRAY_E_RANGE, "components");
  any.layouts = DISTARRAY_LAYOUT_STRIDED;
  ODD(permutation, turned, DISTARRAY_E_RANGE, "permutation");
  ODD(components, DISTARRAY_COMPONENTS_FASTEST, DISTARRAY_E_RANGE, "components");
  any.layouts = DISTARRAY_LAYOUT_C;
  ODD(permutation, twice, DISTARRAY_E_RANGE, "permutation");
  ODD(permutation, outside, DISTARRAY_E_RANGE, "permutation");
  ODD(permutation, turned, DISTARRAY_E_INVARIANT, "all ranks must");
  axes[1].pitch = COLUMNS - 1;
  REFUSED(DISTARRAY_E_RANGE, "pitch", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[1].pitch = -1;
  REFUSED(DISTARRAY_E_RANGE, "pitch", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[1].pitch = 0;
  axes[0].least = -1;
  REFUSED(DISTARRAY_E_RANGE, "least", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[0].least = ROWS / RANKS + 1;
  axes[0].proc_grid_size = RANKS;
  REFUSED(DISTARRAY_E_UNSUPPORTED, "fewer ranks", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[0].least = axes[0].proc_grid_size = 0;
  any.room = UINT64_MAX;
  MUST(distarray_accommodation_new(from, a->array, &any, &way, &error));
  REFUSED(DISTARRAY_E_NO_MEMORY, "rank 0", distarray_accommodation_hand_over(way, a->array, &handed, &error));
  distarray_accommodation_free(way);
  way = NULL;
  any.room = any.layouts = 0;
  ODD(alignment, 64, DISTARRAY_E_INVARIANT, "all ranks must");
  axes[1].padding = 4;
  REFUSED(DISTARRAY_E_RANGE, "axis 1", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[1].padding = 0;
  axes[0].dist_types = 8;
  REFUSED(DISTARRAY_E_RANGE, "axis 0", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[0].dist_types = 0;
  axes[0].proc_grid_size = RANKS + 1;
  REFUSED(DISTARRAY_E_GRID, "proc_grid_size", distarray_accommodation_new(from, a->array, &any, &way, &error));
  axes[0].proc_grid_size = 0;
  any.bits = 32;
  REFUSED(DISTARRAY_E_DTYPE, "int32", distarray_accommodation_new(from, a->array, &any, &way, &error));
  any.bits = 0;
  axes[0].dist_types = 2;
  axes[0].block_size = 2;
  any.never_copy = 1;
  REFUSED(DISTARRAY_E_WOULD_COPY, "axis 0", distarray_accommodation_new(from, a->array, &any, &way, &error));
  any.never_copy = 0;
  CHECK(way == NULL);

  MUST(distarray_accommodation_new(from, a->array, &any, &way, &error));
  distarray_distribution_free(from);
  REFUSED(DISTARRAY_E_NULL, "accommodation", distarray_accommodation_hand_over(NULL, a->array, &handed, &error));
  REFUSED(DISTARRAY_E_NULL, "array", distarray_accommodation_hand_over(way, bring(a, NULL), &handed, &error));
  REFUSED(DISTARRAY_E_NULL, "handed",
          distarray_accommodation_hand_over(way, a->array, at_fault ? NULL : &handed, &error));
  REFUSED(DISTARRAY_E_SHAPE, "rank 1", distarray_accommodation_hand_over(way, bring(a, other), &handed, &error));
  REFUSED(DISTARRAY_E_DTYPE, "rank 1", distarray_accommodation_hand_over(way, bring(a, a_int), &handed, &error));
  CHECK(handed == NULL);
  MUST(distarray_accommodation_hand_over(way, a->array, &handed, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1",
          distarray_accommodation_take_back(way, at_fault ? NULL : handed, a->array, &error));
  REFUSED(DISTARRAY_E_SHAPE, "source", distarray_accommodation_take_back(way, bring(a, a), a->array, &error));
  REFUSED(DISTARRAY_E_ACCESS, "rank 1",
          distarray_accommodation_take_back(way, handed, bring(a, shut), &error));
  MUST(distarray_accommodation_take_back(way, handed, a->array, &error));
  distarray_array_free(handed);
  distarray_accommodation_free(way);
  distarray_accommodation_free(NULL);
}

/* Distributions from axes, and arrays in the caller's memory. */
static void deals(void) {
  static const distarray_axis nothing;
  const int64_t too_few[2] = {RANKS - 1, 1}, bounds[RANKS + 1] = {0, 2, 5, 9};
  int64_t strides[2] = {8 * COLUMNS, 8};
  distarray_axis axes[2], odd;
  distarray_distribution *d = NULL;
  distarray_array *array = NULL;
  distarray_export loan;
  double memory[(ROWS + 2) * COLUMNS];
  axes[0] = axes[1] = nothing;
  axes[0].dist_type = DISTARRAY_DIST_BLOCK;
  axes[0].size = ROWS;
  axes[1].size = COLUMNS;
  REFUSED(DISTARRAY_E_NULL, "axes", distarray_distribution_new(&comm, 2, at_fault ? NULL : axes, NULL, 0, &d, &error));
  REFUSED(DISTARRAY_E_NULL, "rank 1", distarray_distribution_new(&comm, 2, axes, NULL, 0, at_fault ? NULL : &d, &error));
  REFUSED(DISTARRAY_E_RANGE, "axes", distarray_distribution_new(&comm, -1, axes, NULL, 0, &d, &error));
  REFUSED(DISTARRAY_E_RANGE, "grid_order", distarray_distribution_new(&comm, 2, axes, NULL, at_fault * 3, &d, &error));
  REFUSED(DISTARRAY_E_GRID, "proc_grid_size", distarray_distribution_new(&comm, 2, axes, too_few, 0, &d, &error));
#define ODD_AXIS(field, value, code, words) \
  odd = axes[0]; \
  axes[0].field = (value); \
  REFUSED(code, words, distarray_distribution_new(&comm, 2, axes, NULL, 0, &d, &error)); \
  axes[0] = odd
  ODD_AXIS(dist_type, 'x', DISTARRAY_E_RANGE, "axis 0");
  ODD_AXIS(flags, 1u << 9, DISTARRAY_E_RANGE, "flags");
  ODD_AXIS(reserved[1], 1, DISTARRAY_E_FLAG, "reserved");
  ODD_AXIS(size, -1, DISTARRAY_E_RANGE, "size");
  ODD_AXIS(halo[0], -2, DISTARRAY_E_HALO, "halo");
  ODD_AXIS(block_size, 1, DISTARRAY_E_RANGE, "axis 0");
  axes[0].bounds = bounds;
  axes[0].proc_grid_size = RANKS;
  REFUSED(DISTARRAY_E_RANGE, "bounds", distarray_distribution_new(&comm, 2, axes, NULL, 0, &d, &error));
  axes[0].bounds = NULL;
  axes[0].size = at_fault ? ROWS + 1 : ROWS;
  REFUSED(DISTARRAY_E_INVARIANT, "size", distarray_distribution_new(&comm, 2, axes, NULL, 0, &d, &error));
  axes[0].size = ROWS;
  CHECK(d == NULL);
  MUST(distarray_distribution_new(&comm, 2, axes, NULL, 0, &d, &error));
  REFUSED(DISTARRAY_E_NULL, "data", distarray_distribution_wrap(d, DISTARRAY_DTYPE_FLOAT, 64, NULL, NULL, &array, &error));
  REFUSED(DISTARRAY_E_DTYPE, "dtype", distarray_distribution_wrap(d, DISTARRAY_DTYPE_OPAQUE, 0, memory, NULL, &array, &error));
  REFUSED(DISTARRAY_E_NULL, "distribution", distarray_distribution_wrap(NULL, DISTARRAY_DTYPE_FLOAT, 64, memory, NULL, &array, &error));
  strides[0] = 4;
  REFUSED(DISTARRAY_E_ALIGN, "strides", distarray_distribution_wrap(d, DISTARRAY_DTYPE_FLOAT, 64, memory, strides, &array, &error));
  CHECK(array == NULL);
  MUST(distarray_distribution_wrap(d, DISTARRAY_DTYPE_FLOAT, 64, memory, NULL, &array, &error));
  distarray_array_free(array);

  /* The same part described, and lent by hand. */
  REFUSED(DISTARRAY_E_NULL, "description", distarray_distribution_describe(d, NULL, &error));
  REFUSED(DISTARRAY_E_NULL, "distribution", distarray_distribution_describe(NULL, &loan, &error));
  MUST(distarray_distribution_describe(d, &loan, &error));
  CHECK(loan.release == NULL && loan.shape[0] == 3 - (rank == 2) && loan.shape[1] == COLUMNS);
  strides[0] = 8 * COLUMNS;
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = memory;
  loan.strides = strides;
  loan.release = give_back;
  MUST(distarray_check_collective(&comm, &loan, &error));
  distarray_distribution_free(d);
  d = NULL;
}

/* Process grids with copies, and with ranks in any order. */
static void grids(void) {
  static const distarray_axis nothing;
  static const distarray_grid plain;
  const int64_t turned[RANKS] = {2, 0, 1}, twice[RANKS] = {1, 1, 0}, too_few[1] = {RANKS - 1};
  distarray_axis axis = nothing;
  distarray_grid grid = plain;
  distarray_distribution *d = NULL;
  distarray_export part;
  int64_t last = ROWS - 1, owner;
  axis.dist_type = DISTARRAY_DIST_BLOCK;
  axis.size = ROWS;
#define ODD_GRID(field, value, code, words) \
  grid.field = (value); \
  REFUSED(code, words, distarray_distribution_new_on_grid(&comm, 1, &axis, &grid, &d, &error)); \
  grid = plain
  ODD_GRID(order, at_fault ? 3 : 0, DISTARRAY_E_RANGE, "grid_order");
  ODD_GRID(reserved[3], at_fault, DISTARRAY_E_FLAG, "reserved");
  ODD_GRID(replicas, -1, DISTARRAY_E_GRID, "copies");
  ODD_GRID(replicas, 2, DISTARRAY_E_GRID, "copies");
  ODD_GRID(extents, too_few, DISTARRAY_E_GRID, "proc_grid_size");
  ODD_GRID(ranks, twice, DISTARRAY_E_DUPLICATE, "grid_ranks");
  ODD_GRID(ranks, at_fault ? turned : NULL, DISTARRAY_E_GRID, "grid_order");
  grid.order = 2;
  ODD_GRID(ranks, turned, DISTARRAY_E_FLAG, "not both");
  CHECK(d == NULL);
  grid.ranks = turned;
  MUST(distarray_distribution_new_on_grid(&comm, 1, &axis, &grid, &d, &error));
  MUST(distarray_distribution_owner(d, 1, &last, &owner, &error));
  CHECK(owner == turned[RANKS - 1]);
  MUST(distarray_distribution_describe(d, &part, &error));
  CHECK(part.flags_read == DISTARRAY_R_GRID_MAP && turned[part.dims[0].proc_grid_rank] == rank);
  distarray_distribution_free(d);
  axis = nothing;
  axis.size = ROWS;
  grid = plain;
  grid.replicas = RANKS;
  MUST(distarray_distribution_new_on_grid(&comm, 1, &axis, &grid, &d, &error));
  MUST(distarray_distribution_describe(d, &part, &error));
  CHECK(part.flags_write == DISTARRAY_W_REPLICATED && part.shape[0] == ROWS && part.process_rank == rank);
  distarray_distribution_free(d);
}

static void free_parts(void) {
  while (n_parts-- > 0) {
    distarray_array_free(parts[n_parts].array);
    free(parts[n_parts].own);
    free(parts[n_parts].before);
  }
  n_parts = 0;
}

int main(int argc, char **argv) {
  int size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  CHECK(size == RANKS && distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) == 0);
  at_fault = rank == GUILTY;
  halos();
  free_parts();
  wide_halo();
  free_parts();
  redistributions();
  free_parts();
  accommodations();
  free_parts();
  deals();
  grids();
  if (rank == 0) printf("%d refusals, the same on all ranks\n", refusals);
  MPI_Finalize();
  return 0;
}
