/* The auditor, written in Rust (audit/src): borrows the arrays of an implicit heat
 * step and computes by itself how well they solve it. */
#ifndef AUDIT_H
#define AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "distarray_abi.h"
#include "distarray_comm.h"

typedef struct audit audit;

/* Takes both loans over; on error they have gone back to their owner, and message
 * says why. temperature has one cell of halo, load has none. Local. */
int32_t audit_new(const distarray_comm *comm, distarray_export *temperature,
                  distarray_export *load, double coupling, audit **out, char *message,
                  size_t capacity);

/* Where the auditor reads. Local. */
void audit_addresses(const audit *self, const void **temperature, const void **load);

/* Computes |load - A temperature| / |load|, with A = 1 - coupling * Laplacian taken
 * from the halo as it stands, and the mean temperature. Collective. */
int32_t audit_run(const audit *self, double *residual, double *mean, char *message,
                  size_t capacity);

/* Gives the loans back. Local. */
void audit_free(audit *self);

#endif
