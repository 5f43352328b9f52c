! A communicator of `use mpi` becomes a table whose barrier works.
program comm_integer
  use, intrinsic :: iso_c_binding
  use mpi
  use distarray_mpi
  implicit none
  abstract interface
    function barrier_function(context) bind(c)
      import :: c_ptr, c_int32_t
      type(c_ptr), value :: context
      integer(c_int32_t) :: barrier_function
    end function
  end interface
  procedure(barrier_function), pointer :: barrier
  type(distarray_comm) :: comm
  character(len=80) :: text
  integer :: ierror, rank, nprocs

  call distarray_mpi_message(distarray_comm_from_mpi(MPI_COMM_WORLD, comm), text)
  if (text /= 'MPI_Init has not been called') error stop 'before MPI_Init'
  call MPI_Init(ierror)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierror)
  call MPI_Comm_size(MPI_COMM_WORLD, nprocs, ierror)
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, comm) /= 0) error stop 'no table'
  if (comm%rank /= rank .or. comm%size /= nprocs) error stop 'rank or size'
  if (comm%struct_size /= c_sizeof(comm) .or. comm%version /= 1) error stop 'layout'
  call c_f_procpointer(comm%functions(2), barrier)
  if (barrier(comm%context) /= 0) error stop 'barrier'
  if (distarray_comm_from_mpi(MPI_COMM_NULL, comm) == 0) error stop 'MPI_COMM_NULL'
  print '(a)', 'the table is made'
  call MPI_Finalize(ierror)
end program
