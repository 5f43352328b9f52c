//! Handing an array to a consumer that does not take all arrays: in place where it
//! fits, by the least movement where it does not.

use super::combine::{Combine, Scale};
use super::deal::{deal, is_met};
use super::misfits::{Misfits, Reason, ranges};
use super::moved::Moved;
use super::redistribution::{Arrays, Redistribution};
use super::requirements::Requirements;
use super::verdict::agree;
use crate::array::{AnyArray, ArrayMut, Buffer, DType, Order, Whole};
use crate::comm::Op;
use crate::distribution::{Distribution, hash_words};
use crate::error::{Error, ErrorKind, Result};

/// The way of an array to a consumer and back, for a consumer that states what it
/// accepts ([`Requirements`]).
///
/// Where the array fits, the consumer works in its very memory, described anew if need
/// be: a halo is stepped over, blocks are described as a list of indices. Where it does
/// not, the consumer gets a copy that took the least movement, and what it wrote is
/// brought back. Either way [`reasons`](Self::reasons) and [`moves`](Self::moves) tell
/// what it cost and why.
///
/// ```
/// use distarray::comm;
/// use distarray::distribution::{Axis, Distribution};
/// use distarray::exchange::{Accommodation, RequiredAxis, Requirements};
///
/// comm::threads(2, |comm| {
///     let d = Distribution::new(&comm, [Axis::block(10)])?;
///     let u = d.from_fn(|g| g[0] as f64)?.into_any();
///     // A solver that wants blocks of 2 dealt round robin.
///     let accepted = Requirements::any().axes([RequiredAxis::any().cyclic().block_size(2)]);
///     let mut way = Accommodation::new(&d, &u, &accepted)?;
///     assert_eq!(way.reasons()[0].to_string(), "axis 0, dist_type: 'b' on 2 processes becomes 'c' in blocks of 2 on 2 processes; asked for 'c' in blocks of 2");
///
///     let mut v = way.hand_over(u)?.downcast::<f64>()?;
///     v.view_mut()?.mapv_inplace(|x| -x); // the consumer's work
///     let u = way.take_back(v.into_any())?.downcast::<f64>()?;
///     assert_eq!(u.view()[[0]], -5.0 * comm.rank() as f64);
///     Ok::<(), distarray::Error>(())
/// }).into_iter().for_each(Result::unwrap);
/// ```
pub struct Accommodation {
    source: Distribution,
    target: Distribution,
    requirements: Requirements,
    /// Of the source's elements.
    dtype: DType,
    reasons: Vec<Reason>,
    copy: Option<Copying>,
    out: Out,
}

/// How elements get to the consumer's array and back.
struct Copying {
    dtype: DType,
    order: Order,
    there: Redistribution,
    /// Planned when something first goes back.
    back: Option<Redistribution>,
    /// The consumer's array while it is not out: the next hand-over takes no new memory.
    kept: Option<AnyArray>,
}

/// What the consumer has.
#[derive(Default)]
enum Out {
    #[default]
    Nothing,
    /// The array itself, to be made whole again.
    Itself(Whole),
    /// A copy of this, or nothing where handing it over failed.
    CopyOf(AnyArray),
}

impl Accommodation {
    /// Finds out whether a consumer can work on `array`, a part of `distribution`, as it
    /// lies, and plans the way to what it can work on otherwise. Nothing is copied yet.
    /// Collective; all ranks pass the same requirements, but for the [room](Requirements::room).
    ///
    /// # Errors
    /// On every rank: `Shape` for an array of another distribution or of another number
    /// of axes, `DType` for elements that convert to none of the types accepted, `Grid`
    /// for a process grid that the ranks do not fill, `Invariant` for requirements that
    /// differ, `WouldCopy` where a copy is needed and forbidden.
    pub fn new(distribution: &Distribution, array: &AnyArray, requirements: &Requirements) -> Result<Self> {
        Self::new_if(distribution, Ok((array, requirements)))
    }

    /// [`new`](Self::new) where this rank may have failed already.
    pub(crate) fn new_if(
        distribution: &Distribution,
        asked: Result<(&AnyArray, &Requirements)>,
    ) -> Result<Self> {
        let comm = distribution.comm();
        // All but the room is the same everywhere.
        let alike = |requirements: &Requirements| Requirements { room: 0, ..requirements.clone() };
        let text = asked.as_ref().map_or(String::new(), |(_, asked)| format!("{:?}", alike(asked)));
        let words = [hash_words(text.bytes().map(u64::from))];
        let mine = asked.and_then(|(array, requirements)| {
            check_part(distribution, array)?;
            let requirements = requirements.of_array(array.dim_data().dims());
            let axes = requirements.of_axes(array.dim_data().ndim())?;
            let dtype = accepted_dtype(&requirements, array.dtype())?;
            Ok((array, requirements, axes, dtype))
        });
        let (array, requirements, axes, dtype) = agree(comm, mine, words.into_iter())?;

        let target = match is_met(distribution, &requirements, &axes)? {
            true => distribution.clone(),
            false => deal(distribution, &requirements, &axes)?,
        };
        comm.agree(requirements.check_pitches(&target.dim_data().held_shape()))?;
        let reasons = Misfits::agreed(comm, array, target.dim_data(), &requirements)?.explain(
            array,
            &target,
            &requirements,
            &axes,
        );
        if requirements.never_copy && !reasons.is_empty() {
            return Err(would_copy(&reasons));
        }
        let copy = match reasons.as_slice() {
            [] => None,
            _ => {
                let mut in_c_order = [u64::from(array.buffer().layout().is_packed(Order::C))];
                comm.all_reduce(&mut in_c_order, Op::Min)?;
                let own = if in_c_order[0] == 1 { Order::C } else { Order::Fortran };
                let order = requirements.storage.first().map_or(own, |storage| storage.order());
                let there = Redistribution::new(distribution, &target)?;
                Some(Copying { dtype, order, there, back: None, kept: None })
            }
        };
        Ok(Self {
            source: distribution.clone(),
            target,
            requirements,
            dtype: array.dtype(),
            reasons,
            copy,
            out: Out::Nothing,
        })
    }

    /// Whether the consumer gets a copy. Local, the same on all ranks.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// Why a copy is needed; nothing where the array fits. Local, the same on all ranks.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The distribution of what the consumer gets. Local.
    #[must_use]
    pub fn distribution(&self) -> &Distribution {
        &self.target
    }

    /// What one hand-over moves on this rank, for elements of this size: nothing where
    /// the array fits. Local.
    #[must_use]
    pub fn moves(&self, itemsize: usize) -> Moved {
        self.copy.as_ref().map_or(Moved::default(), |copy| copy.there.moves(itemsize))
    }

    /// Hands the array over: gives what the consumer may work on, the array itself or a
    /// copy of what it owns. Padding of a copy is not filled: that is a halo update's. Collective.
    ///
    /// # Errors
    /// On every rank: `Shape`, `Unacceptable` for an array that is not, or does not lie,
    /// like the one planned for; `Busy` while another is out; for a copy as
    /// [`Redistribution::apply_into`], and `NoMemory`. [`recover`](Self::recover) gives
    /// the array back then.
    pub fn hand_over(&mut self, array: AnyArray) -> Result<AnyArray> {
        let comm = self.source.comm().clone();
        let free = match &self.out {
            Out::Nothing => Ok(()),
            _ => {
                Err(Error::new(ErrorKind::Busy, "an array is out already; take it back or recover it first"))
            }
        };
        comm.agree(free)?;
        let fits = self.check(&array);
        self.out = Out::CopyOf(array);
        comm.agree(fits)?;
        if let (Some(copying), Out::CopyOf(source)) = (&mut self.copy, &self.out) {
            let copy = match copying.kept.take() {
                Some(kept) => Ok(kept),
                None => copying.new_copy(&self.target, &self.requirements, source),
            };
            let mut copy = comm.agree(copy)?;
            copying.there.apply_into(source, &mut copy)?;
            return Ok(copy);
        }
        let array = self.recover().ok_or_else(not_out)?;
        let (part, whole) = self.in_place(array)?;
        self.out = Out::Itself(whole);
        Ok(part)
    }

    /// Takes back what was handed over, after the consumer's work, and gives the array:
    /// what was written into a copy is brought back into it. Collective.
    ///
    /// # Errors
    /// On every rank: `Shape` for an array that was not handed over, `Access` where a
    /// copy of memory lent for reading would be brought back; then
    /// [`recover`](Self::recover) gives the array as it was. `Comm`.
    pub fn take_back(&mut self, array: AnyArray) -> Result<AnyArray> {
        let comm = self.source.comm().clone();
        match std::mem::take(&mut self.out) {
            Out::CopyOf(mut source) => {
                let back = self.bring_back(Ok((Some(&array), Some(ArrayMut::from(&mut source)))));
                if let Err(error) = back {
                    self.out = Out::CopyOf(source);
                    return Err(error);
                }
                let fits = Misfits::of(&array, self.target.dim_data(), &self.requirements).is_nothing();
                if let Some(copying) =
                    self.copy.as_mut().filter(|copying| fits && copying.dtype == array.dtype())
                {
                    copying.kept = Some(array);
                }
                Ok(source)
            }
            Out::Itself(whole) => {
                let same = if whole.is_of(&array) { Ok(()) } else { Err(not_out()) };
                if let Err(error) = comm.agree(same) {
                    self.out = Out::Itself(whole);
                    return Err(error);
                }
                array.widened(whole).ok_or_else(not_out)
            }
            Out::Nothing => comm.agree(Err(not_out())),
        }
    }

    /// The array that is set aside, as it was, after the consumer has given up its copy or
    /// handing over has failed. Local. `None` where the consumer has the array itself.
    pub fn recover(&mut self) -> Option<AnyArray> {
        match std::mem::take(&mut self.out) {
            Out::CopyOf(array) => Some(array),
            _ => None,
        }
    }

    /// Refuses an array that is not like the one planned for. Local.
    pub(crate) fn check(&self, array: &AnyArray) -> Result<()> {
        check_part(&self.source, array)?;
        if array.dtype() != self.dtype {
            let detail = format!("the elements are {}; {} ones were planned for", array.dtype(), self.dtype);
            return Err(Error::new(ErrorKind::DType, detail).in_field("dtype"));
        }
        if self.is_copy() {
            return Ok(());
        }
        if !Misfits::of(array, self.target.dim_data(), &self.requirements).is_nothing() {
            return Err(Error::new(
                ErrorKind::Unacceptable,
                "this array does not lie in memory like the one that was planned for; make an accommodation for it",
            )
            .in_field("data"));
        }
        Ok(())
    }

    /// The array itself, as the consumer sees it. Local.
    pub(crate) fn in_place(&self, array: AnyArray) -> Result<(AnyArray, Whole)> {
        let dim_data = self.target.dim_data().clone();
        let ranges = ranges(array.dim_data().dims(), dim_data.dims()).ok_or_else(not_out)?;
        array.narrowed(ranges.into_iter(), dim_data)
    }

    /// New memory for the consumer; none where it needs no copy. Local.
    pub(crate) fn new_copy(&self, source: &AnyArray) -> Result<Option<AnyArray>> {
        let copying = self.copy.as_ref();
        copying.map(|copying| copying.new_copy(&self.target, &self.requirements, source)).transpose()
    }

    /// Brings the source's elements into the copy, if there is one. Collective.
    pub(crate) fn bring_there(&mut self, arrays: Result<Arrays<'_>>) -> Result<()> {
        match &mut self.copy {
            Some(copying) => copying.there.apply_if(arrays.map(unscaled)),
            None => self.source.comm().agree(arrays.map(drop)),
        }
    }

    /// Brings the copy's elements back, if there is one. Collective.
    pub(crate) fn bring_back(&mut self, arrays: Result<Arrays<'_>>) -> Result<()> {
        let Some(copying) = &mut self.copy else { return self.source.comm().agree(arrays.map(drop)) };
        if copying.back.is_none() {
            copying.back = Some(Redistribution::new(&self.target, &self.source)?);
        }
        let Some(back) = &mut copying.back else { return Ok(()) };
        back.apply_if(arrays.map(unscaled))
    }
}

impl Copying {
    fn new_copy(
        &self,
        target: &Distribution,
        requirements: &Requirements,
        like: &AnyArray,
    ) -> Result<AnyArray> {
        let dim_data = target.dim_data();
        let itemsize = self.dtype.itemsize().unwrap_or(like.buffer().layout().itemsize());
        let (layout, room) = requirements.layout(&dim_data.held_shape(), itemsize, self.order)?;
        let format = like.buffer().format().filter(|_| self.dtype == like.dtype()).cloned();
        let buffer = Buffer::zeroed(self.dtype, layout, room, format, requirements.alignment)?;
        AnyArray::new(dim_data.clone(), buffer)
    }
}

fn unscaled(arrays: Arrays<'_>) -> (Scale, Arrays<'_>) {
    (Scale::default(), arrays)
}

fn would_copy(reasons: &[Reason]) -> Error {
    let all: Vec<String> = reasons.iter().map(Reason::to_string).collect();
    let detail = format!("the consumer would need a copy, which it forbids: {}", all.join("; "));
    let error = Error::new(ErrorKind::WouldCopy, detail).in_field(reasons[0].field);
    reasons[0].axis.map_or(error.clone(), |axis| error.on_axis(axis))
}

fn not_out() -> Error {
    Error::new(ErrorKind::Shape, "this is not the array that was handed over").in_field("array")
}

/// Refuses an array of another distribution.
fn check_part(distribution: &Distribution, array: &AnyArray) -> Result<()> {
    if array.dim_data() == distribution.dim_data() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Shape, "the array is not a part of the distribution").in_field("array"))
}

/// The element type that a consumer gets.
fn accepted_dtype(requirements: &Requirements, dtype: DType) -> Result<DType> {
    if requirements.takes_dtype(dtype) {
        return Ok(dtype);
    }
    let converts = |&&to: &&DType| Combine::scaled(dtype, to, Scale::default()).is_ok();
    requirements.dtypes.iter().find(converts).copied().ok_or_else(|| {
        let names: Vec<String> = requirements.dtypes.iter().map(DType::to_string).collect();
        let detail = format!(
            "the consumer takes {} elements, and {dtype} ones do not convert without losing their kind",
            names.join(" or ")
        );
        Error::new(ErrorKind::DType, detail).in_field("dtype")
    })
}
