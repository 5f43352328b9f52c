/* distarray_scalapack.h - ScaLAPACK's distributed matrices as loans, and loans as them.
 *
 *   distarray_scalapack_lend(comm, desc, a, FLOAT, 64, NULL, &loan, &error);
 *
 *   distarray_scalapack_grid(comm, &loan, &context, &error);
 *   distarray_scalapack_borrow(comm, &loan, context, READ_WRITE, FLOAT, 64, desc, &a, &trans,
 *                              &error);
 *   pdgemm_(&trans, ..., a, &one, &one, desc, ...);
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

/* Reads an axis; extent is the length of its blocks if it is cut into equal ones. */
static inline int32_t distarray_scalapack_read_axis(const distarray_export *loan, int32_t number,
                                                    int64_t extent, distarray_scalapack_axis *out,
                                                    distarray_error *error) {
  const distarray_dim *dim = &loan->dims[number];
  distarray_adapter_axis axis;
  memset(out, 0, sizeof *out);
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
    return DISTARRAY_OK;
  }
  DISTARRAY_ADAPTER_TRY(distarray_scalapack_owned(loan, number, &axis, &out->before, error));
  out->size = axis.size;
  out->block = axis.processes == 1 ? axis.size : extent;
  if (out->block == 0) out->block = 1;
  out->processes = axis.processes;
  out->place = axis.place;
  out->held = axis.stop - axis.start;
  if (axis.processes > 1 && axis.stop > axis.start && axis.start != axis.place * out->block)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "start",
                                    axis.place * out->block, axis.start,
                                    "ScaLAPACK takes equal blocks alone: "
                                    "distarray_accommodation_new with a block_size makes a copy "
                                    "that has them");
  if (axis.stop > axis.start && axis.stop < axis.size && out->held != out->block)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, number, "stop",
                                    axis.start + out->block, axis.stop,
                                    "ScaLAPACK takes equal blocks alone: "
                                    "distarray_accommodation_new with a block_size makes a copy "
                                    "that has them");
  return DISTARRAY_OK;
}

/* Whether the elements of axis fast follow each other, and its lines do not overlap. */
static inline int distarray_scalapack_runs_fastest(const distarray_export *loan, int32_t fast) {
  const int64_t *shape = loan->shape, *strides = loan->strides;
  const int32_t slow = 1 - fast;
  if (shape[0] == 0 || shape[1] == 0) return 1;
  if (shape[fast] > 1 && strides[fast] != loan->itemsize) return 0;
  return shape[slow] == 1 || (strides[slow] % loan->itemsize == 0 &&
                              strides[slow] / loan->itemsize >= shape[fast]);
}

/* What a borrower found out: the axes in ScaLAPACK's order, and whether they are the
 * loan's own ('N') or those of the transposed matrix ('T'). */
typedef struct distarray_scalapack_matrix {
  distarray_scalapack_axis axes[2];
  int64_t                  lld;
  char                     trans;
} distarray_scalapack_matrix;

static inline int32_t distarray_scalapack_read(const distarray_comm *comm,
                                               const distarray_export *loan,
                                               distarray_scalapack_matrix *out,
                                               distarray_error *error) {
  /* The same on all ranks: which axis runs fastest, and the longest blocks. */
  int64_t facts[4], longest, lines;
  int32_t status, axis;
  for (axis = 0; axis < 2; axis++) {
    distarray_adapter_axis block;
    int64_t before;
    facts[axis] = distarray_scalapack_runs_fastest(loan, axis);
    facts[2 + axis] = 0;
    if (distarray_scalapack_owned(loan, axis, &block, &before, NULL) == DISTARRAY_OK)
      facts[2 + axis] = block.start - block.stop;
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_least(comm, facts, 4, error));
  if (!facts[0] && !facts[1])
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "strides", loan->itemsize,
                                    loan->strides[0],
                                    "ScaLAPACK takes lines of elements without gaps: "
                                    "distarray_accommodation_new with DISTARRAY_LAYOUT_FORTRAN_"
                                    "LINES makes a copy that has them");
  out->trans = facts[0] ? 'N' : 'T';
  for (axis = 0; axis < 2; axis++) {
    const int32_t number = facts[0] ? axis : 1 - axis;
    status = distarray_scalapack_read_axis(loan, number, -facts[2 + number], &out->axes[axis],
                                           error);
    if (status == DISTARRAY_OK)
      status = distarray_adapter_check_index(out->axes[axis].size, INT_MAX, number, "size", error);
    if (status == DISTARRAY_OK)
      status = distarray_adapter_check_index(out->axes[axis].block, INT_MAX, number, "block_size",
                                             error);
    if (status != DISTARRAY_OK) return status;
  }
  longest = out->axes[0].held;
  lines = out->axes[1].held;
  out->lld = longest > 0 ? longest : 1;
  if (longest > 0 && lines > 1) out->lld = loan->strides[facts[0] ? 1 : 0] / loan->itemsize;
  /* Also the offsets of local elements are 32-bit integers. */
  return distarray_adapter_check_index(lines > 0 ? out->lld * lines : out->lld, INT_MAX, -1,
                                       "shape", error);
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

/* Opens a loan as a matrix on all ranks. */
static inline int32_t distarray_scalapack_open(MPI_Comm mpi, const distarray_export *loan,
                                               int writing, uint8_t dtype_code,
                                               uint8_t dtype_bits, distarray_comm *comm,
                                               distarray_scalapack_matrix *out,
                                               distarray_error *error) {
  distarray_error report;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_prove(mpi, loan, comm, error));
  status = distarray_adapter_open(loan, DISTARRAY_SCALAPACK_READS, writing, dtype_code, dtype_bits,
                                  &report);
  if (status == DISTARRAY_OK) status = distarray_adapter_check_ndim(loan, 2, &report);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on(comm, status, &report, error));
  status = distarray_scalapack_read(comm, loan, out, &report);
  if (status == DISTARRAY_OK &&
      out->axes[0].processes * out->axes[1].processes != loan->process_count)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_UNACCEPTABLE, -1, "process_count",
                                      out->axes[0].processes * out->axes[1].processes,
                                      loan->process_count,
                                      "ScaLAPACK knows no replicas: distarray_accommodation_new "
                                      "with replicas 1 makes a copy without");
  return distarray_adapter_agree_on(comm, status, &report, error);
}

/* --- Lending --------------------------------------------------------------- */

/* Finds out how the ranks of comm are numbered on the grid: row by row (no flag), column
 * by column, or as ranks then says. Collective. */
static inline int32_t distarray_scalapack_number(const distarray_comm *comm, const int grid[2],
                                                 const int place[2], int64_t *ranks,
                                                 uint32_t *flags, distarray_error *error) {
  int64_t position = (int64_t)place[0] * grid[1] + place[1], rank, facts[2], *positions;
  int32_t code;
  facts[0] = position == comm->rank;
  facts[1] = (int64_t)place[0] + (int64_t)place[1] * grid[0] == comm->rank;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_least(comm, facts, 2, error));
  *flags = facts[0] ? 0 : facts[1] ? DISTARRAY_R_GRID_COLMAJOR : DISTARRAY_R_GRID_MAP;
  if (*flags != DISTARRAY_R_GRID_MAP) return DISTARRAY_OK;
  positions = (int64_t *)calloc((size_t)comm->size, sizeof *positions);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on_memory(comm, positions, error));
  code = comm->allgather(comm->context, &position, sizeof position, positions);
  for (rank = 0; code == 0 && rank < comm->size; rank++) ranks[positions[rank]] = rank;
  free(positions);
  if (code == 0) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_COMM, -1, "comm", 0, code,
                                  "the message layer failed");
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
  int64_t begins[2] = {0, 0}, count;
  uint32_t order = 0;
  int32_t status = DISTARRAY_OK;
  distarray_comm comm;
  distarray_error report;
  distarray_adapter_keeper *keeper = NULL;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_table(mpi, &comm, error));

  Cblacs_gridinfo(desc[1], &grid[0], &grid[1], &place[0], &place[1]);
  count = (int64_t)grid[0] * grid[1];
  if (place[0] < 0 || place[1] < 0 || count != comm.size)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_GRID, -1, "process_count", comm.size,
                                      place[0] < 0 ? 0 : count,
                                      "not every process of the communicator is on the grid: pass "
                                      "one of the grid's processes alone (MPI_Comm_split)");
  else if (desc[0] != 1)
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
  status = distarray_adapter_agree_on(&comm, status, &report, error);
  if (status == DISTARRAY_OK)
    status = distarray_scalapack_number(&comm, grid, place, keeper->ranks, &order, error);
  if (status != DISTARRAY_OK) {
    distarray_adapter_free_keeper(keeper);
    return status;
  }
  keeper->strides[0] = dtype_bits / 8;
  keeper->strides[1] = (int64_t)desc[8] * keeper->strides[0];
  distarray_adapter_lend(keeper, 2, dtype_code, dtype_bits,
                         (char *)local + begins[0] * keeper->strides[0] +
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
  distarray_scalapack_matrix matrix;
  distarray_comm comm;
  int64_t rows, columns, i, j;
  int *ranks, handle;
  const int writing = 0;
  DISTARRAY_ADAPTER_TRY(distarray_scalapack_open(mpi, loan, writing,
                                                 loan != NULL ? loan->dtype_code : 0,
                                                 loan != NULL ? loan->dtype_bits : 0, &comm,
                                                 &matrix, error));
  rows = matrix.axes[0].processes;
  columns = matrix.axes[1].processes;
  ranks = (int *)calloc((size_t)(rows * columns), sizeof *ranks);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on_memory(&comm, ranks, error));
  for (i = 0; i < rows; i++)
    for (j = 0; j < columns; j++)
      ranks[i + j * rows] = (int)(matrix.trans == 'N' ? distarray_scalapack_rank_at(loan, i, j)
                                                      : distarray_scalapack_rank_at(loan, j, i));
  handle = Csys2blacs_handle(mpi);
  *context = handle;
  Cblacs_gridmap(context, ranks, (int)rows, (int)rows, (int)columns);
  Cfree_blacs_system_handle(handle);
  free(ranks);
  return distarray_adapter_ok(error);
}

/* Describes a loan to ScaLAPACK. access is DISTARRAY_ACCESS_READ or _READ_WRITE. *trans
 * becomes 'N', or 'T' where the descriptor is that of the transposed matrix, because the
 * loan's rows are contiguous: it is what ScaLAPACK's routines take. trans NULL refuses
 * that. */
static inline int32_t distarray_scalapack_borrow(MPI_Comm mpi, const distarray_export *loan,
                                                 int context, uint32_t access, uint8_t dtype_code,
                                                 uint8_t dtype_bits, int desc[9], void **local,
                                                 char *trans, distarray_error *error) {
  distarray_scalapack_matrix matrix;
  distarray_comm comm;
  distarray_error report;
  int32_t status = DISTARRAY_OK, axis;
  int grid[2] = {0, 0}, place[2] = {0, 0};
  DISTARRAY_ADAPTER_TRY(distarray_scalapack_open(mpi, loan, access != DISTARRAY_ACCESS_READ,
                                                 dtype_code, dtype_bits, &comm, &matrix, error));
  if (matrix.trans != 'N' && trans == NULL)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_UNACCEPTABLE, 0, "strides",
                                      loan->itemsize, loan->strides[0],
                                      "the rows are contiguous, so that ScaLAPACK sees the "
                                      "transposed matrix: pass trans, or copy with "
                                      "DISTARRAY_LAYOUT_FORTRAN_LINES");
  Cblacs_gridinfo(context, &grid[0], &grid[1], &place[0], &place[1]);
  for (axis = 0; axis < 2 && status == DISTARRAY_OK; axis++) {
    const distarray_scalapack_axis *at = &matrix.axes[axis];
    const int32_t number = matrix.trans == 'N' ? axis : 1 - axis;
    const char *way_out = "the context is another grid: make one of this loan by "
                          "distarray_scalapack_grid, or copy with distarray_accommodation_new";
    if (grid[axis] != at->processes)
      status = distarray_adapter_refuse(&report, DISTARRAY_E_GRID, number, "proc_grid_size",
                                        grid[axis], at->processes, way_out);
    else if (place[axis] != at->place)
      status = distarray_adapter_refuse(&report, DISTARRAY_E_GRID, number, "proc_grid_rank",
                                        place[axis], at->place, way_out);
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_agree_on(&comm, status, &report, error));
  desc[0] = 1;
  desc[1] = context;
  for (axis = 0; axis < 2; axis++) {
    desc[2 + axis] = (int)matrix.axes[axis].size;
    desc[4 + axis] = (int)matrix.axes[axis].block;
    desc[6 + axis] = (int)matrix.axes[axis].source;
  }
  desc[8] = (int)matrix.lld;
  *local = (char *)loan->data;
  for (axis = 0; axis < 2 && loan->data != NULL; axis++)
    *local = (char *)*local +
             matrix.axes[axis].before * loan->strides[matrix.trans == 'N' ? axis : 1 - axis];
  if (trans != NULL) *trans = matrix.trans;
  return distarray_adapter_ok(error);
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_SCALAPACK_H */
