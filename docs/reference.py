#!/usr/bin/env python3
"""Fills in what the book takes from the sources; a preprocessor of mdBook.

    {{#functions NAME...}}    entries of functions, from the headers; NAME may have a *
    {{#struct NAME}}          a struct as the header declares it
    {{#constants PREFIX...}}  macros with these prefixes, and their comments
    {{#rules}}                the numbered rules, from protocol-spec/*.md

Names of functions in the text of all pages become links to their entries. Marks of
anchors, which stand in programs that a page includes as a whole, are left out.
"""
import fnmatch
import json
import os
import re
import sys
import textwrap

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
HEADERS = ("distarray_abi.h", "distarray_comm.h", "distarray.h", "distarray_mpi.h")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


TEXT = "\n".join(read("include/" + header) for header in HEADERS)

# A comment of either kind that ends right above what it documents.
COMMENT = r"((?:^//.*\n)+|^/\*(?:(?!\*/)[\s\S])*\*/\n)"
FUNCTION = re.compile(
    COMMENT + r"((?:static inline )?[a-z][\w ]*[ *]+(distarray_\w+)\([^;{}]*\))[;\s]*[;{]", re.M)
STRUCT = re.compile(r"(?:" + COMMENT + r")?^(typedef struct[^{;]*\{[^{}]*\} (distarray_\w+);)$", re.M)


def prose(comment):
    """A comment as Markdown."""
    lines = [re.sub(r"^ ?(// ?|/\* ?|\* ?)", "", line) for line in comment.strip().splitlines()]
    return re.sub(r"\s*\*/$", "", "\n".join(lines)).strip()


class Entries:
    """The functions, and where the book has them."""

    def __init__(self):
        self.functions = {name: (prose(comment), prototype)
                          for comment, prototype, name in FUNCTION.findall(TEXT)}
        self.places = {}

    def chosen(self, patterns):
        for pattern in patterns:
            if not fnmatch.filter(self.functions, pattern):
                sys.exit(f"no function with a comment above it is called {pattern}")
        return [name for name in self.functions
                if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]

    def find(self, page, text):
        for directive in re.findall(r"\{\{#functions ([^}]*)\}\}", text):
            for name in self.chosen(directive.split()):
                if name in self.places:
                    sys.exit(f"{name} has two entries, in {self.places[name]} and in {page}")
                self.places[name] = page

    def render(self, patterns):
        entries = []
        for name in self.chosen(patterns):
            text, prototype = self.functions[name]
            prototype = re.sub(r"\s+", " ", prototype)
            if len(prototype) > 90:
                before, arguments = prototype.split("(", 1)
                prototype = before + "(\n    " + arguments.strip().replace(", ", ",\n    ")
            entries.append(f"### `{name}`\n\n```c\n{prototype};\n```\n\n{self.named(text)}\n")
        return "\n".join(entries)

    @staticmethod
    def named(text):
        """Identifiers in a comment as code."""
        text = re.sub(r"\b(distarray_\w+|DISTARRAY_\w+\*?)", r"`\1`", text)
        return text.replace("* ", "\\* ").replace("<", "&lt;")

    def linked(self, page, text):
        """Names of functions in code style as links, outside blocks, headings and links;
        without marks of anchors."""
        def link(match):
            place = self.places.get(match[1])
            if place is None:
                return match[0]
            way = "" if place == page else os.path.relpath(place, os.path.dirname(page))
            return f"[{match[0]}]({way}#{match[1]})"

        lines, fenced = [], False
        for line in text.split("\n"):
            if re.search(r"\bANCHOR(_END)?: \w", line):
                continue
            fenced ^= line.startswith("```")
            if not fenced and not line.startswith(("#", "```")):
                line = re.sub(r"(?<!\[)`(distarray_\w+)`", link, line)
            lines.append(line)
        return "\n".join(lines)


def struct(name):
    for comment, declaration, declared in STRUCT.findall(TEXT):
        if declared == name:
            return f"### `{name}`\n\n{Entries.named(prose(comment))}\n\n```c\n{declaration}\n```"
    sys.exit(f"no struct {name}")


def constants(prefixes):
    rows = ["| | value | |", "|---|---|---|"]
    define = re.compile(r"^#define (DISTARRAY_\w+) +(\S(?:[^/\n]*?\S)?) *(/\*(?:(?!\*/)[\s\S])*\*/)?$", re.M)
    for name, value, comment in define.findall(TEXT):
        if any(name.startswith(prefix) for prefix in prefixes):
            comment = " ".join(re.sub(r"^/\*|\*/$", "", comment).split()).replace("|", "&#124;")
            rows.append(f"| `{name}` | `{value}` | {comment} |")
    if len(rows) == 2:
        sys.exit(f"no constant begins with {prefixes}")
    return "\n".join(rows)


def rules():
    rows = ["| rule | says |", "|---|---|"]
    for page in ("protocol", "c-abi", "dnpy"):
        path = f"protocol-spec/{page}.md"
        found = re.findall(r"^\*\*([A-Z]\d+)\.\*\* ([\s\S]*?)\n\*Refusal", read(path), re.M)
        if not found:
            sys.exit(f"{path} has no rules")
        for rule, says in found:
            says = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(says.split())).replace("|", "&#124;")
            rows.append(f"| {rule} | {says} |")
    return "\n".join(rows)


def chapters(value):
    """Every chapter of a book, whatever mdBook calls their lists."""
    if isinstance(value, dict):
        if isinstance(value.get("Chapter"), dict):
            yield value["Chapter"]
        for inner in value.values():
            yield from chapters(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from chapters(inner)


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    _, book = json.load(sys.stdin)
    entries = Entries()
    for chapter in chapters(book):
        entries.find(chapter["path"], chapter["content"])
    fill = {
        "functions": lambda arguments: entries.render(arguments),
        "struct": lambda arguments: struct(*arguments),
        "constants": lambda arguments: constants(arguments),
        "rules": lambda arguments: rules(),
    }
    for chapter in chapters(book):
        text = re.sub(r"\{\{#(functions|struct|constants|rules)\b([^}]*)\}\}",
                      lambda match: fill[match[1]](match[2].split()), chapter["content"])
        # Pieces of programs begin at the margin.
        text = re.sub(r"(?<=^```c\n)[\s\S]*?(?=^```)", lambda piece: textwrap.dedent(piece[0]), text,
                      flags=re.M)
        chapter["content"] = entries.linked(chapter["path"], text)
    json.dump(book, sys.stdout)


main()
