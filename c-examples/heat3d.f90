! The heat equation in three dimensions by explicit Euler steps, on a process grid of
! any shape. The halo travels while the cells that need none of it are computed. Any
! number of ranks from 1; run it with mpirun. heat3d.c is the same in C and says what is
! solved.
!
! Expected output:
!   25 x 18 x 13 cells, periodic along the first axis
!   after  0 steps: warmest 0.994618
!   after 20 steps: warmest 0.631709
!   after 40 steps: warmest 0.401216
!   after 60 steps: warmest 0.254823
!   every cell is within 1e-12 of the closed form: yes
!   no rank sends more than six messages a step: yes
program heat3d
  use mpi_f08
  use distarray
  use distarray_library
  use distarray_mpi
  implicit none
  integer, parameter :: steps = 60, report_every = 20, cells(3) = [25, 18, 13]
  real(real64), parameter :: rate = 0.16_real64   ! conductivity * time step / (cell size)^2
  real(real64), parameter :: pi = acos(-1.0_real64)

  ! Our memory, halo included, and the library's handle of it.
  type :: field
    real(real64), pointer :: u(:, :, :) => null()
    type(c_ptr) :: array = c_null_ptr
  end type

  ! The cells lo(axis) to hi(axis); the halo is at 0 and at n(axis) + 1.
  type :: box
    integer :: lo(3), hi(3)
  end type

  type(MPI_Comm) :: world
  type(distarray_comm), target :: comm
  type(distarray_dim) :: dims(3)
  type(distarray_lease), target :: lease
  type(distarray_error) :: error
  type(distarray_moved) :: moved
  type(c_ptr) :: whole, halo
  type(field) :: now, next, spare
  type(box) :: inner, shell(2, 3)
  integer :: rank, nranks, grid(3), place(3), first(3), n(3), axis, step, i
  real(real64) :: warmest, distance
  integer(int64) :: most

  call MPI_Init()
  call MPI_Comm_size(MPI_COMM_WORLD, nranks)
  grid = 0
  call MPI_Dims_create(nranks, 3, grid)
  call MPI_Cart_create(MPI_COMM_WORLD, 3, grid, [.true., .false., .false.], .true., world)
  call MPI_Comm_rank(world, rank)
  call MPI_Cart_coords(world, rank, 3, place)

  ! Our block, with a cell of halo all around.
  first = cells * place / grid
  n = cells * (place + 1) / grid - first
  dims = distarray_dim_block(cells, grid, place, first, first + n)
  call distarray_dim_add_halo(dims, 1, 1)
  dims(1)%flags = ior(dims(1)%flags, DISTARRAY_DIM_PERIODIC)
  now = new_field()
  next = new_field()

  ! One plan serves every array of this distribution. The stencil needs no corners.
  if (distarray_comm_from_mpi(world, comm) /= 0) error stop 'no communicator'
  call must(distarray_distribution_gather(c_loc(comm), now%array, whole, error))
  call must(distarray_halo_new(whole, 0, halo, error))
  call distarray_distribution_free(whole)

  ! The shell is what reads the halo.
  inner = box([1, 1, 1], n)
  do axis = 1, 3
    call peel(inner, axis, shell(:, axis))
  end do

  call start_mode(now%u)
  if (rank == 0) print '(2(i0,a),i0,a)', cells(1), ' x ', cells(2), ' x ', cells(3), &
    ' cells, periodic along the first axis'
  distance = 0
  do step = 0, steps
    if (mod(step, report_every) == 0) then
      call measure(now%u, step)
      if (rank == 0) print '(a,i2,a,f8.6)', 'after ', step, ' steps: warmest ', warmest
    end if
    if (step == steps) exit
    call must(distarray_halo_start(halo, now%array, error))
    call advance(now%u, next%u, inner)   ! while messages fly
    call must(distarray_halo_finish(halo, now%array, error))
    do axis = 1, 3
      do i = 1, 2
        call advance(now%u, next%u, shell(i, axis))
      end do
    end do
    spare = now
    now = next
    next = spare
  end do

  call must(distarray_halo_moves(halo, storage_size(now%u) / 8_int64, moved, error))
  call MPI_Allreduce(moved%messages, most, 1, MPI_INTEGER8, MPI_MAX, world)
  if (rank == 0) then
    print '(2a)', 'every cell is within 1e-12 of the closed form: ', &
      trim(merge('yes', 'no ', distance < 1e-12_real64))
    print '(2a)', 'no rank sends more than six messages a step: ', &
      trim(merge('yes', 'no ', most <= 6))
  end if
  call distarray_halo_free(halo)
  call distarray_array_free(now%array)
  call distarray_array_free(next%array)
  if (lease%live /= 0) error stop 'still on loan'
  deallocate (now%u, next%u)
  call MPI_Comm_free(world)
  call MPI_Finalize()

contains

  ! A field of zeros, lent to the library in place.
  type(field) function new_field() result(f)
    type(distarray_export) :: loan
    allocate (f%u(0:n(1)+1, 0:n(2)+1, 0:n(3)+1), source=0.0_real64)
    call must(distarray_lend(f%u, dims, rank, nranks, loan, lease, error))
    call must(distarray_array_import(loan, DISTARRAY_ACCESS_READ_WRITE, f%array, error))
  end function

  ! One Euler step of the cells of a box.
  subroutine advance(now, next, b)
    real(real64), intent(in)    :: now(0:, 0:, 0:)
    real(real64), intent(inout) :: next(0:, 0:, 0:)
    type(box), intent(in)       :: b
    integer :: i, j, k
    do k = b%lo(3), b%hi(3)
      do j = b%lo(2), b%hi(2)
        do i = b%lo(1), b%hi(1)
          next(i, j, k) = now(i, j, k) + rate * (now(i-1, j, k) + now(i+1, j, k) + &
            now(i, j-1, k) + now(i, j+1, k) + now(i, j, k-1) + now(i, j, k+1) - &
            6 * now(i, j, k))
        end do
      end do
    end do
  end subroutine

  ! Cuts the two outermost layers across an axis off a box; a thin box is the first.
  subroutine peel(b, axis, layers)
    type(box), intent(inout) :: b
    integer, intent(in)      :: axis
    type(box), intent(out)   :: layers(2)
    layers = b
    layers(1)%hi(axis) = min(b%lo(axis), b%hi(axis))
    layers(2)%lo(axis) = max(b%hi(axis), b%lo(axis) + 1)
    b%lo(axis) = b%lo(axis) + 1
    b%hi(axis) = b%hi(axis) - 1
  end subroutine

  ! The mode at a cell, before the first step: a whole sine wave around the periodic
  ! axis, half a wave between the walls.
  real(real64) function mode(i, j, k)
    integer, intent(in) :: i, j, k
    mode = sin(2 * pi * (first(1) + i - 1) / cells(1)) * &
      sin(pi * (first(2) + j) / (cells(2) + 1)) * sin(pi * (first(3) + k) / (cells(3) + 1))
  end function

  subroutine start_mode(u)
    real(real64), intent(inout) :: u(0:, 0:, 0:)
    integer :: i, j, k
    do k = 1, n(3)
      do j = 1, n(2)
        do i = 1, n(1)
          u(i, j, k) = mode(i, j, k)
        end do
      end do
    end do
  end subroutine

  ! The largest value, and the largest distance from the closed form. Collective.
  subroutine measure(u, step)
    real(real64), intent(in) :: u(0:, 0:, 0:)
    integer, intent(in)      :: step
    real(real64) :: left, found(2)
    integer :: i, j, k
    left = (1 + 2 * rate * (cos(2 * pi / cells(1)) + cos(pi / (cells(2) + 1)) + &
      cos(pi / (cells(3) + 1)) - 3))**step
    found = [0.0_real64, distance]
    do k = 1, n(3)
      do j = 1, n(2)
        do i = 1, n(1)
          found = max(found, [u(i, j, k), abs(u(i, j, k) - left * mode(i, j, k))])
        end do
      end do
    end do
    call MPI_Allreduce(MPI_IN_PLACE, found, 2, MPI_DOUBLE_PRECISION, MPI_MAX, world)
    warmest = found(1)
    distance = found(2)
  end subroutine

  subroutine must(status)
    integer(c_int32_t), intent(in) :: status
    if (status == DISTARRAY_OK) return
    print '(a)', distarray_message(error)
    call MPI_Abort(MPI_COMM_WORLD, 1)
  end subroutine

end program heat3d
