/* A C code with its own packed block of doubles, which it lends. All it knows
 * of distarray is distarray_abi.h. */
#ifndef BLOCK_H
#define BLOCK_H

#include "distarray_abi.h"
#include "problem.h"

typedef struct block block;

/* Allocates this process's cells, all at value; NULL if there is no memory. */
block *block_new(const problem *p, double value);

/* Lends the block, as often as asked. Local. */
void block_lend(block *self, distarray_export *loan);

const double *block_data(const block *self);
double block_max(const block *self);

int block_loans_made(const block *self);
int block_loans_out(const block *self);
int block_times_modified(const block *self);

/* Frees the block; returns 0, or 1 and keeps it while a loan is out. */
int block_free(block *self);

#endif
