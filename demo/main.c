/* One plate, four codes, one memory.
 *
 * A Fortran heat code and a C code lend their arrays. PETSc solves implicit heat
 * steps in them, Rust checks the answer in them, the library writes one of them
 * to files; and the owners find the result where they keep it. Nobody copies
 * anything, which this program proves address by address, or fails.
 *
 *   mpiexec -n 4 heat <directory of the source pattern> <directory to write to>
 */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "block.h"
#include "distarray_mpi.h"
#include "files.h"
#include "heat.h"
#include "petsc_solver.h"
#include "report.h"

enum { RANKS = 4, STEPS = 8, LOANS = 6 };
static const double tolerance = 1e-10;

typedef struct demo {
  MPI_Comm mpi;
  distarray_comm comm;
  problem p;
  /* the C owner; the Fortran one is a module */
  block *block;
  /* the borrowers, and what each was lent */
  petsc_solver *solver;
  audit *audit;
  written field;
  hand_over loans[LOANS];
  /* what they found */
  double worst_residual, first_mean, mean, highest, mean_source;
} demo;

/* Says what went wrong and ends the job on all ranks. */
static void insist(int32_t status, const char *what, const char *why) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "heat: %s: status %d: %s\n", what, (int)status, why);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Cuts 203 x 149 cells unevenly over 2 x 2 processes, x fastest. */
static problem cut_plate(int rank) {
  static const int64_t cut[2][3] = {{0, 61, 149}, {0, 120, 203}}; /* y, x */
  problem p = {.size = {149, 203}, .grid = {2, 2}, .place = {rank / 2, rank % 2},
               .pattern = {5, 9}, .coupling = 6.0, .time_step = 0.5,
               .rank = rank, .count = RANKS};
  for (int axis = 0; axis < 2; axis++) {
    p.start[axis] = cut[axis][p.place[axis]];
    p.stop[axis] = cut[axis][p.place[axis] + 1];
  }
  return p;
}

/* The owners appear, each with its own memory and its own idea of its order. */
static void set_up_owners(demo *d, const char *pattern_directory) {
  distarray_error error;
  double pattern[5 * 9];
  insist(read_pattern(d->mpi, &d->comm, pattern_directory, &d->p, pattern, &error),
         "source pattern", error.message);
  heat_new(&d->p, pattern, MPI_Comm_c2f(d->mpi));
  d->block = block_new(&d->p, 20.0);
  insist(d->block == NULL ? DISTARRAY_E_NO_MEMORY : DISTARRAY_OK, "block", "no memory");
}

/* They lend to PETSc and to Rust. */
static void lend(demo *d) {
  char why[256];
  distarray_export to_petsc[PETSC_ARRAYS], to_rust[2];
  insist(heat_lend_temperature(&to_petsc[TEMPERATURE]), "lend temperature", "see heat.f90");
  insist(heat_lend_load(&to_petsc[LOAD]), "lend load", "see heat.f90");
  block_lend(d->block, &to_petsc[SOLUTION]);
  insist(heat_lend_temperature(&to_rust[0]), "lend temperature", "see heat.f90");
  insist(heat_lend_load(&to_rust[1]), "lend load", "see heat.f90");

  PetscCallAbort(d->mpi, petsc_solver_new(d->mpi, to_petsc, d->p.coupling, &d->solver));
  insist(audit_new(&d->comm, &to_rust[0], &to_rust[1], d->p.coupling, &d->audit, why,
                   sizeof why),
         "audit", why);
}

/* Implicit steps: each code does its part, in place. */
static void march(demo *d) {
  char why[256];
  double residual;
  insist(audit_run(d->audit, &residual, &d->first_mean, why, sizeof why), "audit", why);
  if (d->p.rank == 0)
    printf("\n  step   PETSc iterations   residual by Rust   mean by Rust   highest by Fortran\n");
  for (int step = 1; step <= STEPS; step++) {
    PetscInt iterations;
    heat_compute_load();
    PetscCallAbort(d->mpi, petsc_solver_step(d->solver, &iterations));
    heat_set_walls();
    insist(audit_run(d->audit, &residual, &d->mean, why, sizeof why), "audit", why);
    heat_summary(&d->highest, &d->mean_source);
    d->worst_residual = fmax(d->worst_residual, residual);
    if (d->p.rank == 0)
      printf("  %4d   %16d   %16.1e   %10.4f C   %16.4f C\n", step, (int)iterations, residual,
             d->mean, d->highest);
  }
}

/* The field goes to files straight from the C code's memory. */
static void write_field(demo *d, const char *directory) {
  distarray_error error;
  distarray_export loan;
  block_lend(d->block, &loan);
  insist(write_and_read_back(&loan, &d->comm, directory, &d->field, &error), "field",
         error.message);
}

/* Asks everyone where the elements are, while all loans are out. */
static void note_addresses(demo *d) {
  const int64_t nx = d->p.stop[1] - d->p.start[1], ny = d->p.stop[0] - d->p.start[0];
  const int64_t packed = nx * ny * (int64_t)sizeof(double);
  const int64_t haloed = (nx + 2) * (ny + 2) * (int64_t)sizeof(double);
  const void *u = heat_temperature_address(), *load = heat_load_address();
  const void *solution = block_data(d->block), *petsc[PETSC_ARRAYS], *rust[2];
  for (int i = 0; i < PETSC_ARRAYS; i++)
    PetscCallAbort(d->mpi, petsc_solver_address(d->solver, i, &petsc[i]));
  audit_addresses(d->audit, &rust[0], &rust[1]);

  const hand_over loans[LOANS] = {
      {"temperature", "Fortran", "PETSc, local vector of a DMDA", u, petsc[TEMPERATURE], haloed},
      {"load", "Fortran", "PETSc, right-hand side of CG", load, petsc[LOAD], packed},
      {"solution", "C", "PETSc, solution of CG", solution, petsc[SOLUTION], packed},
      {"temperature", "Fortran", "Rust, residual and mean", u, rust[0], haloed},
      {"load", "Fortran", "Rust, residual", load, rust[1], packed},
      {"solution", "C", "libdistarray, .dnpy writer", solution, d->field.used, packed}};
  memcpy(d->loans, loans, sizeof loans);
}

/* Prints what holds and what does not; returns how much does not. */
static int prove(demo *d) {
  double block_highest = block_max(d->block);
  int32_t made, live, u_modified;
  heat_loans(&made, &live, &u_modified);
  MPI_Allreduce(MPI_IN_PLACE, &block_highest, 1, MPI_DOUBLE, MPI_MAX, d->mpi);
  const double gained = d->mean - d->first_mean;
  const double entered = STEPS * d->p.time_step * d->mean_source;

  int failures = report_loans(d->mpi, d->loans, LOANS, STEPS);
  failures += report_claim(d->mpi, d->worst_residual < tolerance,
                           "every step is solved, by Rust's residual across the lent halos");
  failures += report_claim(d->mpi, fabs(gained - entered) < tolerance * fabs(d->mean),
                           "the heat that entered is the heat that is there");
  failures += report_claim(d->mpi, d->highest == block_highest,
                           "Fortran and C find the same highest temperature, each in its own array");
  failures += report_claim(d->mpi, d->field.identical,
                           "the field read back from .dnpy is the same bit for bit");
  failures += report_claim(d->mpi,
                           made + block_loans_made(d->block) == LOANS && live == 0 &&
                               block_loans_out(d->block) == 0,
                           "6 loans were made on each rank, and each came back once");
  failures += report_claim(d->mpi, u_modified && block_times_modified(d->block) == 1,
                           "both owners were told that their array was written");
  return failures;
}

static void print_title(const demo *d, const char *directory) {
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  Dl_info library;
  if (d->p.rank != 0) return;
  MPI_Get_library_version(mpi, &length);
  mpi[strcspn(mpi, ",\n")] = '\0';
  for (char *tab; (tab = strchr(mpi, '\t')) != NULL;) *tab = ' ';
  if (dladdr((const void *)(uintptr_t)distarray_version, &library) == 0) library.dli_fname = "?";
  printf("\nOne plate, four codes, one memory: %d x %d cells on %d ranks\n\n", (int)d->p.size[1],
         (int)d->p.size[0], d->p.count);
  printf("  MPI           %s\n", mpi);
  printf("  libdistarray  version %s, %s\n", distarray_version(), library.dli_fname);
  printf("  heat source   %s/bb2x2_<rank>.dnpy, written by DistArray for Python\n", directory);
}

int main(int argc, char **argv) {
  demo d = {.mpi = MPI_COMM_WORLD};
  int rank, count;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(d.mpi, &rank);
  MPI_Comm_size(d.mpi, &count);
  if (argc < 3 || count != RANKS) {
    fprintf(stderr, "usage: mpiexec -n %d %s <pattern directory> <output directory>\n", RANKS,
            argv[0]);
    MPI_Abort(d.mpi, 2);
  }
  d.p = cut_plate(rank);
  PetscCallAbort(d.mpi, PetscInitialize(&argc, &argv, NULL, NULL));
  insist(distarray_comm_from_mpi(d.mpi, &d.comm), "communicator", "see distarray_mpi.h");

  print_title(&d, argv[1]);
  set_up_owners(&d, argv[1]);
  report_places(d.mpi, &d.p, heat_temperature_address(), block_data(d.block));
  lend(&d);
  march(&d);
  write_field(&d, argv[2]);
  note_addresses(&d);
  PetscCallAbort(d.mpi, petsc_solver_free(&d.solver));
  audit_free(d.audit);

  int failures = prove(&d);
  heat_free();
  failures += report_claim(d.mpi, block_free(d.block) == 0, "the owners could free their memory");
  PetscCallAbort(d.mpi, PetscFinalize());
  if (rank == 0)
    printf("\n%s\n\n", failures == 0 ? "All of it holds." : "THE DEMONSTRATION FAILED.");
  MPI_Finalize();
  return failures != 0;
}
