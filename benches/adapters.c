/* adapters.c - what an adapter costs beside the calls of the library that it makes.
 *
 *   lend    a loan and its release, beside the library's own get and restore
 *   borrow  an object of a loan and its end, beside one of the same bare memory;
 *           of this the collective check is a part, shown by itself
 *
 * `cargo bench --bench adapters` compiles and runs it; medians of 501 interleaved
 * windows, of the slowest rank.
 */
#include <stdio.h>

#include "common/clock.h"

#include <distarray_hypre.h>
#include <distarray_petsc_dmda.h>
#include <distarray_sundials.h>

enum { REPETITIONS = 501, CALLS = 20, N = 64, KINDS = 9 };

static int rank, size;
static double elements[N];
static int64_t shape[1] = {N}, strides[1] = {sizeof(double)};
static distarray_dim dims[1];
static distarray_error error;
static distarray_comm table;
static Vec vec;
static SUNContext context;

static void keep(distarray_export *loan) { loan->release = NULL; }

static distarray_export lend(void) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
  loan.data = elements;
  loan.ndim = 1;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.release = keep;
  return loan;
}

static void must(int32_t status) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static void once(int kind) {
  distarray_export loan = lend();
  PetscScalar *array;
  Vec made = NULL;
  N_Vector vector = NULL;
  distarray_hypre_par_vector borrowed;
  HYPRE_BigInt bounds[2] = {(HYPRE_BigInt)dims[0].start, (HYPRE_BigInt)dims[0].stop};
  switch (kind) {
    case 0:
      PetscCallAbort(PETSC_COMM_WORLD, VecGetArray(vec, &array));
      PetscCallAbort(PETSC_COMM_WORLD, VecRestoreArray(vec, &array));
      break;
    case 1:
      must(distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
      distarray_export_release(&loan);
      break;
    case 2: must(distarray_check_collective(&table, &loan, &error)); break;
    case 3:
      PetscCallAbort(PETSC_COMM_WORLD, distarray_petsc_wrap(PETSC_COMM_WORLD, 1, N, N * size,
                                                            elements, &made));
      PetscCallAbort(PETSC_COMM_WORLD, VecDestroy(&made));
      break;
    case 4:
      must(distarray_petsc_borrow_vec(PETSC_COMM_WORLD, &loan, &made, &error));
      PetscCallAbort(PETSC_COMM_WORLD, VecDestroy(&made));
      break;
    case 5:
      N_VDestroy(N_VMake_Parallel(MPI_COMM_WORLD, N, N * size, elements, context));
      break;
    case 6:
      must(distarray_sundials_borrow_nvector(MPI_COMM_WORLD, &loan, context, &vector, &error));
      N_VDestroy(vector);
      break;
    case 7: {
      hypre_ParVector *par = hypre_ParVectorCreate(MPI_COMM_WORLD, N * size, bounds);
      hypre_VectorData(hypre_ParVectorLocalVector(par)) = elements;
      hypre_SeqVectorSetDataOwner(hypre_ParVectorLocalVector(par), 0);
      hypre_ParVectorInitialize(par);
      hypre_ParVectorDestroy(par);
      break;
    }
    default:
      must(distarray_hypre_borrow_par_vector(MPI_COMM_WORLD, &loan, &borrowed, &error));
      distarray_hypre_return_par_vector(&borrowed);
  }
}

int main(int argc, char **argv) {
  static double times[KINDS][REPETITIONS], medians[KINDS];
  PetscCallAbort(PETSC_COMM_WORLD, PetscInitialize(&argc, &argv, NULL, NULL));
  HYPRE_Init();
  MPI_Comm world = MPI_COMM_WORLD;
  SUNContext_Create(&world, &context);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  dims[0] = distarray_dim_block(N * size, size, rank, N * rank, N * rank + N);
  must(distarray_comm_from_mpi(MPI_COMM_WORLD, &table));
  PetscCallAbort(PETSC_COMM_WORLD, VecCreateMPI(PETSC_COMM_WORLD, N, N * size, &vec));
  for (int i = 0; i < REPETITIONS; i++)
    for (int kind = 0; kind < KINDS; kind++) {
      const double begin = now();
      for (int call = 0; call < CALLS; call++) once(kind);
      times[kind][i] = (now() - begin) / CALLS;
    }
  for (int kind = 0; kind < KINDS; kind++) medians[kind] = median(times[kind], REPETITIONS);
  MPI_Allreduce(MPI_IN_PLACE, medians, KINDS, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  if (rank == 0) {
    const double *t = medians;
    printf("  %d rank%s  lend a Vec                %7.0f ns, get and restore   %7.0f ns\n", size,
           size == 1 ? " " : "s", t[1], t[0]);
    printf("           the collective check      %7.0f ns\n", t[2]);
    printf("           borrow a PETSc Vec        %7.0f ns, of bare memory    %7.0f ns\n", t[4], t[3]);
    printf("           borrow a SUNDIALS vector  %7.0f ns, of bare memory    %7.0f ns\n", t[6], t[5]);
    printf("           borrow a HYPRE ParVector  %7.0f ns, of bare memory    %7.0f ns\n", t[8], t[7]);
  }
  PetscCallAbort(PETSC_COMM_WORLD, VecDestroy(&vec));
  SUNContext_Free(&context);
  HYPRE_Finalize();
  PetscCallAbort(PETSC_COMM_WORLD, PetscFinalize());
  return 0;
}
