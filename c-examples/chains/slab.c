/* One buffer through four libraries: a heat problem with a known solution, on FFTW's slab.
 * FFTW transforms it in place; PETSc and SUNDIALS then see the spectrum as one vector of
 * real numbers, which CVODE brings from the start to the end; HYPRE normalizes it, and FFTW
 * transforms it back. Any number of ranks from 1.
 *
 * u_t = diffusion * (u_xx + u_yy) on the periodic unit square: each Fourier mode decays at
 * a rate of its own.
 *
 * Expected output:
 *   FFTW      transforms 13 x 9 real numbers in its slab
 *   PETSc     finds the norm of the spectrum there, as the closed form
 *   SUNDIALS  CVODE writes the spectrum at the end there
 *   PETSc     is told, and finds the norm anew, as the closed form
 *   HYPRE     divides by 117 there
 *   FFTW      transforms back: within 1e-8 of the solution everywhere
 *   loans given back: all
 */
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cvode/cvode.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>

#include <distarray_fftw.h>
#include <distarray_hypre.h>
#include <distarray_petsc.h>
#include <distarray_sundials.h>

enum { N0 = 13, N1 = 9, HALF = N1 / 2 + 1 };

static const double diffusion = 0.01, end = 0.3;
static const MPI_Comm comm = MPI_COMM_WORLD;
static distarray_error error;
static int rank;

static void require(int right, const char *what) {
  if (right) return;
  fprintf(stderr, "rank %d: this does not hold: %s\n", rank, what);
  MPI_Abort(comm, 1);
  abort(); /* which the compiler knows to be the end */
}
#define REQUIRE(condition) require(condition, #condition)
#define MUST(call) require((call) == DISTARRAY_OK, error.message)
#define PETSC(call) REQUIRE((call) == 0)

static void say(const char *what) {
  MPI_Barrier(comm); /* all ranks came here */
  if (rank == 0) printf("%s\n", what);
}

/* --- The solution ---------------------------------------------------------- */

static double pi(void) { return acos(-1.0); }

/* The start is a sum of modes, amplitude * cos(2 pi (k0 x + k1 y) + phase), as many as the
 * grid can tell apart: k1 from 0 on, and k0 of either sign but where k1 is 0. */
enum { MOST0 = N0 / 2, MOST1 = N1 / 2 };
static double amplitude(int k0, int k1) { return 1.0 / (1 + k0 * k0 + 3 * k1 * k1); }
static double phase(int k0, int k1) { return 0.7 * k0 - 0.4 * k1; }
static double rate(int k0, int k1) { return -diffusion * 4 * pi() * pi() * (k0 * k0 + k1 * k1); }

static double solution(double time, ptrdiff_t i, ptrdiff_t j) {
  double u = 0;
  for (int k1 = 0; k1 <= MOST1; k1++)
    for (int k0 = k1 == 0 ? 0 : -MOST0; k0 <= MOST0; k0++)
      u += amplitude(k0, k1) * exp(rate(k0, k1) * time) *
           cos(2 * pi() * (k0 * (double)i / N0 + k1 * (double)j / N1) + phase(k0, k1));
  return u;
}

/* The norm of the half spectrum. A mode has two coefficients of half its amplitude each, of
 * which one is in the half spectrum, and both where k1 is 0; the mean has one. */
static double norm_at(double time) {
  double sum = 0;
  for (int k1 = 0; k1 <= MOST1; k1++)
    for (int k0 = k1 == 0 ? 0 : -MOST0; k0 <= MOST0; k0++) {
      const double weight = k1 > 0 ? 0.25 : k0 > 0 ? 0.5 : 1;
      sum += weight * pow(N0 * N1 * amplitude(k0, k1) * exp(rate(k0, k1) * time), 2);
    }
  return sqrt(sum);
}

static void check_norm(Vec vec, double time) {
  PetscReal found;
  PETSC(VecNorm(vec, NORM_2, &found));
  REQUIRE(fabs(found - norm_at(time)) < 1e-6);
}

/* --- The stations ---------------------------------------------------------- */

/* The rates of all coefficients, at the places that PETSc's indices say. */
static Vec new_rates(Vec like) {
  PetscInt first, stop;
  Vec rates;
  PETSC(VecDuplicate(like, &rates));
  PETSC(VecGetOwnershipRange(rates, &first, &stop));
  for (PetscInt g = first; g < stop; g++) {
    const int k0 = g / (2 * HALF), k1 = g / 2 % HALF; /* two real numbers each */
    PETSC(VecSetValue(rates, g, rate(k0 <= MOST0 ? k0 : k0 - N0, k1), INSERT_VALUES));
  }
  PETSC(VecAssemblyBegin(rates));
  PETSC(VecAssemblyEnd(rates));
  return rates;
}

/* SUNDIALS' vector in the memory of a PETSc vector. */
static N_Vector nvector_of(Vec vec, SUNContext context) {
  distarray_export loan;
  N_Vector vector;
  MUST(distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  const void *address = loan.data;
  MUST(distarray_sundials_borrow_nvector(comm, &loan, context, &vector, &error));
  REQUIRE(N_VGetArrayPointer(vector) == address);
  return vector;
}

static int derivative(realtype time, N_Vector u, N_Vector du, void *rates) {
  (void)time;
  N_VProd(rates, u, du);
  return 0;
}

/* CVODE's history is its own; what it returns it writes into the vector. */
static void integrate(Vec spectrum, Vec rate_vec, const void *address) {
  MPI_Comm world = comm;
  SUNContext context;
  realtype reached;
  REQUIRE(SUNContext_Create(&world, &context) == 0);
  N_Vector u = nvector_of(spectrum, context), rates = nvector_of(rate_vec, context);
  REQUIRE(N_VGetArrayPointer(u) == address);
  void *cvode = CVodeCreate(CV_ADAMS, context);
  SUNNonlinearSolver solver = SUNNonlinSol_FixedPoint(u, 0, context);
  REQUIRE(CVodeInit(cvode, derivative, 0, u) == CV_SUCCESS);
  REQUIRE(CVodeSStolerances(cvode, 1e-11, 1e-11) == CV_SUCCESS);
  REQUIRE(CVodeSetUserData(cvode, rates) == CV_SUCCESS);
  REQUIRE(CVodeSetNonlinearSolver(cvode, solver) == CV_SUCCESS);
  REQUIRE(CVodeSetMaxNumSteps(cvode, 10000) == CV_SUCCESS);
  REQUIRE(CVodeSetStopTime(cvode, end) == CV_SUCCESS);
  REQUIRE(CVode(cvode, end, u, &reached, CV_NORMAL) >= 0 && reached == end);
  CVodeFree(&cvode);
  SUNNonlinSolFree(solver);
  N_VDestroy(u); /* PETSc gets its vectors back, as written */
  N_VDestroy(rates);
  SUNContext_Free(&context);
}

static void normalize(Vec spectrum, const void *address) {
  distarray_hypre_par_vector vector;
  distarray_export loan;
  MUST(distarray_petsc_lend_vec(spectrum, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  MUST(distarray_hypre_borrow_par_vector(comm, &loan, &vector, &error));
  hypre_Vector *local = hypre_ParVectorLocalVector((hypre_ParVector *)vector.vector);
  REQUIRE(hypre_VectorData(local) == address);
  HYPRE_ParVectorScale(1.0 / (N0 * N1), vector.vector);
  distarray_hypre_return_par_vector(&vector);
}

/* The spectrum in FFTW's memory, from the transform of the start to that of the end. */
static void through_the_libraries(double *slab) {
  const ptrdiff_t half[2] = {N0, HALF};
  distarray_lease lease = DISTARRAY_LEASE_INIT;
  distarray_export loan;
  Vec spectrum, rates;
  /* ANCHOR: way */
  MUST(distarray_fftw_lend(comm, 2, half, 1, FFTW_MPI_DEFAULT_BLOCK, DISTARRAY_FFTW_PAIRS, slab,
                           &lease, &loan, &error));
  MUST(distarray_petsc_borrow_vec(comm, &loan, &spectrum, &error));
  const PetscScalar *address;
  PETSC(VecGetArrayRead(spectrum, &address));
  REQUIRE(address == slab);
  PETSC(VecRestoreArrayRead(spectrum, &address));
  check_norm(spectrum, 0);
  say("PETSc     finds the norm of the spectrum there, as the closed form");

  rates = new_rates(spectrum);
  integrate(spectrum, rates, slab);
  say("SUNDIALS  CVODE writes the spectrum at the end there");
  check_norm(spectrum, end);
  say("PETSc     is told, and finds the norm anew, as the closed form");

  normalize(spectrum, slab);
  say("HYPRE     divides by 117 there");
  PETSC(VecDestroy(&rates));
  REQUIRE(lease.live == 1);
  PETSC(VecDestroy(&spectrum));
  /* ANCHOR_END: way */
  REQUIRE(lease.live == 0 && lease.consumer_flags == DISTARRAY_C_MODIFIED);
}

int main(int argc, char **argv) {
  ptrdiff_t rows, first, i, j;
  PETSC(PetscInitialize(&argc, &argv, NULL, NULL));
  HYPRE_Init();
  fftw_mpi_init();
  MPI_Comm_rank(comm, &rank);

  /* FFTW says which rows are ours, and how much room it works in. */
  const ptrdiff_t room = fftw_mpi_local_size_2d(N0, HALF, comm, &rows, &first);
  const ptrdiff_t pitch = 2 * HALF;
  double *slab = fftw_alloc_real((size_t)(2 * room));
  fftw_complex *spectrum = (fftw_complex *)slab;
  fftw_plan there = fftw_mpi_plan_dft_r2c_2d(N0, N1, slab, spectrum, comm, FFTW_ESTIMATE);
  fftw_plan back = fftw_mpi_plan_dft_c2r_2d(N0, N1, spectrum, slab, comm, FFTW_ESTIMATE);
  for (i = 0; i < rows; i++)
    for (j = 0; j < N1; j++) slab[i * pitch + j] = solution(0, first + i, j);

  fftw_execute(there);
  say("FFTW      transforms 13 x 9 real numbers in its slab");
  through_the_libraries(slab);
  fftw_execute(back);
  for (i = 0; i < rows; i++)
    for (j = 0; j < N1; j++)
      REQUIRE(fabs(slab[i * pitch + j] - solution(end, first + i, j)) < 1e-8);
  say("FFTW      transforms back: within 1e-8 of the solution everywhere");
  say("loans given back: all");

  fftw_destroy_plan(there);
  fftw_destroy_plan(back);
  fftw_free(slab);
  fftw_mpi_cleanup();
  HYPRE_Finalize();
  PETSC(PetscFinalize());
  return 0;
}
