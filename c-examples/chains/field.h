/* The stations of field.c. Each works in the memory of the loan that it is given, gives
 * it back, and ends the job where an element is not what its global index says. */
#ifndef FIELD_H
#define FIELD_H

#include <stdio.h>
#include <stdlib.h>

#include <mpi.h>

#include <distarray.h>

enum { NX = 13, NY = 10, NZ = 7 };

static inline int field_around(int g, int n) { return (g + n) % n; }

/* The element at a global index, as Fortran fills it in; indices go around. */
static inline double field_value(int i, int j, int k) {
  const int x = field_around(i, NX), y = field_around(j, NY), z = field_around(k, NZ);
  return (7 * x * x + 11 * y + 13 * z * x) % 101;
}

static inline double field_laplacian(int i, int j, int k) {
  return field_value(i - 1, j, k) + field_value(i + 1, j, k) + field_value(i, j - 1, k) +
         field_value(i, j + 1, k) + field_value(i, j, k - 1) + field_value(i, j, k + 1) -
         6 * field_value(i, j, k);
}

static inline void field_require(int right, const char *what) {
  if (right) return;
  fprintf(stderr, "this does not hold: %s\n", what);
  MPI_Abort(MPI_COMM_WORLD, 1);
  abort(); /* which the compiler knows to be the end */
}
#define REQUIRE(condition) field_require(condition, #condition)

static inline void field_must(int32_t status, const distarray_error *error) {
  field_require(status == DISTARRAY_OK, error->message);
}
#define MUST(call) field_must(call, &error)

static inline void field_say(MPI_Comm comm, const char *what) {
  int rank;
  MPI_Barrier(comm); /* all ranks came here */
  MPI_Comm_rank(comm, &rank);
  if (rank == 0) printf("%s\n", what);
  fflush(stdout);
}

/* Puts the Laplacian of an array into it: field_hypre.c, or where HYPRE is not built for
 * the program's MPI, field_stencil.c. */
void apply_laplacian(MPI_Comm comm, distarray_export *loan);

/* Writes an array to the dataset u of a file; reads it into another layout: field_hdf5.c. */
void write_and_read(MPI_Comm comm, distarray_export *loan, const char *file);

#endif
