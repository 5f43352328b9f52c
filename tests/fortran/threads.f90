! Loans come back from several threads; once none is live, what they wrote is seen.
program threads
  use distarray
  implicit none
  integer, parameter :: n = 4000
  interface
    function threads_start(loans, n) bind(c) result(failed)
      import
      type(distarray_export), intent(inout) :: loans(*)
      integer(c_int32_t), value :: n
      integer(c_int32_t) :: failed
    end function
    subroutine threads_join() bind(c)
    end subroutine
  end interface
  real(real64), target :: u(n)
  type(distarray_lease), target :: lease
  type(distarray_export), target :: loans(n)
  type(distarray_dim) :: dims(1)
  integer :: i

  u = 0
  dims = distarray_dim_whole(n)
  do i = 1, n
    if (distarray_lend(u, dims, 0, 1, loans(i), lease) /= 0) error stop 'not lent'
  end do
  if (distarray_lease_live(lease) /= n) error stop 'not counted'
  if (threads_start(loans, n) /= 0) error stop 'no threads'
  do while (distarray_lease_live(lease) > 0)
  end do
  if (any(nint(u) /= 1)) error stop 'a write is not seen'
  if (lease%consumer_flags /= 7) error stop 'a flag is lost'
  call threads_join()
  print '(a)', 'all came back'
end program
