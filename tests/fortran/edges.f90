! What is lent is the memory itself, whatever section of an array it is; what cannot be
! lent or borrowed is refused, by name. Addresses and strides are compared with those of
! the elements, as c_loc finds them.
program edges
  use distarray
  implicit none

  type :: particle
    complex(real64) :: spin
    real(real64)    :: mass
  end type

  type(distarray_lease), target :: lease
  type(distarray_error) :: error
  type(distarray_export) :: loan
  type(distarray_dim) :: dims(2)
  real(real64), target :: u(0:6, -1:5)
  real(real64), allocatable, target :: none(:, :)
  real(real64), pointer :: p(:, :), line(:), fresh(:, :) => null()
  integer(int32), pointer :: integers(:, :)
  type(particle), target :: particles(4)
  integer(int64), target :: few(7) = [3, 1, 4, 1, 5, 9, 2]
  integer(c_int32_t) :: status

  call random_number(u)
  particles = particle((1, 2), 3)
  call must(c_sizeof(lease) == 16 .and. c_sizeof(error) == 512, 'layout')

  ! Sections: with pitch, with steps, backwards, of no elements, a component, a part.
  call lends_section(u(1:4, 0:5:2))
  call lends_section(u(5:1:-2, 4:0:-1))
  p => u(0:6:3, 5:-1:-3)
  call lends_section(p)
  call lends_section(p(2:2, :))
  call must(distarray_lend(u(3:2, :), whole([0, 7]), 0, 1, loan, lease, error) == 0, 'empty')
  call must(distarray_associate(loan, p, DISTARRAY_ACCESS_READ_WRITE, error=error) == 0, 'empty pointer')
  call must(associated(p) .and. size(p) == 0 .and. all(shape(p) == [0, 7]), 'shape of nothing')
  call back()
  call must(distarray_lend(particles%spin, whole([4]), 0, 1, loan, lease, error) == 0, 'component')
  call described('component', c_loc(particles(1)%spin), [24_int64])
  call back()
  call must(distarray_lend(particles%mass, whole([4]), 0, 1, loan, lease, error) == 0, 'component')
  call described('component', c_loc(particles(1)%mass), [24_int64])
  call must(distarray_associate(loan, line, DISTARRAY_ACCESS_READ_WRITE, error=error) == 0, 'component')
  line(3) = 7
  call must(nint(particles(3)%mass) == 7 .and. nint(sum(line)) == 16, 'written in the component')
  call back()
  call must(distarray_lend(u(2, 3), dims(1:0), 0, 1, loan, lease, error) == 0, 'one element')
  call must(loan%ndim == 0 .and. .not. c_associated(loan%dims), 'no axes')
  call back()

  ! Not lent.
  call refused_lend(distarray_lend(none, whole([1, 1]), 0, 1, loan, lease, error), DISTARRAY_E_NULL, &
    'u: the array is not allocated, or the pointer not associated')
  p => null()
  call refused_lend(distarray_lend(p, whole([1, 1]), 0, 1, loan, lease, error), DISTARRAY_E_NULL, &
    'u: the array is not allocated')
  call refused_lend(distarray_lend(u, whole([7]), 0, 1, loan, lease, error), DISTARRAY_E_SHAPE, &
    'dims: one record for each axis of the array (expected 2, found 1)')
  call lend_assumed_size(u)
  call lend_other_types()

  ! The bounds of pointers.
  dims(1) = distarray_dim_block(20, 2, 1, 11, 16)
  dims(2) = distarray_dim_block(7, 1, 0, 0, 7)
  call distarray_dim_add_halo(dims(1), 1, 1)
  call must(distarray_lend(u, dims, 1, 2, loan, lease, error) == 0, 'lend')
  call bounded([1, 1])
  call bounded([1, 1], DISTARRAY_BOUNDS_ONE)
  call bounded([0, 1], DISTARRAY_BOUNDS_HALO)
  call bounded([11, 1], DISTARRAY_BOUNDS_GLOBAL)
  ! A pointer that was never set has its type, too: these ask for it.
  call must(distarray_associate(loan, fresh, DISTARRAY_ACCESS_READ, error=error) == 0, 'fresh')
  call must(associated(fresh, u), 'associated')
  call must(sum(abs(cshift(fresh, 1, 2) - cshift(u, 1, 2))) <= 0, 'cshift')

  ! Not borrowed.
  status = distarray_associate(loan, integers, DISTARRAY_ACCESS_READ, error=error)
  call refused(status, associated(integers), DISTARRAY_E_DTYPE, &
    'dtype_code: expected integer(int32), found real(real64)')
  status = distarray_associate(loan, line, DISTARRAY_ACCESS_READ, error=error)
  call refused(status, associated(line), DISTARRAY_E_SHAPE, &
    'ndim: the pointer has another rank than the array (expected 1, found 2)')
  status = distarray_associate(loan, p, DISTARRAY_ACCESS_DESCRIBE, error=error)
  call refused(status, associated(p), DISTARRAY_E_RANGE, 'access: ')
  status = distarray_associate(loan, p, DISTARRAY_ACCESS_READ, 3, error)
  call refused(status, associated(p), DISTARRAY_E_RANGE, 'bounds: ')
  loan%flags_write = DISTARRAY_W_READ_ONLY
  status = distarray_associate(loan, p, DISTARRAY_ACCESS_READ_WRITE, error=error)
  call refused(status, associated(p), DISTARRAY_E_ACCESS, 'flags_write: ')
  call must(distarray_associate(loan, p, DISTARRAY_ACCESS_READ, error=error) == 0, 'reading')
  loan%flags_write = 0
  loan%flags_read = DISTARRAY_R_BYTESWAPPED
  status = distarray_associate(loan, p, DISTARRAY_ACCESS_READ, error=error)
  call refused(status, associated(p), DISTARRAY_E_FLAG, 'flags_read: ')
  loan%flags_read = 0
  loan%dtype_code = DISTARRAY_DTYPE_UINT
  status = distarray_associate(loan, p, DISTARRAY_ACCESS_READ, error=error)
  call refused(status, associated(p), DISTARRAY_E_DTYPE, &
    'dtype_code: expected real(real64), found a type that Fortran does not have')
  loan%dtype_code = DISTARRAY_DTYPE_FLOAT
  call back()
  status = distarray_associate(loan, p, DISTARRAY_ACCESS_READ, error=error)
  call refused(status, associated(p), DISTARRAY_E_RELEASED, 'loan: ')
  call must(distarray_lend(particles%spin, whole([4]), 0, 1, loan, lease, error) == 0, 'component')
  call refuse_half_steps()
  call back()

  ! Axes that are dealt out or listed have no consecutive global indices.
  dims(1) = distarray_dim_cyclic(14, 2, 0, 7, 0)
  dims(2) = distarray_dim_unstructured(10_int64, 1, 0, few, 6, .false.)
  call must(all([dims(1)%start, dims(1)%block_size] == [0, 7]), 'cyclic')
  call must(dims(2)%n_indices == 7 .and. dims(2)%n_owned == 6 .and. dims(2)%flags == 0, 'listed')
  call must(address(dims(2)%indices) == address(c_loc(few)), 'the list where it lies')
  call must(distarray_lend(u, dims, 0, 2, loan, lease, error) == 0, 'lend')
  call bounded([1, 1], DISTARRAY_BOUNDS_HALO)
  status = distarray_associate(loan, p, DISTARRAY_ACCESS_READ, DISTARRAY_BOUNDS_GLOBAL, error)
  call refused(status, associated(p), DISTARRAY_E_UNACCEPTABLE, 'axis 0, dist_type: ')
  call back()
  dims(2) = distarray_dim_unstructured(10_int64, 1, 0, few(1:7:2), 4, .true.)
  call must(dims(2)%n_indices == -1 .and. dims(2)%flags == DISTARRAY_DIM_ONE_TO_ONE, 'a list with gaps')

  ! Sizes beyond default integers.
  dims(1) = distarray_dim_block(2_int64**40, 4_int64, 1_int64, 2_int64**38, 2_int64**39)
  call must(dims(1)%size == 2_int64**40 .and. dims(1)%start == 2_int64**38, 'large block')
  dims(1) = distarray_dim_cyclic(2_int64**40, 4_int64, 1_int64, 2_int64**33, 2_int64)
  call must(dims(1)%start == 3 * 2_int64**33, 'large cyclic')
  dims(1) = distarray_dim_whole(2_int64**40)
  call must(dims(1)%stop == 2_int64**40, 'large whole')

  call must(lease%live == 0 .and. distarray_lease_live(lease) == 0, 'all loans back')
  print '(a)', 'all as it should be'

contains

  elemental function whole(extent) result(dim)
    integer, intent(in) :: extent
    type(distarray_dim) :: dim
    dim = distarray_dim_whole(extent)
  end function

  ! An assumed-shape dummy is the caller's section, not a copy.
  subroutine lends_section(section)
    real(real64), target, intent(inout) :: section(0:, 0:)
    integer(int64) :: steps(2)
    real(real64), pointer :: again(:, :)
    call must(distarray_lend(section, whole(shape(section)), 0, 1, loan, lease, error) == 0, 'section')
    steps = 0
    if (size(section, 1) > 1) steps(1) = address(c_loc(section(1, 0))) - address(c_loc(section(0, 0)))
    if (size(section, 2) > 1) steps(2) = address(c_loc(section(0, 1))) - address(c_loc(section(0, 0)))
    call described('section', c_loc(section(0, 0)), steps)
    call must(distarray_associate(loan, again, DISTARRAY_ACCESS_READ_WRITE, error=error) == 0, 'again')
    call must(associated(again, section), 'the same section')
    again(1, 2) = 42
    call must(nint(section(0, 1)) == 42, 'written in the section')
    call back()
  end subroutine

  ! A step of 0 is not asked for.
  subroutine described(what, at, steps)
    character(len=*), intent(in) :: what
    type(c_ptr), intent(in) :: at
    integer(int64), intent(in) :: steps(:)
    integer(c_int64_t), pointer :: found(:)
    call must(c_associated(loan%data, at), what // ': not where it lies')
    call c_f_pointer(loan%strides, found, [size(steps)])
    call must(all(found == steps .or. steps == 0), what // ': strides')
  end subroutine

  function address(of) result(number)
    type(c_ptr), intent(in) :: of
    integer(int64) :: number
    number = transfer(of, number)
  end function

  subroutine lend_assumed_size(a)
    real(real64), target, intent(inout) :: a(0:6, *)
    call refused_lend(distarray_lend(a, whole([7, 7]), 0, 1, loan, lease, error), DISTARRAY_E_SHAPE, &
      'axis 1, shape: an assumed-size array has no last extent')
    call must(distarray_lend(a(:, 1:7), whole([7, 7]), 0, 1, loan, lease, error) == 0, 'with its extent')
    call back()
  end subroutine

  subroutine lend_other_types()
    logical, target :: flags(2)
    character(len=8), target :: words(2)
    flags = .true.
    words = 'ah'
    call refused_lend(distarray_lend(flags, whole([2]), 0, 1, loan, lease, error), DISTARRAY_E_DTYPE, &
      'dtype_code: expected integers')
    call refused_lend(distarray_lend(words, whole([2]), 0, 1, loan, lease, error), DISTARRAY_E_DTYPE, &
      'dtype_code: expected integers')
    call refused_lend(distarray_lend(particles, whole([4]), 0, 1, loan, lease, error), &
      DISTARRAY_E_DTYPE, 'dtype_code: expected integers')
  end subroutine

  ! Steps of 24 bytes are no steps of elements of 16.
  subroutine refuse_half_steps()
    complex(real64), pointer :: spins(:)
    status = distarray_associate(loan, spins, DISTARRAY_ACCESS_READ, error=error)
    call refused(status, associated(spins), DISTARRAY_E_UNACCEPTABLE, &
    'axis 0, strides: a Fortran pointer takes steps of whole elements')
    call must(error%expected == 16 .and. error%found == 24, 'steps')
  end subroutine

  subroutine bounded(lower, bounds)
    integer, intent(in) :: lower(2)
    integer, intent(in), optional :: bounds
    call must(distarray_associate(loan, p, DISTARRAY_ACCESS_READ, bounds, error) == 0, 'bounds')
    call must(all(lbound(p) == lower) .and. all(shape(p) == shape(u)), 'lower bounds')
    call must(associated(p, u), 'the same elements')
  end subroutine

  ! The empty loan stays as it was.
  subroutine refused_lend(status, code, begins)
    integer(c_int32_t), intent(in) :: status, code
    character(len=*), intent(in) :: begins
    call must(.not. c_associated(loan%release) .and. lease%live == 0, 'a refused array was lent')
    call refused(status, .false., code, begins)
  end subroutine

  subroutine refused(status, set, code, begins)
    integer(c_int32_t), intent(in) :: status, code
    logical, intent(in) :: set
    character(len=*), intent(in) :: begins
    call must(.not. set, 'pointer of a refused loan')
    call must(status == code .and. error%code == code .and. index(distarray_message(error), begins) == 1, &
      'expected "' // begins // '"')
  end subroutine

  subroutine back()
    call distarray_export_release(loan)
    call must(lease%live == 0, 'a loan is still out')
    call distarray_export_release(loan)
  end subroutine

  subroutine must(holds, what)
    logical, intent(in) :: holds
    character(len=*), intent(in) :: what
    if (holds) return
    print '(4a)', what, ': wrong. ', distarray_message(error)
    error stop 1
  end subroutine

end program edges
