//! A ring of cells, a few on each rank: the library fills the cells that copy the
//! neighbours'.

use distarray::Result;
use distarray::comm::{self, Comm};
use distarray::distribution::{Axis, Distribution};
use distarray::exchange::Halo;

/// Cells of each rank.
const N: i64 = 4;

fn main() -> Result<()> {
    // Two ranks as threads of this process; over MPI, ring(&Comm::from_mpi(...)?).
    for line in comm::threads(2, |comm| ring(&comm)) {
        println!("{}", line?);
    }
    Ok(())
}

/// What a rank finds beside its cells. Collective.
pub fn ring(comm: &Comm) -> Result<String> {
    let (rank, size) = (comm.rank() as i64, comm.size() as i64);
    let d = Distribution::new(comm, [Axis::block(N * size).halo(1).periodic()])?;
    let mut u = d.zeros::<f64>()?;
    for (i, cell) in u.owned_mut()?.iter_mut().enumerate() {
        *cell = (N * rank) as f64 + i as f64; // cell i holds the number i
    }

    // Plan once, update as often as you like.
    let mut halo = Halo::new(&d)?;
    halo.update(&mut u)?;
    let held = u.view();
    let (before, after) = (held[[0]], held[[held.len() - 1]]);
    let last = N * rank + N - 1;
    Ok(format!("rank {rank}: cells {} to {last}, beside them {before} and {after}", N * rank))
}
