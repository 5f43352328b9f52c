/* distarray_abi.h - one struct by which independent MPI codes share distributed
 * arrays without copying: this process's memory, and how it fits into the whole.
 *
 * No library, no MPI, no allocation: copy this file into your project. The guard
 * is canonical; keep it, so that copies in two projects meet without conflict.
 * C99 to C23, C++11 to C++23; 64-bit platforms. Fixed-width integers only: no
 * enums, unions, bit-fields. Zero always means "absent" or "nothing special".
 * The rules that go with it have numbers, in protocol-spec/c-abi.md.
 *
 * Lending u, a 2-D block of doubles in C order with one row of halo all round:
 *
 *   int64_t shape[2] = {nx + 2, ny + 2}, strides[2];
 *   distarray_dim dims[2];
 *   distarray_export loan = DISTARRAY_EXPORT_INIT;
 *
 *   dims[0] = distarray_dim_block(NX, px, ix, x0, x0 + nx);
 *   dims[1] = distarray_dim_block(NY, py, iy, y0, y0 + ny);
 *   distarray_dim_add_halo(&dims[0], 1, 1);
 *   distarray_dim_add_halo(&dims[1], 1, 1);
 *   distarray_strides_c_order(2, shape, sizeof(double), strides);
 *   distarray_export_set_dtype(&loan, DISTARRAY_DTYPE_FLOAT, 64);
 *   loan.data = u;          loan.ndim = 2;
 *   loan.shape = shape;     loan.strides = strides;     loan.dims = dims;
 *   loan.process_rank = rank;   loan.process_count = px * py;
 *   loan.release = give_back;   // void give_back(distarray_export *self)
 *                               // { self->release = NULL; }
 */
#ifndef DISTARRAY_C_ABI_1
#define DISTARRAY_C_ABI_1

#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX != 0xffffffffffffffffu
#error "the distarray ABI 1 is defined for 64-bit platforms only"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* == Versions ==============================================================
 * The first 32 bytes of distarray_export have the same layout in every major
 * version, so a consumer of any version can give the memory back. If abi_major
 * differs from yours, call release and touch nothing else. A newer minor adds
 * values and flag bits, never moves a byte; the flag words below guard them. */

#define DISTARRAY_MAGIC     0x52524144u /* "DARR" in little-endian memory */
#define DISTARRAY_ABI_MAJOR 1u
#define DISTARRAY_ABI_MINOR 0u

/* == Status codes ==========================================================
 * What every function of the library and every producer returns. A number is
 * never reused. */

#define DISTARRAY_OK             0
#define DISTARRAY_E_NULL         1  /* a pointer that must not be NULL is NULL    */
#define DISTARRAY_E_VERSION      2  /* wrong magic, ABI or protocol version       */
#define DISTARRAY_E_FLAG         3  /* unknown must-understand or clashing flags  */
#define DISTARRAY_E_GRID         4  /* process grid does not fit the processes    */
#define DISTARRAY_E_RANGE        5  /* a number outside its range                 */
#define DISTARRAY_E_SHAPE        6  /* local shape contradicts the distribution   */
#define DISTARRAY_E_BOUNDS       7  /* outside the allocation, or overflow        */
#define DISTARRAY_E_DTYPE        8  /* element type unknown or not the expected   */
#define DISTARRAY_E_DEVICE       9  /* memory on a device out of reach            */
#define DISTARRAY_E_ALIGN       10  /* memory below its natural alignment         */
#define DISTARRAY_E_RELEASED    11  /* released or moved away                     */
#define DISTARRAY_E_ACCESS      12  /* writing where only reading was lent        */
#define DISTARRAY_E_SYNTAX      13  /* text or bytes that break their format      */
#define DISTARRAY_E_INVARIANT   20  /* ranks disagree where they must agree       */
#define DISTARRAY_E_PARTITION   21  /* parts leave a gap or overlap               */
#define DISTARRAY_E_DUPLICATE   22  /* indices or ranks twice, or not at all      */
#define DISTARRAY_E_HALO        23  /* padding does not pair with the neighbour   */
#define DISTARRAY_E_BUSY        30  /* in use elsewhere                           */
#define DISTARRAY_E_UNACCEPTABLE 31 /* a request the producer cannot meet         */
#define DISTARRAY_E_WOULD_COPY  32  /* only a forbidden copy could meet it        */
#define DISTARRAY_E_COMM        40  /* the message layer failed                   */
#define DISTARRAY_E_NO_MEMORY   41  /* memory could not be allocated              */
#define DISTARRAY_E_UNSUPPORTED 42  /* this version does not do it                */
#define DISTARRAY_E_IO          43  /* the system refused a file operation        */
#define DISTARRAY_E_PANIC       99  /* a bug in the library, caught at its border */

/* == Elements and devices ==================================================
 * DLPack's values, never others. Complex bits are the total, real part first;
 * bool is 8 bits holding 0 or 1; records are OPAQUE with itemsize and format. */

#define DISTARRAY_DTYPE_INT     0u
#define DISTARRAY_DTYPE_UINT    1u
#define DISTARRAY_DTYPE_FLOAT   2u
#define DISTARRAY_DTYPE_OPAQUE  3u
#define DISTARRAY_DTYPE_BFLOAT  4u
#define DISTARRAY_DTYPE_COMPLEX 5u
#define DISTARRAY_DTYPE_BOOL    6u

#define DISTARRAY_DEVICE_CPU          1
#define DISTARRAY_DEVICE_CUDA         2
#define DISTARRAY_DEVICE_CUDA_HOST    3
#define DISTARRAY_DEVICE_ROCM        10
#define DISTARRAY_DEVICE_ROCM_HOST   11
#define DISTARRAY_DEVICE_CUDA_MANAGED 13

/* == One axis ==============================================================
 * How an axis is cut over the processes: the dimension dictionary of the
 * Distributed Array Protocol. A zeroed record is an axis held whole.
 *
 *   'b'  this process holds [start, stop), communication padding included:
 *        stop - start == shape[i]. padding = {before, after}. At the two edges
 *        of the grid, padding is owned and counted in size (protocol 0.10),
 *        unless EDGE_OUTSIDE says that it lies outside [0, size).
 *   'c'  blocks of block_size dealt round-robin; start is the first global
 *        index held here, which also tells on which process the deal began.
 *        first_block: length of the axis's first block when the array begins
 *        inside a block; 0 = block_size.
 *   'u'  indices[0..n_owned) are owned, indices[n_owned..n_indices) are ghosts;
 *        n_indices == shape[i]. Ghosts need DISTARRAY_R_GHOSTS on the export.
 *
 * Fields of the other kinds are zero. */

#define DISTARRAY_DIST_UNDISTRIBUTED 0u
#define DISTARRAY_DIST_BLOCK         0x62u /* 'b' */
#define DISTARRAY_DIST_CYCLIC        0x63u /* 'c' */
#define DISTARRAY_DIST_UNSTRUCTURED  0x75u /* 'u' */

/* distarray_dim.flags: a consumer refuses a bit it does not know. */
#define DISTARRAY_DIM_PERIODIC     (1u << 0) /* 'b': the last index meets the first */
#define DISTARRAY_DIM_ONE_TO_ONE   (1u << 1) /* 'u': every index owned exactly once */
#define DISTARRAY_DIM_INDICES_I32  (1u << 2) /* indices are int32_t, else int64_t   */
#define DISTARRAY_DIM_EDGE_OUTSIDE (1u << 3) /* padding at the grid's edges lies
                           outside [0, size): start may be < 0, stop may be > size */
#define DISTARRAY_DIM_COMPONENT    (1u << 4) /* counts the components of one value
                                                (fields of a cell), not space      */
#define DISTARRAY_DIM_KNOWN_1_0    0x1fu

typedef struct distarray_dim {     /* 128 bytes, frozen for major 1 */
  uint32_t    dist_type;           /*   0 DISTARRAY_DIST_*                         */
  uint32_t    flags;               /*   4 DISTARRAY_DIM_*                          */
  int64_t     size;                /*   8 global extent                            */
  int64_t     proc_grid_size;      /*  16 processes along this axis                */
  int64_t     proc_grid_rank;      /*  24 this process's coordinate                */
  int64_t     start;               /*  32 b, c                                     */
  int64_t     stop;                /*  40 b                                        */
  int64_t     padding[2];          /*  48 b                                        */
  int64_t     block_size;          /*  64 c; 0 = 1                                 */
  const void *indices;             /*  72 u                                        */
  int64_t     n_indices;           /*  80 u                                        */
  int64_t     n_owned;             /*  88 u                                        */
  int64_t     first_block;         /*  96 c                                        */
  uint64_t    reserved[3];         /* 104 zero                                     */
} distarray_dim;

#define DISTARRAY_DIM_INIT \
  { 0, 0, 0, 0, 0, 0, 0, { 0, 0 }, 0, NULL, 0, 0, 0, { 0, 0, 0 } }

/* == The loan ==============================================================
 * The consumer provides the 256 bytes; the producer overwrites all of them.
 *
 * Ownership. What the struct points to belongs to the producer and stays valid
 * and unchanged until release. Move it by copying the bytes and setting
 * release = NULL in the source; so no field may point into the struct itself.
 *
 * Release. Exactly once for each live export, from any thread, also after
 * MPI_Finalize. It sets self->release = NULL; it never communicates, throws,
 * unwinds or longjmps. If freeing is collective, release only drops a count. A
 * consumer may replace (release, private_data) if it chains to the old pair.
 *
 * Axes. dims[i], shape[i] and strides[i] describe the same axis, in the
 * producer's own order; Fortran arrays have ascending strides. ndim = 0 is one
 * element, with the three pointers NULL. shape[i] may be 0; data may be NULL then.
 *
 * Processes. process_rank is the row-major position in the grid (last axis
 * fastest), or column-major with R_GRID_COLMAJOR, or looked up in grid_ranks
 * with R_GRID_MAP. With replicas, rank = replica * (product of proc_grid_size)
 * + position in the grid, and process_count counts them all. */

/* flags_read: with a bit it does not know, a consumer uses neither data nor dims. */
#define DISTARRAY_R_UNALIGNED     (1u << 0) /* data below natural alignment        */
#define DISTARRAY_R_OPAQUE_HANDLE (1u << 1) /* data is a handle; use byte_offset   */
#define DISTARRAY_R_BYTESWAPPED   (1u << 2) /* not the machine's byte order        */
#define DISTARRAY_R_GHOSTS        (1u << 3) /* some 'u' axis has n_owned<n_indices */
#define DISTARRAY_R_GRID_MAP      (1u << 4) /* grid_ranks: position to rank        */
#define DISTARRAY_R_SYNC_EVENT    (1u << 5) /* wait on sync_event first            */
#define DISTARRAY_R_EXT           (1u << 6) /* the ext chain has a critical entry  */
#define DISTARRAY_R_GRID_COLMAJOR (1u << 7) /* process_rank: first axis fastest    */
#define DISTARRAY_R_NO_DATA       (1u << 8) /* description only, data not lent     */
#define DISTARRAY_R_CALL_SCOPED   (1u << 9) /* valid only until this call returns  */
#define DISTARRAY_R_KNOWN_1_0     0x3ffu
/* flags_write: with a bit it does not know, a consumer may read but not write. */
#define DISTARRAY_W_READ_ONLY     (1u << 0)
#define DISTARRAY_W_REPLICATED    (1u << 1) /* replicas must be kept equal         */
#define DISTARRAY_W_ALIASED       (1u << 2) /* two local elements share memory     */
#define DISTARRAY_W_KNOWN_1_0     0x7u
/* flags_info: may be ignored. */
#define DISTARRAY_I_COPIED        (1ull << 0) /* the producer made a copy          */
#define DISTARRAY_I_HALO_VALID    (1ull << 1) /* communication padding is current  */
#define DISTARRAY_I_EXCLUSIVE     (1ull << 2) /* no other live export overlaps     */
#define DISTARRAY_I_SLACK         (1ull << 3) /* bytes of [alloc_base, alloc_base +
                   alloc_bytes) that the view does not address may be overwritten  */
#define DISTARRAY_I_HALO_FACES    (1ull << 4) /* only faces of the halo are current,
                                                 edges and corners are not         */
/* consumer_flags: set by the consumer, read by the producer in release, which
 * drops what it had derived from the old values (norms, plans, halos). */
#define DISTARRAY_C_MODIFIED      (1ull << 0) /* owned elements were written       */
#define DISTARRAY_C_HALO_MODIFIED (1ull << 1) /* padding elements were written     */
#define DISTARRAY_C_HALO_VALID    (1ull << 2) /* the consumer refreshed the padding*/

typedef struct distarray_key_value {
  const char *key; /* reserved: "name", "units", "long_name", "axis.<i>" */
  const char *value;
} distarray_key_value;

typedef struct distarray_ext {     /* header of every extension record */
  uint64_t tag;                    /*  0 registered; top bit set = vendor's own    */
  uint32_t byte_size;              /*  8 whole record                              */
  uint32_t critical;               /* 12 1: readers must know the tag, and R_EXT   */
  const struct distarray_ext *next; /* 16                                          */
} distarray_ext;

typedef struct distarray_export {  /* 256 bytes, frozen for major 1 */
  /* prefix: the same in every major version, so release is always safe */
  uint32_t       magic;            /*   0 DISTARRAY_MAGIC                          */
  uint32_t       struct_size;      /*   4 bytes to copy when moving                */
  uint32_t       abi_major;        /*   8                                          */
  uint32_t       abi_minor;        /*  12                                          */
  void         (*release)(struct distarray_export *self); /* 16 NULL = not live    */
  void          *private_data;     /*  24 the producer's                           */
  /* feature words */
  uint32_t       flags_read;       /*  32 DISTARRAY_R_*                            */
  uint32_t       flags_write;      /*  36 DISTARRAY_W_*                            */
  uint64_t       flags_info;       /*  40 DISTARRAY_I_*                            */
  uint64_t       consumer_flags;   /*  48 DISTARRAY_C_*: all a consumer writes     */
  /* local memory */
  void          *data;             /*  56 element (0,...,0), padding included      */
  uint64_t       byte_offset;      /*  64 0 unless R_OPAQUE_HANDLE                 */
  void          *alloc_base;       /*  72 NULL = unknown                           */
  uint64_t       alloc_bytes;      /*  80 0 = unknown                              */
  int32_t        device_type;      /*  88 DISTARRAY_DEVICE_*                       */
  int32_t        device_id;        /*  92                                          */
  void          *sync_event;       /*  96                                          */
  uint8_t        dtype_code;       /* 104 DISTARRAY_DTYPE_*                        */
  uint8_t        dtype_bits;       /* 105                                          */
  uint16_t       dtype_lanes;      /* 106 1                                        */
  int32_t        ndim;             /* 108                                          */
  int64_t        itemsize;         /* 112 bytes per element                        */
  const int64_t *shape;            /* 120 [ndim] padding included                  */
  const int64_t *strides;          /* 128 [ndim] in BYTES; never NULL if ndim > 0  */
  const char    *format;           /* 136 PEP 3118 string, or NULL                 */
  /* distribution */
  const distarray_dim *dims;       /* 144 [ndim]                                   */
  int64_t        process_rank;     /* 152                                          */
  int64_t        process_count;    /* 160 product of proc_grid_size * replicas     */
  const int64_t *grid_ranks;       /* 168 [process_count] with R_GRID_MAP          */
  /* identity and metadata */
  uint64_t       uid[2];           /* 176 same on all ranks; 0 = none              */
  uint64_t       epoch;            /* 192 counts the producer's changes            */
  const distarray_key_value *meta; /* 200 [n_meta]                                 */
  int64_t        n_meta;           /* 208                                          */
  const distarray_ext *ext;        /* 216                                          */
  uint64_t       reserved[4];      /* 224 zero                                     */
} distarray_export;

/* An export of nothing yet: one process, host memory, not live. */
#define DISTARRAY_EXPORT_INIT                                                  \
  { DISTARRAY_MAGIC, (uint32_t)sizeof(distarray_export), DISTARRAY_ABI_MAJOR,  \
    DISTARRAY_ABI_MINOR, NULL, NULL, 0, 0, 0, 0, NULL, 0, NULL, 0,             \
    DISTARRAY_DEVICE_CPU, 0, NULL, 0, 0, 1, 0, 0, NULL, NULL, NULL, NULL, 0, 1, \
    NULL, { 0, 0 }, 0, NULL, 0, NULL, { 0, 0, 0, 0 } }

/* == Asking ================================================================
 * What the consumer can take. NULL or all zero asks for major 1, minor 0,
 * reading only, no optional bit, any layout, a copy if needed.
 *
 *   access         producer promises          consumer may        producer may
 *   0 read         data stays valid           read                read; write if it
 *                                                                 says so (new epoch)
 *   1 read-write   not READ_ONLY              write owned, and    read and write;
 *                                             padding with        callers order it
 *                                             C_HALO_MODIFIED
 *   2 exclusive    I_EXCLUSIVE; E_BUSY while  write anything      do nothing
 *                  another export is live
 *   3 describe     R_NO_DATA, data == NULL    read the metadata   anything
 *
 * Writing owned elements makes the halo stale, unless C_HALO_VALID is set. */

#define DISTARRAY_ACCESS_READ       0u
#define DISTARRAY_ACCESS_READ_WRITE 1u
#define DISTARRAY_ACCESS_EXCLUSIVE  2u
#define DISTARRAY_ACCESS_DESCRIBE   3u

typedef struct distarray_request { /* 128 bytes */
  uint32_t struct_size;            /*   0                                          */
  uint32_t max_abi_major;          /*   4                                          */
  uint32_t max_abi_minor;          /*   8                                          */
  uint32_t access;                 /*  12 DISTARRAY_ACCESS_*                       */
  uint32_t known_flags_read;       /*  16 bits the consumer understands            */
  uint32_t known_flags_write;      /*  20                                          */
  uint32_t layouts;                /*  24 1 C, 2 Fortran, 4 strided; 0 = any       */
  uint32_t dist_types;             /*  28 1 'b', 2 'c', 4 'u'; 0 = any             */
  uint32_t copy;                   /*  32 0 if needed, 1 never, 2 always           */
  int32_t  device_type;            /*  36 0 = any                                  */
  int32_t  device_id;              /*  40                                          */
  uint32_t min_alignment;          /*  44 bytes; 0 = natural                       */
  void    *stream;                 /*  48 the consumer's stream on that device     */
  uint64_t reserved[9];            /*  56 zero                                     */
} distarray_request;

#define DISTARRAY_REQUEST_INIT                                                 \
  { (uint32_t)sizeof(distarray_request), DISTARRAY_ABI_MAJOR,                  \
    DISTARRAY_ABI_MINOR, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL,                      \
    { 0, 0, 0, 0, 0, 0, 0, 0, 0 } }

/* An object that lends: export_array may be called many times. */
typedef struct distarray_producer { /* 64 bytes */
  uint32_t struct_size;            /*   0                                          */
  uint32_t abi_major;              /*   4                                          */
  uint32_t abi_minor;              /*   8                                          */
  uint32_t reserved0;              /*  12 zero                                     */
  /* Fills out. Local: never communicates. On error out->release is NULL and
   * message (if capacity > 0) holds NUL-terminated UTF-8. */
  int32_t (*export_array)(struct distarray_producer *self,
                          const distarray_request *request, distarray_export *out,
                          char *message, size_t capacity);     /* 16 */
  void    (*release)(struct distarray_producer *self);         /* 24 */
  void     *private_data;          /*  32                                          */
  uint64_t  reserved[3];           /*  40 zero                                     */
} distarray_producer;

/* == Helpers for consumers ================================================ */

/* 1 if there is something to release. */
static inline int distarray_export_is_live(const distarray_export *loan) {
  return loan != NULL && loan->magic == DISTARRAY_MAGIC && loan->release != NULL;
}

/* DISTARRAY_OK if data and dims may be read by a consumer that understands the
 * bits known_read; otherwise release it and stop. Ask before touching anything
 * beyond the prefix. */
static inline int32_t distarray_export_readable(const distarray_export *loan,
                                                uint32_t known_read) {
  if (loan == NULL) return DISTARRAY_E_NULL;
  if (loan->magic != DISTARRAY_MAGIC) return DISTARRAY_E_VERSION;
  if (loan->release == NULL) return DISTARRAY_E_RELEASED;
  if (loan->abi_major != DISTARRAY_ABI_MAJOR) return DISTARRAY_E_VERSION; /* not < */
  if (loan->struct_size < sizeof(distarray_export)) return DISTARRAY_E_VERSION;
  return (loan->flags_read & ~known_read) != 0 ? DISTARRAY_E_FLAG : DISTARRAY_OK;
}

/* 1 if a readable loan may also be written by a consumer that understands the
 * bits known_write. */
static inline int distarray_export_writable(const distarray_export *loan,
                                            uint32_t known_write) {
  return (loan->flags_write & (DISTARRAY_W_READ_ONLY | ~known_write)) == 0;
}

/* Hands a loan of this major version over; the source becomes an empty husk. */
static inline void distarray_export_move(distarray_export *target,
                                         distarray_export *source) {
  *target = *source;
  source->release = NULL;
  source->private_data = NULL;
}

/* Gives the memory back; harmless when that has happened already. */
static inline void distarray_export_release(distarray_export *loan) {
  if (distarray_export_is_live(loan)) loan->release(loan);
}

/* == Helpers for producers ================================================ */

/* Sets the element type: DISTARRAY_DTYPE_* and the bits of one element. */
static inline void distarray_export_set_dtype(distarray_export *loan, uint8_t code,
                                              uint8_t bits) {
  loan->dtype_code = code;
  loan->dtype_bits = bits;
  loan->dtype_lanes = 1;
  loan->itemsize = bits / 8;
}

/* Byte strides of a packed array, last axis fastest. */
static inline void distarray_strides_c_order(int32_t ndim, const int64_t *shape,
                                             int64_t itemsize, int64_t *strides) {
  uint64_t step = (uint64_t)itemsize; /* unsigned: an overflow is the checker's to report */
  int32_t axis;
  for (axis = ndim; axis-- > 0; step *= (uint64_t)shape[axis])
    strides[axis] = (int64_t)step;
}

/* Byte strides of a packed array, first axis fastest. */
static inline void distarray_strides_fortran_order(int32_t ndim, const int64_t *shape,
                                                   int64_t itemsize, int64_t *strides) {
  uint64_t step = (uint64_t)itemsize;
  int32_t axis;
  for (axis = 0; axis < ndim; step *= (uint64_t)shape[axis++])
    strides[axis] = (int64_t)step;
}

/* An axis of which this process owns [start, stop). */
static inline distarray_dim distarray_dim_block(int64_t size, int64_t proc_grid_size,
                                                int64_t proc_grid_rank, int64_t start,
                                                int64_t stop) {
  distarray_dim dim = DISTARRAY_DIM_INIT;
  dim.dist_type = DISTARRAY_DIST_BLOCK;
  dim.size = size;
  dim.proc_grid_size = proc_grid_size;
  dim.proc_grid_rank = proc_grid_rank;
  dim.start = start;
  dim.stop = stop;
  return dim;
}

/* An axis held whole by every process of the grid's line. */
static inline distarray_dim distarray_dim_whole(int64_t size) {
  return distarray_dim_block(size, 1, 0, 0, size);
}

/* Widens a block by halo cells that belong to the neighbours or, at the edges
 * of the grid, lie outside [0, size). */
static inline void distarray_dim_add_halo(distarray_dim *dim, int64_t before,
                                          int64_t after) {
  dim->flags |= DISTARRAY_DIM_EDGE_OUTSIDE;
  dim->start -= before;
  dim->stop += after;
  dim->padding[0] += before;
  dim->padding[1] += after;
}

/* An axis dealt out in blocks, beginning on process first_process (ScaLAPACK's
 * RSRC and CSRC; usually 0). */
static inline distarray_dim distarray_dim_cyclic(int64_t size, int64_t proc_grid_size,
                                                 int64_t proc_grid_rank,
                                                 int64_t block_size,
                                                 int64_t first_process) {
  distarray_dim dim = DISTARRAY_DIM_INIT;
  int64_t turn = proc_grid_rank - first_process;
  dim.dist_type = DISTARRAY_DIST_CYCLIC;
  dim.size = size;
  dim.proc_grid_size = proc_grid_size;
  dim.proc_grid_rank = proc_grid_rank;
  if (turn < 0) turn += proc_grid_size;
  dim.start = (int64_t)((uint64_t)turn * (uint64_t)block_size);
  dim.block_size = block_size;
  return dim;
}

/* An axis of which this process holds n_indices global indices, the first
 * n_owned of them its own; if that is not all of them, the loan's flags_read has
 * DISTARRAY_R_GHOSTS. one_to_one: no index has two owners. */
static inline distarray_dim distarray_dim_unstructured(
    int64_t size, int64_t proc_grid_size, int64_t proc_grid_rank,
    const int64_t *indices, int64_t n_indices, int64_t n_owned, int one_to_one) {
  distarray_dim dim = DISTARRAY_DIM_INIT;
  dim.dist_type = DISTARRAY_DIST_UNSTRUCTURED;
  dim.flags = one_to_one ? DISTARRAY_DIM_ONE_TO_ONE : 0;
  dim.size = size;
  dim.proc_grid_size = proc_grid_size;
  dim.proc_grid_rank = proc_grid_rank;
  dim.indices = indices;
  dim.n_indices = n_indices;
  dim.n_owned = n_owned;
  return dim;
}

/* == The layout, asserted ================================================= */

#define DISTARRAY_ASSERT_(condition, name) \
  typedef char distarray_abi_assert_##name[(condition) ? 1 : -1]
DISTARRAY_ASSERT_(sizeof(distarray_dim) == 128, dim);
DISTARRAY_ASSERT_(sizeof(distarray_ext) == 24, ext);
DISTARRAY_ASSERT_(sizeof(distarray_export) == 256, export_);
DISTARRAY_ASSERT_(sizeof(distarray_request) == 128, request);
DISTARRAY_ASSERT_(sizeof(distarray_producer) == 64, producer);
DISTARRAY_ASSERT_(offsetof(distarray_dim, indices) == 72, dim_indices);
DISTARRAY_ASSERT_(offsetof(distarray_dim, reserved) == 104, dim_reserved);
DISTARRAY_ASSERT_(offsetof(distarray_export, release) == 16, export_release);
DISTARRAY_ASSERT_(offsetof(distarray_export, data) == 56, export_data);
DISTARRAY_ASSERT_(offsetof(distarray_export, itemsize) == 112, export_itemsize);
DISTARRAY_ASSERT_(offsetof(distarray_export, dims) == 144, export_dims);
DISTARRAY_ASSERT_(offsetof(distarray_export, ext) == 216, export_ext);
#undef DISTARRAY_ASSERT_

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_C_ABI_1 */
