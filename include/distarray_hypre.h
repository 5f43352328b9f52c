/* distarray_hypre.h - loans as HYPRE's ParVector and StructVector, and ParVectors as
 * loans.
 *
 *   distarray_hypre_create_struct_grid(comm, &u, &grid, &error);
 *   distarray_hypre_borrow_struct_vector(comm, grid, &u, &borrowed, &error);
 *   HYPRE_StructPCGSolve(solver, A, b, borrowed.vector);   in the lender's memory
 *   distarray_hypre_return_struct_vector(&borrowed);
 *
 * Header only, compiled with the program's own HYPRE (2.20 or later, for CPUs) and MPI.
 * It uses HYPRE's internal headers, which HYPRE installs: the public ones copy. HYPRE has
 * no hook by which a loan could return when its vector is destroyed, so a borrowed vector
 * is given back by the _return_ function, which destroys it.
 *
 * Borrowing is collective and needs libdistarray; what one rank finds wrong, all return,
 * and a failed call leaves the loan with the caller. HYPRE works on any vector that it is
 * given, so what was lent for reading only is refused. The lender is told that it was
 * written.
 */
#ifndef DISTARRAY_HYPRE_H
#define DISTARRAY_HYPRE_H

#include <_hypre_parcsr_mv.h>
#include <_hypre_struct_mv.h>

#include "distarray_adapter_box.h"

#if defined(HYPRE_USING_GPU)
#error "this HYPRE keeps its vectors in device memory"
#endif
#if defined(HYPRE_LONG_DOUBLE)
#error "long double is no element type that others know"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(HYPRE_COMPLEX)
#define DISTARRAY_HYPRE_DTYPE DISTARRAY_DTYPE_COMPLEX
#else
#define DISTARRAY_HYPRE_DTYPE DISTARRAY_DTYPE_FLOAT
#endif
#define DISTARRAY_HYPRE_BITS ((uint8_t)(8 * sizeof(HYPRE_Complex)))
#define DISTARRAY_HYPRE_MAX_INDEX (sizeof(HYPRE_BigInt) == 4 ? INT32_MAX : INT64_MAX)
#define DISTARRAY_HYPRE_MAX_LOCAL (sizeof(HYPRE_Int) == 4 ? INT32_MAX : INT64_MAX)

static inline int32_t distarray_hypre_open(const distarray_export *loan, uint32_t known_read,
                                           distarray_error *error) {
  return distarray_adapter_open(loan, known_read, 1, DISTARRAY_HYPRE_DTYPE, DISTARRAY_HYPRE_BITS,
                                error);
}

/* What HYPRE says of its own errors since before; its message is on standard error. */
static inline int32_t distarray_hypre_failed(HYPRE_Int before, distarray_error *error) {
  const HYPRE_Int now = HYPRE_GetError();
  if (now == before) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "hypre", before, now,
                                  "HYPRE set its error flag: HYPRE_DescribeError explains it");
}

/* --- ParVector ------------------------------------------------------------------ */

/* Lends a vector: one axis of blocks in the order of the ranks. The vector must live as
 * long as the loan: HYPRE counts no references. Local. */
static inline int32_t distarray_hypre_lend_par_vector(HYPRE_ParVector vector, uint32_t access,
                                                      distarray_export *loan,
                                                      distarray_error *error) {
  hypre_ParVector *par = (hypre_ParVector *)vector;
  distarray_adapter_keeper *keeper = NULL;
  int rank, count;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(vector, "vector", error));
  if (access != DISTARRAY_ACCESS_READ && access != DISTARRAY_ACCESS_READ_WRITE)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "access",
                                    DISTARRAY_ACCESS_READ_WRITE, access,
                                    "HYPRE cannot keep others away: ask for reading, or for reading "
                                    "and writing");
  if (hypre_ParVectorNumVectors(par) != 1)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "num_vectors", 1,
                                    hypre_ParVectorNumVectors(par),
                                    "a multivector is lent one vector at a time");
  DISTARRAY_ADAPTER_TRY(distarray_adapter_new_keeper(1, 0, 0, NULL, &keeper, error));
  MPI_Comm_rank(hypre_ParVectorComm(par), &rank);
  MPI_Comm_size(hypre_ParVectorComm(par), &count);
  keeper->dims[0] = distarray_dim_block(hypre_ParVectorGlobalSize(par), count, rank,
                                        hypre_ParVectorFirstIndex(par),
                                        (int64_t)hypre_ParVectorLastIndex(par) + 1);
  keeper->shape[0] = keeper->dims[0].stop - keeper->dims[0].start;
  keeper->strides[0] = (int64_t)sizeof(HYPRE_Complex);
  distarray_adapter_lend(keeper, 1, DISTARRAY_HYPRE_DTYPE, DISTARRAY_HYPRE_BITS,
                         hypre_VectorData(hypre_ParVectorLocalVector(par)), rank, count, loan);
  if (access == DISTARRAY_ACCESS_READ) loan->flags_write |= DISTARRAY_W_READ_ONLY;
  return distarray_adapter_ok(error);
}

/* A vector in a lender's memory. */
typedef struct distarray_hypre_par_vector {
  HYPRE_ParVector  vector;
  distarray_export loan;
} distarray_hypre_par_vector;

static inline int32_t distarray_hypre_check_rows(const distarray_export *loan,
                                                 distarray_adapter_rows *rows,
                                                 distarray_error *error) {
  memset(rows, 0, sizeof *rows);
  DISTARRAY_ADAPTER_TRY(distarray_hypre_open(
      loan, DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR, error));
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_rows(loan, DISTARRAY_HYPRE_MAX_INDEX, rows, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(
      (rows->axis.stop - rows->axis.start) * rows->width, DISTARRAY_HYPRE_MAX_LOCAL, 0, "shape",
      error));
  return distarray_adapter_check_packed(loan, 0, error);
}

/* Makes a vector of a loan's memory. The loan's first axis is cut into blocks in the
 * order of the ranks, the others are whole, the last runs fastest: an element's index in
 * the vector is its row-major one in the array. Collective. */
static inline int32_t distarray_hypre_borrow_par_vector(MPI_Comm comm, distarray_export *loan,
                                                        distarray_hypre_par_vector *borrowed,
                                                        distarray_error *error) {
  const HYPRE_Int before = HYPRE_GetError();
  distarray_comm table;
  distarray_error report;
  distarray_adapter_rows rows;
  hypre_ParVector *made;
  HYPRE_BigInt bounds[2];
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_prove(comm, loan, &table, error));
  status = distarray_hypre_check_rows(loan, &rows, &report);
  if (status == DISTARRAY_OK) status = distarray_adapter_check_pointer(borrowed, "vector", &report);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on(&table, status, &report, error));
  bounds[0] = (HYPRE_BigInt)(rows.axis.start * rows.width);
  bounds[1] = (HYPRE_BigInt)(rows.axis.stop * rows.width);
  made = hypre_ParVectorCreate(comm, (HYPRE_BigInt)rows.elements, bounds);
  hypre_VectorData(hypre_ParVectorLocalVector(made)) = (HYPRE_Complex *)loan->data;
  hypre_SeqVectorSetDataOwner(hypre_ParVectorLocalVector(made), 0);
  hypre_ParVectorInitialize(made);
  status = distarray_hypre_failed(before, &report);
  status = distarray_adapter_agree_on(&table, status, &report, error);
  if (status != DISTARRAY_OK) {
    hypre_ParVectorDestroy(made);
    return status;
  }
  borrowed->vector = (HYPRE_ParVector)made;
  distarray_export_move(&borrowed->loan, loan);
  return DISTARRAY_OK;
}

/* Destroys a borrowed vector and gives its loan back; harmless when that has happened.
 * Local. */
static inline void distarray_hypre_return_par_vector(distarray_hypre_par_vector *borrowed) {
  if (borrowed->vector != NULL) hypre_ParVectorDestroy((hypre_ParVector *)borrowed->vector);
  borrowed->vector = NULL;
  borrowed->loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&borrowed->loan);
}

/* What distarray_hypre_borrow_par_vector takes of an array of ndim axes, for
 * distarray_accommodation_new. axes is room for ndim records. */
static inline distarray_requirements distarray_hypre_par_vector_requirements(
    int32_t ndim, distarray_required_axis *axes) {
  return distarray_adapter_rows_requirements(ndim, axes, DISTARRAY_LAYOUT_C, DISTARRAY_HYPRE_DTYPE,
                                             DISTARRAY_HYPRE_BITS);
}

/* --- StructVector ----------------------------------------------------------------- */

static inline int32_t distarray_hypre_check_box(const distarray_export *loan, int column_major,
                                                const void *out, distarray_adapter_box *box,
                                                distarray_error *error) {
  int i;
  DISTARRAY_ADAPTER_TRY(distarray_hypre_open(
      loan, DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_box_of_loan(loan, column_major, DISTARRAY_HYPRE_MAX_INDEX,
                                                      box, error));
  if (box->dof != 1)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE,
                                    column_major ? 0 : loan->ndim - 1, "size", 1, box->dof,
                                    "a StructVector has one component: lend each on its own, with "
                                    "elements packed");
  if (loan->process_count != box->processes)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "process_count",
                                    box->processes, loan->process_count,
                                    "a grid has every cell once: split the communicator, and lend "
                                    "each replica on its own");
  for (i = 0; i < box->dim; i++)
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(box->axis[i].size, DISTARRAY_HYPRE_MAX_LOCAL,
                                                        box->number[i], "size", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(
      distarray_adapter_box_elements(box), DISTARRAY_HYPRE_MAX_LOCAL, -1, "shape", error));
  return distarray_adapter_check_pointer(out, "out", error);
}

static inline int32_t distarray_hypre_box_of_all(MPI_Comm comm, const distarray_export *loan,
                                                 const void *out, distarray_comm *table,
                                                 distarray_adapter_box *box,
                                                 distarray_error *error) {
  distarray_error report;
  int column_major;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_prove(comm, loan, table, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_storage_of_all(table, loan, &column_major, error));
  status = distarray_hypre_check_box(loan, column_major, out, box, &report);
  return distarray_adapter_agree_on(table, status, &report, error);
}

/* Makes the grid of a loan's cells, one box on each rank that has any; a periodic axis
 * is periodic in it. HYPRE's x is the axis that runs fastest in memory. The loan is only
 * looked at. Collective. */
static inline int32_t distarray_hypre_create_struct_grid(MPI_Comm comm, const distarray_export *loan,
                                                         HYPRE_StructGrid *grid,
                                                         distarray_error *error) {
  const HYPRE_Int before = HYPRE_GetError();
  HYPRE_Int lower[3], upper[3], periodic[3];
  distarray_comm table;
  distarray_error report;
  distarray_adapter_box box;
  HYPRE_StructGrid made;
  int32_t status;
  int i;
  DISTARRAY_ADAPTER_TRY(distarray_hypre_box_of_all(comm, loan, grid, &table, &box, error));
  HYPRE_StructGridCreate(comm, box.dim, &made);
  for (i = 0; i < box.dim; i++) {
    lower[i] = (HYPRE_Int)box.axis[i].start;
    upper[i] = (HYPRE_Int)box.axis[i].stop - 1;
    periodic[i] = box.flags[i] & DISTARRAY_DIM_PERIODIC ? (HYPRE_Int)box.axis[i].size : 0;
  }
  for (i = 0; i < box.dim && lower[i] <= upper[i]; i++) continue;
  if (i == box.dim) HYPRE_StructGridSetExtents(made, lower, upper);
  HYPRE_StructGridSetPeriodic(made, periodic);
  HYPRE_StructGridAssemble(made);
  status = distarray_hypre_failed(before, &report);
  status = distarray_adapter_agree_on(&table, status, &report, error);
  if (status != DISTARRAY_OK) {
    HYPRE_StructGridDestroy(made);
    return status;
  }
  *grid = made;
  return DISTARRAY_OK;
}

/* A vector in a lender's memory. */
typedef struct distarray_hypre_struct_vector {
  HYPRE_StructVector vector;
  distarray_export   loan;
} distarray_hypre_struct_vector;

/* Refuses a loan whose cells are not the grid's one box here, or whose halo is not the
 * same on all ranks, as HYPRE's ghosts are. Local: least and most are of all ranks. */
static inline int32_t distarray_hypre_check_grid(HYPRE_StructGrid grid,
                                                 const distarray_adapter_box *box,
                                                 const int64_t least[6], const int64_t most[6],
                                                 distarray_error *error) {
  hypre_BoxArray *boxes;
  int64_t cells = 1;
  int i, side;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(grid, "grid", error));
  boxes = hypre_StructGridBoxes(grid);
  if (hypre_StructGridNDim(grid) != box->dim)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "ndim",
                                    hypre_StructGridNDim(grid), box->dim,
                                    "the grid has other axes: distarray_hypre_create_struct_grid "
                                    "makes one that fits");
  for (i = 0; i < box->dim; i++) cells *= box->axis[i].stop - box->axis[i].start;
  if (hypre_BoxArraySize(boxes) != (cells > 0))
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "boxes", cells > 0,
                                    hypre_BoxArraySize(boxes),
                                    "a loan is one box on each rank: "
                                    "distarray_hypre_create_struct_grid makes a grid that fits");
  for (i = 0; i < box->dim; i++) {
    const distarray_adapter_axis *axis = &box->axis[i];
    for (side = 0; side < 2; side++)
      if (least[2 * i + side] != most[2 * i + side])
        return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, box->number[i], "padding",
                                        most[2 * i + side], least[2 * i + side],
                                        "HYPRE's ghosts are as wide on all ranks, around the edges "
                                        "too: widen the halo (DISTARRAY_DIM_EDGE_OUTSIDE), or leave "
                                        "it out");
    if (cells > 0) {
      const hypre_Box *mine = hypre_BoxArrayBox(boxes, 0);
      const int64_t first = hypre_BoxIMinD(mine, i), last = hypre_BoxIMaxD(mine, i);
      if (axis->start != first || axis->stop != last + 1)
        return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, box->number[i],
                                        axis->start != first ? "start" : "stop",
                                        axis->start != first ? first : last + 1,
                                        axis->start != first ? axis->start : axis->stop,
                                        "the grid has other cells here: "
                                        "distarray_hypre_create_struct_grid makes one that fits");
    }
  }
  return DISTARRAY_OK;
}

/* Makes a vector of a loan's memory, on a grid of its cells. Padding becomes HYPRE's
 * ghosts; without any the vector can be a right-hand side, but HYPRE's solvers want a
 * layer of ghosts around the solution. Those around the grid's edges become 0, because
 * HYPRE computes with them. Collective. */
static inline int32_t distarray_hypre_borrow_struct_vector(MPI_Comm comm, HYPRE_StructGrid grid,
                                                           distarray_export *loan,
                                                           distarray_hypre_struct_vector *borrowed,
                                                           distarray_error *error) {
  const HYPRE_Int before = HYPRE_GetError();
  HYPRE_Int ghosts[2 * HYPRE_MAXDIM] = {0};
  int64_t padding[12], most[6];
  distarray_comm table;
  distarray_error report;
  distarray_adapter_box box;
  HYPRE_StructVector made;
  int32_t status;
  int i;
  DISTARRAY_ADAPTER_TRY(distarray_hypre_box_of_all(comm, loan, borrowed, &table, &box, error));
  for (i = 0; i < 6; i++) {
    padding[i] = box.axis[i / 2].padding[i % 2];
    padding[i + 6] = -padding[i];
    ghosts[i] = (HYPRE_Int)padding[i];
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_least(&table, padding, 12, error));
  for (i = 0; i < 6; i++) most[i] = -padding[i + 6];
  status = distarray_hypre_check_grid(grid, &box, padding, most, &report);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on(&table, status, &report, error));
  HYPRE_StructVectorCreate(comm, grid, &made);
  HYPRE_StructVectorSetNumGhost(made, ghosts);
  hypre_StructVectorInitializeShell((hypre_StructVector *)made);
  hypre_StructVectorInitializeData((hypre_StructVector *)made, (HYPRE_Complex *)loan->data);
  HYPRE_StructVectorAssemble(made);
  status = distarray_hypre_failed(before, &report);
  status = distarray_adapter_agree_on(&table, status, &report, error);
  if (status != DISTARRAY_OK) {
    HYPRE_StructVectorDestroy(made);
    return status;
  }
  /* HYPRE's products multiply them by 0, which makes no number of a NaN. */
  hypre_StructVectorClearBoundGhostValues((hypre_StructVector *)made, 1);
  borrowed->vector = made;
  distarray_export_move(&borrowed->loan, loan);
  return DISTARRAY_OK;
}

/* Destroys a borrowed vector and gives its loan back; harmless when that has happened.
 * Local. */
static inline void distarray_hypre_return_struct_vector(distarray_hypre_struct_vector *borrowed) {
  if (borrowed->vector != NULL) HYPRE_StructVectorDestroy(borrowed->vector);
  borrowed->vector = NULL;
  borrowed->loan.consumer_flags |= DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED;
  distarray_export_release(&borrowed->loan);
}

/* What distarray_hypre_borrow_struct_vector takes of an array of ndim axes with halos this
 * wide, for distarray_accommodation_new. axes is room for ndim records. */
static inline distarray_requirements distarray_hypre_struct_vector_requirements(
    int32_t ndim, int64_t halo, distarray_required_axis *axes) {
  distarray_requirements asked = distarray_adapter_rows_requirements(
      ndim, axes, DISTARRAY_LAYOUT_C | DISTARRAY_LAYOUT_FORTRAN, DISTARRAY_HYPRE_DTYPE,
      DISTARRAY_HYPRE_BITS);
  int32_t i;
  for (i = 0; i < ndim; i++) {
    axes[i].proc_grid_size = 0;
    axes[i].padding = halo > 0 ? DISTARRAY_PADDING_HALO_AROUND : DISTARRAY_PADDING_NONE;
    axes[i].halo[0] = axes[i].halo[1] = halo;
  }
  asked.replicas = 1;
  return asked;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_HYPRE_H */
