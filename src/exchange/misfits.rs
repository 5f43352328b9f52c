//! Why an array does not fit a consumer as it is.

use std::fmt;
use std::ops::Range;

use super::required_axis::{RequiredAxis, processes};
use super::requirements::Requirements;
use crate::array::AnyArray;
use crate::comm::{Comm, Op};
use crate::distribution::Distribution;
use crate::error::Result;
use crate::protocol::{Dim, DimData, Dist};

/// Why an array does not fit a consumer as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The axis, where it is one axis that does not fit.
    pub axis: Option<usize>,
    /// `dist_type`, `padding`, `strides`, `alignment`, `room` or `dtype`.
    pub field: &'static str,
    /// What there is, and what is asked for.
    pub detail: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(axis) = self.axis {
            write!(f, "axis {axis}, ")?;
        }
        write!(f, "{}: {}", self.field, self.detail)
    }
}

/// For each axis the local positions of a part that make up another part of the same
/// elements; `None` where an axis is dealt out otherwise, or padded further.
pub(super) fn ranges(from: &[Dim], to: &[Dim]) -> Option<Vec<Range<i64>>> {
    from.iter()
        .zip(to)
        .map(|(from, to)| same_elements(from, to).then(|| within(from, to)).flatten())
        .collect()
}

/// Whether two parts own the same indices in the same order.
fn same_elements(a: &Dim, b: &Dim) -> bool {
    let (left, right) = (a.owned_runs(), b.owned_runs());
    left == right || a.owned_len() == b.owned_len() && left.indices().eq(right.indices())
}

/// The positions in a part of another that owns the same; `None` where that is padded
/// further.
fn within(from: &Dim, to: &Dim) -> Option<Range<i64>> {
    let start = from.owned_local().start - to.owned_local().start;
    let range = start..start + to.len();
    let inside = range.start >= 0 && range.end <= from.len();
    // A part with padding is one stretch: it holds the same where its ends do.
    let mut ends = [0, to.len() - 1].into_iter();
    let same = to.is_empty() || ends.all(|at| from.global_of(start + at) == to.global_of(at));
    (inside && same).then_some(range)
}

/// What does not fit: as one rank sees it, or on any of them.
pub(super) struct Misfits(Vec<bool>);

/// For each axis: elements lie on other processes, or are padded otherwise.
const PER_AXIS: usize = 2;

impl Misfits {
    /// What does not fit here where the array is to become the part `target`. Local.
    pub(super) fn of(array: &AnyArray, target: &DimData, requirements: &Requirements) -> Self {
        let (from, to) = (array.dim_data().dims(), target.dims());
        let axis = |(from, to): (&Dim, &Dim)| {
            let same = same_elements(from, to);
            [!same, same && within(from, to).is_none()]
        };
        let mut found: Vec<bool> = from.iter().zip(to).flat_map(axis).collect();
        // How elements lie does not matter where they move anyway.
        let part = ranges(from, to).map(|ranges| array.buffer().layout().part(ranges.into_iter()));
        let lies = part.map_or([false; 3], |(layout, offset)| {
            let buffer = array.buffer();
            let data = buffer.data().wrapping_offset(offset);
            // Beyond a smaller box lies what is left out.
            let own = layout.len() * layout.itemsize();
            let room = if layout == *buffer.layout() { buffer.room() } else { own };
            [
                !requirements.takes_storage(&layout),
                !layout.is_empty() && !data.addr().is_multiple_of(requirements.alignment),
                room < requirements.room,
            ]
        });
        found.extend(lies);
        found.push(!requirements.takes_dtype(array.dtype()));
        Self(found)
    }

    /// What does not fit on any rank. Collective.
    pub(super) fn agreed(
        comm: &Comm,
        array: &AnyArray,
        target: &DimData,
        requirements: &Requirements,
    ) -> Result<Self> {
        let mut words: Vec<u64> =
            Self::of(array, target, requirements).0.into_iter().map(u64::from).collect();
        comm.all_reduce(&mut words, Op::Max)?;
        Ok(Self(words.into_iter().map(|word| word == 1).collect()))
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.0.contains(&true)
    }

    /// In words, the same on all ranks.
    pub(super) fn explain(
        &self,
        array: &AnyArray,
        target: &Distribution,
        requirements: &Requirements,
        axes: &[RequiredAxis],
    ) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut add = |axis, field, detail| reasons.push(Reason { axis, field, detail });
        let dims = array.dim_data().dims().iter().zip(target.dim_data().dims());
        let (of_axes, of_memory) = self.0.split_at(PER_AXIS * axes.len());
        for (axis, ((misfits, asked), (from, to))) in
            of_axes.chunks_exact(PER_AXIS).zip(axes).zip(dims).enumerate()
        {
            if misfits[0] {
                let (from, to) = (dealt(from), dealt(to));
                let to = if from == to { "the same, dealt otherwise".into() } else { to };
                add(Some(axis), "dist_type", format!("{from} becomes {to}; asked for {}", asked.dealing()));
            }
            if misfits[1] {
                add(
                    Some(axis),
                    "padding",
                    format!("there is less than asked for: {}", asked.padding_asked()),
                );
            }
        }
        let [strides, alignment, room, dtype] = *of_memory else { return reasons };
        if strides {
            let asked = requirements.storage_asked();
            add(None, "strides", format!("elements lie otherwise than asked for: {asked}"));
        }
        if alignment {
            let asked = requirements.alignment;
            add(None, "alignment", format!("the first element is not at a multiple of {asked} bytes"));
        }
        if room {
            add(None, "room", "there is less than asked for from the first element on".into());
        }
        if dtype {
            let asked: Vec<String> = requirements.dtypes.iter().map(ToString::to_string).collect();
            add(None, "dtype", format!("{}; asked for {}", array.dtype(), asked.join(" or ")));
        }
        reasons
    }
}

/// How an axis is dealt out, in words that are the same on all ranks.
fn dealt(dim: &Dim) -> String {
    let blocks = match dim.dist() {
        Dist::Cyclic { block_size, .. } => format!(" in blocks of {block_size}"),
        _ => String::new(),
    };
    format!("'{}'{blocks} on {}", dim.dist().letter(), processes(dim.proc_grid_size()))
}
