//! Redistribution: an array of one distribution becomes one of another.
#![allow(unsafe_code)] // hands the memory of arrays to the mover

use super::combine::{Combine, Scale};
use super::lists;
use super::mover::{Field, Memory, Mode, Moved, Mover, Way};
use super::plan::{Plan, count};
use super::shared::Node;
use super::verdict::agree;
use crate::array::{AnyArray, ArrayMut, DType, DistArray, Element, Order, Written};
use crate::comm::{Comm, Op};
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Dim, DimData};

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
    source: DimData,
    target: DimData,
    plan: Plan,
    tag: i32,
    /// The order of the axes in messages: that of the first arrays' memory.
    order: Option<Order>,
    movers: Vec<(Types, Mover)>,
}

/// Element types of a kept mover, from and to, and how they are scaled.
type Types = (DType, DType, Scale);

/// Movers that are kept: programs swap two or three arrays.
const KEPT: usize = 4;

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
        let tag = comm.new_tag();
        comm.agree(check(source, target, axes))?;
        let (from, to) = (source.decomposition(), target.decomposition());
        let list = |(axis, &source_axis): (usize, &usize)| {
            lists::of_axis(comm, (from, Some(source), source_axis), (to, Some(target), axis))
        };
        let lists = axes.iter().enumerate().map(list).collect::<Result<Vec<_>>>()?;
        let plan = Plan::between(from, to, count(comm.rank()), axes, &lists);
        let (tag, plan) = comm.agree(tag.and_then(|tag| Ok((tag, plan?))))?;
        Ok(Self {
            comm: comm.clone(),
            source: source.dim_data().clone(),
            target: target.dim_data().clone(),
            plan,
            tag,
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
        let mut target = self.comm.agree(DistArray::zeros(self.target.clone()))?;
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
        self.apply_if(Ok((scale, source.as_ref(), target.into())))
    }

    /// [`apply_scaled`](Self::apply_scaled) where this rank may have failed already.
    pub(crate) fn apply_if(&mut self, arrays: Result<(Scale, &AnyArray, ArrayMut<'_>)>) -> Result<()> {
        let types = |scale, source: &AnyArray, target: &AnyArray| (source.dtype(), target.dtype(), scale);
        let verdict = arrays
            .as_ref()
            .map_err(Error::clone)
            .and_then(|(scale, source, target)| self.check(source, target, types(*scale, source, target)));
        let words = arrays.as_ref().ok().map(|(scale, source, target)| {
            [dtype_word(source), dtype_word(target), Node::id_of(source)]
                .into_iter()
                .chain(scale_words(scale))
        });
        let combine = agree(&self.comm, verdict, words.into_iter().flatten())?;
        let (scale, source, target) = arrays?;
        let types = types(scale, source, &target);
        let order = self.order(source)?;
        let mover = self.mover(source, &target, types, combine, order);
        let which = self.comm.agree(mover)?;
        let mover = &mut self.movers[which].1;
        // SAFETY: the arrays were found to fit the plan and not to overlap, and are
        // borrowed until the end.
        unsafe {
            mover.start()?;
            mover.finish(Node::of(source))?;
        }
        target.buffer().owner().note(Written::Owned);
        Ok(())
    }

    /// What one application to elements of this size moves on this rank. Local.
    #[must_use]
    pub fn moves(&self, itemsize: usize) -> Moved {
        Moved::of(&self.plan, itemsize)
    }

    fn check(&self, source: &AnyArray, target: &AnyArray, (from, to, scale): Types) -> Result<Combine> {
        let fits = |array: &AnyArray, dim_data: &DimData, name| match array.dim_data() == dim_data {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Shape,
                format!("the {name} is not of the distribution that the redistribution was planned for"),
            )
            .in_field("dim_data")),
        };
        fits(source, &self.source, "source")?;
        fits(target, &self.target, "target")?;
        target.check_writable()?;
        let combine = Combine::scaled(from, to, scale)?;
        let sizes = [source, target].map(|array| count(array.buffer().layout().itemsize()));
        if matches!(combine, Combine::Move) && sizes[0] != sizes[1] {
            return Err(Error::new(ErrorKind::DType, "records of different sizes do not convert")
                .in_field("itemsize")
                .expected_found(sizes[0], sizes[1]));
        }
        if overlap(source, target) {
            return Err(Error::new(
                ErrorKind::Busy,
                "source and target share memory; redistribute into an array of its own",
            )
            .in_field("data"));
        }
        Ok(combine)
    }

    /// The order of the axes in messages: that of the source's memory where all ranks
    /// have the same. Collective at the first call.
    fn order(&mut self, source: &AnyArray) -> Result<Order> {
        if let Some(order) = self.order {
            return Ok(order);
        }
        let memory = Memory::of(source, self.source_axes());
        let neutral = source.buffer().layout().is_empty();
        let mut in_c_order = [u64::from(!neutral && !memory.prefers_fortran())];
        self.comm.all_reduce(&mut in_c_order, Op::Max)?;
        let order = if in_c_order[0] == 0 { Order::Fortran } else { Order::C };
        Ok(*self.order.insert(order))
    }

    fn source_axes(&self) -> impl Iterator<Item = usize> {
        (0..self.source.ndim()).map(|axis| self.plan.source_axis(axis))
    }

    /// The mover bound to these arrays. Local.
    fn mover(
        &mut self,
        source: &AnyArray,
        target: &AnyArray,
        types: Types,
        combine: Combine,
        order: Order,
    ) -> Result<usize> {
        let ndim = self.target.ndim();
        let same = |(kept, mover): &(Types, Mover)| {
            let field = &mover.fields()[0];
            *kept == types
                && !mover.is_busy()
                && field.shared == Node::id_of(source)
                && field.from.is_of(source, self.source_axes())
                && field.to.is_of(target, 0..ndim)
        };
        if let Some(which) = self.movers.iter().position(same) {
            return Ok(which);
        }
        let from = Memory::of(source, self.source_axes());
        let shared = Node::id_of(source);
        let field = Field { from, to: Memory::of(target, 0..ndim), combine, shared };
        let mode = Mode { way: Way::Forward, order, packed: false };
        // SAFETY: every round runs while the arrays are borrowed.
        let mover =
            unsafe { Mover::new(&self.comm, self.tag, &self.plan, vec![field], &[Node::of(source)], mode) }?;
        if self.movers.len() == KEPT {
            self.movers.remove(0);
        }
        self.movers.push((types, mover));
        Ok(self.movers.len() - 1)
    }
}

/// What both sides must have in common.
fn check(source: &Distribution, target: &Distribution, axes: &[usize]) -> Result<()> {
    let (own, other) = (source.comm(), target.comm());
    if (own.rank(), own.size()) != (other.rank(), other.size()) {
        return Err(Error::new(
            ErrorKind::Grid,
            "source and target must be distributions over the same ranks",
        )
        .in_field("comm")
        .expected_found(count(own.size()), count(other.size())));
    }
    let (from, to) = (source.dim_data().dims(), target.dim_data().dims());
    super::plan::check_order(from.len(), to.len(), axes)?;
    let lengths =
        axes.iter().map(|&axis| &from[axis]).zip(to).map(|(a, b): (&Dim, &Dim)| (a.size(), b.size()));
    for (axis, (expected, found)) in lengths.enumerate() {
        if expected != found {
            return Err(super::plan::another_shape("size", expected, found).on_axis(axis));
        }
    }
    Ok(())
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

fn scale_words(scale: &Scale) -> impl Iterator<Item = u64> + Clone + use<> {
    let Scale { alpha, beta, conjugate } = *scale;
    [alpha.re, alpha.im, beta.re, beta.im, f64::from(u8::from(conjugate))].map(f64::to_bits).into_iter()
}
