#!/usr/bin/env python3
"""Checks descriptions against the protocol.

check.py vectors [directory]   every file fits its schema, every vector has the verdict that it states
check.py                       one JSON object a line from standard input, a verdict a line:
     {"description": {...}, "shape": [...]}      one process
     {"ranks": [{...}, ...]}                     all processes
"""

import ast
import json
import sys
from itertools import product
from pathlib import Path

import collective
from description import Refusal, check_buffer, read
from dnpy import axis_keys, check_file, literal
from generate.brute import flat
from life import check_life
from loan import check_loan, read_record
from schema import check_schemas
from sets import check_set


def check_local(case):
    """The description of one process, and what was mended."""
    python = "literal" in case
    value = ast.literal_eval(case["literal"]) if python else case["description"]
    shape = case.get("shape")
    description, mended = read(value, shape, case.get("lenient", False), python)
    if shape is not None:
        check_buffer(description, shape)
    return description, mended


def check_collective(case):
    """The descriptions of all processes."""
    descriptions = []
    for rank, value in enumerate(case["ranks"]):
        shape = case["shapes"][rank] if "shapes" in case else None
        try:
            descriptions.append(
                check_local({"description": value} | ({"shape": shape} if shape is not None else {}))[0]
            )
        except Refusal as refusal:
            descriptions.append(refusal)
    collective.check(descriptions, case.get("dtypes"), case.get("uids"))
    if "global" in case:
        check_examples(descriptions, case)
    return descriptions


def check_examples(descriptions, case):
    shape = [axis.size for axis in descriptions[0].axes]
    for rank, description in enumerate(descriptions):
        held = product(*(axis.held() for axis in description.axes))
        values = [case["global"][flat(index, shape)] for index in held]
        if values != case["buffers"][rank]:
            raise Refusal(None, "B7", "buffers", rank=rank)


def check_maps(case):
    for number, part in enumerate(case["parts"]):
        (axis,) = read(part)[0].axes
        if list(axis.held()) != case["held"][number] or axis.length() != len(case["held"][number]):
            raise Refusal(None, None, "held", rank=number)
        if list(axis.owned()) != case["owned"][number]:
            raise Refusal(None, None, "owned", rank=number)


def check_messages(case):
    source, target = (check_collective({"ranks": case[side]}) for side in ("source", "target"))
    due = []
    for sender, from_ in enumerate(source):
        for receiver, to in enumerate(target):
            along = [sorted(set(a.owned()) & set(b.owned())) for a, b in zip(from_.axes, to.axes)]
            if all(along):
                due.append({"from": sender, "to": receiver, "indices": along})
    if due != case["messages"]:
        raise Refusal(None, "M1", "messages")


def check_halo(case):
    descriptions = check_collective(case)
    shape = [axis.size for axis in descriptions[0].axes]
    for description, stated in zip(descriptions, case["buffers"]):
        for index, value in zip(product(*(axis.held() for axis in description.axes)), stated):
            element = [axis.element_at(g) for axis, g in zip(description.axes, index)]
            if value != (None if None in element else flat(element, shape)):
                raise Refusal(None, "M2", "buffers")


def check_forms(case):
    """The C record and the header of a file say what the description says."""
    (axis,) = read(case["description"])[0].axes
    stated = axis_keys(axis)
    if axis_keys(read_record(bytes.fromhex(case["record"]), getattr(axis, "indices", None))) != stated:
        raise Refusal(None, None, "record")
    if literal(case["header"], "header", "F4")["dim_data"] != (stated,):
        raise Refusal(None, None, "header")


CHECKS = {
    "local": check_local,
    "collective": check_collective,
    "maps": check_maps,
    "messages": check_messages,
    "halo": check_halo,
    "abi": check_loan,
    "lifecycle": check_life,
    "dnpy": check_file,
    "set": check_set,
    "forms": check_forms,
}


def verdict(case):
    """The refusal of a case as a dictionary, None where it is right."""
    try:
        found = CHECKS[case["kind"]](case)
    except Refusal as refusal:
        return refusal.as_dict()
    if case["kind"] == "local" and sorted(map(repr, found[1])) != sorted(
        repr(tuple(m)) for m in case.get("mended", found[1])
    ):
        return {"mended": found[1]}
    return None


def check_vectors(directory):
    checked, skipped, wrong = 0, 0, check_schemas(directory)
    for path in sorted(directory.glob("*.json")):
        for case in json.loads(path.read_text())["vectors"]:
            if case["kind"] not in CHECKS:
                skipped += 1
                continue
            checked += 1
            found = verdict(case)
            if found != case.get("error"):
                wrong.append(f"{path.name}: {case['id']}: expected {case.get('error')}, found {found}")
    print("\n".join(wrong), end="\n" if wrong else "")
    print(
        f"{checked} vectors checked, {len(wrong)} wrong, {skipped} of kinds that this checker does not know"
    )
    return 1 if wrong else 0


def unique(pairs):
    """A dictionary; a key that stands twice would be read differently by two readers."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def answer(line):
    try:
        case = json.loads(line, object_pairs_hook=unique)
        case = {"kind": "collective" if "ranks" in case else "local"} | case
        stated = case["ranks"] if case["kind"] == "collective" else case["description"]
        if case["kind"] == "collective" and not (isinstance(stated, list) and stated):
            raise TypeError("ranks are a list")
    except (ValueError, TypeError, KeyError, RecursionError):
        return json.dumps({"valid": False, "error": {"kind": "SYNTAX", "field": "line"}})
    error = verdict(case)
    return json.dumps({"valid": error is None} | ({"error": error} if error else {}))


def main():
    if sys.argv[1:2] == ["vectors"]:
        default = Path(__file__).parents[1] / "vectors"
        return check_vectors(Path(sys.argv[2]) if len(sys.argv) > 2 else default)
    if len(sys.argv) > 1:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for line in sys.stdin:
        print(answer(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
