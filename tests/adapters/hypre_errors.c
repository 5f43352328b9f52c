/* HYPRE's errors: one of its own fails a call on all ranks alike, also where the program has
 * one of the same kind pending, which stays pending as it was. This program stands before
 * three of HYPRE's functions, so that they fail when it says so. */
#define _GNU_SOURCE
#include <distarray_hypre.h>
#include <dlfcn.h>

#include "block.h"
#include "../common/check.h"

static HYPRE_Int fails; /* the error that the next of these functions sets; 0: none */
static int calls;

static void fail_if_told(void) {
  calls++;
  if (fails != 0) hypre_error_handler(__FILE__, __LINE__, fails, NULL);
}

/* HYPRE's own function, after this program's of the same name. */
static void find(const char *name, void *function) {
  void *found = dlsym(RTLD_NEXT, name);
  check(found != NULL);
  memcpy(function, &found, sizeof found);
}

HYPRE_Int hypre_ParVectorInitialize(hypre_ParVector *vector) {
  HYPRE_Int (*own)(hypre_ParVector *);
  find(__func__, &own);
  fail_if_told();
  return own(vector);
}

HYPRE_Int HYPRE_StructVectorAssemble(HYPRE_StructVector vector) {
  HYPRE_Int (*own)(HYPRE_StructVector);
  find(__func__, &own);
  fail_if_told();
  return own(vector);
}

HYPRE_Int HYPRE_StructGridAssemble(HYPRE_StructGrid grid) {
  HYPRE_Int (*own)(HYPRE_StructGrid);
  find(__func__, &own);
  fail_if_told();
  return own(grid);
}

static distarray_export loan;
static HYPRE_StructGrid grid;

static int32_t par_vector(void) {
  distarray_hypre_par_vector borrowed;
  const int32_t status = distarray_hypre_borrow_par_vector(comm, &loan, &borrowed, &error);
  if (status == DISTARRAY_OK) distarray_hypre_return_par_vector(&borrowed);
  return status;
}

static int32_t struct_grid(void) {
  HYPRE_StructGrid made;
  const int32_t status = distarray_hypre_create_struct_grid(comm, &loan, &made, &error);
  if (status == DISTARRAY_OK) HYPRE_StructGridDestroy(made);
  return status;
}

static int32_t struct_vector(void) {
  distarray_hypre_struct_vector borrowed;
  const int32_t status = distarray_hypre_borrow_struct_vector(comm, grid, &loan, &borrowed, &error);
  if (status == DISTARRAY_OK) distarray_hypre_return_struct_vector(&borrowed);
  return status;
}

/* What the program has pending: none, the same kind, others, an argument. */
static const HYPRE_Int pendings[] = {0, HYPRE_ERROR_GENERIC, HYPRE_ERROR_CONV | HYPRE_ERROR_MEMORY,
                                     HYPRE_ERROR_ARG | 3 << 3};

static void provoke(int32_t (*call)(void)) {
  const size_t n = sizeof pendings / sizeof *pendings;
  for (size_t i = 0; i < n; i++)
    for (int failing = 0; failing < 2; failing++) {
      block b = block_on(1, rank, size);
      b.dims[0] = uneven(9, size, rank);
      block_alloc(&b);
      block_lend(&b, &loan);
      HYPRE_ClearAllErrors();
      if (pendings[i] != 0) hypre_error_handler(__FILE__, __LINE__, pendings[i], NULL);
      fails = failing && rank == size - 1 ? HYPRE_ERROR_GENERIC : 0;
      calls = 0;
      if (failing) {
        refused_with(call(), DISTARRAY_E_UNACCEPTABLE, "hypre", "Generic error");
        check(error.rank == size - 1 && error.found == HYPRE_ERROR_GENERIC);
        check(distarray_export_is_live(&loan));
      } else {
        must(call());
      }
      check(calls > 0 && HYPRE_GetError() == pendings[i]);
      fails = 0;
      distarray_export_release(&loan);
      check(b.released == 1);
      block_free(&b);
    }
  HYPRE_ClearAllErrors();
}

int main(int argc, char **argv) {
  block b;
  start(&argc, &argv);
  HYPRE_Init();
  b = block_on(1, rank, size);
  b.dims[0] = uneven(9, size, rank);
  block_alloc(&b);
  block_lend(&b, &loan);
  must(distarray_hypre_create_struct_grid(comm, &loan, &grid, &error));
  distarray_export_release(&loan);
  block_free(&b);
  provoke(par_vector);
  provoke(struct_grid);
  provoke(struct_vector);
  HYPRE_StructGridDestroy(grid);
  HYPRE_Finalize();
  return finish("hypre_errors");
}
