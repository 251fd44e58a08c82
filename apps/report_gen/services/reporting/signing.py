"""Reviewing, signing, amending and rejecting: each leaves a version that nothing changes."""

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.report_gen.models import (
    Clock,
    Report,
    ReportState,
    ReportStep,
    ReportVersion,
    Study,
    StudyState,
)
from apps.report_gen.report import ReportDocument, Signature
from apps.report_gen.reporting.checks import blocking, checks
from apps.report_gen.reporting.counting import corrections
from apps.report_gen.reporting.drafting import without_draft
from apps.report_gen.services.reporting import clocks, sending_back
from apps.report_gen.services.reporting.claims import keep, lock, person, shown_name
from apps.report_gen.services.reporting.editing import (
    check_revision,
    locked_report,
    touched,
)
from apps.report_gen.services.reporting.errors import Blocked, Closed, Unusable
from apps.report_gen.services.reporting.reports import append, document_of, draft_of
from loupe.contract.text import Text
from loupe.host.people import Action, Actor, record_audit, require
from loupe.host.signing import confirm

MEANING = Text(
    en="I have read this study and stand by this report.",
    zh="本人已阅读该检查，并对本报告负责。",
)
MEANING_AMENDED = Text(
    en="I have read this study again and stand by this amended report.",
    zh="本人已重新阅读该检查，并对本次修订的报告负责。",
)
LONGEST_REASON = 1000


@transaction.atomic
def review(actor: Actor, study: Study, revision: int) -> ReportVersion:
    """Say that one has gone through the report, without signing it yet. Raises as `edit`."""
    user = _reader(actor, study)
    locked, report = locked_report(study, user, revision)
    if report.amending:
        raise Closed(_("An amendment is signed at once: sign it, or give it up."))
    made = append(
        report, ReportState.REVIEWED, document_of(report), author=actor.label, actor=actor
    )
    _done(actor, locked, report, made, Clock.REVIEWED)
    keep(locked, user)
    return made


def sign(
    actor: Actor, study: Study, revision: int, password: str, *, reason: str = "",
    request: HttpRequest | None = None,
) -> ReportVersion:  # fmt: skip
    """Sign the report as it stands, or the amendment of a signed one.

    Args:
        reason: why it is amended; needed for an amendment, and of no use otherwise.
        request: where the call came from, for the lockout after wrong passwords.

    Raises:
        PasswordRefused: the password is not the person's.
        Blocked: checks forbid it; they are named.
        Unusable: an amendment without a reason.
        NotVisible, Denied, Changed, Claimed, Closed: as `edit`.
    """
    user = _reader(actor, study)
    with transaction.atomic():  # looked at before the password is asked for, and again after it
        _ready(study, user, revision, reason)
    confirm(user, password, request)
    with transaction.atomic():
        locked, report, document = _ready(study, user, revision, reason)
        state = ReportState.AMENDED if report.amending else ReportState.SIGNED
        signature = Signature(
            name=shown_name(user)[:200],
            meaning=MEANING_AMENDED if report.amending else MEANING,
            signed_at=timezone.now(),
            content_hash=document.content_hash(),
            version=report.number + 1,
        )
        why = _reason(reason) if report.amending else ""
        made = append(
            report, state, document, author=actor.label, actor=actor, reason=why,
            signature=signature,
        )  # fmt: skip
        report.amending = False
        report.corrections = corrections(draft_of(report), document).as_record()
        locked.state, locked.reported_at = StudyState.REPORTED, made.at
        locked.claimed_by = locked.claimed_at = None
        locked.save(update_fields=["state", "reported_at", "claimed_by", "claimed_at"])
        _done(actor, locked, report, made, Clock(state.value))
        sending_back.want(locked, made)
    return made


@transaction.atomic
def amend(actor: Actor, study: Study, revision: int) -> Report:
    """Begin to change a signed report; what was signed stays as it is, and stays in force.

    Raises:
        NotVisible, Denied, Changed, Claimed: as `edit`.
        Closed: it is not signed, or is being amended.
    """
    user = _reader(actor, study)
    locked, report = _signed_report(study, user, revision)
    if report.amending:
        raise Closed(_("This report is being amended already."))
    report.amending = True
    touched(report, user)
    keep(locked, user)
    clocks.note(report, Clock.OPENED, user)
    told = {"version": report.number}
    record_audit(actor, locked.project, "report.amendment_begun", f"study:{locked.pk}", told)
    return report


@transaction.atomic
def give_up(actor: Actor, study: Study, revision: int) -> Report:
    """Drop an amendment that was begun; the signed version stands. Raises as `amend`."""
    user = _reader(actor, study)
    locked, report = _signed_report(study, user, revision)
    if not report.amending:
        raise Closed(_("This report is not being amended."))
    report.steps.all().delete()
    report.amending, report.step = False, 0
    touched(report, user)
    told = {"version": report.number}
    record_audit(actor, locked.project, "report.amendment_dropped", f"study:{locked.pk}", told)
    return report


@transaction.atomic
def reject(actor: Actor, study: Study, revision: int, reason: str) -> ReportVersion:
    """Throw the model's draft away; the report goes on with what a reader writes.

    Raises:
        Unusable: no reason is given.
        NotVisible, Denied, Changed, Claimed, Closed: as `edit`.
    """
    user = _reader(actor, study)
    why = _reason(reason)
    locked, report = locked_report(study, user, revision)
    if report.amending or report.state == ReportState.REJECTED:
        raise Closed(_("There is no draft to reject: it was rejected before, or signed."))
    document = document_of(report)
    made = append(
        report, ReportState.REJECTED, document, author=actor.label, actor=actor, reason=why
    )
    ReportStep.objects.create(
        report=report, number=1, document=without_draft(document).model_dump(mode="json"),
        verb="reject", user=user, at=made.at,
    )  # fmt: skip
    report.step = 1
    _done(actor, locked, report, made, Clock.REJECTED)
    keep(locked, user)
    return made


def _reader(actor: Actor, study: Study) -> User:
    user = person(actor)
    require(actor, Action.REVIEW, study.project)
    return user


def _signed_report(study: Study, user: User, revision: int) -> tuple[Study, Report]:
    locked = lock(study.pk)
    report = Report.objects.select_related("changed_by").get(study=locked)
    if report.state not in (ReportState.SIGNED, ReportState.AMENDED):
        raise Closed(_("This report is not signed: change it as it is."))
    check_revision(report, revision)
    return locked, report


def _ready(
    study: Study, user: User, revision: int, reason: str
) -> tuple[Study, Report, ReportDocument]:
    locked, report = locked_report(study, user, revision)
    if report.amending:
        _reason(reason)
        if not report.step:
            raise Closed(_("Nothing was changed yet: an amendment says something else."))
    document = document_of(report)
    found = blocking(checks(document, acknowledged=locked.acknowledged_at is not None))
    if found:
        raise Blocked(
            _("%(n)s checks forbid the signature; the first: %(first)s")
            % {"n": len(found), "first": found[0].text.in_language(document.language)},
            found,
        )
    return locked, report, document


def _reason(text: str) -> str:
    why = " ".join(text.replace("\x00", "").split())
    if not 0 < len(why) <= LONGEST_REASON:
        raise Unusable(
            _("Give a reason of 1 to %(most)s characters; this one has %(n)s.")
            % {"most": LONGEST_REASON, "n": len(why)},
            field="reason",
        )
    return why


def _done(actor: Actor, study: Study, report: Report, made: ReportVersion, kind: Clock) -> None:
    user = person(actor)
    touched(report, user)
    clocks.note(report, kind, user)
    told = {"version": made.number, "content": made.content_hash, "hash": made.hash}
    if made.reason:
        told["reason"] = made.reason
    record_audit(actor, study.project, f"report.{made.state}", f"study:{study.pk}", told)
