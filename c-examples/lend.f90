! Lends a Fortran array with its halo, and a section of it, and borrows both back through
! libdistarray: as pointers, in the same memory. One process, no MPI.
!
! Expected output:
!   borrowed(0:5, 0:4), the same memory: T
!   global rows -1 to 4, owned 0 to 3
!   global index 2 is at local position 3
!   u(2,1) = 42.0
!   live loans: 0, written: T
!   every second row, in place: 42.0 in row 1 of 2, packed: F
!   refused: dtype_code: expected integer(int32), found real(real64)
!   refused: axis 0, shape: the buffer must be as long as the part, padding included (expected 7, found 6) [rule B7]
program lend
  use distarray
  use distarray_library
  implicit none
  integer, parameter :: nx = 4, ny = 3
  real(real64), target :: u(0:nx+1, 0:ny+1)
  type(distarray_lease), target :: lease
  type(distarray_dim) :: dims(2)
  type(distarray_export) :: loan, view
  type(distarray_error) :: error
  type(c_ptr) :: array
  integer(c_int64_t) :: held, start, stop, local(1)
  real(real64), pointer :: borrowed(:, :)
  integer(int32), pointer :: integers(:, :)

  u = 0
  dims(1) = distarray_dim_block(nx, 1, 0, 0, nx)
  dims(2) = distarray_dim_block(ny, 1, 0, 0, ny)
  call distarray_dim_add_halo(dims, 1, 1)
  call check(distarray_lend(u, dims, 0, 1, loan, lease, error))

  ! What another code does with the loan, here in the same program: it points into it.
  call check(distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, array, error))
  call check(distarray_array_view(array, view, error))
  call check(distarray_associate(view, borrowed, DISTARRAY_ACCESS_READ_WRITE, &
                                 DISTARRAY_BOUNDS_HALO, error))
  print '(4(a,i0),a,l1)', 'borrowed(', lbound(borrowed, 1), ':', ubound(borrowed, 1), ', ', &
    lbound(borrowed, 2), ':', ubound(borrowed, 2), '), the same memory: ', &
    associated(borrowed, u)
  call check(distarray_dim_owned(dims(1), held, start, stop, error))
  print '(4(a,i0))', 'global rows ', dims(1)%start, ' to ', dims(1)%stop - 1, &
    ', owned ', dims(1)%start + start, ' to ', dims(1)%start + stop - 1
  call check(distarray_dim_global_to_local(dims(1), 1_c_int64_t, [2_c_int64_t], local, error))
  print '(a,i0)', 'global index 2 is at local position ', local(1)
  borrowed(2, 1) = 42
  call check(distarray_array_mark_modified(array, DISTARRAY_C_MODIFIED, error))
  call distarray_array_free(array)

  print '(a,f0.1)', 'u(2,1) = ', u(2, 1)
  print '(a,i0,a,l1)', 'live loans: ', lease%live, ', written: ', &
    iand(lease%consumer_flags, DISTARRAY_C_MODIFIED) /= 0

  ! A section is lent as it lies, and so it comes back.
  dims = distarray_dim_whole([nx / 2, ny])
  call check(distarray_lend(u(2:nx:2, 1:ny), dims, 0, 1, loan, lease, error))
  call check(distarray_associate(loan, borrowed, DISTARRAY_ACCESS_READ, error=error))
  print '(a,f0.1,a,i0,a,l1)', 'every second row, in place: ', borrowed(1, 1), &
    ' in row 1 of ', size(borrowed, 1), ', packed: ', is_contiguous(borrowed)
  if (distarray_associate(loan, integers, DISTARRAY_ACCESS_READ, error=error) == 0) error stop 1
  print '(2a)', 'refused: ', distarray_message(error)
  call distarray_export_release(loan)

  ! A loan that contradicts itself stays ours.
  dims(1) = distarray_dim_whole(nx + 3)
  dims(2) = distarray_dim_whole(ny + 2)
  call check(distarray_lend(u, dims, 0, 1, loan, lease, error))
  if (distarray_array_import(loan, DISTARRAY_ACCESS_READ, array, error) &
    /= DISTARRAY_E_SHAPE .or. error%expected /= 7) error stop 1
  print '(2a)', 'refused: ', distarray_message(error)
  call distarray_export_release(loan)
  if (lease%live /= 0) error stop 1

contains

  subroutine check(status)
    integer(c_int32_t), intent(in) :: status
    if (status == DISTARRAY_OK) return
    print '(a)', distarray_message(error)
    error stop 1
  end subroutine

end program lend
