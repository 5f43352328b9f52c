/* What fortran.F90 does, among the libraries. */
#include <distarray_adapter_mpi.h>

#include "matrix.h"

void   *fortran_new(int ndim, const int64_t *sizes, int rank, int nranks);
int32_t fortran_lend(void *object, int rank, int nranks, distarray_export *loan);
int32_t fortran_borrow(distarray_export *loan, void **object, distarray_error *error);
int     fortran_visit(void *object, int64_t added, int writing);
void   *fortran_address(void *object);
int     fortran_end(void *object);

static int holds(void *object, int64_t added) { return fortran_visit(object, added, 0); }

static void add(void *object, int64_t number) { fortran_visit(object, number, 1); }

static void end(void *object) { INSIST(fortran_end(object)); }

static int32_t lend(const shape *s, void **object, distarray_export *loan, distarray_error *error) {
  (void)error;
  *object = fortran_new(s->ndim, s->size, rank, size);
  add(*object, 0);
  return fortran_lend(*object, rank, size, loan);
}

static int32_t borrow(const shape *s, distarray_export *loan, void **object, const void **address,
                      distarray_error *error) {
  (void)s;
  DISTARRAY_ADAPTER_TRY(fortran_borrow(loan, object, error));
  *address = fortran_address(*object);
  return DISTARRAY_OK;
}

static const producer producers[] = {{"Fortran blocks with halo", 0xe, lend, holds, end}};
static const consumer consumers[] = {{"Fortran", borrow, holds, add, end, NULL, NULL, NULL}};

const library fortran_library = {"Fortran",        NULL,      NULL,            producers,
                                 COUNT(producers), consumers, COUNT(consumers)};
