"""Edits of the working copy: each is stored at once, can be undone, and loses nobody's work."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.report_gen.models import Clock, Report, ReportStep, Study
from apps.report_gen.report import ReportDocument
from apps.report_gen.reporting.checks import is_critical
from apps.report_gen.reporting.operations import (
    AddFinding,
    ChangeFinding,
    Edit,
    Say,
    apply,
    drawn_on,
    no_volume,
)
from apps.report_gen.schema import Grid, StudyResult
from apps.report_gen.services.reporting import clocks
from apps.report_gen.services.reporting.claims import check_free, keep, lock, person, shown_name
from apps.report_gen.services.reporting.errors import Changed, Closed
from apps.report_gen.services.reporting.reports import OPEN_STATES, document_of
from apps.report_gen.viewing.marking import checked, stored
from loupe.host.people import Action, Actor, record_audit, require

TOGETHER = timedelta(seconds=20)
"""Typing in one sentence counts as one step as long as it does not pause longer."""
MOST_STEPS = 400


def edit(actor: Actor, study: Study, revision: int, wanted: Edit) -> Report:
    """Make one edit.

    Args:
        revision: of the report as the person saw it.

    Raises:
        NotVisible, Denied: the actor may not read here.
        Changed: somebody else changed the report since; nothing is stored.
        Claimed: somebody else reads the study.
        Closed: the report is signed and not being amended.
        EditRefused: the edit cannot be made.
    """

    def work(report: Report, user: User) -> bool:
        before = document_of(report)
        after = apply(before, _placed(wanted, study))
        if after == before:
            return False
        _step(report, user, after, wanted)
        return True

    return _worked(actor, study, revision, work)


@transaction.atomic
def edit_all(actor: Actor, study: Study, revision: int, wanted: Sequence[Edit]) -> Report:
    """Make several edits in their order, each of the report as the ones before left it, or none.

    They come from elsewhere than the report's page, so the audit log has them. Raises as `edit`.
    """
    user = person(actor)
    require(actor, Action.REVIEW, study.project)
    report = locked_report(study, user, revision)[1]
    for each in wanted:
        report = edit(actor, study, report.revision, each)
    if report.revision != revision:
        told = {"revision": report.revision, "verbs": [each.verb for each in wanted]}
        record_audit(actor, study.project, "report.edited", f"study:{study.pk}", told)
    return report


def undo(actor: Actor, study: Study, revision: int) -> Report:
    """Take the last step back; nothing happens where there is none. Raises as `edit`."""

    def work(report: Report, user: User) -> bool:
        if report.step == 0:
            return False
        report.step -= 1
        return True

    return _worked(actor, study, revision, work)


def redo(actor: Actor, study: Study, revision: int) -> Report:
    """Make the step again that was taken back. Raises as `edit`."""

    def work(report: Report, user: User) -> bool:
        if not report.steps.filter(number=report.step + 1).exists():
            return False
        report.step += 1
        return True

    return _worked(actor, study, revision, work)


def _worked(
    actor: Actor, study: Study, revision: int, work: Callable[[Report, User], bool]
) -> Report:
    user = person(actor)
    require(actor, Action.REVIEW, study.project)
    with transaction.atomic():
        locked, report = locked_report(study, user, revision)
        if not work(report, user):
            return report
        touched(report, user)
        keep(locked, user)
        clocks.note(report, Clock.FIRST_EDIT, user)
        _flag(locked, document_of(report))
    return report


def locked_report(study: Study, user: User, revision: int) -> tuple[Study, Report]:
    """Study and report for a change by `user`, who saw `revision`. Raises as `edit`."""
    locked = lock(study.pk)
    report = Report.objects.select_related("changed_by").get(study=locked)
    check_free(locked, user)
    if report.state not in OPEN_STATES and not report.amending:
        raise Closed(_("This report is signed: amend it to change what it says."))
    check_revision(report, revision)
    return locked, report


def check_revision(report: Report, revision: int) -> None:
    """Refuse what was decided on another state of the report.

    Raises:
        Changed: somebody changed it.
    """
    if report.revision == revision:
        return
    by = report.changed_by
    raise Changed(
        _(
            "%(name)s changed this report at %(time)s, after you opened it. Nothing of yours was "
            "stored: copy what you wrote, and look at the report again."
        )
        % {
            "name": shown_name(by) if by else "–",
            "time": timezone.localtime(report.changed_at).strftime("%H:%M:%S"),
        }
    )


def touched(report: Report, user: User) -> None:
    """Note a change."""
    report.revision += 1
    report.changed_by, report.changed_at = user, timezone.now()
    report.save()


def _step(report: Report, user: User, document: ReportDocument, wanted: Edit) -> None:
    report.steps.filter(number__gt=report.step).delete()
    about = str(getattr(wanted, "sentence", getattr(wanted, "finding", "")))[:80]
    last = report.steps.filter(number=report.step).first()
    now = timezone.now()
    if (
        isinstance(wanted, Say)
        and last is not None
        and (last.verb, last.about, last.user_id) == (wanted.verb, about, user.pk)
        and now - last.at < TOGETHER
    ):
        last.document, last.at = document.model_dump(mode="json"), now
        last.save(update_fields=["document", "at"])
        return
    if report.step >= MOST_STEPS:
        raise Closed(
            _("This report has %(n)s steps that can be undone: mark it as reviewed, then go on.")
            % {"n": report.step}
        )
    report.step += 1
    ReportStep.objects.create(
        report=report, number=report.step, document=document.model_dump(mode="json"),
        verb=wanted.verb, about=about, user=user, at=now,
    )  # fmt: skip


def _placed(wanted: Edit, study: Study) -> Edit:
    """With what was drawn put where the volume is, and a box that a program gives looked at.
    Results are large: they are read only then."""
    if not isinstance(wanted, (AddFinding, ChangeFinding)):
        return wanted
    if wanted.drawn is not None:
        grid = _grid(study)
        return drawn_on(wanted, None if grid is None else partial(stored, grid))
    if wanted.box is None:
        return wanted
    grid = _grid(study)
    if grid is None:
        raise no_volume()
    return wanted.model_copy(update={"box": checked(grid, wanted.box)})


def _grid(study: Study) -> Grid | None:
    """Of the volume that was read; None: there is none."""
    return None if study.result is None else StudyResult.model_validate(study.result.data).volume


def _flag(study: Study, document: ReportDocument) -> None:
    """A critical finding that a reader adds is flagged as the model's are; a flag stays."""
    if is_critical(document) and not study.critical:
        study.critical = True
        study.save(update_fields=["critical"])
