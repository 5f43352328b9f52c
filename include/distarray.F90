! distarray.F90 - lend and borrow distributed arrays from Fortran.
!
! Compile this file with your own compiler and distarray_fortran.c with the C compiler
! that goes with it; they mirror distarray_abi.h and need no library. The functions of
! libdistarray are in distarray_library.f90.
!
!   use distarray
!   type(distarray_dim)    :: dims(2)
!   type(distarray_export) :: loan
!   real(real64), target   :: u(0:nx+1, 0:ny+1)
!
!   dims(1) = distarray_dim_block(n_global_x, px, ix, x0, x0 + nx)
!   dims(2) = distarray_dim_block(n_global_y, py, iy, y0, y0 + ny)
!   call distarray_dim_add_halo(dims, 1, 1)
!   status = distarray_lend(u, dims, rank, px * py, loan, lease, error)
!
! and who takes the loan has v(0:nx+1, 0:ny+1) in the same memory:
!
!   real(real64), pointer  :: v(:, :)
!   status = distarray_associate(loan, v, DISTARRAY_ACCESS_READ, DISTARRAY_BOUNDS_HALO, error)
!
! Global indices count from 0, as in the protocol. Unsigned C integers are signed ones of
! the same size here.

! What distarray_abi.h defines, and the error of distarray.h.
module distarray_types
  use, intrinsic :: iso_c_binding
  use, intrinsic :: iso_fortran_env, only: int8, int16, int32, int64, real32, real64
  implicit none
  public

  integer(c_int32_t), parameter :: DISTARRAY_MAGIC = int(z'52524144', c_int32_t)
  integer(c_int32_t), parameter :: DISTARRAY_ABI_MAJOR = 1, DISTARRAY_ABI_MINOR = 0

  integer(c_int32_t), parameter :: &
    DISTARRAY_OK = 0, DISTARRAY_E_NULL = 1, DISTARRAY_E_VERSION = 2, &
    DISTARRAY_E_FLAG = 3, DISTARRAY_E_GRID = 4, DISTARRAY_E_RANGE = 5, &
    DISTARRAY_E_SHAPE = 6, DISTARRAY_E_BOUNDS = 7, DISTARRAY_E_DTYPE = 8, &
    DISTARRAY_E_DEVICE = 9, DISTARRAY_E_ALIGN = 10, DISTARRAY_E_RELEASED = 11, &
    DISTARRAY_E_ACCESS = 12, DISTARRAY_E_SYNTAX = 13, DISTARRAY_E_INVARIANT = 20, &
    DISTARRAY_E_PARTITION = 21, DISTARRAY_E_DUPLICATE = 22, DISTARRAY_E_HALO = 23, &
    DISTARRAY_E_BUSY = 30, DISTARRAY_E_UNACCEPTABLE = 31, &
    DISTARRAY_E_WOULD_COPY = 32, DISTARRAY_E_COMM = 40, DISTARRAY_E_NO_MEMORY = 41, &
    DISTARRAY_E_UNSUPPORTED = 42, DISTARRAY_E_IO = 43, DISTARRAY_E_PANIC = 99

  integer(c_int8_t), parameter :: &
    DISTARRAY_DTYPE_INT = 0, DISTARRAY_DTYPE_UINT = 1, DISTARRAY_DTYPE_FLOAT = 2, &
    DISTARRAY_DTYPE_OPAQUE = 3, DISTARRAY_DTYPE_BFLOAT = 4, &
    DISTARRAY_DTYPE_COMPLEX = 5, DISTARRAY_DTYPE_BOOL = 6
  integer(c_int32_t), parameter :: &
    DISTARRAY_DEVICE_CPU = 1, DISTARRAY_DEVICE_CUDA = 2, &
    DISTARRAY_DEVICE_CUDA_HOST = 3, DISTARRAY_DEVICE_ROCM = 10, &
    DISTARRAY_DEVICE_ROCM_HOST = 11, DISTARRAY_DEVICE_CUDA_MANAGED = 13

  integer(c_int32_t), parameter :: &
    DISTARRAY_DIST_UNDISTRIBUTED = 0, DISTARRAY_DIST_BLOCK = iachar('b'), &
    DISTARRAY_DIST_CYCLIC = iachar('c'), DISTARRAY_DIST_UNSTRUCTURED = iachar('u')
  integer(c_int32_t), parameter :: &
    DISTARRAY_DIM_PERIODIC = 1, DISTARRAY_DIM_ONE_TO_ONE = 2, &
    DISTARRAY_DIM_INDICES_I32 = 4, DISTARRAY_DIM_EDGE_OUTSIDE = 8, &
    DISTARRAY_DIM_COMPONENT = 16, DISTARRAY_DIM_KNOWN_1_0 = 31

  integer(c_int32_t), parameter :: &
    DISTARRAY_R_UNALIGNED = 1, DISTARRAY_R_OPAQUE_HANDLE = 2, &
    DISTARRAY_R_BYTESWAPPED = 4, DISTARRAY_R_GHOSTS = 8, DISTARRAY_R_GRID_MAP = 16, &
    DISTARRAY_R_SYNC_EVENT = 32, DISTARRAY_R_EXT = 64, &
    DISTARRAY_R_GRID_COLMAJOR = 128, DISTARRAY_R_NO_DATA = 256, &
    DISTARRAY_R_CALL_SCOPED = 512, DISTARRAY_R_KNOWN_1_0 = 1023
  integer(c_int32_t), parameter :: &
    DISTARRAY_W_READ_ONLY = 1, DISTARRAY_W_REPLICATED = 2, DISTARRAY_W_ALIASED = 4, &
    DISTARRAY_W_KNOWN_1_0 = 7
  integer(c_int64_t), parameter :: &
    DISTARRAY_I_COPIED = 1, DISTARRAY_I_HALO_VALID = 2, DISTARRAY_I_EXCLUSIVE = 4, &
    DISTARRAY_I_SLACK = 8, DISTARRAY_I_HALO_FACES = 16
  integer(c_int64_t), parameter :: &
    DISTARRAY_C_MODIFIED = 1, DISTARRAY_C_HALO_MODIFIED = 2, DISTARRAY_C_HALO_VALID = 4
  integer(c_int32_t), parameter :: &
    DISTARRAY_ACCESS_READ = 0, DISTARRAY_ACCESS_READ_WRITE = 1, &
    DISTARRAY_ACCESS_EXCLUSIVE = 2, DISTARRAY_ACCESS_DESCRIBE = 3

  ! How one axis is cut over the processes; a default one is held whole.
  type, bind(c) :: distarray_dim
    integer(c_int32_t) :: dist_type = 0, flags = 0
    integer(c_int64_t) :: size = 0, proc_grid_size = 0, proc_grid_rank = 0
    integer(c_int64_t) :: start = 0, stop = 0, padding(2) = 0
    integer(c_int64_t) :: block_size = 0
    type(c_ptr)        :: indices = c_null_ptr
    integer(c_int64_t) :: n_indices = 0, n_owned = 0
    integer(c_int64_t) :: first_block = 0
    integer(c_int64_t) :: reserved(3) = 0
  end type

  type, bind(c) :: distarray_key_value
    type(c_ptr) :: key = c_null_ptr, value = c_null_ptr
  end type

  type, bind(c) :: distarray_ext
    integer(c_int64_t) :: tag = 0
    integer(c_int32_t) :: byte_size = 0, critical = 0
    type(c_ptr)        :: next = c_null_ptr
  end type

  ! The loan; a default one lends nothing yet.
  type, bind(c) :: distarray_export
    integer(c_int32_t) :: magic = DISTARRAY_MAGIC, struct_size = 256
    integer(c_int32_t) :: abi_major = DISTARRAY_ABI_MAJOR
    integer(c_int32_t) :: abi_minor = DISTARRAY_ABI_MINOR
    type(c_funptr)     :: release = c_null_funptr
    type(c_ptr)        :: private_data = c_null_ptr
    integer(c_int32_t) :: flags_read = 0, flags_write = 0
    integer(c_int64_t) :: flags_info = 0, consumer_flags = 0
    type(c_ptr)        :: data = c_null_ptr
    integer(c_int64_t) :: byte_offset = 0
    type(c_ptr)        :: alloc_base = c_null_ptr
    integer(c_int64_t) :: alloc_bytes = 0
    integer(c_int32_t) :: device_type = DISTARRAY_DEVICE_CPU, device_id = 0
    type(c_ptr)        :: sync_event = c_null_ptr
    integer(c_int8_t)  :: dtype_code = 0, dtype_bits = 0
    integer(c_int16_t) :: dtype_lanes = 1
    integer(c_int32_t) :: ndim = 0
    integer(c_int64_t) :: itemsize = 0
    type(c_ptr)        :: shape = c_null_ptr, strides = c_null_ptr
    type(c_ptr)        :: format = c_null_ptr
    type(c_ptr)        :: dims = c_null_ptr
    integer(c_int64_t) :: process_rank = 0, process_count = 1
    type(c_ptr)        :: grid_ranks = c_null_ptr
    integer(c_int64_t) :: uid(2) = 0, epoch = 0
    type(c_ptr)        :: meta = c_null_ptr
    integer(c_int64_t) :: n_meta = 0
    type(c_ptr)        :: ext = c_null_ptr
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(c) :: distarray_request
    integer(c_int32_t) :: struct_size = 128
    integer(c_int32_t) :: max_abi_major = DISTARRAY_ABI_MAJOR
    integer(c_int32_t) :: max_abi_minor = DISTARRAY_ABI_MINOR
    integer(c_int32_t) :: access = DISTARRAY_ACCESS_READ
    integer(c_int32_t) :: known_flags_read = 0, known_flags_write = 0
    integer(c_int32_t) :: layouts = 0, dist_types = 0, copy = 0
    integer(c_int32_t) :: device_type = 0, device_id = 0, min_alignment = 0
    type(c_ptr)        :: stream = c_null_ptr
    integer(c_int64_t) :: reserved(9) = 0
  end type

  type, bind(c) :: distarray_producer
    integer(c_int32_t) :: struct_size = 64
    integer(c_int32_t) :: abi_major = DISTARRAY_ABI_MAJOR
    integer(c_int32_t) :: abi_minor = DISTARRAY_ABI_MINOR
    integer(c_int32_t) :: reserved0 = 0
    type(c_funptr)     :: export_array = c_null_funptr, release = c_null_funptr
    type(c_ptr)        :: private_data = c_null_ptr
    integer(c_int64_t) :: reserved(3) = 0
  end type

  ! Why a call was refused, and where; -1 stands for no rank and no axis.
  type, bind(c) :: distarray_error
    integer(c_int32_t) :: code = 0, has_values = 0
    integer(c_int64_t) :: rank = -1, other_rank = -1, axis = -1
    integer(c_int64_t) :: expected = 0, found = 0
    character(kind=c_char) :: field(32) = c_null_char
    character(kind=c_char) :: rule(16) = c_null_char
    character(kind=c_char) :: message(416) = c_null_char
  end type

  ! What the lender learns from its borrowers. Must have the target attribute and
  ! outlive every loan it counts. Where loans are given back from other threads, read
  ! live by distarray_lease_live.
  type, bind(c) :: distarray_lease
    integer(c_int64_t) :: live = 0               ! loans not given back yet
    integer(c_int64_t) :: consumer_flags = 0     ! DISTARRAY_C_* of all given back
  end type

  ! The bounds of a pointer that distarray_associate sets. They count from 1, as always in
  ! Fortran: ONE begins every axis with 1, HALO the elements that are owned, GLOBAL the
  ! global array, so that subscript i is the index i - 1 of the protocol.
  integer(c_int32_t), parameter :: &
    DISTARRAY_BOUNDS_ONE = 0, DISTARRAY_BOUNDS_HALO = 1, DISTARRAY_BOUNDS_GLOBAL = 2

end module distarray_types

! distarray_associate, of which the module distarray tells, for each type.
#define MODULE distarray_associate_int8
#define SET distarray_fortran_associate_int8
#define ELEMENT integer(c_int8_t)
#include "distarray_associate.inc"
#define MODULE distarray_associate_int16
#define SET distarray_fortran_associate_int16
#define ELEMENT integer(c_int16_t)
#include "distarray_associate.inc"
#define MODULE distarray_associate_int32
#define SET distarray_fortran_associate_int32
#define ELEMENT integer(c_int32_t)
#include "distarray_associate.inc"
#define MODULE distarray_associate_int64
#define SET distarray_fortran_associate_int64
#define ELEMENT integer(c_int64_t)
#include "distarray_associate.inc"
#define MODULE distarray_associate_real32
#define SET distarray_fortran_associate_real32
#define ELEMENT real(c_float)
#include "distarray_associate.inc"
#define MODULE distarray_associate_real64
#define SET distarray_fortran_associate_real64
#define ELEMENT real(c_double)
#include "distarray_associate.inc"
#define MODULE distarray_associate_complex32
#define SET distarray_fortran_associate_complex32
#define ELEMENT complex(c_float_complex)
#include "distarray_associate.inc"
#define MODULE distarray_associate_complex64
#define SET distarray_fortran_associate_complex64
#define ELEMENT complex(c_double_complex)
#include "distarray_associate.inc"
#define MODULE distarray_associate_bool
#define SET distarray_fortran_associate_bool
#define ELEMENT logical(c_bool)
#include "distarray_associate.inc"

module distarray
  use distarray_types
  use distarray_associate_int8
  use distarray_associate_int16
  use distarray_associate_int32
  use distarray_associate_int64
  use distarray_associate_real32
  use distarray_associate_real64
  use distarray_associate_complex32
  use distarray_associate_complex64
  use distarray_associate_bool
  implicit none
  public

  ! status = distarray_associate(loan, u, access, bounds, error)
  !
  ! points u, a pointer of the loan's element type and of its rank, 1 to 7, to the loan's
  ! elements where they lie. access is what u is for, DISTARRAY_ACCESS_READ or _READ_WRITE;
  ! bounds, one of DISTARRAY_BOUNDS_*, may be absent. u may be used until the loan is given
  ! back. It is disassociated when the loan is refused. Local.

  interface
    ! Lends an array where it lies: of any rank, whole or a section, of integers, reals,
    ! complex numbers or logical(c_bool). u must be a target, and stay allocated until
    ! lease%live is 0 again. Local.
    function distarray_lend(u, dims, process_rank, process_count, loan, lease, error) &
        bind(c, name='distarray_fortran_lend') result(status)
      import
      type(*), target, intent(inout) :: u(..)
      type(distarray_dim), intent(in) :: dims(:)
      integer(c_int), value :: process_rank, process_count
      type(distarray_export), intent(inout) :: loan
      type(distarray_lease), target, intent(inout) :: lease
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    ! Gives a loan back; harmless when that has happened already. Local.
    subroutine distarray_export_release(loan) bind(c, name='distarray_fortran_release')
      import
      type(distarray_export), intent(inout) :: loan
    end subroutine

    ! The loans not given back yet, from whatever thread. Once it is 0, the borrowers'
    ! writes and lease%consumer_flags are seen. Local.
    function distarray_lease_live(lease) &
        bind(c, name='distarray_fortran_lease_live') result(live)
      import
      type(distarray_lease), intent(in) :: lease
      integer(c_int64_t) :: live
    end function
  end interface

  ! An axis of which this process owns the global indices start .. stop - 1:
  !   dim = distarray_dim_block(size, proc_grid_size, proc_grid_rank, start, stop)
  interface distarray_dim_block
    module procedure block_int32, block_int64
  end interface

  ! An axis held whole: dim = distarray_dim_whole(size)
  interface distarray_dim_whole
    module procedure whole_int32, whole_int64
  end interface

  ! An axis dealt out in blocks, beginning on process first_process (RSRC, CSRC):
  !   dim = distarray_dim_cyclic(size, proc_grid_size, proc_grid_rank, block_size, &
  !                              first_process)
  interface distarray_dim_cyclic
    module procedure cyclic_int32, cyclic_int64
  end interface

  ! An axis of which this process holds the global indices of a list, the first n_owned of
  ! them its own. one_to_one: no index has two owners. indices, of the kind that size has,
  ! must be a target, without gaps, and live as long as the loan:
  !   dim = distarray_dim_unstructured(size, proc_grid_size, proc_grid_rank, indices, &
  !                                    n_owned, one_to_one)
  interface distarray_dim_unstructured
    module procedure unstructured_int32, unstructured_int64
  end interface

  private :: block_int32, block_int64, whole_int32, whole_int64, &
             cyclic_int32, cyclic_int64, unstructured_int32, unstructured_int64

contains

  elemental function block_int64(size, proc_grid_size, proc_grid_rank, start, stop) result(dim)
    integer(int64), intent(in) :: size, proc_grid_size, proc_grid_rank, start, stop
    type(distarray_dim) :: dim
    dim%dist_type = DISTARRAY_DIST_BLOCK
    dim%size = size
    dim%proc_grid_size = proc_grid_size
    dim%proc_grid_rank = proc_grid_rank
    dim%start = start
    dim%stop = stop
  end function

  elemental function block_int32(size, proc_grid_size, proc_grid_rank, start, stop) result(dim)
    integer(int32), intent(in) :: size, proc_grid_size, proc_grid_rank, start, stop
    type(distarray_dim) :: dim
    dim = block_int64(int(size, int64), int(proc_grid_size, int64), &
                      int(proc_grid_rank, int64), int(start, int64), int(stop, int64))
  end function

  elemental function whole_int64(size) result(dim)
    integer(int64), intent(in) :: size
    type(distarray_dim) :: dim
    dim = block_int64(size, 1_int64, 0_int64, 0_int64, size)
  end function

  elemental function whole_int32(size) result(dim)
    integer(int32), intent(in) :: size
    type(distarray_dim) :: dim
    dim = whole_int64(int(size, int64))
  end function

  ! Widens a block by halo cells that belong to the neighbours or, at the edges of
  ! the grid, lie outside the array.
  elemental subroutine distarray_dim_add_halo(dim, before, after)
    type(distarray_dim), intent(inout) :: dim
    integer, intent(in) :: before, after
    dim%flags = ior(dim%flags, DISTARRAY_DIM_EDGE_OUTSIDE)
    dim%start = dim%start - before
    dim%stop = dim%stop + after
    dim%padding = dim%padding + [before, after]
  end subroutine

  elemental function cyclic_int64(size, proc_grid_size, proc_grid_rank, block_size, &
                                  first_process) result(dim)
    integer(int64), intent(in) :: size, proc_grid_size, proc_grid_rank, block_size
    integer(int64), intent(in) :: first_process
    type(distarray_dim) :: dim
    integer(int64) :: turn
    turn = proc_grid_rank - first_process
    if (turn < 0) turn = turn + proc_grid_size
    dim%dist_type = DISTARRAY_DIST_CYCLIC
    dim%size = size
    dim%proc_grid_size = proc_grid_size
    dim%proc_grid_rank = proc_grid_rank
    dim%start = turn * block_size
    dim%block_size = block_size
  end function

  elemental function cyclic_int32(size, proc_grid_size, proc_grid_rank, block_size, &
                                  first_process) result(dim)
    integer(int32), intent(in) :: size, proc_grid_size, proc_grid_rank, block_size
    integer(int32), intent(in) :: first_process
    type(distarray_dim) :: dim
    dim = cyclic_int64(int(size, int64), int(proc_grid_size, int64), &
                       int(proc_grid_rank, int64), int(block_size, int64), &
                       int(first_process, int64))
  end function

  function unstructured_int64(size, proc_grid_size, proc_grid_rank, indices, n_owned, &
                              one_to_one) result(dim)
    integer(int64), intent(in) :: size
    integer, intent(in) :: proc_grid_size, proc_grid_rank, n_owned
    integer(int64), target, intent(in) :: indices(:)
    logical, intent(in) :: one_to_one
    type(distarray_dim) :: dim
    dim%dist_type = DISTARRAY_DIST_UNSTRUCTURED
    if (one_to_one) dim%flags = DISTARRAY_DIM_ONE_TO_ONE
    dim%size = size
    dim%proc_grid_size = proc_grid_size
    dim%proc_grid_rank = proc_grid_rank
    dim%indices = c_loc(indices)
    ! A list with gaps must be refused by whoever takes the loan.
    dim%n_indices = merge(ubound(indices, 1, int64), -1_int64, is_contiguous(indices))
    dim%n_owned = n_owned
  end function

  function unstructured_int32(size, proc_grid_size, proc_grid_rank, indices, n_owned, &
                              one_to_one) result(dim)
    integer(int32), intent(in) :: size
    integer, intent(in) :: proc_grid_size, proc_grid_rank, n_owned
    integer(int32), target, intent(in) :: indices(:)
    logical, intent(in) :: one_to_one
    type(distarray_dim) :: dim
    dim = unstructured_int64(int(size, int64), proc_grid_size, proc_grid_rank, &
                             [integer(int64) ::], n_owned, one_to_one)
    dim%flags = ior(dim%flags, DISTARRAY_DIM_INDICES_I32)
    dim%indices = c_loc(indices)
    dim%n_indices = merge(ubound(indices, 1, int64), -1_int64, is_contiguous(indices))
  end function

  ! The sentence of an error, without the NULs after it.
  function distarray_message(error) result(text)
    type(distarray_error), intent(in) :: error
    character(len=:), allocatable :: text
    integer :: i
    text = ''
    do i = 1, size(error%message)
      if (error%message(i) == c_null_char) exit
      text = text // error%message(i)
    end do
  end function

end module distarray
