"""Index maps: which global index each coordinate holds and owns, and where."""

from random import Random

from .brute import deal_blocks, deal_cyclic, deal_lists, needs_1_0
from .common import vector


def maps(name, rules, dealt):
    version = "1.0.0" if needs_1_0([dealt]) else "0.10.0"
    content = {
        "parts": [{"__version__": version, "dim_data": [part]} for part in dealt.parts],
        "held": dealt.held,
        "owned": dealt.owned,
    }
    return vector("maps", name, rules, content)


def vectors():
    out = []
    for number, lengths in enumerate(([5, 2, 5], [4], [0, 3, 0, 2, 0], [1] * 7, [6, 0])):
        out.append(maps(f"map-blocks-{number}", "B1 B2 B3 B5", deal_blocks(lengths)))
    for before, after in ((2, 2), (1, 3), (0, 2)):
        for lengths in ([4, 4, 4], [5, 3, 6, 3]):
            name = f"{before}-{after}-of-{len(lengths)}"
            out.append(maps(f"map-padded-{name}", "B2 B5 B6", deal_blocks(lengths, (before, after))))
            out.append(
                maps(
                    f"map-outside-{name}",
                    "B2 B5 B6",
                    deal_blocks(lengths, (before, after), True, before == after),
                )
            )
    for size in (0, 1, 7, 10, 23):
        for procs in (1, 2, 3, 5):
            for block_size in (1, 2, 3, 8):
                out.append(
                    maps(
                        f"map-cyclic-{size}-{procs}-{block_size}",
                        "C2 C5",
                        deal_cyclic(size, procs, block_size),
                    )
                )
    for size in (1, 6, 17):
        for first_process in (1, 2):
            for first_block in (1, 3, 4):
                name = f"map-rotated-{size}-{first_process}-{first_block}"
                out.append(maps(name, "C2 C3 C5", deal_cyclic(size, 3, 4, first_process, first_block)))
    random = Random(1)
    for number in range(12):
        size, procs = random.randint(0, 20), random.randint(1, 4)
        owned = [[] for _ in range(procs)]
        for index in random.sample(range(size), size):
            owned[random.randrange(procs)].append(index)
        ghosts = [
            random.sample([g for g in range(size) if g not in mine], min(number % 3, size - len(mine)))
            for mine in owned
        ]
        out.append(maps(f"map-lists-{number}", "U1 U2 U4", deal_lists(size, owned, ghosts, number % 2 == 0)))
    out.append(maps("map-labels", "U2", deal_lists(4, [[-5, 40], [7, 2**62]])))
    return out
