/* petsc_halo.h - the same halo by PETSc: DMGlobalToLocal of a DMDA.
 *
 * It fills the ghosts of a local vector from a global one, and copies the interior
 * along: that is how PETSc's users get their ghosts.
 */
#ifndef PETSC_HALO_H
#define PETSC_HALO_H
#ifdef HAVE_PETSC

#include <petscdmda.h>

#include "hand_halo.h"

typedef struct {
  DM grid;
  Vec global, local;
} petsc_halo;

static void halo_petsc(void *context) {
  petsc_halo *p = context;
  DMGlobalToLocalBegin(p->grid, p->global, INSERT_VALUES, p->local);
  DMGlobalToLocalEnd(p->grid, p->global, INSERT_VALUES, p->local);
}

/* PETSc numbers ranks with its x, our last axis, fastest: as we do. */
static void petsc_halo_new(petsc_halo *p, const halo_case *c) {
  DMBoundaryType edge = c->periodic ? DM_BOUNDARY_PERIODIC : DM_BOUNDARY_GHOSTED;
  DMDAStencilType stencil = c->corners ? DMDA_STENCIL_BOX : DMDA_STENCIL_STAR;
  const long *n = c->size;
  const int *g = c->grid;
  if (c->ndim == 2)
    DMDACreate2d(PETSC_COMM_WORLD, edge, edge, stencil, n[2], n[1], g[2], g[1], 1, c->width, NULL, NULL,
                 &p->grid);
  else
    DMDACreate3d(PETSC_COMM_WORLD, edge, edge, edge, stencil, n[2], n[1], n[0], g[2], g[1], g[0], 1,
                 c->width, NULL, NULL, NULL, &p->grid);
  DMSetUp(p->grid);
  DMCreateGlobalVector(p->grid, &p->global);
  DMCreateLocalVector(p->grid, &p->local);
}

static int petsc_halo_try(petsc_halo *p, const halo *h) {
  double *a;
  long index[3];
  VecSet(p->local, -1);
  VecGetArray(p->global, &a);
  for (int i = 0; i < h->inner[0]; i++)
    for (int j = 0; j < h->inner[1]; j++)
      for (int k = 0; k < h->inner[2]; k++) {
        index[0] = h->offset[0] + i, index[1] = h->offset[1] + j, index[2] = h->offset[2] + k;
        a[((size_t)i * h->inner[1] + j) * h->inner[2] + k] = halo_value(index);
      }
  VecRestoreArray(p->global, &a);
  halo_petsc(p);
  VecGetArray(p->local, &a);
  int correct = halo_correct(h, a);
  VecRestoreArray(p->local, &a);
  return correct;
}

static void race_petsc(race *r, petsc_halo *p, const halo *h) {
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  petsc_halo_new(p, &h->c);
  double plan = MPI_Wtime() - start;
  race_add(r, "petsc", PEER, halo_petsc, p, plan, petsc_halo_try(p, h));
}

static void petsc_halo_free(petsc_halo *p) {
  VecDestroy(&p->global);
  VecDestroy(&p->local);
  DMDestroy(&p->grid);
}

#endif
#endif /* PETSC_HALO_H */
