"""One verb said about many rows of the results list, and taken back again in one go.

Which statements the last call made is kept in the session, so that undo takes back exactly those.
A call about everything that the filters match is a worker's: see `bulk_every`.
"""

import time
from typing import TypedDict

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from loupe.accounts.policy import Action
from loupe.console.pages import filters as reading
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.jobs.models import Result
from loupe.review import bulk as calls
from loupe.review import services as review
from loupe.review.models import Review

KEY = "bulk_review"
UNDOABLE_S = 3600
"""For so long the list offers to take the last call back; each result's own page always does."""
_SHOWN_REFUSALS = 5


class Kept(TypedDict):
    """What the session holds of the last call."""

    project: str
    app: str
    verb: str
    reviews: list[int]
    at: float


def undoable(request: PageRequest, domain: type[DomainApp]) -> str:
    """What `u` would take back here, as a sentence; empty: nothing."""
    kept = _kept(request, domain.slug)
    verb = review.verbs(domain.slug).get(kept["verb"]) if kept else None
    if not kept or verb is None or "review" not in request.allowed:
        return ""
    count = len(kept["reviews"])
    said = ngettext("%(n)d result: %(verb)s.", "%(n)d results: %(verb)s.", count)
    return said % {"n": count, "verb": verb.label.in_language(request.LANGUAGE_CODE)}


@require_POST
@project_page(Action.REVIEW)
def bulk(request: PageRequest, app: str) -> HttpResponse:
    """Say one verb about every selected row; each stands or is refused for itself."""
    domain = app_or_missing(app)
    if request.POST.get("every") == "yes":
        return _every(request, domain)
    ids = [number for text in request.POST.getlist("result") if (number := _whole(text))]
    rows = list(
        Result.objects.filter(project=request.project, app=app, pk__in=ids).select_related(
            "project"
        )
    )
    if not rows:
        say_refused(request, LoupeError(_("No row was selected."), code="nothing_selected"))
        return _back(request, app)
    seen = {row.pk: _whole(request.POST.get(f"last-{row.pk}", "")) for row in rows}
    try:
        given, refused = review.give_many(
            request.actor,
            rows,
            request.POST.get("verb", ""),
            note=request.POST.get("note", "").strip()[:2000],
            expected_last_review_ids={pk: last for pk, last in seen.items() if last is not None},
            request=request,
        )
    except LoupeError as error:
        say_refused(request, error)
        return _back(request, app)
    verb = review.verbs(domain.slug)[request.POST["verb"]]
    if given:
        request.session[KEY] = {
            "project": str(request.project.pk),
            "app": app,
            "verb": verb.key,
            "reviews": [one.pk for one in given],
            "at": time.time(),
        }
    _say_refusals(request, refused)
    return _back(request, app)


@require_POST
@project_page(Action.REVIEW)
def undo(request: PageRequest, app: str) -> HttpResponse:
    """Take back what the last call said, where nobody spoke since."""
    app_or_missing(app)
    kept = _kept(request, app)
    if kept is None:
        say_refused(
            request, LoupeError(_("There is no call to take back."), code="nothing_to_undo")
        )
        return _back(request, app)
    rows = Review.objects.filter(
        pk__in=kept["reviews"], result__project=request.project, user=request.actor.user
    )
    del request.session[KEY]
    try:
        taken, refused = review.undo_many(
            request.actor, list(rows.select_related("result__project"))
        )
    except LoupeError as error:
        say_refused(request, error)
        return _back(request, app)
    told = ngettext("%(n)d call was taken back.", "%(n)d calls were taken back.", len(taken))
    say(request, told % {"n": len(taken)})
    _say_refusals(request, refused)
    return _back(request, app)


def _every(request: PageRequest, domain: type[DomainApp]) -> HttpResponse:
    """Say it about all that the filters match; a worker does so, and the list shows how far."""
    newest = _whole(request.POST.get("newest", ""))
    asked = reading.asked(QueryDict(request.POST.get("back", "")), domain)
    try:
        if domain.result_form != "rows" or not newest:
            raise LoupeError(_("No row was selected."), code="nothing_selected")
        calls.start(
            request.actor,
            request.project,
            domain.slug,
            request.POST.get("verb", ""),
            asked.filters,
            newest_id=newest,
            note=request.POST.get("note", "").strip(),
        )
    except LoupeError as error:
        say_refused(request, error)
    else:
        request.session.pop(KEY, None)
    return _back(request, domain.slug)


def said_at(request: PageRequest, app: str) -> float:
    """When the last call about rows of one page was made here; 0 where there is none."""
    kept = _kept(request, app)
    return kept["at"] if kept else 0.0


def _kept(request: PageRequest, app: str) -> Kept | None:
    kept: Kept | None = request.session.get(KEY)
    if kept is None or time.time() - kept["at"] > UNDOABLE_S:
        return None
    if kept["project"] != str(request.project.pk) or kept["app"] != app:
        return None
    return kept


def _say_refusals(request: PageRequest, refused: list[review.Refused]) -> None:
    for one in refused[:_SHOWN_REFUSALS]:
        say_refused(request, LoupeError(one.message, code=one.code))
    more = len(refused) - _SHOWN_REFUSALS
    if more > 0:
        told = ngettext("%(n)d more was refused.", "%(n)d more were refused.", more)
        say_refused(request, LoupeError(told % {"n": more}, code="review_conflict"))


def _back(request: PageRequest, app: str) -> HttpResponseRedirect:
    there = reverse("console:results", args=[request.project.slug, app])
    return HttpResponseRedirect(f"{there}?{request.POST.get('back', '')}")


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
