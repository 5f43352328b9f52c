/* redistribute.c - our redistribution beside three hand-written ones and those of
 * ScaLAPACK, PETSc, FFTW and COSTA.
 *
 * The cases are listed in redistribute_cases.h. Every variant's target is checked
 * before it is timed; a wrong one ends the program with status 1.
 */
#include "ours_redistribute.h"
#include "peers_redistribute.h"

static const char *const columns[] = {"pack", "types", "shm",
#ifdef HAVE_SCALAPACK
                                      "scalapack",
#endif
#ifdef HAVE_PETSC
                                      "petsc",
#endif
#ifdef HAVE_FFTW
                                      "fftw",
#endif
#ifdef HAVE_COSTA
                                      "costa",
#endif
                                      "ours_msg",
                                      "ours_shm",
                                      NULL};

/* The limit: memcpy of as many bytes as this rank has on both sides. */
typedef struct {
  char *to, *from;
  size_t bytes;
} copy;

static void redistribute_limit(void *context) {
  copy *c = context;
  memcpy(c->to, c->from, c->bytes);
  __asm__ volatile("" ::: "memory");
}

static void run_case(const redistribution_case *c) {
  static race race;
  long from = elements_at(&c->from, rank), to = elements_at(&c->to, rank);
  copy limit = {NULL, NULL, (size_t)(from < to ? from : to) * c->type};
  limit.to = memory(limit.bytes);
  limit.from = memory(limit.bytes);
  memset(limit.from, 1, limit.bytes); /* not the kernel's page of zeros */
  redistribution *r = redistribution_new(c);
  race_start(&race, "redistribute", c->name, sum_over_ranks((double)to * c->type), redistribute_limit, &limit);
  race_by_hand(&race, r);
#ifdef HAVE_SCALAPACK
  scalapack blacs;
  int has_scalapack = race_scalapack(&race, &blacs, r);
#endif
#ifdef HAVE_PETSC
  petsc scatter;
  int has_petsc = race_petsc(&race, &scatter, r);
#endif
#ifdef HAVE_FFTW
  fftw transposition;
  int has_fftw = race_fftw(&race, &transposition, r);
#endif
#ifdef HAVE_COSTA
  void *costa = NULL;
  int has_costa = race_costa(&race, &costa, r);
#endif
  ours_redistribution messages;
  race_ours(&race, "ours_msg", &messages, r, 0);
  ours_redistribution shared;
  race_ours(&race, "ours_shm", &shared, r, 1);
  race_run(&race);
  race_print(&race, columns);
  ours_redistribution_free(&shared);
  ours_redistribution_free(&messages);
#ifdef HAVE_COSTA
  if (has_costa) costa_free(costa);
#endif
#ifdef HAVE_FFTW
  if (has_fftw) fftw_free_all(&transposition);
#endif
#ifdef HAVE_PETSC
  if (has_petsc) petsc_free(&scatter);
#endif
#ifdef HAVE_SCALAPACK
  if (has_scalapack) scalapack_free(&blacs);
#endif
  redistribution_free(r);
  free(limit.from);
  free(limit.to);
}

int main(int argc, char **argv) {
  redistribution_case cases[MAX_CASES];
  char title[96];
#ifdef HAVE_PETSC
  PetscInitialize(&argc, &argv, NULL, NULL); /* and MPI */
#else
  MPI_Init(&argc, &argv);
#endif
#ifdef HAVE_FFTW
  fftw_mpi_init();
#endif
  start_timing();
  snprintf(title, sizeof title, "redistribution, %d ranks", ranks);
  print_heading(title, columns);
  int n = make_cases(cases);
  for (int i = 0; i < n; i++)
    if (wanted("redistribute", cases[i].name)) run_case(&cases[i]);
  if (json) fclose(json);
#ifdef HAVE_PETSC
  PetscFinalize();
#else
  MPI_Finalize();
#endif
  return wrong_results;
}
