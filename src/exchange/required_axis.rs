//! What a consumer accepts along one axis, and the ways to deal it out so.

use crate::distribution::Axis;
use crate::error::{Error, ErrorKind};
use crate::number::as_i64;
use crate::protocol::{AxisMap, Dim, Dist};

/// What a consumer accepts along one axis. Whatever is not stated may be anything.
///
/// ```
/// use distarray::exchange::RequiredAxis;
/// // ScaLAPACK: blocks of 64 dealt round robin, on any number of processes.
/// let scalapack = RequiredAxis::any().cyclic().block_size(64).bare();
/// // FFTW's slabs: blocks of one length, on four processes.
/// let fftw = RequiredAxis::any().block().block_size(25).on(4).bare();
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequiredAxis {
    block: bool,
    cyclic: bool,
    unstructured: bool,
    procs: Option<i64>,
    block_size: Option<i64>,
    bounds: Option<Vec<i64>>,
    from_first_process: bool,
    padding: Padding,
    pub(super) pitch: Option<i64>,
    pub(super) least: i64,
}

/// The padding that a consumer accepts along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// None, or as much as there is.
    #[default]
    Any,
    /// None: owned elements alone.
    None,
    /// Halos this wide, which end at the edges of the array.
    Halo([i64; 2]),
    /// Halos this wide, around the edges of the array too.
    HaloAround([i64; 2]),
}

impl RequiredAxis {
    /// An axis as it is.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Accepts blocks. Several kinds may be accepted; without any of them, all are.
    #[must_use]
    pub fn block(mut self) -> Self {
        self.block = true;
        self
    }

    /// Accepts blocks dealt round robin.
    #[must_use]
    pub fn cyclic(mut self) -> Self {
        self.cyclic = true;
        self
    }

    /// Accepts any list of indices.
    #[must_use]
    pub fn unstructured(mut self) -> Self {
        self.unstructured = true;
        self
    }

    /// An axis that every process holds whole.
    #[must_use]
    pub fn whole(self) -> Self {
        self.on(1)
    }

    /// Needs this extent of the process grid along the axis.
    #[must_use]
    pub fn on(mut self, procs: i64) -> Self {
        self.procs = Some(procs);
        self
    }

    /// Needs blocks of this length, from the first one on: of a cyclic axis, or of a
    /// block axis, whose last blocks may then be short or empty.
    #[must_use]
    pub fn block_size(mut self, length: i64) -> Self {
        self.block_size = Some(length);
        self
    }

    /// Needs blocks between these bounds: coordinate `i` owns `bounds[i]..bounds[i + 1]`.
    #[must_use]
    pub fn bounds(mut self, bounds: impl Into<Vec<i64>>) -> Self {
        self.bounds = Some(bounds.into());
        self.block()
    }

    /// Needs the first block of a cyclic axis on the first process.
    #[must_use]
    pub fn from_first_process(mut self) -> Self {
        self.from_first_process = true;
        self
    }

    /// Takes owned elements alone, without padding and ghosts between them.
    #[must_use]
    pub fn bare(self) -> Self {
        self.padding(Padding::None)
    }

    /// Needs this padding.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Needs this many elements along the axis at least, owned by every rank.
    #[must_use]
    pub fn least(mut self, elements: i64) -> Self {
        self.least = elements;
        self
    }

    /// Needs lines along this axis this many elements apart in memory: the leading
    /// dimension of LAPACK, the `nembed` of FFTW. What lies between them is nobody's.
    #[must_use]
    pub fn pitch(mut self, elements: i64) -> Self {
        self.pitch = Some(elements);
        self
    }

    /// The extent of the process grid that this fixes.
    pub(super) fn procs(&self) -> Option<i64> {
        let of_bounds = |bounds: &Vec<i64>| as_i64(bounds.len()) - 1;
        self.procs.or_else(|| self.bounds.as_ref().map(of_bounds))
    }

    fn takes(&self, letter: char) -> bool {
        let any = !(self.block || self.cyclic || self.unstructured);
        any || match letter {
            'b' => self.block,
            'c' => self.cyclic,
            _ => self.unstructured,
        }
    }

    /// Whether a part may stay described as it is, padding included. Local: it holds for
    /// the array where it does on all ranks.
    pub(super) fn is_met_by(&self, dim: &Dim, map: Option<&AxisMap>) -> bool {
        let procs = dim.proc_grid_size();
        let bare = dim.communication_padding() == [0, 0] && !dim.has_ghosts();
        let asked = match dim.dist().letter() {
            'b' => self.blocks(dim.size()),
            'c' => self.rounds(map, dim.size(), procs),
            _ => None,
        };
        let dealt = |axis: Axis| {
            let part = axis.map(procs).ok().flatten().and_then(|map| map.dim(dim.proc_grid_rank()));
            part.is_some_and(|part| part.owned_runs() == dim.owned_runs())
        };
        // Where one process holds all, rounds of any blocks own the same.
        let rounds = match (self.block_size, dim.dist()) {
            (Some(length), Dist::Cyclic { block_size, first_block, .. }) => {
                [*block_size, *first_block] == [length; 2]
            }
            _ => true,
        };
        self.takes(dim.dist().letter())
            && rounds
            && dim.owned_len() >= self.least
            && (self.padding == Padding::Any || self.padding == Padding::None && bare)
            && self.procs().is_none_or(|asked| asked == procs)
            && asked.is_none_or(dealt)
    }

    /// The blocks that are asked for, where any are stated.
    fn blocks(&self, size: i64) -> Option<Axis> {
        let bounds = self.bounds.clone().map(Axis::bounds);
        bounds.or_else(|| self.block_size.map(|length| Axis::blocks_of(size, length)))
    }

    /// Whether bounds are needed to tell blocks of an unstructured axis.
    pub(super) fn takes_any_blocks(&self) -> bool {
        self.takes('b') && self.block_size.is_none() && self.bounds.is_none()
    }

    /// The round-robin blocks that are asked for, those of `map` where nothing is stated.
    fn rounds(&self, map: Option<&AxisMap>, size: i64, procs: i64) -> Option<Axis> {
        let own = map.filter(|map| map.letter() == 'c');
        let free = self.block_size.is_none() && !self.from_first_process;
        if let Some(map) = own.filter(|map| free && map.proc_grid_size() == procs) {
            return Axis::like(map);
        }
        let first = own.filter(|_| !self.from_first_process).and_then(|map| map.dim(0));
        let first = first.map_or(0, |dim| dim.first_process()).rem_euclid(procs.max(1));
        let length = self.block_size.or_else(|| own.and_then(AxisMap::period).map(|(_, block)| block));
        // If nothing is said, those of an even deal.
        let length = length.unwrap_or_else(|| (size.max(1) - 1) / procs.max(1) + 1);
        Some(Axis::cyclic(size, length).first_process(first))
    }

    /// The ways to deal an axis out on `procs` processes that this accepts, the present
    /// kind first; the same on all ranks but for lists. `consecutive` are the bounds of
    /// unstructured parts that are blocks.
    pub(super) fn candidates(
        &self,
        dim: &Dim,
        map: Option<&AxisMap>,
        procs: i64,
        consecutive: Option<Vec<i64>>,
    ) -> Vec<Axis> {
        let size = dim.size();
        let same_grid = procs == dim.proc_grid_size();
        let mut found: Vec<Axis> = Vec::new();
        let present = dim.dist().letter();
        for letter in [present, 'b', 'c', 'u'].into_iter().filter(|&letter| self.takes(letter)) {
            match letter {
                'b' => match (self.blocks(size), consecutive.clone()) {
                    (Some(stated), _) => found.push(stated),
                    (None, Some(bounds)) => found.extend([Axis::bounds(bounds), Axis::block(size)]),
                    (None, None) => {
                        let blocks = map.filter(|map| same_grid && map.letter() == 'b');
                        found.extend(blocks.and_then(Axis::like));
                        // Rounds of one block each are blocks.
                        let round = map.and_then(AxisMap::period);
                        found.extend(round.map(|(_, block)| Axis::blocks_of(size, block)));
                        found.push(Axis::block(size));
                    }
                },
                'c' => {
                    // Blocks of one length are rounds of one block each.
                    let blocks = map.filter(|map| map.letter() == 'b' && self.block_size.is_none());
                    found.extend(blocks.map(|map| Axis::cyclic(size, map.block(0).end.max(1))));
                    found.extend(self.rounds(map, size, procs));
                    // What gives the most to the process that gets the least.
                    if self.least > 0 && self.block_size.is_none() {
                        found.push(Axis::cyclic(size, 1));
                    }
                }
                // What a process owns can always be listed.
                _ if same_grid => {
                    let indices: Vec<i64> = dim.owned_runs().indices().collect();
                    found.push(Axis::unstructured(size, indices));
                }
                _ => {}
            }
        }
        let finish = |axis: Axis| {
            let axis = axis.on(procs);
            if dim.is_component() { axis.component() } else { axis }
        };
        found.into_iter().map(finish).filter(|axis| axis.map(procs).is_ok()).collect()
    }

    /// An axis of owned elements with the padding that is asked for.
    pub(super) fn padded(&self, axis: Axis, dim: &Dim) -> Axis {
        let periodic = matches!(dim.dist(), Dist::Block { periodic: true, .. });
        match self.padding {
            Padding::Any | Padding::None => axis,
            Padding::Halo([before, after]) => axis.halo_sides(before, after),
            Padding::HaloAround([before, after]) => {
                let axis = axis.halo_sides(before, after).edge_outside();
                if periodic { axis.periodic() } else { axis }
            }
        }
    }

    /// What is asked for, in words.
    pub(super) fn dealing(&self) -> String {
        let kinds: Vec<&str> = [(self.block, "'b'"), (self.cyclic, "'c'"), (self.unstructured, "'u'")]
            .into_iter()
            .filter_map(|(taken, name)| taken.then_some(name))
            .collect();
        let mut text = if kinds.is_empty() { "any kind".to_string() } else { kinds.join(" or ") };
        if let Some(length) = self.block_size {
            text += &format!(" in blocks of {length}");
        }
        if self.bounds.is_some() {
            text += " between stated bounds";
        }
        if self.from_first_process {
            text += " from the first process on";
        }
        if let Some(procs) = self.procs() {
            text += &format!(" on {}", processes(procs));
        }
        if self.least > 0 {
            text += &format!(" with {} or more on each", self.least);
        }
        text
    }

    /// Whether an axis of this size, on so many processes, can give all of them enough.
    pub(super) fn is_enough(&self, size: i64, procs: i64) -> bool {
        self.least.max(0).saturating_mul(procs) <= size
    }

    /// The processes are too many for the elements.
    pub(super) fn not_enough(&self, size: i64, procs: i64) -> Error {
        let detail = format!(
            "{} cannot own {} elements each along the axis; take fewer ranks, or ask for less",
            processes(procs),
            self.least
        );
        Error::new(ErrorKind::Unsupported, detail)
            .in_field("least")
            .expected_found(self.least.saturating_mul(procs), size)
    }

    /// No way to deal the axis out is left.
    pub(super) fn cannot_be_met(&self) -> Error {
        let detail = format!(
            "the axis cannot be dealt out as asked for: {}; accept blocks, or keep its processes",
            self.dealing()
        );
        Error::new(ErrorKind::Unsupported, detail).in_field("dist_type")
    }

    /// The padding asked for, in words.
    pub(super) fn padding_asked(&self) -> String {
        match self.padding {
            Padding::Any => "any padding".into(),
            Padding::None => "no padding".into(),
            Padding::Halo([before, after]) => format!("a halo of {before} and {after}"),
            Padding::HaloAround([before, after]) => {
                format!("a halo of {before} and {after}, around the edges too")
            }
        }
    }
}

pub(super) fn processes(n: i64) -> String {
    format!("{n} process{}", if n == 1 { "" } else { "es" })
}
