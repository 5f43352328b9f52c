/* distarray_ga.h - Global Arrays as loans, and Global Arrays distributed as loans are.
 *
 *   #include <distarray_ga.h>
 *
 *   int main(int argc, char **argv) {
 *     int sizes[2] = {8, 6}, chunk[2] = {-1, -1}, g_a, g_b;
 *     distarray_export loan;
 *     distarray_error error;
 *     MPI_Init(&argc, &argv);
 *     GA_Initialize();
 *     g_a = NGA_Create(C_DBL, 2, sizes, (char *)"a", chunk);
 *     if (distarray_ga_lend(g_a, DISTARRAY_ACCESS_READ_WRITE, NULL, &loan, &error) ||
 *         distarray_ga_create_like(MPI_COMM_WORLD, &loan, "like a", &g_b, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(MPI_COMM_WORLD, 1);
 *     }
 *     *(double *)loan.data = 3; // this process's block, where others get and put
 *     loan.consumer_flags |= DISTARRAY_C_MODIFIED;
 *     distarray_export_release(&loan);
 *     GA_Sync();
 *     GA_Destroy(g_b);
 *     GA_Destroy(g_a);
 *     GA_Terminate();
 *     MPI_Finalize();
 *     return 0;
 *   }
 *
 * Header only, compiled with the program's own Global Arrays (5.8 or later), between
 * GA_Initialize and GA_Terminate.
 *
 * Lending is local, needs no library and copies nothing: the loan is this process's
 * block, in the memory that one-sided access by others reads and writes; these and the
 * borrower's accesses are ordered by GA_Sync. Ghost cells are a halo of a periodic array,
 * which GA_Update_ghosts and libdistarray's halo updates both fill. The array must live
 * until its loans are released, on the thread that calls GA; releasing is NGA_Release, or
 * NGA_Release_update if the borrower marked it as modified.
 *
 * Global Arrays allocate their own memory and take no other: a foreign array does not
 * become one. The other way round it does: distarray_ga_create_like makes a Global Array
 * of the same blocks as a loan, whose own loan is then filled by a copy on each process
 * and shared from there on. Collective over comm, GA's world; needs libdistarray.
 */
#ifndef DISTARRAY_GA_H
#define DISTARRAY_GA_H

#include <ga.h>
#include <macdecls.h>

#include "distarray_adapter_box.h"

#ifdef __cplusplus
extern "C" {
#endif

/* GA's element types. */
typedef struct distarray_ga_type {
  int     type;
  uint8_t code, bits;
} distarray_ga_type;

static inline const distarray_ga_type *distarray_ga_types(int *n) {
  static const distarray_ga_type types[] = {
      {C_DBL, DISTARRAY_DTYPE_FLOAT, 64},   {C_FLOAT, DISTARRAY_DTYPE_FLOAT, 32},
      {C_DCPL, DISTARRAY_DTYPE_COMPLEX, 128}, {C_SCPL, DISTARRAY_DTYPE_COMPLEX, 64},
      {C_INT, DISTARRAY_DTYPE_INT, 32},     {C_LONGLONG, DISTARRAY_DTYPE_INT, 64},
      {C_LONG, DISTARRAY_DTYPE_INT, 8 * sizeof(long)}};
  *n = (int)(sizeof types / sizeof *types);
  return types;
}

/* A loan's private data: the keeper, and the array to be released. */
typedef struct distarray_ga_keeper {
  distarray_adapter_keeper *keeper;
  int                       g_a, ghosts;
  int64_t                   lo[GA_MAX_DIM], hi[GA_MAX_DIM];
} distarray_ga_keeper;

static inline void distarray_ga_release(distarray_export *loan) {
  distarray_ga_keeper *self = (distarray_ga_keeper *)loan->private_data;
  const int written = (loan->consumer_flags &
                       (DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED)) != 0;
  if (loan->data != NULL) {
    if (self->ghosts && written) NGA_Release_update_ghosts(self->g_a);
    else if (self->ghosts) NGA_Release_ghosts(self->g_a);
    else if (written) NGA_Release_update64(self->g_a, self->lo, self->hi);
    else NGA_Release64(self->g_a, self->lo, self->hi);
  }
  loan->private_data = self->keeper;
  free(self);
  distarray_adapter_release(loan);
}

/* The grid of an array's blocks, from where those of all processes begin: GA's own
 * answers about its grid come in another order. places has room for the place of each
 * process, scratch for one number each; a place counts the different beginnings before
 * its own. Local. */
static inline int32_t distarray_ga_grid(int g_a, int ndim, int64_t processes, int64_t *grid,
                                        int64_t *places, int64_t *scratch,
                                        distarray_error *error) {
  int64_t lo[GA_MAX_DIM], hi[GA_MAX_DIM], count = 1, row, p;
  int axis, in_order;
  for (axis = 0; axis < ndim; axis++) {
    for (p = 0; p < processes; p++) {
      NGA_Distribution64(g_a, (int)p, lo, hi);
      if (hi[axis] < lo[axis] || lo[axis] < 0)
        return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "shape", 1, 0,
                                        "a process holds no block, so that its place on the grid "
                                        "cannot be told: make the array on fewer processes");
      places[p * ndim + axis] = scratch[p] = lo[axis];
    }
    grid[axis] = distarray_adapter_unique(scratch, processes);
    for (p = 0; p < processes; p++) {
      int64_t *place = &places[p * ndim + axis];
      *place = distarray_adapter_place(scratch, grid[axis], *place);
    }
    count *= grid[axis];
  }
  in_order = count == processes;
  for (p = 0; p < processes && in_order; p++) { /* row by row, as in GA's C interface */
    for (row = 0, axis = 0; axis < ndim; axis++) row = row * grid[axis] + places[p * ndim + axis];
    in_order = row == p;
  }
  if (in_order) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "proc_grid_size", processes,
                                  count,
                                  "the blocks are no grid of all processes, row by row: make the "
                                  "array by NGA_Create or NGA_Create_irreg");
}

/* Opens this process's block: its memory, extents and strides. */
static inline void distarray_ga_access(distarray_ga_keeper *self, int ndim, int64_t itemsize,
                                       void **data, int64_t *shape, int64_t *strides) {
  int64_t ld[GA_MAX_DIM], step = itemsize;
  int axis;
  if (self->ghosts) {
    NGA_Access_ghosts64(self->g_a, shape, data, ld);
  } else {
    NGA_Access64(self->g_a, self->lo, self->hi, data, ld);
    for (axis = 0; axis < ndim; axis++) shape[axis] = self->hi[axis] - self->lo[axis] + 1;
  }
  for (axis = ndim; axis-- > 0;) {
    strides[axis] = step;
    if (axis > 0) step *= ld[axis - 1];
  }
}

static inline int32_t distarray_ga_describe(int g_a, int ndim, const int64_t *sizes, int64_t rank,
                                            int64_t processes, int64_t itemsize,
                                            distarray_ga_keeper *self, void **data,
                                            distarray_error *error) {
  distarray_adapter_keeper *keeper = self->keeper;
  int64_t grid[GA_MAX_DIM], *places = keeper->indices;
  int axis;
  DISTARRAY_ADAPTER_TRY(distarray_ga_grid(g_a, ndim, processes, grid, places,
                                          places + processes * ndim, error));
  NGA_Distribution64(g_a, (int)rank, self->lo, self->hi);
  distarray_ga_access(self, ndim, itemsize, data, keeper->shape, keeper->strides);
  for (axis = 0; axis < ndim; axis++) {
    const int64_t halo = (keeper->shape[axis] - (self->hi[axis] - self->lo[axis] + 1)) / 2;
    keeper->dims[axis] = distarray_dim_block(sizes[axis], grid[axis], places[rank * ndim + axis],
                                             self->lo[axis], self->hi[axis] + 1);
    if (halo == 0) continue;
    keeper->dims[axis].flags |= DISTARRAY_DIM_PERIODIC;
    distarray_dim_add_halo(&keeper->dims[axis], halo, halo);
  }
  return DISTARRAY_OK;
}

/* Lends this process's block. access is DISTARRAY_ACCESS_READ or _READ_WRITE; lease may
 * be NULL. Local. */
static inline int32_t distarray_ga_lend(int g_a, uint32_t access, distarray_lease *lease,
                                        distarray_export *loan, distarray_error *error) {
  int type, ndim, i, n_types, group;
  int64_t sizes[GA_MAX_DIM], processes, rank;
  void *data = NULL;
  int32_t status;
  distarray_ga_keeper *self;
  const distarray_ga_type *types = distarray_ga_types(&n_types);
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_access(access, error));
  NGA_Inquire64(g_a, &type, &ndim, sizes);
  group = GA_Get_pgroup(g_a);
  processes = GA_Pgroup_nnodes(group);
  rank = GA_Pgroup_nodeid(group);
  for (i = 0; i < n_types && types[i].type != type;) i++;
  if (i == n_types)
    return distarray_adapter_refuse(error, DISTARRAY_E_DTYPE, -1, "dtype_code",
                                    DISTARRAY_DTYPE_FLOAT, type,
                                    "an element type of GA's that no one else knows");
  if (GA_Total_blocks(g_a) >= 0)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "dist_type",
                                    DISTARRAY_DIST_BLOCK, DISTARRAY_DIST_CYCLIC,
                                    "blocks that are dealt out do not lie as one array: lend one "
                                    "of a block for each process, and GA_Copy");
  self = (distarray_ga_keeper *)calloc(1, sizeof *self);
  if (self == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "loan", 0, 0,
                                    "no memory to describe the array");
  self->g_a = g_a;
  self->ghosts = GA_Has_ghosts(g_a);
  status = distarray_adapter_new_keeper(ndim, 0, processes * (ndim + 1), lease, &self->keeper,
                                        error);
  if (status == DISTARRAY_OK)
    status = distarray_ga_describe(g_a, ndim, sizes, rank, processes, types[i].bits / 8, self,
                                   &data, error);
  if (status != DISTARRAY_OK) {
    distarray_adapter_free_keeper(self->keeper);
    free(self);
    return status;
  }
  distarray_adapter_lend(self->keeper, ndim, types[i].code, types[i].bits, data, rank, processes,
                         loan);
  if (access == DISTARRAY_ACCESS_READ) loan->flags_write |= DISTARRAY_W_READ_ONLY;
  loan->private_data = self;
  loan->release = distarray_ga_release;
  return distarray_adapter_ok(error);
}

/* A Global Array that is asked for: what GA must know, and room to hear it of all. */
typedef struct distarray_ga_request {
  const distarray_comm *comm;
  const char           *name;
  int                  *g_a, type;
  int64_t               sizes[GA_MAX_DIM], grid[GA_MAX_DIM], starts[GA_MAX_DIM], *all;
} distarray_ga_request;

/* Refuses all but block axes in the order of GA's processes, none without a block. */
static inline int32_t distarray_ga_accept(void *context, const distarray_export *loan, int order,
                                          uint64_t facts[4], distarray_error *error) {
  distarray_ga_request *self = (distarray_ga_request *)context;
  int64_t row = 0, count = 1;
  int axis, n_types, i;
  const distarray_ga_type *types = distarray_ga_types(&n_types);
  (void)order; /* elements are not looked at */
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->name, "name", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->g_a, "g_a", error));
  if (self->comm->size != GA_Nnodes() || self->comm->rank != GA_Nodeid())
    return distarray_adapter_refuse(error, DISTARRAY_E_GRID, -1, "comm", GA_Nodeid(),
                                    self->comm->rank,
                                    "GA makes arrays on all its processes, in their own order: pass "
                                    "its world, GA_MPI_Comm");
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(
      loan, DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR | DISTARRAY_R_NO_DATA, 0,
      loan->dtype_code, loan->dtype_bits, error));
  for (i = 0; i < n_types; i++)
    if (types[i].code == loan->dtype_code && types[i].bits == loan->dtype_bits) break;
  if (i == n_types)
    return distarray_adapter_refuse(error, DISTARRAY_E_DTYPE, -1, "dtype_code",
                                    DISTARRAY_DTYPE_FLOAT, loan->dtype_code,
                                    "GA has float, double, complex, and integers of 32 and 64 "
                                    "bits: distarray_accommodation_new with code and bits makes a "
                                    "copy");
  self->type = types[i].type;
  if (loan->ndim < 1 || loan->ndim > GA_MAX_DIM)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "ndim", GA_MAX_DIM,
                                    loan->ndim, "Global Arrays have 1 to 7 axes");
  for (axis = 0; axis < loan->ndim; axis++) {
    distarray_adapter_axis part;
    int64_t held, first = 0, stop = loan->shape[axis];
    DISTARRAY_ADAPTER_TRY(distarray_adapter_block_axis(loan, axis, &part, error));
    if (loan->dims[axis].dist_type == DISTARRAY_DIST_BLOCK) /* of the padding, that at the edges */
      DISTARRAY_ADAPTER_TRY(distarray_dim_owned(&loan->dims[axis], &held, &first, &stop, error));
    if (stop <= first)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "shape", 1, 0,
                                      "GA wants a block on each process: use fewer of them");
    self->sizes[axis] = part.size;
    self->grid[axis] = part.processes;
    self->starts[axis] = loan->dims[axis].start + first;
    row = row * part.processes + part.place;
    count *= part.processes;
  }
  if (count != self->comm->size || row != self->comm->rank)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "process_rank", row,
                                    self->comm->rank,
                                    "GA deals blocks out row by row, to all processes: order the "
                                    "ranks so by MPI_Comm_split");
  self->all = (int64_t *)malloc(sizeof *self->all * 2 * (size_t)count * (size_t)loan->ndim);
  if (self->all != NULL) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "g_a", 1, 0,
                                  "no memory for where the blocks of all processes begin");
}

/* Makes a Global Array whose blocks are those of a loan, without its padding; the elements
 * are not copied. GA_Destroy frees it. */
static inline int32_t distarray_ga_create_like(MPI_Comm mpi, const distarray_export *loan,
                                               const char *name, int *g_a,
                                               distarray_error *error) {
  int64_t *map, position = 0, step, i, axis;
  distarray_ga_request mine;
  distarray_comm comm;
  int32_t status;
  int made = 0;
  mine.comm = &comm;
  mine.name = name;
  mine.g_a = g_a;
  mine.all = NULL;
  status = distarray_adapter_take_if(mpi, loan, distarray_ga_accept, &mine, &comm, error);
  if (status == DISTARRAY_OK)
    status = distarray_adapter_check_messages(
        comm.allgather(comm.context, mine.starts, (int64_t)sizeof *mine.starts * loan->ndim, mine.all),
        error);
  if (status == DISTARRAY_OK) {
    map = mine.all + comm.size * loan->ndim;
    step = comm.size;
    for (axis = 0; axis < loan->ndim; axis++) { /* the starts along each axis */
      step /= mine.grid[axis];
      for (i = 0; i < mine.grid[axis]; i++)
        map[position++] = mine.all[i * step * loan->ndim + axis];
    }
    made = NGA_Create_irreg64(mine.type, loan->ndim, mine.sizes, (char *)(uintptr_t)name, mine.grid,
                              map);
    if (made == 0)
      status = distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "g_a", 1, 0,
                                        "GA could not allocate the array");
  }
  free(mine.all);
  if (status == DISTARRAY_OK) *g_a = made;
  return status;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_GA_H */
