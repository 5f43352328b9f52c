"""One process's description: what is right, and one fault at a time."""

from .common import LARGEST, block, cyclic, local, new, on_axis, refusal, unstructured, whole
from .text import text


def vectors():
    return [*text(), *every_axis(), *blocks(), *deals(), *lists(), *grids()]


def every_axis():
    for kind, axis in {
        "b": block(0, 1, 0, 0, 0),
        "c": cyclic(0, 1, 0, 0),
        "u": unstructured(0, 1, 0, []),
    }.items():
        wide = {
            "b": block(LARGEST, 1, 0, 0, LARGEST),
            "c": cyclic(LARGEST, 1, 0, 0),
            "u": unstructured(LARGEST, 1, 0, []),
        }[kind]
        yield local(f"{kind}-size-0", "D1 D2 D3", whole(axis), (0,))
        yield local(f"{kind}-size-largest", "D1", whole(wide))
        yield local(
            f"{kind}-size-negative", "D1", whole(axis | {"size": -1}), error=on_axis("RANGE", "D1", "size")
        )
        for procs in (0, -1, -LARGEST - 1):
            yield local(
                f"{kind}-proc_grid_size-{procs}",
                "D2",
                whole(axis | {"proc_grid_size": procs}),
                error=on_axis("RANGE", "D2", "proc_grid_size"),
            )
        for rank in (-1, 1, LARGEST):
            yield local(
                f"{kind}-proc_grid_rank-{rank}",
                "D3",
                whole(axis | {"proc_grid_rank": rank}),
                error=on_axis("RANGE", "D3", "proc_grid_rank"),
            )
    yield local("proc_grid_rank-last", "D3", whole(block(4, 3, 2, 4, 4)), (0,))


def blocks():
    range_ = lambda rule, field: on_axis("RANGE", rule, field)
    yield local("block-empty-in-the-middle", "B1 B7", whole(block(12, 3, 1, 5, 5)), (0,))
    yield local("block-all-on-the-middle", "B1 B2 B3", whole(block(12, 3, 1, 0, 12)), (12,))
    yield local("block-descends", "B1", whole(block(12, 3, 1, 8, 4)), error=range_("B1", "stop"))
    yield local("block-start-negative", "B2", whole(block(12, 3, 1, -1, 4)), error=range_("B2", "start"))
    yield local("block-stop-beyond", "B2", whole(block(12, 3, 1, 4, 13)), error=range_("B2", "stop"))
    yield local("outside-first", "B2 B3", new(block(8, 2, 0, -1, 5, padding=[1, 1], edge_outside=True)), (6,))
    yield local(
        "outside-last",
        "B2 B5 B6",
        new(block(8, 2, 1, 3, 9, padding=[1, 1], edge_outside=True, periodic=True)),
        (6,),
    )
    yield local(
        "outside-alone", "B2 B3 B5 B6", new(block(8, 1, 0, -3, 12, padding=[3, 4], edge_outside=True)), (15,)
    )
    yield local(
        "outside-wider-than-the-block",
        "B6",
        new(block(8, 4, 1, -1, 7, padding=[3, 3], edge_outside=True)),
        (8,),
    )
    yield local(
        "outside-start-too-far",
        "B2",
        new(block(8, 2, 1, -2, 9, padding=[1, 1], edge_outside=True)),
        error=range_("B2", "start"),
    )
    yield local(
        "outside-stop-too-far",
        "B2",
        new(block(8, 2, 1, 3, 10, padding=[1, 1], edge_outside=True)),
        error=range_("B2", "stop"),
    )
    yield local(
        "outside-widest", "B2", new(block(8, 1, 0, -LARGEST, 0, padding=[LARGEST, 0], edge_outside=True))
    )
    yield local(
        "outside-length-wraps",
        "B2",
        new(block(8, 1, 0, -LARGEST, 8 + 4, padding=[LARGEST, 4], edge_outside=True)),
        error=range_("B2", "stop"),
    )
    yield local("first-starts-late", "B3", whole(block(12, 3, 0, 1, 4)), error=range_("B3", "start"))
    yield local(
        "outside-first-without-its-halo",
        "B3",
        new(block(8, 2, 0, 0, 5, padding=[1, 1], edge_outside=True)),
        error=range_("B3", "start"),
    )
    yield local("padding-at-the-boundary", "B3 B4 B6", whole(block(12, 3, 0, 0, 6, padding=[2, 2])), (6,))
    yield local("padding-zero", "B4", whole(block(12, 3, 1, 4, 8, padding=[0, 0])), (4,))
    for number, padding in enumerate(([-1, 0], [0, -1], [-LARGEST - 1, 2])):
        yield local(
            f"padding-negative-{number}",
            "B4",
            whole(block(12, 3, 1, 4, 8, padding=padding)),
            error=range_("B4", "padding"),
        )
    yield local("last-ends-at-size", "B5", whole(block(12, 3, 2, 8, 12)), (4,))
    yield local("last-ends-early", "B5", whole(block(12, 3, 2, 8, 11)), (3,), range_("B5", "stop"))
    yield local("last-ends-early-no-buffer", "B5 B2", whole(block(12, 3, 2, 8, 11)))
    yield local(
        "outside-last-without-its-halo",
        "B5",
        new(block(8, 2, 1, 3, 8, padding=[1, 1], edge_outside=True)),
        (5,),
        range_("B5", "stop"),
    )
    yield local(
        "outside-last-beyond-64-bits",
        "B5",
        new(block(LARGEST, 2, 1, LARGEST - 2, LARGEST, padding=[1, 1], edge_outside=True)),
        (2,),
        range_("B5", "stop"),
    )
    yield local("padding-fills-the-part", "B6", whole(block(12, 3, 1, 4, 8, padding=[2, 2])), (4,))
    yield local(
        "padding-too-wide", "B6", whole(block(12, 3, 1, 4, 8, padding=[2, 3])), (4,), range_("B6", "padding")
    )
    yield local(
        "padding-wraps",
        "B6",
        whole(block(LARGEST, 3, 1, 0, LARGEST, padding=[LARGEST, LARGEST])),
        (LARGEST,),
        range_("B6", "padding"),
    )
    yield local("buffer-short", "B7", whole(block(12, 3, 1, 4, 8)), (3,), on_axis("SHAPE", "B7", "shape"))
    yield local(
        "buffer-without-padding",
        "B7",
        whole(block(12, 3, 1, 4, 8, padding=[1, 1])),
        (2,),
        on_axis("SHAPE", "B7", "shape"),
    )
    yield local(
        "buffer-of-the-second-axis",
        "B7",
        whole({}, block(12, 3, 1, 4, 8)),
        (4, 3),
        on_axis("SHAPE", "B7", "shape", 1),
    )


def deals():
    range_ = lambda rule, field: on_axis("RANGE", rule, field)
    yield local("cyclic-block_size-absent", "C1 C2 C5", whole(cyclic(11, 3, 2, 2)), (3,))
    yield local("cyclic-blocks", "C1 C2 C5", whole(cyclic(11, 3, 2, 4, block_size=2)), (3,))
    yield local("cyclic-block_size-beyond-size", "C1 C5", whole(cyclic(11, 3, 0, 0, block_size=100)), (11,))
    yield local("cyclic-nothing-left", "C2 C5", whole(cyclic(9, 4, 3, 15, block_size=5)), (0,))
    for size in (0, -2):
        yield local(
            f"cyclic-block_size-{size}",
            "C1",
            whole(cyclic(11, 3, 0, 0, block_size=size)),
            error=range_("C1", "block_size"),
        )
    yield local(
        "cyclic-start-inside-a-block",
        "C2",
        whole(cyclic(11, 3, 1, 1, block_size=2)),
        error=range_("C2", "start"),
    )
    yield local(
        "cyclic-start-negative", "C2", whole(cyclic(11, 3, 0, -2, block_size=2)), error=range_("C2", "start")
    )
    negative = new(cyclic(11, 3, 0, -2, block_size=2))
    yield local("cyclic-start-negative-in-1.0", "C2", negative, error=range_("C2", "start"))
    yield local(
        "cyclic-start-of-another", "C2", whole(cyclic(11, 3, 1, 4, block_size=2)), error=range_("C2", "start")
    )
    yield local("cyclic-start-of-another-in-1.0", "C2", new(cyclic(11, 3, 1, 4, block_size=2)), (3,))
    yield local(
        "cyclic-start-in-the-second-round",
        "C2",
        new(cyclic(11, 3, 0, 6, block_size=2)),
        error=range_("C2", "start"),
    )
    yield local(
        "cyclic-first_block", "C2 C3 C4 C5", new(cyclic(11, 2, 1, 0, block_size=3, first_block=2)), (5,)
    )
    yield local(
        "cyclic-first_block-behind", "C2 C3 C5", new(cyclic(11, 2, 0, 2, block_size=3, first_block=2)), (6,)
    )
    yield local(
        "cyclic-first_block-longer-than-the-axis",
        "C3 C5",
        new(cyclic(2, 2, 0, 0, block_size=5, first_block=4)),
        (2,),
    )
    for first in (0, -1, 4):
        yield local(
            f"cyclic-first_block-{first}",
            "C3",
            new(cyclic(11, 2, 0, 0, block_size=3, first_block=first)),
            error=range_("C3", "first_block"),
        )
    yield local(
        "cyclic-first_block-missed",
        "C2",
        new(cyclic(11, 2, 0, 3, block_size=3, first_block=2)),
        error=range_("C2", "start"),
    )
    wraps = on_axis("BOUNDS", "C4", "first_block")
    yield local("cyclic-largest", "C4", new(cyclic(LARGEST - 1, 2, 0, 0, block_size=2, first_block=1)))
    yield local("cyclic-wraps", "C4", new(cyclic(LARGEST, 2, 0, 0, block_size=2, first_block=1)), error=wraps)
    yield local(
        "cyclic-start-wraps", "C4", new(cyclic(0, 2, 0, LARGEST, block_size=2, first_block=1)), error=wraps
    )
    yield local(
        "cyclic-turn-wraps",
        "C2",
        whole(cyclic(5, LARGEST, LARGEST - 1, 5, block_size=LARGEST)),
        error=range_("C2", "start"),
    )
    yield local(
        "cyclic-buffer-short",
        "C5",
        whole(cyclic(11, 3, 2, 4, block_size=2)),
        (4,),
        on_axis("SHAPE", "C5", "shape"),
    )


def lists():
    listed = lambda **more: new(unstructured(10, 2, 0, [7, 2, 9, 4, 5], **more))
    yield local("list-all-owned", "U1 U2 U3 U4", listed(), (5,))
    yield local("list-with-ghosts", "U1 U2 U4", listed(num_owned=3), (5,))
    yield local("list-of-ghosts", "U1", listed(num_owned=0), (5,))
    yield local("list-of-labels", "U2 U4", whole(unstructured(2, 1, 0, [-7, LARGEST])), (2,))
    yield local("list-empty", "U1 U4", whole(unstructured(10, 2, 0, [])), (0,))
    for owned in (-1, 6):
        yield local(
            f"list-owned-{owned}", "U1", listed(num_owned=owned), error=on_axis("RANGE", "U1", "num_owned")
        )
    twice = on_axis("DUPLICATE", "U2", "indices")
    yield local("list-index-twice", "U2", whole(unstructured(10, 2, 0, [3, 1, 3])), (3,), twice)
    yield local("list-ghost-twice", "U2", new(unstructured(10, 2, 0, [3, 1, 3], num_owned=2)), (3,), twice)
    yield local("list-one_to_one", "U3", whole(unstructured(3, 1, 0, [2, 0, 1], one_to_one=True)), (3,))
    yield local("list-longer-than-size", "U3", whole(unstructured(3, 2, 0, [5, 6, 7, 8])), (4,))
    many = on_axis("RANGE", "U3", "indices")
    yield local(
        "list-one_to_one-too-many",
        "U3",
        whole(unstructured(3, 2, 0, [0, 1, 2, 3], one_to_one=True)),
        (4,),
        many,
    )
    yield local(
        "list-one_to_one-ghosts-do-not-count",
        "U3",
        new(unstructured(3, 2, 0, [0, 1, 2, 3], one_to_one=True, num_owned=3)),
        (4,),
    )
    yield local("list-buffer-of-the-owned", "U4", listed(num_owned=3), (3,), on_axis("SHAPE", "U4", "shape"))


def grids():
    grid = lambda rule, field: refusal("GRID", rule, field)
    wide = block(0, 2**31, 0, 0, 0)
    yield local("grid-of-2-to-the-62", "G1", whole(wide, wide), (0, 0))
    yield local("grid-of-2-to-the-93", "G1", whole(wide, wide, wide), error=grid("G1", "proc_grid_size"))
    yield local(
        "grid-with-replicas-beyond-64-bits",
        "G1",
        new(wide, wide, replicas=4),
        error=grid("G1", "proc_grid_size"),
    )
    plain = block(12, 3, 1, 4, 8)
    yield local("replica-last", "G2", new(plain, replicas=2, replica=1), (4,))
    for replicas, replica in ((0, 0), (-1, 0), (2, 2), (2, -1), (1, 1)):
        yield local(
            f"replica-{replica}-of-{replicas}",
            "G2",
            new(plain, replicas=replicas, replica=replica),
            error=grid("G2", "replica"),
        )
    yield local("grid-table", "G3 G4", new(plain, grid_order=[2, 0, 1]), (4,))
    yield local(
        "grid-table-of-replicas",
        "G3 G4",
        new(plain, grid_order=[0, 2, 4, 1, 3, 5], replicas=2, replica=1),
        (4,),
    )
    yield local("grid-table-short", "G3", new(plain, grid_order=[1, 0]), error=grid("G3", "grid_ranks"))
    yield local(
        "grid-table-without-replicas",
        "G3",
        new(plain, grid_order=[2, 0, 1], replicas=2),
        error=grid("G3", "grid_ranks"),
    )
    for number, table in enumerate(([0, 1, 1], [1, 2, 3], [-1, 0, 1])):
        yield local(
            f"grid-table-wrong-{number}",
            "G4",
            new(plain, grid_order=table),
            (4,),
            refusal("DUPLICATE", "G4", "grid_ranks"),
        )
