"""A kept text as a page shows it: its paragraphs, and what differs from another version."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import Literal

_MARKS = {"## ": "heading", "- ": "item"}


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph (one line), or a list with its items."""

    kind: str
    lines: tuple[str, ...]


def _marked(line: str) -> tuple[str, str]:
    for mark, kind in _MARKS.items():
        if line.startswith(mark):
            return kind, line.removeprefix(mark)
    return "paragraph", line


def blocks(body: str) -> list[Block]:
    """In order; items that follow one another are one list."""
    lines, found = [_marked(line) for line in body.split("\n")], list[Block]()
    for kind, group in groupby(lines, key=lambda one: one[0]):
        texts = tuple(text for _kind, text in group)
        found += [Block(kind, texts)] if kind == "item" else [Block(kind, (one,)) for one in texts]
    return found


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a paragraph that changed."""

    state: Literal["same", "gone", "new"]
    text: str


def changes(before: str, after: str) -> list[list[Piece]]:
    """The paragraphs that differ, each with what went and what came."""
    old, new = ([_marked(line)[1] for line in body.split("\n")] for body in (before, after))
    found = []
    for verb, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if verb != "equal":
            pairs = zip_longest(old[a:b], new[c:d], fillvalue="")
            found += [list(_pieces(was, now)) for was, now in pairs]
    return found


def _pieces(was: str, now: str) -> Iterator[Piece]:
    """By words, their spaces with them."""
    old, new = re.findall(r"\S+\s*", was), re.findall(r"\S+\s*", now)
    for verb, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if verb == "equal":
            yield Piece("same", "".join(old[a:b]))
            continue
        if a < b:
            yield Piece("gone", "".join(old[a:b]))
        if c < d:
            yield Piece("new", "".join(new[c:d]))
