/* distarray.h - the functions of libdistarray.
 *
 * Generated from the Rust sources by `make header`; do not edit.
 *
 * Conventions
 * - Every function but the _free ones and the two versions returns a status:
 *   DISTARRAY_OK or DISTARRAY_E_*. Its last argument is the caller's own
 *   distarray_error, or NULL.
 * - Arguments come in the order object, inputs, outputs, error. A call that fails
 *   changes nothing: outputs are written on success only, a loan stays the
 *   caller's. So begin with handles that are NULL and with DISTARRAY_EXPORT_INIT:
 *   these may be freed and released. Structs and lists behind pointers to const are
 *   neither written nor kept: what is needed later is copied. A const distarray_array
 *   is the handle; whether a call writes its elements, its comment says.
 * - Where a list or a text is too long for its capacity, the call fails with
 *   DISTARRAY_E_BOUNDS at the field "capacity", and the error's expected says what is
 *   needed. NULL with capacity 0 is allowed, to ask.
 * - "Local." functions never communicate. "Collective." functions are called by
 *   all ranks of their communicator in the same order, and all ranks get the same
 *   status and the same report, with the rank at fault in it.
 * - NULL and misaligned pointers are refused. What no library can check is the
 *   caller's to keep: that other pointers are valid, that the struct's arrays have
 *   their lengths, and that one object is not used by two threads at once. Different
 *   objects may be; what is collective, over neighbours too, then needs a communicator
 *   for each thread.
 * - With DISTARRAY_CHECK=1 in the environment every hand-over is watched: what is
 *   passed over for speed is checked, and loans released twice or changed between
 *   taking and release, and arrays freed twice, are reported on standard error.
 */

#ifndef DISTARRAY_H
#define DISTARRAY_H

#include "distarray_abi.h"
#include "distarray_comm.h"

/* How distarray_halo_accumulate joins elements: the numbers of DISTARRAY_COMM_SUM, _MIN
 * and _MAX. */
#define DISTARRAY_SUM 1
#define DISTARRAY_MIN 2
#define DISTARRAY_MAX 3

/* How distarray_halo_fill_edges fills what lies outside, as numpy.pad calls it. */
#define DISTARRAY_EDGE_KEEP      0
#define DISTARRAY_EDGE_CONSTANT  1
#define DISTARRAY_EDGE_REPLICATE 2 /* edge: the element at the edge, again and again */
#define DISTARRAY_EDGE_REFLECT   3 /* mirrored at the element on the edge            */
#define DISTARRAY_EDGE_SYMMETRIC 4 /* mirrored at the edge itself                    */

/* How elements may lie for a consumer (distarray_requirements). */
#define DISTARRAY_LAYOUT_C             1 /* packed, row-major                        */
#define DISTARRAY_LAYOUT_FORTRAN       2 /* packed, column-major                     */
#define DISTARRAY_LAYOUT_STRIDED       4 /* any strides                              */
#define DISTARRAY_LAYOUT_C_LINES       8 /* rows of any distance: FFTW's padded ones */
#define DISTARRAY_LAYOUT_FORTRAN_LINES 16 /* columns of any distance: LAPACK's lda   */

/* The padding that a consumer accepts along an axis (distarray_required_axis). */
#define DISTARRAY_PADDING_ANY         0
#define DISTARRAY_PADDING_NONE        1
#define DISTARRAY_PADDING_HALO        2 /* ends at the edges of the array            */
#define DISTARRAY_PADDING_HALO_AROUND 3 /* around the edges too                      */

/* What a consumer makes of axes of components (distarray_requirements). */
#define DISTARRAY_COMPONENTS_ANY     0
#define DISTARRAY_COMPONENTS_FASTEST 1 /* whole, and the fastest in memory            */
#define DISTARRAY_COMPONENTS_NONE    2 /* not marked DISTARRAY_DIM_COMPONENT         */

// The way of an array to a consumer and back. Made by distarray_accommodation_new,
// freed by distarray_accommodation_free.
typedef struct distarray_accommodation distarray_accommodation;

// One process's part of a distributed array. Made by distarray_array_import and
// distarray_array_read_dnpy; freed by distarray_array_free.
typedef struct distarray_array distarray_array;

// A halo exchange bound to its arrays, which it keeps. Made by distarray_halo_bind,
// freed by distarray_bound_halo_free.
typedef struct distarray_bound_halo distarray_bound_halo;

// A communicator and the parts of all its ranks. Made by
// distarray_distribution_gather and distarray_distribution_new, freed by
// distarray_distribution_free.
typedef struct distarray_distribution distarray_distribution;

// A planned halo exchange. Made by distarray_halo_new, freed by distarray_halo_free.
typedef struct distarray_halo distarray_halo;

// A planned redistribution. Made by distarray_redistribution_new, freed by
// distarray_redistribution_free.
typedef struct distarray_redistribution distarray_redistribution;

// What a consumer accepts along one axis. All zero: the axis as it is.
typedef struct {
  // Kinds: 1 'b', 2 'c', 4 'u', added up; 0 is any.
  uint32_t dist_types;
  // DISTARRAY_PADDING_*.
  uint32_t padding;
  // Extent of the process grid along the axis; 0 is any, 1 an axis held whole.
  int64_t proc_grid_size;
  // Length of every block but the last ones, of a cyclic or a block axis; 0 is any.
  int64_t block_size;
  // proc_grid_size + 1 bounds of blocks, or NULL: coordinate i owns the indices from
  // bound i on, up to bound i + 1.
  const int64_t *bounds;
  // Widths of the halo before and after, for DISTARRAY_PADDING_HALO and _HALO_AROUND.
  int64_t halo[2];
  // Not 0: the first block of a cyclic axis is on the first process.
  int64_t from_first_process;
  // Elements from one line along this axis to the next in memory, as LAPACK's leading
  // dimension; 0 is any, or no gaps in packed memory. Needs layouts.
  int64_t pitch;
  // Elements along the axis that every rank owns at least; 0 is any.
  int64_t least;
} distarray_required_axis;

// What a consumer accepts. All zero: any array.
typedef struct {
  // One record for each of ndim axes, or NULL with ndim 0: all axes as they are.
  const distarray_required_axis *axes;
  // Number of axes.
  int32_t ndim;
  // Order of the ranks on the process grid: 0 any, 1 row-major, 2 column-major.
  int32_t grid_order;
  // Number of equal copies of the array; 0 is any.
  int64_t replicas;
  // How elements may lie: DISTARRAY_LAYOUT_*, added up; 0 is any. A copy has the
  // first that is named.
  uint32_t layouts;
  // Element type, DLPack's code and bits; bits 0 is any.
  uint8_t code;
  // Bits of the element type.
  uint8_t bits;
  // DISTARRAY_DEVICE_CPU, or 0 for any.
  uint16_t device_type;
  // Alignment of the first element in bytes, a power of two; 0 is natural.
  uint64_t alignment;
  // Not 0: where elements must move, ranks are numbered so that the fewest do.
  int32_t relabel;
  // Not 0: what does not fit is refused with DISTARRAY_E_WOULD_COPY.
  int32_t never_copy;
  // Bytes from the first element on that the consumer writes in, marked
  // DISTARRAY_I_SLACK where elements take less; each rank states its own.
  uint64_t room;
  // The ndim axes in the order in which DISTARRAY_LAYOUT_C goes through them, the last
  // one fastest; NULL is their own. Needs layouts.
  const int32_t *permutation;
  // DISTARRAY_COMPONENTS_*: what becomes of axes marked DISTARRAY_DIM_COMPONENT. FASTEST
  // needs layouts.
  int64_t components;
  // Zero.
  uint64_t reserved[1];
} distarray_requirements;

// Why a call was refused, and where. The caller owns it; every function takes
// NULL instead. A call that succeeds leaves code 0 and empty texts in it.
typedef struct {
  // The status that the function returned: DISTARRAY_OK or DISTARRAY_E_*.
  int32_t code;
  // 1 where expected and found mean something, else 0.
  int32_t has_values;
  // The rank at fault, -1 for none.
  int64_t rank;
  // The rank it disagrees with, -1 for none.
  int64_t other_rank;
  // The axis at fault, -1 for none.
  int64_t axis;
  // What the rule asks for.
  int64_t expected;
  // What was there.
  int64_t found;
  // The field at fault, in the protocol's own word.
  char field[32];
  // The number of the broken rule.
  char rule[16];
  // A sentence for a person, with all of the above. UTF-8, NUL-terminated.
  char message[416];
} distarray_error;

// What one round of an exchange does on this rank.
typedef struct {
  // Messages sent to other ranks.
  int64_t messages;
  // Bytes sent to other ranks.
  int64_t bytes_sent;
  // Bytes copied from this rank to itself.
  int64_t bytes_copied;
} distarray_moved;

// How one axis is to be dealt out. All zero but size: an axis that every process holds
// whole.
typedef struct {
  // DISTARRAY_DIST_*: undistributed, blocks, blocks dealt round robin, or a list.
  uint32_t dist_type;
  // DISTARRAY_DIM_PERIODIC, DISTARRAY_DIM_EDGE_OUTSIDE, DISTARRAY_DIM_COMPONENT.
  uint32_t flags;
  // Global extent.
  int64_t size;
  // Extent of the process grid along the axis; 0 lets it be chosen.
  int64_t proc_grid_size;
  // Length of the blocks; 0 is blocks as even as they can be, or plain cyclic.
  int64_t block_size;
  // proc_grid_size + 1 bounds of blocks, or NULL: coordinate i owns the indices from
  // bound i on, up to bound i + 1.
  const int64_t *bounds;
  // The coordinate that owns the first block of a cyclic axis.
  int64_t first_process;
  // Widths of the halo before and after a block.
  int64_t halo[2];
  // The n_indices indices that this rank holds of a list, the n_owned first owned.
  const int64_t *indices;
  // Number of indices held.
  int64_t n_indices;
  // Number of indices owned.
  int64_t n_owned;
  // Zero.
  uint64_t reserved[4];
} distarray_axis;

// The process grid that an array is dealt out over. All zero: the one with the smallest
// surfaces, its ranks numbered row-major.
typedef struct {
  // An extent for each axis, or NULL: those with the smallest surfaces.
  const int64_t *extents;
  // 0 or 1: row-major, as MPI_Cart_create numbers; 2: column-major.
  int64_t order;
  // Equal copies of the array, each on its share of the ranks; 0 is one.
  int64_t replicas;
  // Instead of an order the rank at each place of the grid, row-major, one replica
  // after the other: as many as the communicator has; or NULL.
  const int64_t *ranks;
  // Zero.
  uint64_t reserved[4];
} distarray_grid;

// count stretches of len consecutive indices, the first at start, each stride
// after the one before.
typedef struct {
  // First index of the first stretch.
  int64_t start;
  // Consecutive indices in each stretch.
  int64_t len;
  // Distance between the starts of neighbouring stretches.
  int64_t stride;
  // Number of stretches.
  int64_t count;
} distarray_run;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Finds out whether a consumer can work on array, a part of distribution, as it lies,
// and plans the way to what it can work on otherwise. requirements NULL accepts
// anything. Nothing is copied yet. Collective; all ranks ask for the same, but for the
// room.
//
// An array fits as it lies, too, when it only needs to be described anew: with its halo
// stepped over, or its blocks told as a list. The distribution's communicator must
// outlive the accommodation; the distribution need not.
int32_t distarray_accommodation_new(const distarray_distribution *distribution,
                                    const distarray_array *array,
                                    const distarray_requirements *requirements,
                                    distarray_accommodation **accommodation,
                                    distarray_error *error);

// Gives what the consumer may work on: a new handle on the array's own memory, or on a
// copy of what it owns, marked DISTARRAY_I_COPIED, whose padding is not filled. Free it
// with distarray_array_free; the array lives at least as long. Collective.
//
// The array must lie like the one that was planned for. A copy whose handle was freed
// is filled again by the next hand-over.
int32_t distarray_accommodation_hand_over(distarray_accommodation *accommodation,
                                          const distarray_array *array,
                                          distarray_array **handed,
                                          distarray_error *error);

// Brings back what the consumer wrote: nothing is to be done where it worked in the
// array's own memory. handed is still to be freed. Collective.
int32_t distarray_accommodation_take_back(distarray_accommodation *accommodation,
                                          const distarray_array *handed,
                                          const distarray_array *array,
                                          distarray_error *error);

// Gives a new handle on the distribution of what the consumer gets. Local.
int32_t distarray_accommodation_distribution(const distarray_accommodation *accommodation,
                                             distarray_distribution **distribution,
                                             distarray_error *error);

// Tells what one hand-over of elements of itemsize bytes moves on this rank: nothing
// where the array fits. Local.
int32_t distarray_accommodation_moves(const distarray_accommodation *accommodation,
                                      int64_t itemsize,
                                      distarray_moved *moved,
                                      distarray_error *error);

// Writes why the consumer gets a copy, one reason a line with its axis; the same on all
// ranks, and empty where the array fits. Local.
//
// length tells how long the text is; text needs room for one byte more, its NUL.
// text NULL with capacity 0 asks for the length alone. Where the room is too small
// the call fails and the error's expected says what is needed.
int32_t distarray_accommodation_reasons(const distarray_accommodation *accommodation,
                                        char *text,
                                        size_t capacity,
                                        size_t *length,
                                        distarray_error *error);

// Frees the accommodation; NULL is allowed. Arrays that were handed over live on.
// Local: nothing is sent.
void distarray_accommodation_free(distarray_accommodation *accommodation);

// Takes a loan over: checks every rule that one process can check, then moves it
// into a new array and leaves a husk. No element is copied. The array gives the
// memory back when it and all loans of it are gone. Local.
//
// access is DISTARRAY_ACCESS_READ, _READ_WRITE or _EXCLUSIVE. On error the loan
// is untouched and still the caller's to release.
int32_t distarray_array_import(distarray_export *loan,
                               uint32_t access,
                               distarray_array **array,
                               distarray_error *error);

// Lends the array again. The memory lives until the array and all its loans are
// gone; what borrowers wrote is passed on to the first lender. request NULL asks
// for reading. Local.
//
// No element is copied unless the request needs and allows it; the loan says so
// then (DISTARRAY_I_COPIED).
int32_t distarray_array_export(const distarray_array *array,
                               const distarray_request *request,
                               distarray_export *loan,
                               distarray_error *error);

// Shows the array: address, type, shape, strides, axes, without lending it. The
// view is valid while the array lives; releasing it does nothing. Local.
//
// Whoever writes through it says so with distarray_array_mark_modified.
int32_t distarray_array_view(const distarray_array *array,
                             distarray_export *view,
                             distarray_error *error);

// Says what was written through a view: DISTARRAY_C_*. The first lender hears of
// it, later loans carry a new epoch. Local.
int32_t distarray_array_mark_modified(const distarray_array *array,
                                      uint64_t consumer_flags,
                                      distarray_error *error);

// Sets same to 1 if both arrays are the same elements in the same memory: one
// address, type, shape and strides; else to 0. Local.
int32_t distarray_array_same_memory(const distarray_array *array,
                                    const distarray_array *other,
                                    int32_t *same,
                                    distarray_error *error);

// Frees the array; NULL is allowed. Its memory is given back when the last loan
// of it is released. Local.
void distarray_array_free(distarray_array *array);

// Deals an array of ndim axes out over all ranks. grid NULL chooses the process grid
// with the smallest surfaces; else it has ndim extents. grid_order is 0 or 1 for
// row-major, as MPI_Cart_create numbers, 2 for column-major. Collective over comm, which
// must outlive the distribution; all ranks ask for the same, but for lists of indices.
//
// Axes that the ranks cannot hold, or that make no process grid, are refused on all
// ranks alike. distarray_distribution_new_on_grid keeps replicas, too, and numbers the
// ranks in any order.
int32_t distarray_distribution_new(const distarray_comm *comm,
                                   int32_t ndim,
                                   const distarray_axis *axes,
                                   const int64_t *grid,
                                   int32_t grid_order,
                                   distarray_distribution **distribution,
                                   distarray_error *error);

// distarray_distribution_new with all that can be said of the process grid; grid NULL is
// all zero. Collective over comm.
int32_t distarray_distribution_new_on_grid(const distarray_comm *comm,
                                           int32_t ndim,
                                           const distarray_axis *axes,
                                           const distarray_grid *grid,
                                           distarray_distribution **distribution,
                                           distarray_error *error);

// Shows this rank's part as a loan of it would: axes, shape, place on the process grid.
// Element type, data, strides and release are still to be set: then it is a loan of the
// caller's own memory. What it points to lives as long as the distribution. Local.
int32_t distarray_distribution_describe(const distarray_distribution *distribution,
                                        distarray_export *description,
                                        distarray_error *error);

// Makes an array of this rank's part in memory of the caller's, which must outlive it:
// data is the first element, padding included; code and bits are the element type's.
// strides has a distance in bytes for each axis; NULL is packed, row-major. Local.
int32_t distarray_distribution_wrap(const distarray_distribution *distribution,
                                    uint8_t code,
                                    uint8_t bits,
                                    void *data,
                                    const int64_t *strides,
                                    distarray_array **array,
                                    distarray_error *error);

// Checks an axis against extent, the local buffer's length along it. level 0:
// the rules for each field; 1: all rules that one process can check. Local.
int32_t distarray_dim_check(const distarray_dim *dim,
                            int64_t extent,
                            int32_t level,
                            distarray_error *error);

// Gives the number of elements held, padding included, and the local positions
// start to stop - 1 of those owned. Local.
int32_t distarray_dim_owned(const distarray_dim *dim,
                            int64_t *held,
                            int64_t *start,
                            int64_t *stop,
                            distarray_error *error);

// Gives the global index of each of n local positions. Local; O(1) each.
//
// A position outside the part is an error; nothing is written then.
int32_t distarray_dim_local_to_global(const distarray_dim *dim,
                                      int64_t n,
                                      const int64_t *local,
                                      int64_t *global,
                                      distarray_error *error);

// Gives the local position of each of n global indices, -1 where it is not held.
// Local; O(1) each, for an unstructured axis O(log n_indices), after
// the list was sorted once per call.
int32_t distarray_dim_global_to_local(const distarray_dim *dim,
                                      int64_t n,
                                      const int64_t *global,
                                      int64_t *local,
                                      distarray_error *error);

// Gives the global indices owned, as runs in local order; n_runs tells how many
// there are. Local.
//
// A block has one run, a cyclic axis at most three. Where capacity is too small
// the call fails and the error's expected says what is needed; nothing is written.
int32_t distarray_dim_owned_runs(const distarray_dim *dim,
                                 int64_t capacity,
                                 distarray_run *runs,
                                 int64_t *n_runs,
                                 distarray_error *error);

// Proves that the loans of all ranks are parts of one array: sizes, kinds, grids,
// element types, blocks that meet, padding that pairs, indices owned once.
// Collective over comm; a description is enough, nothing is taken.
//
// Every rank first checks its own loan strictly. When one rank fails, or passes
// NULL, all ranks return its status and its report.
int32_t distarray_check_collective(const distarray_comm *comm,
                                   const distarray_export *loan,
                                   distarray_error *error);

// The same, and sums 8 numbers of the caller's own over all ranks in the same
// reduction: `look` sees a loan that keeps every rule one rank can check, and sets
// what it counts of it in `counts`, which begin at 0. Collective over comm.
//
// It is what a caller that takes only some arrays asks whether all ranks take theirs,
// without another message. look is local, returns, and is not called where this rank's
// loan breaks a rule. Where the call fails counts are unchanged.
int32_t distarray_check_collective_with(const distarray_comm *comm,
                                        const distarray_export *loan,
                                        void (*look)(void *context,
                                                     const distarray_export *loan,
                                                     uint64_t *counts),
                                        void *context,
                                        uint64_t (*counts)[8],
                                        distarray_error *error);

// Proves that the arrays of all ranks are parts of one, and keeps what that told:
// who owns what. Collective over comm, which must outlive the distribution.
//
// When one rank fails, or passes NULL, all ranks return its status and its report.
int32_t distarray_distribution_gather(const distarray_comm *comm,
                                      const distarray_array *array,
                                      distarray_distribution **distribution,
                                      distarray_error *error);

// Makes a new array of the distribution, all zero, padding included: code and bits
// are the element type's, and with column_major not 0 the first axis runs fastest.
// With shared not 0 it lies, where the system offers that, in memory that the ranks of
// a node share: exchanges between them are direct copies. Collective.
//
// When one rank fails, all ranks return its status and its report.
int32_t distarray_distribution_zeros(const distarray_distribution *distribution,
                                     uint8_t code,
                                     uint8_t bits,
                                     int32_t column_major,
                                     int32_t shared,
                                     distarray_array **array,
                                     distarray_error *error);

// Frees the distribution; NULL is allowed. Local: nothing is sent.
void distarray_distribution_free(distarray_distribution *distribution);

// Gives the rank that owns each of n elements, -1 where none does; of replicas, in the
// one that asks. indices holds the n index tuples one after the other. Local; O(1) for
// each regular axis.
//
// An array with an unstructured axis is refused: distarray_distribution_owners
// asks for those.
int32_t distarray_distribution_owner(const distarray_distribution *distribution,
                                     int64_t n,
                                     const int64_t *indices,
                                     int64_t *ranks,
                                     distarray_error *error);

// Gives the grid coordinate that owns each of n indices of an axis, and the
// position among the elements it owns; -1 where none does. Local.
//
// An unstructured axis is refused: distarray_distribution_owners asks for it.
int32_t distarray_distribution_global_to_local(const distarray_distribution *distribution,
                                               int32_t axis,
                                               int64_t n,
                                               const int64_t *global,
                                               int64_t *coordinate,
                                               int64_t *local,
                                               distarray_error *error);

// Gives the global index of each of n positions among the elements that a grid
// coordinate owns along an axis, -1 where there is none. Local.
int32_t distarray_distribution_local_to_global(const distarray_distribution *distribution,
                                               int32_t axis,
                                               int64_t coordinate,
                                               int64_t n,
                                               const int64_t *local,
                                               int64_t *global,
                                               distarray_error *error);

// Gives the global indices that a grid coordinate owns along an axis, as runs; see
// distarray_dim_owned_runs. Local.
int32_t distarray_distribution_owned_runs(const distarray_distribution *distribution,
                                          int32_t axis,
                                          int64_t coordinate,
                                          int64_t capacity,
                                          distarray_run *runs,
                                          int64_t *n_runs,
                                          distarray_error *error);

// Gives the grid coordinate that owns each of n indices of any axis, and the
// position among the elements it owns; -1 where none does. Collective over the
// distribution's communicator; a rank may ask for nothing (n = 0).
int32_t distarray_distribution_owners(const distarray_distribution *distribution,
                                      int32_t axis,
                                      int64_t n,
                                      const int64_t *global,
                                      int64_t *coordinate,
                                      int64_t *local,
                                      distarray_error *error);

// Checks a loan without taking it: level 0, the rules for each field; 1, all
// rules that one process can check, the stated allocation included. Local.
int32_t distarray_export_check(const distarray_export *loan,
                               int32_t level,
                               distarray_error *error);

// Reads one process's part from a .dnpy file into memory of the library's own.
// Local.
int32_t distarray_array_read_dnpy(const char *path,
                                  distarray_array **array,
                                  distarray_error *error);

// Writes the array, padding included, to a .dnpy file. A failure leaves an
// existing file as it was. Local.
int32_t distarray_array_write_dnpy(const distarray_array *array,
                                   const char *path,
                                   distarray_error *error);

// Reads this rank's part from the set of files prefix_0.dnpy, prefix_1.dnpy, ... Where there
// is a prefix.manifest, files of one save are read, or none. Collective over comm: when one
// rank fails, all return its status and its report.
int32_t distarray_array_read_dnpy_set(const char *prefix,
                                      const distarray_comm *comm,
                                      distarray_array **array,
                                      distarray_error *error);

// Reads this rank's part of the set of files prefix_0.dnpy, prefix_1.dnpy, ... as the
// distribution deals the array out, whatever number of ranks saved it in whatever
// distribution; padding is filled too. All files must be within reach of every rank.
// Collective: when one rank fails, all return its status and its report.
int32_t distarray_distribution_read_dnpy_set(const distarray_distribution *distribution,
                                             const char *prefix,
                                             distarray_array **array,
                                             distarray_error *error);

// Writes this rank's part to the set of files prefix_0.dnpy, prefix_1.dnpy, ... and the
// set's prefix.manifest. The set is replaced as a whole, whatever interrupts the call.
// Collective over comm: when one rank fails, all return its status and its report.
int32_t distarray_array_write_dnpy_set(const distarray_array *array,
                                       const char *prefix,
                                       const distarray_comm *comm,
                                       distarray_error *error);

// Plans the exchange that fills the padding of arrays of a distribution, of any
// element type. corners 0 leaves out what lies in the padding of several axes: for
// stencils that reach along axes only. Collective.
//
// The distribution's communicator must outlive the plan; the distribution need not.
int32_t distarray_halo_new(const distarray_distribution *distribution,
                           int32_t corners,
                           distarray_halo **halo,
                           distarray_error *error);

// Lets each later update fill the padding outside the edges of the array too: edges
// has one DISTARRAY_EDGE_* for each axis, constants one value for each axis with
// DISTARRAY_EDGE_CONSTANT, or NULL for zeros. Collective; all ranks say the same.
//
// Refused where a mirror shows what a rank does not hold. Bindings made before keep
// what they had.
int32_t distarray_halo_fill_edges(distarray_halo *halo,
                                  const int32_t *edges,
                                  const double *constants,
                                  distarray_error *error);

// Fills the padding of an array with what the owners hold. Collective; messages go
// to neighbours only.
//
// Padding outside the edges of an axis that is not periodic stays as it is, unless
// distarray_halo_fill_edges said otherwise. When one rank's array does not fit the
// plan, or is NULL, all ranks return its status and its report, and no array is
// touched.
int32_t distarray_halo_update(distarray_halo *halo,
                              const distarray_array *array,
                              distarray_error *error);

// Fills the padding of n arrays, of any element types, with one message to each
// neighbour. Collective; all ranks pass the arrays in the same order.
//
// Errors as for distarray_halo_update.
int32_t distarray_halo_update_all(distarray_halo *halo,
                                  int64_t n,
                                  const distarray_array *const *arrays,
                                  distarray_error *error);

// Starts an update and returns while messages fly, so that work on elements that
// need no padding overlaps with it. What is sent is packed by then: owned elements
// may be written. The padding is filled by distarray_halo_finish. Collective.
//
// Errors as for distarray_halo_update.
int32_t distarray_halo_start(distarray_halo *halo,
                             const distarray_array *array,
                             distarray_error *error);

// Waits for the messages of distarray_halo_start and fills the padding of the same
// array. Collective.
//
// Another array than at the start, or none started, is DISTARRAY_E_BUSY on all ranks.
int32_t distarray_halo_finish(distarray_halo *halo,
                              const distarray_array *array,
                              distarray_error *error);

// Joins each padding element with the element that it is a copy of: how is
// DISTARRAY_SUM (the adjoint of the update), DISTARRAY_MIN or DISTARRAY_MAX. The
// padding stays as it is. Collective; sums have the same bits every time, whichever
// ranks share memory.
//
// Errors as for distarray_halo_update; DISTARRAY_E_DTYPE for elements that have no
// sum or order.
int32_t distarray_halo_accumulate(distarray_halo *halo,
                                  const distarray_array *array,
                                  int32_t how,
                                  distarray_error *error);

// Binds the exchange to n arrays, so that an update needs no agreement: it costs its
// messages, or between ranks of one node on shared memory
// (distarray_distribution_zeros) one copy. Collective; all ranks pass the arrays in
// the same order.
//
// The arrays and the communicator stay in use until the binding is freed; the plan
// need not. Errors as for distarray_halo_update.
int32_t distarray_halo_bind(const distarray_halo *halo,
                            int64_t n,
                            const distarray_array *const *arrays,
                            distarray_bound_halo **bound,
                            distarray_error *error);

// Fills the padding of the bound arrays with what the owners hold. Collective over
// neighbours: it waits for them alone.
int32_t distarray_bound_halo_update(distarray_bound_halo *bound, distarray_error *error);

// Frees the binding; NULL is allowed. Local: nothing is sent.
void distarray_bound_halo_free(distarray_bound_halo *bound);

// Tells what one update of an array of elements of itemsize bytes moves on this
// rank. Local.
int32_t distarray_halo_moves(const distarray_halo *halo,
                             int64_t itemsize,
                             distarray_moved *moved,
                             distarray_error *error);

// Frees the plan; NULL is allowed. Local: nothing is sent.
void distarray_halo_free(distarray_halo *halo);

// The library's version, major.minor.patch. Local; never freed.
const char *distarray_version(void);

// The ABI of the structs that the library speaks: 65536 * major + minor. Local.
uint32_t distarray_abi_version(void);

// Sets has to 1 if this build has a feature, else to 0: "block", "cyclic",
// "unstructured", "json", "dnpy", "halo", "redistribution", "shared_memory". Local.
int32_t distarray_has_feature(const char *name, int32_t *has, distarray_error *error);

// Plans the way from one distribution to another of the same global shape and the
// same ranks, for arrays of any element type. axes NULL keeps the order of the axes;
// else it names, for each axis of the target, the source's axis that becomes it, so
// {1, 0} transposes a matrix. Collective; messages are sent for unstructured axes only.
//
// The source's communicator must outlive the plan; the distributions need not.
int32_t distarray_redistribution_new(const distarray_distribution *source,
                                     const distarray_distribution *target,
                                     const int64_t *axes,
                                     distarray_redistribution **redistribution,
                                     distarray_error *error);

// Plans the way to an array of another shape with the same elements in the same
// row-major order, as numpy.reshape. An array that does not lie packed in that order, or
// is padded, goes through packed memory that the plan keeps. Collective, without messages.
//
// The source's communicator must outlive the plan; the distributions need not.
int32_t distarray_redistribution_new_reshape(const distarray_distribution *source,
                                             const distarray_distribution *target,
                                             distarray_redistribution **redistribution,
                                             distarray_error *error);

// Gives, for each place of the target's process grid, row-major, the rank that should
// hold it so that the fewest elements move: capacity is the room of ranks, as many as
// the target has. Local; the best along each axis where both grids have
// the same extents, of up to 1024 processes; the best of all up to 256 ranks; the
// target's own beyond.
//
// A target that is dealt out in this order (DISTARRAY_R_GRID_MAP) moves no more than
// any other on the same grid. Refused for unstructured axes and replicas.
int32_t distarray_distribution_relabel(const distarray_distribution *source,
                                       const distarray_distribution *target,
                                       int64_t capacity,
                                       int64_t *ranks,
                                       distarray_error *error);

// Plans the way between distributions over different ranks, all of them ranks of
// comm: from and to communicators that were split off it. A rank without a part of a
// side passes NULL for it, here and to distarray_redistribution_apply. ndim is the
// number of axes of both; axes as for distarray_redistribution_new. Collective over
// comm, which must outlive the plan.
int32_t distarray_redistribution_new_across(const distarray_comm *comm,
                                            const distarray_distribution *source,
                                            const distarray_distribution *target,
                                            int32_t ndim,
                                            const int64_t *axes,
                                            distarray_redistribution **redistribution,
                                            distarray_error *error);

// Moves what the source owns into what the target owns, converting elements where
// the types differ and the kind of number is kept or widened. Padding is neither
// read nor written. Collective.
//
// When one rank's arrays do not fit the plan, or one is NULL where it has a part, all
// ranks return its status and its report, and no target is touched.
int32_t distarray_redistribution_apply(distarray_redistribution *redistribution,
                                       const distarray_array *source,
                                       const distarray_array *target,
                                       distarray_error *error);

// target = alpha * op(source) + beta * target, where op takes complex conjugates if
// conjugate is not 0. alpha and beta are two doubles each, the real and the imaginary
// part; beta 0 does not read the target. Collective; all ranks pass the same factors.
//
// Errors as for distarray_redistribution_apply; DISTARRAY_E_DTYPE for targets that are
// not floating-point.
int32_t distarray_redistribution_apply_scaled(distarray_redistribution *redistribution,
                                              const double *alpha,
                                              const double *beta,
                                              int32_t conjugate,
                                              const distarray_array *source,
                                              const distarray_array *target,
                                              distarray_error *error);

// Tells what one application to elements of itemsize bytes moves on this rank. Local.
int32_t distarray_redistribution_moves(const distarray_redistribution *redistribution,
                                       int64_t itemsize,
                                       distarray_moved *moved,
                                       distarray_error *error);

// Frees the plan; NULL is allowed. Local: nothing is sent.
void distarray_redistribution_free(distarray_redistribution *redistribution);

// Writes what a loan says of itself, but not its memory, as JSON: dtype, itemsize,
// shape, strides, uid, epoch, and the dictionary of the Distributed Array Protocol
// under "__distarray__". Local.
//
// length tells how long the text is; text needs room for one byte more, its NUL.
// text NULL with capacity 0 asks for the length alone. Where the room is too small
// the call fails and the error's expected says what is needed.
int32_t distarray_export_to_json(const distarray_export *loan,
                                 char *text,
                                 size_t capacity,
                                 size_t *length,
                                 distarray_error *error);

// Makes a description, without memory, from the JSON of distarray_export_to_json.
// text need not end with a NUL. Local.
int32_t distarray_export_from_json(const char *text,
                                   size_t length,
                                   distarray_export *loan,
                                   distarray_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DISTARRAY_H */
