/* distarray_scalapack_lend.h - ScaLAPACK's matrices, and parts of them, as loans. See
 * distarray_scalapack.h for what lending means.
 */
#ifndef DISTARRAY_SCALAPACK_LEND_H
#define DISTARRAY_SCALAPACK_LEND_H

#include "distarray_adapter_mpi.h"
#include "distarray_scalapack_blacs.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_SCALAPACK_LEND_H */
