//! Redistribution: an array of one distribution becomes one of another.
#![allow(unsafe_code)] // hands the memory of arrays to the mover

use super::combine::{Combine, Scale};
use super::lists;
use super::memory::{Field, Memory};
use super::moved::Moved;
use super::mover::{Links, Mover};
use super::plan::{Plan, count};
use super::routes::{Mode, Way};
use super::shared::Node;
use super::side;
use super::staging::Staging;
use super::two_steps;
use super::verdict::{agree, agree_on};
use crate::array::{AnyArray, ArrayMut, DType, DistArray, Element, Order, Written};
use crate::comm::{Comm, Op};
use crate::distribution::{Decomposition, Distribution};
use crate::error::{Error, ErrorKind, Result};
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

/// Movers that are kept: programs swap two or three arrays.
const KEPT: usize = 4;

/// This rank's arrays: none where it has no part.
pub(crate) type Arrays<'a> = (Option<&'a AnyArray>, Option<ArrayMut<'a>>);

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
        let plan = Plan::reshape(from, to, count(comm.rank()));
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
        let plan = Plan::between(from, to, count(comm.rank()), axes, &lists);
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

    /// A new array of the target's distribution with the elements of `source`. Collective.
    ///
    /// # Errors
    /// As [`apply_into`](Self::apply_into); `NoMemory`.
    pub fn apply<T: Element>(&mut self, source: &DistArray<T>) -> Result<DistArray<T>> {
        let target = self.target.clone().ok_or_else(no_part);
        let mut target = self.comm.agree(target.and_then(DistArray::zeros))?;
        self.apply_into(source, &mut target)?;
        Ok(target)
    }

    /// Moves the elements of `source` into `target`, converting them where the types
    /// differ and the kind of number is kept or widened. Collective.
    ///
    /// # Errors
    /// `Shape` when an array is not of its distribution, `DType` when the types do not
    /// convert, `Access` when the target must not be written, `Busy` when the two share
    /// memory, `Invariant` when ranks bring different types: on every rank, the target
    /// untouched. `Comm` when the message layer fails.
    pub fn apply_into<'a>(
        &mut self,
        source: impl AsRef<AnyArray>,
        target: impl Into<ArrayMut<'a>>,
    ) -> Result<()> {
        self.apply_scaled(Scale::default(), source, target)
    }

    /// `target = alpha * op(source) + beta * target`, where `op` may conjugate.
    /// Collective; all ranks pass the same scale.
    ///
    /// # Errors
    /// As [`apply_into`](Self::apply_into).
    pub fn apply_scaled<'a>(
        &mut self,
        scale: Scale,
        source: impl AsRef<AnyArray>,
        target: impl Into<ArrayMut<'a>>,
    ) -> Result<()> {
        self.apply_if(Ok((scale, (Some(source.as_ref()), Some(target.into())))))
    }

    /// The same for a plan [across](Self::across) ranks of which some have no part of a
    /// side: they pass none. The target comes back filled. Collective.
    ///
    /// # Errors
    /// As [`apply_into`](Self::apply_into); `Shape` when a rank passes an array where it
    /// has no part, `Null` when it passes none where it has one.
    pub fn apply_across<S: Element, T: Element>(
        &mut self,
        source: Option<&DistArray<S>>,
        mut target: Option<DistArray<T>>,
    ) -> Result<Option<DistArray<T>>> {
        let arrays = (source.map(AsRef::as_ref), target.as_mut().map(ArrayMut::from));
        self.apply_if(Ok((Scale::default(), arrays)))?;
        Ok(target)
    }

    /// [`apply_scaled`](Self::apply_scaled) where this rank may have failed already.
    pub(crate) fn apply_if(&mut self, arrays: Result<(Scale, Arrays<'_>)>) -> Result<()> {
        let verdict = arrays.as_ref().map_err(Error::clone);
        let verdict = verdict.and_then(|(_, (source, target))| self.check(*source, target.as_deref()));
        let words = arrays.as_ref().map_or([None; 4], |(scale, (source, target))| {
            let shared = source.map(|source| self.node(source).map_or(0, |_| Node::id_of(source)));
            [source.map(dtype_word), target.as_deref().map(dtype_word), Some(scale_word(scale)), shared]
        });
        let ((), [from, to, ..]) = agree_on(&self.comm, verdict, words)?;
        let (scale, (source, target)) = arrays?;
        let (Some(from), Some(to)) = (from, to) else { return Ok(()) }; // a side without any rank
        // Known on every rank by now, and so is the verdict on them.
        let ((from, from_size), (to, to_size)) = (of_word(from), of_word(to));
        let combine = Combine::scaled(from, to, scale)?;
        if matches!(combine, Combine::Move) && from_size != to_size {
            return Err(Error::new(ErrorKind::DType, "records of different sizes do not convert")
                .in_field("itemsize")
                .expected_found(count(from_size), count(to_size)));
        }
        let order = self.order(source)?;
        let mover =
            self.mover(source, target.as_deref(), (from, to, scale), (combine, from_size, to_size), order);
        let which = self.comm.agree(mover)?;
        let node = source.and_then(|source| self.node(source));
        let arrays = source.into_iter().chain(target.as_deref());
        let flat = self.flat.as_ref();
        let arrays = arrays.chain(flat.into_iter().flatten().filter_map(Staging::copy));
        // SAFETY: the arrays were found to fit the plan and not to overlap, and are
        // borrowed until the end.
        unsafe {
            if let Some([packed, into]) = flat {
                source.inspect(|source| packed.fill(source));
                // Elements that are scaled are read, too.
                target.as_deref().inspect(|target| into.fill(target));
            }
            self.movers[which].1.run(node, arrays)?;
            if let Some([_, into]) = flat {
                target.as_deref().inspect(|target| into.empty(target));
            }
        }
        if let Some(target) = target {
            target.buffer().owner().note(Written::Owned);
        }
        Ok(())
    }

    /// What one application to elements of this size moves on this rank, what it passes
    /// on for others included. Local.
    #[must_use]
    pub fn moves(&self, itemsize: usize) -> Moved {
        Moved::of(&self.plan, itemsize, self.links.relays.as_deref())
    }

    fn check(&self, source: Option<&AnyArray>, target: Option<&AnyArray>) -> Result<()> {
        let fits = |array: Option<&AnyArray>, dim_data: &Option<DimData>, name| {
            if array.map(AnyArray::dim_data) == dim_data.as_ref() {
                return Ok(());
            }
            let (kind, detail) = match (array, dim_data) {
                (Some(_), Some(_)) => {
                    (ErrorKind::Shape, "is not of the distribution that the redistribution was planned for")
                }
                (Some(_), None) => (ErrorKind::Shape, "is an array where this rank has no part"),
                (None, _) => (ErrorKind::Null, "must be an array: this rank has a part of it"),
            };
            Err(Error::new(kind, format!("the {name} {detail}")).in_field(name))
        };
        fits(source, &self.source, "source")?;
        fits(target, &self.target, "target")?;
        let Some(target) = target else { return Ok(()) };
        target.check_writable()?;
        if source.is_some_and(|source| overlap(source, target)) {
            return Err(Error::new(
                ErrorKind::Busy,
                "source and target share memory; redistribute into an array of its own",
            )
            .in_field("data"));
        }
        Ok(())
    }

    /// The order of the axes in messages: that of the source's memory where all ranks
    /// have the same. Collective at the first call.
    fn order(&mut self, source: Option<&AnyArray>) -> Result<Order> {
        if let Some(order) = self.order {
            return Ok(order);
        }
        let in_c_order = |source: &AnyArray| {
            !source.buffer().layout().is_empty() && !Memory::of(source, self.source_axes()).prefers_fortran()
        };
        let mut in_c_order = [u64::from(source.is_some_and(in_c_order))];
        self.comm.all_reduce(&mut in_c_order, Op::Max)?;
        let order = if in_c_order[0] == 0 { Order::Fortran } else { Order::C };
        Ok(*self.order.insert(order))
    }

    /// The memory that the source shares with ranks of its node, if the plan can use it.
    fn node<'a>(&self, source: &'a AnyArray) -> Option<&'a Node> {
        Node::of(source).filter(|_| self.same_ranks)
    }

    fn source_axes(&self) -> impl Iterator<Item = usize> {
        (0..self.plan.ndim()).map(|axis| self.plan.source_axis(axis))
    }

    /// The mover bound to these arrays. Local.
    fn mover(
        &mut self,
        source: Option<&AnyArray>,
        target: Option<&AnyArray>,
        types: Types,
        (combine, from_size, to_size): (Combine, usize, usize),
        order: Order,
    ) -> Result<usize> {
        let ndim = self.plan.ndim();
        let node = source.and_then(|source| self.node(source));
        let shared = source.filter(|_| node.is_some()).map_or(0, Node::id_of);
        let nothing = |itemsize| Memory::new(std::ptr::null_mut(), vec![0; ndim], itemsize);
        let packed = match &mut self.flat {
            None => None,
            Some([from, to]) => Some([
                source.map_or_else(|| Ok(nothing(from_size)), |source| from.memory(source))?,
                target.map_or_else(|| Ok(nothing(to_size)), |target| to.memory(target))?,
            ]),
        };
        let same = |(kept, mover): &(Types, Mover)| {
            let field = &mover.fields()[0];
            let fits = match &packed {
                Some([from, to]) => field.from == *from && field.to == *to,
                None => {
                    source.is_none_or(|source| field.from.is_of(source, self.source_axes()))
                        && target.is_none_or(|target| field.to.is_of(target, 0..ndim))
                }
            };
            *kept == types && !mover.is_busy() && field.shared == shared && fits
        };
        if let Some(which) = self.movers.iter().position(same) {
            return Ok(which);
        }
        let [from, to] = packed.unwrap_or_else(|| {
            [
                source.map_or_else(|| nothing(from_size), |source| Memory::of(source, self.source_axes())),
                target.map_or_else(|| nothing(to_size), |target| Memory::of(target, 0..ndim)),
            ]
        });
        let field = Field { from, to, combine, shared };
        let mode = Mode { way: Way::Forward, order, packed: false };
        // SAFETY: every round runs while the arrays are borrowed; a rank without one
        // exchanges nothing of it.
        let mover =
            unsafe { Mover::new(&self.comm, self.tag, &self.plan, vec![field], &[node], &self.links, mode) }?;
        if self.movers.len() == KEPT {
            self.movers.remove(0);
        }
        self.movers.push((types, mover));
        Ok(self.movers.len() - 1)
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
    .expected_found(count(own.size()), count(other.size())))
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

fn no_part() -> Error {
    Error::new(ErrorKind::Shape, "a rank has no part of the target; use apply_across").in_field("target")
}

/// Whether the bytes that two arrays reach overlap.
fn overlap(a: &AnyArray, b: &AnyArray) -> bool {
    let span = |array: &AnyArray| {
        let (low, high) = array.buffer().layout().reach();
        let at = array.buffer().data().addr() as i128;
        (at + low as i128, at + high as i128)
    };
    let ((a_low, a_high), (b_low, b_high)) = (span(a), span(b));
    a_low.max(b_low) < a_high.min(b_high)
}

/// Element type and size as one word.
pub(super) fn dtype_word(array: &AnyArray) -> u64 {
    let DType { code, bits, lanes } = array.dtype();
    let size = array.buffer().layout().itemsize() as u64;
    size << 32 | u64::from(code) << 24 | u64::from(bits) << 16 | u64::from(lanes)
}

/// What [`dtype_word`] was made of.
fn of_word(word: u64) -> (DType, usize) {
    let [code, bits, low, high, size @ ..] =
        [24, 16, 0, 8, 32, 40, 48, 56].map(|by| (word >> by).to_le_bytes()[0]);
    let lanes = u16::from_le_bytes([low, high]);
    (DType { code, bits, lanes }, u32::from_le_bytes(size) as usize)
}

/// All of a scale in one word, all but surely different for another.
fn scale_word(scale: &Scale) -> u64 {
    let Scale { alpha, beta, conjugate } = *scale;
    let words = [alpha.re, alpha.im, beta.re, beta.im].map(f64::to_bits);
    crate::distribution::hash_words(words.into_iter().chain([conjugate.into()]))
}
