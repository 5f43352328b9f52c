/* The interoperability matrix: every library that can lend an array, with every library
 * that can borrow one. A library is a file that fills in a `library` and is listed in
 * matrix.c. All functions are collective; elements are doubles. */
#ifndef MATRIX_H
#define MATRIX_H

#include <distarray.h>
#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of MPI_COMM_WORLD, on which everything happens. */
extern int rank, size;

/* The array that is handed on. */
typedef struct shape {
  int32_t ndim;
  int64_t size[3];
} shape;

/* An object of a library, whose every owned element, at the row-major position p of its
 * index in the whole array, is p plus a number that was added. */
typedef struct producer {
  const char *name;
  uint32_t    ndims; /* bit n: makes arrays of n axes */
  /* Makes the object, with nothing added, and lends it. */
  int32_t (*lend)(const shape *, void **object, distarray_export *loan, distarray_error *);
  /* Asks the library, by its own indices, for every element that this rank owns. */
  int (*holds)(void *object, int64_t added);
  void (*end)(void *object);
} producer;

typedef struct consumer {
  const char *name;
  /* Makes an object of the loan, in the same memory, or refuses it and leaves it live; NULL
   * where the library works in no memory but its own. */
  int32_t (*borrow)(const shape *, distarray_export *loan, void **object, const void **address,
                    distarray_error *);
  int (*holds)(void *object, int64_t added);
  /* Writes every owned element by the library's own indices. */
  void (*add)(void *object, int64_t number);
  /* Gives the loan back. */
  void (*end)(void *object);
  /* What it takes, so that anything else can be copied into that; NULL where no copy that
   * libdistarray makes would do. */
  distarray_requirements (*requirements)(const shape *, distarray_required_axis axes[3]);
  /* Who makes an object of the library's own, to which elements are copied where all that
   * fails, or NULL; lend lends that object once more. */
  const producer *own;
  int32_t (*lend)(void *object, distarray_export *loan, distarray_error *);
} consumer;

typedef struct library {
  const char     *name;
  void          (*start)(int *argc, char ***argv); /* or NULL */
  void          (*stop)(void);
  const producer *producers;
  int             n_producers;
  const consumer *consumers;
  int             n_consumers;
} library;

/* What takes any array asks for. */
distarray_requirements anything(const shape *, distarray_required_axis axes[3]);

/* The address of a loan's first element behind its padding. */
const void *first_owned(const distarray_export *loan);

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

/* Ends the job where the libraries do what they must not. */
void insist_line(int right, const char *what, const char *file, int line);
#define INSIST(condition) insist_line(condition, #condition, __FILE__, __LINE__)

extern const library c_library, fortran_library, distarray_library, petsc_library, slepc_library,
    tpetra_library, epetra_library, sundials_library, hypre_library, scalapack_library, fftw_library,
    ga_library, hdf5_library;

#ifdef __cplusplus
}
#endif

#endif
