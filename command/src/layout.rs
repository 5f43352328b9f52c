//! Layouts: how an array is dealt out, as a person types it or files tell it.

mod file;
mod reader;
mod text;

use distarray::distribution::{Axis, Decomposition};
use distarray::protocol::{AxisMap, Dim, DimData, Dist, GridOrder, ProcGrid};

use crate::outcome::{Failure, Outcome};
pub use text::GRAMMAR;
use text::{Kind, Wish};

/// How an array is dealt out over any number of ranks, of which none is here.
pub struct Layout {
    shape: Vec<i64>,
    axes: Vec<Parts>,
    decomposition: Decomposition,
    order: GridOrder,
    /// Its kinds in the words of the text form.
    kinds: Vec<String>,
}

/// The part of each process along one axis.
enum Parts {
    /// As the rule deals them; the axis by itself.
    Ruled { axis: Axis, alone: Decomposition, map: AxisMap },
    /// One by one, and who owns which index.
    Listed { dims: Vec<Dim>, map: AxisMap },
}

/// What is known of a layout before its text is read, which may leave it out.
#[derive(Clone, Copy, Default)]
pub struct Given<'a> {
    /// The global shape.
    pub shape: Option<&'a [i64]>,
    /// The number of ranks.
    pub ranks: Option<i64>,
    /// The number of ranks where neither that nor the text says it.
    pub default_ranks: Option<i64>,
}

/// Processes along an axis up to which each one's halo is tried before it is used.
const TRIED: i64 = 1 << 16;

impl Layout {
    /// The layout that an argument tells: the text form, or a file that ends in `.dnpy`
    /// or `.json`, or the prefix of a set.
    ///
    /// # Errors
    /// A text that says nothing, with a caret under the fault; a layout that cannot be;
    /// files that cannot be read or do not make one array.
    pub fn parse(argument: &str, given: Given<'_>) -> Outcome<Self> {
        let layout = match file::parts(argument)? {
            Some(parts) => Self::from_parts(&parts)?,
            None => match (Self::from_text(argument, given), file::set_called(argument)) {
                (Err(_), Some(first)) => return Self::parse(&first, given),
                (layout, _) => layout?,
            },
        };
        match given.ranks {
            Some(ranks) if ranks != layout.ranks() => {
                let why = format!("{ranks} ranks: the layout '{layout}' takes {}", layout.ranks());
                Err(Failure::Usage(why))
            }
            _ => Ok(layout),
        }
    }

    fn from_text(text: &str, given: Given<'_>) -> Outcome<Self> {
        let wish = Wish::parse(text)?;
        let shape = shape(&wish, given)?;
        let axes: Vec<Axis> = wish.kinds.iter().zip(&shape).map(|(kind, &size)| kind.axis(size)).collect();
        let (grid, ranks) = wish.grid(given.ranks.or(given.default_ranks))?;
        let at_fault = |error: distarray::Error| {
            let grid = || wish.grid.as_ref().map_or(wish.kinds_at(), |(at, _)| at.clone());
            let at =
                error.axis().and_then(|axis| wish.kinds.get(axis)).map_or_else(grid, |kind| kind.at.clone());
            wish.fault(at, error.to_string())
        };
        if let GridOrder::Ranks(table) = &wish.order
            && table.len() != ranks
        {
            let why = format!("the order names {} ranks, and the layout takes {ranks}", table.len());
            return Err(wish.fault(wish.end(), why));
        }
        let decomposition = Decomposition::new(&axes, &grid, ranks).map_err(at_fault)?;
        let parts = |(number, (axis, kind)): (usize, (Axis, &Kind))| {
            let procs = decomposition.grid_extents()[number];
            match kind.lists() {
                Some(lists) => listed(shape[number], lists).map_err(|why| wish.fault(kind.at.clone(), why)),
                None => ruled(axis, procs).map_err(|error| at_fault(error.on_axis(number))),
            }
        };
        let axes = axes.into_iter().zip(&wish.kinds).enumerate().map(parts).collect::<Outcome<_>>()?;
        let kinds = wish.kinds.iter().map(|kind| wish.words(kind)).collect();
        Ok(Self { shape, axes, decomposition, order: wish.order, kinds })
    }

    /// The layout of parts that were found to make one array, one for each rank.
    fn from_parts(parts: &[DimData]) -> Outcome<Self> {
        let first = &parts[0];
        if first.ndim() == 0 {
            return Err(Failure::Usage("an array without axes is not dealt out".into()));
        }
        let extents: Vec<i64> = first.dims().iter().map(Dim::proc_grid_size).collect();
        let order = first.grid().order().clone();
        let (mut axes, mut kinds) = (Vec::new(), Vec::new());
        for (axis, &procs) in extents.iter().enumerate() {
            let mut dims: Vec<Dim> = parts.iter().map(|part| part.dims()[axis].clone()).collect();
            dims.sort_by_key(Dim::proc_grid_rank);
            dims.dedup_by_key(|dim| dim.proc_grid_rank());
            debug_assert_eq!(i64::try_from(dims.len()), Ok(procs));
            let map = AxisMap::from_dims(&dims)?;
            kinds.push(words(&dims));
            axes.push(Parts::Listed { dims, map });
        }
        let grid = distarray::distribution::Grid::exact(extents).order(order.clone());
        let grid = grid.replicas(first.grid().replicas());
        let ruled: Vec<Axis> = axes.iter().map(Parts::axis).collect();
        let decomposition = Decomposition::new(&ruled, &grid, parts.len())?;
        Ok(Self { shape: first.global_shape(), axes, decomposition, order, kinds })
    }

    /// Extents of the global array.
    pub fn shape(&self) -> &[i64] {
        &self.shape
    }

    /// Everyone's parts; an axis of lists has no map in it.
    pub fn decomposition(&self) -> &Decomposition {
        &self.decomposition
    }

    /// Number of ranks that hold the array, replicas included.
    pub fn ranks(&self) -> i64 {
        self.decomposition.ranks()
    }

    /// Who owns which index of an axis.
    pub fn map(&self, axis: usize) -> &AxisMap {
        self.axes[axis].map()
    }

    /// Whether an axis is dealt out by lists.
    pub fn is_listed(&self, axis: usize) -> bool {
        self.decomposition.axis_map(axis).is_none()
    }

    /// The part of a coordinate along an axis, halo included.
    ///
    /// # Errors
    /// A halo that the process cannot have.
    pub fn dim(&self, axis: usize, coordinate: i64) -> Outcome<Dim> {
        let dim = match &self.axes[axis] {
            Parts::Ruled { axis, alone, .. } => dim_of(axis, alone, coordinate),
            Parts::Listed { dims, .. } => {
                let found = usize::try_from(coordinate).ok().and_then(|at| dims.get(at));
                return found.cloned().ok_or_else(|| Failure::Usage(format!("no process {coordinate}")));
            }
        };
        dim.map_err(|error| Failure::Usage(error.on_axis(axis).to_string()))
    }

    /// The part of a rank, halo included.
    ///
    /// # Errors
    /// A rank that holds no part, or a halo that it cannot have.
    pub fn part(&self, rank: i64) -> Outcome<DimData> {
        let place = self.decomposition.coordinates(rank);
        let (coordinates, replica) = place.ok_or_else(|| {
            Failure::Usage(format!("there is no rank {rank}: the layout takes {} ranks", self.ranks()))
        })?;
        let dims =
            (0..).zip(&coordinates).map(|(axis, &at)| self.dim(axis, at)).collect::<Outcome<Vec<_>>>()?;
        let grid = ProcGrid::new(self.order.clone()).replicated(self.decomposition.replicas(), replica);
        Ok(DimData::with_grid(dims, grid)?)
    }

    /// The axes that deal what all ranks own: what a relabelling needs. None where lists do.
    pub fn rules(&self) -> Option<Vec<Axis>> {
        let listed = (0..self.axes.len()).any(|axis| self.is_listed(axis));
        (!listed).then(|| self.axes.iter().map(Parts::axis).collect())
    }

    /// The same layout in the text form with another order of the ranks.
    pub fn with_order(&self, order: &str) -> String {
        let sizes = joined(&self.shape, "x");
        let extents = joined(self.decomposition.grid_extents(), "x");
        format!("{sizes} {} on {extents}{order}", self.kinds.join(","))
    }
}

impl std::fmt::Display for Layout {
    /// The text form, with all that a text may leave out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let order = match &self.order {
            GridOrder::RowMajor => String::new(),
            GridOrder::ColumnMajor => " order F".into(),
            GridOrder::Ranks(table) => format!(" order {}", joined(table, ",")),
        };
        f.write_str(&self.with_order(&order))?;
        match self.decomposition.replicas() {
            1 => Ok(()),
            replicas => write!(f, " replicas {replicas}"),
        }
    }
}

impl Parts {
    fn map(&self) -> &AxisMap {
        match self {
            Self::Ruled { map, .. } | Self::Listed { map, .. } => map,
        }
    }

    /// The axis that deals what the parts own.
    fn axis(&self) -> Axis {
        match self {
            Self::Ruled { axis, .. } => axis.clone(),
            Self::Listed { dims, .. } => {
                let (first, procs) = (&dims[0], dims[0].proc_grid_size());
                match first.dist() {
                    Dist::Block { .. } => Axis::bounds(bounds(dims)),
                    Dist::Cyclic { block_size, first_block, .. } => Axis::cyclic(first.size(), *block_size)
                        .first_process(first.first_process())
                        .first_block(*first_block)
                        .on(procs),
                    Dist::Unstructured { .. } => Axis::unstructured(first.size(), []).on(procs),
                }
            }
        }
    }
}

/// Where blocks that meet begin, and the last one ends.
fn bounds(dims: &[Dim]) -> Vec<i64> {
    let ends = dims.iter().scan(0, |end, dim| {
        *end += dim.owned_len();
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

/// The words of the text form that say what parts own; lists are left out.
fn words(dims: &[Dim]) -> String {
    let (size, procs) = (dims[0].size(), dims[0].proc_grid_size());
    let halo = halo(dims);
    match *dims[0].dist() {
        Dist::Block { .. } if procs == 1 && halo.is_empty() => "n".into(),
        Dist::Block { .. } => {
            let balanced = AxisMap::balanced(size, procs).is_ok_and(|map| {
                dims.iter().all(|dim| map.owned_before(dim.proc_grid_rank(), size) == dim.owned_len())
            });
            let blocks = if balanced { "b".into() } else { format!("b({})", joined(&bounds(dims), ",")) };
            blocks + &halo
        }
        Dist::Cyclic { block_size, first_block, .. } => {
            let block = if block_size == 1 { String::new() } else { block_size.to_string() };
            let process = match dims[0].first_process() {
                0 => String::new(),
                process => format!("@{process}"),
            };
            let first = if first_block == block_size { String::new() } else { format!("/{first_block}") };
            format!("c{block}{process}{first}")
        }
        Dist::Unstructured { .. } => "u(...)".into(),
    }
}

/// The widest halo of an axis; padding that belongs to the array is none.
fn halo(dims: &[Dim]) -> String {
    let wide = |side: usize| {
        let of = |dim: &Dim| match *dim.dist() {
            Dist::Block { padding, edge_outside, .. } => {
                let last = if side == 0 { 0 } else { dim.proc_grid_size() - 1 };
                if edge_outside || dim.proc_grid_rank() != last { padding[side] } else { 0 }
            }
            _ => 0,
        };
        dims.iter().map(of).max().unwrap_or(0)
    };
    let widths = match [wide(0), wide(1)] {
        [0, 0] => return String::new(),
        [before, after] if before == after => before.to_string(),
        [before, after] => format!("{before}:{after}"),
    };
    let edges = match *dims[0].dist() {
        Dist::Block { periodic: true, .. } => "p",
        Dist::Block { edge_outside: true, .. } => "o",
        _ => "",
    };
    format!("+{widths}{edges}")
}

/// The shape that the text says, its bounds, or what is given.
fn shape(wish: &Wish, given: Given<'_>) -> Outcome<Vec<i64>> {
    let ndim = wish.kinds.len();
    if let Some((_, shape)) = &wish.shape
        && shape.len() != ndim
    {
        let why = format!("the shape has {} axes: expected a kind for each, found {ndim}", shape.len());
        return Err(wish.fault(wish.kinds_at(), why));
    }
    if let (Some((at, said)), Some(shape)) = (&wish.shape, given.shape)
        && said != shape
    {
        let why = format!("expected the shape {}, that of the other array", joined(shape, "x"));
        return Err(wish.fault(at.clone(), why));
    }
    let shape = wish.shape.as_ref().map(|(_, said)| said.as_slice()).or(given.shape);
    if let Some(shape) = shape.filter(|shape| shape.len() != ndim) {
        let why = format!("the array has {} axes: expected a kind for each, found {ndim}", shape.len());
        return Err(wish.fault(wish.kinds_at(), why));
    }
    let size = |(axis, kind): (usize, &Kind)| match (shape.map(|shape| shape[axis]), kind.size()) {
        (Some(size), Some(bound)) if size != bound => {
            Err(wish.fault(kind.at.clone(), format!("the last bound must be the size {size}")))
        }
        (Some(size), _) | (None, Some(size)) => Ok(size),
        (None, None) => Err(wish.fault(0..1, "expected the shape first, such as '4096x4096'")),
    };
    wish.kinds.iter().enumerate().map(size).collect()
}

/// An axis dealt out by rule, whose halos the processes can have.
fn ruled(axis: Axis, procs: i64) -> distarray::Result<Parts> {
    let extent = usize::try_from(procs).unwrap_or(usize::MAX);
    let grid = distarray::distribution::Grid::exact([procs]);
    let alone = Decomposition::new(std::slice::from_ref(&axis), &grid, extent)?;
    let no_map = || distarray::Error::new(distarray::ErrorKind::Unsupported, "the axis needs lists");
    let map = alone.axis_map(0).ok_or_else(no_map)?.clone();
    // Beyond, blocks are dealt by a rule: the narrow ones stand at the end of the axis.
    let last = map.owner(map.size() - 1).unwrap_or(0);
    let ends = [0, 1, last - 2, last - 1, last, last + 1, procs - 1];
    let tried: Vec<i64> = if procs <= TRIED { (0..procs).collect() } else { ends.into() };
    for coordinate in tried.into_iter().filter(|at| (0..procs).contains(at)) {
        dim_of(&axis, &alone, coordinate)?;
    }
    Ok(Parts::Ruled { axis, alone, map })
}

fn dim_of(axis: &Axis, alone: &Decomposition, coordinate: i64) -> distarray::Result<Dim> {
    let part = alone.part(std::slice::from_ref(axis), coordinate)?;
    Ok(part.dims()[0].clone())
}

/// An axis dealt out by lists that name each index once.
fn listed(size: i64, lists: &[Vec<i64>]) -> Result<Parts, String> {
    let named: usize = lists.iter().map(Vec::len).sum();
    if let Some(index) = lists.iter().flatten().find(|&&index| index >= size) {
        return Err(format!("index {index} lies beyond the axis of size {size}"));
    }
    if i64::try_from(named) != Ok(size) {
        return Err(format!("expected each of {size} indices in one list, found {named}"));
    }
    let mut all = lists.concat();
    all.sort_unstable();
    if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("index {} stands in the lists twice", pair[0]));
    }
    let procs = i64::try_from(lists.len()).unwrap_or(i64::MAX);
    let dim = |(coordinate, list): (i64, &Vec<i64>)| {
        let (indices, num_owned) = (list.clone().into(), i64::try_from(list.len()).unwrap_or(i64::MAX));
        Dim::new(size, procs, coordinate, Dist::Unstructured { indices, num_owned, one_to_one: true })
    };
    let dims: distarray::Result<Vec<Dim>> = (0..).zip(lists).map(dim).collect();
    let both = dims.and_then(|dims| Ok((AxisMap::from_dims(&dims)?, dims)));
    both.map(|(map, dims)| Parts::Listed { dims, map }).map_err(|error| error.to_string())
}

/// Numbers with a separator between them.
pub fn joined(numbers: &[i64], separator: &str) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(separator)
}
