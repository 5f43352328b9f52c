//! What lies outside the edges of an array: a halo that no rank owns.
#![allow(unsafe_code)] // copies within the memory of an array

use super::copy::{self, Loop};
use crate::array::{AnyArray, DType};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{Dim, DimData};

/// How the padding outside the two edges of an axis is filled, under the names of
/// `numpy.pad`. What wraps around is a periodic axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Edge {
    /// It stays as it is.
    #[default]
    Keep,
    /// `constant`: one value.
    Constant(f64),
    /// `edge`: the element at the edge, again and again.
    Replicate,
    /// `reflect`: mirrored at the element on the edge, which is not repeated.
    Reflect,
    /// `symmetric`: mirrored at the edge itself, so that its element is repeated.
    Symmetric,
}

impl Edge {
    /// The index inside that an index outside is filled from.
    fn source(self, index: i64, size: i64) -> Option<i64> {
        let mirrored = |about_low: i64, about_high: i64| {
            if index < 0 { about_low - index } else { about_high - index }
        };
        match self {
            Self::Keep | Self::Constant(_) => None,
            Self::Replicate => Some(index.clamp(0, size - 1)),
            Self::Reflect => Some(mirrored(0, 2 * (size - 1))),
            Self::Symmetric => Some(mirrored(-1, 2 * size - 1)),
        }
    }
}

/// Local positions outside the edges of an axis, with their global indices.
fn outside(dim: &Dim) -> impl Iterator<Item = (i64, i64)> + '_ {
    let of = |local: i64| dim.global_of(local).map(|global| (local, global));
    // Only padding can lie there.
    let owned = dim.owned_local();
    let positions = (0..owned.start).rev().chain(owned.end..dim.len());
    positions.filter_map(of).filter(|&(_, global)| dim.inside(global).is_none())
}

/// Checks that this rank can fill its padding so. Local.
pub(super) fn check(dim_data: &DimData, edges: &[Edge]) -> Result<()> {
    if edges.len() != dim_data.ndim() {
        return Err(Error::new(ErrorKind::Shape, "edges need one entry per axis")
            .in_field("edges")
            .expected_found(as_i64(dim_data.ndim()), as_i64(edges.len())));
    }
    for (axis, (dim, &edge)) in dim_data.dims().iter().zip(edges).enumerate() {
        for (_, global) in outside(dim) {
            let Some(source) = edge.source(global, dim.size()) else { continue };
            if !(0..dim.size()).contains(&source) || dim.local_of(source).is_none() {
                return Err(Error::new(
                    ErrorKind::Halo,
                    "what a mirror shows lies outside the padding of this rank; make the halo narrower, or as wide on the other side",
                )
                .on_axis(axis)
                .in_field("edges")
                .expected_found(source, global));
            }
        }
    }
    Ok(())
}

/// Checks that the constants are values of an element type. Local.
pub(super) fn check_dtype(dtype: DType, edges: &[Edge]) -> Result<()> {
    edges.iter().try_for_each(|edge| match edge {
        Edge::Constant(value) => constant(dtype, *value).map(drop),
        _ => Ok(()),
    })
}

/// Fills the padding outside the edges, one axis after the other, so that corners
/// follow as in `numpy.pad`. Local.
///
/// # Errors
/// `DType` where a constant is no value of the element type.
///
/// # Safety
/// The edges were checked for the array's part; its memory is writable, and nobody
/// else touches it.
pub(super) unsafe fn fill(array: &AnyArray, edges: &[Edge]) -> Result<()> {
    let layout = array.buffer().layout();
    if layout.is_empty() {
        return Ok(());
    }
    let narrow = |n: i64| isize::try_from(n).unwrap_or(0); // the layout proved that offsets fit
    let data = array.buffer().data();
    for (axis, (dim, &edge)) in array.dim_data().dims().iter().zip(edges).enumerate() {
        let stride = narrow(layout.strides()[axis]);
        let plane = |from_too: bool| {
            let extents = layout.shape().iter().zip(layout.strides()).enumerate();
            let others = extents.filter(|(other, _)| *other != axis);
            let along = |(_, (&n, &stride)): (usize, (&i64, &i64))| Loop {
                n: usize::try_from(n).unwrap_or(0),
                to: narrow(stride),
                from: if from_too { narrow(stride) } else { 0 },
            };
            let mut loops: Vec<Loop> = others.map(along).collect();
            let run = copy::shorten(&mut loops, layout.itemsize());
            (loops, run)
        };
        let constant = match edge {
            Edge::Constant(value) => Some(constant(array.dtype(), value)?),
            _ => None,
        };
        let (loops, run) = plane(constant.is_none());
        for (local, global) in outside(dim) {
            let to = data.wrapping_offset(narrow(local) * stride);
            let from = match &constant {
                Some(bytes) => bytes.as_ptr(),
                None => match edge.source(global, dim.size()).and_then(|source| dim.local_of(source)) {
                    Some(source) => data.wrapping_offset(narrow(source) * stride),
                    None => continue,
                },
            };
            // SAFETY: both planes lie in the array and are not the same; or one value is
            // read again and again.
            unsafe { copy::copy(to, from, &loops, run, false) };
        }
    }
    Ok(())
}

/// A value as the bytes of an element.
fn constant(dtype: DType, value: f64) -> Result<Vec<u8>> {
    use half::{bf16, f16};
    let refused =
        || Error::new(ErrorKind::DType, format!("{value} is no value of {dtype} elements")).in_field("edges");
    macro_rules! integer {
        ($type:ty) => {{
            // Exact, or refused: the casts saturate.
            #[allow(clippy::cast_possible_truncation)]
            let whole = value as $type;
            if whole as f64 == value { Ok(whole.to_ne_bytes().to_vec()) } else { Err(refused()) }
        }};
    }
    #[allow(clippy::cast_possible_truncation)] // rounding is what a narrower type does
    match dtype {
        DType::BOOL if value == 0.0 || value == 1.0 => Ok(vec![u8::from(value != 0.0)]),
        DType::I8 => integer!(i8),
        DType::I16 => integer!(i16),
        DType::I32 => integer!(i32),
        DType::I64 => integer!(i64),
        DType::U8 => integer!(u8),
        DType::U16 => integer!(u16),
        DType::U32 => integer!(u32),
        DType::U64 => integer!(u64),
        DType::F16 => Ok(f16::from_f64(value).to_ne_bytes().to_vec()),
        DType::BF16 => Ok(bf16::from_f64(value).to_ne_bytes().to_vec()),
        DType::F32 => Ok((value as f32).to_ne_bytes().to_vec()),
        DType::F64 => Ok(value.to_ne_bytes().to_vec()),
        DType::C64 => Ok([(value as f32).to_ne_bytes(), 0_f32.to_ne_bytes()].concat()),
        DType::C128 => Ok([value.to_ne_bytes(), 0_f64.to_ne_bytes()].concat()),
        _ => Err(refused()),
    }
}
