"""Notes of many blocks together, as rows of the index in one order."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from uuid import UUID

import numpy as np

from apps.fraud.services.entity_index.notes import Note, Shape
from apps.fraud.services.naming import LONGEST_KEY, entity_digests, storable

LONGEST_BLOCKS = 400
"""Characters of the newest blocks' ids at an entity."""
Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Merged:
    """Rows of the two tables, each in the order of its key, ids as bytes: `entities` of id, type,
    key, count, flagged, amount, score, first and last time, blocks; `links` of payer, other,
    count, last time."""

    entities: Sequence[Row]
    links: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One type's identifiers: the distinct ones, and which one each transaction has."""

    type: str
    ids: list[bytes]
    keys: list[bytes]
    codes: np.ndarray

    @property
    def there(self) -> np.ndarray:
        """Whether each transaction names one."""
        named = np.array([bool(key) for key in self.keys], dtype=bool)
        found: np.ndarray = named[self.codes]
        return found


def merged(project_id: UUID, shape: Shape, notes: Sequence[Note]) -> Merged:
    """The rows that add these notes to the index; the same ones in the same order every time.

    Args:
        notes: of one shape.
    """
    notes = sorted(notes, key=lambda note: note.block)
    figures = _Figures.of(notes)
    columns = [
        _column(project_id, type_, [note.keys[place] for note in notes])
        for place, type_ in enumerate(shape.types)
    ]
    entities = [row for column in columns for row in _entities(column, figures)]
    entities.sort(key=itemgetter(0))
    payer = next((one for one in columns if one.type == shape.payer), None)
    links: list[Row] = []
    if payer is not None:
        for column in columns:
            if column.type in shape.shared:
                links += _links(payer, column, figures.event_ms)
    links.sort(key=itemgetter(0, 1))
    return Merged(entities=entities, links=links)


@dataclass(frozen=True, kw_only=True)
class _Figures:
    """Of all transactions: their block's place among `blocks`, and what is counted of them."""

    blocks: list[int]
    place: np.ndarray
    event_ms: np.ndarray
    amount: np.ndarray
    score: np.ndarray
    flagged: np.ndarray

    @classmethod
    def of(cls, notes: Sequence[Note]) -> "_Figures":
        def joined(name: str, kind: Any) -> np.ndarray:
            return np.frombuffer(b"".join(getattr(note, name) for note in notes), dtype=kind)

        sizes = [len(note.flagged) for note in notes]
        return cls(
            blocks=[note.block for note in notes],
            place=np.repeat(np.arange(len(notes)), sizes),
            event_ms=joined("event_ms", np.int64),
            amount=joined("amount", np.int64),
            score=np.nan_to_num(joined("score", np.float64)),
            flagged=joined("flagged", bool),
        )


def _column(project_id: UUID, type_: str, parts: Sequence[list[bytes]]) -> _Column:
    known: dict[bytes, int] = {}
    codes = [known.setdefault(key, len(known)) for keys in parts for key in keys]
    return _Column(
        type=type_,
        ids=entity_digests(project_id, type_, known),
        keys=list(known),
        codes=np.array(codes, dtype=np.int64),
    )


def _entities(column: _Column, figures: _Figures) -> list[Row]:
    size, codes = len(column.keys), column.codes
    amount = np.zeros(size, dtype=np.int64)
    np.add.at(amount, codes, figures.amount)
    first = np.full(size, np.iinfo(np.int64).max)
    last = np.full(size, np.iinfo(np.int64).min)
    highest = np.full(size, -np.inf)
    np.minimum.at(first, codes, figures.event_ms)
    np.maximum.at(last, codes, figures.event_ms)
    np.maximum.at(highest, codes, figures.score)
    flagged = np.bincount(codes, weights=figures.flagged, minlength=size).astype(np.int64)
    measured = zip(
        column.ids,
        column.keys,
        np.bincount(codes, minlength=size).tolist(),
        flagged.tolist(),
        amount.tolist(),
        highest.tolist(),
        first.tolist(),
        last.tolist(),
        _newest_blocks(column, figures),
        strict=True,
    )
    return [
        (id_, column.type, storable(key.decode("utf-8", "surrogatepass"), LONGEST_KEY), *more)
        for id_, key, *more in measured
        if key
    ]


def _newest_blocks(column: _Column, figures: _Figures) -> list[str]:
    """Of every identifier the blocks that hold it, newest first, each followed by a comma."""
    many = len(figures.blocks)
    pairs = np.unique(column.codes * many + (many - 1 - figures.place))
    found = [""] * len(column.keys)
    for code, back in zip((pairs // many).tolist(), (pairs % many).tolist(), strict=True):
        if len(found[code]) < LONGEST_BLOCKS:
            found[code] += f"{figures.blocks[many - 1 - back]},"
    return [text[:LONGEST_BLOCKS] for text in found]


def _links(payer: _Column, other: _Column, event_ms: np.ndarray) -> list[Row]:
    both = payer.there & other.there
    width = len(other.keys)
    pairs, codes = np.unique(payer.codes[both] * width + other.codes[both], return_inverse=True)
    last = np.full(len(pairs), np.iinfo(np.int64).min)
    np.maximum.at(last, codes, event_ms[both])
    counts = np.bincount(codes, minlength=len(pairs)).tolist()
    return [
        (payer.ids[pair // width], other.ids[pair % width], count, at)
        for pair, count, at in zip(pairs.tolist(), counts, last.tolist(), strict=True)
    ]
