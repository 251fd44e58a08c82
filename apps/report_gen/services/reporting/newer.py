"""A newer draft in the place of one that somebody has worked on: looked at first, nothing lost."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from apps.report_gen.models import Report, ReportState, ReportStep, Study
from apps.report_gen.report import Box, Origin, ReportDocument
from apps.report_gen.reporting.carrying import with_own
from apps.report_gen.reporting.differences import PartDifference, of_reports
from apps.report_gen.schema import Grid, StudyResult
from apps.report_gen.services.reporting.claims import keep, person
from apps.report_gen.services.reporting.editing import locked_report, touched
from apps.report_gen.services.reporting.errors import Closed
from apps.report_gen.services.reporting.reports import (
    OPEN_STATES,
    Whole,
    append,
    document_of,
    draft_of_result,
    result_of,
)
from apps.report_gen.viewing import marking
from loupe.host.people import Action, Actor, record_audit, require
from loupe.host.results import Result


@dataclass(frozen=True, kw_only=True)
class Newer:
    """A newer draft against the report as it stands.

    Attributes:
        author: who drafted it.
        differences: from the report as it stands to what it would say.
        carried: findings of the reader's own that it would hold.
        kept: whether the report as it stands would be kept as a version of its own.
    """

    author: str
    document: ReportDocument
    differences: tuple[PartDifference, ...]
    carried: int
    kept: bool


def newer(whole: Whole) -> Newer | None:
    """What taking the newer draft would do; None: there is none, or the report is signed."""
    report = whole.report
    if report.result_id is None or report.result_id == whole.row.pk:
        return None
    if report.state not in OPEN_STATES or report.amending or whole.result.status != "drafted":
        return None
    draft, author = draft_of_result(whole.study, whole.row, whole.result)
    made = with_own(draft, whole.document, _moving(report, whole.result))
    return Newer(
        author=author,
        document=made,
        differences=of_reports(whole.document, made),
        carried=sum(each.origin is Origin.READER for each in made.findings),
        kept=report.step > 0,
    )


@transaction.atomic
def take(actor: Actor, study: Study, revision: int) -> Report:
    """Put the newer draft in the place of the one the report was begun with.

    The report as it stands stays as a version of its own where it was changed since the newest
    one; what a reader had added is a first step on the newer draft, which can be undone.

    Raises:
        Closed: there is no newer draft, or the report is signed.
        NotVisible, Denied, Changed, Claimed: as `apps.report_gen.services.reporting.editing.edit`.
    """
    user = person(actor)
    require(actor, Action.REVIEW, study.project)
    locked, report = locked_report(study, user, revision)
    row, result = result_of(locked)
    before = document_of(report)
    found = newer(Whole(locked, report, result, row, before, before))
    if found is None:
        raise Closed(_("There is no newer draft to take: the report is of the newest reading."))
    if found.kept:
        append(
            report, ReportState.DRAFT, before, author=actor.label, actor=actor,
            reason=_("Kept before a newer draft was taken"),
        )  # fmt: skip
    draft, author = draft_of_result(locked, row, result)
    made = append(report, ReportState.DRAFT, draft, author=author)
    if found.document != draft:
        ReportStep.objects.create(
            report=report, number=1, document=found.document.model_dump(mode="json"),
            verb="carry_over", user=user, at=made.at,
        )  # fmt: skip
        report.step = 1
    report.result_id = row.pk
    touched(report, user)
    keep(locked, user)
    told = {"version": made.number, "hash": made.hash, "carried": found.carried}
    record_audit(actor, locked.project, "report.newer_draft", f"study:{locked.pk}", told)
    return report


def _moving(report: Report, result: StudyResult) -> Callable[[Box], Box] | None:
    """From the grid of the volume that the report was begun on to that of the newer one."""
    new, old = result.volume, _grid_before(report)
    if new is None:
        return None
    if old is None or old == new:
        return lambda box: box
    return lambda box: marking.stored(new, marking.shown(old, box))


def _grid_before(report: Report) -> Grid | None:
    row = Result.objects.filter(pk=report.result_id or 0).first()
    return None if row is None else StudyResult.model_validate(row.data).volume
