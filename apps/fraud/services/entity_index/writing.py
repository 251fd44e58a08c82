"""Adding merged rows to the tables of the index.

Counts are added by the database; rows come in one order, so that nobody waits for another in a
circle.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import connection

from apps.fraud.services.entity_index.merging import LONGEST_BLOCKS, Merged
from apps.fraud.services.statements import execute

LARGEST_SUM = 2**62


def write(project_id: UUID, merged: Merged, first: int, stop: int) -> None:
    """Add rows `first` to `stop` of entities and then links."""
    plain, many = _plain(), len(merged.entities)
    project = plain(project_id.bytes)
    entities = merged.entities[first:stop]
    execute(_ENTITIES, [(plain(row[0]), project, *row[1:]) for row in entities])
    links = merged.links[max(0, first - many) : max(0, stop - many)]
    execute(_LINKS, [(plain(row[0]), plain(row[1]), *row[2:]) for row in links])


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
    f"blocks = substr(excluded.blocks || {_E}.blocks, 1, {LONGEST_BLOCKS})"
)
_LINKS = (
    f"INSERT INTO {_L} (payer_id, other_id, count, last_ms) VALUES {{}} "  # noqa: S608
    "ON CONFLICT (payer_id, other_id) DO UPDATE SET "
    f"count = {_L}.count + excluded.count, {_larger(_L, 'last_ms')}"
)
