/* distarray_petsc_ghost.h - vectors of PETSc's VecCreateGhost as loans, and loans as them. See
 * distarray_petsc.h for what lending and borrowing mean.
 */
#ifndef DISTARRAY_PETSC_GHOST_H
#define DISTARRAY_PETSC_GHOST_H

#include "distarray_petsc_loans.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline int32_t distarray_petsc_describe_ghost(distarray_petsc_lease *lease, Vec vec,
                                                     distarray_export *loan,
                                                     distarray_error *error) {
  const MPI_Comm comm = PetscObjectComm((PetscObject)vec);
  ISLocalToGlobalMapping map;
  const PetscInt *indices;
  PetscInt N, n, held, bs;
  PetscBool mpi;
  Vec local = NULL;
  int rank, count;
  DISTARRAY_PETSC_TRY(PetscObjectTypeCompare((PetscObject)vec, VECMPI, &mpi));
  if (mpi) DISTARRAY_PETSC_TRY(VecGhostGetLocalForm(vec, &local));
  if (local == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "type", 1, 0,
                                    "the vector has no ghosts: make it with VecCreateGhost, or "
                                    "lend it by distarray_petsc_lend_vec");
  lease->ghosted = vec;
  lease->local = local;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_open_vec(lease, local, error));
  DISTARRAY_PETSC_TRY(VecGetSize(vec, &N));
  DISTARRAY_PETSC_TRY(VecGetLocalSize(vec, &n));
  DISTARRAY_PETSC_TRY(VecGetLocalSize(local, &held));
  DISTARRAY_PETSC_TRY(VecGetLocalToGlobalMapping(vec, &map));
  DISTARRAY_PETSC_TRY(ISLocalToGlobalMappingGetBlockSize(map, &bs));
  /* The mapping keeps the list, the vector keeps the mapping, and we keep the vector. */
  DISTARRAY_PETSC_TRY(ISLocalToGlobalMappingGetBlockIndices(map, &indices));
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &count);
  lease->dims[0] = distarray_dim_unstructured(N / bs, count, rank, NULL, held / bs, n / bs, 1);
  lease->dims[0].indices = indices;
  if (sizeof(PetscInt) == 4) lease->dims[0].flags |= DISTARRAY_DIM_INDICES_I32;
  lease->shape[0] = held / bs;
  if (bs > 1) distarray_petsc_add_components(lease, 1, bs);
  DISTARRAY_ADAPTER_TRY(distarray_petsc_fill(lease, bs > 1 ? 2 : 1, comm, loan, error));
  loan->flags_read |= DISTARRAY_R_GHOSTS;
  return DISTARRAY_OK;
}

/* Lends a vector of VecCreateGhost with its ghosts: an unstructured axis, owned indices
 * first, and where its block size is above 1 a whole one of the components. Local. */
static inline int32_t distarray_petsc_lend_ghost(Vec vec, uint32_t access, distarray_export *loan,
                                                 distarray_error *error) {
  distarray_petsc_lease *lease = NULL;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_petsc_new_lease((PetscObject)vec, access, &lease, error));
  status = distarray_petsc_describe_ghost(lease, vec, loan, error);
  if (status != DISTARRAY_OK) distarray_petsc_end(lease);
  return status;
}

typedef struct distarray_petsc_ghost_request {
  Vec      *vec;
  int64_t   first;          /* the index that PETSc gives to this rank's first element */
  PetscInt *ghosts, n_ghosts, bs;
} distarray_petsc_ghost_request;

/* What a rank owns, before anything is known of its loan; nothing where that is no list. */
static inline int64_t distarray_petsc_owned(const distarray_export *loan) {
  if (distarray_export_readable(loan, DISTARRAY_PETSC_READS) != DISTARRAY_OK) return 0;
  return loan->ndim > 0 && loan->dims != NULL ? loan->dims[0].n_owned : 0;
}

/* Refuses what VecCreateGhost could not hold; lists the ghosts. */
static inline int32_t distarray_petsc_accept_ghost(void *context, const distarray_export *loan,
                                                   int column_major, uint64_t facts[4],
                                                   distarray_error *error) {
  distarray_petsc_ghost_request *self = (distarray_petsc_ghost_request *)context;
  const distarray_dim *dim = &loan->dims[0];
  int64_t i;
  (void)facts;
  self->bs = 1;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(loan, DISTARRAY_PETSC_READS, 0,
                                               DISTARRAY_PETSC_DTYPE, DISTARRAY_PETSC_BITS, error));
  if (loan->ndim < 1 || loan->ndim > 2) return distarray_adapter_check_ndim(loan, 1, error);
  if (dim->dist_type != DISTARRAY_DIST_UNSTRUCTURED)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "dist_type",
                                    DISTARRAY_DIST_UNSTRUCTURED, dim->dist_type,
                                    "a vector with ghosts is a list of indices: blocks are taken "
                                    "by distarray_petsc_borrow_vec");
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_order(loan, dim->proc_grid_size, dim->proc_grid_rank, error));
  if (loan->ndim == 2) {
    distarray_adapter_axis axis;
    DISTARRAY_ADAPTER_TRY(distarray_adapter_whole_axis(loan, 1, &axis, error));
    DISTARRAY_ADAPTER_TRY(
        distarray_adapter_check_index(axis.size, PETSC_MAX_INT, 1, "size", error));
    if (axis.size > 0) self->bs = (PetscInt)axis.size;
  }
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(distarray_adapter_product(dim->size, self->bs),
                                                      PETSC_MAX_INT, -1, "size", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_index(
      distarray_adapter_product(dim->n_indices, self->bs), PETSC_MAX_INT, 0, "shape", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_packed(loan, column_major, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->vec, "vec", error));
  self->n_ghosts = (PetscInt)(dim->n_indices - dim->n_owned);
  self->ghosts = (PetscInt *)malloc(sizeof *self->ghosts * (size_t)(self->n_ghosts + 1));
  if (self->ghosts == NULL)
    return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, 0, "indices", self->n_ghosts, 0,
                                    "no memory for the list of ghosts");
  for (i = 0; i < dim->n_indices; i++) {
    const int64_t index = distarray_adapter_index(dim, i);
    if (i < dim->n_owned && index != self->first + i)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "indices",
                                      self->first + i, index,
                                      "PETSc numbers the elements that ranks own one after the "
                                      "other: number yours so, or copy them to such a vector");
    if (index < 0 || index >= dim->size)
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, 0, "indices", dim->size - 1,
                                      index, "PETSc numbers elements from 0 to size - 1");
    if (i >= dim->n_owned) self->ghosts[i - dim->n_owned] = (PetscInt)index;
  }
  return DISTARRAY_OK;
}

/* Makes a vector with ghosts of a loan's memory, so that VecGhostUpdateBegin and End
 * fill them. Its first axis is unstructured, and the ranks own consecutive indices one
 * after the other; a second axis becomes the block size. Collective. */
static inline int32_t distarray_petsc_borrow_ghost(MPI_Comm comm, distarray_export *loan, Vec *vec,
                                                   distarray_error *error) {
  distarray_comm table;
  distarray_petsc_ghost_request mine;
  PetscErrorCode code;
  Vec made = NULL;
  int32_t status;
  mine.vec = vec;
  mine.ghosts = NULL;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_stop(comm, distarray_petsc_owned(loan), &mine.first, error));
  mine.first -= distarray_petsc_owned(loan);
  status = distarray_adapter_take_if(comm, loan, distarray_petsc_accept_ghost, &mine, &table, error);
  if (status == DISTARRAY_OK) {
    const PetscInt bs = mine.bs, n = (PetscInt)loan->dims[0].n_owned * bs,
                   N = (PetscInt)loan->dims[0].size * bs;
    const PetscScalar *elements = (const PetscScalar *)loan->data;
    code = bs > 1 ? VecCreateGhostBlockWithArray(comm, bs, n, N, mine.n_ghosts, mine.ghosts,
                                                 elements, &made)
                  : VecCreateGhostWithArray(comm, n, N, mine.n_ghosts, mine.ghosts, elements, &made);
    status = distarray_petsc_give_vec(code, &made, loan, 1, vec, error);
  }
  free(mine.ghosts);
  return status;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_PETSC_GHOST_H */
