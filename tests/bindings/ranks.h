/* ranks.h - ranks as threads of one process, without MPI: the table of
 * distarray_comm.h filled with functions of a message layer of one's own. */
#ifndef RANKS_H
#define RANKS_H

#include "distarray_comm.h"

/* Calls body once on each of size ranks, and returns when all have. */
void ranks_run(int64_t size, void (*body)(const distarray_comm *comm, void *data), void *data);

#endif
