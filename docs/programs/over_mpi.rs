//! Rows become columns: each rank holds other parts of one matrix, over MPI.

use distarray::Result;
use distarray::comm::{Comm, Op};
use distarray::distribution::{Axis, Distribution};
use distarray::exchange::Redistribution;
use mpi::topology::SimpleCommunicator;

fn main() -> Result<()> {
    let _universe = mpi::initialize().expect("MPI is initialized once");
    let comm = Comm::from_mpi(&SimpleCommunicator::world())?;
    let line = columns(&comm)?;
    if comm.rank() == 0 {
        println!("{line}");
    }
    Ok(())
}

/// What a rank holds at the end. Collective.
pub fn columns(comm: &Comm) -> Result<String> {
    // A matrix by rows, and by pairs of columns dealt out in turn.
    let rows = Distribution::new(comm, [Axis::block(64), Axis::whole(9)])?;
    let columns = Distribution::new(comm, [Axis::whole(64), Axis::cyclic(9, 2)])?;
    let u = rows.from_fn(|g| (10 * g[0] + g[1]) as f64)?;
    let v = Redistribution::new(&rows, &columns)?.apply(&u)?;

    let mut sum = [v.owned().sum()];
    comm.all_reduce(&mut sum, Op::Sum)?;
    Ok(format!("{:?} on rank {}, {} on all {}", v.view().shape(), comm.rank(), sum[0], comm.size()))
}
