"""Reading results kept in columnar blocks, one by one, as if they were rows.

A result's id is its block's number and its row in it: ``block << ROW_BITS | row``. Parquet is read
by `loupe.jobs.parquet`, loaded by name when a block is read, and by no process that reads none.
"""

import uuid
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from loupe.accounts.policy import Actor, visible
from loupe.blobs import services as blobs
from loupe.contract.blocks import ROW_BITS
from loupe.contract.outcomes import DecisionDraft
from loupe.contract.runtime.columns import nested
from loupe.contract.runtime.steps import load
from loupe.jobs.filters import Filters
from loupe.jobs.models import ResultBlock
from loupe.jobs.stored import StoredResult, shown_provenance
from loupe.plugins import registry as apps

# A block has at most 2**20 rows; with 2**33 blocks an id still fits JavaScript's integers.
MAX_ROWS = 1 << ROW_BITS


def result_id(block_id: int, row: int) -> int:
    """The id of one row of a block."""
    return block_id << ROW_BITS | row


def page(
    project_id: uuid.UUID, app: str, filters: Filters, after_id: int | None, limit: int
) -> list[StoredResult]:
    """At most `limit` matching results older than `after_id`, newest first.

    One query as a rule; more only where a label is so rare that many blocks hold none of it.
    """
    found: list[StoredResult] = []
    before_block, before_row = _split(after_id)
    for block in _blocks(project_id, app, filters, before_block, limit):
        bound = before_row if block.pk == before_block else None
        for row, values in _read(block, filters, bound, limit - len(found)):
            found.append(_from_block(block, row, values))
        if len(found) >= limit:
            break
    return found


def view(actor: Actor, app: str, wanted: int) -> StoredResult | None:
    """One result with the reasons of its decision, if the actor may see it."""
    block_id, row = wanted >> ROW_BITS, wanted & (MAX_ROWS - 1)
    block = visible(_joined().filter(app=app), actor).filter(pk=block_id).first()
    if block is None or row >= block.rows:
        return None
    ((_, values),) = _read(block, Filters(), row + 1, 1)
    found = _from_block(block, row, values)
    chosen = apps.get(app)
    point = block.provenance.operating_point
    settings = chosen.operating_point_schema.model_validate(point.data if point else {})
    return found.with_decision(chosen.decide(found.data, settings))


def neighbours(
    project_id: uuid.UUID, app: str, filters: Filters, wanted: int
) -> tuple[int | None, int | None]:
    """The ids just newer and just older than `wanted` under the same filters."""
    older = page(project_id, app, filters, wanted, 1)
    newer: int | None = None
    block_id = wanted >> ROW_BITS
    rows = _filtered(project_id, app, filters).filter(pk__gte=block_id).order_by("pk")
    for block in rows[:50]:
        matching = [result_id(block.pk, row) for row, _ in _read(block, filters, None, block.rows)]
        above = [one for one in matching if one > wanted]
        if above:
            newer = min(above)
            break
    return newer, older[0].id if older else None


def _split(after_id: int | None) -> tuple[int | None, int | None]:
    if after_id is None:
        return None, None
    return after_id >> ROW_BITS, after_id & (MAX_ROWS - 1)


def _joined() -> "QuerySet[ResultBlock]":
    return ResultBlock.objects.select_related(
        "blob",
        "provenance__model_version__model",
        "provenance__operating_point",
        "item__input__blob",
    )


def _filtered(project_id: uuid.UUID, app: str, filters: Filters) -> "QuerySet[ResultBlock]":
    rows = _joined().filter(project_id=project_id, app=app)
    if filters.reviewed:
        return rows.none()  # reviews are given on row results
    if filters.outcome:
        rows = rows.filter(outcomes__has_key=filters.outcome)
    if filters.job_id is not None:
        rows = rows.filter(job_id=filters.job_id)
    if filters.since is not None:
        rows = rows.filter(created_at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(created_at__lt=filters.until)
    if filters.name_contains:
        rows = rows.filter(item__input__name__icontains=filters.name_contains)
    return rows


def _blocks(
    project_id: uuid.UUID, app: str, filters: Filters, before: int | None, chunk: int
) -> Iterator[ResultBlock]:
    """Blocks that may hold matches, newest first, fetched in chunks."""
    rows = _filtered(project_id, app, filters).order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lte=before)
    while True:
        part = list(rows[:chunk])
        yield from part
        if len(part) < chunk:
            return
        rows = rows.filter(pk__lt=part[-1].pk)


def _read(
    block: ResultBlock, filters: Filters, before: int | None, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    with blobs.open_local(block.blob) as path:
        rows: list[tuple[int, dict[str, Any]]] = load("loupe.jobs.parquet:rows")(
            path, outcome=filters.outcome, label=filters.label, before=before, limit=limit
        )
        return rows


def _from_block(block: ResultBlock, row: int, values: dict[str, Any]) -> StoredResult:
    received = block.item.input
    schema = apps.get(block.app).result_schema
    decided = {name: values[f"decision.{name}"] for name in ("outcome", "score", "label")}
    return StoredResult(
        id=result_id(block.pk, row),
        name=received.name if received else "",
        sha256=(received.blob_id or "") if received else "",
        data=schema.model_validate(nested(values, schema)),
        decision=DecisionDraft(**decided),
        provenance=shown_provenance(block.provenance),
        times_ms=block.times_ms,
        app=block.app,
        project_id=block.project_id,
        job_id=block.job_id,
        item_id=block.item_id,
        outcome=decided["outcome"],
        reviewed=False,
        fallback="",
        created_at=block.created_at,
        blob=received.blob if received else None,
    )
