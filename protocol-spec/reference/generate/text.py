"""How a description is written: rules T1 to T8."""

from .common import LARGEST, block, cyclic, local, new, on_axis, refusal, unstructured, whole, without


def text():
    syntax = lambda rule, field: refusal("SYNTAX", rule, field)
    plain = block(12, 3, 1, 4, 8)
    yield local("block-plain", "T1 T2 T3 T5 T6 T7 D1 D2 D3 B1 B2", whole(plain))
    yield local(
        "all-kinds",
        "T1 T3 T4 T7",
        whole(plain, cyclic(7, 2, 1, 1), unstructured(3, 1, 0, [2, 0, 1])),
        (4, 3, 3),
    )
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
        "0.9.0": "0.9.0",
        "0.11.0": "0.11.0",
        "1.1.0": "1.1.0",
        "2.0.0": "2.0.0",
        "0.10": "0.10",
        "0.10.0a1": "0.10.0a1",
        "leading-zero": "00.10.00",
        "newline": "0.10.0\n",
        "plus": "+0.10.0",
        "blank": " 0.10.0",
        "number": 0.1,
        "null": None,
        "wide": "0.10.4294967296",
    }.items():
        yield local(
            f"version-refused-{name}",
            "T2",
            whole(plain, version=version),
            error=refusal("VERSION", "T2", "__version__"),
        )
    yield local(
        "dim_data-is-a-dictionary",
        "T3",
        {"__version__": "0.10.0", "dim_data": plain},
        error=syntax("T3", "dim_data"),
    )
    yield local("axis-is-a-sequence", "T3", whole([1, 2]), error=on_axis("SYNTAX", "T3", "dim_data"))
    yield local("axes-too-few", "T4", whole(plain), (4, 2), syntax("T4", "dim_data"))
    yield local("axes-too-many", "T4", whole(plain, plain), (4,), syntax("T4", "dim_data"))
    yield local("empty-dictionary", "T5 B7", whole({}, block(12, 3, 1, 4, 8)), (5, 4))
    yield local("empty-dictionary-no-buffer", "T5", whole({}), error=on_axis("SYNTAX", "T5", "size"))
    yield local("empty-dictionary-negative-buffer", "D1 T5", whole({}), (-1,), on_axis("RANGE", "D1", "size"))
    samples = {"b": plain, "c": cyclic(12, 3, 1, 1), "u": unstructured(12, 3, 1, [4, 5])}
    for kind, axis in samples.items():
        for key in axis:
            yield local(
                f"{kind}-without-{key}", "T5", whole(without(axis, key)), error=on_axis("SYNTAX", "T5", key)
            )
        for key in axis:
            if key in ("dist_type", "indices"):
                continue
            for name, wrong in {
                "null": None,
                "true": True,
                "float": 4.0,
                "string": "4",
                "list": [4],
                "2-to-the-63": LARGEST + 1,
            }.items():
                wrong_axis = axis | {key: wrong}
                yield local(
                    f"{kind}-{key}-is-{name}", "T6", whole(wrong_axis), error=on_axis("SYNTAX", "T6", key)
                )
    for key, values in {
        "padding": (0, [1], [1, 1, 1], [1, 1.0], [True, 0], "11", None),
        "periodic": (0, 1, "yes", None),
    }.items():
        for number, value in enumerate(values):
            yield local(
                f"b-{key}-wrong-{number}",
                "T6",
                whole(plain | {key: value}),
                error=on_axis("SYNTAX", "T6", key),
            )
    for number, value in enumerate((5, "012", [1, 2.0], [[1]], [True], [LARGEST + 1], {}, None)):
        yield local(
            f"u-indices-wrong-{number}",
            "T6",
            whole(unstructured(12, 3, 1, []) | {"indices": value}),
            error=on_axis("SYNTAX", "T6", "indices"),
        )
    yield local(
        "u-one_to_one-wrong",
        "T6",
        whole(unstructured(3, 1, 0, [0], one_to_one=1)),
        error=on_axis("SYNTAX", "T6", "one_to_one"),
    )
    yield local(
        "second-axis-at-fault",
        "T6",
        whole(plain, plain | {"stop": "8"}),
        error=on_axis("SYNTAX", "T6", "stop", 1),
    )
    for key in ("component", "edge_outside"):
        yield local(f"{key}-wrong", "T6", new(plain | {key: 1}), error=on_axis("SYNTAX", "T6", key))
    yield local("component", "T6", new(plain | {"component": True}), (4,))
    for number, order in enumerate(("R", "c", 1, [0, "1", 2], None)):
        yield local(
            f"grid_order-wrong-{number}", "T6", new(plain, grid_order=order), error=syntax("T6", "grid_order")
        )
    yield local("replicas-wrong", "T6", new(plain, replicas="2"), error=syntax("T6", "replicas"))
    for number, kind in enumerate(("n", "B", "block", "", 98, None)):
        yield local(
            f"dist_type-wrong-{number}",
            "T7",
            whole(plain | {"dist_type": kind}),
            error=on_axis("SYNTAX", "T7", "dist_type"),
        )

    yield local(
        "slip-key-of-another-kind", "T8", whole(plain | {"block_size": 2}), (4,), mended=[(0, "block_size")]
    )
    yield local("slip-unknown-key", "T8", whole(plain | {"units": "m"}), (4,), mended=[(0, "units")])
    yield local(
        "slip-key-of-another-version",
        "T8",
        whole(plain | {"edge_outside": 7}),
        (4,),
        mended=[(0, "edge_outside")],
    )
    yield local(
        "slip-clamped-start", "T8 C2", whole(cyclic(9, 4, 3, 9, block_size=5)), (0,), mended=[(0, "start")]
    )
    yield local(
        "no-slip-clamped-start-in-1.0",
        "T8 C2",
        new(cyclic(9, 4, 3, 9, block_size=5)),
        error=on_axis("RANGE", "C2", "start"),
    )
    yield local(
        "no-slip-unknown-key-of-the-whole", "T8 T1", whole(plain, units="m"), error=syntax("T1", "units")
    )
    lenient = {"lenient": True}
    yield local(
        "lenient-0.9", "T8", whole(plain, version="0.9.2"), (4,), mended=[(None, "__version__")], **lenient
    )
    yield local(
        "lenient-n", "T8", whole({"dist_type": "n", "size": 5}), (5,), mended=[(0, "dist_type")], **lenient
    )
    yield local(
        "lenient-0.8",
        "T8 T2",
        whole(plain, version="0.8.0"),
        error=refusal("VERSION", "T2", "__version__"),
        **lenient,
    )
    yield local(
        "strict-n", "T8 T7", whole({"dist_type": "n", "size": 5}), (5,), on_axis("SYNTAX", "T7", "dist_type")
    )
