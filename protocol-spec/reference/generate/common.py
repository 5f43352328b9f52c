"""How vectors are spelled, and the dictionaries they are made of."""

LARGEST = 2**63 - 1


def block(size, procs, rank, start, stop, **more):
    return _axis("b", size, procs, rank) | {"start": start, "stop": stop} | more


def cyclic(size, procs, rank, start, **more):
    return _axis("c", size, procs, rank) | {"start": start} | more


def unstructured(size, procs, rank, indices, **more):
    return _axis("u", size, procs, rank) | {"indices": list(indices)} | more


def _axis(kind, size, procs, rank):
    return {"dist_type": kind, "size": size, "proc_grid_size": procs, "proc_grid_rank": rank}


def whole(*axes, version="0.10.0", **more):
    return {"__version__": version, "dim_data": list(axes)} | more


def new(*axes, **more):
    """A description of version 1.0.0."""
    return whole(*axes, version="1.0.0", **more)


def without(dictionary, *keys):
    return {key: value for key, value in dictionary.items() if key not in keys}


def refusal(kind, rule, field, **places):
    """What a checker must say; a message or a buffer that is wrong has no status code."""
    named = {"kind": kind, "rule": rule, "field": field} | places
    return {name: value for name, value in named.items() if value is not None}


def vector(kind, name, rules, content, error=None, about=None):
    """One vector. Without an error it is valid."""
    rules = rules.split()
    if error and error.get("rule") and error["rule"] not in rules:
        raise ValueError(f"{name}: the rule that is broken is not cited")
    out = {"id": name, "kind": kind, "rules": rules, "valid": error is None}
    if about:
        out["about"] = about
    return out | content | ({"error": error} if error else {})


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
