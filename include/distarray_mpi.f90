! distarray_mpi.f90 - makes a distarray_comm from a Fortran communicator.
!
!   use distarray_mpi
!   type(distarray_comm), target :: comm
!   status = distarray_comm_from_mpi(MPI_COMM_WORLD, comm)     ! 0, or a status that
!   call distarray_mpi_message(status, text)                   ! this explains
!
! MPI_COMM_WORLD is that of `use mpi` or mpif.h, an integer, or that of
! `use mpi_f08`, a type(MPI_Comm). c_loc(comm) is what the library's functions take.
!
! Compile this file with the program's own mpifort and distarray_mpi_fortran.c with
! its mpicc. What the table is, and how long it lives, distarray_mpi.h says.
module distarray_mpi
  use, intrinsic :: iso_c_binding
  use mpi_f08, only: MPI_Comm
  implicit none
  private
  public :: distarray_comm, distarray_comm_from_mpi, distarray_mpi_message

  ! A communicator as a table of functions: distarray_comm.h, field by field.
  type, bind(c) :: distarray_comm
    integer(c_int32_t) :: struct_size = 0
    integer(c_int32_t) :: version = 0
    integer(c_int64_t) :: rank = 0
    integer(c_int64_t) :: size = 0
    type(c_ptr) :: context = c_null_ptr
    type(c_funptr) :: functions(22) = c_null_funptr
  end type

  ! Makes the table. Collective; local when it was made before. 0 when all is well.
  interface distarray_comm_from_mpi
    module procedure from_integer, from_mpi_f08
  end interface

  interface
    function comm_from_fortran(comm, table) bind(c, name='distarray_comm_from_fortran')
      import :: distarray_comm, c_int, c_int32_t
      integer(c_int), intent(in) :: comm
      type(distarray_comm), intent(out) :: table
      integer(c_int32_t) :: comm_from_fortran
    end function

    subroutine message_fortran(status, text, length) bind(c, name='distarray_mpi_message_fortran')
      import :: c_int32_t, c_int64_t, c_char
      integer(c_int32_t), value :: status
      character(kind=c_char), intent(out) :: text(*)
      integer(c_int64_t), value :: length
    end subroutine
  end interface

contains

  function from_integer(comm, table) result(status)
    integer, intent(in) :: comm
    type(distarray_comm), intent(out) :: table
    integer(c_int32_t) :: status
    status = comm_from_fortran(int(comm, c_int), table)
  end function

  function from_mpi_f08(comm, table) result(status)
    type(MPI_Comm), intent(in) :: comm
    type(distarray_comm), intent(out) :: table
    integer(c_int32_t) :: status
    status = comm_from_fortran(int(comm%mpi_val, c_int), table)
  end function

  ! The text of a status. Local.
  subroutine distarray_mpi_message(status, text)
    integer(c_int32_t), intent(in) :: status
    character(len=*), intent(out) :: text
    call message_fortran(status, text, len(text, kind=c_int64_t))
  end subroutine

end module distarray_mpi
