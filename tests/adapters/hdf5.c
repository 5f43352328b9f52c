/* Arrays of many layouts are written to HDF5 files and read back in others. What lies in
 * the file is read by one process on its own, without selections. Any number of ranks
 * from 1; the argument is a file name. */
#include <distarray_hdf5.h>

#include "../common/check.h"

enum { NI = 11, NJ = 7, MAX = 64, LAYOUTS = 8 };

static double element(int64_t i, int64_t j) { return (double)(1000 * i + 10 * j + 3); }

typedef struct part {
  int64_t          shape[2], strides[2], list[MAX];
  distarray_dim    dims[2];
  distarray_export loan;
  char            *memory;
  size_t           bytes;
  int              live;
  uint64_t         written;
} part;

static void give_back(distarray_export *loan) {
  part *p = loan->private_data;
  p->live--;
  p->written |= loan->consumer_flags;
  loan->release = NULL;
}

/* The layouts: which axis is cut (or both) and how, and how elements lie. */
static void make(part *p, int layout, int width) {
  const int grid0 = layout == 7 && size % 2 == 0 ? 2 : layout == 3 || layout == 4 ? 1 : size;
  const int grid1 = size / grid0, place[2] = {rank / grid1, rank % grid1}, grid[2] = {grid0, grid1};
  const int64_t extents[2] = {NI, NJ};
  memset(p, 0, sizeof *p);
  for (int axis = 0; axis < 2; axis++) {
    const int64_t n = extents[axis], P = grid[axis], k = place[axis];
    if (layout == 1 || (layout == 7 && axis == 0)) { /* blocks with a halo around */
      p->dims[axis] = distarray_dim_block(n, P, k, n * k / P, n * (k + 1) / P);
      distarray_dim_add_halo(&p->dims[axis], 2, 1);
    } else if (layout == 2 || layout == 4 || (layout == 7 && axis == 1)) {
      p->dims[axis] = distarray_dim_cyclic(n, P, k, 2, layout == 4 ? P - 1 : 0);
    } else if ((layout == 5 || layout == 6) && axis == 0) { /* a list from the back, ghosts */
      int64_t mine = 0;
      for (int64_t g = n - 1; g >= 0; g--)
        if (g % P == k) p->list[mine++] = g;
      const int64_t owned = mine;
      if (layout == 6 && P > 1) p->list[mine++] = (k + 1) % P;
      p->dims[axis] = distarray_dim_unstructured(n, P, k, p->list, mine, owned, 1);
    } else if (layout == 0 && axis == 0) { /* padding at the edges that is owned */
      const int64_t before = k > 0, after = k < P - 1;
      p->dims[axis] = distarray_dim_block(n, P, k, n * k / P - before, n * (k + 1) / P + after);
      p->dims[axis].padding[0] = 1;
      p->dims[axis].padding[1] = 1;
      if (P == 1 || n < 3 * P)
        p->dims[axis] = distarray_dim_block(n, P, k, n * k / P, n * (k + 1) / P);
    } else {
      p->dims[axis] = distarray_dim_block(n, P, k, n * k / P, n * (k + 1) / P);
    }
    int64_t first, stop;
    must(distarray_dim_owned(&p->dims[axis], &p->shape[axis], &first, &stop, &error));
  }
  /* Lines with gaps, in C order or not; the last layout backwards. */
  const int fortran = layout % 2;
  p->strides[fortran ? 0 : 1] = width;
  p->strides[fortran ? 1 : 0] = width * (p->shape[fortran ? 0 : 1] + 3);
  p->bytes = (size_t)(width * (p->shape[0] + 4) * (p->shape[1] + 4));
  p->memory = malloc(p->bytes);
  memset(p->memory, 0x5a, p->bytes);
  p->loan = loan_of(p->memory, 2, p->shape, p->strides, p->dims, give_back);
  if (layout == 7 && p->shape[0] > 0) {
    p->loan.data = p->memory + p->strides[0] * (p->shape[0] - 1);
    p->strides[0] *= -1;
  }
  distarray_export_set_dtype(&p->loan,
                             width == 16 ? DISTARRAY_DTYPE_COMPLEX : DISTARRAY_DTYPE_FLOAT,
                             (uint8_t)(8 * width));
  if (layout == 6 && size > 1) p->loan.flags_read = DISTARRAY_R_GHOSTS;
  p->loan.private_data = p;
  p->live = 1;
}

static double value(const char *at, int width) {
  float small;
  double wide[2];
  if (width == 4) {
    memcpy(&small, at, 4);
    return small;
  }
  memcpy(wide, at, (size_t)width);
  check(width == 8 || wide[1] == -wide[0]);
  return wide[0];
}

static void put(char *at, double x, int width) {
  const float small = (float)x;
  const double wide[2] = {x, -x};
  if (width == 4) memcpy(at, &small, 4);
  else memcpy(at, wide, (size_t)width);
}

/* Fills or checks what is owned; the rest must be as it was made. */
static void visit(part *p, int fill, int width) {
  int64_t held, first[2], stop[2];
  size_t ours = 0, untouched = 0;
  for (int axis = 0; axis < 2; axis++)
    must(distarray_dim_owned(&p->dims[axis], &held, &first[axis], &stop[axis], &error));
  for (int64_t i = first[0]; i < stop[0]; i++)
    for (int64_t j = first[1]; j < stop[1]; j++) {
      int64_t g[2];
      must(distarray_dim_local_to_global(&p->dims[0], 1, &i, &g[0], &error));
      must(distarray_dim_local_to_global(&p->dims[1], 1, &j, &g[1], &error));
      char *at = (char *)p->loan.data + i * p->strides[0] + j * p->strides[1];
      if (fill) put(at, element(g[0], g[1]), width);
      else check(value(at, width) == element(g[0], g[1]));
      ours++;
    }
  for (size_t k = 0; k < p->bytes; k++) untouched += p->memory[k] == 0x5a;
  check(untouched >= p->bytes - ours * (size_t)width);
  if (fill) return;
  for (int64_t i = 0; i < p->shape[0]; i++) /* padding and ghosts were not read */
    for (int64_t j = 0; j < p->shape[1]; j++)
      if (i < first[0] || i >= stop[0] || j < first[1] || j >= stop[1])
        check(*((char *)p->loan.data + i * p->strides[0] + j * p->strides[1]) == 0x5a);
}

static hid_t open_file(const char *name, int new) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL);
  const hid_t file = new ? H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access)
                         : H5Fopen(name, H5F_ACC_RDONLY, access);
  H5Pclose(access);
  check(file >= 0);
  return file;
}

static void done(part *p) {
  distarray_export_release(&p->loan);
  check(p->live == 0);
  free(p->memory);
}

static void round_trips(const char *name, int width) {
  part p;
  hid_t file, dataset;
  char title[16];
  file = open_file(name, 1);
  for (int layout = 0; layout < LAYOUTS; layout++) {
    make(&p, layout, width);
    visit(&p, 1, width);
    snprintf(title, sizeof title, "u%d", layout);
    must(distarray_hdf5_create(MPI_COMM_WORLD, file, title, &p.loan, &dataset, &error));
    must(distarray_hdf5_write(MPI_COMM_WORLD, &p.loan, dataset, &error));
    visit(&p, 0, width);
    done(&p);
    check(p.written == 0);
    H5Dclose(dataset);
  }
  H5Fclose(file);

  if (rank == 0) { /* alone, the whole dataset as one piece */
    file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t type = distarray_hdf5_make_type(
        width == 16 ? DISTARRAY_DTYPE_COMPLEX : DISTARRAY_DTYPE_FLOAT, (uint8_t)(8 * width));
    for (int layout = 0; layout < LAYOUTS; layout++) {
      char whole[NI * NJ * 16];
      memset(whole, 0, sizeof whole);
      snprintf(title, sizeof title, "u%d", layout);
      dataset = H5Dopen2(file, title, H5P_DEFAULT);
      check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, whole) >= 0);
      for (int i = 0; i < NI; i++)
        for (int j = 0; j < NJ; j++)
          check(value(whole + (i * NJ + j) * width, width) == element(i, j));
      H5Dclose(dataset);
    }
    H5Tclose(type);
    H5Fclose(file);
  }
  MPI_Barrier(MPI_COMM_WORLD);

  file = open_file(name, 0);
  for (int layout = 0; layout < LAYOUTS; layout++) {
    snprintf(title, sizeof title, "u%d", (layout * 3 + 1) % LAYOUTS); /* another's dataset */
    dataset = H5Dopen2(file, title, H5P_DEFAULT);
    make(&p, layout, width);
    must(distarray_hdf5_read(MPI_COMM_WORLD, &p.loan, dataset, &error));
    visit(&p, 0, width);
    done(&p);
    check(p.written == DISTARRAY_C_MODIFIED);
    H5Dclose(dataset);
  }
  H5Fclose(file);
}

static void refuse_all(const char *name) {
  const int last = rank == size - 1;
  part p;
  hid_t file = open_file(name, 1), dataset = -1, made = -7;
  make(&p, 1, 8);
  must(distarray_hdf5_create(MPI_COMM_WORLD, file, "u", &p.loan, &dataset, &error));
  if (last) p.strides[1] = 13;
  refused(distarray_hdf5_write(MPI_COMM_WORLD, &p.loan, dataset, &error), DISTARRAY_E_ALIGN,
          "strides");
  done(&p);

  /* One rank alone passes what HDF5 refuses without asking the others. */
  make(&p, 1, 8);
  refused(distarray_hdf5_create(MPI_COMM_WORLD, file, last ? NULL : "v", &p.loan, &made, &error),
          DISTARRAY_E_NULL, "name");
  refused(distarray_hdf5_create(MPI_COMM_WORLD, last ? -1 : file, "v", &p.loan, &made, &error),
          DISTARRAY_E_RANGE, "location");
  refused(distarray_hdf5_create(MPI_COMM_WORLD, file, "v", &p.loan, last ? NULL : &made, &error),
          DISTARRAY_E_NULL, "dataset");
  refused(distarray_hdf5_write(MPI_COMM_WORLD, &p.loan, last ? file : dataset, &error),
          DISTARRAY_E_RANGE, "dataset");
  const ssize_t open_before = H5Fget_obj_count(file, H5F_OBJ_DATASET);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* there is one of that name */
  refused(distarray_hdf5_create(MPI_COMM_WORLD, file, "u", &p.loan, &made, &error), DISTARRAY_E_IO,
          "hdf5");
  check(made == -7 && H5Fget_obj_count(file, H5F_OBJ_DATASET) == open_before);
  done(&p);

  /* A program's own calls are checked, too. */
  distarray_hdf5_selection selection;
  make(&p, 1, 8);
  p.loan.dims = NULL;
  check(distarray_hdf5_select(&p.loan, &selection, &error) == DISTARRAY_E_NULL);
  check(distarray_hdf5_select(NULL, &selection, &error) == DISTARRAY_E_NULL);
  done(&p);

  make(&p, 1, 8);
  distarray_export_set_dtype(&p.loan, DISTARRAY_DTYPE_BFLOAT, 16);
  refused(distarray_hdf5_create(MPI_COMM_WORLD, file, "v", &p.loan, &made, &error),
          DISTARRAY_E_DTYPE, "dtype_code");
  check(made == -7);
  done(&p);

  make(&p, 1, 8);
  if (last) p.loan.flags_write = DISTARRAY_W_READ_ONLY;
  must(distarray_hdf5_write(MPI_COMM_WORLD, &p.loan, dataset, &error));
  refused(distarray_hdf5_read(MPI_COMM_WORLD, &p.loan, dataset, &error), DISTARRAY_E_ACCESS,
          "flags_write");
  done(&p);
  check(p.written == 0);

  make(&p, 1, 8);
  p.loan.ndim = 0;
  p.loan.process_count = 1;
  if (size == 1)
    refused(distarray_hdf5_write(MPI_COMM_WORLD, &p.loan, dataset, &error),
            DISTARRAY_E_UNACCEPTABLE, "ndim");
  done(&p);
  H5Dclose(dataset);

  const hsize_t other[3] = {NI, NJ + 1, 2};
  for (int ndim = 2; ndim <= 3; ndim++) {
    const hid_t space = H5Screate_simple(ndim, other, NULL);
    dataset = H5Dcreate2(file, ndim == 2 ? "w" : "x", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT,
                         H5P_DEFAULT, H5P_DEFAULT);
    make(&p, 1, 8);
    refused(distarray_hdf5_write(MPI_COMM_WORLD, &p.loan, dataset, &error), DISTARRAY_E_SHAPE,
            ndim == 2 ? "size" : "ndim");
    done(&p);
    H5Dclose(dataset);
    H5Sclose(space);
  }
  H5Fclose(file);
}

/* Two replicas: the first writes, both read. Backwards the first is of the last ranks. */
static void replicas(const char *name, int backwards) {
  part p;
  hid_t file, dataset;
  if (size % 2 != 0) return;
  file = open_file(name, 1);
  const int position = backwards ? size - 1 - rank : rank;
  const int P = size / 2, place = position % P;
  make(&p, 3, 8);
  free(p.memory);
  p.dims[0] = distarray_dim_block(NI, P, place, NI * place / P, NI * (place + 1) / P);
  p.dims[1] = distarray_dim_whole(NJ);
  p.shape[0] = p.dims[0].stop - p.dims[0].start;
  p.shape[1] = NJ;
  p.strides[0] = 8 * NJ;
  p.strides[1] = 8;
  p.bytes = sizeof(double) * NI * NJ;
  p.loan.data = p.memory = malloc(p.bytes);
  p.loan.flags_write = DISTARRAY_W_REPLICATED;
  for (int k = 0; k < size; k++) p.list[k] = size - 1 - k;
  if (backwards) {
    p.loan.flags_read = DISTARRAY_R_GRID_MAP;
    p.loan.grid_ranks = p.list;
  }
  memset(p.memory, 0x5a, p.bytes);
  if (position < P) visit(&p, 1, 8); /* what the second holds is wrong, and not written */
  must(distarray_hdf5_create(MPI_COMM_WORLD, file, "u", &p.loan, &dataset, &error));
  must(distarray_hdf5_write(MPI_COMM_WORLD, &p.loan, dataset, &error));
  must(distarray_hdf5_read(MPI_COMM_WORLD, &p.loan, dataset, &error));
  visit(&p, 0, 8);
  done(&p);
  H5Dclose(dataset);
  H5Fclose(file);
}

int main(int argc, char **argv) {
  start(&argc, &argv);
  check(argc > 1);
  round_trips(argv[1], 8);
  round_trips(argv[1], 4);
  round_trips(argv[1], 16);
  refuse_all(argv[1]);
  replicas(argv[1], 0);
  replicas(argv[1], 1);
  return finish("hdf5");
}
