! A section of a wider array, lent by a dummy of assumed shape, gets its halo filled where
! it lies; then its values are redistributed to an array that the library makes, which is
! borrowed with its global indices. Any number of ranks; `use mpi`.
program exchange
  use mpi
  use distarray
  use distarray_library
  use distarray_mpi
  implicit none
  integer, parameter :: nx = 7, ny = 5, outside = -7
  type(distarray_comm), target :: comm
  type(distarray_lease), target :: lease
  type(distarray_error) :: error
  type(distarray_export) :: view
  type(c_ptr) :: rows, columns, source, target, halo, plan
  type(distarray_axis) :: axes(2)
  real(real64), allocatable, target :: storage(:, :)
  real(real32), pointer :: v(:, :)
  integer :: rank, nranks, ierror, first, i, j

  call MPI_Init(ierror)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierror)
  call MPI_Comm_size(MPI_COMM_WORLD, nranks, ierror)
  if (distarray_comm_from_mpi(MPI_COMM_WORLD, comm) /= 0) error stop 'no communicator'

  ! Rows first + 1 to first + nx of a ring of nx * nranks, in columns that are longer.
  first = nx * rank
  allocate (storage(-2:nx+4, ny+1))
  storage = outside
  call fill_and_lend(storage(0:nx+1, :ny))
  if (any(nint(storage([-2, -1, nx+2, nx+3, nx+4], :)) /= outside)) error stop 'around the section'
  if (any(nint(storage(:, ny+1)) /= outside)) error stop 'beside the section'

  ! Whole rows become whole columns, in single precision.
  axes(1)%size = nx * nranks
  axes(2)%size = ny
  axes(2)%dist_type = DISTARRAY_DIST_BLOCK
  axes(2)%proc_grid_size = nranks
  call must(distarray_distribution_new(c_loc(comm), 2, axes, grid_order=0, distribution=columns, error=error))
  call must(distarray_distribution_zeros(columns, DISTARRAY_DTYPE_FLOAT, 32_c_int8_t, 1, 0, target, error))
  call must(distarray_redistribution_new(rows, columns, redistribution=plan, error=error))
  call must(distarray_redistribution_apply(plan, source, target, error))
  call must(distarray_array_view(target, view, error))
  call must(distarray_associate(view, v, DISTARRAY_ACCESS_READ, DISTARRAY_BOUNDS_GLOBAL, error))
  if (lbound(v, 1) /= 1 .or. ubound(v, 1) /= nx * nranks) error stop 'rows of v'
  do j = lbound(v, 2), ubound(v, 2)
    do i = 1, nx * nranks
      if (nint(v(i, j)) /= 100 * i + j) error stop 'element of v'
    end do
  end do
  call MPI_Allreduce(size(v), i, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, ierror)
  if (i /= nx * nranks * ny) error stop 'not all elements'

  call distarray_redistribution_free(plan)
  call distarray_distribution_free(rows)
  call distarray_distribution_free(columns)
  call distarray_array_free(source)
  call distarray_array_free(target)
  if (distarray_lease_live(lease) /= 0) error stop 'still on loan'
  if (iand(lease%consumer_flags, DISTARRAY_C_HALO_VALID) == 0) error stop 'the halo was filled'
  if (rank == 0) print '(a)', 'exchanged'
  call MPI_Finalize(ierror)

contains

  subroutine fill_and_lend(u)
    real(real64), target, intent(inout) :: u(0:, :)
    type(distarray_export) :: loan
    type(distarray_dim) :: dims(2)
    integer :: row, column
    do column = 1, ny
      u(1:nx, column) = [(100 * (first + row) + column, row = 1, nx)]
    end do
    dims(1) = distarray_dim_block(nx * nranks, nranks, rank, first, first + nx)
    dims(2) = distarray_dim_whole(ny)
    call distarray_dim_add_halo(dims(1), 1, 1)
    dims(1)%flags = ior(dims(1)%flags, DISTARRAY_DIM_PERIODIC)
    call must(distarray_lend(u, dims, rank, nranks, loan, lease, error))
    call must(distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, source, error))
    call must(distarray_distribution_gather(c_loc(comm), source, rows, error))
    call must(distarray_halo_new(rows, 0, halo, error))
    call must(distarray_halo_update(halo, source, error))
    call distarray_halo_free(halo)
    do column = 1, ny
      do row = 0, nx + 1, nx + 1
        if (nint(u(row, column)) /= 100 * (modulo(first + row - 1, nx * nranks) + 1) + column) &
          error stop 'halo'
      end do
    end do
  end subroutine

  subroutine must(status)
    integer(c_int32_t), intent(in) :: status
    if (status == DISTARRAY_OK) return
    print '(a)', distarray_message(error)
    call MPI_Abort(MPI_COMM_WORLD, 1, ierror)
  end subroutine

end program exchange
