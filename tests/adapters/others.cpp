// The adapters to SLEPc, SUNDIALS and HYPRE compile as C++, and are used from it.
#include <distarray_hypre.h>
#include <distarray_slepc.h>
#include <distarray_sundials.h>

int32_t chain(MPI_Comm comm, BV basis, SUNContext context, N_Vector *vector,
              distarray_error *error) {
  distarray_export loan;
  distarray_hypre_par_vector par;
  int32_t status = distarray_slepc_lend_bv(basis, DISTARRAY_ACCESS_READ_WRITE, &loan, error);
  if (status == 0)
    status = distarray_sundials_borrow_nvector(comm, &loan, context, vector, error);
  if (status == 0)
    status = distarray_sundials_lend_nvector(comm, *vector, DISTARRAY_ACCESS_READ, &loan, error);
  if (status == 0) status = distarray_hypre_borrow_par_vector(comm, &loan, &par, error);
  return status;
}
