"""One result: the thing itself, the decision and why, the person's call, and where it came from."""

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, visible
from loupe.annotation import correcting as correction
from loupe.audit.models import Event
from loupe.console.pages import filters as reading
from loupe.console.pages import tiles
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.console.stages import stages
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.jobs import results
from loupe.jobs.models import Result
from loupe.review import services as review


def _row(request: PageRequest, app: str, result_id: int) -> Result:
    """The row inside this project, or nothing."""
    rows = Result.objects.filter(project=request.project, app=app, pk=result_id)
    found = (
        visible(rows, request.actor)
        .select_related(
            "project",
            "decision__operating_point",
            "item__input__blob",
            "provenance__model_version__model",
            "provenance__operating_point",
        )
        .first()
    )
    if found is None:
        raise NotVisible(_("There is no result %(id)s that you can see.") % {"id": result_id})
    return found


def _stored(request: PageRequest, app: str, result_id: int) -> results.StoredResult:
    """The result as every app sees it, row or line of a block, inside this project."""
    stored = results.view(request.actor, app, result_id)
    if stored.project_id != request.project.pk:
        raise NotVisible(_("There is no result %(id)s that you can see.") % {"id": result_id})
    return stored


@require_GET
@project_page(section="results")
def page(request: PageRequest, app: str, result_id: int) -> HttpResponse:
    """The result page; previous and next follow the filters the list had."""
    domain = app_or_missing(app)
    stored = _stored(request, app, result_id)
    # A line of a block has no row of its own, so nobody reviews it here.
    row = _row(request, app, result_id) if domain.result_form == "rows" else None
    asked = reading.asked(request.GET, domain)
    newer, older = results.neighbours(request.actor, request.project, app, asked.filters, result_id)
    said = review.history(request.actor, row) if row else []
    point = row.decision.operating_point if row else None
    correcting = correction.start(request.actor, row, said) if row else None
    events = []
    if "read_audit" in request.allowed:
        events = list(
            Event.objects.filter(project=request.project, subject=f"result:{result_id}").order_by(
                "id"
            )[:50]
        )
    verbs = domain.review_verbs if row and "review" in request.allowed else ()
    return render(
        request,
        "console/result.html",
        {
            "domain": domain,
            "result": stored,
            "data": stored.data,
            "newer": newer,
            "older": older,
            "link_query": urlencode(asked.text),
            "reviews": said,
            "last_review_id": said[-1].pk if said else 0,
            "signed": next((one for one in said if one.content_sha256), None),
            "verbs": verbs,
            "correcting": correcting,
            "corrections": correction.records(said),
            "picture_kind": _picture_kind(domain, row),
            "labels": {verb.key: verb.label for verb in domain.review_verbs},
            "stages": stages(stored.times_ms),
            "evidence": {
                "result": stored.json_data(),
                "operating_point": point.data if point else None,
            },
            "raw": json.dumps(stored.json_data(), indent=2, ensure_ascii=False),
            "exports": [export for export in domain.exports if export.single],
            "events": events,
            "page_keys": [
                *[(verb.shortcut, verb.label.in_language(request.LANGUAGE_CODE)) for verb in verbs],
                ("u", _("Undo your last call")),
                ("n", _("Write a note")),
                ("j k", _("Next and previous result")),
                ("b", _("Show or hide what was found")),
                ("f", _("Fit the picture")),
                *([("e", _("Correct what was found"))] if correcting else []),
            ],
        },
    )


def _picture_kind(domain: type[DomainApp], row: Result | None) -> str:
    if row is None or row.item.input is None or row.item.input.blob is None:
        return "image"
    return tiles.kind(domain, row.item.input.blob)


@require_POST
@project_page(Action.REVIEW)
def give(request: PageRequest, app: str, result_id: int) -> HttpResponse:
    """Say something about a result, then go on to the next one of the list."""
    row = _row(request, app, result_id)
    query = request.POST.get("back", "")
    here = f"{reverse('console:result', args=[request.project.slug, app, row.pk])}?{query}"
    try:
        correction.give(
            request.actor,
            row,
            request.POST.get("verb", ""),
            _correction(request),
            note=request.POST.get("note", "").strip(),
            password=request.POST.get("password") or None,
            expected_last_review_id=_last_seen(request),
            request=request,
        )
    except LoupeError as error:
        say_refused(request, error)
        return HttpResponseRedirect(here)
    onward = request.POST.get("next", "")
    if onward.isascii() and onward.isdigit():
        address = reverse("console:result", args=[request.project.slug, app, int(onward)])
        return HttpResponseRedirect(f"{address}?{query}")
    say(request, _("Stored. This was the last one of the list."))
    return HttpResponseRedirect(here)


def _last_seen(request: PageRequest) -> int:
    """The last statement that the page showed; 0 where it showed none."""
    said = request.POST.get("last_review_id") or "0"
    if not (said.isascii() and said.isdigit() and len(said) < 20):
        raise LoupeError(_("The page's form is damaged: open it again."), code="bad_request")
    return int(said)


def _correction(request: PageRequest) -> dict[str, Any] | None:
    """What the app's editor put into the form; nothing where nothing was corrected."""
    text = request.POST.get("correction", "")
    if not text:
        return None
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise LoupeError(_("The correction is no JSON object."), code="bad_request")
    return said


@require_POST
@project_page(Action.REVIEW)
def undo(request: PageRequest, app: str, result_id: int) -> HttpResponse:
    """Take the last statement back."""
    row = _row(request, app, result_id)
    try:
        correction.undo(request.actor, row)
        say(request, _("Taken back. What held before holds again."))
    except LoupeError as error:
        say_refused(request, error)
    here = reverse("console:result", args=[request.project.slug, app, row.pk])
    return HttpResponseRedirect(f"{here}?{request.POST.get('back', '')}")


@require_GET
@project_page()
def raw(request: PageRequest, app: str, result_id: int) -> HttpResponse:
    """The stored JSON as it is."""
    stored = _stored(request, app, result_id)
    return JsonResponse(stored.json_data(), json_dumps_params={"indent": 2})
