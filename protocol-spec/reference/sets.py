"""Sets that were saved as one: dnpy.md, section 5."""

import re
import zlib

from description import Refusal
from dnpy import content_of

HEAD = re.compile(rb"distarray save 1 ([0-9a-f]{16}) ([0-9]{10})\n")
LINE = re.compile(rb"([0-9a-f]{8}) ([0-9]{20})\n")


def read_manifest(content):
    """The name of the save, and CRC-32 and length of each file."""
    other = re.match(rb"distarray save ([^ ]*) ", content[:45])
    if len(content) >= 45 and other and other[1] != b"1":
        raise Refusal("VERSION", "F10", "manifest version")
    head = HEAD.fullmatch(content[:45])
    if not head or len(content) != 45 + 30 * int(head[2]):
        raise Refusal("SYNTAX", "F10", "manifest")
    sums = []
    for rank in range(int(head[2])):
        line = LINE.fullmatch(content[45 + 30 * rank :][:30])
        if not line:
            raise Refusal("SYNTAX", "F10", "manifest", rank=rank)
        sums.append((int(line[1], 16), int(line[2])))
    return head[1].decode(), sums


def check_set(case):
    save, sums = read_manifest(content_of(case["manifest"]))
    files = {name: content_of(pieces) for name, pieces in case["files"].items()}
    reads = []
    for rank, (crc32, length) in enumerate(sums):
        waiting = f"_{rank}.dnpy.{save}"
        name = waiting if waiting in files else f"_{rank}.dnpy"
        if len(files[name]) != length:
            raise Refusal("INVARIANT", "F11", "bytes")
        if zlib.crc32(files[name]) != crc32:
            raise Refusal("INVARIANT", "F11", "crc32")
        reads.append(name)
    if reads != case["reads"]:
        raise Refusal(None, "F11", "reads")
