/* distarray_hypre_common.h - what HYPRE's vectors of both kinds share: their element type,
 * and HYPRE's errors. Included by distarray_hypre_parcsr.h and distarray_hypre_struct.h.
 */
#ifndef DISTARRAY_HYPRE_COMMON_H
#define DISTARRAY_HYPRE_COMMON_H

#include <_hypre_utilities.h>

#include "distarray_adapter_mpi.h"

#if defined(HYPRE_USING_GPU)
#error "this HYPRE keeps its vectors in device memory"
#endif
#if defined(HYPRE_LONG_DOUBLE)
#error "long double is no element type that others know"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(HYPRE_COMPLEX)
#define DISTARRAY_HYPRE_DTYPE DISTARRAY_DTYPE_COMPLEX
#else
#define DISTARRAY_HYPRE_DTYPE DISTARRAY_DTYPE_FLOAT
#endif
#define DISTARRAY_HYPRE_BITS ((uint8_t)(8 * sizeof(HYPRE_Complex)))
#define DISTARRAY_HYPRE_MAX_INDEX (sizeof(HYPRE_BigInt) == 4 ? INT32_MAX : INT64_MAX)
#define DISTARRAY_HYPRE_MAX_LOCAL (sizeof(HYPRE_Int) == 4 ? INT32_MAX : INT64_MAX)

/* Refuses a loan that HYPRE could not work on in place. Local. */
static inline int32_t distarray_hypre_open(const distarray_export *loan, uint32_t known_read,
                                           distarray_error *error) {
  return distarray_adapter_open(loan, known_read, 1, DISTARRAY_HYPRE_DTYPE, DISTARRAY_HYPRE_BITS,
                                error);
}

/* HYPRE gathers its errors in one word, so that an error of the program's own would hide
 * one of the same kind that follows. The calls between these two begin with an empty word;
 * afterwards it is what it was: the program's errors stay pending, ours are reported. */
static inline HYPRE_Int distarray_hypre_begin(void) {
  const HYPRE_Int pending = HYPRE_GetError();
  HYPRE_ClearAllErrors();
  return pending;
}

static inline int32_t distarray_hypre_end(HYPRE_Int pending, distarray_error *error) {
  const HYPRE_Int flag = HYPRE_GetError();
  char kinds[256] = "", text[160];
  if (flag != 0) HYPRE_DescribeError(flag, kinds); /* reads the word, too */
  hypre_error_flag = pending;                       /* no public function sets it */
  if (flag == 0) return DISTARRAY_OK;
  snprintf(text, sizeof text, "HYPRE set its error flag: %.100s", kinds);
  return distarray_adapter_refuse(error, DISTARRAY_E_UNACCEPTABLE, -1, "hypre", 0, flag, text);
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_HYPRE_COMMON_H */
