! distarray.f90 - lend and borrow distributed arrays from Fortran.
!
! Compile this file with your own compiler; it mirrors distarray_abi.h and needs
! no library. The functions of libdistarray are in distarray_library.f90.
!
!   use distarray
!   type(distarray_dim)    :: dims(2)
!   type(distarray_export) :: loan
!   real(real64), target   :: u(0:nx+1, 0:ny+1)
!
!   dims(1) = distarray_dim_block(n_global_x, px, ix, x0, x0 + nx)
!   dims(2) = distarray_dim_block(n_global_y, py, iy, y0, y0 + ny)
!   call distarray_dim_add_halo(dims, 1, 1)
!   call distarray_lend(u, dims, rank, px * py, loan, lease, status)
!
! Global indices count from 0, as in the protocol. The procedures take default
! integers; beyond 2**31 - 1 set the components themselves. Unsigned C integers
! are signed ones of the same size here.
module distarray
  use, intrinsic :: iso_c_binding
  use, intrinsic :: iso_fortran_env, only: int32, int64, real32, real64
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

  ! What the lender learns from its borrowers. Must have the target attribute and
  ! outlive every loan it counts.
  type :: distarray_lease
    integer            :: live = 0               ! loans not given back yet
    integer(c_int64_t) :: consumer_flags = 0     ! DISTARRAY_C_* of all given back
  end type

  abstract interface
    subroutine distarray_release_procedure(self) bind(c)
      import :: distarray_export
      type(distarray_export), intent(inout) :: self
    end subroutine
  end interface

  ! Lends a contiguous array of any rank, without copying:
  !   call distarray_lend(u, dims, process_rank, process_count, loan, lease, status)
  ! u must be a target and stay allocated until lease%live is 0 again. Local.
  interface distarray_lend
    module procedure lend_int32, lend_int64, lend_real32, lend_real64, &
                     lend_complex64, lend_complex128
  end interface

  ! What one loan owns: freed by its release.
  type, private :: keeper
    integer(c_int64_t), allocatable  :: shape(:), strides(:)
    type(distarray_dim), allocatable :: dims(:)
    type(distarray_lease), pointer   :: lease => null()
  end type

  private :: lend_int32, lend_int64, lend_real32, lend_real64, lend_complex64, &
             lend_complex128, lend_memory, give_back

contains

  ! An axis of which this process owns the global indices start .. stop - 1.
  elemental function distarray_dim_block(size, proc_grid_size, proc_grid_rank, start, &
                                         stop) result(dim)
    integer, intent(in) :: size, proc_grid_size, proc_grid_rank, start, stop
    type(distarray_dim) :: dim
    dim%dist_type = DISTARRAY_DIST_BLOCK
    dim%size = size
    dim%proc_grid_size = proc_grid_size
    dim%proc_grid_rank = proc_grid_rank
    dim%start = start
    dim%stop = stop
  end function

  ! An axis held whole.
  elemental function distarray_dim_whole(size) result(dim)
    integer, intent(in) :: size
    type(distarray_dim) :: dim
    dim = distarray_dim_block(size, 1, 0, 0, size)
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

  ! An axis dealt out in blocks, beginning on process first_process (RSRC, CSRC).
  elemental function distarray_dim_cyclic(size, proc_grid_size, proc_grid_rank, &
                                          block_size, first_process) result(dim)
    integer, intent(in) :: size, proc_grid_size, proc_grid_rank, block_size
    integer, intent(in) :: first_process
    type(distarray_dim) :: dim
    integer(c_int64_t)  :: turn
    turn = proc_grid_rank - first_process
    if (turn < 0) turn = turn + proc_grid_size
    dim%dist_type = DISTARRAY_DIST_CYCLIC
    dim%size = size
    dim%proc_grid_size = proc_grid_size
    dim%proc_grid_rank = proc_grid_rank
    dim%start = turn * block_size
    dim%block_size = block_size
  end function

  ! Gives a loan back; harmless when that has happened already.
  subroutine distarray_export_release(loan)
    type(distarray_export), intent(inout) :: loan
    procedure(distarray_release_procedure), pointer :: release
    if (loan%magic /= DISTARRAY_MAGIC .or. .not. c_associated(loan%release)) return
    call c_f_procpointer(loan%release, release)
    call release(loan)
  end subroutine

  ! Says whether a loan holds packed Fortran-order elements of this type and rank,
  ! and if so its shape, for call c_f_pointer(loan%data, u, shape). Local.
  subroutine distarray_export_fortran_shape(loan, dtype_code, dtype_bits, shape, status)
    type(distarray_export), intent(in) :: loan
    integer(c_int8_t), intent(in)   :: dtype_code
    integer, intent(in)             :: dtype_bits
    integer(c_int64_t), intent(out) :: shape(:)
    integer(c_int32_t), intent(out) :: status
    integer(c_int64_t), pointer :: extents(:), strides(:)
    integer(c_int64_t) :: packed
    integer :: axis
    shape = 0
    status = DISTARRAY_E_VERSION
    if (loan%magic /= DISTARRAY_MAGIC .or. loan%abi_major /= DISTARRAY_ABI_MAJOR) return
    status = DISTARRAY_E_RELEASED
    if (.not. c_associated(loan%release)) return
    ! Of the must-understand bits only those that leave the elements as they are.
    status = DISTARRAY_E_FLAG
    if (iand(loan%flags_read, not(DISTARRAY_R_GHOSTS + DISTARRAY_R_GRID_MAP + &
        DISTARRAY_R_GRID_COLMAJOR + DISTARRAY_R_CALL_SCOPED)) /= 0) return
    status = DISTARRAY_E_DEVICE
    if (loan%device_type /= DISTARRAY_DEVICE_CPU) return
    status = DISTARRAY_E_DTYPE
    if (loan%dtype_code /= dtype_code .or. loan%dtype_lanes /= 1 .or. &
        iand(int(loan%dtype_bits), 255) /= dtype_bits) return
    status = DISTARRAY_E_SHAPE
    if (loan%ndim /= size(shape)) return
    call c_f_pointer(loan%shape, extents, [loan%ndim])
    call c_f_pointer(loan%strides, strides, [loan%ndim])
    packed = dtype_bits / 8
    do axis = 1, merge(0, size(shape), any(extents == 0)) ! no elements lie in any order
      if (extents(axis) > 1 .and. strides(axis) /= packed) return
      packed = packed * extents(axis)
    end do
    shape = extents
    status = DISTARRAY_OK
  end subroutine

  subroutine lend_int32(u, dims, process_rank, process_count, loan, lease, status)
    integer(int32), target, intent(in)            :: u(..)
    type(distarray_dim), intent(in)               :: dims(:)
    integer, intent(in)                           :: process_rank, process_count
    type(distarray_export), intent(out)           :: loan
    type(distarray_lease), target, intent(inout)  :: lease
    integer(c_int32_t), intent(out)               :: status
    call lend_memory(c_loc(u), DISTARRAY_DTYPE_INT, 32, shape(u, c_int64_t), &
      is_contiguous(u), dims, process_rank, process_count, loan, lease, status)
  end subroutine

  subroutine lend_int64(u, dims, process_rank, process_count, loan, lease, status)
    integer(int64), target, intent(in)            :: u(..)
    type(distarray_dim), intent(in)               :: dims(:)
    integer, intent(in)                           :: process_rank, process_count
    type(distarray_export), intent(out)           :: loan
    type(distarray_lease), target, intent(inout)  :: lease
    integer(c_int32_t), intent(out)               :: status
    call lend_memory(c_loc(u), DISTARRAY_DTYPE_INT, 64, shape(u, c_int64_t), &
      is_contiguous(u), dims, process_rank, process_count, loan, lease, status)
  end subroutine

  subroutine lend_real32(u, dims, process_rank, process_count, loan, lease, status)
    real(real32), target, intent(in)              :: u(..)
    type(distarray_dim), intent(in)               :: dims(:)
    integer, intent(in)                           :: process_rank, process_count
    type(distarray_export), intent(out)           :: loan
    type(distarray_lease), target, intent(inout)  :: lease
    integer(c_int32_t), intent(out)               :: status
    call lend_memory(c_loc(u), DISTARRAY_DTYPE_FLOAT, 32, shape(u, c_int64_t), &
      is_contiguous(u), dims, process_rank, process_count, loan, lease, status)
  end subroutine

  subroutine lend_real64(u, dims, process_rank, process_count, loan, lease, status)
    real(real64), target, intent(in)              :: u(..)
    type(distarray_dim), intent(in)               :: dims(:)
    integer, intent(in)                           :: process_rank, process_count
    type(distarray_export), intent(out)           :: loan
    type(distarray_lease), target, intent(inout)  :: lease
    integer(c_int32_t), intent(out)               :: status
    call lend_memory(c_loc(u), DISTARRAY_DTYPE_FLOAT, 64, shape(u, c_int64_t), &
      is_contiguous(u), dims, process_rank, process_count, loan, lease, status)
  end subroutine

  subroutine lend_complex64(u, dims, process_rank, process_count, loan, lease, status)
    complex(real32), target, intent(in)           :: u(..)
    type(distarray_dim), intent(in)               :: dims(:)
    integer, intent(in)                           :: process_rank, process_count
    type(distarray_export), intent(out)           :: loan
    type(distarray_lease), target, intent(inout)  :: lease
    integer(c_int32_t), intent(out)               :: status
    call lend_memory(c_loc(u), DISTARRAY_DTYPE_COMPLEX, 64, shape(u, c_int64_t), &
      is_contiguous(u), dims, process_rank, process_count, loan, lease, status)
  end subroutine

  subroutine lend_complex128(u, dims, process_rank, process_count, loan, lease, status)
    complex(real64), target, intent(in)           :: u(..)
    type(distarray_dim), intent(in)               :: dims(:)
    integer, intent(in)                           :: process_rank, process_count
    type(distarray_export), intent(out)           :: loan
    type(distarray_lease), target, intent(inout)  :: lease
    integer(c_int32_t), intent(out)               :: status
    call lend_memory(c_loc(u), DISTARRAY_DTYPE_COMPLEX, 128, shape(u, c_int64_t), &
      is_contiguous(u), dims, process_rank, process_count, loan, lease, status)
  end subroutine

  subroutine lend_memory(data, dtype_code, dtype_bits, shape, contiguous, dims, &
                         process_rank, process_count, loan, lease, status)
    type(c_ptr), intent(in)                       :: data
    integer(c_int8_t), intent(in)                 :: dtype_code
    integer, intent(in)                           :: dtype_bits
    integer(c_int64_t), intent(in)                :: shape(:)
    logical, intent(in)                           :: contiguous
    type(distarray_dim), intent(in)               :: dims(:)
    integer, intent(in)                           :: process_rank, process_count
    type(distarray_export), intent(out)           :: loan
    type(distarray_lease), target, intent(inout)  :: lease
    integer(c_int32_t), intent(out)               :: status
    type(keeper), pointer :: kept
    integer :: axis
    ! A section's strides are known to the compiler only: lend the whole array.
    status = DISTARRAY_E_UNSUPPORTED
    if (.not. contiguous) return
    status = DISTARRAY_E_SHAPE
    if (size(dims) /= size(shape)) return
    status = DISTARRAY_E_NO_MEMORY
    allocate (kept, stat=axis)
    if (axis /= 0) return
    status = DISTARRAY_OK
    kept%shape = shape
    kept%dims = dims
    allocate (kept%strides(size(shape)))
    loan%itemsize = dtype_bits / 8
    do axis = 1, size(shape)
      kept%strides(axis) = loan%itemsize * product(shape(:axis-1))
    end do
    kept%lease => lease
    lease%live = lease%live + 1
    loan%release = c_funloc(give_back)
    loan%private_data = c_loc(kept)
    loan%data = data
    loan%alloc_base = data
    loan%alloc_bytes = loan%itemsize * product(shape)
    loan%dtype_code = dtype_code
    loan%dtype_bits = transfer(dtype_bits, loan%dtype_bits) ! 128 does not fit a signed byte
    loan%ndim = size(shape)
    if (loan%ndim > 0) then
      loan%shape = c_loc(kept%shape)
      loan%strides = c_loc(kept%strides)
      loan%dims = c_loc(kept%dims)
    end if
    loan%process_rank = process_rank
    loan%process_count = process_count
  end subroutine

  ! The release of every loan made here. The lender orders it against its own
  ! reading of the lease, as it orders any other access from another thread.
  subroutine give_back(self) bind(c, name="")
    type(distarray_export), intent(inout) :: self
    type(keeper), pointer :: kept
    call c_f_pointer(self%private_data, kept)
    kept%lease%live = kept%lease%live - 1
    kept%lease%consumer_flags = ior(kept%lease%consumer_flags, self%consumer_flags)
    deallocate (kept)
    self%release = c_null_funptr
    self%private_data = c_null_ptr
  end subroutine

end module distarray
