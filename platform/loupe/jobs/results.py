"""Reading results: one interface over rows and columnar blocks, filtered and paged by key.

`page` gives the newest first, `views` streams everything, `view` finds one. A page costs a constant
number of queries.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.jobs import block_results, date_range, name_search
from loupe.jobs.filters import Filters
from loupe.jobs.models import Result
from loupe.jobs.stored import StoredResult, from_row
from loupe.plugins import registry as apps

__all__ = [
    "PAGE",
    "Filters",
    "Matching",
    "Page",
    "StoredResult",
    "matching",
    "neighbours",
    "page",
    "rows_below",
    "view",
    "views",
]

PAGE = 50


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
    wanted = filters or Filters()
    if _columnar(app):
        found = block_results.page(project.pk, app, wanted, after_id, limit + 1)
    else:
        found = [from_row(row) for row in _rows(project, app, wanted, below=after_id)[: limit + 1]]
    more = len(found) > limit > 0
    return Page(results=found[:limit], next_after_id=found[limit - 1].id if more else None)


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
    if _columnar(app):
        return block_results.neighbours(project.pk, app, filters, result_id)
    newer = _rows(project, app, filters, above=result_id).values_list("pk", flat=True)[:1]
    older = _rows(project, app, filters, below=result_id).values_list("pk", flat=True)[:1]
    return next(iter(newer), None), next(iter(older), None)


def view(actor: Actor, app: str, result_id: int) -> StoredResult:
    """One result.

    Raises:
        NotVisible: it does not exist for this actor.
    """
    if _columnar(app):
        found = block_results.view(actor, app, result_id)
    else:
        row = visible(_joined().filter(app=app), actor).filter(pk=result_id).first()
        found = from_row(row) if row is not None else None
    if found is None:
        raise NotVisible(f"There is no result {result_id} that you can see.")
    return found


@dataclass(frozen=True, kw_only=True)
class Matching:
    """How many row results match, and the newest of them (0 where there is none)."""

    count: int
    newest_id: int


def matching(
    actor: Actor, project: Project, app: str, filters: Filters, *, newest_id: int | None = None
) -> Matching:
    """All row results that match, up to `newest_id` where one is given. Two queries."""
    require(actor, Action.VIEW, project)
    below = None if newest_id is None else newest_id + 1
    rows = _rows(project, app, filters, below=below)
    newest = rows.values_list("pk", flat=True)[:1]
    return Matching(count=rows.count(), newest_id=next(iter(newest), 0))


def rows_below(
    project: Project, app: str, filters: Filters, below: int, limit: int
) -> list[Result]:
    """At most `limit` matching rows older than `below`, newest first. Ask the policy before."""
    rows = _rows(project, app, filters, below=below).select_related(None)
    return list(rows.select_related("project")[:limit])


def _columnar(app: str) -> bool:
    return apps.get(app).result_form == "columns"


def _joined() -> "QuerySet[Result]":
    return Result.objects.select_related(
        "decision",
        "provenance__model_version__model",
        "provenance__operating_point",
        "item__input__blob",
    )


def _rows(
    project: Project,
    app: str,
    filters: Filters,
    *,
    below: int | None = None,
    above: int | None = None,
) -> "QuerySet[Result]":
    """Newest first; with `above`, oldest first."""
    rows = _joined().filter(project=project, app=app)
    rows = date_range.between(rows, filters.since, filters.until)
    if filters.outcome:
        rows = rows.filter(outcome=filters.outcome)
    if filters.label:
        rows = rows.filter(label=filters.label)
    if filters.reviewed is not None:
        rows = rows.filter(reviewed=filters.reviewed)
    if filters.job_id is not None:
        rows = rows.filter(job_id=filters.job_id)
    if filters.name_contains:
        return name_search.narrowed(rows, filters.name_contains, below=below, above=above)
    if below is not None:
        rows = rows.filter(pk__lt=below)
    if above is not None:
        return rows.filter(pk__gt=above).order_by("id")
    return rows.order_by("-id")
