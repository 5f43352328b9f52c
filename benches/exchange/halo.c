/* halo.c - our halo exchange beside four hand-written ones and PETSc's.
 *
 * 4096^2 and 256^3 doubles, ghosts 1 to 3 wide, box and star stencils, periodic or
 * not, split along the slowest axis and along the fastest; with EXCHANGE_WRITTEN=1 the
 * owners write what they send before each update, and PETSc is left out. Every variant's ghosts
 * are checked before it is timed; a wrong one ends the program with status 1.
 */
#include "hand_halo.h"
#include "ours_halo.h"
#include "petsc_halo.h"

static const char *const columns[] = {"subarray", "pack", "neighbor", "shm",
#ifdef HAVE_PETSC
                                      "petsc",
#endif
                                      "ours_msg",
                                      "ours_shm",
                                      NULL};

static void run_case(const halo_case *c) {
  static race r;
  char name[96];
  snprintf(name, sizeof name, "%ldd %ld %s w=%d%s%s grid %dx%dx%d", (long)c->ndim, c->size[2],
           c->corners ? "box" : "star", c->width, c->periodic ? " periodic" : "", written ? " written" : "", c->grid[0], c->grid[1],
           c->grid[2]);
  if (!wanted("halo", name)) return;
  halo *h = halo_new(c);
  race_start(&r, "halo", name, halo_bytes(h), halo_limit, h);
  race_by_hand(&r, h);
#ifdef HAVE_PETSC
  petsc_halo petsc;
  if (!written) race_petsc(&r, &petsc, h);
#endif
  ours_halo messages;
  race_ours(&r, "ours_msg", &messages, h, 0);
  ours_halo shared;
  race_ours(&r, "ours_shm", &shared, h, 1);
  race_run(&r);
  race_print(&r, columns);
  ours_halo_free(&shared);
  ours_halo_free(&messages);
#ifdef HAVE_PETSC
  if (!written) petsc_halo_free(&petsc);
#endif
  halo_free(h);
}

/* split 0: the slowest axis is cut first; 1: the fastest. */
static void run_cases(int ndim, int split) {
  halo_case c = {ndim, 0, 0, 0, {1, 1, 1}, {1, 1, 1}};
  int grid[3] = {0, 0, 0};
  long extent = ndim == 2 ? (small ? 512 : 4096) : (small ? 32 : 256);
  MPI_Dims_create(ranks, ndim, grid);
  if (split && grid[0] == grid[ndim - 1]) return;
  for (int d = 0; d < ndim; d++) {
    c.size[3 - ndim + d] = extent;
    c.grid[3 - ndim + d] = split ? grid[ndim - 1 - d] : grid[d];
    if (extent % grid[d]) return;
  }
  for (c.periodic = 0; c.periodic < 2; c.periodic++)
    for (c.corners = 0; c.corners < 2; c.corners++)
      for (c.width = 1; c.width <= 3; c.width++) run_case(&c);
}

int main(int argc, char **argv) {
#ifdef HAVE_PETSC
  PetscInitialize(&argc, &argv, NULL, NULL); /* and MPI */
#else
  MPI_Init(&argc, &argv);
#endif
  start_timing();
  char title[96];
  snprintf(title, sizeof title, "halo exchange, %d ranks", ranks);
  print_heading(title, columns);
  for (int ndim = 2; ndim <= 3; ndim++)
    for (int split = 0; split < 2; split++) run_cases(ndim, split);
  if (json) fclose(json);
#ifdef HAVE_PETSC
  PetscFinalize();
#else
  MPI_Finalize();
#endif
  return wrong_results;
}
