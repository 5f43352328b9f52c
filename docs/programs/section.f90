! A section of a wider array is lent, and a pointer into the loan writes to it. One
! process, and neither MPI nor the library: distarray.F90 and distarray_fortran.c do it.
program section
  use distarray
  implicit none
  integer, parameter :: nx = 6, ny = 4
  real(real64), target :: storage(10, 0:ny+1) = 0 ! columns of 10 are longer than nx + 2
  type(distarray_lease), target :: lease
  type(distarray_error) :: error

  call work(storage(1:nx+2, :))
  print '(a,f0.1)', 'storage(4, 2) is ', storage(4, 2)
  print '(a,i0,a,l1)', 'loans out: ', lease%live, ', written: ', &
    iand(lease%consumer_flags, DISTARRAY_C_MODIFIED) /= 0

contains

  subroutine work(u)
    real(real64), target, intent(inout) :: u(0:, 0:)
    type(distarray_dim) :: dims(2)
    type(distarray_export) :: loan
    real(real64), pointer :: v(:, :)
    integer(int32), pointer :: w(:, :)
    integer(c_int32_t) :: status

    dims(1) = distarray_dim_block(nx, 1, 0, 0, nx)
    dims(2) = distarray_dim_block(ny, 1, 0, 0, ny)
    call distarray_dim_add_halo(dims, 1, 1)
    call must(distarray_lend(u, dims, 0, 1, loan, lease, error))

    ! Whoever has the loan, from Fortran or not, points into it.
    call must(distarray_associate(loan, v, DISTARRAY_ACCESS_READ_WRITE, DISTARRAY_BOUNDS_HALO, error))
    print '(4(a,i0),a)', 'v(', lbound(v, 1), ':', ubound(v, 1), ', ', lbound(v, 2), ':', &
      ubound(v, 2), ')'
    v(3, 2) = 42
    loan%consumer_flags = DISTARRAY_C_MODIFIED

    status = distarray_associate(loan, w, DISTARRAY_ACCESS_READ, error=error)
    print '(a)', distarray_message(error)
    call distarray_export_release(loan)
  end subroutine

  subroutine must(status)
    integer(c_int32_t), intent(in) :: status
    if (status == DISTARRAY_OK) return
    print '(a)', distarray_message(error)
    error stop
  end subroutine

end program section
