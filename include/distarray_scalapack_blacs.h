/* distarray_scalapack_blacs.h - the functions of BLACS, which has no header of its own, that
 * ScaLAPACK's process grids are made and known by. Included by the headers beside it.
 */
#ifndef DISTARRAY_SCALAPACK_BLACS_H
#define DISTARRAY_SCALAPACK_BLACS_H

#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

int  Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridmap(int *context, int *ranks, int ld, int rows, int columns);
void Cblacs_gridinfo(int context, int *rows, int *columns, int *row, int *column);

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_SCALAPACK_BLACS_H */
