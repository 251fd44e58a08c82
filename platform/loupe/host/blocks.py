"""Rows inside stored blocks, for the pages and REST of apps whose results are columns."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from loupe.blobs import services as blobs
from loupe.contract.blocks import LIVE
from loupe.contract.runtime.columns import nested
from loupe.contract.runtime.steps import load
from loupe.intake.models import Channel
from loupe.jobs.block_results import result_id
from loupe.jobs.models import ResultBlock
from loupe.plugins import registry

__all__ = [
    "Block",
    "BlockRow",
    "blocks_of",
    "newest_blocks",
    "newest_columns",
    "newest_id",
    "opened",
    "outcomes_of",
    "rows_where",
    "sessions_of",
]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A stored block: how many rows, and the version that scored it (None: none is known)."""

    id: int
    rows: int
    model_version_id: int | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class BlockRow:
    """One row of a block: its result, by the app's `result_schema`, and how it was decided."""

    result_id: int
    data: BaseModel
    outcome: str
    score: float
    label: str
    stored_at: datetime


def blocks_of(
    app: str,
    project_id: uuid.UUID,
    *,
    job_id: uuid.UUID | None = None,
    since: datetime | None = None,
    after: int = 0,
    most: int | None = None,
) -> list[Block]:
    """Blocks of a project in the order they were stored. Ask the policy before.

    Args:
        job_id: only of this job.
        since: only what was stored then or later.
        after: only blocks with a larger id.
        most: not more than the first so many.
    """
    rows = ResultBlock.objects.filter(project_id=project_id, app=app, pk__gt=after)
    if job_id is not None:
        rows = rows.filter(job_id=job_id)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    found = rows.order_by("pk").values_list(
        "pk", "rows", "provenance__model_version_id", "created_at"
    )
    return [
        Block(id=pk, rows=count, model_version_id=version, created_at=at)
        for pk, count, version, at in found[:most]
    ]


def outcomes_of(app: str, project_id: uuid.UUID, job_id: uuid.UUID) -> dict[str, int]:
    """How many rows of a job came to each outcome. Ask the policy before."""
    rows = ResultBlock.objects.filter(project_id=project_id, app=app, job_id=job_id)
    found: Counter[str] = Counter()
    for told in rows.values_list("outcomes", flat=True).iterator():
        found.update(told)
    return dict(found)


def newest_blocks(
    app: str, project_id: uuid.UUID, model_version_id: int, most_rows: int, most_blocks: int
) -> list[int]:
    """The newest blocks that a version scored, in the order they were stored; whole blocks, at
    most `most_rows` rows. Ask the policy before."""
    rows = ResultBlock.objects.filter(
        project_id=project_id, app=app, provenance__model_version_id=model_version_id
    )
    chosen, total = [], 0
    for pk, count in rows.order_by("-pk").values_list("pk", "rows")[:most_blocks]:
        if total + count > most_rows:
            break
        chosen.append(pk)
        total += count
    return chosen[::-1]


def sessions_of(
    app: str, project_id: uuid.UUID, block_ids: Sequence[int]
) -> dict[int, tuple[str, int | None]]:
    """Of each block that is there: its session (`LIVE`, or the job's id) and the version that
    scored it. One query. Ask the policy before."""
    rows = ResultBlock.objects.filter(project_id=project_id, app=app, pk__in=list(block_ids))
    found = rows.values_list(
        "pk", "job_id", "job__submission__channel", "provenance__model_version_id"
    )
    return {
        pk: (LIVE if channel == Channel.SYNC else str(job_id), version)
        for pk, job_id, channel, version in found
    }


def newest_id(app: str, project_id: uuid.UUID) -> int:
    """The id of the block stored last; 0 without blocks. Ask the policy before."""
    rows = ResultBlock.objects.filter(project_id=project_id, app=app).order_by("-pk")
    return rows.values_list("pk", flat=True).first() or 0


@contextmanager
def opened(app: str, project_id: uuid.UUID, block_id: int) -> Iterator[Path | None]:
    """A block's Parquet file as a local, read-only file; None: the block is gone."""
    rows = ResultBlock.objects.filter(project_id=project_id, app=app, pk=block_id)
    block = rows.select_related("blob").first()
    if block is None:
        yield None
        return
    with blobs.open_local(block.blob) as path:
        yield path


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
