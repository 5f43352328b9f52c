! A Fortran heat code. It owns the temperature u(0:nx+1,0:ny+1) with a cell of
! halo all round, and the load (right-hand side) of an implicit step; it knows how
! heat enters and what happens at the walls. It has no solver and fills no halo:
! for that it lends its arrays.
module heat
  use distarray
  use mpi_f08
  implicit none
  private

  ! As in problem.h; arrays are in the order y, x.
  type, bind(c) :: problem
    integer(c_int64_t) :: size(2), grid(2), place(2), start(2), stop(2), pattern(2)
    real(c_double)     :: coupling, time_step
    integer(c_int32_t) :: rank, count
  end type

  real(c_double), allocatable, target :: u(:, :), load(:, :)
  type(distarray_lease), target :: u_lease, load_lease
  type(distarray_dim) :: dims(2)
  type(problem)       :: plate
  type(MPI_Comm)      :: comm
  integer             :: nx, ny, loans_made = 0
  real(c_double), allocatable :: source(:, :)   ! K/s

contains

  ! Allocates the arrays of this process, with a hot spot on a plate at 20 degrees.
  ! pattern: heat source in K/s on the coarse grid, x fastest. Local.
  subroutine heat_new(p, pattern, fortran_comm) bind(c)
    type(problem), intent(in)  :: p
    real(c_double), intent(in) :: pattern(p%pattern(2), p%pattern(1))
    integer(c_int), value      :: fortran_comm
    integer        :: i, j, x, y
    real(c_double) :: distance

    plate = p
    comm%mpi_val = fortran_comm
    nx = int(p%stop(2) - p%start(2))
    ny = int(p%stop(1) - p%start(1))
    dims = distarray_dim_block(int(p%size([2, 1])), int(p%grid([2, 1])), &
                               int(p%place([2, 1])), int(p%start([2, 1])), &
                               int(p%stop([2, 1])))

    allocate (u(0:nx+1, 0:ny+1), load(nx, ny), source(nx, ny))
    u = huge(u)   ! a halo cell that nobody fills must not go unnoticed
    load = 0
    do j = 1, ny
      do i = 1, nx
        x = int(p%start(2)) + i - 1
        y = int(p%start(1)) + j - 1
        distance = hypot(x - 0.3d0 * p%size(2), y - 0.6d0 * p%size(1))
        u(i, j) = 20 + 80 * exp(-(distance / 25)**2)
        source(i, j) = pattern(x * p%pattern(2) / p%size(2) + 1, &
                               y * p%pattern(1) / p%size(1) + 1)
      end do
    end do
  end subroutine

  ! Lends u, halo included, in the order of its subscripts. Local.
  integer(c_int32_t) function heat_lend_temperature(loan) bind(c) result(status)
    type(distarray_export), intent(out) :: loan
    type(distarray_dim) :: haloed(2)
    haloed = dims
    call distarray_dim_add_halo(haloed, 1, 1)
    status = distarray_lend(u, haloed, plate%rank, plate%count, loan, u_lease)
    call count_loan(loan, status)
  end function

  ! Lends the load. Local.
  integer(c_int32_t) function heat_lend_load(loan) bind(c) result(status)
    type(distarray_export), intent(out) :: loan
    status = distarray_lend(load, dims, plate%rank, plate%count, loan, load_lease)
    call count_loan(loan, status)
  end function

  ! Our processes are numbered with x, the first axis, fastest.
  subroutine count_loan(loan, status)
    type(distarray_export), intent(inout) :: loan
    integer(c_int32_t), intent(in)        :: status
    if (status /= DISTARRAY_OK) return
    loan%flags_read = ior(loan%flags_read, DISTARRAY_R_GRID_COLMAJOR)
    loans_made = loans_made + 1
  end subroutine

  ! Computes the load of the next step from u. Local.
  subroutine heat_compute_load() bind(c)
    load = u(1:nx, 1:ny) + plate%time_step * source
  end subroutine

  ! Mirrors u at the walls: no heat passes them. Corners follow. Local.
  subroutine heat_set_walls() bind(c)
    if (plate%place(2) == 0) u(0, :) = u(1, :)
    if (plate%place(2) == plate%grid(2) - 1) u(nx+1, :) = u(nx, :)
    if (plate%place(1) == 0) u(:, 0) = u(:, 1)
    if (plate%place(1) == plate%grid(1) - 1) u(:, ny+1) = u(:, ny)
  end subroutine

  ! The highest temperature of the plate, and the mean source in K/s. Collective.
  subroutine heat_summary(highest, mean_source) bind(c)
    real(c_double), intent(out) :: highest, mean_source
    highest = maxval(u(1:nx, 1:ny))
    mean_source = sum(source) / product(plate%size)
    call MPI_Allreduce(MPI_IN_PLACE, highest, 1, MPI_DOUBLE_PRECISION, MPI_MAX, comm)
    call MPI_Allreduce(MPI_IN_PLACE, mean_source, 1, MPI_DOUBLE_PRECISION, MPI_SUM, comm)
  end subroutine

  type(c_ptr) function heat_temperature_address() bind(c) result(address)
    address = c_loc(u)
  end function

  type(c_ptr) function heat_load_address() bind(c) result(address)
    address = c_loc(load)
  end function

  ! How many loans were made, how many are still out, and whether borrowers gave
  ! notice that they wrote u. Local.
  subroutine heat_loans(made, live, u_modified) bind(c)
    integer(c_int32_t), intent(out) :: made, live, u_modified
    made = loans_made
    live = int(u_lease%live + load_lease%live)
    u_modified = merge(1, 0, iand(u_lease%consumer_flags, DISTARRAY_C_MODIFIED) /= 0)
  end subroutine

  ! Frees the arrays; they must not be on loan. Local.
  subroutine heat_free() bind(c)
    if (u_lease%live + load_lease%live /= 0) error stop "heat: still on loan"
    deallocate (u, load, source)
  end subroutine

end module heat
