"""What moves: the messages of redistributions, and the buffers after halo updates."""

from copy import deepcopy

from .brute import Layout, buffers, deal_blocks, deal_cyclic, deal_lists, messages
from .common import refusal, vector


def vectors():
    return [*redistributions(), *halos()]


def moved(name, source, target, spoil=None):
    """`spoil` breaks the list of messages."""
    listed = messages(source, target)
    if spoil:
        listed = deepcopy(listed)
        spoil(listed)
    content = {"source": source.descriptions(), "target": target.descriptions(), "messages": listed}
    return vector("messages", name, "M1", content, refusal(None, "M1", "messages") if spoil else None)


def redistributions():
    blocks, other = Layout(deal_blocks([4, 4, 4])), Layout(deal_blocks([1, 0, 11]))
    deal = Layout(deal_cyclic(12, 3, 2))
    yield moved("move-nowhere", blocks, blocks)
    yield moved("move-blocks", blocks, other)
    yield moved("move-blocks-to-cyclic", blocks, deal)
    yield moved("move-cyclic-to-blocks", deal, other)
    yield moved("move-cyclic-to-cyclic", Layout(deal_cyclic(23, 4, 3)), Layout(deal_cyclic(23, 4, 5, 2, 4)))
    yield moved(
        "move-padded", Layout(deal_blocks([4, 4, 4], (2, 2))), Layout(deal_blocks([3, 6, 3], (1, 1), True))
    )
    rows, columns = Layout(deal_blocks([2, 2, 1]), deal_blocks([7])), Layout(
        deal_blocks([5]), deal_blocks([3, 2, 2])
    )
    yield moved("move-rows-to-columns", rows, columns)
    yield moved(
        "move-to-a-grid",
        Layout(deal_blocks([2, 2, 2, 2]), deal_blocks([6])),
        Layout(deal_cyclic(8, 2, 1), deal_cyclic(6, 2, 2), order="F"),
    )
    yield moved(
        "move-3-d",
        Layout(deal_blocks([2, 1]), deal_cyclic(5, 2, 1), deal_blocks([4])),
        Layout(deal_blocks([3]), deal_blocks([3, 2]), deal_blocks([1, 3])),
    )
    yield moved("move-empty", Layout(deal_blocks([0, 0])), Layout(deal_cyclic(0, 2, 3)))
    yield moved("move-scalar", Layout(), Layout())

    def lose(listed):
        listed.pop()

    def lose_an_element(listed):
        listed[0]["indices"][0].pop()

    def repeat_an_element(listed):
        listed[0]["indices"][0].append(listed[0]["indices"][0][-1])

    def send_elsewhere(listed):
        listed[0]["to"] = 2

    yield moved("move-loses-a-message", blocks, deal, lose)
    yield moved("move-loses-an-element", blocks, deal, lose_an_element)
    yield moved("move-repeats-an-element", blocks, deal, repeat_an_element)
    yield moved("move-sends-elsewhere", blocks, other, send_elsewhere)


def halos():
    def updated(name, layout, spoil=None):
        filled = buffers(layout)
        if spoil:
            spoil(filled)
        content = {"ranks": layout.descriptions(), "buffers": filled}
        return vector("halo", name, "M2", content, refusal(None, "M2", "buffers") if spoil else None)

    yield updated("halo-padded", Layout(deal_blocks([4, 4, 4], (2, 2))))
    yield updated("halo-unequal-blocks", Layout(deal_blocks([3, 5, 2, 4], (2, 2))))
    yield updated("halo-outside", Layout(deal_blocks([4, 4], (1, 2), True)))
    yield updated("halo-periodic", Layout(deal_blocks([4, 4], (1, 2), True, True)))
    yield updated("halo-periodic-alone", Layout(deal_blocks([3], (2, 2), True, True)))
    yield updated("halo-wider-than-a-block", Layout(deal_blocks([2, 2, 2], (3, 3), True, True)))
    yield updated(
        "halo-corners", Layout(deal_blocks([3, 3], (1, 1), True), deal_blocks([2, 2], (1, 1), True, True))
    )
    yield updated("halo-beside-cyclic", Layout(deal_blocks([3, 3], (1, 1)), deal_cyclic(5, 2, 2)))
    yield updated("halo-none", Layout(deal_blocks([3, 3])))
    ghosts = deal_lists(6, [[5, 0], [2, 3], [1, 4]], [[2, 4], [0], []], one_to_one=True)
    yield updated("halo-ghosts", Layout(ghosts))
    yield updated("halo-ghosts-beside-blocks", Layout(ghosts, deal_blocks([2, 2], (1, 1))))

    def stale(filled):
        filled[1][0] = None

    def shifted(filled):
        filled[1][0] += 1

    yield updated("halo-stale", Layout(deal_blocks([4, 4, 4], (2, 2))), stale)
    yield updated("halo-shifted", Layout(deal_blocks([4, 4, 4], (2, 2))), shifted)
