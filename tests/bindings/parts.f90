! parts.f90 - questions read, and elements written and said, by the Fortran interface.
! Arrays are column-major here; they are said in the order of the questions, the last axis
! fastest.
module parts
  use distarray
  use distarray_library
  implicit none
  public

  integer, parameter :: MAX_SAID = 500000
  integer(c_int64_t), parameter :: FLOAT = DISTARRAY_DTYPE_FLOAT, COMPLEX = DISTARRAY_DTYPE_COMPLEX

  ! The struct of driver.h.
  type, bind(c) :: question
    type(c_ptr) :: comm, sides(2), ask, text, said
    integer(c_int64_t) :: n_said
    type(distarray_error) :: error
  end type

  ! The numbers asked, one after the other.
  type :: reader
    integer(c_int64_t), pointer :: numbers(:) => null()
    integer :: at = 0
  end type

  ! A description, and the memory that it is lent with.
  type :: part
    type(distarray_dim), allocatable :: dims(:)
    integer(c_int64_t), allocatable :: shape(:), strides(:)
    integer(c_int64_t) :: process_rank, process_count, uid(2)
    integer(c_int32_t) :: flags_read, flags_write
    type(c_ptr) :: grid_ranks = c_null_ptr
    type(distarray_lease) :: lease
    real(real64), allocatable :: doubles(:)
    complex(real32), allocatable :: pairs(:)
    integer(c_int8_t), allocatable :: bytes(:)
  end type

  ! A distribution, an array of it, and what the array works in.
  type :: layout
    type(c_ptr) :: distribution = c_null_ptr, array = c_null_ptr
    type(part), pointer :: lender => null()
  end type

contains

  subroutine say(q, number)
    type(question), intent(inout) :: q
    integer(c_int64_t), intent(in) :: number
    integer(c_int64_t), pointer :: said(:)
    call c_f_pointer(q%said, said, [MAX_SAID])
    if (q%n_said >= MAX_SAID) error stop 'the answer is too long'
    q%n_said = q%n_said + 1
    said(q%n_said) = number
  end subroutine

  subroutine say_all(q, numbers)
    type(question), intent(inout) :: q
    integer(c_int64_t), intent(in) :: numbers(:)
    integer :: i
    do i = 1, size(numbers)
      call say(q, numbers(i))
    end do
  end subroutine

  function reading(q) result(r)
    type(question), intent(in) :: q
    type(reader) :: r
    call c_f_pointer(q%ask, r%numbers, [huge(0)])
  end function

  function next(r) result(number)
    type(reader), intent(inout) :: r
    integer(c_int64_t) :: number
    r%at = r%at + 1
    number = r%numbers(r%at)
  end function

  function next_list(r, n) result(list)
    type(reader), intent(inout) :: r
    integer(c_int64_t), intent(in) :: n
    integer(c_int64_t) :: list(n)
    list = r%numbers(r%at + 1 : r%at + int(n))
    r%at = r%at + int(n)
  end function

  ! What an array of numbers among those asked is for C.
  function address(r, n) result(pointer)
    type(reader), intent(inout) :: r
    integer(c_int64_t), intent(in) :: n
    type(c_ptr) :: pointer
    pointer = c_null_ptr
    if (n > 0) pointer = c_loc(r%numbers(r%at + 1))
    r%at = r%at + int(n)
  end function

  subroutine read_axis(r, dim, extent)
    type(reader), intent(inout) :: r
    type(distarray_dim), intent(out) :: dim
    integer(c_int64_t), intent(out) :: extent
    extent = next(r)
    dim%dist_type = int(next(r), c_int32_t)
    dim%flags = int(next(r), c_int32_t)
    dim%size = next(r)
    dim%proc_grid_size = next(r)
    dim%proc_grid_rank = next(r)
    dim%start = next(r)
    dim%stop = next(r)
    dim%padding(1) = next(r)
    dim%padding(2) = next(r)
    dim%block_size = next(r)
    dim%first_block = next(r)
    dim%n_owned = next(r)
    dim%n_indices = next(r)
    dim%indices = address(r, dim%n_indices)
  end subroutine

  subroutine read_part(r, p)
    type(reader), intent(inout) :: r
    type(part), intent(out) :: p
    integer(c_int64_t) :: n_ranks
    integer :: axis
    p%process_rank = next(r)
    p%process_count = next(r)
    p%flags_read = int(next(r), c_int32_t)
    p%flags_write = int(next(r), c_int32_t)
    n_ranks = next(r)
    p%grid_ranks = address(r, n_ranks)
    p%uid = next_list(r, 2_c_int64_t)
    allocate (p%dims(next(r)))
    allocate (p%shape(size(p%dims)), p%strides(size(p%dims)))
    do axis = 1, size(p%dims)
      call read_axis(r, p%dims(axis), p%shape(axis))
    end do
  end subroutine

  ! A loan of any memory, field by field; without memory a description.
  subroutine lend_bytes(p, code, bits, data, loan)
    type(part), target, intent(inout) :: p
    integer(c_int64_t), intent(in) :: code, bits
    type(c_ptr), intent(in) :: data
    type(distarray_export), intent(out) :: loan
    integer :: axis
    loan%dtype_code = int(code, c_int8_t)
    loan%dtype_bits = int(bits, c_int8_t)
    loan%itemsize = bits / 8
    loan%data = data
    loan%flags_read = p%flags_read
    loan%flags_write = p%flags_write
    if (.not. c_associated(data)) loan%flags_read = ior(loan%flags_read, DISTARRAY_R_NO_DATA)
    loan%ndim = size(p%dims)
    do axis = 1, size(p%dims)
      p%strides(axis) = loan%itemsize
      if (axis > 1) p%strides(axis) = p%strides(axis-1) * p%shape(axis-1)
    end do
    if (loan%ndim > 0) then
      loan%shape = c_loc(p%shape)
      loan%strides = c_loc(p%strides)
      loan%dims = c_loc(p%dims)
    end if
    loan%process_rank = p%process_rank
    loan%process_count = p%process_count
    loan%grid_ranks = p%grid_ranks
    loan%uid = p%uid
    loan%release = c_funloc(keep)
  end subroutine

  subroutine keep(self) bind(c, name='')
    type(distarray_export), intent(inout) :: self
    self%release = c_null_funptr
  end subroutine

  ! Lends doubles by the helper of every rank, other elements field by field.
  function lend_part(p, code, bits, loan, error) result(status)
    type(part), target, intent(inout) :: p
    integer(c_int64_t), intent(in) :: code, bits
    type(distarray_export), intent(inout) :: loan
    type(distarray_error), intent(out) :: error
    integer(c_int32_t) :: status
    integer(c_int64_t) :: n(4)
    integer :: rank, count
    n = 1
    n(:size(p%shape)) = p%shape
    status = DISTARRAY_OK
    if (code == FLOAT .and. bits == 64) then
      allocate (p%doubles(max(1_c_int64_t, product(n))), source=0.0_real64)
      rank = int(p%process_rank)
      count = int(p%process_count)
      select case (size(p%shape))
      case (0)
        status = distarray_lend(p%doubles(1), p%dims, rank, count, loan, p%lease, error)
      case (1)
        status = distarray_lend(p%doubles(:n(1)), p%dims, rank, count, loan, p%lease, error)
      case (2)
        status = lend_2(p%doubles, n)
      case (3)
        status = lend_3(p%doubles, n)
      case default
        status = lend_4(p%doubles, n)
      end select
      if (status /= DISTARRAY_OK) return
      ! What the helper does not ask for.
      loan%flags_read = p%flags_read
      loan%flags_write = p%flags_write
      loan%grid_ranks = p%grid_ranks
      loan%uid = p%uid
    else
      allocate (p%bytes(max(1_c_int64_t, product(n) * bits / 8)), source=0_c_int8_t)
      call lend_bytes(p, code, bits, c_loc(p%bytes), loan)
    end if

  contains

    function lend_2(u, n) result(status)
      integer(c_int64_t), intent(in) :: n(4)
      real(real64), target, intent(inout) :: u(n(1), n(2))
      integer(c_int32_t) :: status
      status = distarray_lend(u, p%dims, rank, count, loan, p%lease, error)
    end function

    function lend_3(u, n) result(status)
      integer(c_int64_t), intent(in) :: n(4)
      real(real64), target, intent(inout) :: u(n(1), n(2), n(3))
      integer(c_int32_t) :: status
      status = distarray_lend(u, p%dims, rank, count, loan, p%lease, error)
    end function

    function lend_4(u, n) result(status)
      integer(c_int64_t), intent(in) :: n(4)
      real(real64), target, intent(inout) :: u(n(1), n(2), n(3), n(4))
      integer(c_int32_t) :: status
      status = distarray_lend(u, p%dims, rank, count, loan, p%lease, error)
    end function

  end function

  subroutine take_part(q, p, code, bits, array, status)
    type(question), intent(inout) :: q
    type(part), target, intent(inout) :: p
    integer(c_int64_t), intent(in) :: code, bits
    type(c_ptr), intent(out) :: array
    integer(c_int32_t), intent(out) :: status
    type(distarray_export) :: loan
    array = c_null_ptr
    status = lend_part(p, code, bits, loan, q%error)
    if (status /= DISTARRAY_OK) return
    status = distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, array, q%error)
    if (status /= DISTARRAY_OK) call distarray_export_release(loan)
  end subroutine

  subroutine deal(q, r, comm, distribution, status)
    type(question), intent(inout) :: q
    type(reader), intent(inout) :: r
    type(c_ptr), intent(in) :: comm
    type(c_ptr), intent(out) :: distribution
    integer(c_int32_t), intent(out) :: status
    type(distarray_axis), allocatable :: axes(:)
    integer(c_int64_t), allocatable :: grid(:)
    integer(c_int64_t) :: n
    integer(c_int32_t) :: order
    integer :: axis
    allocate (axes(next(r)))
    order = int(next(r), c_int32_t)
    n = next(r)
    grid = next_list(r, n)
    do axis = 1, size(axes)
      axes(axis)%dist_type = int(next(r), c_int32_t)
      axes(axis)%flags = int(next(r), c_int32_t)
      axes(axis)%size = next(r)
      axes(axis)%proc_grid_size = next(r)
      axes(axis)%block_size = next(r)
      axes(axis)%first_process = next(r)
      axes(axis)%halo(1) = next(r)
      axes(axis)%halo(2) = next(r)
      n = next(r)
      axes(axis)%bounds = address(r, n)
    end do
    if (size(grid) > 0) then
      status = distarray_distribution_new(comm, size(axes), axes, grid, order, distribution, q%error)
    else
      status = distarray_distribution_new(comm, size(axes), axes, grid_order=order, &
        distribution=distribution, error=q%error)
    end if
  end subroutine

  subroutine read_layout(q, r, comm, code, bits, made, status)
    type(question), intent(inout) :: q
    type(reader), intent(inout) :: r
    type(c_ptr), intent(in) :: comm
    integer(c_int64_t), intent(in) :: code, bits
    type(layout), intent(out) :: made
    integer(c_int32_t), intent(out) :: status
    if (next(r) == 1) then
      call deal(q, r, comm, made%distribution, status)
      if (status /= DISTARRAY_OK) return
      status = distarray_distribution_zeros(made%distribution, int(code, c_int8_t), &
        int(bits, c_int8_t), 1, 0, made%array, q%error)
    else
      allocate (made%lender)
      call read_part(r, made%lender)
      call take_part(q, made%lender, code, bits, made%array, status)
      if (status /= DISTARRAY_OK) return
      status = distarray_distribution_gather(comm, made%array, made%distribution, q%error)
    end if
  end subroutine

  subroutine free_layout(made)
    type(layout), intent(inout) :: made
    call distarray_array_free(made%array)
    call distarray_distribution_free(made%distribution)
    if (.not. associated(made%lender)) return
    if (distarray_lease_live(made%lender%lease) /= 0) error stop 'a loan is not given back'
    deallocate (made%lender)
  end subroutine

  ! Fills owned elements with their row-major numbers in the whole array and others with
  ! -7, or says them; doubles and pairs of floats.
  subroutine elements(q, array, filling, owned_only, status)
    type(question), intent(inout) :: q
    type(c_ptr), intent(in) :: array
    logical, intent(in) :: filling, owned_only
    integer(c_int32_t), intent(out) :: status
    type(distarray_export) :: view
    type(distarray_dim), pointer :: dims(:)
    integer(c_int64_t), pointer :: extents(:)
    integer(c_int64_t), allocatable :: shape(:), start(:), stop(:), at(:), global(:)
    integer(c_int64_t) :: held, flat, rest, place, number, total
    real(real64), pointer :: doubles(:)
    complex(real32), pointer :: pairs(:)
    integer :: axis
    nullify (dims, doubles, pairs, extents)
    status = distarray_array_view(array, view, q%error)
    if (status /= DISTARRAY_OK) return
    allocate (shape(view%ndim), start(view%ndim), stop(view%ndim), at(view%ndim), global(view%ndim))
    if (view%ndim > 0) then
      call c_f_pointer(view%shape, extents, [view%ndim])
      shape(:) = extents
    end if
    total = product(shape)
    if (view%dtype_code == COMPLEX) then
      call c_f_pointer(view%data, pairs, [total])
    else
      call c_f_pointer(view%data, doubles, [total])
    end if
    if (view%ndim > 0) call c_f_pointer(view%dims, dims, [view%ndim])
    do axis = 1, view%ndim
      status = distarray_dim_owned(dims(axis), held, start(axis), stop(axis), q%error)
      if (status /= DISTARRAY_OK) return
    end do
    do flat = 0, total - 1
      rest = flat
      do axis = view%ndim, 1, -1
        at(axis) = mod(rest, shape(axis))
        rest = rest / shape(axis)
      end do
      place = 0
      do axis = view%ndim, 1, -1
        place = place * shape(axis) + at(axis)
      end do
      place = place + 1
      if (filling) then
        number = -7
        if (all(at >= start .and. at < stop)) then
          number = 0
          do axis = 1, view%ndim
            status = distarray_dim_local_to_global(dims(axis), 1_c_int64_t, at(axis:axis), &
              global(axis:axis), q%error)
            if (status /= DISTARRAY_OK) return
            number = number * dims(axis)%size + global(axis)
          end do
        end if
        if (view%dtype_code == COMPLEX) then
          pairs(place) = cmplx(number, -1 - number, real32)
        else
          doubles(place) = real(number, real64)
        end if
      else if (.not. owned_only .or. all(at >= start .and. at < stop)) then
        if (view%dtype_code == COMPLEX) then
          number = -1000 ! where the two halves do not belong together
          if (nint(aimag(pairs(place)) + real(pairs(place))) == -1) number = int(pairs(place), c_int64_t)
        else
          number = int(doubles(place), c_int64_t)
        end if
        call say(q, number)
      end if
    end do
  end subroutine

  subroutine say_array(q, view)
    type(question), intent(inout) :: q
    type(distarray_export), intent(in) :: view
    type(distarray_dim), pointer :: dims(:)
    integer(c_int64_t), pointer :: shape(:), wide(:)
    integer(c_int32_t), pointer :: narrow(:)
    integer :: axis
    call say_all(q, [int(view%dtype_code, c_int64_t), iand(int(view%dtype_bits, c_int64_t), 255_c_int64_t), &
      view%itemsize, int(view%ndim, c_int64_t)])
    if (view%ndim == 0) return
    call c_f_pointer(view%shape, shape, [view%ndim])
    call c_f_pointer(view%dims, dims, [view%ndim])
    do axis = 1, view%ndim
      associate (dim => dims(axis))
        call say_all(q, [shape(axis), int(dim%dist_type, c_int64_t), int(dim%flags, c_int64_t), dim%size, &
          dim%proc_grid_size, dim%proc_grid_rank, dim%start, dim%stop, dim%padding, dim%block_size, &
          dim%first_block, dim%n_owned, dim%n_indices])
        if (dim%n_indices == 0) cycle
        if (iand(dim%flags, DISTARRAY_DIM_INDICES_I32) /= 0) then
          call c_f_pointer(dim%indices, narrow, [dim%n_indices])
          call say_all(q, int(narrow, c_int64_t))
        else
          call c_f_pointer(dim%indices, wide, [dim%n_indices])
          call say_all(q, wide)
        end if
      end associate
    end do
  end subroutine

end module parts
