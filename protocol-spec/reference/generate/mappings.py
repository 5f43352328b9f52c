"""What other libraries call things: descriptions beside their own formulas.

Each formula is the one of the library's manual, written down as it stands there.
"""

from .brute import Layout, deal_blocks
from .collective import collective
from .common import block, cyclic, new, unstructured, vector, whole
from .dnpy import padded
from .image import DIM, Loan, put


def vectors():
    return [*forms(), *numpy(), *petsc(), *scalapack(), *fftw(), *mpi()]


# One part in its three forms


def forms():
    """One vector for each key of an axis, in which it has not its default.

    The record lacks the address of `indices`.
    """
    flags = {"periodic": 1, "one_to_one": 2, "edge_outside": 8, "component": 16}
    plain = {
        "b": block(6, 2, 1, 2, 6),
        "c": cyclic(6, 2, 1, 2, block_size=2),
        "u": unstructured(6, 2, 0, [4, 0, 5]),
    }
    cases = {
        "start-stop": (plain["b"], "0.10.0"),
        "padding": (plain["b"] | {"padding": [1, 0]}, "0.10.0"),
        "periodic": (plain["b"] | {"periodic": True}, "0.10.0"),
        "edge_outside": (block(6, 2, 1, 2, 7, padding=[1, 1], edge_outside=True), "1.0.0"),
        "block_size": (plain["c"], "0.10.0"),
        "first_block": (cyclic(6, 2, 1, 1, block_size=2, first_block=1), "1.0.0"),
        "indices": (plain["u"], "0.10.0"),
        "one_to_one": (plain["u"] | {"one_to_one": True}, "0.10.0"),
        "num_owned": (plain["u"] | {"num_owned": 2}, "1.0.0"),
        "component": (plain["b"] | {"component": True}, "1.0.0"),
    }
    for name, (axis, version) in cases.items():
        record = bytearray(128)
        fields = {
            "dist_type": ord(axis["dist_type"]),
            "flags": sum(flag for key, flag in flags.items() if axis.get(key)),
        }
        fields |= {key: axis[key] for key in DIM if key in axis and key != "dist_type"}
        if "indices" in axis:
            fields |= {
                "n_indices": len(axis["indices"]),
                "n_owned": axis.get("num_owned", len(axis["indices"])),
            }
        for field, value in fields.items():
            put(record, DIM, field, value)
        content = {
            "description": whole(axis, version=version),
            "record": record.hex(),
            "header": header(axis, version),
        }
        yield vector("forms", f"form-{name}", "A13 F9", content)


def header(axis, version):
    order = (
        "dist_type",
        "size",
        "proc_grid_rank",
        "proc_grid_size",
        "start",
        "stop",
        "padding",
        "periodic",
        "edge_outside",
    )
    order += ("block_size", "first_block", "indices", "one_to_one", "num_owned", "component")
    python = {key: tuple(axis[key]) if key == "padding" else axis[key] for key in order if key in axis}
    return padded(f"{{'__version__': {version!r}, 'dim_data': ({python!r},), }}", 16).decode("latin-1")


# Libraries


def stated(name, parts, owned, about, held=None):
    content = {
        "parts": [p if "__version__" in p else whole(p) for p in parts],
        "held": held or owned,
        "owned": owned,
    }
    kinds = {"b": "B7", "c": "C5", "u": "U4"}
    rule = kinds[content["parts"][0]["dim_data"][0]["dist_type"]]
    return vector("maps", name, rule, content, about=about)


def bounds_to_blocks(bounds):
    size, procs = bounds[-1], len(bounds) - 1
    parts = [block(size, procs, c, bounds[c], bounds[c + 1]) for c in range(procs)]
    return parts, [list(range(bounds[c], bounds[c + 1])) for c in range(procs)]


def numpy():
    """numpy.array_split: size % P sections of size//P + 1, the rest of size//P."""
    size, procs = 10, 4
    lengths = [size // procs + 1] * (size % procs) + [size // procs] * (procs - size % procs)
    bounds = [sum(lengths[:c]) for c in range(procs + 1)]
    yield stated("numpy-array_split", *bounds_to_blocks(bounds), "numpy.array_split(range(10), 4)")
    yield strided("numpy-strides-c", [24, 8], "numpy.zeros((2, 3)).strides")
    yield strided("numpy-strides-f", [8, 16], "numpy.zeros((2, 3), order='F').strides")


def strided(name, strides, about, shape=(2, 3), size=None):
    loan = Loan()
    loan.shape, loan.strides = list(shape), strides
    loan.dims = [{"dist_type": ord("b"), "size": n, "proc_grid_size": 1, "stop": n} for n in shape]
    loan.bytes = size or 8 * shape[0] * shape[1]
    loan.fields |= {"process_rank": 0, "process_count": 1, "alloc_bytes": loan.bytes}
    return vector("abi", name, "A11", {"access": "read-write"} | loan.segments(), about=about)


def petsc():
    """PetscSplitOwnership: n = N / size + ((N % size) > rank)."""
    size, procs = 11, 3
    local = [size // procs + (size % procs > rank) for rank in range(procs)]
    bounds = [sum(local[:rank]) for rank in range(procs + 1)]
    yield stated(
        "petsc-vec", *bounds_to_blocks(bounds), "VecGetOwnershipRange of VecCreateMPI(comm, PETSC_DECIDE, 11)"
    )
    ghosts = [[4], [0, 10], [7]]
    owned = [list(range(bounds[r], bounds[r + 1])) for r in range(procs)]
    parts = [
        new(unstructured(size, procs, r, owned[r] + ghosts[r], one_to_one=True, num_owned=len(owned[r])))
        for r in range(procs)
    ]
    yield stated(
        "petsc-vecghost",
        parts,
        owned,
        "VecCreateGhost: owned entries, then ghosts",
        [o + g for o, g in zip(owned, ghosts)],
    )
    # DMDA: x runs fastest in memory and in ranks, so the axes are (y, x), row-major.
    m, n = 2, 3
    axes = [deal_blocks([2, 2, 1]), deal_blocks([4, 3])]
    ranks = [whole(dict(axes[0].parts[rank // m]), dict(axes[1].parts[rank % m])) for rank in range(m * n)]
    yield collective("petsc-dmda", "W2 W4", ranks) | {
        "about": "DMDACreate2d, m 2, n 3: rank % m is x, rank / m is y"
    }
    ghosted = Layout(
        deal_blocks([3, 3], (1, 1), True, True), deal_blocks([4, 3], (1, 1), True)
    ).descriptions()
    yield collective("petsc-dmda-ghosted", "W5", ghosted) | {
        "about": "DMGetLocalVector, stencil width 1, DM_BOUNDARY_GHOSTED in x and _PERIODIC in y"
    }


def scalapack():
    """NUMROC and INDXL2G of the ScaLAPACK tools."""

    def numroc(n, nb, iproc, isrcproc, nprocs):
        mydist = (nprocs + iproc - isrcproc) % nprocs
        nblocks = n // nb
        rows = nblocks // nprocs * nb
        extrablks = nblocks % nprocs
        return rows + (nb if mydist < extrablks else n % nb if mydist == extrablks else 0)

    def indxl2g(indxloc, nb, iproc, isrcproc, nprocs):  # counts from 1
        return (
            nprocs * nb * ((indxloc - 1) // nb)
            + (indxloc - 1) % nb
            + (nprocs + iproc - isrcproc) % nprocs * nb
            + 1
        )

    for source in (0, 2):
        n, nb, procs = 17, 3, 3
        owned, parts = [], []
        for proc in range(procs):
            rows = numroc(n, nb, proc, source, procs)
            owned.append([indxl2g(i + 1, nb, proc, source, procs) - 1 for i in range(rows)])
            parts.append(cyclic(n, procs, proc, (procs + proc - source) % procs * nb, block_size=nb))
        parts = [new(p) for p in parts] if source else parts
        yield stated(f"scalapack-rsrc-{source}", parts, owned, f"DESCINIT(DESC, 17, N, 3, NB, {source}, ...)")
    # BLACS_GRIDINIT with order 'C': process p stands at row p mod NPROW.
    nprow, npcol = 2, 3
    place = lambda p: (p % nprow, p // nprow)
    ranks = [
        new(
            cyclic(5, nprow, place(p)[0], place(p)[0] * 2, block_size=2),
            cyclic(7, npcol, place(p)[1], place(p)[1] * 2, block_size=2),
            grid_order="F",
        )
        for p in range(nprow * npcol)
    ]
    yield collective("blacs-column-major", "W2", ranks) | {"about": "BLACS_GRIDINIT(ICTXT, 'C', 2, 3)"}
    yield strided("scalapack-lld", [8, 8 * 4], "2 x 3 elements with LLD 4, column-major", size=8 * 4 * 3)


def fftw():
    """The default block of fftw_mpi_local_size: (n + P - 1) / P."""
    size, procs = 10, 4
    length = (size + procs - 1) // procs
    bounds = [min(length * rank, size) for rank in range(procs + 1)]
    yield stated(
        "fftw-slab",
        *bounds_to_blocks(bounds),
        "local_n0, local_0_start of fftw_mpi_local_size_2d(10, n1, comm, ...)",
    )


def mpi():
    """MPI_Type_create_darray, MPI_DISTRIBUTE_CYCLIC with distribution argument 2."""
    size, procs, argument = 9, 2, 2
    owned = [[g for g in range(size) if g // argument % procs == rank] for rank in range(procs)]
    parts = [cyclic(size, procs, rank, rank * argument, block_size=argument) for rank in range(procs)]
    yield stated("mpi-darray-cyclic", parts, owned, "MPI_Type_create_darray, MPI_DISTRIBUTE_CYCLIC, darg 2")
    rows, columns = 2, 3
    coordinates = lambda rank: (rank // columns, rank % columns)
    ranks = [
        whole(
            block(4, rows, coordinates(r)[0], 2 * coordinates(r)[0], 2 * coordinates(r)[0] + 2),
            block(3, columns, coordinates(r)[1], coordinates(r)[1], coordinates(r)[1] + 1),
        )
        for r in range(6)
    ]
    yield collective("mpi-cart", "W2", ranks) | {"about": "MPI_Cart_create: row-major ranks"}
