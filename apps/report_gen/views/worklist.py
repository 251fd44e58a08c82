"""The worklist: what waits to be read, claims, and critical findings seen."""

import hashlib
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.report_gen.app import App
from apps.report_gen.findings import FINDINGS
from apps.report_gen.models import Study
from apps.report_gen.report import NOTICE
from apps.report_gen.services import studies
from apps.report_gen.services.reporting import claims, people, reports, worklist
from apps.report_gen.services.reporting.worklist import Filters
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action


@require_GET
@project_page(section="worklist")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """What waits, the most urgent first."""
    return render(request, "report_gen/worklist.html", _context(request))


@require_GET
@project_page(section="worklist")
def live(request: PageRequest, app: str) -> HttpResponse:
    """The list alone, as it is now; nothing where it is still as the page shows it."""
    rows = worklist.matching(request.actor, request.project, Filters.read(request.GET.dict()))
    shown = worklist.page(rows, request.GET.get("after", "")).rows
    if request.GET.get("seen", "") == _seen(request, shown):
        return HttpResponse(status=204)
    return render(request, "report_gen/worklist_rows.html", _context(request))


@require_POST
@project_page(Action.REVIEW)
def act(request: PageRequest, app: str, study_id: UUID) -> HttpResponse:
    """Claim, release, take over or acknowledge."""
    verb, to_study = request.POST.get("verb", ""), False
    try:
        study = reports.find(request.actor, request.project, study_id)
        if verb in ("claim", "take_over"):
            claims.claim(request.actor, study, take_over=verb == "take_over")
            to_study = True
        elif verb == "release":
            claims.release(request.actor, study)
            say(request, _("Given back."))
        elif verb == "acknowledge":
            claims.acknowledge(request.actor, study)
            say(request, _("Acknowledged: your name and the time are kept."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(_back(request, study_id, to_study=to_study))


def _back(request: PageRequest, study_id: UUID, *, to_study: bool) -> str:
    asked = request.POST.get("next", "")
    if not to_study and url_has_allowed_host_and_scheme(asked, {request.get_host()}):
        return asked
    return reverse("report_gen:study", args=[request.project.slug, study_id])


def _context(request: PageRequest) -> dict[str, object]:
    filters = Filters.read(request.GET.dict())
    rows = worklist.matching(request.actor, request.project, filters)
    page = worklist.page(rows, request.GET.get("after", ""))
    names = people.names(request.actor, request.project, page.rows)
    unread = worklist.unread(request.actor.user, page.rows)
    return {
        "domain": App,
        "live_query": urlencode(
            {
                **filters.chosen(),
                "after": request.GET.get("after", ""),
                "seen": _seen(request, page.rows),
            }
        ),
        "address": reverse("report_gen:worklist", args=[request.project.slug])
        + f"?{urlencode(filters.chosen())}",
        "filters": filters,
        "page": page,
        "rows": [_row(study, names.get(study.pk), study.pk in unread) for study in page.rows],
        "counts": worklist.counts(request.project, request.actor.user),
        "findings": FINDINGS,
        "no_model": not studies.reads(request.actor, request.project),
        "notice": NOTICE,
        "page_keys": [
            ("j k", _("Next and previous row")),
            ("Enter", _("Open it")),
            ("c", _("Claim it, or give it back")),
        ],
    }


def _seen(request: PageRequest, rows: list[Study]) -> str:
    """What the list shows, in short: asked every few seconds, and changed only now and then."""
    told = [
        (
            str(row.pk), row.state, row.result_id, row.acknowledged_at, claims.holder(row),
            getattr(getattr(row, "report", None), "state", ""),
        )
        for row in rows
    ]  # fmt: skip
    counts = worklist.counts(request.project, request.actor.user)
    return hashlib.sha256(f"{told}{sorted(counts.items())}".encode()).hexdigest()[:16]


def _row(study: Study, name: "people.Shown | None", unread: bool) -> dict[str, object]:
    return {
        "study": study,
        "name": name,
        "unread": unread and study.state == "drafted",
        "holder": claims.holder(study),
        "report": getattr(study, "report", None),
    }
