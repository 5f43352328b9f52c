! A ring of cells, a few on each rank: the library fills the cells that copy the
! neighbours', in this program's own memory.
program first
  use mpi_f08
  use distarray
  use distarray_library
  use distarray_mpi
  implicit none
  integer, parameter :: n = 4 ! cells of each rank
  real(real64), target :: u(0:n+1)
  integer :: rank, nranks, i
  type(distarray_dim) :: dims(1)
  type(distarray_export) :: loan
  type(distarray_lease), target :: lease
  type(distarray_comm), target :: comm
  type(distarray_error) :: error
  type(c_ptr) :: array, whole, halo

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, nranks)

  ! Our own memory: n cells between two halo cells. Cell i holds the number i.
  u(1:n) = [(n * rank + i, i = 0, n - 1)]

  ! Lend it: where it lies, and how it fits into the whole.
  dims(1) = distarray_dim_block(n * nranks, nranks, rank, n * rank, n * (rank + 1))
  call distarray_dim_add_halo(dims(1), 1, 1)
  dims(1)%flags = ior(dims(1)%flags, DISTARRAY_DIM_PERIODIC)
  call must(distarray_lend(u, dims, rank, nranks, loan, lease, error))

  ! Take the loan, then prove that the parts of all ranks make one array.
  call must(distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, array, error))
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, comm) /= 0) error stop 'no communicator'
  call must(distarray_distribution_gather(c_loc(comm), array, whole, error))

  ! Plan once, update as often as you like.
  call must(distarray_halo_new(whole, 1, halo, error))
  call must(distarray_halo_update(halo, array, error))
  print '(5(a,i0))', 'rank ', rank, ': cells ', n * rank, ' to ', n * rank + n - 1, &
    ', beside them ', nint(u(0)), ' and ', nint(u(n + 1))

  call distarray_halo_free(halo)
  call distarray_distribution_free(whole)
  call distarray_array_free(array) ! the loan ends here
  call MPI_Finalize()

contains

  subroutine must(status)
    integer(c_int32_t), intent(in) :: status
    if (status == DISTARRAY_OK) return
    print '(a)', distarray_message(error)
    call MPI_Abort(MPI_COMM_WORLD, 1)
  end subroutine

end program first
