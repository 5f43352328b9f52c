/* life.h - loans made of images, and scripts of their lives. */
#ifndef LIFE_H
#define LIFE_H

#include "distarray.h"

/* n_segments (n_bytes bytes[])[], of which the first is the struct;
 * n_pointers (segment offset target added)[], where target -1 is the release;
 * n_steps (step loan other value has_request fields[12])[].
 * Prints a line for each step: its status, then
 *   | released heard live epoch info touched
 * live is a bit for each loan, touched is 1 where a refused loan was changed. */
void live(const int64_t *ask);

/* ok, or no and the report; no end of line. */
void print_status(int32_t status, const distarray_error *error);

#endif
