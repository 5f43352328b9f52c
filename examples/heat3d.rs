//! The heat equation in three dimensions by explicit Euler steps, on a process grid of
//! any shape. The halo travels while the cells that need none of it are computed.
//!
//! ```sh
//! cargo run --release --example heat3d                     # four ranks as threads
//! cargo build --release --example heat3d --features mpi    # the same over MPI
//! mpirun -n 4 target/release/examples/heat3d
//! ```
//!
//! `c-examples/heat3d.c` is the same in C and says what is solved, `heat3d.f90` in
//! Fortran.

use std::f64::consts::PI;
use std::ops::Range;

use distarray::Result;
use distarray::array::DistArray;
use distarray::comm::{Comm, Op};
use distarray::distribution::{Axis, Distribution};
use distarray::exchange::Halo;
use ndarray::Ix3;

const CELLS: [i64; 3] = [25, 18, 13];
const STEPS: i32 = 60;
const REPORT_EVERY: i32 = 20;
/// Conductivity * time step / (cell size)^2.
const RATE: f64 = 0.16;

/// Held positions along each axis.
type Block = [Range<usize>; 3];

#[cfg(feature = "mpi")]
fn main() -> Result<()> {
    let _universe = mpi::initialize().expect("MPI is not initialised yet");
    let comm = Comm::from_mpi(&mpi::topology::SimpleCommunicator::world())?;
    let report = heat(&comm)?;
    if comm.rank() == 0 {
        print!("{report}");
    }
    Ok(())
}

#[cfg(not(feature = "mpi"))]
fn main() -> Result<()> {
    let reports = distarray::comm::threads(4, |comm| heat(&comm));
    print!("{}", reports.into_iter().collect::<Result<Vec<_>>>()?[0]);
    Ok(())
}

/// Computes, and tells what every rank knows of it. Collective.
pub fn heat(comm: &Comm) -> Result<String> {
    let [x, y, z] = CELLS.map(|cells| Axis::block(cells).halo(1));
    let d = Distribution::new(comm, [x.periodic(), y.edge_outside(), z.edge_outside()])?;
    let start = d.from_fn(mode)?; // the walls outside the edges stay at 0
    let (mut now, mut next) = (start.copy()?, d.zeros()?);

    // One plan serves every array of this distribution. The stencil needs no corners.
    let mut halo = Halo::star(&d)?;
    // The shell is what reads the halo.
    let mut inner = [0, 1, 2].map(|axis| 1..now.view().shape()[axis] - 1);
    let shell: Vec<Block> = (0..3).flat_map(|axis| peel(&mut inner, axis)).collect();

    let mut report =
        format!("{} x {} x {} cells, periodic along the first axis\n", CELLS[0], CELLS[1], CELLS[2]);
    let mut distance = 0.0;
    for step in 0.. {
        if step % REPORT_EVERY == 0 {
            let mut found = [0.0, distance];
            let left = damping().powi(step);
            for (cell, mode) in now.owned().iter().zip(start.owned()) {
                found[0] = f64::max(found[0], *cell);
                found[1] = f64::max(found[1], (cell - left * mode).abs());
            }
            comm.all_reduce(&mut found, Op::Max)?;
            distance = found[1];
            report += &format!("after {step:2} steps: warmest {:.6}\n", found[0]);
        }
        if step == STEPS {
            break;
        }
        let pending = halo.start(&mut now)?;
        advance(&now, &mut next, &inner)?; // while messages fly
        pending.finish(&mut now)?;
        for layer in &shell {
            advance(&now, &mut next, layer)?;
        }
        std::mem::swap(&mut now, &mut next);
    }

    let mut most = [halo.moves(size_of::<f64>()).messages as u64];
    comm.all_reduce(&mut most, Op::Max)?;
    let yes = |is| if is { "yes" } else { "no" };
    report += &format!("every cell is within 1e-12 of the closed form: {}\n", yes(distance < 1e-12));
    report += &format!("no rank sends more than six messages a step: {}\n", yes(most[0] <= 6));
    Ok(report)
}

/// One Euler step of the cells of a block.
fn advance(now: &DistArray<f64>, next: &mut DistArray<f64>, block: &Block) -> Result<()> {
    let u = now.view().into_dimensionality::<Ix3>().expect("three axes");
    let mut next = next.view_mut()?.into_dimensionality::<Ix3>().expect("three axes");
    let [x, y, z] = block.clone();
    for i in x {
        for j in y.clone() {
            for k in z.clone() {
                let around = u[(i - 1, j, k)]
                    + u[(i + 1, j, k)]
                    + u[(i, j - 1, k)]
                    + u[(i, j + 1, k)]
                    + u[(i, j, k - 1)]
                    + u[(i, j, k + 1)];
                next[(i, j, k)] = u[(i, j, k)] + RATE * (around - 6.0 * u[(i, j, k)]);
            }
        }
    }
    Ok(())
}

/// Cuts the two outermost layers across an axis off a block; a thin one is the first.
fn peel(block: &mut Block, axis: usize) -> [Block; 2] {
    let mut layers = [block.clone(), block.clone()];
    let Range { start, end } = block[axis];
    let low = end.min(start + 1);
    let high = low.max(end - 1);
    layers[0][axis] = start..low;
    layers[1][axis] = high..end;
    block[axis] = low..high;
    layers
}

/// The mode at a cell, before the first step: a whole sine wave around the periodic
/// axis, half a wave between the walls.
fn mode(cell: &[i64]) -> f64 {
    let [x, y, z] = [0, 1, 2].map(|axis| cell[axis] as f64);
    let cells = CELLS.map(|cells| cells as f64);
    (2.0 * PI * x / cells[0]).sin()
        * (PI * (y + 1.0) / (cells[1] + 1.0)).sin()
        * (PI * (z + 1.0) / (cells[2] + 1.0)).sin()
}

/// What one step leaves of it.
fn damping() -> f64 {
    let [x, y, z] = CELLS.map(|cells| cells as f64);
    let cosines = (2.0 * PI / x).cos() + (PI / (y + 1.0)).cos() + (PI / (z + 1.0)).cos();
    1.0 + 2.0 * RATE * (cosines - 3.0)
}
