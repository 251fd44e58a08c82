"""The study page: viewer and report side by side, and every step of the report's life."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.report_gen.app import App
from apps.report_gen.findings import FINDINGS, Lobe, Side, State
from apps.report_gen.models import Clock, ReportState, Study
from apps.report_gen.report import NOTICE, ReportDocument
from apps.report_gen.reporting.beside import Choice
from apps.report_gen.reporting.drafting import series_read
from apps.report_gen.reporting.operations import read as read_edit
from apps.report_gen.schema import StudyResult
from apps.report_gen.services import studies
from apps.report_gen.services.reporting import (
    claims,
    clocks,
    editing,
    newer,
    outputs,
    people,
    priors,
    reports,
    shown,
    signing,
)
from apps.report_gen.services.reporting.errors import Blocked, Changed, Claimed
from apps.report_gen.services.reporting.reports import OPEN_STATES, Whole
from apps.report_gen.viewing.slices import WINDOWS
from apps.report_gen.views import study_words
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.text import Text
from loupe.host.pages import PageRequest, project_page, say, say_refused, translated
from loupe.host.people import Action

LARGEST_EDIT = 64 * 1024
CHOOSE = "choose-"
"""Before the key of a row, in the form of a newer draft."""


@require_GET
@project_page(section="worklist")
def page(request: PageRequest, app: str, study_id: UUID) -> HttpResponse:
    """One study. What was refused shows why in place of viewer and report."""
    study = reports.find(request.actor, request.project, study_id)
    about: dict[str, Any] = {
        "domain": App,
        "study": study,
        "who": people.name(request.actor, study),
        "holder": claims.holder(study),
        "notice": NOTICE,
    }
    result = None if study.result is None else StudyResult.model_validate(study.result.data)
    if result is None or result.status == "refused":
        told = {"result": result, "no_model": not studies.reads(request.actor, request.project)}
        return render(request, "report_gen/study_unread.html", {**about, **told})
    whole = reports.opened(study)
    if request.actor.user is not None and "review" in request.allowed:
        clocks.note(whole.report, Clock.OPENED, request.actor.user)
    earlier = priors.priors(request.actor, study)
    context = {
        **about,
        **_report(request, whole),
        "result": result,
        "series": series_read(result),
        "priors": earlier,
        "windows": [(key, text, *WINDOWS[key]) for key, text in study_words.windows().items()],
        "page_keys": study_words.keys(),
        "viewer": _viewer(request, whole),
        "can_hold": "review" in request.allowed,
    }
    return render(request, "report_gen/study.html", context)


@require_POST
@project_page(Action.REVIEW)
def edit(request: PageRequest, app: str, study_id: UUID) -> HttpResponse:
    """One edit as JSON, with the revision it was made on; the report's new state as fragments."""
    try:
        study = reports.find(request.actor, request.project, study_id)
        told = _told(request)
        revision = int(told.get("revision", -1))
        wanted = told.get("edit")
        if wanted == "undo":
            editing.undo(request.actor, study, revision)
        elif wanted == "redo":
            editing.redo(request.actor, study, revision)
        else:
            editing.edit(request.actor, study, revision, read_edit(wanted))
    except LoupeError as error:
        status = 409 if isinstance(error, (Changed, Claimed)) else 400
        said = translated(error.message, error.code)
        return JsonResponse({"error": said, "code": error.code}, status=status)
    return JsonResponse(_fragments(request, reports.find(request.actor, request.project, study_id)))


@require_POST
@project_page(Action.REVIEW)
def act(request: PageRequest, app: str, study_id: UUID) -> HttpResponse:
    """Review, sign, amend, give an amendment up, or reject the draft."""
    try:
        study = reports.find(request.actor, request.project, study_id)
        say(request, _acted(request, study))
    except Blocked as error:
        say_refused(request, error)
        for check in error.checks[1:4]:
            say_refused(request, LoupeError(_words(request, check.text), code=check.code))
    except LoupeError as error:
        say_refused(request, error)
    address = reverse("report_gen:study", args=[request.project.slug, study_id])
    return HttpResponseRedirect(address)


@require_GET
@project_page(section="worklist")
def version(request: PageRequest, app: str, study_id: UUID, number: int) -> HttpResponse:
    """One version as it was written, with its hash, and what it changed."""
    study = reports.find(request.actor, request.project, study_id)
    whole = reports.opened(study)
    row = reports.version(whole.report, number)
    document = ReportDocument.model_validate(row.document)
    before = whole.draft
    if number > 1:
        before = ReportDocument.model_validate(reports.version(whole.report, number - 1).document)
    return render(
        request,
        "report_gen/version.html",
        {
            "domain": App,
            "study": study,
            "who": people.name(request.actor, study),
            "row": row,
            "document": document,
            "signature": reports.signature_of(row),
            "seen": shown.seen_document(document, whole.result, before, acknowledged=True),
            "broken": reports.broken_version(whole.report),
            "notice": NOTICE,
        },
    )


@require_GET
@project_page(Action.EXPORT)
def download(request: PageRequest, app: str, study_id: UUID, form: str) -> HttpResponse:
    """The newest version as a file: ``pdf``, ``sr``, ``seg`` or ``fhir``."""
    study = reports.find(request.actor, request.project, study_id)
    found = outputs.output(request.actor, study, form)
    answer = HttpResponse(found.data, content_type=found.media_type)
    answer["Content-Disposition"] = f'attachment; filename="{found.name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@require_POST
@project_page(Action.SUBMIT)
def read_again(request: PageRequest, app: str, study_id: UUID) -> HttpResponse:
    """Have a failed study read again."""
    try:
        studies.again(request.actor, reports.find(request.actor, request.project, study_id))
        say(request, _("The study waits to be read again."))
    except LoupeError as error:
        say_refused(request, error)
    address = reverse("report_gen:study", args=[request.project.slug, study_id])
    return HttpResponseRedirect(address)


def _acted(request: PageRequest, study: Study) -> str:
    posted, actor = request.POST, request.actor
    revision = _number(posted, "revision")
    match posted.get("verb", ""):
        case "review":
            signing.review(actor, study, revision)
            return _("Marked as reviewed: a version of it is kept.")
        case "sign":
            made = signing.sign(
                actor, study, revision, posted.get("password", ""),
                reason=posted.get("reason", ""), request=request,
            )  # fmt: skip
            return _("Signed: version %(number)s cannot be changed any more.") % {
                "number": made.number
            }
        case "amend":
            signing.amend(actor, study, revision)
            return _(
                "You may change the report now. What was signed stays in force until you sign."
            )
        case "give_up":
            signing.give_up(actor, study, revision)
            return _("Dropped: the signed report stands.")
        case "take_newer":
            newer.take(actor, study, revision, _chosen(posted), result=_number(posted, "result"))
            return _("The report goes on from the newer draft. What it said before is a version.")
        case "reject":
            signing.reject(actor, study, revision, posted.get("reason", ""))
            return _("The draft was rejected: write the report from here.")
        case verb:
            raise LoupeError(
                _("%(verb)r cannot be done with a report.") % {"verb": verb[:40]}, code="invalid"
            )


def _number(posted: QueryDict, name: str) -> int:
    text = posted.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1


def _chosen(posted: QueryDict) -> dict[str, Choice]:
    """What the form of a newer draft says: row by row, which of two is to stand."""
    try:
        return {
            name.removeprefix(CHOOSE): Choice(str(value))
            for name, value in posted.items()
            if name.startswith(CHOOSE)
        }
    except ValueError as error:
        raise LoupeError(
            _("One of the choices is none that is offered: compare the two again."), code="invalid"
        ) from error


def _told(request: PageRequest) -> dict[str, Any]:
    if len(request.body) > LARGEST_EDIT:
        raise LoupeError(_("This edit is too large: make several of it."), code="invalid")
    try:
        told = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise LoupeError(_("This edit is no JSON."), code="invalid") from error
    if not isinstance(told, dict) or not isinstance(told.get("revision"), int):
        raise LoupeError(_("This edit names no revision."), code="invalid")
    return told


def _report(request: PageRequest, whole: Whole) -> dict[str, Any]:
    report = whole.report
    open_now = report.state in OPEN_STATES or report.amending
    other = claims.holder(whole.study)
    mine = other is None or (request.actor.user is not None and other.pk == request.actor.user.pk)
    return {
        "study": whole.study,
        "report": report,
        "document": whole.document,
        "seen": shown.seen(whole),
        "open_now": open_now,
        "editable": open_now and mine and "review" in request.allowed,
        "steps": {
            "undo": report.step > 0,
            "redo": report.steps.filter(number=report.step + 1).exists(),
        },
        "versions": list(report.versions.order_by("-number")),
        "signed": reports.signed_version(report),
        "signature_shown": _signature(whole),
        "broken": reports.broken_version(report),
        "rejected": report.state == ReportState.REJECTED,
        "kinds": FINDINGS,
        "lobes": list(Lobe),
        "sides": [Side.RIGHT, Side.LEFT, Side.BOTH],
        "states": list(State),
        "meaning": signing.MEANING_AMENDED if report.amending else signing.MEANING,
        "newer": report.result_id is not None and report.result_id != whole.row.pk,
        "offered": newer.newer(whole) if mine and "review" in request.allowed else None,
    }


def _signature(whole: Whole) -> object:
    row = reports.signed_version(whole.report)
    return None if row is None else reports.signature_of(row)


def _fragments(request: PageRequest, study: Study) -> dict[str, Any]:
    whole = reports.opened(study)
    context = {
        **_report(request, whole), "frame": _frame(request), "holder": claims.holder(study),
    }  # fmt: skip

    def part(name: str) -> str:
        return render_to_string(f"report_gen/{name}.html", context, request)

    return {
        "revision": whole.report.revision,
        "report": part("report"),
        "checks": part("checks"),
        "differences": part("differences"),
        "signing": part("signing_bar"),
        "newer": part("newer_about"),
        "findings": shown.for_viewer(context["seen"]),
    }


def _frame(request: PageRequest) -> dict[str, Any]:
    """What fragments need of the frame."""
    return {"project": request.project, "allowed": request.allowed}


def _viewer(request: PageRequest, whole: Whole) -> dict[str, Any]:
    def address(name: str, study: Study, *rest: str) -> str:
        return reverse(f"report_gen:{name}", args=[request.project.slug, study.pk, *rest])

    study = whole.study
    return {
        "small": address("volume", study, "small"),
        "full": address("volume", study, "full"),
        "masks": address("masks", study) if whole.result.masks is not None else "",
        "slices": reverse("report_gen:slice", args=[request.project.slug, study.pk, 0]),
        "edit": address("edit", study),
        "revision": whole.report.revision,
        "volume": None
        if whole.result.volume is None
        else whole.result.volume.model_dump(mode="json"),
        "findings": shown.for_viewer(shown.seen(whole)),
        "windows": {key: list(value) for key, value in WINDOWS.items()},
        "words": study_words.script(),
    }


def _words(request: PageRequest, text: Text) -> str:
    return text.in_language(request.LANGUAGE_CODE)
