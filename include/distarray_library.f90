! distarray_library.f90 - the functions of libdistarray for Fortran.
!
! Each has the name, the arguments and the meaning that distarray.h gives it; here is
! only what Fortran needs to call it. Compile it after distarray.F90 with your own
! compiler and link with -ldistarray.
!
!   status = distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, array, error)
!   if (status /= DISTARRAY_OK) print '(a)', distarray_message(error)
!
! Handles (arrays, distributions, plans) and communicators are type(c_ptr); a
! communicator is c_loc(comm) of the table that distarray_mpi.f90 makes. Axes count from
! 0, as in C. File names may have blanks at their end.
module distarray_library
  use distarray
  implicit none
  public

  ! How distarray_halo_accumulate joins elements.
  integer(c_int32_t), parameter :: DISTARRAY_SUM = 1, DISTARRAY_MIN = 2, DISTARRAY_MAX = 3

  ! How distarray_halo_fill_edges fills what lies outside, as numpy.pad calls it.
  integer(c_int32_t), parameter :: &
    DISTARRAY_EDGE_KEEP = 0, DISTARRAY_EDGE_CONSTANT = 1, DISTARRAY_EDGE_REPLICATE = 2, &
    DISTARRAY_EDGE_REFLECT = 3, DISTARRAY_EDGE_SYMMETRIC = 4

  ! How elements may lie for a consumer, and the padding that it accepts along an axis.
  integer(c_int32_t), parameter :: &
    DISTARRAY_LAYOUT_C = 1, DISTARRAY_LAYOUT_FORTRAN = 2, DISTARRAY_LAYOUT_STRIDED = 4, &
    DISTARRAY_LAYOUT_C_LINES = 8, DISTARRAY_LAYOUT_FORTRAN_LINES = 16, &
    DISTARRAY_PADDING_ANY = 0, DISTARRAY_PADDING_NONE = 1, DISTARRAY_PADDING_HALO = 2, &
    DISTARRAY_PADDING_HALO_AROUND = 3, DISTARRAY_COMPONENTS_ANY = 0, &
    DISTARRAY_COMPONENTS_FASTEST = 1, DISTARRAY_COMPONENTS_NONE = 2

  ! count stretches of len consecutive indices, each stride after the one before.
  type, bind(c) :: distarray_run
    integer(c_int64_t) :: start = 0, len = 0, stride = 0, count = 0
  end type

  ! What one round of an exchange does on this rank.
  type, bind(c) :: distarray_moved
    integer(c_int64_t) :: messages = 0, bytes_sent = 0, bytes_copied = 0
  end type

  ! How one axis is to be dealt out; as it is, held whole. bounds and indices are c_loc of
  ! integer(c_int64_t) arrays.
  type, bind(c) :: distarray_axis
    integer(c_int32_t) :: dist_type = 0, flags = 0
    integer(c_int64_t) :: size = 0, proc_grid_size = 0, block_size = 0
    type(c_ptr) :: bounds = c_null_ptr
    integer(c_int64_t) :: first_process = 0, halo(2) = 0
    type(c_ptr) :: indices = c_null_ptr
    integer(c_int64_t) :: n_indices = 0, n_owned = 0, reserved(4) = 0
  end type

  ! The process grid of a distribution; as it is, the one with the smallest surfaces.
  ! extents and ranks are c_loc of integer(c_int64_t) arrays.
  type, bind(c) :: distarray_grid
    type(c_ptr) :: extents = c_null_ptr
    integer(c_int64_t) :: order = 0, replicas = 0
    type(c_ptr) :: ranks = c_null_ptr
    integer(c_int64_t) :: reserved(4) = 0
  end type

  ! What a consumer accepts along one axis; as it is, any.
  type, bind(c) :: distarray_required_axis
    integer(c_int32_t) :: dist_types = 0, padding = 0
    integer(c_int64_t) :: proc_grid_size = 0, block_size = 0
    type(c_ptr) :: bounds = c_null_ptr
    integer(c_int64_t) :: halo(2) = 0, from_first_process = 0, pitch = 0, least = 0
  end type

  ! What a consumer accepts: axes is c_loc of ndim records, permutation of ndim
  ! integer(c_int32_t), axes counted from 0; as it is, any array.
  type, bind(c) :: distarray_requirements
    type(c_ptr) :: axes = c_null_ptr
    integer(c_int32_t) :: ndim = 0, grid_order = 0
    integer(c_int64_t) :: replicas = 0
    integer(c_int32_t) :: layouts = 0
    integer(c_int8_t) :: code = 0, bits = 0
    integer(c_int16_t) :: device_type = 0
    integer(c_int64_t) :: alignment = 0
    integer(c_int32_t) :: relabel = 0, never_copy = 0
    integer(c_int64_t) :: room = 0
    type(c_ptr) :: permutation = c_null_ptr
    integer(c_int64_t) :: components = 0, reserved(1) = 0
  end type

  interface
    function distarray_array_import(loan, access, array, error) bind(c) result(status)
      import
      type(distarray_export), intent(inout) :: loan
      integer(c_int32_t), value :: access
      type(c_ptr), intent(out) :: array
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_array_export(array, request, loan, error) bind(c) result(status)
      import
      type(c_ptr), value :: array
      type(distarray_request), intent(in), optional :: request
      type(distarray_export), intent(inout) :: loan
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_array_view(array, view, error) bind(c) result(status)
      import
      type(c_ptr), value :: array
      type(distarray_export), intent(inout) :: view
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_array_mark_modified(array, consumer_flags, error) bind(c) result(status)
      import
      type(c_ptr), value :: array
      integer(c_int64_t), value :: consumer_flags
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_array_same_memory(array, other, same, error) bind(c) result(status)
      import
      type(c_ptr), value :: array
      type(c_ptr), value :: other
      integer(c_int32_t), intent(out) :: same
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    subroutine distarray_array_free(array) bind(c)
      import
      type(c_ptr), value :: array
    end subroutine

    function distarray_dim_check(dim, extent, level, error) bind(c) result(status)
      import
      type(distarray_dim), intent(in) :: dim
      integer(c_int64_t), value :: extent
      integer(c_int32_t), value :: level
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_dim_owned(dim, held, start, stop, error) bind(c) result(status)
      import
      type(distarray_dim), intent(in) :: dim
      integer(c_int64_t), intent(out) :: held
      integer(c_int64_t), intent(out) :: start
      integer(c_int64_t), intent(out) :: stop
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_dim_local_to_global(dim, n, local, global, error) bind(c) result(status)
      import
      type(distarray_dim), intent(in) :: dim
      integer(c_int64_t), value :: n
      integer(c_int64_t), intent(in) :: local(*)
      integer(c_int64_t), intent(inout) :: global(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_dim_global_to_local(dim, n, global, local, error) bind(c) result(status)
      import
      type(distarray_dim), intent(in) :: dim
      integer(c_int64_t), value :: n
      integer(c_int64_t), intent(in) :: global(*)
      integer(c_int64_t), intent(inout) :: local(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_dim_owned_runs(dim, capacity, runs, n_runs, error) bind(c) result(status)
      import
      type(distarray_dim), intent(in) :: dim
      integer(c_int64_t), value :: capacity
      type(distarray_run), intent(inout) :: runs(*)
      integer(c_int64_t), intent(out) :: n_runs
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_check_collective(comm, loan, error) bind(c) result(status)
      import
      type(c_ptr), value :: comm
      type(distarray_export), intent(in) :: loan
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_check_collective_with(comm, loan, look, context, counts, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: comm
      type(distarray_export), intent(in) :: loan
      type(c_funptr), value :: look
      type(c_ptr), value :: context
      integer(c_int64_t), intent(inout) :: counts(8)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_gather(comm, array, distribution, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: comm
      type(c_ptr), value :: array
      type(c_ptr), intent(out) :: distribution
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    ! 128 bits are -128_c_int8_t: a signed byte is all that Fortran has.
    function distarray_distribution_new(comm, ndim, axes, grid, grid_order, distribution, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: comm
      integer(c_int32_t), value :: ndim
      type(distarray_axis), intent(in) :: axes(*)
      integer(c_int64_t), intent(in), optional :: grid(*)
      integer(c_int32_t), value :: grid_order
      type(c_ptr), intent(out) :: distribution
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_new_on_grid(comm, ndim, axes, grid, distribution, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: comm
      integer(c_int32_t), value :: ndim
      type(distarray_axis), intent(in) :: axes(*)
      type(distarray_grid), intent(in), optional :: grid
      type(c_ptr), intent(out) :: distribution
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_describe(distribution, description, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      type(distarray_export), intent(out) :: description
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_wrap(distribution, code, bits, data, strides, array, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      integer(c_int8_t), value :: code
      integer(c_int8_t), value :: bits
      type(c_ptr), value :: data
      integer(c_int64_t), intent(in), optional :: strides(*)
      type(c_ptr), intent(out) :: array
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_zeros(distribution, code, bits, column_major, shared, &
        array, error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      integer(c_int8_t), value :: code
      integer(c_int8_t), value :: bits
      integer(c_int32_t), value :: column_major
      integer(c_int32_t), value :: shared
      type(c_ptr), intent(out) :: array
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    subroutine distarray_distribution_free(distribution) bind(c)
      import
      type(c_ptr), value :: distribution
    end subroutine

    function distarray_distribution_owner(distribution, n, indices, ranks, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      integer(c_int64_t), value :: n
      integer(c_int64_t), intent(in) :: indices(*)
      integer(c_int64_t), intent(inout) :: ranks(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_global_to_local(distribution, axis, n, global, &
        coordinate, local, error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      integer(c_int32_t), value :: axis
      integer(c_int64_t), value :: n
      integer(c_int64_t), intent(in) :: global(*)
      integer(c_int64_t), intent(inout) :: coordinate(*)
      integer(c_int64_t), intent(inout) :: local(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_local_to_global(distribution, axis, coordinate, n, &
        local, global, error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      integer(c_int32_t), value :: axis
      integer(c_int64_t), value :: coordinate
      integer(c_int64_t), value :: n
      integer(c_int64_t), intent(in) :: local(*)
      integer(c_int64_t), intent(inout) :: global(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_owned_runs(distribution, axis, coordinate, capacity, &
        runs, n_runs, error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      integer(c_int32_t), value :: axis
      integer(c_int64_t), value :: coordinate
      integer(c_int64_t), value :: capacity
      type(distarray_run), intent(inout) :: runs(*)
      integer(c_int64_t), intent(out) :: n_runs
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_owners(distribution, axis, n, global, coordinate, &
        local, error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      integer(c_int32_t), value :: axis
      integer(c_int64_t), value :: n
      integer(c_int64_t), intent(in) :: global(*)
      integer(c_int64_t), intent(inout) :: coordinate(*)
      integer(c_int64_t), intent(inout) :: local(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_halo_new(distribution, corners, halo, error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      integer(c_int32_t), value :: corners
      type(c_ptr), intent(out) :: halo
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    ! Without constants they are zeros.
    function distarray_halo_fill_edges(halo, edges, constants, error) bind(c) result(status)
      import
      type(c_ptr), value :: halo
      integer(c_int32_t), intent(in) :: edges(*)
      real(c_double), intent(in), optional :: constants(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_halo_update(halo, array, error) bind(c) result(status)
      import
      type(c_ptr), value :: halo
      type(c_ptr), value :: array
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_halo_update_all(halo, n, arrays, error) bind(c) result(status)
      import
      type(c_ptr), value :: halo
      integer(c_int64_t), value :: n
      type(c_ptr), intent(in) :: arrays(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_halo_start(halo, array, error) bind(c) result(status)
      import
      type(c_ptr), value :: halo
      type(c_ptr), value :: array
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_halo_finish(halo, array, error) bind(c) result(status)
      import
      type(c_ptr), value :: halo
      type(c_ptr), value :: array
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_halo_accumulate(halo, array, how, error) bind(c) result(status)
      import
      type(c_ptr), value :: halo
      type(c_ptr), value :: array
      integer(c_int32_t), value :: how
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_halo_bind(halo, n, arrays, bound, error) bind(c) result(status)
      import
      type(c_ptr), value :: halo
      integer(c_int64_t), value :: n
      type(c_ptr), intent(in) :: arrays(*)
      type(c_ptr), intent(out) :: bound
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_bound_halo_update(bound, error) bind(c) result(status)
      import
      type(c_ptr), value :: bound
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    subroutine distarray_bound_halo_free(bound) bind(c)
      import
      type(c_ptr), value :: bound
    end subroutine

    function distarray_halo_moves(halo, itemsize, moved, error) bind(c) result(status)
      import
      type(c_ptr), value :: halo
      integer(c_int64_t), value :: itemsize
      type(distarray_moved), intent(out) :: moved
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    subroutine distarray_halo_free(halo) bind(c)
      import
      type(c_ptr), value :: halo
    end subroutine

    ! Without axes their order is kept.
    function distarray_redistribution_new_reshape(source, target, redistribution, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: source
      type(c_ptr), value :: target
      type(c_ptr), intent(out) :: redistribution
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_redistribution_new(source, target, axes, redistribution, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: source
      type(c_ptr), value :: target
      integer(c_int64_t), intent(in), optional :: axes(*)
      type(c_ptr), intent(out) :: redistribution
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_distribution_relabel(source, target, capacity, ranks, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: source
      type(c_ptr), value :: target
      integer(c_int64_t), value :: capacity
      integer(c_int64_t), intent(inout) :: ranks(*)
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_redistribution_new_across(comm, source, target, ndim, axes, &
        redistribution, error) bind(c) result(status)
      import
      type(c_ptr), value :: comm
      type(c_ptr), value :: source
      type(c_ptr), value :: target
      integer(c_int32_t), value :: ndim
      integer(c_int64_t), intent(in), optional :: axes(*)
      type(c_ptr), intent(out) :: redistribution
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_redistribution_apply(redistribution, source, target, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: redistribution
      type(c_ptr), value :: source
      type(c_ptr), value :: target
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_redistribution_apply_scaled(redistribution, alpha, beta, conjugate, &
        source, target, error) bind(c) result(status)
      import
      type(c_ptr), value :: redistribution
      complex(c_double_complex), intent(in) :: alpha
      complex(c_double_complex), intent(in) :: beta
      integer(c_int32_t), value :: conjugate
      type(c_ptr), value :: source
      type(c_ptr), value :: target
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_redistribution_moves(redistribution, itemsize, moved, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: redistribution
      integer(c_int64_t), value :: itemsize
      type(distarray_moved), intent(out) :: moved
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    subroutine distarray_redistribution_free(redistribution) bind(c)
      import
      type(c_ptr), value :: redistribution
    end subroutine

    function distarray_accommodation_new(distribution, array, requirements, &
        accommodation, error) bind(c) result(status)
      import
      type(c_ptr), value :: distribution
      type(c_ptr), value :: array
      type(distarray_requirements), intent(in), optional :: requirements
      type(c_ptr), intent(out) :: accommodation
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_accommodation_hand_over(accommodation, array, handed, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: accommodation
      type(c_ptr), value :: array
      type(c_ptr), intent(out) :: handed
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_accommodation_take_back(accommodation, handed, array, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: accommodation
      type(c_ptr), value :: handed
      type(c_ptr), value :: array
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_accommodation_distribution(accommodation, distribution, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: accommodation
      type(c_ptr), intent(out) :: distribution
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_accommodation_moves(accommodation, itemsize, moved, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: accommodation
      integer(c_int64_t), value :: itemsize
      type(distarray_moved), intent(out) :: moved
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_accommodation_reasons(accommodation, text, capacity, length, &
        error) bind(c) result(status)
      import
      type(c_ptr), value :: accommodation
      character(kind=c_char), intent(inout) :: text(*)
      integer(c_size_t), value :: capacity
      integer(c_size_t), intent(out) :: length
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    subroutine distarray_accommodation_free(accommodation) bind(c)
      import
      type(c_ptr), value :: accommodation
    end subroutine

    function distarray_export_check(loan, level, error) bind(c) result(status)
      import
      type(distarray_export), intent(in) :: loan
      integer(c_int32_t), value :: level
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_version() bind(c) result(version)
      import
      type(c_ptr) :: version
    end function

    function distarray_abi_version() bind(c) result(version)
      import
      integer(c_int32_t) :: version
    end function

    function distarray_export_to_json(loan, text, capacity, length, &
        error) bind(c) result(status)
      import
      type(distarray_export), intent(in) :: loan
      character(kind=c_char), intent(inout) :: text(*)
      integer(c_size_t), value :: capacity
      integer(c_size_t), intent(out) :: length
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function

    function distarray_export_from_json(text, length, loan, error) bind(c) result(status)
      import
      character(kind=c_char), intent(in) :: text(*)
      integer(c_size_t), value :: length
      type(distarray_export), intent(inout) :: loan
      type(distarray_error), intent(out), optional :: error
      integer(c_int32_t) :: status
    end function
  end interface

  ! The functions that take a text, as C has them.
  interface
    integer(c_int32_t) function distarray_array_read_dnpy_c(path, array, error) &
        bind(c, name='distarray_array_read_dnpy')
      import
      character(kind=c_char), intent(in) :: path(*)
      type(c_ptr), intent(out) :: array
      type(distarray_error), intent(out), optional :: error
    end function

    integer(c_int32_t) function distarray_array_write_dnpy_c(array, path, error) &
        bind(c, name='distarray_array_write_dnpy')
      import
      type(c_ptr), value :: array
      character(kind=c_char), intent(in) :: path(*)
      type(distarray_error), intent(out), optional :: error
    end function

    integer(c_int32_t) function distarray_array_read_dnpy_set_c(prefix, comm, array, error) &
        bind(c, name='distarray_array_read_dnpy_set')
      import
      character(kind=c_char), intent(in) :: prefix(*)
      type(c_ptr), value :: comm
      type(c_ptr), intent(out) :: array
      type(distarray_error), intent(out), optional :: error
    end function

    integer(c_int32_t) function distarray_distribution_read_dnpy_set_c(distribution, prefix, &
        array, error) &
        bind(c, name='distarray_distribution_read_dnpy_set')
      import
      type(c_ptr), value :: distribution
      character(kind=c_char), intent(in) :: prefix(*)
      type(c_ptr), intent(out) :: array
      type(distarray_error), intent(out), optional :: error
    end function

    integer(c_int32_t) function distarray_array_write_dnpy_set_c(array, prefix, comm, error) &
        bind(c, name='distarray_array_write_dnpy_set')
      import
      type(c_ptr), value :: array
      character(kind=c_char), intent(in) :: prefix(*)
      type(c_ptr), value :: comm
      type(distarray_error), intent(out), optional :: error
    end function

    integer(c_int32_t) function distarray_has_feature_c(name, has, error) &
        bind(c, name='distarray_has_feature')
      import
      character(kind=c_char), intent(in) :: name(*)
      integer(c_int32_t), intent(out) :: has
      type(distarray_error), intent(out), optional :: error
    end function
  end interface

  private :: c_text

contains

  function distarray_array_read_dnpy(path, array, error) result(status)
    character(*), intent(in) :: path
    type(c_ptr), intent(out) :: array
    type(distarray_error), intent(out), optional :: error
    integer(c_int32_t) :: status
    status = distarray_array_read_dnpy_c(c_text(path), array, error)
  end function

  function distarray_array_write_dnpy(array, path, error) result(status)
    type(c_ptr), value :: array
    character(*), intent(in) :: path
    type(distarray_error), intent(out), optional :: error
    integer(c_int32_t) :: status
    status = distarray_array_write_dnpy_c(array, c_text(path), error)
  end function

  function distarray_array_read_dnpy_set(prefix, comm, array, error) result(status)
    character(*), intent(in) :: prefix
    type(c_ptr), value :: comm
    type(c_ptr), intent(out) :: array
    type(distarray_error), intent(out), optional :: error
    integer(c_int32_t) :: status
    status = distarray_array_read_dnpy_set_c(c_text(prefix), comm, array, error)
  end function

  function distarray_distribution_read_dnpy_set(distribution, prefix, array, error) result(status)
    type(c_ptr), value :: distribution
    character(*), intent(in) :: prefix
    type(c_ptr), intent(out) :: array
    type(distarray_error), intent(out), optional :: error
    integer(c_int32_t) :: status
    status = distarray_distribution_read_dnpy_set_c(distribution, c_text(prefix), array, error)
  end function

  function distarray_array_write_dnpy_set(array, prefix, comm, error) result(status)
    type(c_ptr), value :: array
    character(*), intent(in) :: prefix
    type(c_ptr), value :: comm
    type(distarray_error), intent(out), optional :: error
    integer(c_int32_t) :: status
    status = distarray_array_write_dnpy_set_c(array, c_text(prefix), comm, error)
  end function

  function distarray_has_feature(name, has, error) result(status)
    character(*), intent(in) :: name
    integer(c_int32_t), intent(out) :: has
    type(distarray_error), intent(out), optional :: error
    integer(c_int32_t) :: status
    status = distarray_has_feature_c(c_text(name), has, error)
  end function

  ! A text for C: up to its NUL, if it has one, else without the blanks at its end.
  pure function c_text(text)
    character(*), intent(in) :: text
    character(len=:, kind=c_char), allocatable :: c_text
    integer :: length
    length = index(text, c_null_char) - 1
    if (length < 0) length = len_trim(text)
    c_text = text(:length) // c_null_char
  end function

end module distarray_library
