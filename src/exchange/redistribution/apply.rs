//! Running a redistribution.
#![allow(unsafe_code)] // hands the memory of arrays to the mover

use super::{Redistribution, Types};
use crate::array::{AnyArray, ArrayMut, DType, DistArray, Element, Order, Written};
use crate::comm::Op;
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::combine::{Combine, Scale};
use crate::exchange::memory::{Field, Memory};
use crate::exchange::mover::Mover;
use crate::exchange::routes::{Mode, Way};
use crate::exchange::shared::Node;
use crate::exchange::staging::Staging;
use crate::exchange::verdict::agree_on;
use crate::number::as_i64;
use crate::protocol::DimData;

/// Movers that are kept: programs swap two or three arrays.
const KEPT: usize = 4;

/// This rank's arrays: none where it has no part.
pub(crate) type Arrays<'a> = (Option<&'a AnyArray>, Option<ArrayMut<'a>>);

impl Redistribution {
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
                .expected_found(as_i64(from_size), as_i64(to_size)));
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
pub(in crate::exchange) fn dtype_word(array: &AnyArray) -> u64 {
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
