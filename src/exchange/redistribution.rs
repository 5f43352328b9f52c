//! Redistribution: an array of one distribution becomes one of another.

mod apply;

pub(super) use self::apply::{Arrays, dtype_word};
use super::combine::Scale;
use super::lists;
use super::moved::Moved;
use super::mover::{Links, Mover};
use super::plan::Plan;
use super::side;
use super::staging::Staging;
use super::two_steps;
use super::verdict::agree;
use crate::array::{DType, Order};
use crate::comm::Comm;
use crate::distribution::{Decomposition, Distribution};
use crate::error::{Error, ErrorKind, Result};
use crate::number::as_i64;
use crate::protocol::DimData;

/// The way from one distribution to another of the same global shape: planned once,
/// run as often as one likes, for arrays of any element type.
///
/// Between any kinds of axes, any process grids, replicated or not. What the source
/// owns arrives in what the target owns; padding is neither read nor written.
///
/// ```
/// use distarray::comm;
/// use distarray::distribution::{Axis, Distribution};
/// use distarray::exchange::Redistribution;
///
/// comm::threads(3, |comm| {
///     let rows = Distribution::new(&comm, [Axis::block(16), Axis::whole(21)])?;
///     let columns = Distribution::new(&comm, [Axis::whole(16), Axis::cyclic(21, 2)])?;
///     let a = rows.from_fn(|g| g[0] * 100 + g[1])?;
///     let b = Redistribution::new(&rows, &columns)?.apply(&a)?;
///     let first = columns.dim_data().dims()[1].global_of(0).unwrap();
///     assert_eq!(b.view()[[5, 0]], 500 + first);
///     Ok::<(), distarray::Error>(())
/// });
/// ```
pub struct Redistribution {
    comm: Comm,
    /// This rank's part of each side, if it has one.
    source: Option<DimData>,
    target: Option<DimData>,
    /// Whether both sides are over the ranks of `comm`, numbered alike: only then does
    /// the source's shared memory know the ranks of the plan.
    same_ranks: bool,
    /// Where both sides lie packed, for a plan that counts elements in row-major order
    /// and not along axes.
    flat: Option<[Staging; 2]>,
    plan: Plan,
    tag: i32,
    links: Links,
    /// The order of the axes in messages: that of the first arrays' memory.
    order: Option<Order>,
    movers: Vec<(Types, Mover)>,
}

/// Element types of a kept mover, from and to, and how they are scaled.
type Types = (DType, DType, Scale);

impl Redistribution {
    /// Plans the way from `source` to `target`. Collective; messages are sent for
    /// unstructured axes only.
    ///
    /// # Errors
    /// `Shape` when the global shapes differ, `Grid` when the two are not of the same
    /// ranks: on every rank.
    pub fn new(source: &Distribution, target: &Distribution) -> Result<Self> {
        let axes: Vec<usize> = (0..target.dim_data().ndim()).collect();
        Self::permuted(source, target, &axes)
    }

    /// The same with the axes in another order: axis `axes[i]` of the source becomes
    /// axis `i` of the target, so `[1, 0]` transposes a matrix. Collective.
    ///
    /// # Errors
    /// As [`new`](Self::new); `Range` when `axes` does not name each axis once.
    pub fn permuted(source: &Distribution, target: &Distribution, axes: &[usize]) -> Result<Self> {
        let comm = source.comm();
        comm.agree(check(source, target))?;
        let sides = (Some(source), Some(target));
        let plan = Self::planned(comm, sides, (source.decomposition(), target.decomposition()), axes)?;
        Ok(Self { same_ranks: true, ..plan })
    }

    /// Plans the way to an array of another shape with the same elements in the same
    /// row-major order, as `numpy.reshape`. Collective, without messages.
    ///
    /// An array that does not lie packed in row-major order, or is padded, goes through
    /// packed memory that the plan keeps: one more copy.
    ///
    /// ```
    /// # use distarray::comm;
    /// # use distarray::distribution::{Axis, Distribution};
    /// # use distarray::exchange::Redistribution;
    /// comm::threads(2, |comm| {
    ///     let flat = Distribution::new(&comm, [Axis::block(12)])?;
    ///     let table = Distribution::new(&comm, [Axis::whole(3), Axis::block(4)])?;
    ///     let a = flat.from_fn(|g| g[0])?;
    ///     let b = Redistribution::reshaped(&flat, &table)?.apply(&a)?;
    ///     assert_eq!(b.view()[[2, 1]], 9 + 2 * comm.rank() as i64);
    ///     Ok::<(), distarray::Error>(())
    /// }).into_iter().for_each(Result::unwrap);
    /// ```
    ///
    /// # Errors
    /// `Shape` when the numbers of elements differ, `Grid` when the two are not of the
    /// same ranks, `Unsupported` for unstructured axes and replicas: on every rank.
    pub fn reshaped(source: &Distribution, target: &Distribution) -> Result<Self> {
        let comm = source.comm();
        let tag = comm.new_tag();
        comm.agree(check(source, target))?;
        let (from, to) = (source.decomposition(), target.decomposition());
        let plan = Plan::reshape(from, to, as_i64(comm.rank()));
        let (tag, plan) = comm.agree(tag.and_then(|tag| Ok((tag, plan?))))?;
        let this = Self::of(comm, (Some(source), Some(target)), plan, tag)?;
        Ok(Self { flat: Some(Default::default()), order: Some(Order::C), ..this })
    }

    /// Plans the way between distributions over different ranks, all of them ranks of
    /// `comm`: from and to communicators that were split off it. A rank without a part
    /// of a side passes none. Collective over `comm`.
    ///
    /// ```
    /// use distarray::comm;
    /// use distarray::distribution::{Axis, Distribution};
    /// use distarray::exchange::Redistribution;
    ///
    /// comm::threads(3, |comm| {
    ///     // From ranks 0 and 1 to ranks 1 and 2.
    ///     let first = comm.split((comm.rank() < 2).then_some(0), 0)?;
    ///     let last = comm.split((comm.rank() > 0).then_some(0), 0)?;
    ///     let on = |part: &Option<comm::Comm>, axis| part.as_ref().map(|c| Distribution::new(c, [axis]));
    ///     let (from, to) = (on(&first, Axis::block(9)), on(&last, Axis::cyclic(9, 1)));
    ///     let (from, to) = (from.transpose()?, to.transpose()?);
    ///     let mut plan = Redistribution::across(&comm, from.as_ref(), to.as_ref(), &[0])?;
    ///     let a = from.map(|d| d.from_fn(|g| g[0])).transpose()?;
    ///     let b = to.map(|d| d.zeros::<i64>()).transpose()?;
    ///     let b = plan.apply_across(a.as_ref(), b)?;
    ///     if comm.rank() == 2 {
    ///         assert_eq!(b.unwrap().view().as_slice().unwrap(), [1, 3, 5, 7]);
    ///     }
    ///     Ok::<(), distarray::Error>(())
    /// }).into_iter().for_each(Result::unwrap);
    /// ```
    ///
    /// # Errors
    /// As [`permuted`](Self::permuted); `Grid` when a side has no rank at all, or ranks
    /// that are none of `comm`.
    pub fn across(
        comm: &Comm,
        source: Option<&Distribution>,
        target: Option<&Distribution>,
        axes: &[usize],
    ) -> Result<Self> {
        let from = side::known_to_all(comm, source)?;
        let to = side::known_to_all(comm, target)?;
        Self::planned(comm, (source, target), (&from, &to), axes)
    }

    fn planned(
        comm: &Comm,
        (source, target): (Option<&Distribution>, Option<&Distribution>),
        (from, to): (&Decomposition, &Decomposition),
        axes: &[usize],
    ) -> Result<Self> {
        let tag = comm.new_tag();
        let order = axes.iter().map(|&axis| axis as u64);
        agree(comm, check_shapes(from, to, axes), order)?;
        let list = |(axis, &source_axis): (usize, &usize)| {
            lists::of_axis(comm, (from, source, source_axis), (to, target, axis))
        };
        let lists = axes.iter().enumerate().map(list).collect::<Result<Vec<_>>>()?;
        let plan = Plan::between(from, to, as_i64(comm.rank()), axes, &lists);
        let (tag, plan) = comm.agree(tag.and_then(|tag| Ok((tag, plan?))))?;
        Self::of(comm, (source, target), plan, tag)
    }

    /// The way that a plan describes. Collective.
    fn of(
        comm: &Comm,
        (source, target): (Option<&Distribution>, Option<&Distribution>),
        plan: Plan,
        tag: i32,
    ) -> Result<Self> {
        let links =
            Links { lanes: comm.lanes(plan.has_messages())?, relays: two_steps::relays(comm, &plan)? };
        Ok(Self {
            comm: comm.clone(),
            source: source.map(|side| side.dim_data().clone()),
            target: target.map(|side| side.dim_data().clone()),
            same_ranks: false,
            flat: None,
            plan,
            tag,
            links,
            order: None,
            movers: Vec::new(),
        })
    }

    /// What is exchanged. Local.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What one application to elements of this size moves on this rank, what it passes
    /// on for others included. Local.
    #[must_use]
    pub fn moves(&self, itemsize: usize) -> Moved {
        Moved::of(&self.plan, itemsize, self.links.relays.as_deref())
    }
}

/// Refuses distributions over different ranks.
fn check(source: &Distribution, target: &Distribution) -> Result<()> {
    let (own, other) = (source.comm(), target.comm());
    if (own.rank(), own.size()) == (other.rank(), other.size()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Grid,
        "source and target must be distributions over the same ranks; between others, redistribute across a communicator of all of them",
    )
    .in_field("comm")
    .expected_found(as_i64(own.size()), as_i64(other.size())))
}

/// Refuses different global shapes.
fn check_shapes(from: &Decomposition, to: &Decomposition, axes: &[usize]) -> Result<()> {
    super::plan::check_order(from.ndim(), to.ndim(), axes)?;
    for (axis, &source_axis) in axes.iter().enumerate() {
        let (expected, found) = (from.size(source_axis), to.size(axis));
        if expected != found {
            return Err(super::plan::another_shape("size", expected, found).on_axis(axis));
        }
    }
    Ok(())
}
