"""One vector for each entry of errata.md, of the same name."""

from .brute import Layout, deal_blocks, deal_cyclic, deal_lists
from .collective import collective, three
from .common import LARGEST, block, cyclic, local, on_axis, refusal, unstructured, whole, without
from .maps import maps


def vectors():
    return [*the_text(), *the_validator(), *the_helpers(), *the_examples()]


def the_text():
    yield local("stop-equals-start", "B1", whole(block(12, 3, 1, 4, 4)), (0,))
    yield local(
        "start-of-an-empty-cyclic-part",
        "C2 T8",
        whole(cyclic(9, 4, 3, 9, block_size=5)),
        (0,),
        mended=[(0, "start")],
    )
    yield maps("start-and-stop-include-padding", "B7", deal_blocks([4, 4, 4], (2, 2)))
    yield maps("boundary-padding-is-owned", "B2 B5", deal_blocks([4, 4, 4], (3, 1)))
    yield maps("periodic-padding", "B2 B5", deal_blocks([10], (2, 2), periodic=True))
    one_interface = [
        block(12, 3, 0, 0, 5, padding=[0, 1]),
        block(12, 3, 1, 3, 8, padding=[1, 0]),
        block(12, 3, 2, 8, 12),
    ]
    yield collective("padding-all-or-nothing", "W5", [whole(part) for part in one_interface])
    yield local(
        "undistributed-n",
        "T7 T8",
        whole({"dist_type": "n", "size": 5}),
        (5,),
        on_axis("SYNTAX", "T7", "dist_type"),
    )
    yield local(
        "last-stop-is-size", "B5", whole(block(12, 3, 2, 8, 11)), (3,), on_axis("RANGE", "B5", "stop")
    )
    yield local(
        "length-of-cyclic-and-list-buffers",
        "C5 U4",
        whole(cyclic(50, 2, 0, 0)),
        (50,),
        on_axis("SHAPE", "C5", "shape"),
    )
    yield local("indices-are-labels", "U2", whole(unstructured(3, 2, 0, [-1, 99])), (2,))
    yield collective(
        "size-counts-indices-owned-twice", "W6", Layout(deal_lists(4, [[0, 1], [1, 2]])).descriptions()
    )
    yield local("patch-releases", "T2", whole(block(12, 3, 1, 4, 8), version="0.10.9"), (4,))
    yield local("other-keys", "T1 T8", whole(block(12, 3, 1, 4, 8, units="m")), (4,), mended=[(0, "units")])
    yield local("block_size-beyond-the-even-share", "C1", whole(cyclic(11, 3, 0, 0, block_size=9)), (9,))
    yield local(
        "integers-of-64-bits",
        "T6",
        whole(block(LARGEST + 1, 3, 1, 4, 8)),
        error=on_axis("SYNTAX", "T6", "size"),
    )
    yield local("empty-dictionary-anywhere", "T5", whole({}, block(12, 3, 1, 4, 8), {}), (2, 4, 3))
    yield collective(
        "grid-smaller-than-the-processes",
        "W1",
        [*three(), three()[0]],
        refusal("GRID", "W1", "proc_grid_size", rank=0),
    )
    yield local("zero-dimensions", "T3 T4", whole(), ())


def the_validator():
    yield local("sizes-not-checked", "D1", whole(cyclic(-3, 2, 0, 0)), error=on_axis("RANGE", "D1", "size"))
    yield local(
        "sizes-missing",
        "T5",
        whole(without(unstructured(3, 1, 0, [0]), "size")),
        error=on_axis("SYNTAX", "T5", "size"),
    )
    yield local(
        "coordinates-below-0",
        "D3",
        whole(block(12, 3, -1, 0, 4)),
        error=on_axis("RANGE", "D3", "proc_grid_rank"),
    )
    yield local(
        "padding-below-0",
        "B4",
        whole(block(12, 3, 1, 4, 8, padding=[-1, 0])),
        error=on_axis("RANGE", "B4", "padding"),
    )
    yield local(
        "indices-of-any-type",
        "T6",
        whole(unstructured(3, 1, 0, []) | {"indices": [0.0, 1.0]}),
        error=on_axis("SYNTAX", "T6", "indices"),
    )
    yield local(
        "true-is-no-integer",
        "T6",
        whole(block(12, 3, 1, 4, 8) | {"proc_grid_rank": True}),
        error=on_axis("SYNTAX", "T6", "proc_grid_rank"),
    )
    yield local(
        "periodic-of-any-type",
        "T6",
        whole(block(12, 3, 1, 4, 8, periodic=1)),
        error=on_axis("SYNTAX", "T6", "periodic"),
    )
    yield local(
        "sloppy-versions",
        "T2",
        whole(block(12, 3, 1, 4, 8), version="0.10"),
        error=refusal("VERSION", "T2", "__version__"),
    )
    missing = whole(without(block(12, 3, 1, 4, 8), "dist_type"))
    yield local("uncaught-exceptions", "T5", missing, error=on_axis("SYNTAX", "T5", "dist_type"))


def the_helpers():
    yield maps("block_size-may-be-absent", "C5", deal_cyclic(10, 3, 1))
    yield maps("owner-of-the-partial-block", "C5", deal_cyclic(10, 2, 3))


def the_examples():
    start = "{'__version__': '0.10.0', 'dim_data': "
    axis = "{'dist_type': 'b', 'size': 5, 'proc_grid_size': 1, 'proc_grid_rank': 0, 'start': 0, 'stop': 5, 'padding': %s}"
    yield local("padding-as-a-list", "T8", start + f"({axis % '[0, 0]'},)}}", (5,), mended=[(0, "padding")])
    yield local(
        "dim_data-as-a-list", "T8", start + f"[{axis % '(0, 0)'}]}}", (5,), mended=[(None, "dim_data")]
    )
    yield local(
        "flat-buffers-of-two-axes",
        "T4",
        whole(block(2, 1, 0, 0, 2), block(10, 2, 0, 0, 5)),
        (10,),
        refusal("SYNTAX", "T4", "dim_data"),
    )
    yield local(
        "a-tuple-of-one-without-its-comma",
        "T3",
        start + f"({axis % '(0, 0)'})}}",
        (5,),
        refusal("SYNTAX", "T3", "dim_data"),
    )
    reverse = dict(reversed(block(12, 3, 1, 4, 8).items()))
    yield local("order-of-keys", "T5", whole(reverse), (4,))
    # Blocks of 4, 4 and 4 with one element of padding, whose bounds were not widened.
    narrow = [whole(block(12, 3, rank, 4 * rank, 4 * rank + 4, padding=[1, 1])) for rank in range(3)]
    gap = refusal("PARTITION", "W4", "start", axis=0, rank=1, other_rank=0)
    yield collective("padding-without-room-for-it", "B7 W4", narrow, gap)
