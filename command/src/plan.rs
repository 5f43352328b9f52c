//! `distarray plan`: what would move between two layouts, or into a halo.

mod along;
mod messages;
mod report;
mod traffic;

use std::io::Write;

use distarray::distribution::{Decomposition, Grid};

use crate::layout::{GRAMMAR, Given, Layout};
use crate::outcome::{Failure, Outcome, Verdict};
use along::Along;
use report::Report;
use traffic::{Exchange, Select, Tallies};

/// Show what would move between two layouts, or into the halo of one.
///
/// Nothing is moved and no MPI is started: each rank's part follows from the layouts.
/// Sums over all ranks are exact, or estimated from some of them where it says so.
#[derive(clap::Args)]
#[command(after_help = format!("\
Examples:
  distarray plan '4096x4096 b,n on 8' 'n,b'                 from rows to columns
  distarray plan '4096x4096 b,n on 8' 'b,n' --permute 1,0   a transposition
  distarray plan '512x512x512 b+1,b+1,b+1 on 64' --halo     an exchange of halos
  distarray plan out/heat_0.dnpy 'c64,c64 on 4x4' --rank 0  from the layout of a set

{GRAMMAR}"))]
pub struct Arguments {
    /// The layout before, such as '4096x4096 b,n on 8'.
    from: String,
    /// The layout after; its shape, and the number of its ranks, may be left out: 'n,b'.
    #[arg(required_unless_present = "halo")]
    to: Option<String>,
    /// The number of ranks, where the layouts leave it open.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=i64::from(i32::MAX)))]
    ranks: Option<i64>,
    /// Bytes of an element.
    #[arg(long, value_name = "BYTES", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    itemsize: u32,
    /// List the messages of this rank.
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(i64).range(0..))]
    rank: Option<i64>,
    /// The axes of the first layout in the order of the second's: 1,0 transposes.
    #[arg(long, value_name = "AXES", value_delimiter = ',', conflicts_with = "halo")]
    permute: Vec<usize>,
    /// Fill the halo of the first layout instead.
    #[arg(long, conflicts_with = "to")]
    halo: bool,
    /// Fill the corners of the halo too.
    #[arg(long, requires = "halo")]
    corners: bool,
    /// Print JSON, with exact numbers of bytes.
    #[arg(long)]
    json: bool,
}

/// Prints what would move.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Outcome {
    let from = Layout::parse(&arguments.from, Given { ranks: arguments.ranks, ..Given::default() })?;
    let axes = order(&arguments.permute, from.shape().len())?;
    let to = match &arguments.to {
        Some(to) => {
            let shape: Vec<i64> = axes.iter().map(|&axis| from.shape()[axis]).collect();
            let given =
                Given { shape: Some(&shape), ranks: arguments.ranks, default_ranks: Some(from.ranks()) };
            Some(Layout::parse(to, given)?)
        }
        None => None,
    };
    for layout in [Some(&from), to.as_ref()].into_iter().flatten() {
        check(layout)?;
    }
    let along = |axis: usize| match &to {
        Some(to) => Along::between(&from, to, (axes[axis], axis)),
        None => Along::halo(&from, axis),
    };
    let along = (0..axes.len()).map(along).collect::<Outcome<Vec<_>>>()?;
    let target = to.as_ref().unwrap_or(&from);
    let select = match (&to, arguments.corners) {
        (Some(_), _) => Select::All,
        (None, true) => Select::Corners,
        (None, false) => Select::Faces,
    };
    let (source, target) = (from.decomposition(), target.decomposition());
    let exchange = Exchange { from: source, to: target, axes: &axes, along: &along, select };
    if let Some(rank) = arguments.rank.filter(|&rank| rank >= exchange.ranks()) {
        return Err(Failure::Usage(format!("--rank {rank}: there are {} ranks", exchange.ranks())));
    }
    let tallies = exchange.tallies()?;
    let better = match &to {
        Some(to) if axes.is_sorted() => relabelled(&exchange, [&from, to], &tallies)?,
        _ => None,
    };
    let report = Report {
        from: &from,
        to: to.as_ref(),
        exchange: &exchange,
        tallies,
        better,
        itemsize: arguments.itemsize,
        rank: arguments.rank,
    };
    if arguments.json {
        report.json(out)?
    } else {
        report.table(out)?
    }
    Ok(Verdict::Fine)
}

/// The axes of the source in the order of the target's.
fn order(permute: &[usize], ndim: usize) -> Outcome<Vec<usize>> {
    if permute.is_empty() {
        return Ok((0..ndim).collect());
    }
    let mut sorted = permute.to_vec();
    sorted.sort_unstable();
    if sorted != (0..ndim).collect::<Vec<_>>() {
        return Err(Failure::Usage(format!("--permute: expected each of the axes 0 to {} once", ndim - 1)));
    }
    Ok(permute.to_vec())
}

/// Checks that elements can be counted.
fn check(layout: &Layout) -> Outcome<()> {
    let elements = layout.shape().iter().try_fold(1_i64, |product, &size| product.checked_mul(size));
    if elements.is_none() {
        return Err(Failure::Usage(format!("'{layout}' has more elements than 64 bits can count")));
    }
    Ok(())
}

/// Another numbering of the target's processes that moves less.
pub struct Better {
    /// The rank at each place of the grid.
    pub order: Vec<i64>,
    /// Elements that all ranks send then.
    pub sent: i128,
}

/// Ranks, and pieces that all of them exchange, up to which the library searches.
const SEARCHED_RANKS: i64 = 4096;
const SEARCHED_EXTENT: i64 = 256;
const SEARCHED_PIECES: f64 = (1 << 24) as f64;

fn relabelled(exchange: &Exchange<'_>, layouts: [&Layout; 2], tallies: &Tallies) -> Outcome<Option<Better>> {
    let (from, to) = (exchange.from, exchange.to);
    let sent = |tallies: &Tallies| -> i128 { tallies.ranks.iter().map(|(_, tally)| tally.sent).sum() };
    let extents = to.grid_extents();
    let small = extents.iter().chain(from.grid_extents()).all(|&extent| extent <= SEARCHED_EXTENT);
    let few = from.ranks() == to.ranks() && to.ranks() <= SEARCHED_RANKS;
    let one_copy = from.replicas() == 1 && to.replicas() == 1;
    let pieces: f64 = exchange.along.iter().map(|along| along.pieces()).sum();
    let (Some(_), Some(axes)) = (layouts[0].rules(), layouts[1].rules()) else { return Ok(None) };
    if !(small && few && one_copy && pieces <= SEARCHED_PIECES && tallies.exact) {
        return Ok(None);
    }
    let best = Decomposition::relabelled(from, &axes, &Grid::exact(extents))?;
    let better = sent(&Exchange { to: &best, ..*exchange }.tallies()?);
    if better >= sent(tallies) {
        return Ok(None);
    }
    let rank_at = |place: i64| {
        let mut rest = place;
        let digit = |extent: &i64| {
            let at = rest % extent;
            rest /= extent;
            at
        };
        let mut at: Vec<i64> = extents.iter().rev().map(digit).collect();
        at.reverse();
        best.rank_at(&at, 0)
    };
    Ok(Some(Better { order: (0..best.ranks()).map(rank_at).collect(), sent: better }))
}
