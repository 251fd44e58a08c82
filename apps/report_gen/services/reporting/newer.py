"""A newer draft in the place of one that somebody has worked on: what was done by hand is kept and
laid beside it, the reader chooses, and nothing is lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from apps.report_gen.models import Report, ReportState, ReportStep, Study
from apps.report_gen.report import ReportDocument
from apps.report_gen.reporting.beside import Beside, Choice, beside
from apps.report_gen.reporting.counterparts import Move
from apps.report_gen.reporting.merging import merged
from apps.report_gen.schema import Grid, StudyResult
from apps.report_gen.services.reporting.claims import keep, person
from apps.report_gen.services.reporting.editing import locked_report, touched
from apps.report_gen.services.reporting.errors import Changed, Closed
from apps.report_gen.services.reporting.reports import (
    OPEN_STATES,
    Whole,
    append,
    document_of,
    draft_of,
    draft_of_result,
    result_of,
)
from apps.report_gen.viewing import marking
from loupe.host.people import Action, Actor, record_audit, require
from loupe.host.results import Result


@dataclass(frozen=True, kw_only=True)
class Newer:
    """A newer draft beside the report as it stands.

    Attributes:
        result: number of the result that it is of; who chooses says which one they saw.
        author: who drafted it.
        kept: whether the report as it stands would be kept as a version of its own.
    """

    result: int
    author: str
    beside: Beside
    kept: bool


def newer(whole: Whole) -> Newer | None:
    """What there is to choose from; None: there is no newer draft, or the report is signed."""
    report = whole.report
    if report.result_id is None or report.result_id == whole.row.pk:
        return None
    if report.state not in OPEN_STATES or report.amending or whole.result.status != "drafted":
        return None
    draft, author = draft_of_result(whole.study, whole.row, whole.result)
    base = None if report.state == ReportState.REJECTED else whole.draft
    two = beside(whole.document, draft, base, _moving(report, whole.result))
    return Newer(result=whole.row.pk, author=author, beside=two, kept=report.step > 0)


@transaction.atomic
def take(
    actor: Actor, study: Study, revision: int, choices: Mapping[str, Choice] | None = None, *,
    result: int | None = None,
) -> Report:  # fmt: skip
    """Go on from the newer draft, with what the reader keeps of the report as it stands.

    The report as it stands stays as a version of its own where it was changed since the newest
    one, and so does the newer draft; what is kept is a first step on it, which can be undone.

    Args:
        choices: keys of rows of `Newer.beside` → what is to stand. What nobody chose goes by
            itself: what was done by hand stays, the rest is as the newer draft says.
        result: `Newer.result` as the reader saw it; None: whichever is the newest.

    Raises:
        Closed: there is no newer draft, or the report is signed.
        EditRefused: a choice is none.
        NotVisible, Denied, Changed, Claimed: as `apps.report_gen.services.reporting.editing.edit`.
    """
    user = person(actor)
    require(actor, Action.REVIEW, study.project)
    locked, report = locked_report(study, user, revision)
    row, read = result_of(locked)
    before = document_of(report)
    found = newer(Whole(locked, report, read, row, before, draft_of(report)))
    if found is None:
        raise Closed(_("There is no newer draft to take: the report is of the newest reading."))
    if result is not None and result != found.result:
        raise Changed(
            _("The study was read once more meanwhile: look at the newest draft, and choose again.")
        )
    document = merged(found.beside, choices or {})
    if found.kept:
        append(
            report, ReportState.DRAFT, before, author=actor.label, actor=actor,
            reason=_("Kept before a newer draft was taken"),
        )  # fmt: skip
    made = append(report, ReportState.DRAFT, found.beside.draft, author=found.author)
    if document != found.beside.draft:
        _step(report, document, user, made.at)
    report.result_id = row.pk
    touched(report, user)
    keep(locked, user)
    told = {
        "version": made.number, "hash": made.hash, "by_hand": found.beside.by_hand,
        "otherwise": sum(
            found.beside.choices[key][0] is not choice for key, choice in (choices or {}).items()
        ),
    }  # fmt: skip
    record_audit(actor, locked.project, "report.newer_draft", f"study:{locked.pk}", told)
    return report


def _step(report: Report, document: ReportDocument, user: User, at: datetime) -> None:
    """What is kept, as a step that can be undone."""
    ReportStep.objects.create(
        report=report, number=1, document=document.model_dump(mode="json"), verb="carry_over",
        user=user, at=at,
    )  # fmt: skip
    report.step = 1


def _moving(report: Report, result: StudyResult) -> Move | None:
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
