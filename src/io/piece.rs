//! Files that hold an array together, and their elements on the way to where they are held.

mod copy;
mod window;

use std::ops::Range;
use std::path::PathBuf;

use super::dnpy::Member;
use super::file::Stamp;
use super::{dnpy, npy};
use crate::array::Layout;
use crate::distribution::{Claim, faults};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Dim, DimData, Reading};

/// A file of elements, and which of the global array they are.
#[derive(Clone, Debug)]
pub struct Piece {
    path: PathBuf,
    elements: npy::Header,
    dim_data: DimData,
    /// What its set's manifest says of it.
    member: Option<Member>,
    /// The file that `elements` was read from.
    stamp: Stamp,
}

impl Piece {
    /// A `.npy` file, which holds an array whole. Local.
    ///
    /// # Errors
    /// As for [`npy::read_header`].
    pub fn whole(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let stamp = Stamp::of(&path)?;
        let elements = npy::read_header(&path)?;
        let dim_data = whole(elements.shape())?;
        Ok(Self { path, elements, dim_data, member: None, stamp })
    }

    /// A `.dnpy` file, which holds one part. Local.
    ///
    /// # Errors
    /// As for [`dnpy::read_header`].
    pub fn part(path: impl Into<PathBuf>) -> Result<Self> {
        Self::read(path.into(), None)
    }

    /// A file of a set that has a manifest: compared with it before it is a source. Local.
    ///
    /// # Errors
    /// As for [`part`](Self::part).
    pub fn member(member: Member) -> Result<Self> {
        Self::read(member.path().to_owned(), Some(member))
    }

    fn read(path: PathBuf, member: Option<Member>) -> Result<Self> {
        let stamp = Stamp::of(&path)?;
        let dnpy::Header { dim_data, elements, .. } = dnpy::read_header(&path, Reading::Protocol)?;
        Ok(Self { path, elements, dim_data, member, stamp })
    }

    /// How the elements fit into the global array.
    #[must_use]
    pub fn dim_data(&self) -> &DimData {
        &self.dim_data
    }

    pub(super) fn elements(&self) -> &npy::Header {
        &self.elements
    }

    /// What the manifest of its set says of it.
    pub(super) fn as_member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// The elements of a part of the same array, packed in C order.
    pub(super) fn elements_of(&self, part: &DimData) -> Result<npy::Header> {
        let (shape, asked) = (self.dim_data.global_shape(), part.global_shape());
        if shape != asked {
            let why = format!("the array is {shape:?}, but {asked:?} is asked for");
            return Err(Error::new(ErrorKind::Shape, why).in_field("size"));
        }
        self.elements.reshaped(&part.held_shape())
    }

    /// Refuses a file that was replaced or written since its header was read.
    pub(super) fn is_still(&self) -> Result<()> {
        if Stamp::of(&self.path)? == self.stamp {
            return Ok(());
        }
        let why = "the file was changed while it was read; try again when nobody writes it";
        Err(Error::new(ErrorKind::Busy, why).in_file(&self.path))
    }
}

/// An array held whole.
pub(super) fn whole(shape: &[i64]) -> Result<DimData> {
    DimData::new(shape.iter().map(|&size| Dim::whole(size)).collect::<Result<Vec<_>>>()?)
}

/// Proves that files hold every element of one array together.
pub(super) fn check_together(from: &[Piece]) -> Result<()> {
    let Some(first) = from.first() else {
        return Err(Error::new(ErrorKind::Grid, "there is no file to read from"));
    };
    if let Some(odd) = from.iter().find(|piece| piece.elements.descr() != first.elements.descr()) {
        let why = format!(
            "the element type is {}, that of {} is {}",
            odd.elements.descr(),
            first.path.display(),
            first.elements.descr()
        );
        return Err(Error::new(ErrorKind::DType, why).in_field("descr").in_file(&odd.path));
    }
    let claims: Vec<Claim<'_>> = from.iter().map(|piece| Claim::of(&piece.dim_data)).collect();
    if let Some(error) = faults(&claims).into_iter().next() {
        return Err(error);
    }
    let dims = first.dim_data.dims();
    (0..dims.len()).filter(|&axis| dims[axis].dist().letter() == 'u').try_for_each(|axis| covered(from, axis))
}

/// Refuses an unstructured axis of which nobody owns some index.
fn covered(from: &[Piece], axis: usize) -> Result<()> {
    // At most as many as indices were read: their owned numbers sum up to the size.
    let size = from[0].dim_data.dims()[axis].size();
    let mut owned = vec![false; index(size)];
    for piece in from {
        for global in piece.dim_data.dims()[axis].owned_runs().indices() {
            if let Some(owned) = usize::try_from(global).ok().and_then(|global| owned.get_mut(global)) {
                *owned = true;
            }
        }
    }
    let Some(missing) = owned.iter().position(|owned| !owned) else { return Ok(()) };
    let why = format!("no rank owns index {missing}, so the array cannot be written whole");
    Err(Error::new(ErrorKind::Partition, why).on_axis(axis).in_field("indices"))
}

/// Puts together what a stretch of a part holds; padding too, with zeros outside the array.
pub(super) fn collect(
    from: &[Piece],
    part: &DimData,
    stretch: &[Range<i64>],
    layout: &Layout,
    bytes: &mut [u8],
) -> Result<()> {
    // The lowest rank comes last, so that its elements stay.
    from.iter().rev().try_for_each(|piece| {
        piece.copy(part, stretch, layout, bytes).map_err(|error| error.in_file(&piece.path))
    })
}

/// A number that was checked to be a position in memory.
fn index(n: i64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
