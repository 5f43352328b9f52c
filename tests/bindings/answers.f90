! answers.f90 - the Fortran interface, asked.
module answers
  use distarray
  use distarray_library
  use parts
  implicit none
  private

contains

  function answer_dim(q) bind(c) result(status)
    type(question), intent(inout) :: q
    integer(c_int32_t) :: status, level
    type(reader) :: r
    type(distarray_dim) :: dim
    type(distarray_run), allocatable :: runs(:)
    integer(c_int64_t), allocatable :: ask(:), answer(:)
    integer(c_int64_t) :: n, extent, held, start, stop, n_runs
    integer :: i
    r = reading(q)
    level = int(next(r), c_int32_t)
    call read_axis(r, dim, extent)
    status = distarray_dim_check(dim, extent, level, q%error)
    if (status /= DISTARRAY_OK) return
    status = distarray_dim_owned(dim, held, start, stop, q%error)
    if (status /= DISTARRAY_OK) return
    call say_all(q, [held, start, stop])
    n = next(r)
    ask = next_list(r, n)
    allocate (answer(size(ask)))
    status = distarray_dim_local_to_global(dim, size(ask, kind=c_int64_t), ask, answer, q%error)
    if (status /= DISTARRAY_OK) return
    call say_all(q, answer)
    deallocate (answer)
    n = next(r)
    ask = next_list(r, n)
    allocate (answer(size(ask)))
    status = distarray_dim_global_to_local(dim, size(ask, kind=c_int64_t), ask, answer, q%error)
    if (status /= DISTARRAY_OK) return
    call say_all(q, answer)
    allocate (runs(0))
    status = distarray_dim_owned_runs(dim, 0_c_int64_t, runs, n_runs, q%error)
    if (status /= DISTARRAY_OK) then
      deallocate (runs)
      allocate (runs(q%error%expected))
      status = distarray_dim_owned_runs(dim, size(runs, kind=c_int64_t), runs, n_runs, q%error)
      if (status /= DISTARRAY_OK) return
    end if
    call say(q, n_runs)
    do i = 1, size(runs)
      call say_all(q, [runs(i)%start, runs(i)%len, runs(i)%stride, runs(i)%count])
    end do
  end function

  function answer_check(q) bind(c) result(status)
    type(question), intent(inout) :: q
    integer(c_int32_t) :: status, level
    type(reader) :: r
    type(part), target :: p
    type(distarray_export) :: loan
    r = reading(q)
    level = int(next(r), c_int32_t)
    call read_part(r, p)
    call lend_bytes(p, int(DISTARRAY_DTYPE_INT, c_int64_t), 8_c_int64_t, c_null_ptr, loan)
    status = distarray_export_check(loan, level, q%error)
  end function

  function answer_agree(q) bind(c) result(status)
    type(question), intent(inout) :: q
    integer(c_int32_t) :: status
    type(reader) :: r
    type(part), pointer :: p
    type(distarray_export) :: loan
    type(c_ptr) :: array, distribution
    integer(c_int64_t), allocatable :: global(:), coordinate(:), local(:), again(:, :), index(:)
    integer(c_int64_t) :: has_owners, code, bits, n, flat, rest, rank(1)
    integer :: axis, i
    r = reading(q)
    has_owners = next(r)
    code = next(r)
    bits = next(r)
    allocate (p)
    call read_part(r, p)
    call lend_bytes(p, code, bits, c_null_ptr, loan)
    status = distarray_check_collective(q%comm, loan, q%error)
    if (status /= DISTARRAY_OK) return
    call take_part(q, p, code, bits, array, status)
    if (status /= DISTARRAY_OK) return
    status = distarray_distribution_gather(q%comm, array, distribution, q%error)
    if (status /= DISTARRAY_OK) return
    do axis = 1, size(p%dims)
      n = p%dims(axis)%size + 2
      global = [(int(i, c_int64_t), i = -1, int(n) - 2)]
      if (allocated(again)) deallocate (again, coordinate, local)
      allocate (coordinate(n), local(n), again(n, 2))
      status = distarray_distribution_owners(distribution, axis - 1, n, global, coordinate, local, q%error)
      if (status /= DISTARRAY_OK) return
      if (p%dims(axis)%dist_type /= DISTARRAY_DIST_UNSTRUCTURED) then
        status = distarray_distribution_global_to_local(distribution, axis - 1, n, global, &
          again(:, 1), again(:, 2), q%error)
        if (status /= DISTARRAY_OK) return
        if (any(again(:, 1) /= coordinate .or. again(:, 2) /= local)) error stop 'two answers'
        do i = 2, int(n) - 1
          status = distarray_distribution_local_to_global(distribution, axis - 1, coordinate(i), &
            1_c_int64_t, local(i:i), rank, q%error)
          if (status /= DISTARRAY_OK) return
          if (rank(1) /= global(i)) error stop 'there, and not back'
        end do
      end if
      do i = 1, int(n)
        call say_all(q, [coordinate(i), local(i)])
      end do
    end do
    if (has_owners /= 0) then
      allocate (index(size(p%dims)))
      do flat = 0, product(p%dims%size) - 1
        rest = flat
        do axis = size(p%dims), 1, -1
          index(axis) = mod(rest, p%dims(axis)%size)
          rest = rest / p%dims(axis)%size
        end do
        status = distarray_distribution_owner(distribution, 1_c_int64_t, index, rank, q%error)
        if (status /= DISTARRAY_OK) return
        call say(q, rank(1))
      end do
    end if
    call distarray_distribution_free(distribution)
    call distarray_array_free(array)
    deallocate (p)
  end function

  function answer_halo(q) bind(c) result(status)
    type(question), intent(inout) :: q
    integer(c_int32_t) :: status
    type(reader) :: r
    type(layout) :: made
    type(c_ptr) :: halo
    integer(c_int32_t), allocatable :: edges(:)
    real(c_double), allocatable :: constants(:)
    integer(c_int64_t) :: n
    r = reading(q)
    n = next(r)
    allocate (edges(n), constants(n))
    edges(:) = int(next_list(r, n), c_int32_t)
    constants(:) = -9
    call read_layout(q, r, q%comm, FLOAT, 64_c_int64_t, made, status)
    if (status /= DISTARRAY_OK) return
    call elements(q, made%array, .true., .false., status)
    if (status /= DISTARRAY_OK) return
    status = distarray_halo_new(made%distribution, 1, halo, q%error)
    if (status /= DISTARRAY_OK) return
    if (size(edges) > 0) then
      status = distarray_halo_fill_edges(halo, edges, constants, q%error)
      if (status /= DISTARRAY_OK) return
    end if
    status = distarray_halo_update(halo, made%array, q%error)
    if (status /= DISTARRAY_OK) return
    call distarray_halo_free(halo)
    call elements(q, made%array, .false., .false., status)
    call free_layout(made)
  end function

  function answer_move(q) bind(c) result(status)
    type(question), intent(inout) :: q
    integer(c_int32_t) :: status
    type(reader) :: r
    type(layout) :: sides(2)
    type(c_ptr) :: plan
    type(distarray_moved) :: moved
    integer(c_int64_t) :: code, bits, reshape, ndim
    integer :: side
    r = reading(q)
    code = next(r)
    bits = next(r)
    reshape = next(r)
    ndim = next(r)
    do side = 1, 2
      if (.not. c_associated(q%sides(side))) cycle
      call read_layout(q, r, q%sides(side), code, bits, sides(side), status)
      if (status /= DISTARRAY_OK) return
    end do
    if (c_associated(sides(1)%array)) then
      call elements(q, sides(1)%array, .true., .false., status)
      if (status /= DISTARRAY_OK) return
    end if
    if (reshape /= 0) then
      status = distarray_redistribution_new_reshape(sides(1)%distribution, sides(2)%distribution, plan, q%error)
    else
      status = distarray_redistribution_new_across(q%comm, sides(1)%distribution, sides(2)%distribution, &
        int(ndim, c_int32_t), redistribution=plan, error=q%error)
    end if
    if (status /= DISTARRAY_OK) return
    status = distarray_redistribution_moves(plan, bits / 8, moved, q%error)
    if (status /= DISTARRAY_OK) return
    call say_all(q, [moved%messages, moved%bytes_sent, moved%bytes_copied])
    status = distarray_redistribution_apply(plan, sides(1)%array, sides(2)%array, q%error)
    if (status /= DISTARRAY_OK) return
    call distarray_redistribution_free(plan)
    if (c_associated(sides(2)%array)) call elements(q, sides(2)%array, .false., .true., status)
    do side = 1, 2
      call free_layout(sides(side))
    end do
  end function

  ! A C text as Fortran's.
  function text_of(q) result(text)
    type(question), intent(in) :: q
    character(kind=c_char), pointer :: characters(:)
    character(len=:), allocatable :: text
    integer :: length, i
    call c_f_pointer(q%text, characters, [huge(0)])
    length = 0
    do while (characters(length + 1) /= c_null_char)
      length = length + 1
    end do
    allocate (character(len=length) :: text)
    do i = 1, length
      text(i:i) = characters(i)
    end do
  end function

  function answer_file(q) bind(c) result(status)
    type(question), intent(inout) :: q
    integer(c_int32_t) :: status
    type(distarray_export) :: view
    type(c_ptr) :: array
    integer(c_int64_t), pointer :: shape(:), strides(:)
    integer(c_int8_t), pointer :: bytes(:)
    integer(c_int64_t) :: flat, rest, place, byte
    integer :: axis
    status = distarray_array_read_dnpy(text_of(q) // '  ', array, q%error)
    if (status /= DISTARRAY_OK) return
    status = distarray_array_write_dnpy(array, text_of(q) // '.again' // c_null_char, q%error)
    if (status /= DISTARRAY_OK) return
    status = distarray_array_view(array, view, q%error)
    if (status /= DISTARRAY_OK) return
    call say_array(q, view)
    if (view%ndim > 0) then
      call c_f_pointer(view%shape, shape, [view%ndim])
      call c_f_pointer(view%strides, strides, [view%ndim])
    else
      allocate (shape(0), strides(0))
    end if
    call c_f_pointer(view%data, bytes, [product(shape) * view%itemsize])
    do flat = 0, product(shape) - 1
      rest = flat
      place = 0
      do axis = view%ndim, 1, -1
        place = place + mod(rest, shape(axis)) * strides(axis)
        rest = rest / shape(axis)
      end do
      do byte = 1, view%itemsize
        call say(q, iand(int(bytes(place + byte), c_int64_t), 255_c_int64_t))
      end do
    end do
    if (view%ndim == 0) deallocate (shape, strides)
    call distarray_array_free(array)
  end function

  function answer_text(q) bind(c) result(status)
    type(question), intent(inout) :: q
    integer(c_int32_t) :: status
    type(distarray_export) :: read, again
    character(len=:), allocatable :: text
    integer(c_size_t) :: length
    text = text_of(q)
    status = distarray_export_from_json(text, len(text, kind=c_size_t), read, q%error)
    if (status /= DISTARRAY_OK) return
    deallocate (text)
    ! Rooms grow until the text fits.
    allocate (character(len=1) :: text)
    status = distarray_export_to_json(read, text, len(text, kind=c_size_t), length, q%error)
    if (status /= DISTARRAY_E_BOUNDS) error stop 'a byte is enough for a description'
    deallocate (text)
    allocate (character(len=q%error%expected) :: text)
    status = distarray_export_to_json(read, text, len(text, kind=c_size_t), length, q%error)
    if (status /= DISTARRAY_OK) return
    call distarray_export_release(read)
    status = distarray_export_from_json(text, length, again, q%error)
    if (status /= DISTARRAY_OK) return
    status = distarray_export_check(again, 1, q%error)
    if (status /= DISTARRAY_OK) return
    call say_array(q, again)
    call distarray_export_release(again)
  end function

  function life_check(loan, error) bind(c) result(status)
    type(distarray_export), intent(in) :: loan
    type(distarray_error), intent(out) :: error
    integer(c_int32_t) :: status
    status = distarray_export_check(loan, 1, error)
  end function

  function life_import(loan, access, array, error) bind(c) result(status)
    type(distarray_export), intent(inout) :: loan
    integer(c_int32_t), value :: access
    type(c_ptr), intent(inout) :: array
    type(distarray_error), intent(out) :: error
    integer(c_int32_t) :: status
    status = distarray_array_import(loan, access, array, error)
  end function

  function life_export(array, request, loan, error) bind(c) result(status)
    type(c_ptr), value :: array
    type(distarray_request), intent(in), optional :: request
    type(distarray_export), intent(inout) :: loan
    type(distarray_error), intent(out) :: error
    integer(c_int32_t) :: status
    status = distarray_array_export(array, request, loan, error)
  end function

  function life_view(array, view, error) bind(c) result(status)
    type(c_ptr), value :: array
    type(distarray_export), intent(inout) :: view
    type(distarray_error), intent(out) :: error
    integer(c_int32_t) :: status
    status = distarray_array_view(array, view, error)
  end function

  function life_mark(array, flags, error) bind(c) result(status)
    type(c_ptr), value :: array
    integer(c_int64_t), value :: flags
    type(distarray_error), intent(out) :: error
    integer(c_int32_t) :: status
    status = distarray_array_mark_modified(array, flags, error)
  end function

  subroutine life_move(target, source) bind(c)
    type(distarray_export), intent(inout) :: target, source
    target = source
    source%release = c_null_funptr
    source%private_data = c_null_ptr
  end subroutine

  subroutine life_release(loan) bind(c)
    type(distarray_export), intent(inout) :: loan
    call distarray_export_release(loan)
  end subroutine

  subroutine life_free(array) bind(c)
    type(c_ptr), value :: array
    call distarray_array_free(array)
  end subroutine

end module answers
