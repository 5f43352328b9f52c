/* ours_halo.h - the halo case by libdistarray.
 *
 *   ours_msg  by messages, in the very memory of the hand-written variants
 *   ours_shm  by shared memory, in an array that the library allocates for it
 */
#ifndef OURS_HALO_H
#define OURS_HALO_H

#include "hand_halo.h"
#include "ours.h"

typedef struct {
  const halo *h;
  double *a;
  MPI_Comm comm; /* its own, so that each case measures anew how far apart the ranks are */
  distarray_bound_halo *bound;
  distarray_array *array;
  distarray_distribution *distribution;
} ours_halo;

/* This rank's part, ghosts outside the array at its edges. */
static void halo_piece(piece *p, const halo *h) {
  int ndim = h->c.ndim;
  piece_start(p, ndim, DISTARRAY_DTYPE_FLOAT, 64, h->a);
  for (int axis = 0; axis < ndim; axis++) {
    int d = axis + 3 - ndim;
    p->dims[axis] = distarray_dim_block(h->c.size[d], h->c.grid[d], h->at[d], h->offset[d], h->offset[d] + h->inner[d]);
    distarray_dim_add_halo(&p->dims[axis], h->ghost[d], h->ghost[d]);
    if (h->c.periodic) p->dims[axis].flags |= DISTARRAY_DIM_PERIODIC;
    p->shape[axis] = h->local[d];
  }
  distarray_strides_c_order(ndim, p->shape, sizeof(double), p->strides);
}

static void halo_ours(void *context) {
  ours_halo *o = context;
  distarray_error error;
  write_own(o->h, o->a);
  must(distarray_bound_halo_update(o->bound, &error), &error);
}

static int ours_halo_try(ours_halo *o, const halo *h) {
  distarray_export view;
  distarray_error error;
  must(distarray_array_view(o->array, &view, &error), &error);
  o->h = h, o->a = view.data;
  halo_fill(h, view.data);
  MPI_Barrier(MPI_COMM_WORLD);
  halo_ours(o);
  MPI_Barrier(MPI_COMM_WORLD);
  return halo_correct(h, view.data);
}

static void race_ours(race *r, const char *name, ours_halo *o, const halo *h, int shared) {
  distarray_error error;
  piece p;
  MPI_Comm_dup(MPI_COMM_WORLD, &o->comm);
  halo_piece(&p, h);
  piece_take(&p, o->comm, &o->array, &o->distribution);
  if (shared) share(&p, o->distribution, &o->array);
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  distarray_halo *plan;
  const distarray_array *array = o->array;
  must(distarray_halo_new(o->distribution, h->c.corners, &plan, &error), &error);
  must(distarray_halo_bind(plan, 1, &array, &o->bound, &error), &error);
  distarray_halo_free(plan);
  double planning = MPI_Wtime() - start;
  race_add(r, name, OURS, halo_ours, o, planning, ours_halo_try(o, h));
}

static void ours_halo_free(ours_halo *o) {
  distarray_bound_halo_free(o->bound);
  distarray_distribution_free(o->distribution);
  distarray_array_free(o->array);
  MPI_Comm_free(&o->comm);
}

#endif /* OURS_HALO_H */
