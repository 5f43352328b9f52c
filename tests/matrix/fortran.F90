! Blocks with a halo as a Fortran code has them, u(0:nx+1, 0:ny+1, 0:nz+1), and a code that
! takes any array as u(:,:,:). One file, so that one object is linked: it includes the
! modules that it uses.
#include "distarray.F90"
#include "distarray_library.f90"

module matrix_fortran
  use distarray
  use distarray_library
  implicit none
  private

  ! Memory of up to three axes; further ones are one element long.
  type :: field
    integer                :: ndim = 0
    real(real64), pointer  :: u(:, :, :) => null()
    type(distarray_dim)    :: dims(3)       ! in the order of u's axes
    integer(c_int64_t)     :: weight(3) = 0 ! of an index in a position of the whole array
    type(distarray_lease)  :: lease
    type(distarray_export) :: loan          ! if it is borrowed
  end type

contains

  ! Makes a field on a grid of processes whose first axis runs fastest.
  type(c_ptr) function fortran_new(ndim, sizes, rank, nranks) bind(c)
    integer(c_int), value          :: ndim, rank, nranks
    integer(c_int64_t), intent(in) :: sizes(ndim)
    type(field), pointer :: self
    integer :: grid(3), place(3), n(3), first(3), last(3), held(3)
    n = 1
    n(:ndim) = int(sizes)
    grid = [nranks, 1, 1]
    if (ndim > 1 .and. mod(nranks, 2) == 0) grid = [2, nranks / 2, 1]
    place = [mod(rank, grid(1)), rank / grid(1), 0]
    first = n * place / grid
    last = n * (place + 1) / grid
    allocate (self)
    self%ndim = ndim
    self%dims = distarray_dim_block(n, grid, place, first, last)
    call distarray_dim_add_halo(self%dims(:ndim), 1, 1)
    self%weight = [n(2) * n(3), n(3), 1]
    held = int(self%dims%stop - self%dims%start)
    allocate (self%u(held(1), held(2), held(3)))
    fortran_new = c_loc(self)
  end function

  ! Lends a field as an array of its own number of axes.
  integer(c_int32_t) function fortran_lend(object, rank, nranks, loan) result(status) bind(c)
    type(c_ptr), value                  :: object
    integer(c_int), value               :: rank, nranks
    type(distarray_export), intent(out) :: loan
    type(field), pointer  :: self
    real(real64), pointer :: line(:), plane(:, :)
    call c_f_pointer(object, self)
    select case (self%ndim)
    case (1)
      line => self%u(:, 1, 1)
      status = distarray_lend(line, self%dims(:1), rank, nranks, loan, self%lease)
    case (2)
      plane => self%u(:, :, 1)
      status = distarray_lend(plane, self%dims(:2), rank, nranks, loan, self%lease)
    case default
      status = distarray_lend(self%u, self%dims, rank, nranks, loan, self%lease)
    end select
    loan%flags_read = ior(loan%flags_read, DISTARRAY_R_GRID_COLMAJOR)
  end function

  ! Takes a loan as u(:,:,:): a view of it that has axes of one element more.
  integer(c_int32_t) function fortran_borrow(loan, object, error) result(status) bind(c)
    type(distarray_export), intent(inout) :: loan
    type(c_ptr), intent(out)              :: object
    type(distarray_error), intent(out)    :: error
    type(field), pointer         :: self
    type(distarray_dim), pointer :: dims(:)
    integer(c_int64_t), pointer  :: extents(:), strides(:)
    integer(c_int64_t), target   :: shape_of_3(3), strides_of_3(3)
    type(distarray_export)       :: view
    integer :: n, axis
    n = loan%ndim
    call c_f_pointer(loan%dims, dims, [n])
    call c_f_pointer(loan%shape, extents, [n])
    call c_f_pointer(loan%strides, strides, [n])
    allocate (self)
    self%ndim = n
    self%dims = distarray_dim_whole(1)
    self%dims(:n) = dims
    shape_of_3 = 1
    shape_of_3(:n) = extents
    strides_of_3 = loan%itemsize
    strides_of_3(:n) = strides
    view = loan
    view%ndim = 3
    view%shape = c_loc(shape_of_3)
    view%strides = c_loc(strides_of_3)
    view%dims = c_loc(self%dims)
    status = distarray_associate(view, self%u, DISTARRAY_ACCESS_READ_WRITE, error=error)
    if (status /= 0) then
      deallocate (self)
      return
    end if
    self%weight(n) = 1
    do axis = n - 1, 1, -1
      self%weight(axis) = self%weight(axis + 1) * dims(axis + 1)%size
    end do
    self%loan = loan
    loan%release = c_null_funptr
    object = c_loc(self)
  end function

  ! Writes every owned element, or says whether it holds its position plus what was added.
  integer(c_int) function fortran_visit(object, added, writing) result(right) bind(c)
    type(c_ptr), value        :: object
    integer(c_int64_t), value :: added
    integer(c_int), value     :: writing
    type(field), pointer :: self
    integer(c_int64_t)   :: first(3), last(3), held, position
    integer :: i, j, k, axis
    call c_f_pointer(object, self)
    right = 1
    do axis = 1, 3
      if (distarray_dim_owned(self%dims(axis), held, first(axis), last(axis)) /= 0) right = 0
    end do
    do k = int(first(3)), int(last(3)) - 1
      do j = int(first(2)), int(last(2)) - 1
        do i = int(first(1)), int(last(1)) - 1
          position = dot_product(self%weight, [at(1, i), at(2, j), at(3, k)])
          if (writing /= 0) self%u(i + 1, j + 1, k + 1) = real(position + added, real64)
          if (self%u(i + 1, j + 1, k + 1) /= real(position + added, real64)) right = 0
        end do
      end do
    end do

  contains

    integer(c_int64_t) function at(axis, local)
      integer, intent(in) :: axis, local
      integer(c_int64_t)  :: global(1)
      if (distarray_dim_local_to_global(self%dims(axis), 1_c_int64_t, [int(local, c_int64_t)], &
          global) /= 0) right = 0
      at = global(1)
    end function

  end function

  type(c_ptr) function fortran_address(object) bind(c)
    type(c_ptr), value   :: object
    type(field), pointer :: self
    call c_f_pointer(object, self)
    fortran_address = c_loc(self%u)
  end function

  ! Gives back what was borrowed, or frees what was made.
  integer(c_int) function fortran_end(object) result(right) bind(c)
    type(c_ptr), value   :: object
    type(field), pointer :: self
    call c_f_pointer(object, self)
    right = merge(1, 0, self%lease%live == 0)
    if (c_associated(self%loan%release)) then
      self%loan%consumer_flags = ior(self%loan%consumer_flags, DISTARRAY_C_MODIFIED)
      call distarray_export_release(self%loan)
    else
      deallocate (self%u)
    end if
    deallocate (self)
  end function

end module
