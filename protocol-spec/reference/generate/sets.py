"""Sets that were saved as one, half replaced, and mixed up."""

import zlib

from .common import refusal, vector

OLD, NEW = "0123456789abcdef", "5f3a9c0e12d4b6a7"
# What stands in the files does not matter here.
FILES = {OLD: [b"old zero", b"old one", b""], NEW: [b"new zero", b"new one", b"two"]}


def manifest(save):
    lines = (f"{zlib.crc32(file):08x} {len(file):020}\n" for file in FILES[save])
    return f"distarray save 1 {save} {len(FILES[save]):010}\n" + "".join(lines)


def saved(name, text, files, error=None, rules="F10 F11"):
    """A set whose files are given by rank and save, or rank, save and the one they wait for."""
    stated = {}
    for rank, save, *waiting in files:
        stated[".".join([f"_{rank}.dnpy", *waiting])] = [FILES[save][rank].hex()]
    content = {"manifest": [text.encode("latin-1").hex()], "files": stated}
    if error is None:
        content["reads"] = [
            f"_{rank}.dnpy.{NEW}" if f"_{rank}.dnpy.{NEW}" in stated else f"_{rank}.dnpy" for rank in range(3)
        ]
    return vector("set", f"set-{name}", rules, content, error)


def vectors():
    new, old = manifest(NEW), [(rank, OLD) for rank in range(3)]
    placed = [(rank, NEW) for rank in range(3)]
    yield saved("saved", new, placed)
    yield saved("none-renamed", new, [*old, *((rank, NEW, NEW) for rank in range(3))])
    yield saved("one-renamed", new, [(0, NEW), *old[1:], (1, NEW, NEW), (2, NEW, NEW)])
    yield saved("first-save-none-renamed", new, [(rank, NEW, NEW) for rank in range(3)])
    yield saved("another-save-begun", new, [*placed, (0, OLD, OLD), (1, OLD, OLD)])

    for rank, field in ((0, "crc32"), (1, "crc32"), (2, "bytes")):
        files = [(r, OLD if r == rank else NEW) for r in range(3)]
        yield saved(f"mixed-{rank}", new, files, refusal("INVARIANT", "F11", field))
    yield saved("of-another-save", new, old, refusal("INVARIANT", "F11", "crc32"))
    spoiled = [*placed, (0, OLD, NEW)]
    yield saved("waiting-file-spoiled", new, spoiled, refusal("INVARIANT", "F11", "crc32"))

    broken = refusal("SYNTAX", "F10", "manifest")
    for name, text in (
        ("empty", ""),
        ("other-text", "x" * 200),
        ("cut", new[:-1]),
        ("longer", new + "\n"),
        ("fewer-lines", new[:-30]),
        ("upper-case", new.replace(NEW, NEW.upper())),
        ("sign", new.replace("0000000003", "+000000003")),
        ("no-newline", new.replace("3\n", "3 ", 1)),
    ):
        yield saved(f"manifest-{name}", text, placed, broken)
    at_one = refusal("SYNTAX", "F10", "manifest", rank=1)
    lines = new.splitlines(keepends=True)
    for name, line in (
        ("no-number", "zzzzzzzz" + lines[2][8:]),
        ("sign", lines[2][:9] + "+" + lines[2][10:]),
        ("upper-case", lines[2].upper()),
        ("tab", lines[2].replace(" ", "\t")),
    ):
        yield saved(f"line-{name}", "".join([*lines[:2], line, *lines[3:]]), placed, at_one)
    version = refusal("VERSION", "F10", "manifest version")
    yield saved("manifest-version-2", new.replace("save 1", "save 2"), placed, version)
