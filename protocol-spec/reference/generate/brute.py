"""Who holds what, found by walking along the axis index by index.

Nothing here uses a formula of the protocol: blocks are dealt like cards.
"""

from itertools import product

from .common import block, cyclic, unstructured


class Dealt:
    """One axis, dealt out: for each coordinate its dictionary and its indices."""

    def __init__(self, size, parts, held, owned):
        self.size, self.parts, self.held, self.owned = size, parts, held, owned

    def procs(self):
        return len(self.parts)

    def owners(self, index):
        return [c for c, owned in enumerate(self.owned) if index in owned]


def deal_blocks(lengths, padding=(0, 0), outside=False, periodic=False):
    """Blocks of given lengths, each seen with `padding` neighbours before and after."""
    size, procs = sum(lengths), len(lengths)
    parts, held, owned = [], [], []
    index = 0
    for coordinate, length in enumerate(lengths):
        mine = list(range(index, index + length))
        index += length
        first, last = coordinate == 0, coordinate == procs - 1
        # The padding of protocol 0.10 is part of the block at the two ends of the axis.
        before = [] if first and not outside else [mine[0] - k for k in range(padding[0], 0, -1)]
        after = [] if last and not outside else [mine[-1] + k for k in range(1, padding[1] + 1)]
        start = (before + mine)[0] if before + mine else index - length
        stop = (mine + after)[-1] + 1 if mine + after else index
        more = {"padding": list(padding)} if any(padding) else {}
        more |= {"periodic": True} if periodic else {}
        more |= {"edge_outside": True} if outside else {}
        parts.append(block(size, procs, coordinate, start, stop, **more))
        held.append(before + mine + after)
        owned.append(mine)
    return Dealt(size, parts, held, owned)


def deal_cyclic(size, procs, block_size, first_process=0, first_block=None):
    first_block = first_block or block_size
    hands, starts = [[] for _ in range(procs)], {}
    coordinate, left, index = first_process, first_block, 0
    # Beyond the end of the axis too, until everybody has had a turn.
    while index < size or len(starts) < procs:
        starts.setdefault(coordinate, index)
        if index < size:
            hands[coordinate].append(index)
        index, left = index + 1, left - 1
        if left == 0:
            coordinate, left = (coordinate + 1) % procs, block_size
    more = ({"block_size": block_size} if block_size > 1 else {}) | (
        {"first_block": first_block} if first_block < block_size else {}
    )
    parts = [cyclic(size, procs, c, starts[c], **more) for c in range(procs)]
    return Dealt(size, parts, hands, hands)


def deal_lists(size, owned, ghosts=None, one_to_one=False):
    ghosts = ghosts or [[] for _ in owned]
    parts = []
    for coordinate, (mine, theirs) in enumerate(zip(owned, ghosts)):
        more = ({"one_to_one": True} if one_to_one else {}) | ({"num_owned": len(mine)} if theirs else {})
        parts.append(unstructured(size, len(owned), coordinate, mine + theirs, **more))
    return Dealt(size, parts, [m + t for m, t in zip(owned, ghosts)], owned)


def needs_1_0(axes):
    """Whether version 0.10 cannot say this deal."""
    for axis in axes:
        for part in axis.parts:
            if part.keys() & {"edge_outside", "first_block", "num_owned"}:
                return True
            if part["dist_type"] == "c" and part["start"] != part["proc_grid_rank"] * part.get(
                "block_size", 1
            ):
                return True
    return False


class Layout:
    """Every rank of a row-major grid (column-major: order F)."""

    def __init__(self, *axes, order="C"):
        self.axes, self.order = axes, order
        places = product(*(range(axis.procs()) for axis in axes))
        self.places = sorted(places, key=(lambda place: place[::-1]) if order == "F" else None)

    def descriptions(self):
        version = "1.0.0" if self.order == "F" or needs_1_0(self.axes) else "0.10.0"
        more = {"grid_order": "F"} if self.order == "F" else {}
        return [
            {"__version__": version, "dim_data": [dict(a.parts[c]) for a, c in zip(self.axes, place)]} | more
            for place in self.places
        ]

    def shape(self):
        return [axis.size for axis in self.axes]

    def owned(self, rank):
        return list(product(*(a.owned[c] for a, c in zip(self.axes, self.places[rank]))))

    def held(self, rank):
        return list(product(*(a.held[c] for a, c in zip(self.axes, self.places[rank]))))


def messages(source, target):
    """What each rank sends to each: element by element, then as lists along the axes."""
    owners = {}
    for rank in range(len(source.places)):
        for element in source.owned(rank):
            owners.setdefault(element, []).append(rank)
    found = {}
    for rank in range(len(target.places)):
        for element in target.owned(rank):
            for sender in owners[element]:
                found.setdefault((sender, rank), []).append(element)
    out = []
    for (sender, receiver), elements in sorted(found.items()):
        along = [sorted({element[axis] for element in elements}) for axis in range(len(source.axes))]
        if sorted(product(*along)) != sorted(elements):
            raise ValueError("a message is a product of one list for each axis")
        out.append({"from": sender, "to": receiver, "indices": along})
    return out


def flat(index, shape):
    number = 0
    for i, n in zip(index, shape):
        number = number * n + i
    return number


def buffers(layout):
    """Every rank's buffer after a halo update, where element g has the value flat(g).

    None where an element of padding stands for nothing.
    """
    shape = layout.shape()
    out = []
    for rank in range(len(layout.places)):
        values = []
        for held in layout.held(rank):
            inside = []
            for axis, index in zip(layout.axes, held):
                part = axis.parts[0]
                if 0 <= index < axis.size or not part.get("edge_outside"):
                    inside.append(index)
                elif part.get("periodic"):
                    # Once around, or as often as it takes.
                    while not 0 <= index < axis.size:
                        index += axis.size if index < 0 else -axis.size
                    inside.append(index)
            values.append(flat(inside, shape) if len(inside) == len(held) else None)
        out.append(values)
    return out
