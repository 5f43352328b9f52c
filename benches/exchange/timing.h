/* timing.h - several ways to do one thing, timed beside each other in one loop.
 *
 * A race is one case: a limit operation, which copies the same bytes once within
 * this process, and the variants. A round times every one of them once; who goes
 * first changes from round to round, so a busy machine troubles all alike. The
 * time of a round is that of the slowest rank.
 *
 * What is printed are medians over the rounds of time / time of the limit, and of
 * our time / time of a peer. A round in which another process took a core from
 * one of the two does not count, while at least MIN_ROUNDS others are left; where
 * they are not, the figure is marked with ~ and may be far off.
 *
 * After a disturbed round the ranks sleep until the cores are idle.
 *
 * In each round is also measured how long a line takes from rank 0 to rank 1 and back.
 * On a virtual machine that may change by the second, and much that moves between
 * cores with it. Ours is planned for what it is then: a round in which it is otherwise
 * counts as disturbed, for all variants.
 *
 * Environment: EXCHANGE_BUDGET seconds for each case and variant (0.3),
 * EXCHANGE_PATIENCE seconds that a case may take longer to wait for idle cores (5),
 * EXCHANGE_SMALL=1 small arrays, EXCHANGE_ONLY=text the cases with that in their
 * name ("halo 2d", "float32"), EXCHANGE_WRITTEN=1 halos whose owners write what they
 * send before each update, EXCHANGE_JSON=file appends one line for each case and variant.
 */
#ifndef TIMING_H
#define TIMING_H

#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <mpi.h>

enum { MIN_ROUNDS = 7, MAX_ROUNDS = 400, MAX_VARIANTS = 16, MAX_BATCH = 10000 };

/* A batch of calls lasts at least this long; one that is shorter than WARM runs
 * in the cache, so it is called once before its time is taken. */
#define SHORTEST_BATCH 3e-4
#define WARM 5e-3

enum kind { BY_HAND, PEER, OURS };

typedef void (*operation)(void *context);

typedef struct {
  const char *name;
  enum kind kind;
  operation run;
  void *context;
  double plan; /* seconds to prepare, < 0: prepares at every call */
  int correct;
  int batch;
  double estimate;
  double seconds[MAX_ROUNDS], disturbed[MAX_ROUNDS];
} variant;

typedef struct {
  const char *bench, *name;
  double bytes; /* all ranks */
  variant limit, variants[MAX_VARIANTS];
  double line[MAX_ROUNDS]; /* seconds of a line to another core and back */
  int near;                /* whether that was short when ours was planned; -1: at times */
  int changed[MAX_ROUNDS]; /* whether it was otherwise since */
  int count, ours, rounds;
} race;

static int rank, ranks, small, written;
static int wrong_results; /* the program's exit status */
static double budget = 0.3, patience = 5;
static const char *only;
static FILE *json;
static long *pings; /* two, on pages of their own */

enum { PING_STRIDE = 512 };

/* Within a chip a line takes 0.1 to 0.2 us there and back, between chips 0.3 to 0.6. */
#define NEAR 2.5e-7

static void start_timing(void) {
  const char *text;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if ((text = getenv("EXCHANGE_BUDGET"))) budget = atof(text);
  if ((text = getenv("EXCHANGE_PATIENCE"))) patience = atof(text);
  if ((text = getenv("EXCHANGE_SMALL"))) small = atoi(text);
  if ((text = getenv("EXCHANGE_WRITTEN"))) written = atoi(text);
  only = getenv("EXCHANGE_ONLY");
  if (rank == 0 && (text = getenv("EXCHANGE_JSON"))) json = fopen(text, "a");
  MPI_Win window;
  MPI_Aint bytes = rank == 0 ? 2 * PING_STRIDE * (MPI_Aint)sizeof *pings : 0;
  int unit;
  MPI_Win_allocate_shared(bytes, sizeof *pings, MPI_INFO_NULL, MPI_COMM_WORLD, &pings, &window);
  MPI_Win_shared_query(window, 0, &bytes, &unit, &pings);
  MPI_Barrier(MPI_COMM_WORLD);
}

/* Seconds that a line takes from rank 0 to rank 1 and back: the shortest of some trips. */
static double line_trip(void) {
  static long trip;
  double shortest = 1;
  int trips = ranks < 2 || rank > 1 ? 0 : 50;
  MPI_Barrier(MPI_COMM_WORLD);
  for (int i = 0; i < trips; i++) {
    double start = MPI_Wtime();
    trip++;
    if (rank == 0) __atomic_store_n(pings, trip, __ATOMIC_RELEASE);
    for (long spins = 1; __atomic_load_n(pings + (1 - rank) * PING_STRIDE, __ATOMIC_ACQUIRE) < trip; spins++)
      if (spins % 100000 == 0) sched_yield();
    if (rank == 1) __atomic_store_n(pings + PING_STRIDE, trip, __ATOMIC_RELEASE);
    shortest = fmin(shortest, MPI_Wtime() - start);
  }
  MPI_Bcast(&shortest, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  return shortest;
}

/* Whether so long a trip is one between cores that are near each other. */
static int near(double trip) { return trip < NEAR; }

static int wanted(const char *bench, const char *name) {
  char full[256];
  snprintf(full, sizeof full, "%s %s", bench, name);
  return only == NULL || strstr(full, only) != NULL;
}

static void *memory(size_t bytes) {
  void *block = NULL;
  if (posix_memalign(&block, 4096, bytes ? bytes : 64)) {
    fprintf(stderr, "out of memory: %zu bytes\n", bytes);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  return memset(block, 0, bytes);
}

static double greatest(double value) {
  MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return value;
}

static double sum_over_ranks(double value) {
  MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  return value;
}

static int everywhere(int mine) {
  MPI_Allreduce(MPI_IN_PLACE, &mine, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return mine;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int count) {
  qsort(values, count, sizeof *values, ascending);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Seconds of one call, from a batch without barriers between the calls. */
static double time_batch(const variant *v, int calls, double *disturbed) {
  struct rusage before, after;
  if (v->estimate < WARM) v->run(v->context);
  MPI_Barrier(MPI_COMM_WORLD);
  getrusage(RUSAGE_SELF, &before);
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  for (int i = 0; i < calls; i++) v->run(v->context);
  double seconds = (MPI_Wtime() - start) / calls;
  getrusage(RUSAGE_SELF, &after);
  *disturbed = (double)(after.ru_nivcsw - before.ru_nivcsw);
  return seconds;
}

static void choose_batch(variant *v) {
  double disturbed;
  v->estimate = 0;
  double once = greatest(time_batch(v, 1, &disturbed));
  if (once < WARM) once = fmin(once, greatest(time_batch(v, 1, &disturbed)));
  if (once < SHORTEST_BATCH) once = fmin(once, greatest(time_batch(v, 8, &disturbed)));
  v->estimate = once;
  v->batch = (int)fmin(MAX_BATCH, ceil(SHORTEST_BATCH / fmax(once, 1e-9)));
}

static int is_clean(const race *r, const variant *v, const variant *other, int round) {
  return !r->changed[round] && v->disturbed[round] == 0 && (other == NULL || other->disturbed[round] == 0);
}

static int clean_rounds(const race *r, const variant *v, const variant *other) {
  int clean = 0;
  for (int i = 0; i < r->rounds; i++) clean += is_clean(r, v, other, i);
  return clean;
}

/* Median over the undisturbed rounds of v, or of v over other. */
static double typical(const race *r, const variant *v, const variant *other) {
  double values[MAX_ROUNDS];
  int count = 0, enough = clean_rounds(r, v, other) >= MIN_ROUNDS;
  for (int i = 0; i < r->rounds; i++)
    if (!enough || is_clean(r, v, other, i))
      values[count++] = other ? v->seconds[i] / other->seconds[i] : v->seconds[i];
  return median(values, count);
}

/* Median seconds of a line to another core and back. */
static double line_of(const race *r) {
  double values[MAX_ROUNDS];
  memcpy(values, r->line, r->rounds * sizeof *values);
  return median(values, r->rounds);
}

static double shortest(const race *r, const variant *v) {
  double least = v->seconds[0];
  for (int i = 1; i < r->rounds; i++) least = fmin(least, v->seconds[i]);
  return least;
}

static void race_start(race *r, const char *bench, const char *name, double bytes, operation limit,
                       void *context) {
  memset(r, 0, sizeof *r);
  r->bench = bench;
  r->name = name;
  r->bytes = bytes;
  r->limit.name = "limit";
  r->limit.run = limit;
  r->limit.context = context;
  r->limit.correct = 1;
}

/* Adds a variant; correct says that this rank found the right elements in a first run. */
static void race_add(race *r, const char *name, enum kind kind, operation run, void *context,
                     double plan, int correct) {
  variant *v = &r->variants[r->count++];
  v->name = name;
  v->kind = kind;
  v->run = run;
  v->context = context;
  v->plan = plan < 0 ? plan : greatest(plan);
  v->correct = everywhere(correct);
  wrong_results |= !v->correct;
  if (kind != OURS) return;
  int is_near = near(line_trip());
  r->near = r->ours++ == 0 || r->near == is_near ? is_near : -1;
}

static variant *racer(race *r, int i) { return i ? &r->variants[i - 1] : &r->limit; }

/* Time of all processors since the start, in ticks, and the idle part of it. */
static void processor_ticks(double *all, double *idle) {
  double ticks[8] = {0};
  FILE *stat = fopen("/proc/stat", "r");
  *all = *idle = 0;
  if (stat == NULL) return;
  if (fscanf(stat, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &ticks[0], &ticks[1], &ticks[2], &ticks[3],
             &ticks[4], &ticks[5], &ticks[6], &ticks[7]) != 8)
    ticks[3] = 0;
  fclose(stat);
  for (int i = 0; i < 8; i++) *all += ticks[i];
  *idle = ticks[3] + ticks[4];
}

/* Sleeps until the processors idle, or until the time is over. */
static void wait_for_quiet(double until) {
  int quiet;
  do {
    double before, idle_before, after, idle_after;
    processor_ticks(&before, &idle_before);
    usleep(100000);
    processor_ticks(&after, &idle_after);
    quiet = idle_after - idle_before >= 0.9 * (after - before) || MPI_Wtime() > until;
    MPI_Bcast(&quiet, 1, MPI_INT, 0, MPI_COMM_WORLD);
  } while (!quiet);
}

/* Clean rounds of the variant that has the fewest; this rank's view. */
static int fewest_clean_rounds(race *r) {
  int fewest = r->rounds;
  for (int i = 0; i <= r->count; i++) {
    int clean = clean_rounds(r, racer(r, i), &r->limit);
    if (clean < fewest) fewest = clean;
  }
  return fewest;
}

static void race_run(race *r) {
  int racers = r->count + 1, go = 1, disturbed = 0;
  double start = MPI_Wtime(), waited = 0;
  if (patience > 0) wait_for_quiet(start + patience);
  waited = MPI_Wtime() - start;
  for (int i = 0; i < racers; i++) choose_batch(racer(r, i));
  double line = line_trip();
  while (go) {
    if (disturbed) {
      double now = MPI_Wtime();
      wait_for_quiet(now + patience - waited);
      waited += MPI_Wtime() - now;
    }
    disturbed = 0;
    for (int turn = 0; turn < racers; turn++) {
      variant *v = racer(r, (turn + r->rounds) % racers);
      v->seconds[r->rounds] = time_batch(v, v->batch, &v->disturbed[r->rounds]);
      disturbed |= v->disturbed[r->rounds] > 0;
    }
    double before = line;
    line = r->line[r->rounds] = line_trip();
    r->changed[r->rounds] = near(before) != r->near || near(line) != r->near;
    r->rounds++;
    double spent = MPI_Wtime() - start - waited;
    int unclear = fewest_clean_rounds(r) < MIN_ROUNDS;
    int state[2] = {r->rounds < MAX_ROUNDS && (r->rounds < MIN_ROUNDS || spent < budget * racers ||
                                               (unclear && spent < 3 * budget * racers + patience)),
                    disturbed && waited < patience};
    MPI_Allreduce(MPI_IN_PLACE, state, 2, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    go = state[0], disturbed = state[1];
  }
  for (int i = 0; i < racers; i++) {
    variant *v = racer(r, i);
    MPI_Allreduce(MPI_IN_PLACE, v->seconds, r->rounds, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    MPI_Allreduce(MPI_IN_PLACE, v->disturbed, r->rounds, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  }
}

/* --- What is printed ------------------------------------------------------ */

static void print_seconds(double s) {
  if (s < 1e-3) printf("%8.2f us", s * 1e6);
  else printf("%8.2f ms", s * 1e3);
}

static void print_cell(const race *r, const variant *v) {
  if (v == NULL) printf(" %9s ", "-");
  else if (!v->correct) printf(" %9s ", "WRONG");
  else {
    double ratio = typical(r, v, &r->limit);
    printf(ratio < 99.95 ? " %9.2f" : " %9.0f", ratio);
    printf(clean_rounds(r, v, &r->limit) < MIN_ROUNDS ? "~" : " ");
  }
}

static const variant *named(const race *r, const char *name) {
  for (int i = 0; i < r->count; i++)
    if (strcmp(r->variants[i].name, name) == 0) return &r->variants[i];
  return NULL;
}

static void print_heading(const char *title, const char *const *columns) {
  if (rank != 0) return;
  printf("\n%s\n%-46s %8s %11s", title, "time / time of the limit", "line", "limit");
  for (; *columns; columns++) printf(" %9s ", *columns);
  printf("\n");
}

static const variant *fastest_by_hand(const race *r, const char *but) {
  const variant *fastest = NULL;
  for (int i = 0; i < r->count; i++) {
    const variant *v = &r->variants[i];
    if (v->kind == BY_HAND && v->correct && strcmp(v->name, but) != 0 &&
        (!fastest || typical(r, v, &r->limit) < typical(r, fastest, &r->limit)))
      fastest = v;
  }
  return fastest;
}

/* Ours against each of the others, the fastest hand-written ones first. */
static void print_ours(const race *r, const variant *ours) {
  const variant *any = fastest_by_hand(r, ""), *messages = fastest_by_hand(r, "shm");
  printf("    %s:", ours->name);
  if (any) printf(" %.2f x the fastest by hand (%s),", typical(r, ours, any), any->name);
  if (messages && messages != any)
    printf(" %.2f x the fastest by messages (%s),", typical(r, ours, messages), messages->name);
  for (int i = 0; i < r->count; i++) {
    const variant *v = &r->variants[i];
    if (v->kind != OURS && v->correct) printf("  %.2f x %s", typical(r, ours, v), v->name);
  }
  printf("\n");
}

static void write_json(const race *r, const variant *v) {
  static const char *const kinds[] = {"by hand", "peer", "ours"};
  fprintf(json, "{\"bench\":\"%s\",\"case\":\"%s\",\"variant\":\"%s\",\"kind\":\"%s\",\"ranks\":%d,",
          r->bench, r->name, v->name, kinds[v->kind], ranks);
  fprintf(json, "\"correct\":%s,\"bytes\":%.0f,\"seconds\":%.4e,\"limit_seconds\":%.4e,\"ratio\":%.4g,",
          v->correct ? "true" : "false", r->bytes, typical(r, v, NULL), typical(r, &r->limit, NULL),
          typical(r, v, &r->limit));
  fprintf(json, "\"shortest\":%.4e,\"shortest_limit\":%.4e,", shortest(r, v), shortest(r, &r->limit));
  if (v->plan >= 0) fprintf(json, "\"plan_seconds\":%.4e,", v->plan);
  if (v->kind == OURS) {
    const char *comma = "";
    fprintf(json, "\"over\":{");
    for (int i = 0; i < r->count; i++) {
      if (r->variants[i].kind == OURS) continue;
      fprintf(json, "%s\"%s\":%.4g", comma, r->variants[i].name, typical(r, v, &r->variants[i]));
      comma = ",";
    }
    fprintf(json, "},");
  }
  fprintf(json, "\"line_seconds\":%.3e,", line_of(r));
  fprintf(json, "\"rounds\":%d,\"clean\":%d,\"batch\":%d}\n", r->rounds,
          clean_rounds(r, v, &r->limit), v->batch);
}

static void race_print(const race *r, const char *const *columns) {
  if (rank != 0) return;
  printf("%-46s %5.0f ns ", r->name, line_of(r) * 1e9);
  print_seconds(typical(r, &r->limit, NULL));
  for (; *columns; columns++) print_cell(r, named(r, *columns));
  printf("\n");
  for (int i = 0; i < r->count; i++) {
    const variant *v = &r->variants[i];
    if (v->kind == OURS && v->correct) print_ours(r, v);
    if (json) write_json(r, v);
  }
  if (json) fflush(json);
  fflush(stdout);
}

#endif /* TIMING_H */
