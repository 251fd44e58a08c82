"""One verb about every result that the list's filters match: how many, how far, stop, take back."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages import bulk_review
from loupe.console.pages import filters as reading
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say_refused
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.jobs import results
from loupe.review import bulk as calls
from loupe.review import services as review
from loupe.review.models import BULK_UNDOABLE, BulkReview, BulkState

UNDONE_SHOWN_S = 120
"""For so long the list tells what was taken back."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A call as the list tells of it.

    Attributes:
        done, of: results that had their turn, of all; while taking back: reviews, of all it said.
        skipped: results that matched at first and no more when their turn came.
    """

    call: BulkReview
    sentence: str
    done: int
    of: int
    skipped: int
    left_alone: int
    undoable: bool

    @property
    def cancellable(self) -> bool:
        """Whether `cancel` would do anything."""
        return self.call.state == BulkState.RUNNING


@require_GET
@project_page(Action.REVIEW)
def matching(request: PageRequest, app: str) -> JsonResponse:
    """How many results match the filters of the address, and the newest of them."""
    domain = app_or_missing(app)
    if domain.result_form != "rows":
        raise NotVisible(_("Results of %(app)s are not reviewed row by row.") % {"app": app})
    asked = reading.asked(request.GET, domain)
    found = results.matching(request.actor, request.project, app, asked.filters)
    return JsonResponse({"count": found.count, "newest": found.newest_id})


@require_GET
@project_page(Action.REVIEW)
def live(request: PageRequest, app: str, call_id: uuid.UUID) -> HttpResponse:
    """How far a call is; asks again by itself while it runs."""
    domain = app_or_missing(app)
    call = _mine(request, app, call_id)
    asked = reading.asked(request.GET, domain)
    return render(
        request,
        "console/parts/bulk_live.html",
        {
            "domain": domain,
            "bulk": shown(request, domain, call),
            "link_query": urlencode(asked.text),
        },
    )


@require_POST
@project_page(Action.REVIEW)
def cancel(request: PageRequest, app: str, call_id: uuid.UUID) -> HttpResponse:
    """Say nothing more."""
    call = _mine(request, app, call_id)
    try:
        calls.cancel(request.actor, call)
    except LoupeError as error:
        say_refused(request, error)
    return _back(request, app)


@require_POST
@project_page(Action.REVIEW)
def undo(request: PageRequest, app: str, call_id: uuid.UUID) -> HttpResponse:
    """Take back what a call said, where nobody spoke since."""
    call = _mine(request, app, call_id)
    try:
        calls.undo(request.actor, call)
    except LoupeError as error:
        say_refused(request, error)
    return _back(request, app)


def newest(request: PageRequest, domain: type[DomainApp]) -> Shown | None:
    """The call the list tells of: the person's last, while it runs or can be taken back."""
    if domain.result_form != "rows" or "review" not in request.allowed:
        return None
    call = calls.latest(request.actor, request.project, domain.slug)
    if call is None:
        return None
    if not call.open:
        since = bulk_review.said_at(request, domain.slug)
        told_s = UNDONE_SHOWN_S if call.state == BulkState.UNDONE else bulk_review.UNDOABLE_S
        ended = call.ended_at or call.moved_at
        if call.created_at.timestamp() < since or ended < timezone.now() - timedelta(
            seconds=told_s
        ):
            return None
    return shown(request, domain, call)


def shown(request: PageRequest, domain: type[DomainApp], call: BulkReview) -> Shown:
    """`call` in words and figures."""
    verb = review.verbs(domain.slug).get(call.verb)
    label = verb.label.in_language(request.LANGUAGE_CODE) if verb is not None else call.verb
    back = call.state in {BulkState.UNDOING, BulkState.UNDONE}
    if back:
        said = ngettext(
            "%(n)d call was taken back.", "%(n)d calls were taken back.", call.taken_back
        ) % {"n": call.taken_back}
    else:
        said = ngettext("%(n)d result: %(verb)s.", "%(n)d results: %(verb)s.", call.given) % {
            "n": call.given,
            "verb": label,
        }
    had_turn = call.given + call.left_alone
    left_alone = call.kept if back else call.left_alone
    return Shown(
        call=call,
        sentence=said,
        done=call.taken_back + call.kept if back else had_turn,
        of=call.given if back else call.total,
        skipped=max(0, call.total - had_turn) if call.state == BulkState.DONE else 0,
        left_alone=left_alone,
        undoable=call.state in BULK_UNDOABLE and call.given > 0,
    )


def _mine(request: PageRequest, app: str, call_id: uuid.UUID) -> BulkReview:
    found = BulkReview.objects.filter(
        pk=call_id, project=request.project, app=app, user=request.actor.user
    ).first()
    if found is None:
        raise NotVisible(_("There is no such call of yours in this project."))
    return found


def _back(request: PageRequest, app: str) -> HttpResponseRedirect:
    there = reverse("console:results", args=[request.project.slug, app])
    return HttpResponseRedirect(f"{there}?{request.POST.get('back', '')}")
