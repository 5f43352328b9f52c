! One buffer through four libraries. Fortran owns u, with its halo; PETSc fills the halo,
! HYPRE applies an operator, HDF5 writes what is inside, each in Fortran's memory: field.c
! has the way through them. Integers are computed, so that every element is compared
! exactly, with a formula of its global index. Any number of ranks from 1; the argument
! names the file.
!
! Expected output:
!   Fortran  lends u(0:nx+1, 0:ny+1, 0:nz+1) of 13 x 10 x 7 cells
!   PETSc    fills the halo, edges and corners too, in u
!   HYPRE    puts the Laplacian of u into u
!   PETSc    fills the halo anew, in u
!   HDF5     writes what is inside the halo from u, by one hyperslab on each rank
!   HDF5     reads it back into memory of another layout
!   Fortran  finds the Laplacian in u, halo included: yes
!   loans given back: all, once, as written
program field
  use mpi_f08
  use distarray
  implicit none
  integer, parameter :: cells(3) = [13, 10, 7]
  integer, parameter :: steps(3, 6) = reshape([1,0,0, -1,0,0, 0,1,0, 0,-1,0, 0,0,1, 0,0,-1], [3, 6])

  interface
    ! field.c; loan is given back when it returns.
    subroutine through_the_libraries(comm, loan, file) bind(c)
      import :: c_char, c_int, distarray_export
      integer(c_int), intent(in) :: comm
      type(distarray_export), intent(inout) :: loan
      character(kind=c_char), intent(in) :: file(*)
    end subroutine
  end interface

  real(real64), allocatable, target :: u(:, :, :)
  type(distarray_dim) :: dims(3)
  type(distarray_export) :: loan
  type(distarray_lease), target :: lease
  integer :: rank, nranks, grid(3), place(3), first(3), n(3), i, j, k
  character(len=4096) :: file
  logical :: right

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, nranks)
  call get_command_argument(1, file)

  ! Processes are numbered along x first, as PETSc numbers them.
  grid = 0
  call MPI_Dims_create(nranks, 3, grid)
  place = [mod(rank, grid(1)), mod(rank / grid(1), grid(2)), rank / (grid(1) * grid(2))]
  first = cells * place / grid
  n = cells * (place + 1) / grid - first

  ! What is ours, and nothing yet in the halo.
  allocate (u(0:n(1)+1, 0:n(2)+1, 0:n(3)+1), source=-1.0_real64)
  do k = 1, n(3)
    do j = 1, n(2)
      do i = 1, n(1)
        u(i, j, k) = value(first + [i, j, k] - 1)
      end do
    end do
  end do

  ! ANCHOR: lend
  dims = distarray_dim_block(cells, grid, place, first, first + n)
  dims%flags = ior(dims%flags, DISTARRAY_DIM_PERIODIC)
  call distarray_dim_add_halo(dims, 1, 1)
  if (distarray_lend(u, dims, rank, nranks, loan, lease) /= DISTARRAY_OK) error stop 'not lent'
  loan%flags_read = ior(loan%flags_read, DISTARRAY_R_GRID_COLMAJOR)
  ! ANCHOR_END: lend
  if (rank == 0) print '(a,i0,a,i0,a,i0,a)', 'Fortran  lends u(0:nx+1, 0:ny+1, 0:nz+1) of ', &
    cells(1), ' x ', cells(2), ' x ', cells(3), ' cells'
  flush (6)

  call through_the_libraries(int(MPI_COMM_WORLD%mpi_val, c_int), loan, trim(file) // c_null_char)

  right = .true.
  do k = 0, n(3) + 1
    do j = 0, n(2) + 1
      do i = 0, n(1) + 1
        right = right .and. abs(u(i, j, k) - laplacian(first + [i, j, k] - 1)) <= 0
      end do
    end do
  end do
  call say('Fortran  finds the Laplacian in u, halo included: ', right, 'yes', 'NO')
  call say('loans given back: ', lease%live == 0 .and. &
    iand(lease%consumer_flags, DISTARRAY_C_MODIFIED) /= 0, 'all, once, as written', 'NO')
  call MPI_Finalize()

contains

  ! The element at a global index, which counts from 0 and goes around.
  real(real64) function value(index)
    integer, intent(in) :: index(3)
    integer :: g(3)
    g = modulo(index, cells)
    value = mod(7 * g(1) * g(1) + 11 * g(2) + 13 * g(3) * g(1), 101)
  end function

  real(real64) function laplacian(index)
    integer, intent(in) :: index(3)
    integer :: step
    laplacian = -6 * value(index)
    do step = 1, 6
      laplacian = laplacian + value(index + steps(:, step))
    end do
  end function

  ! Prints what holds on all ranks. Collective.
  subroutine say(what, right, yes, no)
    character(len=*), intent(in) :: what, yes, no
    logical, intent(in) :: right
    logical :: all_right
    call MPI_Allreduce(right, all_right, 1, MPI_LOGICAL, MPI_LAND, MPI_COMM_WORLD)
    if (rank == 0) print '(2a)', what, trim(merge(yes, no // repeat(' ', len(yes) - len(no)), all_right))
  end subroutine

end program field
