"""Rows inside stored blocks, for the pages and REST of apps whose results are columns."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import BaseModel

from loupe.blobs import services as blobs
from loupe.contract.runtime.columns import nested
from loupe.contract.runtime.steps import load
from loupe.jobs.block_results import result_id
from loupe.jobs.models import ResultBlock
from loupe.plugins import registry

__all__ = ["BlockRow", "newest_columns", "rows_where"]


@dataclass(frozen=True, kw_only=True)
class BlockRow:
    """One row of a block: its result, by the app's `result_schema`, and how it was decided."""

    result_id: int
    data: BaseModel
    outcome: str
    score: float
    label: str
    stored_at: datetime


def rows_where(
    app: str, project_id: uuid.UUID, block_ids: Sequence[int], column: str, value: str, limit: int
) -> list[BlockRow]:
    """At most `limit` rows of these blocks whose `column` (``entities.card``) is `value`, those
    stored last first. One query; the blocks are read from storage until there are enough.

    Blocks of other projects and those that are gone are passed over. Ask the policy before.
    """
    rows = ResultBlock.objects.filter(project_id=project_id, app=app, pk__in=list(block_ids))
    schema = registry.get(app).result_schema
    found: list[BlockRow] = []
    for block in rows.select_related("blob").order_by("-pk"):
        if len(found) >= limit:
            break
        with blobs.open_local(block.blob) as path:
            matching: list[tuple[int, dict[str, Any]]] = load("loupe.jobs.parquet:rows_where")(
                path, column, value, limit - len(found)
            )
        found += [
            BlockRow(
                result_id=result_id(block.pk, index),
                data=schema.model_validate(nested(values, schema)),
                outcome=str(values["decision.outcome"]),
                score=float(values["decision.score"]),
                label=str(values["decision.label"]),
                stored_at=block.created_at,
            )
            for index, values in matching
        ]
    return found


def newest_columns(
    app: str, project_id: uuid.UUID, names: Sequence[str], most_rows: int
) -> dict[str, np.ndarray]:
    """Columns of the newest blocks together, in the order they were stored; whole blocks, at most
    `most_rows` rows. A column that a block lacks is empty text or NaN there. Empty without blocks.
    Ask the policy before.
    """
    rows = ResultBlock.objects.filter(project_id=project_id, app=app).select_related("blob")
    chosen, total = [], 0
    for block in rows.order_by("-pk").iterator(chunk_size=100):
        if total + block.rows > most_rows:
            break
        chosen.append(block)
        total += block.rows
    read = load("loupe.jobs.parquet:columns")
    parts: list[tuple[int, dict[str, np.ndarray]]] = []
    for block in reversed(chosen):
        with blobs.open_local(block.blob) as path:
            parts.append((block.rows, read(path, names)))
    found = {}
    for name in names:
        there = [part[name] for _rows, part in parts if name in part]
        if there:
            missing: str | float = "" if there[0].dtype.kind == "U" else float("nan")
            found[name] = np.concatenate(
                [part.get(name, np.full(count, missing)) for count, part in parts]
            )
    return found
