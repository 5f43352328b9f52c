//! A description as the numbers of a C struct, and what follows from it by dealing
//! index by index: nothing here comes from the library.

use serde_json::Value as Json;

pub const PERIODIC: i64 = 1 << 0;
pub const ONE_TO_ONE: i64 = 1 << 1;
pub const INDICES_I32: i64 = 1 << 2;
pub const EDGE_OUTSIDE: i64 = 1 << 3;
pub const COMPONENT: i64 = 1 << 4;
const GHOSTS: i64 = 1 << 3;
const GRID_MAP: i64 = 1 << 4;
const COLUMN_MAJOR: i64 = 1 << 7;
const REPLICATED: i64 = 1 << 1;

/// Why a description has no form as a struct.
pub type Reason = &'static str;

/// The fields of a `distarray_dim`, and the length of the buffer along it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    pub extent: i64,
    pub dist_type: i64,
    pub flags: i64,
    pub size: i64,
    pub grid: i64,
    pub coordinate: i64,
    pub start: i64,
    pub stop: i64,
    pub padding: [i64; 2],
    pub block_size: i64,
    pub first_block: i64,
    pub n_owned: i64,
    pub indices: Vec<i64>,
}

impl Axis {
    /// As driver.h spells it.
    pub fn numbers(&self) -> Vec<i64> {
        let mut numbers = vec![self.extent, self.dist_type, self.flags, self.size, self.grid];
        numbers.extend([self.coordinate, self.start, self.stop, self.padding[0], self.padding[1]]);
        numbers.extend([self.block_size, self.first_block, self.n_owned, self.indices.len() as i64]);
        numbers.extend(&self.indices);
        numbers
    }

    /// Reads what a binding says, defaults written out; the rest is left in `said`.
    pub fn read(said: &mut &[i64]) -> Self {
        let (head, rest) = said.split_at(14);
        let (indices, rest) = rest.split_at(head[13] as usize);
        *said = rest;
        Self {
            extent: head[0],
            dist_type: head[1],
            flags: head[2] & !INDICES_I32,
            size: head[3],
            grid: head[4],
            coordinate: head[5],
            start: head[6],
            stop: head[7],
            padding: [head[8], head[9]],
            block_size: head[10],
            first_block: head[11],
            n_owned: head[12],
            indices: indices.to_vec(),
        }
        .written_out()
    }

    /// With the numbers that 0 stands for.
    pub fn written_out(mut self) -> Self {
        if self.dist_type == 0 {
            (self.dist_type, self.size, self.grid, self.stop) =
                (i64::from(b'b'), self.extent, 1, self.extent);
        }
        if self.dist_type == i64::from(b'c') {
            self.block_size = self.block_size.max(1);
            if self.first_block == 0 {
                self.first_block = self.block_size;
            }
        }
        self
    }

    /// Reads one dictionary, `None` for the length of the buffer where none is stated.
    pub fn of(dict: &Json, extent: Option<i64>) -> Result<Self, Reason> {
        let dict = dict.as_object().ok_or("an axis that is no dictionary")?;
        let mut axis = Self { extent: extent.unwrap_or(0), ..Self::default() };
        if dict.is_empty() {
            return extent.map(|_| axis).ok_or("an axis without its size");
        }
        let number = |key: &str, default: Option<i64>| match dict.get(key) {
            None => default.ok_or("a key is missing"),
            Some(value) => value.as_i64().ok_or("a value of another type"),
        };
        // A zero stands for what is absent.
        let positive = |key: &str| match number(key, Some(-1))? {
            -1 if !dict.contains_key(key) => Ok(0),
            0 => Err("a zero that stands for nothing in the struct"),
            other => Ok(other),
        };
        let flag = |key: &str, bit: i64| match dict.get(key) {
            None => Ok(0),
            Some(value) => Ok(i64::from(value.as_bool().ok_or("a value of another type")?) * bit),
        };
        let list = |value: &Json| -> Result<Vec<i64>, Reason> {
            let items = value.as_array().ok_or("a value of another type")?;
            items.iter().map(|item| item.as_i64().ok_or("a value of another type")).collect()
        };
        let kind = dict.get("dist_type").and_then(Json::as_str).ok_or("a value of another type")?;
        let of_kind: &[&str] = match kind {
            "b" => &["start", "stop", "padding", "periodic", "edge_outside"],
            "c" => &["start", "block_size", "first_block"],
            "u" => &["indices", "one_to_one", "num_owned"],
            _ => return Err("a kind of axis that has no letter"),
        };
        let of_all = ["dist_type", "size", "proc_grid_size", "proc_grid_rank", "component"];
        if dict.keys().any(|key| !of_all.contains(&&**key) && !of_kind.contains(&&**key)) {
            return Err("a key that no field has");
        }
        axis.dist_type = i64::from(kind.as_bytes()[0]);
        axis.size = number("size", None)?;
        axis.grid = number("proc_grid_size", None)?;
        axis.coordinate = number("proc_grid_rank", None)?;
        axis.flags = flag("component", COMPONENT)?;
        match kind {
            "b" => {
                (axis.start, axis.stop) = (number("start", None)?, number("stop", None)?);
                if let Some(padding) = dict.get("padding") {
                    axis.padding = list(padding)?.try_into().map_err(|_| "a value of another type")?;
                }
                axis.flags |= flag("periodic", PERIODIC)? | flag("edge_outside", EDGE_OUTSIDE)?;
            }
            "c" => {
                axis.start = number("start", None)?;
                (axis.block_size, axis.first_block) = (positive("block_size")?, positive("first_block")?);
            }
            _ => {
                axis.indices = list(dict.get("indices").ok_or("a key is missing")?)?;
                axis.n_owned = number("num_owned", Some(axis.indices.len() as i64))?;
                axis.flags |= flag("one_to_one", ONE_TO_ONE)?;
            }
        }
        if extent.is_none() {
            axis.extent = axis.length();
        }
        Ok(axis)
    }

    /// The number of elements held, where the axis is none that is too long to deal.
    fn length(&self) -> i64 {
        match u8::try_from(self.dist_type) {
            Ok(b'b') => self.stop.saturating_sub(self.start).max(0),
            Ok(b'c') if self.size <= 1_000_000 => self.held().len() as i64,
            Ok(b'c') => self.length_of_a_long_deal().unwrap_or(0),
            _ => self.indices.len() as i64,
        }
    }

    /// Of a deal that is too long to be done: whole rounds, and what is left.
    fn length_of_a_long_deal(&self) -> Option<i64> {
        let Self { block_size, first_block, .. } = self.clone().written_out();
        let missing = i128::from(block_size) - i128::from(first_block);
        let round = i128::from(block_size) * i128::from(self.grid);
        let total = i128::from(self.size) + missing;
        let turn =
            if self.start == 0 { 0 } else { (i128::from(self.start) + missing) / i128::from(block_size) };
        let block = i128::from(block_size);
        let left = (total.checked_rem(round)? - turn * block).clamp(0, block);
        let mine = total / round * block + left - if turn == 0 { missing } else { 0 };
        i64::try_from(mine).ok()
    }

    /// The global index of each local position, dealt one by one.
    pub fn held(&self) -> Vec<i64> {
        match u8::try_from(self.dist_type) {
            Ok(b'b') => (self.start..self.stop).collect(),
            Ok(b'c') => {
                let Self { block_size, first_block, .. } = self.clone().written_out();
                // A part begins with its turn, counted from the first process.
                let missing = block_size.saturating_sub(first_block);
                let mine =
                    if self.start == 0 { 0 } else { self.start.saturating_add(missing) / block_size.max(1) };
                let (mut held, mut begin, mut length, mut turn) = (Vec::new(), 0, first_block, 0);
                while begin < self.size && block_size > 0 && first_block > 0 && self.grid > 0 {
                    if turn % self.grid == mine {
                        held.extend(begin..begin.saturating_add(length).min(self.size));
                    }
                    (begin, length, turn) = (begin.saturating_add(length), block_size, turn + 1);
                }
                held
            }
            _ => self.indices.clone(),
        }
    }

    /// The local positions owned: from the first on, up to the second.
    pub fn owned_positions(&self) -> [i64; 2] {
        let inside = self.flags & EDGE_OUTSIDE != 0;
        match u8::try_from(self.dist_type) {
            Ok(b'b') => {
                let lead = if self.coordinate > 0 || inside { self.padding[0] } else { 0 };
                let trail = if self.coordinate + 1 < self.grid || inside { self.padding[1] } else { 0 };
                [lead, self.stop - self.start - trail]
            }
            Ok(b'c') => [0, self.held().len() as i64],
            _ => [0, self.n_owned],
        }
    }

    pub fn owned(&self) -> Vec<i64> {
        let [start, stop] = self.owned_positions();
        self.held()[start as usize..stop as usize].to_vec()
    }
}

/// One rank's part.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub rank: i64,
    pub count: i64,
    /// Of several copies of the array, this one.
    pub replica: i64,
    pub flags_read: i64,
    pub flags_write: i64,
    pub grid_ranks: Vec<i64>,
    pub uid: [i64; 2],
    pub axes: Vec<Axis>,
}

impl Part {
    pub fn of(description: &Json, shape: Option<&[i64]>) -> Result<Self, Reason> {
        let whole = description.as_object().ok_or("no dictionary")?;
        let known = ["__version__", "dim_data", "grid_order", "replicas", "replica"];
        let version = whole.get("__version__").and_then(Json::as_str).unwrap_or_default();
        let (new, last) = match (version.strip_prefix("1.0."), version.strip_prefix("0.10.")) {
            (Some(last), _) => (true, last),
            (_, Some(last)) => (false, last),
            _ => return Err("a version"),
        };
        if last.parse::<u32>().ok().is_none_or(|number| number.to_string() != last) {
            return Err("a version");
        }
        let new_key = |key: &String| !known[..2].contains(&&**key);
        if whole.keys().any(|key| !known.contains(&&**key)) || !new && whole.keys().any(new_key) {
            return Err("a key that no field has");
        }
        let dims = whole.get("dim_data").and_then(Json::as_array).ok_or("dim_data that is no list")?;
        if shape.is_some_and(|shape| shape.len() != dims.len()) {
            return Err("a buffer with another number of axes");
        }
        let axis = |(i, dict)| {
            let mut axis = Axis::of(dict, shape.map(|shape| shape[i]))?;
            // T8: 0.10 cuts the start of an empty cyclic part at the end of the axis.
            let start = axis.coordinate.saturating_mul(axis.clone().written_out().block_size);
            if !new && axis.dist_type == i64::from(b'c') && axis.start == axis.size && start > axis.size {
                axis.start = start;
            }
            Ok(axis)
        };
        let mut part =
            Self { axes: dims.iter().enumerate().map(axis).collect::<Result<_, _>>()?, ..Self::default() };
        let number = |key: &str, default: i64| match whole.get(key) {
            None => Ok(default),
            Some(value) => value.as_i64().ok_or("a value of another type"),
        };
        let (replicas, replica) = (number("replicas", 1)?, number("replica", 0)?);
        let grid: Vec<i64> = part.axes.iter().map(|axis| axis.clone().written_out().grid).collect();
        let product = grid.iter().try_fold(1_i64, |product, extent| product.checked_mul(*extent));
        let count = product.and_then(|product| product.checked_mul(replicas));
        // Places along the axes, the one that runs slowest first.
        let mut places: Vec<(i64, i64)> =
            grid.iter().zip(&part.axes).map(|(extent, axis)| (*extent, axis.coordinate)).collect();
        if whole.get("grid_order") == Some(&Json::from("F")) {
            places.reverse();
        }
        let step = |place: i64, (extent, at): (i64, i64)| place.checked_mul(extent)?.checked_add(at);
        let rank = places.into_iter().try_fold(replica, step);
        (part.count, part.rank) = count.zip(rank).ok_or("a grid of too many ranks")?;
        part.replica = replica;
        if replicas > 1 {
            part.flags_write |= REPLICATED;
        }
        match whole.get("grid_order") {
            None => {}
            Some(Json::String(order)) if order == "C" => {}
            Some(Json::String(order)) if order == "F" => part.flags_read |= COLUMN_MAJOR,
            Some(Json::Array(ranks)) => {
                let ranks: Option<Vec<i64>> = ranks.iter().map(Json::as_i64).collect();
                part.grid_ranks = ranks.ok_or("a value of another type")?;
                if part.grid_ranks.len() as i64 != part.count {
                    return Err("a list whose length the struct does not state");
                }
                part.flags_read |= GRID_MAP;
                part.rank = *part.grid_ranks.get(part.rank as usize).ok_or("no place on the grid")?;
            }
            Some(_) => return Err("a value of another type"),
        }
        if part.axes.iter().any(|axis| axis.n_owned < axis.indices.len() as i64) {
            part.flags_read |= GHOSTS;
        }
        Ok(part)
    }

    /// As driver.h spells it.
    pub fn numbers(&self) -> Vec<i64> {
        let mut numbers = vec![self.rank, self.count, self.flags_read, self.flags_write];
        numbers.push(self.grid_ranks.len() as i64);
        numbers.extend(&self.grid_ranks);
        numbers.extend([self.uid[0], self.uid[1], self.axes.len() as i64]);
        numbers.extend(self.axes.iter().flat_map(Axis::numbers));
        numbers
    }

    pub fn shape(&self) -> Vec<i64> {
        self.axes.iter().map(|axis| axis.size).collect()
    }

    /// The row-major number in the whole array of each element owned.
    pub fn owned_numbers(&self) -> Vec<i64> {
        let owned: Vec<Vec<i64>> = self.axes.iter().map(Axis::owned).collect();
        product(&owned).iter().map(|index| number(index, &self.shape())).collect()
    }
}

/// All choices of one index along each axis, the last axis fastest.
pub fn product(along: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let mut all = vec![Vec::new()];
    for list in along {
        all = all.iter().flat_map(|head| list.iter().map(|&i| [&head[..], &[i]].concat())).collect();
    }
    all
}

/// Row-major number of an index.
pub fn number(index: &[i64], shape: &[i64]) -> i64 {
    index.iter().zip(shape).fold(0, |number, (i, n)| number * n + i)
}
