"""All processes together: protocol.md, sections 8 and 10."""

from collections import Counter

from description import Refusal, check_buffer


def check(descriptions, dtypes=None, uids=None):
    """Whether the descriptions of ranks 0, 1, ... make one array.

    A rank whose description was refused brings the refusal in its place.
    """
    for rank, description in enumerate(descriptions):
        try:
            if isinstance(description, Refusal):
                raise description
            check_alone(description, rank, len(descriptions))
        except Refusal as refusal:
            refusal.rank = rank
            raise
    check_head(descriptions, dtypes, uids)
    axes = range(len(descriptions[0].axes))
    for axis in axes:
        check_alike(descriptions, axis)
    for axis in axes:
        check_same_parts(descriptions, axis)
        check_interfaces(descriptions, axis)
        check_sums(descriptions, axis)
    for axis in axes:
        check_owners(descriptions, axis)


def paired(axis):
    """Widths of the padding that must pair, before and after."""
    if axis.edge_outside:
        return tuple(axis.padding)
    return axis.communication_padding()


def check_alone(description, rank, ranks):
    if description.process_count() != ranks:
        raise Refusal("GRID", "W1", "proc_grid_size")
    # A table that leaves the rank out, or names it twice, is G4's.
    if description.rank() != rank:
        raise Refusal("GRID", "W2", "proc_grid_rank")
    check_buffer(description, [axis.length() for axis in description.axes])
    for number, axis in enumerate(description.axes):
        if axis.dist_type != "b":
            continue
        owned_start, owned_stop = axis.owned_block()
        widest = axis.size if axis.edge_outside else owned_stop - owned_start
        if max(paired(axis)) > widest:
            raise Refusal("HALO", "W5", "padding", axis=number)


def alike(values, kind, field, axis=None):
    """Refuses values that are not the same on all ranks."""
    counts = Counter(values)
    if len(counts) == 1:
        return
    common = max(counts, key=lambda value: (counts[value], -values.index(value)))
    odd = next(rank for rank, value in enumerate(values) if value != common)
    raise Refusal(kind, "W3", field, axis, rank=odd, other_rank=values.index(common))


def check_head(descriptions, dtypes, uids):
    alike([len(d.axes) for d in descriptions], "INVARIANT", "ndim")
    if dtypes:
        alike(dtypes, "DTYPE", "dtype")
    for uid in zip(*uids) if uids else ():
        alike(list(uid), "INVARIANT", "uid")
    orders = [d.grid_order if isinstance(d.grid_order, str) else tuple(d.grid_order) for d in descriptions]
    alike(orders, "GRID", "grid_order")
    alike([d.replicas for d in descriptions], "GRID", "replicas")


def check_alike(descriptions, number):
    axes = [d.axes[number] for d in descriptions]
    for key in ("dist_type", "component", "size", "proc_grid_size"):
        alike([getattr(axis, key) for axis in axes], "INVARIANT", key, number)
    keys = {"b": ("periodic", "edge_outside"), "c": ("block_size", "first_block"), "u": ("one_to_one",)}[
        axes[0].dist_type
    ]
    for key in keys:
        alike([getattr(axis, key) for axis in axes], "INVARIANT", key, number)
    if axes[0].dist_type == "c":
        alike([axis.first_process() for axis in axes], "INVARIANT", "start", number)


def part(axis):
    """What must be the same at one coordinate, with the field and rule of each."""
    if axis.dist_type == "u":
        return [(list(axis.indices) + [axis.num_owned], "PARTITION", "W4", "indices")]
    if axis.dist_type == "c":
        return []
    start, stop = axis.owned_block()
    same = [(start, "PARTITION", "W4", "start"), (stop, "PARTITION", "W4", "stop")]
    return same + ([(axis.padding, "HALO", "W5", "padding")] if axis.edge_outside else [])


def check_same_parts(descriptions, number):
    first_at = {}
    for rank, description in enumerate(descriptions):
        axis = description.axes[number]
        first = first_at.setdefault(axis.proc_grid_rank, rank)
        for mine, theirs in zip(part(axis), part(descriptions[first].axes[number])):
            if mine[0] != theirs[0]:
                raise Refusal(*mine[1:], number, rank, first)


def check_interfaces(descriptions, number):
    def line(description):
        others = [a.proc_grid_rank for n, a in enumerate(description.axes) if n != number]
        return (description.replica, *others)

    at = {(line(d), d.axes[number].proc_grid_rank): rank for rank, d in enumerate(descriptions)}
    for rank, description in enumerate(descriptions):
        axis = description.axes[number]
        before = at.get((line(description), axis.proc_grid_rank - 1))
        if axis.dist_type != "b" or before is None:
            continue
        neighbour = descriptions[before].axes[number]
        if neighbour.owned_block()[1] != axis.owned_block()[0]:
            raise Refusal("PARTITION", "W4", "start", number, rank, before)
        widths = (
            (paired(neighbour), paired(axis))
            if axis.edge_outside
            else (paired(neighbour)[1], paired(axis)[0])
        )
        if widths[0] != widths[1]:
            raise Refusal("HALO", "W5", "padding", number, rank, before)


def check_sums(descriptions, number):
    axes = {d.axes[number].proc_grid_rank: d.axes[number] for d in descriptions}
    if axes[0].dist_type == "u" and sum(a.num_owned for a in axes.values()) != axes[0].size:
        raise Refusal("PARTITION", "W6", "size", number)


def check_owners(descriptions, number):
    owner = {}
    for rank, description in enumerate(descriptions):
        axis = description.axes[number]
        if axis.dist_type != "u" or not axis.one_to_one:
            return
        for index in axis.owned():
            coordinate, first = owner.setdefault(index, (axis.proc_grid_rank, rank))
            if coordinate != axis.proc_grid_rank:
                raise Refusal("DUPLICATE", "W6", "indices", number, rank, first)
