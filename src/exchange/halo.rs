//! Halo exchange: every rank's padding gets what the owners hold.
#![allow(unsafe_code)] // hands the memory of arrays to the mover

use super::bound::{Binding, BoundHalo};
use super::combine::{Accumulate, Combine};
use super::edges::{self, Edge};
use super::lists;
use super::memory::{Field, Memory};
use super::moved::Moved;
use super::mover::{Links, Mover};
use super::plan::Plan;
use super::redistribution::dtype_word;
use super::routes::{Mode, Way};
use super::shared::Node;
use super::verdict::agree;
use crate::array::{AnyArray, ArrayMut, DType, DistArray, Element, Order, Written};
use crate::comm::Comm;
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::DimData;

/// The halo exchange of arrays of one distribution: planned once, run as often as
/// one likes, for arrays of any element type.
///
/// ```
/// use distarray::comm;
/// use distarray::distribution::{Axis, Distribution};
/// use distarray::exchange::Halo;
///
/// comm::threads(4, |comm| {
///     let d = Distribution::new(&comm, [Axis::block(64).halo(1).periodic(), Axis::whole(9)])?;
///     let mut u = d.zeros::<f64>()?;
///     u.owned_mut()?.fill(comm.rank() as f64);
///     let mut halo = Halo::new(&d)?;
///     halo.update(&mut u)?;
///     assert_eq!(u.view()[[0, 0]], ((comm.rank() + 3) % 4) as f64);
///     Ok::<(), distarray::Error>(())
/// });
/// ```
///
/// Each call is agreed upon: what one rank finds wrong, all ranks return, and no
/// array is touched. That costs one small reduction, which a bound exchange
/// ([`bind`](Self::bind)) spends once.
pub struct Halo {
    pub(super) comm: Comm,
    dim_data: DimData,
    plan: Plan,
    tag: i32,
    links: Links,
    /// How padding outside the edges is filled; none where it stays as it is.
    pub(super) edges: Option<Vec<Edge>>,
    /// Movers for the arrays that came last.
    pub(super) movers: Vec<Kept>,
}

/// A mover, what it does, and to which element types.
pub(super) struct Kept {
    task: Task,
    pub(super) dtypes: Vec<DType>,
    pub(super) mover: Mover,
}

/// What to do with arrays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Update,
    /// An update that leaves the arrays free while messages fly.
    UpdateLater,
    Accumulate(Accumulate),
}

/// Movers that are kept: programs swap two or three arrays.
const KEPT: usize = 4;

impl Halo {
    /// The exchange of all padding, corners included. Collective.
    ///
    /// # Errors
    /// A message layer that fails or has no tag left: on every rank.
    pub fn new(distribution: &Distribution) -> Result<Self> {
        Self::with_corners(distribution, true)
    }

    /// The exchange without the elements that lie in the padding of several axes: for
    /// stencils that reach along axes only. Collective.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn star(distribution: &Distribution) -> Result<Self> {
        Self::with_corners(distribution, false)
    }

    fn with_corners(distribution: &Distribution, corners: bool) -> Result<Self> {
        let comm = distribution.comm();
        let tag = comm.new_tag();
        let lists = lists::of_ghosts(distribution)?;
        let dim_data = distribution.dim_data();
        let plan = Plan::halo_with(distribution.decomposition(), dim_data, corners, &lists);
        let mine = tag.and_then(|tag| Ok((tag, plan?)));
        let (tag, plan) = agree(comm, mine, std::iter::once(u64::from(corners)))?;
        // A rank's neighbours are few: no two steps.
        let links = Links { lanes: comm.lanes(plan.has_messages())?, relays: None };
        Ok(Self {
            comm: comm.clone(),
            dim_data: dim_data.clone(),
            plan,
            tag,
            links,
            edges: None,
            movers: Vec::new(),
        })
    }

    /// The same, and from now on each update fills the padding outside the edges too:
    /// `edges[i]` says how along axis `i`. Collective; all ranks say the same.
    ///
    /// ```
    /// # use distarray::comm;
    /// # use distarray::distribution::{Axis, Distribution};
    /// use distarray::exchange::{Edge, Halo};
    /// # comm::threads(2, |comm| {
    /// let d = Distribution::new(&comm, [Axis::block(6).halo(2).edge_outside()])?;
    /// let mut u = d.from_fn(|g| g[0])?;
    /// Halo::new(&d)?.filling([Edge::Reflect])?.update(&mut u)?;
    /// if comm.rank() == 0 {
    ///     assert_eq!(u.view().as_slice().unwrap(), [2, 1, 0, 1, 2, 3, 4]);
    /// }
    /// # Ok::<(), distarray::Error>(())
    /// # }).into_iter().for_each(Result::unwrap);
    /// ```
    ///
    /// # Errors
    /// `Shape` for another number of axes, `Halo` where a mirror shows what a rank does
    /// not hold: on every rank.
    pub fn filling(mut self, edges: impl Into<Vec<Edge>>) -> Result<Self> {
        self.fill_edges_if(Ok(edges.into()))?;
        Ok(self)
    }

    /// [`filling`](Self::filling) where this rank may have failed already.
    pub(crate) fn fill_edges_if(&mut self, edges: Result<Vec<Edge>>) -> Result<()> {
        let checked = self.check_idle().and(edges);
        let checked = checked.and_then(|edges| edges::check(&self.dim_data, &edges).map(|()| edges));
        let words: Vec<u64> = checked.iter().flatten().flat_map(edge_words).collect();
        let checked = agree(&self.comm, checked, words.into_iter())?;
        self.edges = checked.iter().any(|edge| *edge != Edge::Keep).then_some(checked);
        Ok(())
    }

    pub(crate) fn ndim(&self) -> usize {
        self.dim_data.ndim()
    }

    /// What is exchanged. Local.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Fills the padding with what the owners hold. Collective; messages go to
    /// neighbours only.
    ///
    /// Padding outside the edges of an axis that is not periodic stays as it is, unless
    /// the plan is for [`filling`](Self::filling) it.
    ///
    /// # Errors
    /// `Shape` when an array is not of the distribution, `Access` when it must not be
    /// written: on every rank, the array untouched. `Comm` when the message layer
    /// fails.
    pub fn update<'a>(&mut self, array: impl Into<ArrayMut<'a>>) -> Result<()> {
        self.update_all(&[array.into()])
    }

    /// Fills the padding of several arrays, of any element types, with one message to
    /// each neighbour. Collective; all ranks pass the arrays in the same order.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_all(&mut self, arrays: &[ArrayMut<'_>]) -> Result<()> {
        self.run(Ok(arrays), Task::Update)
    }

    /// Adds each padding element to the element it is a copy of: the adjoint of the
    /// update, whose padding stays as it is. Or takes the least or greatest of all
    /// copies. Collective; sums are made in the order of the plan, whichever ranks share
    /// memory: they have the same bits every time.
    ///
    /// # Errors
    /// As [`update`](Self::update); `DType` for elements that have no sum or order.
    pub fn accumulate<'a>(&mut self, array: impl Into<ArrayMut<'a>>, how: Accumulate) -> Result<()> {
        self.run(Ok(&[array.into()]), Task::Accumulate(how))
    }

    /// Binds the exchange to one array, so that an update needs no agreement: it costs
    /// its messages, or between ranks of one node on
    /// [shared memory](Distribution::shared_zeros) one copy. Collective.
    ///
    /// ```
    /// # use distarray::comm;
    /// # use distarray::distribution::{Axis, Distribution};
    /// # use distarray::exchange::Halo;
    /// # comm::threads(2, |comm| {
    /// # let d = Distribution::new(&comm, [Axis::block(8).halo(1)])?;
    /// let mut u = Halo::new(&d)?.bind(d.shared_zeros::<f64>()?)?;
    /// for _step in 0..10 {
    ///     u.owned_mut()?.map_inplace(|element| *element += 1.0);
    ///     u.update()?;
    /// }
    /// assert_eq!(u.array().view().sum(), 10.0 * 5.0);
    /// # Ok::<(), distarray::Error>(())
    /// # }).into_iter().for_each(Result::unwrap);
    /// ```
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn bind<T: Element>(&self, mut array: DistArray<T>) -> Result<BoundHalo<T>> {
        let binding = self.bind_if(Ok(&[ArrayMut::from(&mut array)]))?;
        Ok(BoundHalo::new(array, binding))
    }

    /// An exchange of its own for arrays that are kept with it, where this rank may have
    /// failed already. Collective.
    pub(crate) fn bind_if(&self, arrays: std::result::Result<&[ArrayMut<'_>], &Error>) -> Result<Binding> {
        let arrays = arrays.map_err(Error::clone);
        let mover = arrays.clone().and_then(|arrays| self.new_mover(arrays, Task::Update));
        let mover = self.agreed(arrays.unwrap_or_default(), Task::Update, mover)?;
        Ok(Binding::new(mover, self.edges.clone()))
    }

    /// [`update_all`](Self::update_all) where this rank may have failed already.
    pub(crate) fn update_if(&mut self, arrays: std::result::Result<&[ArrayMut<'_>], &Error>) -> Result<()> {
        self.run(arrays.map_err(Error::clone), Task::Update)
    }

    /// [`accumulate`](Self::accumulate) where this rank may have failed already.
    pub(crate) fn accumulate_if(
        &mut self,
        arrays: std::result::Result<&[ArrayMut<'_>], &Error>,
        how: Accumulate,
    ) -> Result<()> {
        self.run(arrays.map_err(Error::clone), Task::Accumulate(how))
    }

    /// Whether an update was started and is not finished.
    pub(crate) fn is_busy(&self) -> bool {
        self.movers.iter().any(|kept| kept.mover.is_busy())
    }

    fn run(&mut self, arrays: Result<&[ArrayMut<'_>]>, task: Task) -> Result<()> {
        let which = self.agreed_mover(arrays.clone(), task)?;
        let arrays = arrays?;
        let node = arrays.first().and_then(|array| Node::of(array));
        // SAFETY: the arrays were found to fit the plan and are borrowed until the end.
        unsafe { self.movers[which].mover.run(node, arrays.iter().map(|array| &**array)) }?;
        let written = if matches!(task, Task::Accumulate(_)) { Written::Owned } else { Written::HaloCurrent };
        if task == Task::Update {
            // SAFETY: the arrays fit, and are borrowed to be written.
            arrays.iter().try_for_each(|array| unsafe { fill(&self.edges, array) })?;
        }
        arrays.iter().for_each(|array| array.buffer().owner().note(written));
        Ok(())
    }

    /// The mover bound to these arrays, where no rank objects. Collective.
    pub(super) fn agreed_mover(&mut self, arrays: Result<&[ArrayMut<'_>]>, task: Task) -> Result<usize> {
        let mover = arrays.clone().and_then(|arrays| self.mover(arrays, task));
        self.agreed(arrays.unwrap_or_default(), task, mover)
    }

    /// Agrees that all ranks do the same with arrays of the same types. Collective.
    fn agreed<T>(&self, arrays: &[ArrayMut<'_>], task: Task, mine: Result<T>) -> Result<T> {
        let task = match task {
            Task::Update => 0,
            Task::UpdateLater => 1,
            Task::Accumulate(how) => 2 + how as u64,
        };
        let words = arrays.iter().flat_map(|array| [dtype_word(array), Node::id_of(array)]).chain([task]);
        agree(&self.comm, mine, words)
    }

    /// The mover bound to these arrays. Local.
    fn mover(&mut self, arrays: &[ArrayMut<'_>], task: Task) -> Result<usize> {
        self.check_idle()?;
        let ndim = self.dim_data.ndim();
        let same = |kept: &Kept| {
            let fields = kept.dtypes.iter().zip(kept.mover.fields());
            let is = |(array, (dtype, field)): (&ArrayMut<'_>, (&DType, &Field))| {
                array.dtype() == *dtype
                    && field.shared == Node::id_of(array)
                    && field.to.is_of(array, 0..ndim)
                    && self.check(array).is_ok()
            };
            kept.task == task && kept.dtypes.len() == arrays.len() && arrays.iter().zip(fields).all(is)
        };
        if let Some(which) = self.movers.iter().position(same) {
            return Ok(which);
        }
        let mover = self.new_mover(arrays, task)?;
        if self.movers.len() == KEPT {
            self.movers.remove(0);
        }
        self.movers.push(Kept { task, dtypes: arrays.iter().map(|array| array.dtype()).collect(), mover });
        Ok(self.movers.len() - 1)
    }

    fn new_mover(&self, arrays: &[ArrayMut<'_>], task: Task) -> Result<Mover> {
        let field = |array: &ArrayMut<'_>| {
            self.check(array)?;
            let memory = Memory::of(array, 0..self.dim_data.ndim());
            let combine = match task {
                Task::Accumulate(how) => Combine::accumulate(array.dtype(), how)?,
                _ => Combine::Move,
            };
            Ok(Field { from: memory.clone(), to: memory, combine, shared: Node::id_of(array) })
        };
        let fields = arrays.iter().map(field).collect::<Result<Vec<_>>>()?;
        let nodes: Vec<Option<&Node>> = arrays.iter().map(|array| Node::of(array)).collect();
        let way = if matches!(task, Task::Accumulate(_)) { Way::Back } else { Way::Forward };
        let mode = Mode { way, order: Order::C, packed: task == Task::UpdateLater };
        // SAFETY: every round runs while the arrays are borrowed, or is packed.
        unsafe { Mover::new(&self.comm, self.tag, &self.plan, fields, &nodes, &self.links, mode) }
    }

    fn check_idle(&self) -> Result<()> {
        match self.is_busy() {
            true => Err(Error::new(ErrorKind::Busy, "a halo update was started and is not finished")),
            false => Ok(()),
        }
    }

    pub(super) fn check(&self, array: &AnyArray) -> Result<()> {
        if *array.dim_data() != self.dim_data {
            return Err(Error::new(
                ErrorKind::Shape,
                "the array is not of the distribution that the halo was planned for",
            )
            .in_field("dim_data"));
        }
        edges::check_dtype(array.dtype(), self.edges.as_deref().unwrap_or_default())?;
        array.check_writable()
    }

    /// What one update of an array of this element size moves on this rank. Local.
    #[must_use]
    pub fn moves(&self, itemsize: usize) -> Moved {
        Moved::of(&self.plan, itemsize, None)
    }
}

/// Fills what lies outside the edges of an array.
///
/// # Safety
/// The array fits the plan and may be written; nobody else touches it.
pub(super) unsafe fn fill(edges: &Option<Vec<Edge>>, array: &AnyArray) -> Result<()> {
    // SAFETY: the edges were checked for the plan; the caller's promise.
    edges.as_ref().map_or(Ok(()), |edges| unsafe { edges::fill(array, edges) })
}

fn edge_words(edge: &Edge) -> [u64; 2] {
    match edge {
        Edge::Keep => [0, 0],
        Edge::Constant(value) => [1, value.to_bits()],
        Edge::Replicate => [2, 0],
        Edge::Reflect => [3, 0],
        Edge::Symmetric => [4, 0],
    }
}
