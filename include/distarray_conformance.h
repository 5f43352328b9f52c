/* distarray_conformance.h - what `distarray check --producer` and `--consumer` call.
 *
 *   distarray check --producer libmine.so --symbol mine_lend --ranks 4
 *   distarray check --consumer libmine.so --symbol mine_take
 *
 * Build a shared library with a function of one of the types below around your own
 * code. The command calls it in processes of its own, many times and in many ways,
 * and tells which rules of distarray_abi.h it breaks; a crash, a hang or an exit is
 * a verdict, too. MPI is not started: rank and count are arguments. */
#ifndef DISTARRAY_CONFORMANCE_H
#define DISTARRAY_CONFORMANCE_H

#include "distarray_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Lends the part that `rank` of `count` ranks holds of one array.
 *
 *   lend-1  returns DISTARRAY_OK and a live loan; or DISTARRAY_E_* and release NULL
 *   lend-2  overwrites all 256 bytes of the loan, consumer_flags with zero
 *   lend-3  the loan keeps every rule that one rank can check
 *   lend-4  the loans of all ranks are parts of one array, for `rank` of `count`
 *   lend-5  the loan may be moved: no field points into the struct
 *   lend-6  release sets release = NULL, from wherever the loan was moved to
 *   lend-7  release may come from another thread
 *   lend-8  a rank may be lent again, before (or DISTARRAY_E_BUSY) and after release
 *   lend-9  memory and description stay valid and unchanged until release,
 *           whatever other loans do
 *   lend-10 without DISTARRAY_W_READ_ONLY the elements may be written */
typedef int32_t distarray_conformance_producer(int32_t rank, int32_t count,
                                               distarray_export *loan);

/* Takes the loan, uses it and gives it back before returning; or refuses it.
 *
 *   take-1  returns DISTARRAY_OK and has released the loan; or DISTARRAY_E_* and has
 *           left it as it was
 *   take-2  releases once
 *   take-3  refuses what it cannot understand, and follows no pointer of it: another
 *           major version, unknown flags_read bits, a struct that is too short
 *   take-4  refuses what is no loan: a wrong magic, release NULL
 *   take-5  writes no memory lent for reading, nor with unknown flags_write bits
 *   take-6  writes no bytes but elements
 *   take-7  says what it wrote: DISTARRAY_C_MODIFIED, DISTARRAY_C_HALO_MODIFIED
 *   take-8  touches no memory after release
 *   take-9  changes no field but consumer_flags, and nothing that they point to
 *   take-10 takes at least one of the valid loans */
typedef int32_t distarray_conformance_consumer(distarray_export *loan);

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_CONFORMANCE_H */
