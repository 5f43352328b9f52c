/* distarray_scalapack.h - ScaLAPACK's distributed matrices as loans, and loans as them.
 *
 *   #include <distarray_scalapack.h>
 *
 *   void   Cblacs_gridexit(int context);
 *   double pdlange_(const char *norm, const int *m, const int *n, const double *a, const int *ia,
 *                   const int *ja, const int *desc, double *work);
 *
 *   static void keep(distarray_export *loan) { loan->release = NULL; }
 *
 *   int main(int argc, char **argv) {
 *     double a[6 * 4]; // 4 rows of each rank, in columns
 *     int64_t shape[2] = {4, 6}, strides[2];
 *     int rank, size, context, desc[9], one = 1, rows, columns = 6;
 *     distarray_dim dims[2];
 *     distarray_export loan = DISTARRAY_EXPORT_INIT;
 *     distarray_error error;
 *     void *local;
 *     MPI_Init(&argc, &argv);
 *     MPI_Comm_rank(MPI_COMM_WORLD, &rank);
 *     MPI_Comm_size(MPI_COMM_WORLD, &size);
 *     for (int i = 0; i < 24; i++) a[i] = rank;
 *     dims[0] = distarray_dim_block(4 * size, size, rank, 4 * rank, 4 * rank + 4);
 *     dims[1] = distarray_dim_whole(6);
 *     distarray_strides_fortran_order(2, shape, sizeof(double), strides);
 *     distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
 *     loan.data = a;
 *     loan.ndim = 2;
 *     loan.shape = shape;
 *     loan.strides = strides;
 *     loan.dims = dims;
 *     loan.process_rank = rank;
 *     loan.process_count = size;
 *     loan.release = keep;
 *     if (distarray_scalapack_grid(MPI_COMM_WORLD, &loan, &context, &error) ||
 *         distarray_scalapack_borrow(MPI_COMM_WORLD, &loan, context, DISTARRAY_ACCESS_READ,
 *                                    DISTARRAY_DTYPE_FLOAT, 64, desc, &local, NULL, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(MPI_COMM_WORLD, 1);
 *     }
 *     rows = desc[2];
 *     printf("%g\n", pdlange_("M", &rows, &columns, (double *)local, &one, &one, desc, NULL));
 *     distarray_export_release(&loan); // after the last use of desc
 *     Cblacs_gridexit(context);
 *     MPI_Finalize();
 *     return 0;
 *   }
 *
 * Header only, compiled with the program's own MPI, for ScaLAPACK's 32-bit integers. No
 * element is copied: what ScaLAPACK cannot take as it lies is refused, and the report
 * says why and what to do. ELPA takes the same descriptors, with square blocks, from
 * process 0.
 *
 * All functions are collective over comm, whose ranks are those of the process grid:
 * what one rank finds wrong, all ranks return, and nothing is changed. Lending needs no
 * library; borrowing needs libdistarray, which first proves that the loans of all ranks
 * are one array. The element type is one of DISTARRAY_DTYPE_* and its bits: FLOAT 64 for
 * pd..., FLOAT 32 for ps..., COMPLEX 128 for pz..., COMPLEX 64 for pc....
 *
 * A descriptor has no owner, so a loan stays with its borrower, who keeps it while the
 * descriptor is used, sets DISTARRAY_C_MODIFIED in its consumer_flags after a routine
 * that writes, and releases it.
 */
#ifndef DISTARRAY_SCALAPACK_H
#define DISTARRAY_SCALAPACK_H

#include <limits.h>

#include "distarray_adapter_mpi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* BLACS has no header of its own. */
int  Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridmap(int *context, int *ranks, int ld, int rows, int columns);
void Cblacs_gridinfo(int context, int *rows, int *columns, int *row, int *column);

#define DISTARRAY_SCALAPACK_READS (DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR)

/* --- What the functions below share ---------------------------------------- */

/* The elements before global index end that a process holds: ScaLAPACK's NUMROC, whose
 * turn is the number of processes after the one that has the first block. */
static inline int64_t distarray_scalapack_held(int64_t end, int64_t block, int64_t turn,
                                               int64_t processes) {
  const int64_t blocks = end / block, rest = end % block;
  int64_t held = blocks / processes * block;
  if (turn < blocks % processes) held += block;
  if (turn == blocks % processes) held += rest;
  return held;
}

/* One axis of a matrix: where ScaLAPACK finds it. */
typedef struct distarray_scalapack_axis {
  int64_t size, block, source; /* M, MB, RSRC or N, NB, CSRC        */
  int64_t processes, place;
  int64_t before, held;        /* local elements skipped, then held */
} distarray_scalapack_axis;

/* Reads what is owned of a block axis: the padding at the edges of the array may be, too. */
static inline int32_t distarray_scalapack_owned(const distarray_export *loan, int32_t number,
                                                distarray_adapter_axis *axis, int64_t *before,
                                                distarray_error *error) {
  int64_t held, stop;
  *before = 0;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(loan, number, axis, error));
  if (loan->dims[number].dist_type != DISTARRAY_DIST_BLOCK) return DISTARRAY_OK;
  DISTARRAY_ADAPTER_TRY(distarray_dim_owned(&loan->dims[number], &held, before, &stop, error));
  axis->start = loan->dims[number].start + *before;
  axis->stop = loan->dims[number].start + stop;
  return DISTARRAY_OK;
}

/* Refuses a block that is no one of equal ones, the last ones shorter or empty. As blocks
 * are proved to follow each other, each rank can tell by where its own begins. Local. */
static inline int32_t distarray_scalapack_check_equal(const distarray_adapter_axis *axis,
                                                      int32_t number, distarray_error *error) {
  const char *way_out = "ScaLAPACK takes equal blocks alone: distarray_accommodation_new with a "
                        "block_size makes a copy that has them";
  const int64_t held = axis->stop - axis->start,
                block = axis->place > 0 ? axis->start / axis->place : held;
  if (held == 0) return DISTARRAY_OK;
  if (axis->start != axis->place * block)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "start",
                                    axis->place * held, axis->start, way_out);
  if (held > block || (held < block && axis->stop < axis->size))
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "stop",
                                    axis->start + block, axis->stop, way_out);
  return DISTARRAY_OK;
}

/* Reads an axis; where it is cut into blocks, first becomes the length of the first if
 * this is it. Only all ranks together know the length of all: block is then left 0. */
static inline int32_t distarray_scalapack_read_axis(const distarray_export *loan, int32_t number,
                                                    distarray_scalapack_axis *out, uint64_t *first,
                                                    distarray_error *error) {
  const distarray_dim *dim = &loan->dims[number];
  distarray_adapter_axis axis;
  memset(out, 0, sizeof *out);
  *first = 0;
  if (dim->dist_type == DISTARRAY_DIST_CYCLIC) {
    if (dim->first_block != 0 && dim->first_block != dim->block_size)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "first_block",
                                      dim->block_size, dim->first_block,
                                      "a descriptor begins with a whole block: lend the whole "
                                      "matrix and name the part by IA and JA");
    out->size = dim->size;
    out->block = dim->block_size != 0 ? dim->block_size : 1;
    out->processes = dim->proc_grid_size;
    out->place = dim->proc_grid_rank;
    out->source = (out->place - dim->start / out->block + out->processes) % out->processes;
    out->held = loan->shape[number];
    return distarray_adapter_check_index(out->block, INT_MAX, number, "block_size", error);
  }
  DISTARRAY_ADAPTER_TRY(distarray_scalapack_owned(loan, number, &axis, &out->before, error));
  out->size = axis.size;
  out->processes = axis.processes;
  out->place = axis.place;
  out->held = axis.stop - axis.start;
  if (axis.place == 0) *first = (uint64_t)out->held;
  return distarray_scalapack_check_equal(&axis, number, error);
}

/* Whether the elements of axis fast follow each other, and its lines do not overlap. */
static inline int distarray_scalapack_runs_fastest(const distarray_export *loan, int fast) {
  const int64_t *shape = loan->shape, *strides = loan->strides;
  const int slow = 1 - fast;
  if (loan->ndim != 2) return 1; /* refused for that */
  if (shape[0] == 0 || shape[1] == 0) return 1;
  if (shape[fast] > 1 && strides[fast] != loan->itemsize) return 0;
  return shape[slow] == 1 || (strides[slow] % loan->itemsize == 0 &&
                              strides[slow] / loan->itemsize >= shape[fast]);
}

/* A loan in one of two orders: the axes in ScaLAPACK's. */
typedef struct distarray_scalapack_matrix {
  distarray_scalapack_axis axes[2];
  int64_t                  lld;
} distarray_scalapack_matrix;

/* What is asked of a loan. */
typedef struct distarray_scalapack_request {
  int                        writing;
  uint8_t                    dtype_code, dtype_bits;
  int                        is_grid;     /* a context is asked for, not a descriptor */
  int                       *ranks;       /* room for those of the new grid           */
  int                       *context;     /* the descriptor's, or to be made          */
  int                       *desc;
  void                     **local;
  char                      *trans;       /* NULL refuses the transposed matrix       */
  distarray_scalapack_matrix matrices[2]; /* the loan's own ('N') and transposed ('T') */
} distarray_scalapack_request;

/* Refuses a context of another grid than the loan's. Local. */
static inline int32_t distarray_scalapack_check_context(int context,
                                                        const distarray_scalapack_axis axes[2],
                                                        int order, distarray_error *error) {
  const char *way_out = "the context is another grid: make one of this loan by "
                        "distarray_scalapack_grid, or copy with distarray_accommodation_new";
  int grid[2] = {0, 0}, place[2] = {0, 0}, axis;
  Cblacs_gridinfo(context, &grid[0], &grid[1], &place[0], &place[1]);
  for (axis = 0; axis < 2; axis++) {
    const int32_t number = order == 0 ? axis : 1 - axis;
    if (grid[axis] != axes[axis].processes)
      return distarray_adapter_refuse(error, DISTARRAY_E_GRID, number, "proc_grid_size", grid[axis],
                                      axes[axis].processes, way_out);
    if (place[axis] != axes[axis].place)
      return distarray_adapter_refuse(error, DISTARRAY_E_GRID, number, "proc_grid_rank",
                                      place[axis], axes[axis].place, way_out);
  }
  return DISTARRAY_OK;
}

/* Refuses what is missing of the caller's own. Local. */
static inline int32_t distarray_scalapack_check_caller(const distarray_scalapack_request *self,
                                                       const distarray_export *loan, int order,
                                                       distarray_error *error) {
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->context, "context", error));
  if (self->is_grid) {
    if (self->ranks != NULL) return DISTARRAY_OK;
    return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "context", 1, 0,
                                    "no memory for the ranks of the grid");
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->desc, "desc", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->local, "local", error));
  if (order == 1 && self->trans == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "strides", loan->itemsize,
                                    loan->strides[0],
                                    "the rows are contiguous, so that ScaLAPACK sees the "
                                    "transposed matrix: pass trans, or copy with "
                                    "DISTARRAY_LAYOUT_FORTRAN_LINES");
  return distarray_scalapack_check_context(*self->context, self->matrices[order].axes, order, error);
}

/* Reads a loan as a matrix whose columns are contiguous or, with order 1, as the
 * transposed one of a matrix whose rows are; facts are the lengths of first blocks. */
static inline int32_t distarray_scalapack_accept(void *context, const distarray_export *loan,
                                                 int order, uint64_t facts[4],
                                                 distarray_error *error) {
  distarray_scalapack_request *self = (distarray_scalapack_request *)context;
  distarray_scalapack_matrix *matrix = &self->matrices[order];
  const uint8_t code = self->is_grid ? loan->dtype_code : self->dtype_code,
                bits = self->is_grid ? loan->dtype_bits : self->dtype_bits;
  int64_t lines;
  int axis;
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_open(loan, DISTARRAY_SCALAPACK_READS, self->writing, code, bits, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_ndim(loan, 2, error));
  if (!distarray_scalapack_runs_fastest(loan, order))
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, order, "strides",
                                    loan->itemsize, loan->strides[order],
                                    "ScaLAPACK takes lines of elements without gaps: "
                                    "distarray_accommodation_new with DISTARRAY_LAYOUT_FORTRAN_"
                                    "LINES makes a copy that has them");
  for (axis = 0; axis < 2; axis++) {
    const int32_t number = order == 0 ? axis : 1 - axis;
    DISTARRAY_ADAPTER_TRY(distarray_scalapack_read_axis(loan, number, &matrix->axes[axis],
                                                        &facts[number], error));
    DISTARRAY_ADAPTER_TRY(
        distarray_adapter_check_index(matrix->axes[axis].size, INT_MAX, number, "size", error));
  }
  lines = matrix->axes[1].held;
  matrix->lld = matrix->axes[0].held > 0 ? matrix->axes[0].held : 1;
  if (matrix->axes[0].held > 0 && lines > 1)
    matrix->lld = loan->strides[order == 0 ? 1 : 0] / loan->itemsize;
  /* Also the offsets of local elements are 32-bit integers. */
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(
      lines > 0 ? distarray_adapter_product(matrix->lld, lines) : matrix->lld, INT_MAX, -1, "shape",
      error));
  if (matrix->axes[0].processes * matrix->axes[1].processes != loan->process_count)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "process_count",
                                    matrix->axes[0].processes * matrix->axes[1].processes,
                                    loan->process_count,
                                    "ScaLAPACK knows no replicas: distarray_accommodation_new "
                                    "with replicas 1 makes a copy without");
  if (self->is_grid && self->ranks == NULL)
    self->ranks = (int *)calloc((size_t)loan->process_count, sizeof *self->ranks);
  return distarray_scalapack_check_caller(self, loan, order, error);
}

/* Opens a loan as a matrix on all ranks; order is that in which they all read it.
 * Collective. */
static inline int32_t distarray_scalapack_open(MPI_Comm mpi, const distarray_export *loan,
                                               distarray_scalapack_request *self, int *order,
                                               distarray_error *error) {
  distarray_adapter_terms terms;
  distarray_comm comm;
  int axis;
  terms.accept = distarray_scalapack_accept;
  terms.lies = distarray_scalapack_runs_fastest;
  terms.context = self;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_take(mpi, loan, &terms, &comm, error));
  *order = terms.order;
  for (axis = 0; axis < 2; axis++) {
    distarray_scalapack_axis *at = &self->matrices[terms.order].axes[axis];
    const int64_t first = (int64_t)terms.facts[terms.order == 0 ? axis : 1 - axis] /
                          self->matrices[terms.order].axes[1 - axis].processes;
    if (at->block == 0) at->block = first > 0 ? first : 1;
  }
  return DISTARRAY_OK;
}

/* The rank at a place of the loan's grid. */
static inline int64_t distarray_scalapack_rank_at(const distarray_export *loan, int64_t row,
                                                  int64_t column) {
  const int64_t rows = loan->dims[0].proc_grid_size, columns = loan->dims[1].proc_grid_size;
  const int64_t position = row * (columns > 0 ? columns : 1) + column;
  if (loan->flags_read & DISTARRAY_R_GRID_MAP) return loan->grid_ranks[position];
  if (loan->flags_read & DISTARRAY_R_GRID_COLMAJOR) return row + column * (rows > 0 ? rows : 1);
  return position;
}

/* --- Lending --------------------------------------------------------------- */

/* Learns which rank is at each position of the grid, row by row. Collective. */
static inline int32_t distarray_scalapack_map(const distarray_comm *comm, int64_t position,
                                              int64_t *ranks, distarray_error *error) {
  int64_t rank, *positions = (int64_t *)calloc((size_t)comm->size, sizeof *positions);
  int32_t code;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on_memory(comm, positions, error));
  code = comm->allgather(comm->context, &position, sizeof position, positions);
  for (rank = 0; code == 0 && rank < comm->size; rank++) ranks[positions[rank]] = rank;
  free(positions);
  return distarray_adapter_check_messages(code, error);
}

/* Refuses elements that no routine of ScaLAPACK's, nor of its redistribution, knows. */
static inline int32_t distarray_scalapack_check_type(uint8_t code, uint8_t bits,
                                                     distarray_error *error) {
  const int known = (code == DISTARRAY_DTYPE_INT && bits == 8 * sizeof(int)) ||
                    (code == DISTARRAY_DTYPE_FLOAT && (bits == 32 || bits == 64)) ||
                    (code == DISTARRAY_DTYPE_COMPLEX && (bits == 64 || bits == 128));
  if (known) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_DTYPE, -1,
                                  code > DISTARRAY_DTYPE_COMPLEX ? "dtype_code" : "dtype_bits",
                                  DISTARRAY_DTYPE_FLOAT, code > DISTARRAY_DTYPE_COMPLEX ? code : bits,
                                  "ScaLAPACK has integers of 32 bits, float, double, and complex "
                                  "numbers of both");
}

/* Lends the part of a matrix that ScaLAPACK's routines call A(IA:IA+M-1, JA:JA+N-1),
 * counted from 1. local is this process's panel; lease may be NULL. The panel must live
 * until the loan is released. The processes of the grid may be ordered in any way. */
static inline int32_t distarray_scalapack_lend_part(MPI_Comm mpi, int m, int n, void *local,
                                                    int ia, int ja, const int desc[9],
                                                    uint8_t dtype_code, uint8_t dtype_bits,
                                                    distarray_lease *lease,
                                                    distarray_export *loan,
                                                    distarray_error *error) {
  const int part[2] = {m, n}, first[2] = {ia - 1, ja - 1};
  int grid[2] = {0, 0}, place[2] = {0, 0}, axis;
  int64_t begins[2] = {0, 0}, in_order[2], count, position;
  uint32_t order = 0;
  int32_t status;
  distarray_comm comm;
  distarray_error report;
  distarray_adapter_keeper *keeper = NULL;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_table(mpi, &comm, error));
  status = distarray_scalapack_check_type(dtype_code, dtype_bits, &report);
  Cblacs_gridinfo(desc[1], &grid[0], &grid[1], &place[0], &place[1]);
  count = (int64_t)grid[0] * grid[1];
  if (status == DISTARRAY_OK && (place[0] < 0 || place[1] < 0 || count != comm.size))
    status = distarray_adapter_refuse(&report, DISTARRAY_E_GRID, -1, "process_count", comm.size,
                                      place[0] < 0 ? 0 : count,
                                      "not every process of the communicator is on the grid: pass "
                                      "one of the grid's processes alone (MPI_Comm_split)");
  else if (status == DISTARRAY_OK && desc[0] != 1)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_UNSUPPORTED, -1, "dtype_", 1, desc[0],
                                      "only descriptors of dense matrices describe a matrix of "
                                      "blocks: type 1");
  for (axis = 0; axis < 2 && status == DISTARRAY_OK; axis++)
    if (desc[4 + axis] < 1 || desc[6 + axis] < 0 || desc[6 + axis] >= grid[axis] ||
        part[axis] < 0 || first[axis] < 0 || part[axis] > desc[2 + axis] - first[axis])
      status = distarray_adapter_refuse(&report, DISTARRAY_E_RANGE, axis, "desc", desc[2 + axis],
                                        (int64_t)first[axis] + part[axis],
                                        "no part of the matrix, or no descriptor of one");
  if (status == DISTARRAY_OK)
    status = distarray_adapter_new_keeper(2, count, 0, lease, &keeper, &report);
  for (axis = 0; axis < 2 && status == DISTARRAY_OK; axis++) {
    const int64_t block = desc[4 + axis],
                  turn = (place[axis] - desc[6 + axis] + grid[axis]) % grid[axis];
    const int64_t missing = first[axis] % block;
    const int64_t source = (desc[6 + axis] + first[axis] / block) % grid[axis];
    distarray_dim *dim = &keeper->dims[axis];
    begins[axis] = distarray_scalapack_held(first[axis], block, turn, grid[axis]);
    keeper->shape[axis] =
        distarray_scalapack_held((int64_t)first[axis] + part[axis], block, turn, grid[axis]) -
        begins[axis];
    *dim = distarray_dim_cyclic(part[axis], grid[axis], place[axis], block, source);
    if (missing != 0) {
      dim->first_block = block - missing;
      if (dim->start > 0) dim->start -= missing;
    }
  }
  if (status == DISTARRAY_OK && desc[8] < begins[0] + keeper->shape[0])
    status =
        distarray_adapter_refuse(&report, DISTARRAY_E_SHAPE, 0, "lld", begins[0] + keeper->shape[0],
                                 desc[8], "the leading dimension is less than the local rows");
  if (status == DISTARRAY_OK && local == NULL && keeper->shape[0] > 0 && keeper->shape[1] > 0)
    status = distarray_adapter_check_pointer(local, "local", &report);
  /* Are the ranks numbered row by row, or column by column? */
  position = (int64_t)place[0] * grid[1] + place[1];
  in_order[0] = position == comm.rank;
  in_order[1] = (int64_t)place[0] + (int64_t)place[1] * grid[0] == comm.rank;
  status = distarray_adapter_agree_least(&comm, status, in_order, 2, &report);
  if (status != DISTARRAY_OK && error != NULL) *error = report;
  if (status == DISTARRAY_OK && !in_order[0])
    order = in_order[1] ? DISTARRAY_R_GRID_COLMAJOR : DISTARRAY_R_GRID_MAP;
  if (order == DISTARRAY_R_GRID_MAP)
    status = distarray_scalapack_map(&comm, position, keeper->ranks, error);
  if (status != DISTARRAY_OK) {
    distarray_adapter_free_keeper(keeper);
    return status;
  }
  keeper->strides[0] = dtype_bits / 8;
  keeper->strides[1] = (int64_t)desc[8] * keeper->strides[0];
  distarray_adapter_lend(keeper, 2, dtype_code, dtype_bits,
                         local == NULL ? NULL
                                       : (char *)local + begins[0] * keeper->strides[0] +
                                             begins[1] * keeper->strides[1],
                         comm.rank, comm.size, loan);
  loan->flags_read |= order;
  if (order == DISTARRAY_R_GRID_MAP) loan->grid_ranks = keeper->ranks;
  return distarray_adapter_ok(error);
}

/* Lends a whole matrix. */
static inline int32_t distarray_scalapack_lend(MPI_Comm comm, const int desc[9], void *local,
                                               uint8_t dtype_code, uint8_t dtype_bits,
                                               distarray_lease *lease, distarray_export *loan,
                                               distarray_error *error) {
  return distarray_scalapack_lend_part(comm, desc[2], desc[3], local, 1, 1, desc, dtype_code,
                                       dtype_bits, lease, loan, error);
}

/* --- Borrowing ------------------------------------------------------------- */

/* What distarray_accommodation_new is asked for, so that any matrix becomes one that
 * ScaLAPACK takes: column-major panels of mb x nb blocks. The element type is set too. */
static inline distarray_requirements distarray_scalapack_requirements(
    distarray_required_axis axes[2], int64_t mb, int64_t nb, uint8_t dtype_code,
    uint8_t dtype_bits) {
  distarray_requirements asked;
  int axis;
  memset(&asked, 0, sizeof asked);
  memset(axes, 0, 2 * sizeof *axes);
  for (axis = 0; axis < 2; axis++) {
    axes[axis].dist_types = 2; /* cyclic */
    axes[axis].block_size = axis == 0 ? mb : nb;
    axes[axis].padding = DISTARRAY_PADDING_NONE;
  }
  asked.ndim = 2;
  asked.axes = axes;
  asked.replicas = 1;
  asked.layouts = DISTARRAY_LAYOUT_FORTRAN_LINES;
  asked.code = dtype_code;
  asked.bits = dtype_bits;
  return asked;
}

/* Makes the BLACS context of a loan's process grid, in any order of its ranks; a loan
 * whose rows are contiguous gets the grid of the transposed matrix. Loans on the same
 * grid share a context, and must, to be used together. Cblacs_gridexit frees it. */
static inline int32_t distarray_scalapack_grid(MPI_Comm mpi, const distarray_export *loan,
                                               int *context, distarray_error *error) {
  distarray_scalapack_request mine;
  int64_t rows, columns, i, j;
  int handle, order;
  int32_t status;
  memset(&mine, 0, sizeof mine);
  mine.is_grid = 1;
  mine.context = context;
  status = distarray_scalapack_open(mpi, loan, &mine, &order, error);
  if (status == DISTARRAY_OK) {
    rows = mine.matrices[order].axes[0].processes;
    columns = mine.matrices[order].axes[1].processes;
    for (i = 0; i < rows; i++)
      for (j = 0; j < columns; j++)
        mine.ranks[i + j * rows] = (int)(order == 0 ? distarray_scalapack_rank_at(loan, i, j)
                                                    : distarray_scalapack_rank_at(loan, j, i));
    handle = Csys2blacs_handle(mpi);
    *context = handle;
    Cblacs_gridmap(context, mine.ranks, (int)rows, (int)rows, (int)columns);
    Cfree_blacs_system_handle(handle);
  }
  free(mine.ranks);
  return status;
}

/* Describes a loan to ScaLAPACK. access is DISTARRAY_ACCESS_READ or _READ_WRITE. *trans
 * becomes 'N', or 'T' where the descriptor is that of the transposed matrix, because the
 * loan's rows are contiguous: it is what ScaLAPACK's routines take. trans NULL refuses
 * that. */
static inline int32_t distarray_scalapack_borrow(MPI_Comm mpi, const distarray_export *loan,
                                                 int context, uint32_t access, uint8_t dtype_code,
                                                 uint8_t dtype_bits, int desc[9], void **local,
                                                 char *trans, distarray_error *error) {
  distarray_scalapack_request mine;
  const distarray_scalapack_matrix *matrix;
  int axis, order;
  memset(&mine, 0, sizeof mine);
  mine.writing = access != DISTARRAY_ACCESS_READ;
  mine.dtype_code = dtype_code;
  mine.dtype_bits = dtype_bits;
  mine.context = &context;
  mine.desc = desc;
  mine.local = local;
  mine.trans = trans;
  DISTARRAY_ADAPTER_TRY(distarray_scalapack_open(mpi, loan, &mine, &order, error));
  matrix = &mine.matrices[order];
  desc[0] = 1;
  desc[1] = context;
  for (axis = 0; axis < 2; axis++) {
    desc[2 + axis] = (int)matrix->axes[axis].size;
    desc[4 + axis] = (int)matrix->axes[axis].block;
    desc[6 + axis] = (int)matrix->axes[axis].source;
  }
  desc[8] = (int)matrix->lld;
  *local = (char *)loan->data;
  for (axis = 0; axis < 2 && loan->data != NULL; axis++)
    *local = (char *)*local + matrix->axes[axis].before * loan->strides[order == 0 ? axis : 1 - axis];
  if (trans != NULL) *trans = order == 0 ? 'N' : 'T';
  return DISTARRAY_OK;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_SCALAPACK_H */
