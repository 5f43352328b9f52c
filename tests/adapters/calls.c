/* How often ranks meet where a loan is borrowed: once more than where the library makes
 * the same object of bare memory, and for SUNDIALS not even that. Two ranks or more;
 * the argument is a file name.
 *
 * The program's own definitions of MPI's collective calls count those of all libraries;
 * on a communicator of one rank nobody waits. They come before PETSc makes macros of
 * their names. */
#include <mpi.h>

static int meetings;

static void meet(MPI_Comm comm) {
  int size;
  PMPI_Comm_size(comm, &size);
  meetings += size > 1;
}
#define COUNTED(name, parameters, arguments) \
  int name parameters {                      \
    meet(c);                                 \
    return P##name arguments;                \
  }
COUNTED(MPI_Barrier, (MPI_Comm c), (c))
COUNTED(MPI_Bcast, (void *s, int n, MPI_Datatype t, int root, MPI_Comm c), (s, n, t, root, c))
COUNTED(MPI_Reduce,
        (const void *s, void *r, int n, MPI_Datatype t, MPI_Op op, int root, MPI_Comm c),
        (s, r, n, t, op, root, c))
COUNTED(MPI_Allreduce, (const void *s, void *r, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c),
        (s, r, n, t, op, c))
COUNTED(MPI_Scan, (const void *s, void *r, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c),
        (s, r, n, t, op, c))
COUNTED(MPI_Exscan, (const void *s, void *r, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c),
        (s, r, n, t, op, c))
COUNTED(MPI_Allgather,
        (const void *s, int n, MPI_Datatype t, void *r, int m, MPI_Datatype u, MPI_Comm c),
        (s, n, t, r, m, u, c))
COUNTED(MPI_Allgatherv,
        (const void *s, int n, MPI_Datatype t, void *r, const int *m, const int *d, MPI_Datatype u,
         MPI_Comm c),
        (s, n, t, r, m, d, u, c))
COUNTED(MPI_Alltoall,
        (const void *s, int n, MPI_Datatype t, void *r, int m, MPI_Datatype u, MPI_Comm c),
        (s, n, t, r, m, u, c))
COUNTED(MPI_Comm_dup, (MPI_Comm c, MPI_Comm *d), (c, d))
COUNTED(MPI_Comm_split, (MPI_Comm c, int color, int key, MPI_Comm *d), (c, color, key, d))

#include <distarray_fftw.h>
#include <distarray_hdf5.h>
#include <distarray_hypre.h>
#include <distarray_petsc_dmda.h>
#include <distarray_scalapack.h>
#include <distarray_sundials.h>

#include "block.h"
#include "../common/check.h"

#define TRY(call) PetscCallAbort(PETSC_COMM_WORLD, call)

void Cblacs_gridexit(int context);

enum { N = 8 };

static double memory[4 * N * N];
static int64_t shape[2] = {N, N}, strides[2];
static distarray_dim dims[2];

static void keep(distarray_export *loan) { loan->release = NULL; }

/* N rows, packed, of N columns if there are two axes. */
static distarray_export lend(int32_t ndim, int column_major, uint8_t code, uint8_t bits) {
  distarray_export loan = loan_of(memory, ndim, shape, strides, dims, keep);
  dims[0] = distarray_dim_block(N * size, size, rank, N * rank, N * rank + N);
  dims[1] = distarray_dim_whole(N);
  if (column_major)
    distarray_strides_fortran_order(ndim, shape, bits / 8, strides);
  else
    distarray_strides_c_order(ndim, shape, bits / 8, strides);
  distarray_export_set_dtype(&loan, code, bits);
  loan.alloc_base = memory;
  loan.alloc_bytes = sizeof memory;
  loan.flags_info = DISTARRAY_I_SLACK;
  return loan;
}

static int count(void) {
  const int counted = meetings;
  meetings = 0;
  return counted;
}

/* Compares what came between with what the library alone asks. */
static void costs(int more, int own, int found, const char *what) {
  if (found == own + more) return;
  fprintf(stderr, "%s: ranks meet %d times, %d of them for the library's own\n", what, found, own);
  MPI_Abort(comm, 1);
}

static void petsc(void) {
  int64_t indices[N];
  int own;
  distarray_export loan = lend(1, 0, DISTARRAY_DTYPE_FLOAT, 64);
  Vec vec;
  Mat mat;
  DM grid;
  count();
  TRY(VecCreateMPIWithArray(comm, 1, N, N * size, memory, &vec));
  own = count();
  TRY(VecDestroy(&vec));
  count();
  must(distarray_petsc_borrow_vec(comm, &loan, &vec, &error));
  costs(1, own, count(), "Vec");
  TRY(VecDestroy(&vec));

  loan = lend(1, 0, DISTARRAY_DTYPE_FLOAT, 64);
  for (int i = 0; i < N; i++) indices[i] = N * rank + i;
  dims[0] = distarray_dim_unstructured(N * size, size, rank, indices, N, N, 1);
  count();
  TRY(VecCreateGhostWithArray(comm, N, N * size, 0, NULL, memory, &vec));
  own = count();
  TRY(VecDestroy(&vec));
  count();
  must(distarray_petsc_borrow_ghost(comm, &loan, &vec, &error));
  costs(2, own, count(), "VecGhost"); /* and where each rank's elements begin */
  TRY(VecDestroy(&vec));

  TRY(MatCreateDense(comm, N, N, N * size, N * size, NULL, &mat)); /* at its first, PETSc asks more */
  TRY(MatDestroy(&mat));
  loan = lend(2, 1, DISTARRAY_DTYPE_FLOAT, 64);
  count();
  TRY(MatCreateDense(comm, N, PETSC_DECIDE, N * size, N, memory, &mat));
  own = count();
  TRY(MatDestroy(&mat));
  count();
  must(distarray_petsc_borrow_dense(comm, &loan, &mat, &error));
  costs(1, own, count(), "MatDense");
  TRY(MatDestroy(&mat));

  loan = lend(2, 0, DISTARRAY_DTYPE_FLOAT, 64);
  count();
  TRY(DMDACreate2d(comm, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_BOX, N, N * size, 1, size,
                   1, 1, NULL, NULL, &grid));
  TRY(DMSetUp(grid));
  own = count();
  TRY(DMDestroy(&grid));
  count();
  must(distarray_petsc_create_dmda(comm, &loan, DMDA_STENCIL_BOX, 1, &grid, &error));
  costs(2, own, count(), "DMDA"); /* and the cells of all ranks, which DMDA wants on each */
  TRY(VecCreateMPIWithArray(comm, 1, N * N, N * N * size, memory, &vec));
  own = count();
  TRY(VecDestroy(&vec));
  count();
  must(distarray_petsc_borrow_dmda_global(comm, grid, &loan, &vec, &error));
  costs(1, own, count(), "global vector");
  TRY(VecDestroy(&vec));
  TRY(DMDestroy(&grid));
}

static void sundials(void) {
  distarray_export loan = lend(2, 0, DISTARRAY_DTYPE_FLOAT, 64);
  MPI_Comm world = comm;
  SUNContext context;
  N_Vector vector;
  SUNContext_Create(&world, &context);
  count();
  vector = N_VMake_Parallel(comm, N * N, N * N * size, memory, context);
  const int own = count();
  N_VDestroy(vector);
  must(distarray_sundials_borrow_nvector(comm, &loan, context, &vector, &error));
  costs(0, own, count(), "N_Vector"); /* its own sum of the lengths is proved already */
  N_VDestroy(vector);
  SUNContext_Free(&context);
}

static void hypre(void) {
  distarray_export loan = lend(2, 0, DISTARRAY_DTYPE_FLOAT, 64);
  distarray_hypre_par_vector rows;
  distarray_hypre_struct_vector cells;
  HYPRE_Int lower[2] = {0, N * rank}, upper[2] = {N - 1, N * rank + N - 1};
  HYPRE_StructGrid grid;
  count();
  must(distarray_hypre_borrow_par_vector(comm, &loan, &rows, &error));
  costs(1, 0, count(), "ParVector");
  distarray_hypre_return_par_vector(&rows);

  count();
  HYPRE_StructGridCreate(comm, 2, &grid);
  HYPRE_StructGridSetExtents(grid, lower, upper);
  HYPRE_StructGridAssemble(grid);
  const int own = count();
  HYPRE_StructGridDestroy(grid);
  loan = lend(2, 0, DISTARRAY_DTYPE_FLOAT, 64);
  count();
  must(distarray_hypre_create_struct_grid(comm, &loan, &grid, &error));
  costs(2, own, count(), "StructGrid"); /* and whether HYPRE failed on a rank */
  must(distarray_hypre_borrow_struct_vector(comm, grid, &loan, &cells, &error));
  costs(1, 0, count(), "StructVector");
  distarray_hypre_return_struct_vector(&cells);
  HYPRE_StructGridDestroy(grid);
}

static void scalapack(void) {
  distarray_export loan = lend(2, 1, DISTARRAY_DTYPE_FLOAT, 64), again;
  int context, desc[9];
  void *local;
  char trans;
  must(distarray_scalapack_grid(comm, &loan, &context, &error));
  count();
  must(distarray_scalapack_borrow(comm, &loan, context, DISTARRAY_ACCESS_READ_WRITE,
                                  DISTARRAY_DTYPE_FLOAT, 64, desc, &local, &trans, &error));
  costs(1, 0, count(), "descriptor");
  must(distarray_scalapack_lend(comm, desc, local, DISTARRAY_DTYPE_FLOAT, 64, NULL, &again, &error));
  costs(1, 0, count(), "a lent matrix");
  distarray_export_release(&again);
  Cblacs_gridexit(context);
}

static void fftw(void) {
  distarray_export loan = lend(2, 0, DISTARRAY_DTYPE_COMPLEX, 128);
  distarray_fftw_slab slab;
  fftw_mpi_init();
  count();
  must(distarray_fftw_borrow(comm, &loan, DISTARRAY_FFTW_COMPLEX, &slab, &error));
  costs(2, 0, count(), "slab"); /* what room a rank needs follows from the others' blocks */
  fftw_mpi_cleanup();
}

static void hdf5(const char *name) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  distarray_export loan = lend(2, 0, DISTARRAY_DTYPE_FLOAT, 64);
  hid_t file, dataset;
  H5Pset_fapl_mpio(access, comm, MPI_INFO_NULL);
  file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  count();
  must(distarray_hdf5_create(comm, file, "u", &loan, &dataset, &error));
  costs(2, 0, count(), "dataset"); /* and whether HDF5 failed on a rank */
  H5Dclose(dataset);
  H5Fclose(file);
  H5Pclose(access);
}

/* --- The call by which they do ------------------------------------------------- */

static void look(void *context, const distarray_export *loan, uint64_t *counts) {
  ++*(int *)context;
  counts[0] = (uint64_t)loan->process_rank + 1;
  counts[7] += 1;
}

static void the_check_itself(void) {
  distarray_export loan = lend(1, 0, DISTARRAY_DTYPE_FLOAT, 64);
  uint64_t counts[8] = {7, 7, 7, 7, 7, 7, 7, 7};
  const int last = rank == size - 1;
  int looked = 0;
  refused_with(distarray_check_collective_with(&table, &loan, look, &looked, last ? NULL : &counts, &error),
          DISTARRAY_E_NULL, "counts", "NULL");
  refused_with(distarray_check_collective_with(&table, &loan, last ? NULL : look, &looked, &counts, &error),
          DISTARRAY_E_NULL, "look", "NULL");
  if (last) loan.process_rank = 0;
  looked = 0;
  refused_with(distarray_check_collective_with(&table, &loan, look, &looked, &counts, &error),
          DISTARRAY_E_GRID, error.field, "");
  check(looked == !last && counts[0] == 7 && counts[7] == 7);
  loan.process_rank = rank;
  count();
  must(distarray_check_collective_with(&table, &loan, look, &looked, &counts, &error));
  costs(1, 0, count(), "the check");
  check(counts[0] == (uint64_t)(size * (size + 1) / 2) && counts[1] == 0 &&
        counts[7] == (uint64_t)size);
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  TRY(PetscInitialize(&argc, &argv, NULL, NULL));
  HYPRE_Init();
  insist(argc > 1 && size > 1, "its arguments");
  the_check_itself();
  petsc();
  sundials();
  hypre();
  scalapack();
  fftw();
  hdf5(argv[1]);
  HYPRE_Finalize();
  TRY(PetscFinalize());
  return finish("calls");
}
