/* One plate, four codes, one memory.
 *
 * A Fortran heat code and a C code lend their arrays. PETSc solves an implicit
 * heat step in them, Rust checks the answer in them, the library writes one of
 * them to a file set; and the owners find the result where it belongs. Nobody
 * copies anything, which this program proves address by address, or fails.
 *
 *   mpiexec -n 4 heat <directory of the .dnpy source pattern> <directory to write to>
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit.h"
#include "block.h"
#include "files.h"
#include "heat.h"
#include "petsc_solver.h"
#include "report.h"

enum { STEPS = 8 };
static const double tolerance = 1e-10;

/* Says what went wrong and ends the job on all ranks. */
static void insist(int32_t status, const char *what, const distarray_error *error) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "heat: %s: status %d: %s\n", what, (int)status,
          error != NULL ? error->message : "");
  MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Cuts 203 x 149 cells unevenly over 2 x 2 processes, x fastest. */
static problem cut_plate(int rank, int count) {
  static const int64_t cut[2][3] = {{0, 61, 149}, {0, 120, 203}}; /* y, x */
  problem p = {.size = {149, 203}, .grid = {2, 2}, .place = {rank / 2, rank % 2},
               .pattern = {5, 9}, .coupling = 6.0, .time_step = 0.5,
               .rank = rank, .count = count};
  for (int axis = 0; axis < 2; axis++) {
    p.start[axis] = cut[axis][p.place[axis]];
    p.stop[axis] = cut[axis][p.place[axis] + 1];
  }
  return p;
}

/* Which file this program's libdistarray is; the same for every MPI. */
static const char *library_file(void) {
  Dl_info where;
  return dladdr((const void *)(uintptr_t)distarray_version, &where) ? where.dli_fname : "?";
}

static void print_title(const problem *p, const char *directory) {
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  MPI_Get_library_version(mpi, &length);
  mpi[strcspn(mpi, ",\n")] = '\0';
  printf("\nOne plate, four codes, one memory: %d x %d cells on %d ranks\n\n", (int)p->size[1],
         (int)p->size[0], p->count);
  printf("  MPI           %s\n", mpi);
  printf("  libdistarray  %s, version %s\n", library_file(), distarray_version());
  printf("  heat source   %s/bb2x2_<rank>.dnpy, written by DistArray for Python\n", directory);
}

int main(int argc, char **argv) {
  int rank, count;
  MPI_Init(&argc, &argv);
  MPI_Comm mpi = MPI_COMM_WORLD;
  MPI_Comm_rank(mpi, &rank);
  MPI_Comm_size(mpi, &count);
  if (argc < 3 || count != 4) {
    if (rank == 0) fprintf(stderr, "usage: mpiexec -n 4 %s <pattern directory> <output directory>\n", argv[0]);
    MPI_Abort(mpi, 2);
  }
  PetscCallAbort(mpi, PetscInitialize(&argc, &argv, NULL, NULL));
  distarray_error error = {0};
  distarray_comm comm;
  insist(distarray_comm_from_mpi(mpi, &comm), "communicator", NULL);

  /* The owners, each with its own memory. */
  const problem p = cut_plate(rank, count);
  double pattern[5 * 9];
  insist(read_pattern(mpi, &comm, argv[1], &p, pattern, &error), "source pattern", &error);
  heat_new(&p, pattern, MPI_Comm_c2f(mpi));
  block *block = block_new(&p, 20.0);
  insist(block == NULL ? DISTARRAY_E_NO_MEMORY : DISTARRAY_OK, "block", NULL);
  if (rank == 0) print_title(&p, argv[1]);
  report_places(mpi, &p, heat_temperature_address(), block_data(block));

  /* They lend; one check over all ranks proves that the pieces fit together. */
  distarray_export petsc_loan[PETSC_ARRAYS], audit_loan[2], file_loan;
  insist(heat_lend_temperature(&petsc_loan[TEMPERATURE]), "lend temperature", NULL);
  insist(heat_lend_load(&petsc_loan[LOAD]), "lend load", NULL);
  block_lend(block, &petsc_loan[SOLUTION]);
  for (int i = 0; i < PETSC_ARRAYS; i++)
    insist(distarray_check_collective(&comm, &petsc_loan[i], &error), "collective check", &error);
  insist(heat_lend_temperature(&audit_loan[0]), "lend temperature", NULL);
  insist(heat_lend_load(&audit_loan[1]), "lend load", NULL);

  /* The borrowers take over. */
  petsc_solver *solver;
  audit *audit;
  PetscCallAbort(mpi, petsc_solver_new(mpi, petsc_loan, p.coupling, &solver));
  insist(audit_new(&comm, &audit_loan[0], &audit_loan[1], p.coupling, &audit, &error), "audit",
         &error);

  /* Implicit steps. Each code does its part, in place. */
  double residual, worst = 0, mean, first_mean, highest, mean_source;
  insist(audit_run(audit, &residual, &first_mean, &error), "audit", &error);
  if (rank == 0) printf("\n  step  CG iterations  residual (Rust)  mean (Rust)  highest (Fortran)\n");
  for (int step = 1; step <= STEPS; step++) {
    PetscInt iterations;
    heat_compute_load();
    PetscCallAbort(mpi, petsc_solver_step(solver, &iterations));
    heat_set_walls();
    insist(audit_run(audit, &residual, &mean, &error), "audit", &error);
    heat_summary(&highest, &mean_source);
    worst = fmax(worst, residual);
    if (rank == 0)
      printf("  %4d  %13d  %15.2e  %8.4f C  %14.4f C\n", step, (int)iterations, residual, mean,
             highest);
  }

  /* The field goes to disk straight from the C code's block. */
  written field;
  block_lend(block, &file_loan);
  insist(write_and_read_back(&file_loan, argv[2], rank, &field, &error), "field file", &error);

  const int64_t cells = (p.stop[0] - p.start[0]) * (p.stop[1] - p.start[1]);
  const int64_t haloed = (p.stop[0] - p.start[0] + 2) * (p.stop[1] - p.start[1] + 2);
  const int64_t size = sizeof(double);
  hand_over loans[] = {
      {"temperature", "Fortran", "PETSc: local vector of a DMDA", 0, 0, haloed * size},
      {"load", "Fortran", "PETSc: right-hand side of the CG", 0, 0, cells * size},
      {"solution", "C", "PETSc: solution of the CG", 0, 0, cells * size},
      {"temperature", "Fortran", "Rust: residual and mean", 0, 0, haloed * size},
      {"load", "Fortran", "Rust: residual", 0, 0, cells * size},
      {"solution", "C", "libdistarray: .dnpy writer", block_data(block), field.used, cells * size},
  };
  enum { LOANS = sizeof loans / sizeof loans[0] };
  const void *owner[PETSC_ARRAYS] = {heat_temperature_address(), heat_load_address(),
                                     block_data(block)};
  for (int i = 0; i < PETSC_ARRAYS; i++) {
    loans[i].lent = owner[i];
    PetscCallAbort(mpi, petsc_solver_address(solver, i, &loans[i].used));
  }
  loans[3].lent = owner[TEMPERATURE];
  loans[4].lent = owner[LOAD];
  audit_addresses(audit, &loans[3].used, &loans[4].used);

  /* The borrowers give back; the owners find the result in their own arrays. */
  PetscCallAbort(mpi, petsc_solver_free(&solver));
  audit_free(audit);
  double block_highest = block_max(block);
  int32_t made, live, u_modified;
  heat_loans(&made, &live, &u_modified);
  MPI_Allreduce(MPI_IN_PLACE, &block_highest, 1, MPI_DOUBLE, MPI_MAX, mpi);

  int failures = report_loans(mpi, loans, LOANS);
  if (rank == 0) printf("\n");
  failures += report_claim(mpi, worst < tolerance, "every step is solved, by Rust's own residual from the lent halos");
  failures += report_claim(mpi, fabs(mean - first_mean - STEPS * p.time_step * mean_source) < tolerance * fabs(mean), "the heat that entered is the heat that is there");
  failures += report_claim(mpi, highest == block_highest, "Fortran and C each find the same highest temperature in their own array");
  failures += report_claim(mpi, field.identical, "the field read back from .dnpy is the same bit for bit");
  failures += report_claim(mpi, made == 4 && live == 0 && block_loans_made(block) == 2 && block_loans_out(block) == 0, "6 loans were made on each rank and every one was given back once");
  failures += report_claim(mpi, u_modified && block_times_modified(block) == 1, "both owners were told that their array had been written");

  heat_free();
  failures += report_claim(mpi, block_free(block) == 0, "the owners could free their memory");
  distarray_comm_free(&comm);
  PetscCallAbort(mpi, PetscFinalize());
  if (rank == 0) printf("\n%s\n\n", failures == 0 ? "demonstration: all of it holds" : "DEMONSTRATION FAILED");
  MPI_Finalize();
  return failures != 0;
}
