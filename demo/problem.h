/* The problem every code of the demonstration has been told about: a plate of
 * size[0] x size[1] cells (y, x), cut over a grid of processes with x fastest.
 * heat.f90 has the same struct. */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <stdint.h>

typedef struct problem {
  int64_t size[2];     /* global cells                                       */
  int64_t grid[2];     /* processes                                          */
  int64_t place[2];    /* this process's coordinate                          */
  int64_t start[2];    /* first global cell of this process                  */
  int64_t stop[2];     /* one past its last                                  */
  int64_t pattern[2];  /* cells of the coarse source pattern                 */
  double  coupling;    /* conductivity * time step / cell width^2, no unit   */
  double  time_step;   /* s                                                  */
  int32_t rank, count; /* rank == place[0] * grid[1] + place[1]              */
} problem;

#endif
