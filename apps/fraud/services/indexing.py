"""Writing the entity index, one block of results at a time.

One block costs a few statements, whatever it holds. Counts are added by the database, so workers
may write at once; rows go in one order, so that none waits for another in a circle. The host calls
inside the transaction that stores the block, so each block counts once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from apps.fraud.scheme import Scheme
from apps.fraud.services.naming import LONGEST_KEY, entity_digests, storable
from apps.fraud.services.statements import execute
from loupe.contract.runtime.columns import Columns

LARGEST_SUM = 2**62


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One type's identifiers in a block: the distinct ones, and which one each row has."""

    type: str
    ids: list[bytes]
    keys: list[str]
    codes: np.ndarray
    there: np.ndarray


def write(
    project_id: UUID, block_id: int, scheme: Scheme, columns: Columns, flagged: np.ndarray
) -> None:
    """Add what a block says of its entities and of the pairs of payers with what they share.

    Args:
        columns: of `ScoredTransaction`, dictionaries spread.
        flagged: bool per row: held back or blocked.
    """
    found = [_column(project_id, entity.key, columns) for entity in scheme.entities]
    present = [column for column in found if column is not None]
    rows = [
        row
        for column in present
        for row in _rows(column, block_id, columns, flagged)
    ]  # fmt: skip
    rows.sort(key=itemgetter(0))
    plain = _plain()
    project = plain(project_id.bytes)
    execute(_ENTITIES, [(plain(row[0]), project, *row[1:]) for row in rows])
    shared = {entity.key for entity in scheme.of_role("instrument", "trait")}
    payer = next((one for one in present if one.type == scheme.payer.key), None)
    if payer is not None:
        links = [
            link
            for column in present
            if column.type in shared
            for link in _links(payer, column, np.asarray(columns["event_time"]))
        ]
        links.sort(key=itemgetter(0, 1))
        execute(_LINKS, [(plain(link[0]), plain(link[1]), *link[2:]) for link in links])


def _column(project_id: UUID, type_: str, columns: Columns) -> _Column | None:
    values = columns.get(f"entities.{type_}")
    if values is None:
        return None
    keys, codes = np.unique(np.asarray(values), return_inverse=True)
    names = keys.tolist()
    return _Column(
        type=type_,
        ids=entity_digests(project_id, type_, names),
        keys=names,
        codes=codes.reshape(-1),
        there=np.asarray(values) != "",
    )


def _rows(
    column: _Column, block_id: int, columns: Columns, flagged: np.ndarray
) -> Iterable[tuple[Any, ...]]:
    size, codes = len(column.keys), column.codes
    event = np.asarray(columns["event_time"], dtype=np.int64)
    amount = np.zeros(size, dtype=np.int64)
    np.add.at(amount, codes, np.asarray(columns["amount"], dtype=np.int64))
    first = np.full(size, np.iinfo(np.int64).max)
    last = np.full(size, np.iinfo(np.int64).min)
    highest = np.full(size, -np.inf)
    np.minimum.at(first, codes, event)
    np.maximum.at(last, codes, event)
    np.maximum.at(highest, codes, np.nan_to_num(np.asarray(columns["score"], dtype=np.float64)))
    measured = zip(
        column.ids,
        column.keys,
        np.bincount(codes, minlength=size).tolist(),
        np.bincount(codes, weights=flagged, minlength=size).astype(np.int64).tolist(),
        amount.tolist(),
        highest.tolist(),
        first.tolist(),
        last.tolist(),
        strict=True,
    )
    for id_, key, *figures in measured:
        if key:
            yield (id_, column.type, storable(key, LONGEST_KEY), *figures, f"{block_id},")


def _links(
    payer: _Column, other: _Column, event: np.ndarray
) -> Iterable[tuple[bytes, bytes, int, int]]:
    both = payer.there & other.there
    width = len(other.keys)
    pairs, codes = np.unique(
        payer.codes[both].astype(np.int64) * width + other.codes[both], return_inverse=True
    )
    last = np.full(len(pairs), np.iinfo(np.int64).min)
    np.maximum.at(last, codes, event[both])
    counts = np.bincount(codes, minlength=len(pairs)).tolist()
    for pair, count, at in zip(pairs.tolist(), counts, last.tolist(), strict=True):
        yield payer.ids[pair // width], other.ids[pair % width], count, at


def _plain() -> Callable[[bytes], Any]:
    """Makes of an id what `UUIDField` would hand to the database's driver, but quicker."""
    if connection.features.has_native_uuid_field:
        return lambda digest: UUID(bytes=digest)
    return bytes.hex


def _larger(table: str, column: str, sign: str = ">") -> str:
    return (
        f"{column} = CASE WHEN excluded.{column} {sign} {table}.{column} "
        f"THEN excluded.{column} ELSE {table}.{column} END"
    )


_E, _L = "fraud_entity", "fraud_entitylink"
_ENTITIES = (
    f"INSERT INTO {_E} (id, project_id, type, key, count, flagged, amount, score, first_ms, "  # noqa: S608
    "last_ms, blocks) VALUES {} ON CONFLICT (id) DO UPDATE SET "
    f"count = {_E}.count + excluded.count, flagged = {_E}.flagged + excluded.flagged, "
    # A sum that would leave 64 bits stays where it is: a page's figure, nothing is decided by it.
    f"amount = CASE WHEN {_E}.amount > {LARGEST_SUM} THEN {_E}.amount "
    f"ELSE {_E}.amount + excluded.amount END, "
    f"{_larger(_E, 'score')}, {_larger(_E, 'first_ms', '<')}, {_larger(_E, 'last_ms')}, "
    f"blocks = substr(excluded.blocks || {_E}.blocks, 1, 400)"
)
_LINKS = (
    f"INSERT INTO {_L} (payer_id, other_id, count, last_ms) VALUES {{}} "  # noqa: S608
    "ON CONFLICT (payer_id, other_id) DO UPDATE SET "
    f"count = {_L}.count + excluded.count, {_larger(_L, 'last_ms')}"
)
