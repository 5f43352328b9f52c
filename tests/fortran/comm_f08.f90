! A communicator of `use mpi_f08`, here a duplicate that is freed again, becomes a table.
program comm_f08
  use mpi_f08
  use distarray_mpi
  implicit none
  type(MPI_Comm) :: own
  type(distarray_comm) :: comm
  integer :: rank, nprocs, round
  call MPI_Init()
  do round = 1, 100
    call MPI_Comm_dup(MPI_COMM_WORLD, own)
    call MPI_Comm_rank(own, rank)
    call MPI_Comm_size(own, nprocs)
    if (distarray_comm_from_mpi(own, comm) /= 0) error stop 'no table'
    if (comm%rank /= rank .or. comm%size /= nprocs) error stop 'rank or size'
    call MPI_Comm_free(own)
  end do
  print '(a)', 'the table is made'
  call MPI_Finalize()
end program
