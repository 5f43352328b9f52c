//! What a rank brings to the collective check, in words that ranks can compare.

use super::hash;
use crate::array::{AnyArray, DType};
use crate::protocol::{Dim, DimData, Dist, GridOrder};

/// What a rank brings to the collective check: its part, and of what elements.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    dim_data: &'a DimData,
    /// Whether the strict rules were checked already, as they are for every array.
    strict: bool,
    /// Element type and size; nothing where there is no memory.
    element: Option<(DType, usize)>,
    uid: [u64; 2],
}

impl<'a> Claim<'a> {
    /// A part without memory.
    #[must_use]
    pub fn of(dim_data: &'a DimData) -> Self {
        Self { dim_data, strict: false, element: None, uid: [0; 2] }
    }

    /// The same of elements of a type and of so many bytes each.
    #[must_use]
    pub fn with_element(self, dtype: DType, itemsize: usize) -> Self {
        Self { element: Some((dtype, itemsize)), ..self }
    }

    /// The same of the array with this name.
    #[must_use]
    pub fn with_uid(self, uid: [u64; 2]) -> Self {
        Self { uid, ..self }
    }

    pub(crate) fn of_array(array: &'a AnyArray) -> Self {
        let element = Some((array.dtype(), array.buffer().layout().itemsize()));
        Self { dim_data: array.dim_data(), strict: true, element, uid: array.identity().uid }
    }

    /// What was found by checking a foreign description strictly.
    pub(crate) fn described(dim_data: &'a DimData, element: (DType, usize), uid: [u64; 2]) -> Self {
        Self { dim_data, strict: true, element: Some(element), uid }
    }

    /// Whether the strict rules were checked already.
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    pub(super) fn dim_data(&self) -> &'a DimData {
        self.dim_data
    }

    pub(super) fn uid(&self) -> [u64; 2] {
        self.uid
    }

    /// Element type and size as one number.
    pub(super) fn element_code(&self) -> u64 {
        self.element.map_or(0, |(dtype, size)| {
            let code = u64::from(dtype.code) << 24 | u64::from(dtype.bits) << 16 | u64::from(dtype.lanes);
            (size as u64) << 32 | code
        })
    }
}

/// The element type of a [code](Claim::element_code), in words.
pub(super) fn element_name(number: u64) -> String {
    let [.., code, bits, high, low] = number.to_be_bytes();
    let dtype = DType { code, bits, lanes: u16::from_be_bytes([high, low]) };
    match dtype.itemsize() {
        Some(_) => dtype.to_string(),
        None => format!("{dtype} of {} bytes", number >> 32),
    }
}

/// Hash of everything that must be the same on all ranks.
pub(super) fn invariants(claim: &Claim<'_>) -> u64 {
    let grid = claim.dim_data.grid();
    let head = [
        claim.dim_data.ndim() as u64,
        claim.element_code(),
        claim.uid[0],
        claim.uid[1],
        order_code(grid.order()),
        grid.replicas().cast_unsigned(),
    ];
    let axes = claim.dim_data.dims().iter().flat_map(axis_invariants);
    hash::words(19, head.into_iter().chain(axes))
}

/// Words of [`axis_invariants`].
pub(super) const INVARIANTS: usize = 7;

/// What all ranks must say alike about one axis, as words.
pub(super) fn axis_invariants(dim: &Dim) -> [u64; INVARIANTS] {
    let (a, b, c) = match dim.dist() {
        Dist::Block { periodic, edge_outside, .. } => (i64::from(*periodic), i64::from(*edge_outside), 0),
        Dist::Cyclic { block_size, first_block, .. } => (*block_size, *first_block, dim.first_process()),
        Dist::Unstructured { one_to_one, .. } => (i64::from(*one_to_one), 0, 0),
    };
    let letter = i64::from(u32::from(dim.dist().letter()));
    let component = i64::from(dim.is_component());
    [letter, component, dim.size(), dim.proc_grid_size(), a, b, c].map(i64::cast_unsigned)
}

/// The part along one axis in one word; padding apart, unless all ranks have the same.
pub(super) fn part_code(dim: &Dim) -> u64 {
    match dim.dist() {
        Dist::Unstructured { indices, num_owned, .. } => {
            let ghosts_too = indices.iter().map(|i| i.cast_unsigned());
            hash::words(12, std::iter::once(num_owned.cast_unsigned()).chain(ghosts_too))
        }
        dist => {
            let owned = dim.owned_block();
            let padding = match dist {
                Dist::Block { padding, edge_outside: true, .. } => *padding,
                _ => [0, 0],
            };
            hash::words(13, [owned.start, owned.end, padding[0], padding[1]].map(i64::cast_unsigned))
        }
    }
}

/// Number of lines along an axis, and which one this rank is in.
pub(super) fn line(dim_data: &DimData, axis: usize) -> (u64, u64) {
    let others = dim_data.dims().iter().enumerate().filter(|(other, _)| *other != axis);
    let start = (dim_data.grid().replicas(), dim_data.grid().replica());
    let (lines, own) = others.fold(start, |(lines, own), (_, dim)| {
        (lines * dim.proc_grid_size(), own * dim.proc_grid_size() + dim.proc_grid_rank())
    });
    (lines.cast_unsigned(), own.cast_unsigned())
}

/// Whether two grids number their processes alike.
pub(super) fn order_code(order: &GridOrder) -> u64 {
    match order {
        GridOrder::RowMajor => 0,
        GridOrder::ColumnMajor => 1,
        GridOrder::Ranks(table) => hash::words(2, table.iter().map(|r| r.cast_unsigned())),
    }
}
