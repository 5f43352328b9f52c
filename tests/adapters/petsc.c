/* PETSc's vectors and dense matrices, lent and borrowed, on any number of ranks: every
 * element by PETSc's own global index, every address, every release. */
#include <distarray_petsc.h>

#define ELEMENT PetscScalar
#define ELEMENT_CODE DISTARRAY_PETSC_DTYPE
#include "block.h"
#include "../common/check.h"

#define TRY(call) PetscCallAbort(PETSC_COMM_WORLD, call)

static const PetscScalar *address(Vec vec) {
  const PetscScalar *elements;
  TRY(VecGetArrayRead(vec, &elements));
  const PetscScalar *at = elements;
  TRY(VecRestoreArrayRead(vec, &elements));
  return at;
}

static PetscScalar value(Vec vec, PetscInt index) {
  PetscScalar found;
  TRY(VecGetValues(vec, 1, &index, &found));
  return found;
}

static PetscInt references(void *object) {
  PetscInt count;
  TRY(PetscObjectGetReference((PetscObject)object, &count));
  return count;
}

/* A vector in blocks of bs, uneven, whose elements are their indices plus added. */
static Vec vec_of(PetscInt bs, PetscInt blocks, PetscScalar added) {
  const PetscInt first = bs * (PetscInt)bound(blocks, size, rank);
  const PetscInt stop = bs * (PetscInt)bound(blocks, size, rank + 1);
  Vec vec;
  TRY(VecCreate(comm, &vec));
  TRY(VecSetBlockSize(vec, bs));
  TRY(VecSetSizes(vec, stop - first, bs * blocks));
  TRY(VecSetType(vec, VECSTANDARD));
  for (PetscInt i = first; i < stop; i++) TRY(VecSetValue(vec, i, (PetscScalar)i + added, INSERT_VALUES));
  TRY(VecAssemblyBegin(vec));
  TRY(VecAssemblyEnd(vec));
  return vec;
}

static void lend_vectors(PetscInt bs, PetscInt blocks) {
  distarray_export loan, second;
  PetscReal before, after;
  Vec vec = vec_of(bs, blocks, 0);

  must(distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check(loan.data == (const void *)address(vec) && is_filled(&loan, 0));
  check(loan.ndim == (bs > 1 ? 2 : 1) && loan.dims[0].size == blocks);
  check(!distarray_export_writable(&loan, 0) && references(vec) == 2);
  must(distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ, &second, &error));
  distarray_export_release(&loan);
  check(references(vec) == 2 && is_filled(&second, 0));
  distarray_export_release(&second);
  check(references(vec) == 1);

  /* A foreign write, after which PETSc must not know its norm any more. */
  TRY(VecNorm(vec, NORM_1, &before));
  must(distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  check(distarray_export_writable(&loan, 0));
  fill(&loan, 1);
  loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&loan);
  TRY(VecNorm(vec, NORM_1, &after));
  check(after == before + (PetscReal)(bs * blocks));

  /* The loan keeps its vector. */
  must(distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ, &loan, &error));
  TRY(VecDestroy(&vec));
  check(is_filled(&loan, 1));
  distarray_export_release(&loan);
  TRY(PetscGarbageCleanup(comm));
}

/* Rows of a 2-D or 1-D array as a vector. */
static void borrow_vectors(int64_t rows, int64_t columns, int component) {
  block b = block_on(columns > 0 ? 2 : 1, rank, size);
  distarray_export loan, view;
  const int64_t width = columns > 0 ? columns : 1;
  PetscInt first, stop, bs;
  Vec vec, copy;
  b.dims[0] = uneven(rows, size, rank);
  if (columns > 0) b.dims[1] = distarray_dim_whole(columns);
  if (component) b.dims[1].flags = DISTARRAY_DIM_COMPONENT;
  block_alloc(&b);
  view = view_of(&b);
  fill(&view, 0);

  block_lend(&b, &loan);
  must(distarray_petsc_borrow_vec(comm, &loan, &vec, &error));
  check(!distarray_export_is_live(&loan) && b.live == 1);
  check(elements_of(&view) == 0 || address(vec) == b.data);
  TRY(VecGetBlockSize(vec, &bs));
  check(bs == (component ? columns : 1));
  TRY(VecGetOwnershipRange(vec, &first, &stop));
  check(first == b.dims[0].start * width && stop == b.dims[0].stop * width);
  for (PetscInt i = first; i < stop; i++) check(value(vec, i) == (PetscScalar)i);

  /* Reading alone tells the lender nothing. */
  TRY(VecDestroy(&vec));
  check(b.live == 0 && b.released == 1 && b.consumer_flags == 0);

  /* Writing does, whatever happens to a duplicate. */
  block_lend(&b, &loan);
  must(distarray_petsc_borrow_vec(comm, &loan, &vec, &error));
  TRY(VecDuplicate(vec, &copy));
  check(address(copy) != b.data || b.data == NULL || elements_of(&view) == 0);
  TRY(VecCopy(vec, copy));
  TRY(VecShift(vec, 5));
  check(is_filled(&view, 5));
  TRY(VecDestroy(&vec));
  check(b.live == 0 && b.released == 2 && b.consumer_flags == DISTARRAY_C_MODIFIED);
  for (PetscInt i = first; i < stop; i++) check(value(copy, i) == (PetscScalar)i);
  TRY(VecDuplicate(copy, &vec));
  TRY(VecDestroy(&copy));
  TRY(VecDestroy(&vec));
  check(b.released == 2);

  /* The lender writes while PETSc has it, and says so: PETSc's norm is a new one. */
  PetscReal before, after;
  block_lend(&b, &loan);
  must(distarray_petsc_borrow_vec(comm, &loan, &vec, &error));
  TRY(VecNorm(vec, NORM_1, &before));
  for (int64_t i = 0; i < elements_of(&view); i++) b.data[i] += 1;
  TRY(PetscObjectStateIncrease((PetscObject)vec));
  TRY(VecNorm(vec, NORM_1, &after));
  check(after == before + (PetscReal)(rows * width));
  for (int64_t i = 0; i < elements_of(&view); i++) b.data[i] -= 1;
  TRY(VecDestroy(&vec));
  check(b.released == 3);

  /* PETSc computes with it and a vector of its own; what is lent for reading stays so. */
  b.consumer_flags = 0;
  b.flags_write = DISTARRAY_W_READ_ONLY;
  block_lend(&b, &loan);
  must(distarray_petsc_borrow_vec(comm, &loan, &vec, &error));
  copy = vec_of((PetscInt)width, (PetscInt)rows, 5);
  TRY(VecAXPY(copy, -1, vec));
  for (PetscInt i = first; i < stop; i++) check(value(copy, i) == (PetscScalar)0);
  TRY(VecDestroy(&copy));
  TRY(VecDestroy(&vec));
  check(b.released == 4 && b.consumer_flags == 0);
  block_free(&b);
}

/* Each rank owns three indices and sees the next and the one before, around the end;
 * a lone rank sees no other. */
static void ghosts(PetscInt bs) {
  enum { OWN = 3 };
  const int64_t N = OWN * size;
  const int seen = size > 1 ? 2 : 0;
  int64_t indices[OWN + 2];
  PetscInt foreign[2];
  distarray_export loan, view;
  Vec vec, local;
  for (int i = 0; i < OWN; i++) indices[i] = OWN * rank + i;
  indices[OWN] = (OWN * rank + OWN) % N;
  indices[OWN + 1] = (OWN * rank - 1 + N) % N;
  for (int i = 0; i < seen; i++) foreign[i] = (PetscInt)indices[OWN + i];

  block b = block_on(bs > 1 ? 2 : 1, rank, size);
  b.dims[0] = distarray_dim_unstructured(N, size, rank, indices, OWN + seen, OWN, 1);
  if (bs > 1) b.dims[1] = distarray_dim_whole(bs);
  b.flags_read = size > 1 ? DISTARRAY_R_GHOSTS : 0;
  block_alloc(&b);
  view = view_of(&b);
  fill(&view, 0);
  block_lend(&b, &loan);
  must(distarray_petsc_borrow_ghost(comm, &loan, &vec, &error));
  check(address(vec) == b.data);
  for (PetscInt i = 0; i < OWN * bs; i++)
    check(value(vec, OWN * bs * rank + i) == (PetscScalar)(OWN * bs * rank + i));
  TRY(VecGhostUpdateBegin(vec, INSERT_VALUES, SCATTER_FORWARD));
  TRY(VecGhostUpdateEnd(vec, INSERT_VALUES, SCATTER_FORWARD));
  for (int64_t i = 0; i < elements_of(&view); i++) {
    const element e = element_at(&view, i);
    check(*e.at == (PetscScalar)(double)linear(&view, e.index)); /* ghosts too */
  }
  TRY(VecDestroy(&vec));
  check(b.released == 1 &&
        b.consumer_flags == (DISTARRAY_C_MODIFIED | DISTARRAY_C_HALO_MODIFIED));

  /* The numbering of PETSc is by rank. */
  if (size > 1) {
    for (int i = 0; i < OWN; i++) indices[i] = OWN * (size - 1 - rank) + i;
    indices[OWN] = (OWN * (size - 1 - rank) + OWN) % N;
    indices[OWN + 1] = (OWN * (size - 1 - rank) - 1 + N) % N;
    block_lend(&b, &loan);
    refused_with(distarray_petsc_borrow_ghost(comm, &loan, &vec, &error), DISTARRAY_E_UNACCEPTABLE,
            "indices", "number yours so");
    check(distarray_export_is_live(&loan));
    distarray_export_release(&loan);
  }
  block_free(&b);

  /* PETSc's own, lent with its ghosts. */
  if (bs > 1)
    TRY(VecCreateGhostBlock(comm, bs, OWN * bs, PETSC_DETERMINE, seen, foreign, &vec));
  else
    TRY(VecCreateGhost(comm, OWN, PETSC_DETERMINE, seen, foreign, &vec));
  for (PetscInt i = OWN * bs * rank; i < OWN * bs * (rank + 1); i++)
    TRY(VecSetValue(vec, i, (PetscScalar)i, INSERT_VALUES));
  TRY(VecAssemblyBegin(vec));
  TRY(VecAssemblyEnd(vec));
  TRY(VecGhostUpdateBegin(vec, INSERT_VALUES, SCATTER_FORWARD));
  TRY(VecGhostUpdateEnd(vec, INSERT_VALUES, SCATTER_FORWARD));
  must(distarray_petsc_lend_ghost(vec, DISTARRAY_ACCESS_READ_WRITE, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  TRY(VecGhostGetLocalForm(vec, &local));
  check(loan.data == (const void *)address(local) && loan.dims[0].n_indices == OWN + seen);
  TRY(VecGhostRestoreLocalForm(vec, &local));
  for (int64_t i = 0; i < elements_of(&loan); i++) {
    const element e = element_at(&loan, i);
    check(*e.at == (PetscScalar)(double)linear(&loan, e.index));
  }
  PetscReal before, after;
  TRY(VecNorm(vec, NORM_1, &before));
  fill(&loan, 1);
  loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&loan);
  TRY(VecNorm(vec, NORM_1, &after));
  check(after == before + (PetscReal)(N * bs) && references(vec) == 1);
  TRY(VecDestroy(&vec));
}

static void dense(int64_t rows, int64_t columns, int64_t gap) {
  block b = block_on(2, rank, size);
  distarray_export loan, view;
  PetscInt first, stop, lda;
  PetscScalar found, *elements;
  Mat mat;
  b.column_major = 1;
  b.gap = gap;
  b.dims[0] = uneven(rows, size, rank);
  b.dims[1] = distarray_dim_whole(columns);
  block_alloc(&b);
  view = view_of(&b);
  fill(&view, 0);
  block_lend(&b, &loan);
  must(distarray_petsc_borrow_dense(comm, &loan, &mat, &error));
  TRY(MatGetOwnershipRange(mat, &first, &stop));
  check(first == b.dims[0].start && stop == b.dims[0].stop);
  for (PetscInt i = first; i < stop; i++)
    for (PetscInt j = 0; j < columns; j++) {
      TRY(MatGetValues(mat, 1, &i, 1, &j, &found));
      check(found == (PetscScalar)(double)(i * columns + j));
    }
  TRY(MatDenseGetArray(mat, &elements));
  check(elements == b.data || elements_of(&view) == 0);
  TRY(MatDenseRestoreArray(mat, &elements));
  TRY(MatDenseGetLDA(mat, &lda));
  check(lda == b.shape[0] + gap || b.shape[0] == 0);

  /* A product with PETSc's own vectors, against the sum by hand. */
  Vec x, y;
  TRY(MatCreateVecs(mat, &x, &y));
  TRY(VecSet(x, 2));
  TRY(MatMult(mat, x, y));
  for (PetscInt i = first; i < stop; i++)
    check(value(y, i) == (PetscScalar)(double)(2 * i * columns * columns + columns * (columns - 1)));
  TRY(VecDestroy(&x));
  TRY(VecDestroy(&y));
  for (PetscInt i = first; i < stop; i++)
    for (PetscInt j = 0; j < columns; j++) {
      found = (PetscScalar)(double)(i * columns + j + 7);
      TRY(MatSetValues(mat, 1, &i, 1, &j, &found, INSERT_VALUES));
    }
  TRY(MatAssemblyBegin(mat, MAT_FINAL_ASSEMBLY));
  TRY(MatAssemblyEnd(mat, MAT_FINAL_ASSEMBLY));
  check(is_filled(&view, 7));

  /* Lend it on while it is borrowed. */
  must(distarray_petsc_lend_dense(mat, DISTARRAY_ACCESS_READ, &loan, &error));
  must(distarray_check_collective(&table, &loan, &error));
  check((loan.data == (void *)b.data || elements_of(&view) == 0) && is_filled(&loan, 7));
  distarray_export_release(&loan);
  TRY(MatDestroy(&mat));
  check(b.live == 0 && b.released == 1 && b.consumer_flags == DISTARRAY_C_MODIFIED);
  block_free(&b);
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  TRY(PetscInitialize(&argc, &argv, NULL, NULL));
  lend_vectors(1, 11);
  lend_vectors(1, 2); /* empty ranks */
  lend_vectors(3, 7);
  borrow_vectors(13, 0, 0);
  borrow_vectors(2, 0, 0); /* empty ranks */
  borrow_vectors(11, 3, 0);
  borrow_vectors(11, 3, 1);
  ghosts(1);
  ghosts(2);
  dense(11, 3, 0);
  dense(11, 3, 2);
  dense(2, 5, 1); /* empty ranks */
  distarray_export late;
  Vec vec = vec_of(1, 5, 0);
  must(distarray_petsc_lend_vec(vec, DISTARRAY_ACCESS_READ, &late, &error));
  TRY(PetscFinalize());
  const int status = finish("petsc");
  distarray_export_release(&late); /* harmless */
  return status;
}
