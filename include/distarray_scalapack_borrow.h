/* distarray_scalapack_borrow.h - loans as ScaLAPACK's matrices, on process grids of their own.
 * See distarray_scalapack.h for what borrowing means.
 */
#ifndef DISTARRAY_SCALAPACK_BORROW_H
#define DISTARRAY_SCALAPACK_BORROW_H

#include <limits.h>

#include "distarray_adapter_mpi.h"
#include "distarray_scalapack_blacs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISTARRAY_SCALAPACK_READS (DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR)

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
#endif /* DISTARRAY_SCALAPACK_BORROW_H */
