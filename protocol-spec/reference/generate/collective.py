"""The descriptions of all processes: those that make one array, and those that do not."""

from copy import deepcopy

from .brute import Layout, deal_blocks, deal_cyclic, deal_lists
from .common import block, cyclic, new, refusal, unstructured, vector, whole


def collective(name, rules, ranks, error=None, **more):
    return vector("collective", name, rules, {"ranks": ranks} | more, error)


def vectors():
    return [
        *whole_arrays(),
        *broken_grids(),
        *disagreements(),
        *broken_parts(),
        *broken_padding(),
        *broken_lists(),
    ]


def three(**more):
    """Twelve indices in three blocks of four."""
    return [whole(block(12, 3, rank, 4 * rank, 4 * rank + 4, **more)) for rank in range(3)]


def three_with(rank, description):
    ranks = three()
    ranks[rank] = description
    return ranks


def whole_arrays():
    yield collective(
        "array-one-process", "W1 W2 W3 W4", Layout(deal_blocks([5]), deal_cyclic(4, 1, 2)).descriptions()
    )
    yield collective("array-scalar", "W1 W2 W3", [whole()])
    yield collective("array-scalar-replicas", "W1 W2 W3", [new(replicas=3, replica=r) for r in range(3)])
    yield collective("array-blocks", "W1 W2 W3 W4", Layout(deal_blocks([5, 2, 5])).descriptions())
    yield collective(
        "array-blocks-by-cyclic",
        "W1 W2 W3 W4",
        Layout(deal_blocks([5, 2, 5]), deal_cyclic(7, 2, 2)).descriptions(),
    )
    yield collective(
        "array-column-major",
        "W2 W3",
        Layout(deal_blocks([3, 3]), deal_blocks([2, 1, 3]), order="F").descriptions(),
    )
    table = [3, 0, 2, 1]
    rows = Layout(deal_blocks([3, 3]), deal_blocks([2, 2])).descriptions()
    yield collective(
        "array-table-of-ranks",
        "W2 W3",
        [new(*rows[table.index(rank)]["dim_data"], grid_order=table) for rank in range(4)],
    )
    yield collective(
        "array-replicas",
        "W1 W2 W3 W4",
        [new(*three()[rank % 3]["dim_data"], replicas=2, replica=rank // 3) for rank in range(6)],
    )
    yield collective("array-padded", "W4 W5", Layout(deal_blocks([4, 4, 4], (2, 2))).descriptions())
    unequal = [(0, 9, [1, 2]), (5, 15, [2, 3]), (9, 22, [3, 1]), (20, 30, [1, 2])]
    yield collective(
        "array-padding-of-unequal-widths",
        "W4 W5",
        [
            whole(block(30, 4, rank, start, stop, padding=padding))
            for rank, (start, stop, padding) in enumerate(unequal)
        ],
    )
    yield collective("array-outside", "W4 W5", Layout(deal_blocks([3, 5], (2, 1), True)).descriptions())
    yield collective(
        "array-outside-wider-than-a-block",
        "W5",
        Layout(deal_blocks([2, 2, 2], (3, 4), True, True)).descriptions(),
    )
    yield collective("array-padded-in-a-column-of-its-own", "W5", padded_columns(2, 2))
    yield collective("array-rotated-deal", "W3", Layout(deal_cyclic(17, 3, 4, 2, 3)).descriptions())
    yield collective(
        "array-empty", "W4 W6", Layout(deal_blocks([0, 0]), deal_lists(0, [[], []])).descriptions()
    )
    lists = [[6, 1], [0, 5, 3], [2, 4]]
    yield collective("array-lists", "W6", Layout(deal_lists(7, lists, one_to_one=True)).descriptions())
    yield collective(
        "array-lists-with-ghosts",
        "W4 W6",
        Layout(deal_lists(7, lists, [[0], [], [6, 1]]), deal_blocks([2, 2])).descriptions(),
    )
    yield collective("array-lists-owned-twice", "W6", Layout(deal_lists(4, [[0, 1], [1, 2]])).descriptions())
    yield collective(
        "array-labels", "W6", Layout(deal_lists(4, [[-1, -2], [100, 7]], one_to_one=True)).descriptions()
    )
    yield collective(
        "array-components", "W3", [new(*d["dim_data"], block(3, 1, 0, 0, 3, component=True)) for d in three()]
    )
    yield collective("array-of-doubles", "W3", three(), dtypes=["float64"] * 3, uids=[[7, 9]] * 3)


def padded_columns(width_here, width_there):
    """A 2 x 2 grid whose second column has a padding of its own along the first axis."""
    ranks = []
    for row in range(2):
        for column, width in enumerate((1, width_here if row == 0 else width_there)):
            rows = (
                block(8, 2, row, 0, 4 + width, padding=[0, width])
                if row == 0
                else block(8, 2, row, 4 - width, 8, padding=[width, 0])
            )
            ranks.append(whole(rows, block(6, 2, column, 3 * column, 3 * column + 3)))
    return ranks


def broken_grids():
    grid = lambda rule, field, rank: refusal("GRID", rule, field, rank=rank)
    yield collective("grid-of-three-for-two", "W1", three()[:2], grid("W1", "proc_grid_size", 0))
    yield collective(
        "grid-of-one-on-one-of-three",
        "W1",
        three_with(1, whole(block(12, 1, 0, 0, 12))),
        grid("W1", "proc_grid_size", 1),
    )
    yield collective(
        "coordinates-swapped", "W2", [three()[i] for i in (0, 2, 1)], grid("W2", "proc_grid_rank", 1)
    )
    yield collective(
        "coordinates-twice", "W2", [three()[i] for i in (0, 0, 2)], grid("W2", "proc_grid_rank", 1)
    )
    column = Layout(deal_blocks([3, 3]), deal_blocks([2, 1, 3]), order="F").descriptions()
    yield collective(
        "column-major-unsaid", "W2", [whole(*d["dim_data"]) for d in column], grid("W2", "proc_grid_rank", 1)
    )
    one_bad = three_with(2, whole(block(12, 3, 2, 8, 11)))
    yield collective("one-fails-alone", "B5 W4", one_bad, refusal("RANGE", "B5", "stop", axis=0, rank=2))
    unread = three_with(1, whole(block(12, 3, 1, 4, 3)))
    yield collective("one-is-not-read", "B1 W4", unread, refusal("RANGE", "B1", "stop", axis=0, rank=1))


def disagreements():
    def alone(field, kind="INVARIANT", rank=2, other=0, axis=0):
        places = {"rank": rank, "other_rank": other} | ({"axis": axis} if axis is not None else {})
        return refusal(kind, "W3", field, **places)

    def differ(name, description, error, rank=2):
        return collective(f"differs-{name}", "W3", three_with(rank, description), error)

    last = block(12, 3, 2, 8, 12)
    yield differ(
        "ndim",
        whole(
            last,
            {"dist_type": "b", "size": 1, "proc_grid_size": 1, "proc_grid_rank": 0, "start": 0, "stop": 1},
        ),
        alone("ndim", axis=None),
    )
    yield differ("grid_order", new(last, grid_order="F"), alone("grid_order", "GRID", axis=None))
    yield differ("dist_type", whole(cyclic(12, 3, 2, 2)), alone("dist_type"))
    yield differ("component", new(last | {"component": True}), alone("component"))
    yield differ("size", whole(block(13, 3, 2, 8, 13)), alone("size"))
    yield differ("periodic", whole(last | {"periodic": True}), alone("periodic"))
    yield differ("edge_outside", new(last | {"edge_outside": True}), alone("edge_outside"))
    yield differ("rank-0", whole(block(13, 3, 0, 0, 4)), alone("size", rank=0, other=1), rank=0)
    yield collective(
        "differs-dtype",
        "W3",
        three(),
        alone("dtype", "DTYPE", axis=None),
        dtypes=["float64", "float64", "float32"],
    )
    yield collective(
        "differs-uid",
        "W3",
        three(),
        alone("uid", rank=0, other=1, axis=None),
        dtypes=["int8"] * 3,
        uids=[[1, 2], [1, 3], [1, 3]],
    )
    # Six ranks: two replicas of three, or one of six along another axis.
    six = [new(*three()[rank % 3]["dim_data"], replicas=2, replica=rank // 3) for rank in range(6)]
    six[4] = new(block(12, 6, 4, 4, 8))
    yield collective("differs-replicas", "W3", six, alone("replicas", "GRID", rank=4, axis=None))
    tall = Layout(deal_blocks([2, 2]), deal_blocks([1, 1, 1])).descriptions()
    flat = Layout(deal_blocks([2, 1, 1]), deal_blocks([1, 2])).descriptions()
    yield collective(
        "differs-proc_grid_size", "W3", tall[:3] + flat[3:4] + tall[4:], alone("proc_grid_size", rank=3)
    )
    for key, value in {"block_size": [2, 2, 3], "first_block": [3, 3, 2], "start": None}.items():
        if key == "block_size":
            ranks = [new(cyclic(20, 3, r, r * size, block_size=size)) for r, size in enumerate(value)]
        elif key == "first_block":
            ranks = [
                new(
                    cyclic(20, 3, r, r * 3 - (3 - first), block_size=3, first_block=first)
                    if r
                    else cyclic(20, 3, 0, 0, block_size=3)
                )
                for r, first in enumerate(value)
            ]
        else:
            ranks = [new(cyclic(20, 3, r, start, block_size=2)) for r, start in enumerate((0, 2, 0))]
        yield collective(f"differs-{key}", "W3", ranks, alone(key))
    half = lambda one_to_one, rank: whole(
        unstructured(4, 2, rank, [2 * rank, 2 * rank + 1], one_to_one=one_to_one)
    )
    yield collective("differs-one_to_one", "W3", [half(True, 0), half(False, 1)], alone("one_to_one", rank=1))
    even = [whole(block(12 + rank % 2, 4, rank, 3 * rank, 3 * rank + 3 + (rank == 3))) for rank in range(4)]
    yield collective("differs-two-against-two", "W3", even, alone("size", rank=1))
    two = [new(*d["dim_data"], block(5, 1, 0, 0, 5)) for d in three()]
    two[1] = new(*two[1]["dim_data"][:1], block(6, 1, 0, 0, 6))
    yield collective("differs-on-the-second-axis", "W3", two, alone("size", rank=1, axis=1))


def broken_parts():
    meet = lambda rank, other, field="start", axis=0: refusal(
        "PARTITION", "W4", field, axis=axis, rank=rank, other_rank=other
    )
    yield collective("gap", "W4", three_with(1, whole(block(12, 3, 1, 5, 8))), meet(1, 0))
    yield collective("overlap", "W4", three_with(1, whole(block(12, 3, 1, 3, 8))), meet(1, 0))
    yield collective("gap-behind", "W4", three_with(1, whole(block(12, 3, 1, 4, 7))), meet(2, 1))
    padded = Layout(deal_blocks([4, 4, 4], (2, 2))).descriptions()
    gap = deepcopy(padded)
    gap[1]["dim_data"][0]["start"] = 3
    yield collective("gap-between-the-owned", "W4", gap, meet(1, 0))
    grid = Layout(deal_blocks([3, 3]), deal_blocks([4, 4])).descriptions()
    other = deepcopy(grid)
    other[3]["dim_data"][0]["start"], other[1]["dim_data"][0]["stop"] = 2, 2
    yield collective("columns-cut-otherwise", "W4", other, meet(1, 0, "stop"))
    second = deepcopy(grid)
    second[3]["dim_data"][1]["start"] = 5
    yield collective("second-axis-cut-otherwise", "W4", second, meet(3, 1, axis=1))
    lists = Layout(deal_lists(4, [[0, 1], [2, 3]]), deal_blocks([2, 2])).descriptions()
    swapped = deepcopy(lists)
    swapped[1]["dim_data"][0]["indices"] = [1, 0]
    yield collective("lists-in-another-order", "W4", swapped, meet(1, 0, "indices"))
    replica = [new(*three()[rank % 3]["dim_data"], replicas=2, replica=rank // 3) for rank in range(6)]
    for rank, (start, stop) in {3: (0, 5), 4: (5, 8)}.items():
        replica[rank]["dim_data"][0] |= {"start": start, "stop": stop}
    yield collective("replica-cut-otherwise", "W4", replica, meet(3, 0, "stop"))


def broken_padding():
    halo = lambda rank, other=None: refusal(
        "HALO", "W5", "padding", axis=0, rank=rank, **({} if other is None else {"other_rank": other})
    )
    yield collective(
        "padding-on-one-side", "W5", three_with(1, whole(block(12, 3, 1, 3, 8, padding=[1, 0]))), halo(1, 0)
    )
    yield collective("padding-of-other-width-in-one-column", "W5", padded_columns(2, 1), halo(3, 1))
    wide = [
        whole(block(6, 3, rank, *bounds, padding=padding))
        for rank, (bounds, padding) in enumerate((((0, 4), [0, 2]), ((0, 4), [2, 1]), ((2, 6), [1, 0])))
    ]
    yield collective("padding-wider-than-the-owned", "W5", wide, halo(1))
    outside = Layout(deal_blocks([4, 4], (1, 1), True)).descriptions()
    wider = deepcopy(outside)
    wider[1]["dim_data"][0] |= {"stop": 10, "padding": [1, 2]}
    yield collective("outside-of-other-width", "W5", wider, halo(1, 0))
    yield collective(
        "outside-wider-than-the-axis", "W5", Layout(deal_blocks([2, 1], (4, 1), True)).descriptions(), halo(0)
    )
    column = Layout(deal_blocks([4, 4], (1, 1), True), deal_blocks([1, 1])).descriptions()
    for rank in (1, 3):
        column[rank]["dim_data"][0] = deal_blocks([4, 4], (2, 2), True).parts[rank // 2]
    yield collective("outside-of-other-width-in-one-column", "W5", column, halo(1, 0))


def broken_lists():
    total = refusal("PARTITION", "W6", "size", axis=0)
    yield collective("lists-too-few", "W6", Layout(deal_lists(5, [[0, 1], [2, 3]])).descriptions(), total)
    yield collective("lists-too-many", "W6", Layout(deal_lists(3, [[0, 1], [1, 2]])).descriptions(), total)
    yield collective(
        "lists-of-a-garbage-size",
        "W6",
        Layout(deal_lists(2**62, [[0, 1], [2, 3]], one_to_one=True)).descriptions(),
        total,
    )
    twice = Layout(deal_lists(4, [[0, 1], [1, 3]], one_to_one=True)).descriptions()
    error = refusal("DUPLICATE", "W6", "indices", axis=0, rank=1, other_rank=0)
    yield collective("lists-one-index-twice", "W6", twice, error)
    ghosts = Layout(deal_lists(4, [[0, 1], [2, 3]], [[2], [1]], one_to_one=True)).descriptions()
    yield collective("lists-ghosts-are-no-owners", "W6", ghosts)
