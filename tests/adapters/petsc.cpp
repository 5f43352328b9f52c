// The adapters to PETSc compile as C++, and are used from it.
#include <distarray_petsc_dmda.h>

int32_t twice(MPI_Comm comm, Vec vec, DM grid, distarray_error *error) {
  distarray_export loan;
  Vec again;
  Mat mat;
  int32_t status = distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ_WRITE, &loan, error);
  if (status == 0) status = distarray_petsc_borrow_vec(comm, &loan, &again, error);
  if (status == 0) status = distarray_petsc_lend_dmda(grid, again, 0, &loan, error);
  if (status == 0) status = distarray_petsc_borrow_dmda_global(comm, grid, &loan, &again, error);
  if (status == 0) status = distarray_petsc_lend_ghost(again, 0, &loan, error);
  if (status == 0) status = distarray_petsc_borrow_ghost(comm, &loan, &again, error);
  if (status == 0) status = distarray_petsc_borrow_dense(comm, &loan, &mat, error);
  return status;
}
