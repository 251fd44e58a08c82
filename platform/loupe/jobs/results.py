"""Reading results: one interface over rows and columnar blocks, filtered and paged by key.

`page` gives the newest first, `views` streams everything, `view` finds one. A page costs a constant
number of queries.
"""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db.models import QuerySet
from pydantic import BaseModel

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.contract.outcomes import DecisionDraft, Reason
from loupe.contract.results import Provenance as ShownProvenance
from loupe.jobs.models import Provenance, Result
from loupe.plugins import registry as apps

PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which results; everything left empty does not filter."""

    outcome: str = ""
    label: str = ""
    reviewed: bool | None = None
    job_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    name_contains: str = ""


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """One result as apps, pages and the API see it: a `loupe.contract.results.ResultView`.

    Attributes:
        decision: what the machine decided.
        outcome: the latest word: the machine's, or that of the person who reviewed it.
    """

    id: int
    name: str
    sha256: str
    data: BaseModel
    decision: DecisionDraft
    provenance: ShownProvenance
    times_ms: dict[str, float]
    app: str
    project_id: uuid.UUID
    job_id: uuid.UUID
    item_id: int
    outcome: str
    reviewed: bool
    fallback: str
    created_at: datetime
    blob: Blob | None

    def open_input(self) -> AbstractContextManager[Path]:
        """The input's bytes as a local, read-only file."""
        if self.blob is None:
            raise NotVisible(f"Result {self.id} has no stored input: its rows came with the call.")
        return blobs.open_local(self.blob)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Results, newest first, and where the next page starts (None: there is none)."""

    results: list[StoredResult]
    next_after_id: int | None


def page(
    actor: Actor,
    project: Project,
    app: str,
    filters: Filters | None = None,
    *,
    after_id: int | None = None,
    limit: int = PAGE,
) -> Page:
    """At most `limit` results older than `after_id`, newest first."""
    require(actor, Action.VIEW, project)
    found = list(_rows(project, app, filters or Filters(), after_id)[: limit + 1])
    shown = [_from_row(row) for row in found[:limit]]
    return Page(results=shown, next_after_id=shown[-1].id if len(found) > limit and shown else None)


def views(
    actor: Actor, project: Project, app: str, filters: Filters | None = None, *, chunk: int = 500
) -> Iterator[StoredResult]:
    """Every matching result, newest first, read in chunks so that memory stays bounded."""
    after_id: int | None = None
    while True:
        part = page(actor, project, app, filters, after_id=after_id, limit=chunk)
        yield from part.results
        if part.next_after_id is None:
            return
        after_id = part.next_after_id


def neighbours(
    actor: Actor, project: Project, app: str, filters: Filters, result_id: int
) -> tuple[int | None, int | None]:
    """The ids just newer and just older than `result_id` under the same filters."""
    require(actor, Action.VIEW, project)
    ids = _rows(project, app, filters, None).values_list("pk", flat=True)
    newer = ids.filter(pk__gt=result_id).order_by("pk").first()
    older = ids.filter(pk__lt=result_id).first()
    return newer, older


def view(actor: Actor, app: str, result_id: int) -> StoredResult:
    """One result.

    Raises:
        NotVisible: it does not exist for this actor.
    """
    row = visible(_joined().filter(app=app), actor).filter(pk=result_id).first()
    if row is None:
        raise NotVisible(f"There is no result {result_id} that you can see.")
    return _from_row(row)


def _joined() -> "QuerySet[Result]":
    return Result.objects.select_related(
        "decision",
        "provenance__model_version__model",
        "provenance__operating_point",
        "item__input__blob",
    )


def _rows(project: Project, app: str, filters: Filters, after_id: int | None) -> "QuerySet[Result]":
    rows = _joined().filter(project=project, app=app).order_by("-id")
    if filters.outcome:
        rows = rows.filter(outcome=filters.outcome)
    if filters.label:
        rows = rows.filter(label=filters.label)
    if filters.reviewed is not None:
        rows = rows.filter(reviewed=filters.reviewed)
    if filters.job_id is not None:
        rows = rows.filter(job_id=filters.job_id)
    if filters.since is not None:
        rows = rows.filter(created_at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(created_at__lt=filters.until)
    if filters.name_contains:
        rows = rows.filter(item__input__name__icontains=filters.name_contains)
    if after_id is not None:
        rows = rows.filter(pk__lt=after_id)
    return rows


def shown_provenance(row: Provenance) -> ShownProvenance:
    """The versions behind a result, for people."""
    version = row.model_version
    return ShownProvenance(
        model_name=version.model.name if version else "",
        model_version=version.number if version else 0,
        artefact_sha256=row.artefact_sha256,
        operating_point_version=row.operating_point.number if row.operating_point else 0,
    )


def _from_row(row: Result) -> StoredResult:
    received = row.item.input
    decision = row.decision
    return StoredResult(
        id=row.pk,
        name=received.name if received else "",
        sha256=(received.blob_id or "") if received else "",
        data=apps.get(row.app).result_schema.model_validate(row.data),
        decision=DecisionDraft(
            outcome=decision.outcome,
            score=decision.score,
            label=decision.label,
            reasons=tuple(Reason.model_validate(reason) for reason in decision.reasons),
        ),
        provenance=shown_provenance(row.provenance),
        times_ms=row.times_ms,
        app=row.app,
        project_id=row.project_id,
        job_id=row.job_id,
        item_id=row.item_id,
        outcome=row.outcome,
        reviewed=row.reviewed,
        fallback=decision.fallback,
        created_at=row.created_at,
        blob=received.blob if received else None,
    )
