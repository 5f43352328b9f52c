/* What heat.f90 offers to C; described there. */
#ifndef HEAT_H
#define HEAT_H

#include "distarray_abi.h"
#include "problem.h"

void heat_new(const problem *p, const double *pattern, int fortran_comm);
int32_t heat_lend_temperature(distarray_export *loan);
int32_t heat_lend_load(distarray_export *loan);
void heat_compute_load(void);
void heat_set_walls(void);
void heat_summary(double *highest, double *mean_source);
const void *heat_temperature_address(void);
const void *heat_load_address(void);
void heat_loans(int32_t *made, int32_t *live, int32_t *u_modified);
void heat_free(void);

#endif
