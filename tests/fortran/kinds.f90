! What the cases of every type and rank have in common. The program that tests/fortran.rs
! writes calls these; kinds.c looks at the same elements without Fortran.
module kinds
  use distarray
  implicit none

  type(distarray_lease), target :: lease
  type(distarray_error) :: error
  integer :: cases = 0
  integer, parameter :: C_ORDER = 0, PITCH = 1, BACKWARDS = 2
  integer, parameter :: owned(7) = [2, 1, 2, 1, 2, 1, 1]

  interface
    ! How many elements differ from what their indices and the salt give.
    function kinds_check(loan, salt) bind(c) result(wrong)
      import
      type(distarray_export), intent(in) :: loan
      integer(c_int32_t), value :: salt
      integer(c_int64_t) :: wrong
    end function

    subroutine kinds_write(loan, salt) bind(c)
      import
      type(distarray_export), intent(in) :: loan
      integer(c_int32_t), value :: salt
    end subroutine

    subroutine kinds_make(loan, dims, ndim, code, bits, layout) bind(c)
      import
      type(distarray_export), intent(out) :: loan
      type(distarray_dim), intent(in) :: dims(*)
      integer(c_int32_t), value :: ndim
      integer(c_int8_t), value :: code
      integer(c_int32_t), value :: bits, layout
    end subroutine
  end interface

contains

  ! The second of two blocks along each axis, with a cell of halo before it and two behind
  ! it along the first axis: global indices begin at axis - 1.
  function blocks(rank) result(dims)
    integer, intent(in) :: rank
    type(distarray_dim) :: dims(rank)
    integer :: axis
    do axis = 1, rank
      dims(axis) = distarray_dim_block(axis + owned(axis), 2, 1, axis, axis + owned(axis))
    end do
    call distarray_dim_add_halo(dims, 1, 0)
    call distarray_dim_add_halo(dims(1), 0, 2)
  end function

  ! The value at subscripts that count from 1.
  pure function at(subscripts, salt) result(v)
    integer, intent(in) :: subscripts(:), salt
    integer :: v, axis
    v = salt
    do axis = 1, size(subscripts)
      v = modulo(7 * v + (axis + 2) * (subscripts(axis) - 1), 101)
    end do
  end function

  subroutine must(holds, what)
    logical, intent(in) :: holds
    character(len=*), intent(in) :: what
    if (holds) return
    print '(2a)', what, ': wrong'
    print '(a)', distarray_message(error)
    error stop 1
  end subroutine

end module kinds
