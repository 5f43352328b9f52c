//! The auditor of the demonstration: borrows the arrays of an implicit heat step
//! and computes by itself how well they solve it. The C side is in `audit.h`.

mod c;

use distarray::array::{Access, DistArray};
use distarray::comm::{Comm, Op};
use distarray::ffi::Export;
use distarray::{Error, ErrorKind, Result};
use ndarray::{Ix2, Zip, s};

/// The arrays of a heat step; both stay where their owner has them.
pub struct Audit {
    comm: Comm,
    temperature: DistArray<f64>,
    load: DistArray<f64>,
    coupling: f64,
}

impl Audit {
    /// Takes both loans over; on error they go back to their owner. Local.
    ///
    /// # Safety
    /// The loans are what they claim to be, and nobody writes during [`run`](Self::run).
    unsafe fn new(comm: Comm, temperature: Export, load: Export, coupling: f64) -> Result<Self> {
        // SAFETY: the caller's promise.
        let borrow = |mut loan: Export| unsafe { loan.import(Access::Read) }?.downcast::<f64>();
        let (temperature, load) = (borrow(temperature)?, borrow(load)?);
        let haloed: Vec<usize> = load.view().shape().iter().map(|n| n + 2).collect();
        if haloed.len() != 2 || temperature.view().shape() != haloed {
            return Err(Error::new(ErrorKind::Shape, "the temperature is the load and one cell of halo"));
        }
        Ok(Self { comm, temperature, load, coupling })
    }

    /// |load - A temperature| / |load| and the mean temperature. Collective.
    #[allow(clippy::reversed_empty_ranges)] // ndarray's -1 counts from the end
    fn run(&self) -> Result<[f64; 2]> {
        let two_axes = |_| Error::new(ErrorKind::Shape, "the plate has two axes");
        let load = self.load.view().into_dimensionality::<Ix2>().map_err(two_axes)?;
        let u = self.temperature.view().into_dimensionality::<Ix2>().map_err(two_axes)?;
        let (mut misfit, mut square, mut heat) = (0.0, 0.0, 0.0);
        // Shifted by one, a window on the haloed array shows every cell's neighbour.
        Zip::from(&load)
            .and(u.slice(s![1..-1, 1..-1]))
            .and(u.slice(s![..-2, 1..-1]))
            .and(u.slice(s![2.., 1..-1]))
            .and(u.slice(s![1..-1, ..-2]))
            .and(u.slice(s![1..-1, 2..]))
            .for_each(|&load, &u, &west, &east, &south, &north| {
                let laplacian = west + east + south + north - 4.0 * u;
                let residual = load - (u - self.coupling * laplacian);
                misfit += residual * residual;
                square += load * load;
                heat += u;
            });
        let mut sums = [misfit, square, heat, load.len() as f64];
        self.comm.all_reduce(&mut sums, Op::Sum)?;
        Ok([(sums[0] / sums[1]).sqrt(), sums[2] / sums[3]])
    }
}
