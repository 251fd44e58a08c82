"""What a reader changed, word by word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from apps.report_gen.report import Part, ReportDocument

WORDS = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|\s+|[^\W_]+(?:[.-][^\W_]+)*|.", re.DOTALL)
"""A word, a number, white space, one Chinese character, or one other sign."""


class Mark(StrEnum):
    """How a piece of text came to be."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True)
class Piece:
    """Text in a row that has one mark."""

    mark: Mark
    text: str


@dataclass(frozen=True)
class PartDifference:
    """One part of a report against what it was."""

    part: Part
    pieces: tuple[Piece, ...]

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return any(piece.mark is not Mark.SAME for piece in self.pieces)


def differences(before: str, after: str) -> tuple[Piece, ...]:
    """The pieces that make `after` of `before`, in order. Those not removed join to `after`, those
    not added to `before`."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    return tuple(_joined(_pieces(old, new)))


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    # Seeded with nothing: `autojunk` would ignore words that are frequent in a long report.
    for verb, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if verb == "equal":
            yield Piece(Mark.SAME, "".join(old[a:b]))
            continue
        if b > a:
            yield Piece(Mark.REMOVED, "".join(old[a:b]))
        if d > c:
            yield Piece(Mark.ADDED, "".join(new[c:d]))


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """White space between two changes of a kind belongs to both: whole phrases are marked."""
    held: list[Piece] = list(pieces)
    out: list[Piece] = []
    for number, piece in enumerate(held):
        between = piece.mark is Mark.SAME and piece.text.isspace() and 0 < number < len(held) - 1
        if between and out and held[number + 1].mark is not Mark.SAME:
            out += [Piece(Mark.REMOVED, piece.text), Piece(Mark.ADDED, piece.text)]
        else:
            out.append(piece)
    run: dict[Mark, str] = {}
    for piece in out:
        if piece.mark is Mark.SAME:
            yield from _flushed(run)
            yield piece
        else:
            run[piece.mark] = run.get(piece.mark, "") + piece.text
    yield from _flushed(run)


def _flushed(run: dict[Mark, str]) -> Iterator[Piece]:
    for mark in (Mark.REMOVED, Mark.ADDED):
        if run.get(mark):
            yield Piece(mark, run[mark])
    run.clear()


def of_reports(before: ReportDocument, after: ReportDocument) -> tuple[PartDifference, ...]:
    """Every part that either report has text in."""
    made = []
    for part in Part:
        pieces = differences(before.text(part), after.text(part))
        if pieces:
            made.append(PartDifference(part=part, pieces=pieces))
    return tuple(made)
