//! What one rank sends, receives and copies: pure data, made without messages.

use super::message::{AxisPart, Message, Select, messages};
use super::piece::{self, Piece, Rim, Steps};
use crate::distribution::Decomposition;
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{AxisMap, DimData, Dist};

/// The exchange of one rank with its peers.
///
/// Along each axis it keeps the [`Piece`]s shared with each coordinate; a message
/// is one coordinate for each axis, and its elements are the products of their
/// pieces. So a plan takes memory for the sum over the axes, not for the product,
/// and none for ranks that it does not talk to. Both ends of a message list the
/// same elements in the same order.
///
/// ```
/// use distarray::distribution::{Axis, Decomposition, Grid};
/// use distarray::exchange::Plan;
///
/// // What rank 123456 of a million sends when blocks become block-cyclic.
/// let n = 1024 * 1000;
/// let grid = Grid::exact([1000, 1000]);
/// let blocks = Decomposition::new(&[Axis::block(n), Axis::block(n)], &grid, 1_000_000)?;
/// let cyclic = Decomposition::new(&[Axis::cyclic(n, 64), Axis::cyclic(n, 64)], &grid, 1_000_000)?;
/// let plan = Plan::for_rank(&blocks, &cyclic, 123_456)?;
/// assert_eq!(plan.sends().map(|message| message.elements()).sum::<i64>(), 1024 * 1024);
/// # Ok::<(), distarray::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    rank: i64,
    source: Decomposition,
    /// None where it is the source: a halo.
    other: Option<Decomposition>,
    /// This rank's replica, where it holds a part.
    source_replica: Option<i64>,
    target_replica: Option<i64>,
    /// All sends of all axes, then all receives.
    pieces: Vec<Piece>,
    axes: Vec<AxisPieces>,
    select: Select,
}

/// Where the pieces of one target axis stand, and their steps.
#[derive(Clone, Copy, Debug, Default)]
struct AxisPieces {
    /// The source's axis that becomes this one.
    source_axis: u32,
    /// Where the sends end; they begin where those of the axis before end.
    sends_end: u32,
    receives_end: u32,
    send_steps: Steps,
    receive_steps: Steps,
}

/// A position in the list of pieces.
fn end(pieces: &[Piece]) -> Result<u32> {
    u32::try_from(pieces.len())
        .map_err(|_| Error::new(ErrorKind::Unsupported, "a plan of more than 2^32 pieces"))
}

/// What one unstructured axis needs; found out by messages, unlike all else.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    pub(super) sends: Vec<Piece>,
    pub(super) receives: Vec<Piece>,
}

impl Plan {
    /// What `rank` exchanges when an array of layout `source` gets layout `target`.
    /// Local: no communicator is needed, for any rank.
    ///
    /// # Errors
    /// `Shape` where the two differ in shape, `Range` where there is no such rank,
    /// `Unsupported` on unstructured axes, whose owners are spread over the ranks.
    pub fn for_rank(source: &Decomposition, target: &Decomposition, rank: i64) -> Result<Self> {
        let axes: Vec<usize> = (0..target.ndim()).collect();
        Self::between(source, target, rank, &axes, &[])
    }

    /// The same where axis `axes[i]` of the source becomes axis `i` of the target;
    /// `lists` has the unstructured axes.
    pub(super) fn between(
        source: &Decomposition,
        target: &Decomposition,
        rank: i64,
        axes: &[usize],
        lists: &[Option<Lists>],
    ) -> Result<Self> {
        check_axes(source, target, axes)?;
        if rank < 0 {
            return Err(no_such_rank(rank));
        }
        let (from, to) = (source.coordinates(rank), target.coordinates(rank));
        let mut plan = Self {
            rank,
            source: source.clone(),
            other: Some(target.clone()),
            source_replica: from.as_ref().map(|(_, replica)| *replica),
            target_replica: to.as_ref().map(|(_, replica)| *replica),
            pieces: Vec::new(),
            axes: Vec::with_capacity(axes.len()),
            select: Select::All,
        };
        for (axis, &source_axis) in axes.iter().enumerate() {
            let list = lists.get(axis).and_then(Option::as_ref);
            let mut side = |coordinate: Option<i64>, sends: bool| -> Result<(Steps, u32)> {
                let steps = match (coordinate, list) {
                    (None, _) => Steps::default(),
                    (Some(_), Some(list)) => {
                        plan.pieces.extend_from_slice(if sends { &list.sends } else { &list.receives });
                        Steps::default()
                    }
                    (Some(coordinate), None) => {
                        let (from, to) = maps(source, target, source_axis, axis)?;
                        let (mine, theirs) = if sends { (from, to) } else { (to, from) };
                        piece::owned(mine, coordinate, theirs, &mut plan.pieces)
                    }
                };
                Ok((steps, end(&plan.pieces)?))
            };
            let at = |place: &Option<(Vec<i64>, i64)>, axis: usize| place.as_ref().map(|(at, _)| at[axis]);
            let (send_steps, sends_end) = side(at(&from, source_axis), true)?;
            let (receive_steps, receives_end) = side(at(&to, axis), false)?;
            let source_axis = u32::try_from(source_axis).unwrap_or(u32::MAX);
            plan.axes.push(AxisPieces { source_axis, sends_end, receives_end, send_steps, receive_steps });
        }
        plan.pieces.shrink_to_fit();
        Ok(plan)
    }

    /// What a rank exchanges to fill its halo: `dim_data` is its own part, and with
    /// `corners` the elements that lie in the halo of several axes are exchanged too.
    /// Local: no communicator is needed, for any rank.
    ///
    /// # Errors
    /// `Shape` where the part is not one of the decomposition, `Unsupported` on
    /// unstructured axes with ghosts.
    pub fn halo(decomposition: &Decomposition, dim_data: &DimData, corners: bool) -> Result<Self> {
        Self::halo_with(decomposition, dim_data, corners, &[])
    }

    pub(super) fn halo_with(
        decomposition: &Decomposition,
        dim_data: &DimData,
        corners: bool,
        lists: &[Option<Lists>],
    ) -> Result<Self> {
        let ndim = decomposition.ndim();
        if dim_data.ndim() != ndim {
            return Err(another_shape("ndim", as_i64(ndim), as_i64(dim_data.ndim())));
        }
        let select = if corners { Select::Box } else { Select::Star };
        let replica = Some(dim_data.grid().replica());
        let mut plan = Self {
            rank: decomposition.member(dim_data.process_rank()),
            source: decomposition.clone(),
            other: None,
            source_replica: replica,
            target_replica: replica,
            // Two rims and a core on each side, for the usual halo.
            pieces: Vec::with_capacity(6 * ndim),
            axes: Vec::with_capacity(ndim),
            select,
        };
        for (axis, dim) in dim_data.dims().iter().enumerate() {
            let coordinate = dim.proc_grid_rank();
            let sends_end = match (lists.get(axis), decomposition.axis_map(axis), dim.dist()) {
                (Some(Some(lists)), ..) => {
                    plan.pieces.extend_from_slice(&lists.sends);
                    let sends_end = end(&plan.pieces)?;
                    plan.pieces.extend_from_slice(&lists.receives);
                    sends_end
                }
                (_, Some(map), Dist::Block { periodic, edge_outside, .. }) => {
                    check_extent(map.proc_grid_size(), axis)?;
                    let width = dim.communication_padding();
                    let rim = Rim { width, all_around: *edge_outside, periodic: *periodic && *edge_outside };
                    let place = rim.place(map, coordinate);
                    rim.sends(map, &place, &mut plan.pieces);
                    let sends_end = end(&plan.pieces)?;
                    rim.receives(map, &place, &mut plan.pieces);
                    sends_end
                }
                (_, None, _) if dim.has_ghosts() => return Err(unstructured(axis)),
                _ => {
                    // Nothing but the core.
                    check_extent(dim.proc_grid_size(), axis)?;
                    let core = (dim.owned_len() > 0)
                        .then(|| Piece::stretch(coordinate, 0, 0, dim.owned_len(), false));
                    plan.pieces.extend(core);
                    let sends_end = end(&plan.pieces)?;
                    plan.pieces.extend(core);
                    sends_end
                }
            };
            let receives_end = end(&plan.pieces)?;
            let source_axis = u32::try_from(axis).unwrap_or(u32::MAX);
            plan.axes.push(AxisPieces { source_axis, sends_end, receives_end, ..AxisPieces::default() });
        }
        Ok(plan)
    }

    pub(super) fn ndim(&self) -> usize {
        self.axes.len()
    }

    fn target(&self) -> &Decomposition {
        self.other.as_ref().unwrap_or(&self.source)
    }

    /// What is sent and received along an axis.
    fn parts(&self, axis: usize) -> [AxisPart<'_>; 2] {
        let begin = if axis == 0 { 0 } else { self.axes[axis - 1].receives_end };
        let AxisPieces { sends_end, receives_end, send_steps, receive_steps, .. } = self.axes[axis];
        let pieces = |begin: u32, end: u32| &self.pieces[begin as usize..end as usize];
        [
            AxisPart { pieces: pieces(begin, sends_end), steps: send_steps },
            AxisPart { pieces: pieces(sends_end, receives_end), steps: receive_steps },
        ]
    }

    /// The rank whose plan this is.
    #[must_use]
    pub fn rank(&self) -> i64 {
        self.rank
    }

    /// What this rank gives to each rank that needs it, itself included.
    pub fn sends(&self) -> impl Iterator<Item = Message<'_>> {
        let replicas = match self.source_replica {
            Some(_) => 0..self.target().replicas(),
            None => 0..0,
        };
        replicas.flat_map(move |replica| {
            let parts = (0..self.axes.len()).map(|axis| self.parts(axis)[0]).collect();
            messages(parts, self.select, move |message| {
                let coordinates: Vec<i64> = message.axes.iter().map(AxisPart::peer).collect();
                let rank = self.target().rank_at(&coordinates, replica);
                (Some(self.serving_replica(rank)) == self.source_replica).then_some(rank)
            })
        })
    }

    /// What this rank gets from each rank that has it, itself included.
    pub fn receives(&self) -> impl Iterator<Item = Message<'_>> {
        let replica = self.target_replica.map(|_| self.serving_replica(self.rank));
        let parts = (0..self.axes.len()).map(|axis| self.parts(axis)[1]).collect();
        messages(parts, self.select, move |message| {
            let mut coordinates = vec![0; self.axes.len()];
            for (axis, part) in self.axes.iter().zip(&message.axes) {
                coordinates[axis.source_axis as usize] = part.peer();
            }
            replica.map(|replica| self.source.rank_at(&coordinates, replica))
        })
    }

    /// Whether there is a message from or to another rank.
    pub(super) fn has_messages(&self) -> bool {
        self.sends().chain(self.receives()).any(|message| message.rank != self.rank)
    }

    /// Heap memory of the plan, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.pieces.as_slice()) + size_of_val(self.axes.as_slice())
    }

    /// The source's axis that becomes axis `axis` of the target.
    pub(super) fn source_axis(&self, axis: usize) -> usize {
        self.axes[axis].source_axis as usize
    }

    /// The source's replica that a target's rank is served by: its own, else any,
    /// so that the copies share the work.
    fn serving_replica(&self, rank: i64) -> i64 {
        match self.source.replicas() {
            1 => 0,
            replicas => self.source.coordinates(rank).map_or(rank % replicas, |(_, replica)| replica),
        }
    }
}

fn maps<'a>(
    source: &'a Decomposition,
    target: &'a Decomposition,
    source_axis: usize,
    axis: usize,
) -> Result<(&'a AxisMap, &'a AxisMap)> {
    let both = source.axis_map(source_axis).zip(target.axis_map(axis));
    let (from, to) = both.ok_or_else(|| unstructured(axis))?;
    check_extent(from.proc_grid_size().max(to.proc_grid_size()), axis)?;
    Ok((from, to))
}

/// Coordinates take 32 bits in a plan, as ranks do in MPI.
fn check_extent(procs: i64, axis: usize) -> Result<()> {
    if u32::try_from(procs).is_ok() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, "more processes along an axis than an exchange can number")
        .on_axis(axis)
        .in_field("proc_grid_size")
        .expected_found(u32::MAX.into(), procs))
}

fn unstructured(axis: usize) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the owners of an unstructured axis are spread over the ranks: this needs a communicator",
    )
    .on_axis(axis)
    .in_field("dist_type")
}

/// Checks that axes are a permutation, and equally long on both sides.
fn check_axes(source: &Decomposition, target: &Decomposition, axes: &[usize]) -> Result<()> {
    check_order(source.ndim(), target.ndim(), axes)?;
    for (axis, &source_axis) in axes.iter().enumerate() {
        if let (Some(from), Some(to)) = (source.axis_map(source_axis), target.axis_map(axis))
            && from.size() != to.size()
        {
            return Err(another_shape("size", from.size(), to.size()).on_axis(axis));
        }
    }
    Ok(())
}

/// Checks that `axes` names each of the source's axes once.
pub(super) fn check_order(source: usize, target: usize, axes: &[usize]) -> Result<()> {
    if source != target {
        return Err(another_shape("ndim", as_i64(source), as_i64(target)));
    }
    let mut seen = vec![false; source];
    let fresh = |&axis: &usize| seen.get_mut(axis).is_some_and(|seen| !std::mem::replace(seen, true));
    if axes.len() != source || !axes.iter().all(fresh) {
        return Err(Error::new(
            ErrorKind::Range,
            "the order of the axes must name each axis of the source once",
        )
        .in_field("axes"));
    }
    Ok(())
}

pub(super) fn another_shape(field: &'static str, expected: i64, found: i64) -> Error {
    Error::new(ErrorKind::Shape, "source and target must have the same global shape")
        .in_field(field)
        .expected_found(expected, found)
}

fn no_such_rank(rank: i64) -> Error {
    Error::new(ErrorKind::Range, "a rank counts from 0").in_field("rank").expected_found(0, rank)
}
