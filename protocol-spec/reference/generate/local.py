"""One process's description: what is right, and one fault at a time."""

from .common import LARGEST, block, cyclic, new, refusal, unstructured, vector, whole, without


def vectors():
    return [*text(), *every_axis(), *blocks(), *deals(), *lists(), *grids()]


def local(name, rules, description, shape=None, error=None, mended=(), **more):
    """A description as a dictionary, or as the text of a Python literal."""
    content = {"literal" if isinstance(description, str) else "description": description}
    if shape is not None:
        content["shape"] = list(shape)
    if mended:
        content["mended"] = [list(slip) for slip in mended]
    return vector("local", name, rules, content | more, error)


def on_axis(kind, rule, field, axis=0):
    return refusal(kind, rule, field, axis=axis)


def text():
    syntax = lambda rule, field: refusal("SYNTAX", rule, field)
    plain = block(12, 3, 1, 4, 8)
    yield local("block-plain", "T1 T2 T3 T5 T6 T7 D1 D2 D3 B1 B2", whole(plain))
    yield local("all-kinds", "T1 T3 T4 T7", whole(plain, cyclic(7, 2, 1, 1), unstructured(3, 1, 0, [2, 0, 1])), (4, 3, 3))
    yield local("scalar", "T3 T4 G1", whole(), ())
    yield local("scalar-on-replicas", "T1 G2", new(replicas=4, replica=3), ())
    yield local("whole-keys-of-1.0", "T1 T2", new(plain, grid_order="F", replicas=2, replica=1))
    yield local("not-a-dictionary", "T1", [whole(plain)], error=syntax("T1", "dim_data"))
    yield local("no-version", "T1", without(whole(plain), "__version__"), error=syntax("T1", "__version__"))
    yield local("no-dim_data", "T1", {"__version__": "0.10.0"}, error=syntax("T1", "dim_data"))
    yield local("another-key", "T1", whole(plain, buffer=None), error=syntax("T1", "buffer"))
    yield local("grid_order-in-0.10", "T1", whole(plain, grid_order="C"), error=syntax("T1", "grid_order"))
    for version in ("0.10.0", "0.10.1", "0.10.4294967295", "1.0.0", "1.0.7"):
        yield local(f"version-{version}", "T2", whole(plain, version=version))
    for name, version in {
        "0.9.0": "0.9.0", "0.11.0": "0.11.0", "1.1.0": "1.1.0", "2.0.0": "2.0.0", "0.10": "0.10", "0.10.0a1": "0.10.0a1",
        "leading-zero": "00.10.00", "newline": "0.10.0\n", "plus": "+0.10.0", "blank": " 0.10.0", "number": 0.1,
        "null": None, "wide": "0.10.4294967296",
    }.items():
        yield local(f"version-refused-{name}", "T2", whole(plain, version=version), error=refusal("VERSION", "T2", "__version__"))
    yield local("dim_data-is-a-dictionary", "T3", {"__version__": "0.10.0", "dim_data": plain}, error=syntax("T3", "dim_data"))
    yield local("axis-is-a-sequence", "T3", whole([1, 2]), error=on_axis("SYNTAX", "T3", "dim_data"))
    yield local("axes-too-few", "T4", whole(plain), (4, 2), syntax("T4", "dim_data"))
    yield local("axes-too-many", "T4", whole(plain, plain), (4,), syntax("T4", "dim_data"))
    yield local("empty-dictionary", "T5 B7", whole({}, block(12, 3, 1, 4, 8)), (5, 4))
    yield local("empty-dictionary-no-buffer", "T5", whole({}), error=on_axis("SYNTAX", "T5", "size"))
    yield local("empty-dictionary-negative-buffer", "D1 T5", whole({}), (-1,), on_axis("RANGE", "D1", "size"))
    samples = {"b": plain, "c": cyclic(12, 3, 1, 1), "u": unstructured(12, 3, 1, [4, 5])}
    for kind, axis in samples.items():
        for key in axis:
            yield local(f"{kind}-without-{key}", "T5", whole(without(axis, key)), error=on_axis("SYNTAX", "T5", key))
        for key in axis:
            if key in ("dist_type", "indices"):
                continue
            for name, wrong in {"null": None, "true": True, "float": 4.0, "string": "4", "list": [4], "2-to-the-63": LARGEST + 1}.items():
                wrong_axis = axis | {key: wrong}
                yield local(f"{kind}-{key}-is-{name}", "T6", whole(wrong_axis), error=on_axis("SYNTAX", "T6", key))
    for key, values in {"padding": (0, [1], [1, 1, 1], [1, 1.0], [True, 0], "11", None), "periodic": (0, 1, "yes", None)}.items():
        for number, value in enumerate(values):
            yield local(f"b-{key}-wrong-{number}", "T6", whole(plain | {key: value}), error=on_axis("SYNTAX", "T6", key))
    for number, value in enumerate((5, "012", [1, 2.0], [[1]], [True], [LARGEST + 1], {}, None)):
        yield local(f"u-indices-wrong-{number}", "T6", whole(unstructured(12, 3, 1, []) | {"indices": value}), error=on_axis("SYNTAX", "T6", "indices"))
    yield local("u-one_to_one-wrong", "T6", whole(unstructured(3, 1, 0, [0], one_to_one=1)), error=on_axis("SYNTAX", "T6", "one_to_one"))
    yield local("second-axis-at-fault", "T6", whole(plain, plain | {"stop": "8"}), error=on_axis("SYNTAX", "T6", "stop", 1))
    for key in ("component", "edge_outside"):
        yield local(f"{key}-wrong", "T6", new(plain | {key: 1}), error=on_axis("SYNTAX", "T6", key))
    yield local("component", "T6", new(plain | {"component": True}), (4,))
    for number, order in enumerate(("R", "c", 1, [0, "1", 2], None)):
        yield local(f"grid_order-wrong-{number}", "T6", new(plain, grid_order=order), error=syntax("T6", "grid_order"))
    yield local("replicas-wrong", "T6", new(plain, replicas="2"), error=syntax("T6", "replicas"))
    for number, kind in enumerate(("n", "B", "block", "", 98, None)):
        yield local(f"dist_type-wrong-{number}", "T7", whole(plain | {"dist_type": kind}), error=on_axis("SYNTAX", "T7", "dist_type"))

    yield local("slip-key-of-another-kind", "T8", whole(plain | {"block_size": 2}), (4,), mended=[(0, "block_size")])
    yield local("slip-unknown-key", "T8", whole(plain | {"units": "m"}), (4,), mended=[(0, "units")])
    yield local("slip-key-of-another-version", "T8", whole(plain | {"edge_outside": 7}), (4,), mended=[(0, "edge_outside")])
    yield local("slip-clamped-start", "T8 C2", whole(cyclic(9, 4, 3, 9, block_size=5)), (0,), mended=[(0, "start")])
    yield local("no-slip-clamped-start-in-1.0", "T8 C2", new(cyclic(9, 4, 3, 9, block_size=5)), error=on_axis("RANGE", "C2", "start"))
    yield local("no-slip-unknown-key-of-the-whole", "T8 T1", whole(plain, units="m"), error=syntax("T1", "units"))
    lenient = {"lenient": True}
    yield local("lenient-0.9", "T8", whole(plain, version="0.9.2"), (4,), mended=[(None, "__version__")], **lenient)
    yield local("lenient-n", "T8", whole({"dist_type": "n", "size": 5}), (5,), mended=[(0, "dist_type")], **lenient)
    yield local("lenient-0.8", "T8 T2", whole(plain, version="0.8.0"), error=refusal("VERSION", "T2", "__version__"), **lenient)
    yield local("strict-n", "T8 T7", whole({"dist_type": "n", "size": 5}), (5,), on_axis("SYNTAX", "T7", "dist_type"))


def every_axis():
    for kind, axis in {"b": block(0, 1, 0, 0, 0), "c": cyclic(0, 1, 0, 0), "u": unstructured(0, 1, 0, [])}.items():
        wide = {"b": block(LARGEST, 1, 0, 0, LARGEST), "c": cyclic(LARGEST, 1, 0, 0), "u": unstructured(LARGEST, 1, 0, [])}[kind]
        yield local(f"{kind}-size-0", "D1 D2 D3", whole(axis), (0,))
        yield local(f"{kind}-size-largest", "D1", whole(wide))
        yield local(f"{kind}-size-negative", "D1", whole(axis | {"size": -1}), error=on_axis("RANGE", "D1", "size"))
        for procs in (0, -1, -LARGEST - 1):
            yield local(f"{kind}-proc_grid_size-{procs}", "D2", whole(axis | {"proc_grid_size": procs}), error=on_axis("RANGE", "D2", "proc_grid_size"))
        for rank in (-1, 1, LARGEST):
            yield local(f"{kind}-proc_grid_rank-{rank}", "D3", whole(axis | {"proc_grid_rank": rank}), error=on_axis("RANGE", "D3", "proc_grid_rank"))
    yield local("proc_grid_rank-last", "D3", whole(block(4, 3, 2, 4, 4)), (0,))


def blocks():
    range_ = lambda rule, field: on_axis("RANGE", rule, field)
    yield local("block-empty-in-the-middle", "B1 B7", whole(block(12, 3, 1, 5, 5)), (0,))
    yield local("block-all-on-the-middle", "B1 B2 B3", whole(block(12, 3, 1, 0, 12)), (12,))
    yield local("block-descends", "B1", whole(block(12, 3, 1, 8, 4)), error=range_("B1", "stop"))
    yield local("block-start-negative", "B2", whole(block(12, 3, 1, -1, 4)), error=range_("B2", "start"))
    yield local("block-stop-beyond", "B2", whole(block(12, 3, 1, 4, 13)), error=range_("B2", "stop"))
    yield local("outside-first", "B2 B3", new(block(8, 2, 0, -1, 5, padding=[1, 1], edge_outside=True)), (6,))
    yield local("outside-last", "B2 B5 B6", new(block(8, 2, 1, 3, 9, padding=[1, 1], edge_outside=True, periodic=True)), (6,))
    yield local("outside-alone", "B2 B3 B5 B6", new(block(8, 1, 0, -3, 12, padding=[3, 4], edge_outside=True)), (15,))
    yield local("outside-wider-than-the-block", "B6", new(block(8, 4, 1, -1, 7, padding=[3, 3], edge_outside=True)), (8,))
    yield local("outside-start-too-far", "B2", new(block(8, 2, 1, -2, 9, padding=[1, 1], edge_outside=True)), error=range_("B2", "start"))
    yield local("outside-stop-too-far", "B2", new(block(8, 2, 1, 3, 10, padding=[1, 1], edge_outside=True)), error=range_("B2", "stop"))
    yield local("outside-widest", "B2", new(block(8, 1, 0, -LARGEST, 0, padding=[LARGEST, 0], edge_outside=True)))
    yield local(
        "outside-length-wraps", "B2",
        new(block(8, 1, 0, -LARGEST, 8 + 4, padding=[LARGEST, 4], edge_outside=True)), error=range_("B2", "stop"),
    )
    yield local("first-starts-late", "B3", whole(block(12, 3, 0, 1, 4)), error=range_("B3", "start"))
    yield local("outside-first-without-its-halo", "B3", new(block(8, 2, 0, 0, 5, padding=[1, 1], edge_outside=True)), error=range_("B3", "start"))
    yield local("padding-at-the-boundary", "B3 B4 B6", whole(block(12, 3, 0, 0, 6, padding=[2, 2])), (6,))
    yield local("padding-zero", "B4", whole(block(12, 3, 1, 4, 8, padding=[0, 0])), (4,))
    for number, padding in enumerate(([-1, 0], [0, -1], [-LARGEST - 1, 2])):
        yield local(f"padding-negative-{number}", "B4", whole(block(12, 3, 1, 4, 8, padding=padding)), error=range_("B4", "padding"))
    yield local("last-ends-at-size", "B5", whole(block(12, 3, 2, 8, 12)), (4,))
    yield local("last-ends-early", "B5", whole(block(12, 3, 2, 8, 11)), (3,), range_("B5", "stop"))
    yield local("last-ends-early-no-buffer", "B5 B2", whole(block(12, 3, 2, 8, 11)))
    yield local("outside-last-without-its-halo", "B5", new(block(8, 2, 1, 3, 8, padding=[1, 1], edge_outside=True)), (5,), range_("B5", "stop"))
    yield local(
        "outside-last-beyond-64-bits", "B5",
        new(block(LARGEST, 2, 1, LARGEST - 2, LARGEST, padding=[1, 1], edge_outside=True)), (2,), range_("B5", "stop"),
    )
    yield local("padding-fills-the-part", "B6", whole(block(12, 3, 1, 4, 8, padding=[2, 2])), (4,))
    yield local("padding-too-wide", "B6", whole(block(12, 3, 1, 4, 8, padding=[2, 3])), (4,), range_("B6", "padding"))
    yield local("padding-wraps", "B6", whole(block(LARGEST, 3, 1, 0, LARGEST, padding=[LARGEST, LARGEST])), (LARGEST,), range_("B6", "padding"))
    yield local("buffer-short", "B7", whole(block(12, 3, 1, 4, 8)), (3,), on_axis("SHAPE", "B7", "shape"))
    yield local("buffer-without-padding", "B7", whole(block(12, 3, 1, 4, 8, padding=[1, 1])), (2,), on_axis("SHAPE", "B7", "shape"))
    yield local("buffer-of-the-second-axis", "B7", whole({}, block(12, 3, 1, 4, 8)), (4, 3), on_axis("SHAPE", "B7", "shape", 1))


def deals():
    range_ = lambda rule, field: on_axis("RANGE", rule, field)
    yield local("cyclic-block_size-absent", "C1 C2 C5", whole(cyclic(11, 3, 2, 2)), (3,))
    yield local("cyclic-blocks", "C1 C2 C5", whole(cyclic(11, 3, 2, 4, block_size=2)), (3,))
    yield local("cyclic-block_size-beyond-size", "C1 C5", whole(cyclic(11, 3, 0, 0, block_size=100)), (11,))
    yield local("cyclic-nothing-left", "C2 C5", whole(cyclic(9, 4, 3, 15, block_size=5)), (0,))
    for size in (0, -2):
        yield local(f"cyclic-block_size-{size}", "C1", whole(cyclic(11, 3, 0, 0, block_size=size)), error=range_("C1", "block_size"))
    yield local("cyclic-start-inside-a-block", "C2", whole(cyclic(11, 3, 1, 1, block_size=2)), error=range_("C2", "start"))
    yield local("cyclic-start-negative", "C2", whole(cyclic(11, 3, 0, -2, block_size=2)), error=range_("C2", "start"))
    yield local("cyclic-start-of-another", "C2", whole(cyclic(11, 3, 1, 4, block_size=2)), error=range_("C2", "start"))
    yield local("cyclic-start-of-another-in-1.0", "C2", new(cyclic(11, 3, 1, 4, block_size=2)), (3,))
    yield local("cyclic-start-in-the-second-round", "C2", new(cyclic(11, 3, 0, 6, block_size=2)), error=range_("C2", "start"))
    yield local("cyclic-first_block", "C2 C3 C4 C5", new(cyclic(11, 2, 1, 0, block_size=3, first_block=2)), (5,))
    yield local("cyclic-first_block-behind", "C2 C3 C5", new(cyclic(11, 2, 0, 2, block_size=3, first_block=2)), (6,))
    yield local("cyclic-first_block-longer-than-the-axis", "C3 C5", new(cyclic(2, 2, 0, 0, block_size=5, first_block=4)), (2,))
    for first in (0, -1, 4):
        yield local(f"cyclic-first_block-{first}", "C3", new(cyclic(11, 2, 0, 0, block_size=3, first_block=first)), error=range_("C3", "first_block"))
    yield local("cyclic-first_block-missed", "C2", new(cyclic(11, 2, 0, 3, block_size=3, first_block=2)), error=range_("C2", "start"))
    wraps = on_axis("BOUNDS", "C4", "first_block")
    yield local("cyclic-largest", "C4", new(cyclic(LARGEST - 1, 2, 0, 0, block_size=2, first_block=1)))
    yield local("cyclic-wraps", "C4", new(cyclic(LARGEST, 2, 0, 0, block_size=2, first_block=1)), error=wraps)
    yield local("cyclic-start-wraps", "C4", new(cyclic(0, 2, 0, LARGEST, block_size=2, first_block=1)), error=wraps)
    yield local("cyclic-turn-wraps", "C2", whole(cyclic(5, LARGEST, LARGEST - 1, 5, block_size=LARGEST)), error=range_("C2", "start"))
    yield local("cyclic-buffer-short", "C5", whole(cyclic(11, 3, 2, 4, block_size=2)), (4,), on_axis("SHAPE", "C5", "shape"))


def lists():
    listed = lambda **more: new(unstructured(10, 2, 0, [7, 2, 9, 4, 5], **more))
    yield local("list-all-owned", "U1 U2 U3 U4", listed(), (5,))
    yield local("list-with-ghosts", "U1 U2 U4", listed(num_owned=3), (5,))
    yield local("list-of-ghosts", "U1", listed(num_owned=0), (5,))
    yield local("list-of-labels", "U2 U4", whole(unstructured(2, 1, 0, [-7, LARGEST])), (2,))
    yield local("list-empty", "U1 U4", whole(unstructured(10, 2, 0, [])), (0,))
    for owned in (-1, 6):
        yield local(f"list-owned-{owned}", "U1", listed(num_owned=owned), error=on_axis("RANGE", "U1", "num_owned"))
    twice = on_axis("DUPLICATE", "U2", "indices")
    yield local("list-index-twice", "U2", whole(unstructured(10, 2, 0, [3, 1, 3])), (3,), twice)
    yield local("list-ghost-twice", "U2", new(unstructured(10, 2, 0, [3, 1, 3], num_owned=2)), (3,), twice)
    yield local("list-one_to_one", "U3", whole(unstructured(3, 1, 0, [2, 0, 1], one_to_one=True)), (3,))
    yield local("list-longer-than-size", "U3", whole(unstructured(3, 2, 0, [5, 6, 7, 8])), (4,))
    many = on_axis("RANGE", "U3", "indices")
    yield local("list-one_to_one-too-many", "U3", whole(unstructured(3, 2, 0, [0, 1, 2, 3], one_to_one=True)), (4,), many)
    yield local("list-one_to_one-ghosts-do-not-count", "U3", new(unstructured(3, 2, 0, [0, 1, 2, 3], one_to_one=True, num_owned=3)), (4,))
    yield local("list-buffer-of-the-owned", "U4", listed(num_owned=3), (3,), on_axis("SHAPE", "U4", "shape"))


def grids():
    grid = lambda rule, field: refusal("GRID", rule, field)
    wide = block(0, 2**31, 0, 0, 0)
    yield local("grid-of-2-to-the-62", "G1", whole(wide, wide), (0, 0))
    yield local("grid-of-2-to-the-93", "G1", whole(wide, wide, wide), error=grid("G1", "proc_grid_size"))
    yield local("grid-with-replicas-beyond-64-bits", "G1", new(wide, wide, replicas=4), error=grid("G1", "proc_grid_size"))
    plain = block(12, 3, 1, 4, 8)
    yield local("replica-last", "G2", new(plain, replicas=2, replica=1), (4,))
    for replicas, replica in ((0, 0), (-1, 0), (2, 2), (2, -1), (1, 1)):
        yield local(f"replica-{replica}-of-{replicas}", "G2", new(plain, replicas=replicas, replica=replica), error=grid("G2", "replica"))
    yield local("grid-table", "G3 G4", new(plain, grid_order=[2, 0, 1]), (4,))
    yield local("grid-table-of-replicas", "G3 G4", new(plain, grid_order=[0, 2, 4, 1, 3, 5], replicas=2, replica=1), (4,))
    yield local("grid-table-short", "G3", new(plain, grid_order=[1, 0]), error=grid("G3", "grid_ranks"))
    yield local("grid-table-without-replicas", "G3", new(plain, grid_order=[2, 0, 1], replicas=2), error=grid("G3", "grid_ranks"))
    for number, table in enumerate(([0, 1, 1], [1, 2, 3], [-1, 0, 1])):
        yield local(f"grid-table-wrong-{number}", "G4", new(plain, grid_order=table), (4,), refusal("DUPLICATE", "G4", "grid_ranks"))
