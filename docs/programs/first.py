"""A ring of cells, a few on each rank: the library fills the cells that copy the
neighbours', in this program's own memory."""
import numpy as np
from mpi4py import MPI

import distarray as da

N = 4  # cells of each rank
comm = MPI.COMM_WORLD

# Our own memory: N cells between two halo cells. Cell i holds the number i.
u = np.zeros(N + 2)
u[1:-1] = N * comm.rank + np.arange(N)

# How it fits into the whole: all ranks prove together that their parts make one array.
ring = da.Distribution(comm, [da.block(N * comm.size, halo=1, periodic=True)])
da.Halo(ring).update(ring.wrap(u))

print(f"rank {comm.rank}: cells {u[1]:.0f} to {u[N]:.0f}, beside them {u[0]:.0f} and {u[-1]:.0f}")
