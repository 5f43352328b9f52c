/* FFTW transforms foreign slabs in place, and its own are lent. Each coefficient is
 * compared with a sum over all elements, so that FFTW is told the right places. Any
 * number of ranks from 1. */
#include <distarray.h>
#include <distarray_fftw.h>

#include "../common/check.h"

#include <complex.h>

enum { N0 = 7, N1 = 6, N2 = 5, ALL = N0 * N1 * N2 };

static double whole[ALL];            /* the array that all slabs are parts of */
static double complex spectrum[ALL]; /* and its transform, made by the sum */

static int64_t at(const int64_t *g) { return (g[0] * N1 + g[1]) * N2 + g[2]; }

static void make_spectrum(void) {
  const double turn = 2 * acos(-1.0);
  for (int i = 0; i < ALL; i++) whole[i] = (double)((i * 37 + 11) % 101);
  for (int64_t k0 = 0; k0 < N0; k0++)
    for (int64_t k1 = 0; k1 < N1; k1++)
      for (int64_t k2 = 0; k2 < N2; k2++) {
        const int64_t k[3] = {k0, k1, k2};
        double complex sum = 0;
        for (int64_t i = 0; i < N0; i++)
          for (int64_t j = 0; j < N1; j++)
            for (int64_t l = 0; l < N2; l++) {
              const int64_t g[3] = {i, j, l};
              const double phase =
                  (double)(k0 * i) / N0 + (double)(k1 * j) / N1 + (double)(k2 * l) / N2;
              sum += whole[at(g)] * cexp(-I * turn * phase);
            }
        spectrum[at(k)] = sum;
      }
}

/* Each element of a loan with its global index, through libdistarray's maps. */
typedef void visit(char *element, const int64_t *g);

static void each(const distarray_export *loan, visit *what) {
  for (int64_t i = 0; i < loan->shape[0]; i++)
    for (int64_t j = 0; j < loan->shape[1]; j++)
      for (int64_t k = 0; k < loan->shape[2]; k++) {
        const int64_t local[3] = {i, j, k};
        int64_t g[3], offset = 0;
        for (int axis = 0; axis < 3; axis++) {
          must(distarray_dim_local_to_global(&loan->dims[axis], 1, &local[axis], &g[axis], &error));
          offset += local[axis] * loan->strides[axis];
        }
        what((char *)loan->data + offset, g);
      }
}

static void set_complex(char *e, const int64_t *g) { *(double complex *)e = whole[at(g)]; }
static void set_real(char *e, const int64_t *g) { *(double *)e = whole[at(g)]; }
static void check_real(char *e, const int64_t *g) {
  check(fabs(*(double *)e - whole[at(g)] * ALL) < 1e-8);
}
static void check_same(char *e, const int64_t *g) { check(*(double *)e == whole[at(g)]); }
static void check_spectrum(char *e, const int64_t *g) {
  check(cabs(*(double complex *)e - spectrum[at(g)]) < 1e-8);
}

static void proved(const distarray_export *loan, const void *address) {
  must(distarray_check_collective(&table, loan, &error));
  check(loan->data == address);
}

static const ptrdiff_t n[3] = {N0, N1, N2};

/* FFTW's own slabs: complex, transposed, real, half-complex; and several components. */
static void lend_all(void) {
  distarray_lease lease = DISTARRAY_LEASE_INIT;
  distarray_export loan, out;
  for (int way = 0; way < 2; way++) {
    const ptrdiff_t block = way == 0 ? FFTW_MPI_DEFAULT_BLOCK : (N0 + size - 1) / size + 1;
    ptrdiff_t a, b, c, d;
    const ptrdiff_t room = fftw_mpi_local_size_many_transposed(
        3, n, 1, block, FFTW_MPI_DEFAULT_BLOCK, MPI_COMM_WORLD, &a, &b, &c, &d);
    fftw_complex *data = fftw_alloc_complex((size_t)room + 1);
    must(distarray_fftw_lend(MPI_COMM_WORLD, 3, n, 1, block, DISTARRAY_FFTW_COMPLEX, data, &lease,
                             &loan, &error));
    proved(&loan, data);
    for (int transposed = 0; transposed < 2; transposed++) {
      fftw_plan plan = fftw_mpi_plan_many_dft(
          3, n, 1, block, FFTW_MPI_DEFAULT_BLOCK, data, data, MPI_COMM_WORLD, FFTW_FORWARD,
          FFTW_ESTIMATE | (transposed ? FFTW_MPI_TRANSPOSED_OUT : 0));
      each(&loan, set_complex);
      fftw_execute(plan);
      if (transposed) {
        must(distarray_fftw_lend(MPI_COMM_WORLD, 3, n, 1, FFTW_MPI_DEFAULT_BLOCK,
                                 DISTARRAY_FFTW_TRANSPOSED, data, &lease, &out, &error));
        proved(&out, data);
        each(&out, check_spectrum);
        distarray_export_release(&out);
      } else if (way == 0) {
        each(&loan, check_spectrum);
      }
      fftw_destroy_plan(plan);
    }
    distarray_export_release(&loan);
    fftw_free(data);
  }
  /* Real numbers and their half spectrum in the same memory. */
  const ptrdiff_t half[3] = {N0, N1, N2 / 2 + 1};
  ptrdiff_t a, b;
  ptrdiff_t c, d;
  const ptrdiff_t room =
      fftw_mpi_local_size_many_transposed(3, half, 1, FFTW_MPI_DEFAULT_BLOCK, FFTW_MPI_DEFAULT_BLOCK,
                                          MPI_COMM_WORLD, &a, &b, &c, &d);
  double *data = fftw_alloc_real(2 * (size_t)room + 1);
  fftw_plan plan = fftw_mpi_plan_dft_r2c_3d(N0, N1, N2, data, (fftw_complex *)data, MPI_COMM_WORLD,
                                            FFTW_ESTIMATE);
  must(distarray_fftw_lend(MPI_COMM_WORLD, 3, n, 1, FFTW_MPI_DEFAULT_BLOCK, DISTARRAY_FFTW_REAL,
                           data, &lease, &loan, &error));
  must(distarray_fftw_lend(MPI_COMM_WORLD, 3, half, 1, FFTW_MPI_DEFAULT_BLOCK,
                           DISTARRAY_FFTW_COMPLEX, data, &lease, &out, &error));
  proved(&loan, data);
  proved(&out, data);
  check(lease.live == 2);
  each(&loan, set_real);
  fftw_execute(plan);
  each(&out, check_spectrum);
  distarray_export_release(&out);
  fftw_destroy_plan(plan);
  /* The half spectrum transposed. */
  plan = fftw_mpi_plan_dft_r2c_3d(N0, N1, N2, data, (fftw_complex *)data, MPI_COMM_WORLD,
                                  FFTW_ESTIMATE | FFTW_MPI_TRANSPOSED_OUT);
  must(distarray_fftw_lend(MPI_COMM_WORLD, 3, half, 1, FFTW_MPI_DEFAULT_BLOCK,
                           DISTARRAY_FFTW_TRANSPOSED, data, &lease, &out, &error));
  proved(&out, data);
  each(&loan, set_real);
  fftw_execute(plan);
  each(&out, check_spectrum);
  distarray_export_release(&loan);
  distarray_export_release(&out);
  fftw_destroy_plan(plan);

  /* Packed real numbers. */
  must(distarray_fftw_lend(MPI_COMM_WORLD, 3, n, 1, FFTW_MPI_DEFAULT_BLOCK, DISTARRAY_FFTW_R2R, data,
                           &lease, &loan, &error));
  proved(&loan, data);
  check(loan.itemsize == 8 && (loan.shape[0] == 0 || loan.strides[1] == 8 * N2));
  check(loan.alloc_bytes == 8 * (uint64_t)fftw_mpi_local_size_many(3, n, 1, FFTW_MPI_DEFAULT_BLOCK,
                                                                   MPI_COMM_WORLD, &a, &b));
  distarray_export_release(&loan);

  must(distarray_fftw_lend(MPI_COMM_WORLD, 2, n, 3, FFTW_MPI_DEFAULT_BLOCK, DISTARRAY_FFTW_COMPLEX,
                           data, &lease, &loan, &error));
  proved(&loan, data);
  check(loan.ndim == 3 && loan.shape[2] == 3 && (loan.dims[2].flags & DISTARRAY_DIM_COMPONENT));
  distarray_export_release(&loan);
  check(lease.live == 0);
  fftw_free(data);
  refused(distarray_fftw_lend(MPI_COMM_WORLD, 1, n, 1, 0, 0, data, &lease, &loan, &error),
          DISTARRAY_E_UNACCEPTABLE, "ndim");
  refused(distarray_fftw_lend(MPI_COMM_WORLD, 2, n, 0, 0, 0, data, &lease, &loan, &error),
          DISTARRAY_E_RANGE, "howmany");
  refused(distarray_fftw_lend(MPI_COMM_WORLD, 2, n, 1, -N0 + 1, 0, data, &lease, &loan, &error),
          DISTARRAY_E_RANGE, "block"); /* FFTW would divide by a number of 0 blocks */
  const ptrdiff_t none[2] = {N0, 0};
  for (int layout = 0; layout < 3; layout++)
    refused(distarray_fftw_lend(MPI_COMM_WORLD, 2, none, 1, FFTW_MPI_DEFAULT_BLOCK, layout, data,
                                &lease, &loan, &error),
            DISTARRAY_E_RANGE, "size");
  check(lease.live == 0);
}

/* A transposed slab of one block is on rank 0; FFTW needs no more room than is said. */
static void lend_one_block(void) {
  enum { GUARD = 64 };
  for (ptrdiff_t block = N1; block < N1 + 3; block += 2)
    for (int real = 0; real < 2; real++) {
      const int layout = real ? DISTARRAY_FFTW_R2R : DISTARRAY_FFTW_COMPLEX;
      const int turned = layout | DISTARRAY_FFTW_TRANSPOSED;
      distarray_required_axis axes[3 + 2];
      distarray_requirements asked;
      distarray_export in, out;
      must(distarray_fftw_requirements(MPI_COMM_WORLD, 3, n, 1, block, turned, axes, &asked, &error));
      char *data = fftw_malloc((size_t)asked.room + GUARD);
      memset(data + asked.room, 0x5a, GUARD);
      must(distarray_fftw_lend(MPI_COMM_WORLD, 3, n, 1, 0, layout, data, NULL, &in, &error));
      must(distarray_fftw_lend(MPI_COMM_WORLD, 3, n, 1, block, turned, data, NULL, &out, &error));
      proved(&in, data);
      proved(&out, data);
      check(out.shape[1] == (rank == 0 ? N1 : 0) && out.alloc_bytes == asked.room);
      check(rank > 0 || asked.room >= (uint64_t)ALL * (uint64_t)out.itemsize);
      fftw_plan plan =
          real ? fftw_mpi_plan_many_transpose(N0, N1, N2, 0, block, (double *)data, (double *)data,
                                              MPI_COMM_WORLD, FFTW_ESTIMATE)
               : fftw_mpi_plan_many_dft(3, n, 1, 0, block, (fftw_complex *)data,
                                        (fftw_complex *)data, MPI_COMM_WORLD, FFTW_FORWARD,
                                        FFTW_ESTIMATE | FFTW_MPI_TRANSPOSED_OUT);
      each(&in, real ? set_real : set_complex);
      fftw_execute(plan);
      each(&out, real ? check_same : check_spectrum);
      for (int i = 0; i < GUARD; i++) check(data[asked.room + (uint64_t)i] == 0x5a);
      fftw_destroy_plan(plan);
      distarray_export_release(&in);
      distarray_export_release(&out);
      fftw_free(data);
    }
}

static void set_pair(char *e, const int64_t *g) {
  const double pair[2] = {whole[at(g)], -1 - whole[at(g)]};
  memcpy(e, pair, sizeof pair);
}
static void check_pair(char *e, const int64_t *g) {
  check(creal(*(double complex *)e) == whole[at(g)]);
  check(cimag(*(double complex *)e) == -1 - whole[at(g)]);
}

/* Complex numbers lent as two real ones each, and taken back as complex. */
static void lend_pairs(void) {
  for (int layout = DISTARRAY_FFTW_PAIRS; layout < 8; layout += DISTARRAY_FFTW_TRANSPOSED)
    for (ptrdiff_t howmany = 1; howmany < 3; howmany++) {
      const ptrdiff_t block = FFTW_MPI_DEFAULT_BLOCK;
      distarray_fftw_slab slab;
      distarray_export loan, plain;
      ptrdiff_t a, b, c, d;
      const ptrdiff_t room = fftw_mpi_local_size_many_transposed(
          3, n, howmany, block, block, MPI_COMM_WORLD, &a, &b, &c, &d);
      fftw_complex *data = fftw_alloc_complex((size_t)room + 1);
      must(distarray_fftw_lend(MPI_COMM_WORLD, 3, n, howmany, block, layout, data, NULL, &loan,
                               &error));
      must(distarray_fftw_lend(MPI_COMM_WORLD, 3, n, howmany, block, layout - DISTARRAY_FFTW_PAIRS,
                               data, NULL, &plain, &error));
      proved(&loan, data);
      check(loan.ndim == plain.ndim + 1 && loan.shape[plain.ndim] == 2 && loan.itemsize == 8);
      check(loan.dims[plain.ndim].flags & DISTARRAY_DIM_COMPONENT);
      each(&loan, set_pair);
      each(&plain, check_pair);
      must(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, layout, &slab, &error));
      check(slab.data == data && slab.rnk == 3 && slab.howmany == howmany && slab.n[2] == N2);
      refused(distarray_fftw_borrow(MPI_COMM_WORLD, &plain, layout, &slab, &error),
              DISTARRAY_E_DTYPE, "dtype_code");
      const int64_t wrong[5] = {loan.shape[0], loan.shape[1], N2, 1, 1};
      const int64_t *right = loan.shape;
      distarray_dim dims[5];
      memcpy(dims, loan.dims, sizeof *dims * (size_t)loan.ndim);
      dims[3] = dims[4] = distarray_dim_whole(1);
      const distarray_dim *kept = loan.dims;
      loan.shape = wrong, loan.dims = dims;
      refused(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, layout, &slab, &error),
              DISTARRAY_E_UNACCEPTABLE, "shape");
      loan.shape = right, loan.dims = kept;
      distarray_export_release(&plain);
      distarray_export_release(&loan);
      fftw_free(data);
    }
}

/* --- Foreign slabs --------------------------------------------------------- */

/* Real rows have room for half a spectrum, or are packed. */
enum { COMPLEX, PADDED, PACKED };

static int64_t shape[3], strides[3];
static distarray_dim dims[3];
static int live;
static void give_back(distarray_export *loan) {
  live--;
  loan->release = NULL;
}

/* Blocks of `block` rows along axis cut, in memory of our own. */
static distarray_export foreign(int cut, int64_t block, int kind, double *memory, size_t bytes) {
  const int real = kind != COMPLEX;
  int64_t first = rank * block < n[cut] ? rank * block : n[cut];
  int64_t stop = (rank + 1) * block < n[cut] ? (rank + 1) * block : n[cut];
  const int order[3] = {cut, 1 - cut, 2};
  int64_t step = real ? 8 : 16;
  for (int axis = 0; axis < 3; axis++) {
    dims[axis] = axis == cut ? distarray_dim_block(n[axis], size, rank, first, stop)
                             : distarray_dim_whole(n[axis]);
    shape[axis] = axis == cut ? stop - first : n[axis];
  }
  for (int i = 2; i >= 0; i--) {
    strides[order[i]] = step;
    step *= kind == PADDED && i == 2 ? 2 * (N2 / 2 + 1) : shape[order[i]];
  }
  distarray_export loan = loan_of(memory, 3, shape, strides, dims, give_back);
  if (!real) distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_COMPLEX, 128);
  loan.alloc_base = memory;
  loan.alloc_bytes = bytes;
  loan.flags_info = DISTARRAY_I_SLACK;
  live++;
  return loan;
}

static void borrow_all(double *memory, size_t bytes) {
  distarray_fftw_slab slab, turned;
  for (int64_t block = (N0 + size - 1) / size; block <= N0; block++) {
    distarray_export loan = foreign(0, block, COMPLEX, memory, bytes);
    must(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, DISTARRAY_FFTW_COMPLEX, &slab, &error));
    check(slab.data == memory && slab.rnk == 3 && slab.howmany == 1 && slab.block == block);
    fftw_plan plan =
        fftw_mpi_plan_many_dft(slab.rnk, slab.n, slab.howmany, slab.block, slab.block, slab.data,
                               slab.data, MPI_COMM_WORLD, FFTW_FORWARD, FFTW_ESTIMATE);
    each(&loan, set_complex);
    fftw_execute(plan);
    each(&loan, check_spectrum);
    fftw_destroy_plan(plan);
    distarray_export_release(&loan);

    loan = foreign(0, block, PADDED, memory, bytes);
    must(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, DISTARRAY_FFTW_REAL, &slab, &error));
    check(slab.data == memory && slab.n[2] == N2);
    fftw_plan there = fftw_mpi_plan_many_dft_r2c(3, slab.n, 1, slab.block, slab.block, slab.data,
                                                 slab.data, MPI_COMM_WORLD, FFTW_ESTIMATE);
    fftw_plan back = fftw_mpi_plan_many_dft_c2r(3, slab.n, 1, slab.block, slab.block, slab.data,
                                                slab.data, MPI_COMM_WORLD, FFTW_ESTIMATE);
    each(&loan, set_real);
    fftw_execute(there);
    fftw_execute(back);
    each(&loan, check_real);
    fftw_destroy_plan(there);
    fftw_destroy_plan(back);
    distarray_export_release(&loan);

    /* Packed real numbers, transposed in place. */
    distarray_export columns = foreign(1, (N1 + size - 1) / size, PACKED, memory, bytes);
    must(distarray_fftw_borrow(MPI_COMM_WORLD, &columns,
                               DISTARRAY_FFTW_R2R | DISTARRAY_FFTW_TRANSPOSED, &turned, &error));
    distarray_export_release(&columns);
    loan = foreign(0, block, PACKED, memory, bytes);
    must(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, DISTARRAY_FFTW_R2R, &slab, &error));
    check(slab.data == memory && slab.block == block && turned.n[1] == slab.n[1]);
    plan = fftw_mpi_plan_many_transpose(slab.n[0], slab.n[1], slab.n[2], slab.block, turned.block,
                                        slab.data, slab.data, MPI_COMM_WORLD, FFTW_ESTIMATE);
    each(&loan, set_real);
    fftw_execute(plan);
    fftw_destroy_plan(plan);
    distarray_export_release(&loan);
    columns = foreign(1, (N1 + size - 1) / size, PACKED, memory, bytes);
    each(&columns, check_same);
    distarray_export_release(&columns);
  }
  /* A spectrum cut along the second axis, from a slab cut along the first. */
  for (int64_t block = (N1 + size - 1) / size; block <= N1; block++) {
    distarray_export loan = foreign(1, block, COMPLEX, memory, bytes);
    must(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, DISTARRAY_FFTW_TRANSPOSED, &slab, &error));
    check(slab.block == block && slab.n[0] == N0 && slab.n[1] == N1);
    fftw_plan plan = fftw_mpi_plan_many_dft(3, slab.n, 1, FFTW_MPI_DEFAULT_BLOCK, slab.block,
                                            slab.data, slab.data, MPI_COMM_WORLD, FFTW_FORWARD,
                                            FFTW_ESTIMATE | FFTW_MPI_TRANSPOSED_OUT);
    distarray_export_release(&loan);
    loan = foreign(0, (N0 + size - 1) / size, COMPLEX, memory, bytes);
    each(&loan, set_complex);
    fftw_execute(plan);
    distarray_export_release(&loan);
    loan = foreign(1, block, COMPLEX, memory, bytes);
    each(&loan, check_spectrum);
    distarray_export_release(&loan);
    fftw_destroy_plan(plan);
  }
  check(live == 0);
}

/* --- Copies with FFTW's room -------------------------------------------------- */

static void set_value(char *e, const int64_t *g, int layout) {
  if (distarray_fftw_is_real(layout))
    set_real(e, g);
  else
    set_complex(e, g);
}

/* Lines dealt out along the last axis, column-major, are copied to a slab, which FFTW
 * transforms and which is not copied again. */
static void accommodate(int layout, ptrdiff_t block, double *memory, size_t bytes) {
  distarray_required_axis axes[3 + 2];
  distarray_requirements asked;
  distarray_fftw_slab slab;
  distarray_array *array, *handed, *again;
  distarray_distribution *whole, *theirs;
  distarray_accommodation *way, *second;
  distarray_export view, loan, same;
  distarray_request writing = DISTARRAY_REQUEST_INIT;
  writing.access = DISTARRAY_ACCESS_READ_WRITE;
  writing.known_flags_read = DISTARRAY_R_KNOWN_1_0;
  writing.known_flags_write = DISTARRAY_W_KNOWN_1_0;
  distarray_export source = foreign(0, 1, distarray_fftw_is_real(layout) ? PACKED : COMPLEX, memory, bytes);
  const int64_t first = N2 * rank / size, stop = N2 * (rank + 1) / size;
  dims[0] = distarray_dim_whole(N0);
  dims[2] = distarray_dim_block(N2, size, rank, first, stop);
  shape[0] = N0, shape[2] = stop - first;
  distarray_strides_fortran_order(3, shape, source.itemsize, strides);
  source.flags_info = 0;
  for (int64_t i = 0; i < N0; i++)
    for (int64_t j = 0; j < N1; j++)
      for (int64_t k = first; k < stop; k++) {
        const int64_t g[3] = {i, j, k};
        set_value((char *)memory + i * strides[0] + j * strides[1] + (k - first) * strides[2], g, layout);
      }
  must(distarray_fftw_requirements(MPI_COMM_WORLD, 3, n, 1, block, layout, axes, &asked, &error));
  must(distarray_array_import(&source, DISTARRAY_ACCESS_READ_WRITE, &array, &error));
  must(distarray_distribution_gather(&table, array, &whole, &error));
  must(distarray_accommodation_new(whole, array, &asked, &way, &error));
  must(distarray_accommodation_hand_over(way, array, &handed, &error));
  must(distarray_array_view(handed, &view, &error));
  check(view.flags_info & DISTARRAY_I_COPIED);

  /* What has the room already is worked in. */
  must(distarray_accommodation_distribution(way, &theirs, &error));
  must(distarray_accommodation_new(theirs, handed, &asked, &second, &error));
  must(distarray_accommodation_hand_over(second, handed, &again, &error));
  must(distarray_array_view(again, &same, &error));
  check(same.data == view.data);
  check(asked.room == 0 || same.alloc_bytes >= asked.room);

  must(distarray_array_export(again, &writing, &loan, &error));
  must(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, layout, &slab, &error));
  check(slab.data == view.data && slab.rnk == 3);
  if (layout == DISTARRAY_FFTW_COMPLEX) {
    fftw_plan plan = fftw_mpi_plan_many_dft(3, slab.n, 1, slab.block, slab.block, slab.data, slab.data,
                                            MPI_COMM_WORLD, FFTW_FORWARD, FFTW_ESTIMATE);
    fftw_execute(plan);
    each(&loan, check_spectrum);
    fftw_destroy_plan(plan);
  } else if (layout == DISTARRAY_FFTW_REAL) {
    fftw_plan there = fftw_mpi_plan_many_dft_r2c(3, slab.n, 1, slab.block, slab.block, slab.data,
                                                 slab.data, MPI_COMM_WORLD, FFTW_ESTIMATE);
    fftw_plan back = fftw_mpi_plan_many_dft_c2r(3, slab.n, 1, slab.block, slab.block, slab.data,
                                                slab.data, MPI_COMM_WORLD, FFTW_ESTIMATE);
    fftw_execute(there);
    fftw_execute(back);
    each(&loan, check_real);
    fftw_destroy_plan(there);
    fftw_destroy_plan(back);
  } else if (distarray_fftw_is_real(layout)) {
    each(&loan, check_same);
  }
  loan.consumer_flags |= DISTARRAY_C_MODIFIED;
  distarray_export_release(&loan);
  must(distarray_accommodation_take_back(second, again, handed, &error));
  must(distarray_accommodation_take_back(way, handed, array, &error));
  must(distarray_array_view(array, &view, &error));
  if (layout == DISTARRAY_FFTW_COMPLEX)
    each(&view, check_spectrum);
  else if (layout == DISTARRAY_FFTW_REAL)
    each(&view, check_real);
  distarray_array_free(again);
  distarray_array_free(handed);
  distarray_array_free(array);
  distarray_accommodation_free(second);
  distarray_accommodation_free(way);
  distarray_distribution_free(theirs);
  distarray_distribution_free(whole);
  check(live == 0);
}

static void accommodate_all(double *memory, size_t bytes) {
  const int layouts[] = {DISTARRAY_FFTW_COMPLEX, DISTARRAY_FFTW_REAL, DISTARRAY_FFTW_R2R,
                         DISTARRAY_FFTW_TRANSPOSED, DISTARRAY_FFTW_R2R | DISTARRAY_FFTW_TRANSPOSED};
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
    accommodate(layouts[i], FFTW_MPI_DEFAULT_BLOCK, memory, bytes);
    /* All of it on rank 0. */
    accommodate(layouts[i], layouts[i] & DISTARRAY_FFTW_TRANSPOSED ? N1 : N0, memory, bytes);
  }
  distarray_required_axis axes[5];
  distarray_requirements asked;
  refused(distarray_fftw_requirements(MPI_COMM_WORLD, 1, n, 1, 0, 0, axes, &asked, &error),
          DISTARRAY_E_UNACCEPTABLE, "ndim");
  refused(distarray_fftw_requirements(MPI_COMM_WORLD, 3, n, 1, 0, 0, axes, NULL, &error),
          DISTARRAY_E_NULL, "asked");
}

static void refuse_all(double *memory, size_t bytes) {
  const int last = rank == size - 1;
  distarray_fftw_slab slab;
  distarray_export loan;
  const int64_t block = (N0 + size - 1) / size;
  slab.rnk = -5;
#define REFUSED(layout, code, field)                                                             \
  refused(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, layout, &slab, &error), code, field);     \
  check(slab.rnk == -5 && distarray_export_is_live(&loan));                                      \
  distarray_export_release(&loan)
  loan = foreign(0, block, COMPLEX, memory, bytes);
  REFUSED(DISTARRAY_FFTW_REAL, DISTARRAY_E_DTYPE, "dtype_code");
  loan = foreign(0, block, COMPLEX, memory, bytes);
  REFUSED(3, DISTARRAY_E_RANGE, "layout");
  loan = foreign(0, block, COMPLEX, memory, bytes);
  if (last) loan.flags_write = DISTARRAY_W_READ_ONLY;
  REFUSED(0, DISTARRAY_E_ACCESS, "flags_write");
  loan = foreign(1, (N1 + size - 1) / size, COMPLEX, memory, bytes); /* no element at all */
  dims[0] = distarray_dim_whole(0);
  shape[0] = 0;
  REFUSED(DISTARRAY_FFTW_TRANSPOSED, DISTARRAY_E_RANGE, "size");
  loan = foreign(0, block, COMPLEX, memory, bytes);
  refused(distarray_fftw_borrow(MPI_COMM_WORLD, &loan, 0, last ? NULL : &slab, &error),
          DISTARRAY_E_NULL, "slab");
  distarray_export_release(&loan);
  loan = foreign(0, block, COMPLEX, memory, bytes); /* column-major */
  distarray_strides_fortran_order(3, shape, 16, strides);
  REFUSED(0, DISTARRAY_E_UNACCEPTABLE, "strides");
  loan = foreign(0, block, COMPLEX, memory, bytes);
  loan.ndim = 1;
  REFUSED(0, DISTARRAY_E_UNACCEPTABLE, "ndim");
  loan = foreign(0, block, PADDED, memory, bytes); /* packed rows have no room for a spectrum */
  distarray_strides_c_order(3, shape, 8, strides);
  REFUSED(DISTARRAY_FFTW_REAL, DISTARRAY_E_UNACCEPTABLE, "strides");
  loan = foreign(0, block, PADDED, memory, bytes);
  if (rank == 0) loan.alloc_bytes = 0, loan.alloc_base = NULL;
  REFUSED(DISTARRAY_FFTW_REAL, DISTARRAY_E_UNACCEPTABLE, "alloc_bytes");
  loan = foreign(0, block, PADDED, memory, bytes);
  if (rank == 0) loan.flags_info = 0;
  REFUSED(DISTARRAY_FFTW_REAL, DISTARRAY_E_ACCESS, "flags_info");
  loan = foreign(0, block, COMPLEX, memory, bytes);
  distarray_dim_add_halo(&dims[0], 1, 1);
  shape[0] += 2;
  if (shape[0] > 2 && (size == 1 || N0 > block * (size - 1))) {
    REFUSED(0, DISTARRAY_E_UNACCEPTABLE, "padding");
  } else {
    distarray_export_release(&loan);
  }
  if (size > 1) {
    loan = foreign(0, block, COMPLEX, memory, bytes);
    dims[0] = distarray_dim_cyclic(N0, size, rank, 1, 0);
    shape[0] = (N0 - rank + size - 1) / size;
    REFUSED(0, DISTARRAY_E_UNACCEPTABLE, "dist_type");
    loan = foreign(1, (N1 + size - 1) / size, COMPLEX, memory, bytes);
    REFUSED(0, DISTARRAY_E_UNACCEPTABLE, "proc_grid_size");
    static int64_t backwards[16];
    const int64_t place = size - 1 - rank, first = place * block < N0 ? place * block : N0;
    for (int k = 0; k < size; k++) backwards[k] = size - 1 - k;
    loan = foreign(0, block, COMPLEX, memory, bytes); /* the last rank has the first rows */
    dims[0] = distarray_dim_block(N0, size, place, first, first + block < N0 ? first + block : N0);
    shape[0] = dims[0].stop - dims[0].start;
    loan.flags_read = DISTARRAY_R_GRID_MAP;
    loan.grid_ranks = backwards;
    REFUSED(0, DISTARRAY_E_UNACCEPTABLE, "proc_grid_rank");
    loan = foreign(0, block, COMPLEX, memory, bytes); /* a short first block */
    dims[0] = distarray_dim_block(N0, size, rank,
                                  rank == 0   ? 0
                                  : rank == 1 ? 1
                                              : N0,
                                  rank == 0 ? 1 : N0);
    shape[0] = dims[0].stop - dims[0].start;
    REFUSED(0, DISTARRAY_E_UNACCEPTABLE, "stop");
  }
  check(live == 0);
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  fftw_mpi_init();
  make_spectrum();
  lend_all();
  lend_one_block();
  lend_pairs();
  const size_t bytes = 16 * 2 * ALL;
  double *memory = malloc(bytes);
  borrow_all(memory, bytes);
  accommodate_all(memory, bytes);
  refuse_all(memory, bytes);
  free(memory);
  fftw_mpi_cleanup();
  return finish("fftw");
}
