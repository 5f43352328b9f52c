/* What the programs of the book share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpi.h>

#include <distarray.h>
#include <distarray_mpi.h>

static int rank, size;
static distarray_comm comm;
static distarray_error error;

static inline void must(int32_t status) {
  if (status == DISTARRAY_OK) return;
  fprintf(stderr, "%s\n", error.message);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static void begin(int *argc, char ***argv) {
  MPI_Init(argc, argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  /* ANCHOR: comm */
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, &comm) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  /* ANCHOR_END: comm */
}

static void give_back(distarray_export *loan) { loan->release = NULL; }

/* Lends data, packed in C order, of two axes. dims, shape and strides must live on. */
static distarray_export lend(void *data, uint8_t code, uint8_t bits, const int64_t shape[2],
                             int64_t strides[2], const distarray_dim dims[2]) {
  distarray_export loan = DISTARRAY_EXPORT_INIT;
  distarray_export_set_dtype(&loan, code, bits);
  distarray_strides_c_order(2, shape, loan.itemsize, strides);
  loan.data = data;
  loan.ndim = 2;
  loan.shape = shape;
  loan.strides = strides;
  loan.dims = dims;
  loan.process_rank = rank;
  loan.process_count = size;
  loan.release = give_back;
  return loan;
}
