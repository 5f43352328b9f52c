//! Process grids: their extents, and who stands where.

use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::{GridOrder, ProcGrid};

/// How to lay the ranks out as a process grid.
#[derive(Clone, Debug)]
pub struct Grid {
    rule: Rule,
    order: GridOrder,
    replicas: i64,
}

#[derive(Clone, Debug)]
enum Rule {
    Compact,
    DistArray,
    Exact(Vec<i64>),
}

/// What one axis asks of the grid.
#[derive(Clone, Copy, Debug)]
pub(super) enum Demand {
    Fixed(i64),
    Free { size: i64 },
}

impl Grid {
    /// The grid whose parts have the smallest surface; all ranks are used.
    #[must_use]
    pub fn compact() -> Self {
        Self::new(Rule::Compact)
    }

    /// The grid that DistArray's `make_grid_shape` chooses.
    #[must_use]
    pub fn distarray() -> Self {
        Self::new(Rule::DistArray)
    }

    /// A stated extent for every axis.
    #[must_use]
    pub fn exact(extents: impl Into<Vec<i64>>) -> Self {
        Self::new(Rule::Exact(extents.into()))
    }

    fn new(rule: Rule) -> Self {
        Self { rule, order: GridOrder::RowMajor, replicas: 1 }
    }

    /// Numbers the ranks in another order.
    #[must_use]
    pub fn order(mut self, order: GridOrder) -> Self {
        self.order = order;
        self
    }

    /// Keeps this many equal copies of the array, each on its share of the ranks.
    #[must_use]
    pub fn replicas(mut self, replicas: i64) -> Self {
        self.replicas = replicas;
        self
    }

    /// Extents that use all ranks.
    pub(super) fn extents(&self, demands: &[Demand], ranks: usize) -> Result<Vec<i64>> {
        let ranks = as_i64(ranks);
        if self.replicas < 1 || ranks % self.replicas != 0 {
            return Err(Error::new(
                ErrorKind::Grid,
                format!("{ranks} ranks cannot keep {} equal copies", self.replicas),
            )
            .in_field("replicas"));
        }
        let ranks = ranks / self.replicas;
        let extents = match &self.rule {
            Rule::Exact(extents) => extents.clone(),
            Rule::Compact => compact(demands, ranks)?,
            Rule::DistArray => {
                let sizes: Vec<i64> = demands
                    .iter()
                    .map(|d| match d {
                        Demand::Free { size } => *size,
                        Demand::Fixed(_) => 1,
                    })
                    .collect();
                let free: Vec<bool> = demands.iter().map(|d| matches!(d, Demand::Free { .. })).collect();
                distarray_grid_shape(&sizes, &free, ranks)?
            }
        };
        if extents.len() != demands.len() {
            return Err(Error::new(ErrorKind::Grid, "the process grid needs one extent per axis")
                .in_field("proc_grid_size"));
        }
        for (axis, (&extent, demand)) in extents.iter().zip(demands).enumerate() {
            let wanted = match demand {
                Demand::Fixed(procs) => *procs,
                Demand::Free { .. } => extent,
            };
            if extent < 1 || extent != wanted {
                return Err(Error::new(
                    ErrorKind::Grid,
                    "the process grid contradicts what the axis asks for",
                )
                .on_axis(axis)
                .in_field("proc_grid_size")
                .expected_found(wanted.max(1), extent));
            }
        }
        let product = extents.iter().try_fold(1_i64, |product, &extent| product.checked_mul(extent));
        if product != Some(ranks) {
            return Err(Error::new(ErrorKind::Grid, "the extents of the process grid must multiply to the number of ranks; fix fewer of them, or make a communicator of that size")
                .in_field("proc_grid_size")
                .expected_found(ranks, product.unwrap_or(i64::MAX)));
        }
        Ok(extents)
    }

    /// Coordinates of a rank, and the grid with its replica. The extents
    /// multiply to the number of ranks.
    pub(super) fn place(&self, extents: &[i64], rank: usize) -> Result<(Vec<i64>, ProcGrid)> {
        let rank = as_i64(rank);
        let place = match &self.order {
            GridOrder::Ranks(table) => {
                let at = table.iter().position(|&r| r == rank).ok_or_else(|| {
                    Error::new(ErrorKind::Grid, "the table of ranks does not name this rank")
                        .on_rank(rank)
                        .in_field("grid_ranks")
                        .by_rule("G4")
                })?;
                as_i64(at)
            }
            _ => rank,
        };
        let product: i64 = extents.iter().product();
        let (replica, mut position) = (place / product, place % product);
        let mut coordinates = vec![0; extents.len()];
        let mut take = |axis: usize| {
            coordinates[axis] = position % extents[axis];
            position /= extents[axis];
        };
        match self.order {
            GridOrder::ColumnMajor => (0..extents.len()).for_each(&mut take),
            _ => (0..extents.len()).rev().for_each(&mut take),
        }
        Ok((coordinates, ProcGrid::new(self.order.clone()).replicated(self.replicas, replica)))
    }
}

/// Extents whose parts have the smallest surface for their volume, the first of equals.
fn compact(demands: &[Demand], ranks: i64) -> Result<Vec<i64>> {
    let mut fixed = demands.iter().filter_map(|d| match d {
        Demand::Fixed(procs) => Some(*procs),
        Demand::Free { .. } => None,
    });
    let fixed = fixed
        .try_fold(1_i64, |product, procs| product.checked_mul(procs))
        .filter(|&p| p > 0 && ranks % p == 0);
    let Some(fixed) = fixed else {
        return Err(Error::new(
            ErrorKind::Grid,
            format!("the fixed extents of the process grid do not divide {ranks} ranks"),
        )
        .in_field("proc_grid_size"));
    };
    let sizes: Vec<i64> = demands
        .iter()
        .filter_map(|d| match d {
            Demand::Free { size } => Some(*size),
            Demand::Fixed(_) => None,
        })
        .collect();
    if sizes.len() > MOST_SEARCHED {
        return Ok(place(demands, greedy(ranks / fixed, &sizes)));
    }
    let mut best: Option<(f64, Vec<i64>)> = None;
    factorings(ranks / fixed, sizes.len(), &mut Vec::new(), &mut |factors| {
        // Surface per volume: each axis costs its extent over its size; an axis
        // with more processes than elements leaves some idle.
        let cost: f64 = factors
            .iter()
            .zip(&sizes)
            .map(|(&f, &n)| if f > n.max(1) { 1e6 * f as f64 } else { (f - 1) as f64 / n.max(1) as f64 })
            .sum();
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, factors.to_vec()));
        }
    });
    let Some((_, free)) = best else {
        return Err(Error::new(
            ErrorKind::Grid,
            "no axis is dealt out over the ranks; deal one out, or keep replicas",
        )
        .in_field("proc_grid_size")
        .expected_found(ranks, fixed));
    };
    Ok(place(demands, free))
}

/// Axes for which every grid is tried; their number grows beyond all bounds.
const MOST_SEARCHED: usize = 6;

/// The extents of all axes from those of the free ones.
fn place(demands: &[Demand], free: Vec<i64>) -> Vec<i64> {
    let mut free = free.into_iter();
    let extent = |demand: &Demand| match demand {
        Demand::Fixed(procs) => *procs,
        Demand::Free { .. } => free.next().unwrap_or(1),
    };
    demands.iter().map(extent).collect()
}

/// Prime factors of `n`, the largest first, each to the axis whose parts are
/// longest by then.
fn greedy(mut n: i64, sizes: &[i64]) -> Vec<i64> {
    let mut primes = Vec::new();
    let mut prime = 2;
    while prime <= n / prime {
        while n % prime == 0 {
            primes.push(prime);
            n /= prime;
        }
        prime += 1;
    }
    primes.push(n);
    let mut extents = vec![1; sizes.len()];
    for prime in primes.into_iter().rev() {
        let longest = (0..sizes.len()).max_by_key(|&axis| (sizes[axis] / extents[axis], sizes.len() - axis));
        if let Some(axis) = longest {
            extents[axis] *= prime;
        }
    }
    extents
}

/// Calls `visit` with every ordered way to write `n` as `count` factors, larger first factors first.
fn factorings(n: i64, count: usize, chosen: &mut Vec<i64>, visit: &mut dyn FnMut(&[i64])) {
    match count {
        0 => {
            if n == 1 {
                visit(chosen);
            }
        }
        1 => {
            chosen.push(n);
            visit(chosen);
            chosen.pop();
        }
        _ => {
            for divisor in divisors(n).into_iter().rev() {
                chosen.push(divisor);
                factorings(n / divisor, count - 1, chosen, visit);
                chosen.pop();
            }
        }
    }
}

/// Divisors of `n`, ascending.
fn divisors(n: i64) -> Vec<i64> {
    let mut low: Vec<i64> = (1..).take_while(|d| *d <= n / d).filter(|d| n % d == 0).collect();
    let high: Vec<i64> = low.iter().rev().map(|d| n / d).filter(|d| *d > n / d).collect();
    low.extend(high);
    low
}

/// DistArray's `make_grid_shape`: extents whose ratios come closest to those of
/// the array's shape; `distributed` says which axes are dealt out.
///
/// # Errors
/// Where DistArray has none either: a size below 1 on an axis that is dealt
/// out, no rank, or more processes than elements along an axis.
pub fn distarray_grid_shape(shape: &[i64], distributed: &[bool], ranks: i64) -> Result<Vec<i64>> {
    let refused = |axis: Option<usize>| {
        let error =
            Error::new(ErrorKind::Grid, format!("DistArray's rule finds no process grid for {ranks} ranks"))
                .in_field("proc_grid_size");
        axis.map_or(error.clone(), |axis| error.on_axis(axis))
    };
    if shape.len() != distributed.len() || ranks < 1 || shape.iter().any(|&n| n < 0) {
        return Err(refused(None));
    }
    let axes: Vec<usize> = (0..shape.len()).filter(|&axis| distributed[axis]).collect();
    let sizes: Vec<i64> = axes.iter().map(|&axis| shape[axis]).collect();
    let chosen = match sizes.as_slice() {
        [] => Vec::new(),
        [size] => vec![ranks.min(*size)],
        _ if ranks == 1 => vec![1; sizes.len()],
        _ => closest_ratios(&sizes, ranks).ok_or_else(|| refused(None))?,
    };
    let mut extents = vec![1; shape.len()];
    for (&axis, &extent) in axes.iter().zip(&chosen) {
        // An axis of size 0 still takes one process.
        if extent < 1 || extent > shape[axis].max(1) {
            return Err(refused(Some(axis)));
        }
        extents[axis] = extent;
    }
    Ok(extents)
}

/// The factors of `ranks`, smallest to the smallest axis, whose pairwise ratios
/// are nearest to the shape's; the first of equals.
fn closest_ratios(sizes: &[i64], ranks: i64) -> Option<Vec<i64>> {
    let ratios = |values: &[i64]| -> Vec<f64> {
        let pairs = (0..values.len()).flat_map(|i| (i + 1..values.len()).map(move |j| (i, j)));
        pairs.map(|(i, j)| values[i] as f64 / values[j] as f64).collect()
    };
    // A size of 0 has no ratio.
    if sizes[1..].contains(&0) {
        return None;
    }
    let wanted = ratios(sizes);
    let mut by_size: Vec<usize> = (0..sizes.len()).collect();
    by_size.sort_by_key(|&axis| sizes[axis]);
    let mut best: Option<(f64, Vec<i64>)> = None;
    ascending_factorings(ranks, sizes.len(), 1, &mut Vec::new(), &mut |factors| {
        let mut placed = vec![1; sizes.len()];
        for (&axis, &factor) in by_size.iter().zip(factors) {
            placed[axis] = factor;
        }
        let distance: f64 =
            ratios(&placed).iter().zip(&wanted).map(|(a, b)| (b - a) * (b - a)).sum::<f64>().sqrt();
        if best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, placed));
        }
    });
    best.map(|(_, factors)| factors)
}

/// Calls `visit` with every way to write `n` as `count` factors that do not descend.
fn ascending_factorings(
    n: i64,
    count: usize,
    least: i64,
    chosen: &mut Vec<i64>,
    visit: &mut dyn FnMut(&[i64]),
) {
    if count == 1 {
        if n >= least {
            chosen.push(n);
            visit(chosen);
            chosen.pop();
        }
        return;
    }
    for divisor in divisors(n).into_iter().filter(|&d| d >= least) {
        chosen.push(divisor);
        ascending_factorings(n / divisor, count - 1, divisor, chosen, visit);
        chosen.pop();
    }
}
