//! `dim_data` to and from its text forms: the keys of the dictionaries.
//!
//! Rules T1 to T8 of `protocol-spec/protocol.md`.
//!
//! Keys of a dictionary that the protocol does not know are ignored, and
//! reported. So is every repair: nothing is mended in silence.

use std::fmt;

use super::value::Value;
use super::{Dim, DimData, Dist, GridOrder, ProcGrid, Version};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;

/// How strictly text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The protocol, and the slips that its own implementations make: lists for
    /// tuples, in 0.10.0 a cyclic start clamped to the size.
    Protocol,
    /// Also what older and sloppier writers make: version 0.9, `dist_type` `'n'`.
    Lenient,
}

/// Something that was read otherwise than it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The axis, where one is concerned.
    pub axis: Option<usize>,
    /// The key.
    pub key: String,
    /// What was done about it.
    pub what: &'static str,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(axis) = self.axis {
            write!(f, "axis {axis}, ")?;
        }
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl DimData {
    /// Reads the dictionary of `__version__` and `dim_data`. Local.
    ///
    /// `shape` is the buffer's, where there is one: it gives the size of an
    /// axis written as the empty dictionary. Only structural rules are checked;
    /// [`check_strict`](Self::check_strict) does the rest.
    ///
    /// # Errors
    /// The first rule that is broken, with axis and key.
    pub fn from_value(value: &Value, shape: Option<&[i64]>, reading: Reading) -> Result<(Self, Vec<Repair>)> {
        let mut reader = Reader { reading, version: Version::V0_10, axis: None, repairs: Vec::new() };
        let dim_data = reader.whole(value, shape)?;
        Ok((dim_data, reader.repairs))
    }

    /// Writes the dictionary in the oldest version that can say it, keys in
    /// DistArray's order and without those that have their default. Local.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let dims = self.dims().iter().map(Dim::to_value).collect();
        let mut entries = vec![
            entry("__version__", Value::Str(self.version().as_str().into())),
            entry("dim_data", Value::Tuple(dims)),
        ];
        match self.grid().order() {
            GridOrder::RowMajor => {}
            GridOrder::ColumnMajor => entries.push(entry("grid_order", Value::Str("F".into()))),
            GridOrder::Ranks(table) => entries.push(entry("grid_order", Value::Ints(table.to_vec()))),
        }
        if self.grid().replicas() != 1 {
            entries.push(entry("replicas", self.grid().replicas().into()));
            entries.push(entry("replica", self.grid().replica().into()));
        }
        Value::Dict(entries)
    }
}

impl Dim {
    fn to_value(&self) -> Value {
        let mut entries = vec![
            entry("dist_type", Value::Str(self.dist.letter().to_string())),
            entry("size", self.size.into()),
            entry("proc_grid_rank", self.proc_grid_rank.into()),
            entry("proc_grid_size", self.proc_grid_size.into()),
        ];
        let flag = |key, set: bool| set.then(|| entry(key, Value::Bool(true)));
        match &self.dist {
            Dist::Block { start, stop, padding, periodic, edge_outside } => {
                entries.push(entry("start", (*start).into()));
                entries.push(entry("stop", (*stop).into()));
                if *padding != [0, 0] {
                    let widths = padding.iter().map(|&w| w.into()).collect();
                    entries.push(entry("padding", Value::Tuple(widths)));
                }
                entries.extend(flag("periodic", *periodic));
                entries.extend(flag("edge_outside", *edge_outside));
            }
            Dist::Cyclic { start, block_size, first_block } => {
                entries.push(entry("start", (*start).into()));
                if *block_size != 1 {
                    entries.push(entry("block_size", (*block_size).into()));
                }
                if first_block != block_size {
                    entries.push(entry("first_block", (*first_block).into()));
                }
            }
            Dist::Unstructured { indices, num_owned, one_to_one } => {
                entries.push(entry("indices", Value::Ints(indices.to_vec())));
                entries.extend(flag("one_to_one", *one_to_one));
                if usize::try_from(*num_owned) != Ok(indices.len()) {
                    entries.push(entry("num_owned", (*num_owned).into()));
                }
            }
        }
        entries.extend(flag("component", self.component));
        Value::Dict(entries)
    }
}

fn entry(key: &str, value: Value) -> (String, Value) {
    (key.to_string(), value)
}

/// Reading, with the place it has reached.
struct Reader {
    reading: Reading,
    version: Version,
    axis: Option<usize>,
    repairs: Vec<Repair>,
}

impl Reader {
    fn whole(&mut self, value: &Value, shape: Option<&[i64]>) -> Result<DimData> {
        let Some(entries) = value.as_dict() else {
            return Err(self.broken(
                "T1",
                "dim_data",
                format!("a dictionary is needed, not {}", value.kind()),
            ));
        };
        self.version = self.version(value.get("__version__"))?;
        for (key, _) in entries {
            let known = match self.version {
                Version::V0_10 => ["__version__", "dim_data"].contains(&key.as_str()),
                Version::V1_0 => {
                    ["__version__", "dim_data", "grid_order", "replicas", "replica"].contains(&key.as_str())
                }
            };
            if !known {
                return Err(self.broken(
                    "T1",
                    key,
                    format!("{} has no such key beside dim_data", self.version.as_str()),
                ));
            }
        }
        let dims =
            value.get("dim_data").ok_or_else(|| self.broken("T1", "dim_data", "the key is missing"))?;
        if matches!(dims, Value::List(_)) {
            self.repair("dim_data", "a list, read as a tuple");
        }
        let dims = dims.as_sequence().ok_or_else(|| {
            self.broken("T3", "dim_data", format!("a tuple of dictionaries is needed, not {}", dims.kind()))
        })?;
        if let Some(shape) = shape.filter(|shape| shape.len() != dims.len()) {
            return Err(self
                .broken("T4", "dim_data", "one dictionary per axis of the buffer is needed")
                .expected_found(as_i64(shape.len()), as_i64(dims.len())));
        }
        let mut parts = Vec::with_capacity(dims.len());
        for (axis, dim) in dims.iter().enumerate() {
            self.axis = Some(axis);
            let extent = shape.map(|shape| shape[axis]);
            parts.push(self.dim(dim, extent).map_err(|e| e.on_axis(axis))?);
        }
        self.axis = None;
        DimData::with_grid(parts, self.grid(value)?)
    }

    fn version(&mut self, value: Option<&Value>) -> Result<Version> {
        let refused = |text: &str| {
            Error::new(
                ErrorKind::Version,
                format!("version {text} is not spoken here; write 0.10.0 or 1.0.0"),
            )
            .in_field("__version__")
            .by_rule("T2")
        };
        let value = value.ok_or_else(|| self.broken("T1", "__version__", "the key is missing"))?;
        let text = value.as_str().ok_or_else(|| refused(&format!("given as {}", value.kind())))?;
        let numbers: Option<Vec<u32>> = text
            .split('.')
            // "010" and "+1" are numbers to Rust, but not to a version.
            .map(|part| part.parse().ok().filter(|n: &u32| n.to_string() == part))
            .collect();
        match numbers.as_deref() {
            Some([0, 10, _]) => Ok(Version::V0_10),
            Some([1, 0, _]) => Ok(Version::V1_0),
            Some([0, 9, _]) if self.reading == Reading::Lenient => {
                self.repair("__version__", "version 0.9, read as 0.10.0");
                Ok(Version::V0_10)
            }
            _ => Err(refused(&format!("{text:?}"))),
        }
    }

    fn grid(&self, value: &Value) -> Result<ProcGrid> {
        let order = match value.get("grid_order") {
            None => GridOrder::RowMajor,
            Some(order) => match order.as_str() {
                Some("C") => GridOrder::RowMajor,
                Some("F") => GridOrder::ColumnMajor,
                _ => GridOrder::Ranks(self.integers("grid_order", order)?.into()),
            },
        };
        let replicas = self.integer(value, "replicas")?.unwrap_or(1);
        let replica = self.integer(value, "replica")?.unwrap_or(0);
        Ok(ProcGrid::new(order).replicated(replicas, replica))
    }

    fn dim(&mut self, value: &Value, extent: Option<i64>) -> Result<Dim> {
        let Some(entries) = value.as_dict() else {
            return Err(self.broken(
                "T3",
                "dim_data",
                format!("a dictionary is needed, not {}", value.kind()),
            ));
        };
        if entries.is_empty() {
            let extent = extent.ok_or_else(|| {
                self.broken(
                    "T5",
                    "size",
                    "the empty dictionary takes its size from a buffer, and there is none",
                )
            })?;
            return Dim::whole(extent);
        }
        let letter = self.required(value, "dist_type")?;
        let letter = letter.as_str().unwrap_or_default();
        let size = self.required_integer(value, "size")?;
        let (known, dist): (&[&str], _) = match letter {
            "b" => (&["start", "stop", "padding", "periodic", "edge_outside"], self.block(value)?),
            "c" => (&["start", "block_size", "first_block"], self.cyclic(value)?),
            "u" => (&["indices", "one_to_one", "num_owned"], self.unstructured(value)?),
            "n" if self.reading == Reading::Lenient => {
                self.repair("dist_type", "'n', read as a block held whole");
                return Dim::whole(size);
            }
            _ => return Err(self.broken("T7", "dist_type", "dist_type must be 'b', 'c' or 'u'")),
        };
        let common = ["dist_type", "size", "proc_grid_size", "proc_grid_rank", "component"];
        for (key, _) in entries {
            let since_1 = ["edge_outside", "first_block", "num_owned", "component"].contains(&key.as_str());
            let spoken = known.contains(&key.as_str()) || common.contains(&key.as_str());
            if !spoken || (since_1 && self.version == Version::V0_10) {
                self.repair(key, "not a key of this kind and version; ignored");
            }
        }
        let procs = self.required_integer(value, "proc_grid_size")?;
        let coordinate = self.required_integer(value, "proc_grid_rank")?;
        let dim = Dim::new(size, procs, coordinate, self.unclamped(dist, size, procs, coordinate))?;
        self.check_turn(&dim)?;
        Ok(if self.flag_1_0(value, "component")? { dim.component() } else { dim })
    }

    fn block(&mut self, value: &Value) -> Result<Dist> {
        let (start, stop) = (self.required_integer(value, "start")?, self.required_integer(value, "stop")?);
        let padding = match value.get("padding") {
            None => [0, 0],
            Some(widths) => {
                if matches!(widths, Value::List(_)) {
                    self.repair("padding", "a list, read as a tuple");
                }
                let pair = widths.as_sequence().filter(|pair| pair.len() == 2);
                let [left, right] = pair.unwrap_or_default() else {
                    return Err(self.broken("T6", "padding", "a tuple of two widths is needed"));
                };
                [self.as_integer("padding", left)?, self.as_integer("padding", right)?]
            }
        };
        let periodic = self.flag(value, "periodic")?;
        let edge_outside = self.flag_1_0(value, "edge_outside")?;
        Ok(Dist::Block { start, stop, padding, periodic, edge_outside })
    }

    fn cyclic(&mut self, value: &Value) -> Result<Dist> {
        let start = self.required_integer(value, "start")?;
        let block_size = self.integer(value, "block_size")?.unwrap_or(1);
        let first_block = match self.version {
            Version::V0_10 => None,
            Version::V1_0 => self.integer(value, "first_block")?,
        };
        Ok(Dist::Cyclic { start, block_size, first_block: first_block.unwrap_or(block_size) })
    }

    /// Moves a start that 0.10.0's own implementations clamp to the size back to where
    /// its block would begin.
    fn unclamped(&mut self, dist: Dist, size: i64, procs: i64, coordinate: i64) -> Dist {
        let Dist::Cyclic { start, block_size, .. } = dist else { return dist };
        let own = coordinate.checked_mul(block_size);
        let clamped = start == size && own.is_some_and(|own| own > size) && (0..procs).contains(&coordinate);
        // In 1.0.0 the deal may begin on any process, and such a start is meant.
        if clamped && self.version == Version::V0_10 {
            self.repair("start", "clamped to the size; read as proc_grid_rank * block_size");
            return Dist::cyclic(coordinate, block_size);
        }
        dist
    }

    /// Holds 0.10.0 to its own form of rule C2: the deal begins at coordinate 0.
    fn check_turn(&self, dim: &Dim) -> Result<()> {
        let Dist::Cyclic { start, block_size, .. } = *dim.dist() else { return Ok(()) };
        if self.version == Version::V1_0 || dim.first_process() == 0 {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Range, "start must be proc_grid_rank * block_size")
            .in_field("start")
            .expected_found(dim.proc_grid_rank().saturating_mul(block_size), start)
            .by_rule("C2"))
    }

    fn unstructured(&mut self, value: &Value) -> Result<Dist> {
        let indices = self.integers("indices", self.required(value, "indices")?)?;
        let held = as_i64(indices.len());
        let one_to_one = self.flag(value, "one_to_one")?;
        let num_owned = match self.version {
            Version::V0_10 => None,
            Version::V1_0 => self.integer(value, "num_owned")?,
        };
        Ok(Dist::Unstructured { indices: indices.into(), num_owned: num_owned.unwrap_or(held), one_to_one })
    }

    fn required<'a>(&self, dict: &'a Value, key: &'static str) -> Result<&'a Value> {
        dict.get(key).ok_or_else(|| self.broken("T5", key, "the key is missing"))
    }

    fn required_integer(&self, dict: &Value, key: &'static str) -> Result<i64> {
        self.required(dict, key)?;
        self.integer(dict, key)?.ok_or_else(|| self.broken("T5", key, "the key is missing"))
    }

    fn integer(&self, dict: &Value, key: &'static str) -> Result<Option<i64>> {
        dict.get(key).map(|value| self.as_integer(key, value)).transpose()
    }

    fn as_integer(&self, key: &'static str, value: &Value) -> Result<i64> {
        value.as_i64().ok_or_else(|| match value {
            Value::Int(wide) => self.broken("T6", key, format!("{wide} exceeds 64 bits")),
            _ => self.broken("T6", key, format!("an integer is needed, not {}", value.kind())),
        })
    }

    fn integers(&self, key: &'static str, value: &Value) -> Result<Vec<i64>> {
        match value {
            Value::Ints(values) => Ok(values.clone()),
            Value::Tuple(items) | Value::List(items) => {
                items.iter().map(|item| self.as_integer(key, item)).collect()
            }
            _ => {
                Err(self.broken("T6", key, format!("a sequence of integers is needed, not {}", value.kind())))
            }
        }
    }

    fn flag(&self, dict: &Value, key: &'static str) -> Result<bool> {
        dict.get(key).map_or(Ok(false), |value| {
            value.as_bool().ok_or_else(|| {
                self.broken("T6", key, format!("True or False is needed, not {}", value.kind()))
            })
        })
    }

    fn flag_1_0(&self, dict: &Value, key: &'static str) -> Result<bool> {
        if self.version == Version::V0_10 { Ok(false) } else { self.flag(dict, key) }
    }

    fn repair(&mut self, key: &str, what: &'static str) {
        self.repairs.push(Repair { axis: self.axis, key: key.to_string(), what });
    }

    fn broken(
        &self,
        rule: &'static str,
        key: &str,
        detail: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Error {
        Error::new(ErrorKind::Syntax, detail).in_field(key.to_string()).by_rule(rule)
    }
}
