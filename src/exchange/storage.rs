//! How the elements of a part may lie in memory, and the memory of a copy.

use std::fmt;

use super::requirements::{Components, Requirements};
use crate::array::{Layout, Order};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// How the elements of a part may lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// One after the other, in this order.
    Packed(Order),
    /// In this order with gaps between lines, as LAPACK's leading dimension makes them:
    /// elements along the fastest axis lie side by side.
    Pitched(Order),
}

impl Storage {
    pub(super) fn order(self) -> Order {
        match self {
            Self::Packed(order) | Self::Pitched(order) => order,
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self {
            Self::Packed(_) => "packed",
            Self::Pitched(_) => "in lines",
        };
        let order = match self.order() {
            Order::C => "row-major",
            Order::Fortran => "column-major",
        };
        write!(f, "{how} in {order} order")
    }
}

impl Requirements {
    /// Refuses a permutation that is none, and what says nothing without an order.
    pub(super) fn check_storage(&self, ndim: usize) -> Result<()> {
        if let Some(axes) = &self.permutation {
            let mut sorted = axes.clone();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..ndim) {
                let detail = format!("{axes:?} is not an order of the {ndim} axes: name each once");
                return Err(Error::new(ErrorKind::Range, detail).in_field("permutation"));
            }
        }
        let pitched = self.axes.iter().position(|axis| axis.pitch.is_some());
        let error = Error::new(ErrorKind::Range, "state also whether elements lie row-major or column-major");
        match pitched {
            _ if !self.storage.is_empty() => Ok(()),
            Some(axis) => Err(error.in_field("pitch").on_axis(axis)),
            None if self.permutation.is_some() => Err(error.in_field("permutation")),
            None if self.components == Components::Fastest => Err(error.in_field("components")),
            None => Ok(()),
        }
    }

    /// Refuses lines that are longer than their distance. Local.
    pub(super) fn check_pitches(&self, shape: &[i64]) -> Result<()> {
        for (axis, &extent) in shape.iter().enumerate() {
            if let Some(pitch) = self.pitch(axis).filter(|&pitch| pitch < extent.max(1)) {
                let detail = "lines that hold so many elements do not fit between lines so far apart";
                return Err(Error::new(ErrorKind::Range, detail)
                    .on_axis(axis)
                    .in_field("pitch")
                    .expected_found(extent.max(1), pitch));
            }
        }
        Ok(())
    }

    fn pitch(&self, axis: usize) -> Option<i64> {
        self.axes.get(axis).and_then(|asked| asked.pitch)
    }

    /// The axes from the fastest to the slowest.
    fn by_speed(&self, order: Order, ndim: usize) -> Vec<usize> {
        let mut axes = self.permutation.clone().unwrap_or_else(|| (0..ndim).collect());
        if order == Order::C {
            axes.reverse();
        }
        axes.sort_by_key(|axis| !self.fastest.contains(axis));
        axes
    }

    pub(super) fn takes_storage(&self, layout: &Layout) -> bool {
        self.storage.is_empty() || self.storage.iter().any(|&storage| self.takes(storage, layout))
    }

    fn takes(&self, storage: Storage, layout: &Layout) -> bool {
        let mut least = as_i64(layout.itemsize());
        // Elements along the fastest axis lie side by side.
        let mut exact = true;
        let fits = |axis: usize| {
            let (extent, stride) = (layout.shape()[axis], layout.strides()[axis]);
            let here = extent <= 1 || if exact { stride == least } else { stride >= least };
            // An axis of one element has any stride, and leaves the others as they are.
            let step = if extent > 1 { stride } else { least };
            least = step.saturating_mul(self.pitch(axis).unwrap_or(extent));
            exact = matches!(storage, Storage::Packed(_)) || self.pitch(axis).is_some();
            here
        };
        layout.is_empty() || self.by_speed(storage.order(), layout.ndim()).into_iter().all(fits)
    }

    /// The layout of a copy, and the bytes of its memory.
    ///
    /// # Errors
    /// More bytes than this machine can address.
    pub(super) fn layout(&self, shape: &[i64], itemsize: usize, order: Order) -> Result<(Layout, usize)> {
        let axes = self.by_speed(order, shape.len());
        let extents: Vec<i64> = axes.iter().map(|&axis| self.pitch(axis).unwrap_or(shape[axis])).collect();
        let lines = Layout::packed(&extents, itemsize, Order::Fortran)?;
        let mut strides = vec![0; shape.len()];
        for (&axis, &stride) in axes.iter().zip(lines.strides()) {
            strides[axis] = stride;
        }
        let room = lines.reach().1.unsigned_abs().max(self.room);
        Ok((Layout::strided(shape, &strides, itemsize)?, room))
    }

    /// How elements are to lie, in words.
    pub(super) fn storage_asked(&self) -> String {
        let ways: Vec<String> = self.storage.iter().map(ToString::to_string).collect();
        let mut text = ways.join(" or ");
        if let Some(axes) = &self.permutation {
            text += &format!(" of the axes {axes:?}");
        }
        if !self.fastest.is_empty() {
            text += ", components fastest";
        }
        for (axis, pitch) in (0..self.axes.len()).filter_map(|axis| Some((axis, self.pitch(axis)?))) {
            text += &format!(", lines of axis {axis} {pitch} elements apart");
        }
        text
    }
}
