/* distarray_sundials.h - SUNDIALS' parallel vectors as loans, and loans as them.
 *
 *   #include <distarray_sundials.h>
 *
 *   int main(int argc, char **argv) {
 *     int size;
 *     MPI_Comm comm;
 *     SUNContext context;
 *     N_Vector x, y;
 *     distarray_export loan; // may come from anyone
 *     distarray_error error;
 *     MPI_Init(&argc, &argv);
 *     comm = MPI_COMM_WORLD;
 *     MPI_Comm_size(comm, &size);
 *     SUNContext_Create(&comm, &context);
 *     x = N_VNew_Parallel(comm, 4, 4 * size, context);
 *     if (distarray_sundials_lend_nvector(comm, x, DISTARRAY_ACCESS_READ_WRITE, &loan, &error) ||
 *         distarray_sundials_borrow_nvector(comm, &loan, context, &y, &error)) {
 *       fprintf(stderr, "%s\n", error.message);
 *       MPI_Abort(comm, 1);
 *     }
 *     N_VConst(3, y); // these are the elements of x; an integrator would solve in them
 *     N_VDestroy(y);  // gives them back
 *     printf("%g\n", N_VMaxNorm(x));
 *     N_VDestroy(x);
 *     SUNContext_Free(&context);
 *     MPI_Finalize();
 *     return 0;
 *   }
 *
 * Header only, compiled with the program's own SUNDIALS (6.0 or later; float or double)
 * and MPI, linked with sundials_nvecparallel and libdistarray. No element is copied: an
 * array that SUNDIALS cannot take as it lies is refused, and the report says why and
 * what to do. All functions are collective over the vector's communicator, and what one
 * rank finds wrong, all return; a failed call leaves the loan with the caller.
 *
 * A borrowed loan is released when the vector is destroyed; its lender is told that it
 * was written. Clones are vectors of SUNDIALS' own. A vector that was lent must live as
 * long as the loan: SUNDIALS counts no references. An integrator whose state was written
 * through a loan must be told, by CVodeReInit and its like.
 */
#ifndef DISTARRAY_SUNDIALS_H
#define DISTARRAY_SUNDIALS_H

#include <nvector/nvector_parallel.h>

#include "distarray_adapter_mpi.h"

#if defined(SUNDIALS_EXTENDED_PRECISION)
#error "long double is no element type that others know"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define DISTARRAY_SUNDIALS_BITS ((uint8_t)(8 * sizeof(sunrealtype)))
#define DISTARRAY_SUNDIALS_MAX_INDEX (sizeof(sunindextype) == 4 ? INT32_MAX : INT64_MAX)

/* --- Lending ------------------------------------------------------------------ */

static inline int32_t distarray_sundials_check_nvector(N_Vector vector, uint32_t access,
                                                       distarray_error *error) {
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(vector, "vector", error));
  if (N_VGetVectorID(vector) != SUNDIALS_NVEC_PARALLEL)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNSUPPORTED, -1, "vector",
                                    SUNDIALS_NVEC_PARALLEL, N_VGetVectorID(vector),
                                    "only vectors of N_VNew_Parallel and N_VMake_Parallel keep their "
                                    "elements in one array of each rank");
  return distarray_adapter_check_access(access, error);
}

/* Lends a parallel vector: one axis of blocks in the order of the ranks of comm, its
 * communicator. Collective. */
static inline int32_t distarray_sundials_lend_nvector(MPI_Comm comm, N_Vector vector,
                                                      uint32_t access, distarray_export *loan,
                                                      distarray_error *error) {
  distarray_comm table;
  distarray_error report;
  distarray_adapter_keeper *keeper = NULL;
  int64_t stop = 0, n;
  int32_t status;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_table(comm, &table, error));
  status = distarray_sundials_check_nvector(vector, access, &report);
  if (status == DISTARRAY_OK)
    status = distarray_adapter_new_keeper(1, 0, 0, NULL, &keeper, &report);
  status = distarray_adapter_agree_on(&table, status, &report, error);
  if (status != DISTARRAY_OK) {
    distarray_adapter_free_keeper(keeper);
    return status;
  }
  n = NV_LOCLENGTH_P(vector);
  /* SUNDIALS does not say where a rank's elements begin. */
  status = distarray_adapter_stop(comm, n, &stop, error);
  if (status != DISTARRAY_OK) {
    distarray_adapter_free_keeper(keeper);
    return status;
  }
  keeper->dims[0] =
      distarray_dim_block(NV_GLOBLENGTH_P(vector), table.size, table.rank, stop - n, stop);
  keeper->shape[0] = n;
  keeper->strides[0] = (int64_t)sizeof(sunrealtype);
  distarray_adapter_lend(keeper, 1, DISTARRAY_DTYPE_FLOAT, DISTARRAY_SUNDIALS_BITS,
                         N_VGetArrayPointer(vector), table.rank, table.size, loan);
  if (access == DISTARRAY_ACCESS_READ) loan->flags_write |= DISTARRAY_W_READ_ONLY;
  return distarray_adapter_ok(error);
}

/* --- Borrowing ---------------------------------------------------------------- */

/* What SUNDIALS keeps of a parallel vector, and the loan behind it. */
typedef struct distarray_sundials_content {
  struct _N_VectorContent_Parallel parallel; /* first: all of SUNDIALS sees this alone */
  distarray_export loan;
} distarray_sundials_content;

static inline void distarray_sundials_destroy(N_Vector vector) {
  distarray_export loan = ((distarray_sundials_content *)vector->content)->loan;
  N_VDestroy_Parallel(vector);
  loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&loan);
}

/* Clones inherit a vector's functions; they have memory of their own. */
static inline N_Vector distarray_sundials_as_own(N_Vector clone) {
  if (clone == NULL) return NULL;
  clone->ops->nvclone = N_VClone_Parallel;
  clone->ops->nvcloneempty = N_VCloneEmpty_Parallel;
  clone->ops->nvdestroy = N_VDestroy_Parallel;
  return clone;
}

static inline N_Vector distarray_sundials_clone(N_Vector vector) {
  return distarray_sundials_as_own(N_VClone_Parallel(vector));
}

static inline N_Vector distarray_sundials_clone_empty(N_Vector vector) {
  return distarray_sundials_as_own(N_VCloneEmpty_Parallel(vector));
}

/* Counts the elements of a loan here, and of the whole array. Refuses what is not every
 * element once, side by side. Local. */
static inline int32_t distarray_sundials_check(const distarray_export *loan, int64_t *n, int64_t *N,
                                               distarray_error *error) {
  distarray_error row_major;
  int64_t processes = 1;
  int32_t axis;
  DISTARRAY_ADAPTER_TRY(distarray_adapter_open(
      loan, DISTARRAY_R_GRID_MAP | DISTARRAY_R_GRID_COLMAJOR, 1, DISTARRAY_DTYPE_FLOAT,
      DISTARRAY_SUNDIALS_BITS, error));
  *n = *N = 1;
  for (axis = 0; axis < loan->ndim; axis++) {
    const distarray_dim *dim = &loan->dims[axis];
    const int whole = dim->dist_type == DISTARRAY_DIST_UNDISTRIBUTED;
    DISTARRAY_ADAPTER_TRY(distarray_adapter_check_no_padding(dim->padding, axis, error));
    if (dim->dist_type == DISTARRAY_DIST_UNSTRUCTURED && !(dim->flags & DISTARRAY_DIM_ONE_TO_ONE))
      return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, axis, "one_to_one", 1, 0,
                                      "SUNDIALS would count an element in its norms once for each "
                                      "owner: let every index have one");
    *n *= loan->shape[axis];
    *N = distarray_adapter_product(*N, whole ? loan->shape[axis] : dim->size);
    processes *= whole ? 1 : dim->proc_grid_size;
  }
  DISTARRAY_ADAPTER_TRY(
      distarray_adapter_check_index(*N, DISTARRAY_SUNDIALS_MAX_INDEX, -1, "size", error));
  if (loan->process_count != processes)
    return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "process_count", processes,
                                    loan->process_count,
                                    "SUNDIALS would count every replica in its norms: split the "
                                    "communicator, and lend each of them on its own");
  if (distarray_adapter_check_packed(loan, 0, &row_major) == DISTARRAY_OK) return DISTARRAY_OK;
  if (distarray_adapter_check_packed(loan, 1, error) == DISTARRAY_OK) return DISTARRAY_OK;
  *error = row_major;
  return error->code;
}

/* A vector of this rank alone that is told to be of all: N_VMake_Parallel would sum the
 * lengths, which are proved, and fail on one rank alone where memory is short. */
static inline N_Vector distarray_sundials_make(MPI_Comm comm, int64_t n, int64_t N, void *data,
                                               SUNContext context) {
  N_Vector vector = N_VMake_Parallel(MPI_COMM_SELF, (sunindextype)n, (sunindextype)n,
                                     (sunrealtype *)data, context);
  distarray_sundials_content *content;
  if (vector == NULL) return NULL;
  content = (distarray_sundials_content *)calloc(1, sizeof *content);
  if (content == NULL) {
    N_VDestroy_Parallel(vector);
    return NULL;
  }
  content->parallel = *(N_VectorContent_Parallel)vector->content;
  free(vector->content);
  vector->content = content;
  NV_COMM_P(vector) = comm;
  NV_GLOBLENGTH_P(vector) = (sunindextype)N;
  return vector;
}

typedef struct distarray_sundials_request {
  MPI_Comm   comm;
  SUNContext context;
  N_Vector  *vector, made;
} distarray_sundials_request;

static inline int32_t distarray_sundials_accept(void *context, const distarray_export *loan,
                                                int column_major, uint64_t facts[4],
                                                distarray_error *error) {
  distarray_sundials_request *self = (distarray_sundials_request *)context;
  int64_t n = 0, N = 0;
  (void)column_major; /* either is taken */
  (void)facts;
  DISTARRAY_ADAPTER_TRY(distarray_sundials_check(loan, &n, &N, error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->vector, "vector", error));
  DISTARRAY_ADAPTER_TRY(distarray_adapter_check_pointer(self->context, "context", error));
  self->made = distarray_sundials_make(self->comm, n, N, loan->data, self->context);
  if (self->made != NULL) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_NO_MEMORY, -1, "vector", 1, 0,
                                  "SUNDIALS made no vector");
}

/* Makes a vector of a loan's memory. SUNDIALS asks for no indices: any array of one
 * owner for each element is taken, of any number of axes and any distribution, if the
 * elements lie side by side, in either order. Collective over comm. */
static inline int32_t distarray_sundials_borrow_nvector(MPI_Comm comm, distarray_export *loan,
                                                        SUNContext context, N_Vector *vector,
                                                        distarray_error *error) {
  distarray_comm table;
  distarray_sundials_request mine;
  int32_t status;
  mine.comm = comm;
  mine.context = context;
  mine.vector = vector;
  mine.made = NULL;
  status = distarray_adapter_take_if(comm, loan, distarray_sundials_accept, &mine, &table, error);
  if (status != DISTARRAY_OK) {
    if (mine.made != NULL) N_VDestroy_Parallel(mine.made);
    return status;
  }
  distarray_export_move(&((distarray_sundials_content *)mine.made->content)->loan, loan);
  mine.made->ops->nvclone = distarray_sundials_clone;
  mine.made->ops->nvcloneempty = distarray_sundials_clone_empty;
  mine.made->ops->nvdestroy = distarray_sundials_destroy;
  *vector = mine.made;
  return DISTARRAY_OK;
}

/* What distarray_sundials_borrow_nvector takes of an array of ndim axes, for
 * distarray_accommodation_new. axes is room for ndim records. */
static inline distarray_requirements distarray_sundials_requirements(
    int32_t ndim, distarray_required_axis *axes) {
  distarray_requirements asked = distarray_adapter_rows_requirements(
      ndim, axes, DISTARRAY_LAYOUT_C | DISTARRAY_LAYOUT_FORTRAN, DISTARRAY_DTYPE_FLOAT,
      DISTARRAY_SUNDIALS_BITS);
  int32_t i;
  for (i = 0; i < ndim; i++) {
    axes[i].dist_types = 0;
    axes[i].proc_grid_size = 0;
  }
  asked.replicas = 1;
  return asked;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_SUNDIALS_H */
