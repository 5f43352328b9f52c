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
    let (first, last) = (N * rank, N * rank + N - 1);
    let held = u.view();
    Ok(format!(
        "rank {rank}: cells {first} to {last}, beside them {} and {}",
        held[[0]],
        held[[N as usize + 1]]
    ))
}
