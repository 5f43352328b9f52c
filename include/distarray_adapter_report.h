/* distarray_adapter_report.h - the reports of adapters to libraries, and agreement on
 * them. Included by them; C99, C++11, no library needed.
 */
#ifndef DISTARRAY_ADAPTER_REPORT_H
#define DISTARRAY_ADAPTER_REPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distarray.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes a report and returns its code. text says what is wrong and what to do;
 * axis is -1 for none. */
static inline int32_t distarray_adapter_refuse(distarray_error *error, int32_t code,
                                               int64_t axis, const char *field,
                                               int64_t expected, int64_t found,
                                               const char *text) {
  char place[32] = "";
  if (error == NULL) return code;
  memset(error, 0, sizeof *error);
  error->code = code;
  error->has_values = 1;
  error->rank = error->other_rank = -1;
  error->axis = axis;
  error->expected = expected;
  error->found = found;
  if (axis >= 0) snprintf(place, sizeof place, "axis %lld, ", (long long)axis);
  snprintf(error->field, sizeof error->field, "%s", field);
  snprintf(error->message, sizeof error->message, "%s%s: %s (expected %lld, found %lld)", place,
           field, text, (long long)expected, (long long)found);
  return code;
}

/* Ends the caller with the report of a call that failed. */
#define DISTARRAY_ADAPTER_TRY(call)                            \
  do {                                                         \
    const int32_t distarray_adapter_status = (call);           \
    if (distarray_adapter_status != DISTARRAY_OK)              \
      return distarray_adapter_status;                         \
  } while (0)

/* Refuses what the message layer reports by a code other than 0. */
static inline int32_t distarray_adapter_check_messages(int32_t code, distarray_error *error) {
  if (code == 0) return DISTARRAY_OK;
  return distarray_adapter_refuse(error, DISTARRAY_E_COMM, -1, "comm", 0, code,
                                  "the message layer failed");
}

/* The end of a call that went well. */
static inline int32_t distarray_adapter_ok(distarray_error *error) {
  if (error != NULL) {
    memset(error, 0, sizeof *error);
    error->rank = error->other_rank = error->axis = -1;
  }
  return DISTARRAY_OK;
}

/* Names the rank at fault in a report. */
static inline void distarray_adapter_name_rank(distarray_error *report, int64_t rank) {
  const size_t prefix = sizeof "rank 9223372036854775807, ";
  char message[sizeof report->message];
  report->rank = rank;
  snprintf(message, sizeof message, "%s", report->message);
  snprintf(report->message, sizeof report->message, "rank %lld, %.*s", (long long)rank,
           (int)(sizeof report->message - prefix), message);
}

/* Gives all ranks the report of the first rank that has one, and the least of each of n
 * numbers, at most 4. Collective over comm, by one reduction; what one rank finds wrong
 * must not leave another waiting in a library's call. */
static inline int32_t distarray_adapter_agree_least(const distarray_comm *comm, int32_t status,
                                                    int64_t *numbers, int n,
                                                    distarray_error *error) {
  distarray_error report;
  int64_t least[5], first;
  int32_t code;
  int i;
  least[0] = status == DISTARRAY_OK ? comm->size : comm->rank;
  for (i = 0; i < n; i++) least[1 + i] = numbers[i];
  code = comm->allreduce(comm->context, least, 1 + n, DISTARRAY_COMM_I64, DISTARRAY_COMM_MIN);
  first = least[0];
  for (i = 0; i < n; i++) numbers[i] = least[1 + i];
  distarray_adapter_ok(&report);
  if (code == 0 && first == comm->size) return distarray_adapter_ok(error);
  if (code == 0 && first == comm->rank) {
    report.code = status;
    if (error != NULL) report = *error;
    distarray_adapter_name_rank(&report, first);
  }
  if (code == 0) code = comm->bcast(comm->context, first, &report, (int64_t)sizeof report);
  if (code != 0) return distarray_adapter_check_messages(code, error);
  if (error != NULL) *error = report;
  return report.code;
}

/* distarray_adapter_agree_least without numbers, for a caller whose error may be NULL:
 * report is this rank's own, written if status is one. Collective. */
static inline int32_t distarray_adapter_agree_on(const distarray_comm *comm, int32_t status,
                                                 distarray_error *report, distarray_error *error) {
  status = distarray_adapter_agree_least(comm, status, NULL, 0, report);
  if (error != NULL) *error = *report;
  return status;
}

/* Refuses on all ranks what malloc refused on one. Collective. */
static inline int32_t distarray_adapter_agree_on_memory(const distarray_comm *comm, void *memory,
                                                        distarray_error *error) {
  distarray_error report;
  int32_t status = DISTARRAY_OK;
  if (memory == NULL)
    status = distarray_adapter_refuse(&report, DISTARRAY_E_NO_MEMORY, -1, "memory", 1, 0,
                                      "memory for a message could not be allocated");
  status = distarray_adapter_agree_on(comm, status, &report, error);
  if (status != DISTARRAY_OK) free(memory);
  return status;
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_ADAPTER_REPORT_H */
