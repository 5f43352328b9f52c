//! What a consumer accepts of a whole array.

use super::required_axis::RequiredAxis;
use super::storage::Storage;
use crate::array::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{Dim, GridOrder};

/// What a consumer makes of axes that count components
/// ([`Axis::component`](crate::distribution::Axis::component)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Components {
    /// Such axes like others.
    #[default]
    Any,
    /// Such axes the fastest in memory, before all others, and whole on every process where
    /// nothing else is stated.
    Fastest,
    /// No such axes: they count as others.
    None,
}

/// What a consumer accepts. Whatever is not stated may be anything.
///
/// ```
/// use distarray::array::{DType, Order};
/// use distarray::exchange::{RequiredAxis, Requirements, Storage};
/// // A dense matrix of PETSc: blocks of rows, whole columns, column-major, any leading dimension.
/// let dense = Requirements::any()
///     .axes([RequiredAxis::any().block().bare(), RequiredAxis::any().whole().bare()])
///     .storage(Storage::Pitched(Order::Fortran))
///     .dtype(DType::F64);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Requirements {
    pub(super) axes: Vec<RequiredAxis>,
    pub(super) grid_order: Option<GridOrder>,
    pub(super) replicas: Option<i64>,
    pub(super) storage: Vec<Storage>,
    pub(super) permutation: Option<Vec<usize>>,
    pub(super) components: Components,
    /// The axes of components, once an array is known.
    pub(super) fastest: Vec<usize>,
    pub(super) room: usize,
    pub(super) dtypes: Vec<DType>,
    pub(super) alignment: usize,
    pub(super) relabel: bool,
    pub(super) never_copy: bool,
}

impl Requirements {
    /// Any array.
    #[must_use]
    pub fn any() -> Self {
        Self { alignment: 1, ..Self::default() }
    }

    /// What is accepted along each axis; without them, all axes as they are.
    #[must_use]
    pub fn axes(mut self, axes: impl Into<Vec<RequiredAxis>>) -> Self {
        self.axes = axes.into();
        self
    }

    /// Needs the ranks to be numbered in this order on the process grid.
    #[must_use]
    pub fn grid_order(mut self, order: GridOrder) -> Self {
        self.grid_order = Some(order);
        self
    }

    /// Needs this many equal copies of the array, each on its share of the ranks.
    #[must_use]
    pub fn replicas(mut self, replicas: i64) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// Accepts elements that lie like this. Several ways may be accepted, the first is
    /// that of a copy; without any of them, all strides are.
    #[must_use]
    pub fn storage(mut self, storage: Storage) -> Self {
        self.storage.push(storage);
        self
    }

    /// Needs the axes in memory in the order of this permutation, not in their own: in
    /// [row-major](crate::array::Order::C) storage the last one named is the fastest.
    #[must_use]
    pub fn permutation(mut self, axes: impl Into<Vec<usize>>) -> Self {
        self.permutation = Some(axes.into());
        self
    }

    /// Needs axes of components the fastest in memory, or not marked as such.
    #[must_use]
    pub fn components(mut self, components: Components) -> Self {
        self.components = components;
        self
    }

    /// Needs this many bytes from the first element on, for the consumer to write in, as
    /// FFTW does beyond its elements. Each rank states its own.
    #[must_use]
    pub fn room(mut self, bytes: usize) -> Self {
        self.room = bytes;
        self
    }

    /// Accepts this element type. Several may be accepted, and a copy has the first to
    /// which the elements convert; without any of them, all are.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtypes.push(dtype);
        self
    }

    /// Needs the first element at an address that is a multiple of this many bytes, a
    /// power of two.
    #[must_use]
    pub fn alignment(mut self, bytes: usize) -> Self {
        self.alignment = bytes;
        self
    }

    /// Where elements must move, lets the ranks of the new grid be numbered so that the
    /// fewest do, unless their [order](Self::grid_order) is stated.
    #[must_use]
    pub fn relabel(mut self) -> Self {
        self.relabel = true;
        self
    }

    /// Refuses, rather than copies, what does not fit.
    #[must_use]
    pub fn never_copy(mut self) -> Self {
        self.never_copy = true;
        self
    }

    /// The same, of an array with these axes.
    pub(super) fn of_array(&self, dims: &[Dim]) -> Self {
        let fastest = dims.iter().enumerate().filter(|(_, dim)| dim.is_component());
        let fastest = fastest.filter(|_| self.components == Components::Fastest);
        Self { fastest: fastest.map(|(axis, _)| axis).collect(), ..self.clone() }
    }

    /// What is accepted along each of `ndim` axes.
    ///
    /// # Errors
    /// Another number of axes, an alignment that is no power of two, or storage that
    /// contradicts itself.
    pub(super) fn of_axes(&self, ndim: usize) -> Result<Vec<RequiredAxis>> {
        if !self.alignment.is_power_of_two() {
            return Err(Error::new(ErrorKind::Range, "an alignment is a power of two").in_field("alignment"));
        }
        if let Some(axis) = self.axes.iter().position(|axis| axis.least < 0) {
            let error = Error::new(ErrorKind::Range, "a least number of elements is not negative");
            return Err(error.on_axis(axis).in_field("least").expected_found(0, self.axes[axis].least));
        }
        self.check_storage(ndim)?;
        if self.axes.is_empty() || self.axes.len() == ndim {
            let mut axes = self.axes.clone();
            axes.resize(ndim, RequiredAxis::any());
            for &axis in &self.fastest {
                if axes[axis].procs().is_none() {
                    axes[axis] = axes[axis].clone().whole();
                }
            }
            return Ok(axes);
        }
        Err(Error::new(
            ErrorKind::Shape,
            "the consumer needs another number of axes; reshape the array, or lend a slice of it",
        )
        .in_field("ndim")
        .expected_found(as_i64(self.axes.len()), as_i64(ndim)))
    }

    pub(super) fn takes_dtype(&self, dtype: DType) -> bool {
        self.dtypes.is_empty() || self.dtypes.contains(&dtype)
    }
}
