"""The challenger in the shadow: what it would do otherwise."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.models import Shadow, ShadowDifference
from apps.fraud.schema import OUTCOMES
from apps.fraud.services import drafts, schemes, shadows
from apps.fraud.views.backtests import chosen_version, cuts_of, offered
from apps.fraud.views.paging import page_of
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action

SHOWN = 20


@require_GET
@project_page(section="backtests")
def page(request: PageRequest, app: str) -> HttpResponse:
    """The run that is asked for, else the newest."""
    return _shown(request)


@require_POST
@project_page(Action.MANAGE_MODELS, section="backtests")
def begin(request: PageRequest, app: str) -> HttpResponse:
    """Put a challenger in the shadow."""
    posted = request.POST
    try:
        version = chosen_version(request, posted)
        draft = drafts.from_choice(
            request.actor, request.project, version, posted.get("point", ""), cuts_of(posted)
        )
        shadows.begin(
            request.actor,
            request.project,
            version=version.pk,
            draft=draft.number if draft else None,
        )
        say(request, _("It decides along from now on; nothing comes of it."))
    except LoupeError as error:
        return _shown(request, posted, error)
    return HttpResponseRedirect(reverse("fraud:shadow", args=[request.project.slug]))


@require_POST
@project_page(Action.MANAGE_MODELS)
def end(request: PageRequest, app: str, shadow_id: int) -> HttpResponse:
    """End a run."""
    try:
        shadows.end(request.actor, shadows.find(request.actor, request.project, shadow_id))
        say(request, _("Ended. What it found stays."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("fraud:shadow", args=[request.project.slug]))


def _shown(
    request: PageRequest, form: QueryDict | None = None, error: LoupeError | None = None
) -> HttpResponse:
    rows = shadows.listing(request.actor, request.project)
    runs = list(rows[:SHOWN])
    asked = request.GET.get("run", "")
    chosen = next((one for one in runs if str(one.pk) == asked), runs[0] if runs else None)
    context: dict[str, Any] = {
        "domain": App,
        "trial": "shadow",
        "scheme": schemes.of(request.project.pk),
        "runs": runs,
        "shadow": chosen,
        "active": any(one.ended_at is None for one in runs),
        "form": form or request.GET,
        "error": error,
        **offered(request),
    }
    if chosen is not None:
        context |= _found(request, chosen)
    return render(request, "fraud/shadow.html", context, status=400 if error else 200)


def _found(request: PageRequest, shadow: Shadow) -> dict[str, Any]:
    moved = shadows.moved(shadow)
    block = OUTCOMES[-1]
    rows = ShadowDifference.objects.filter(shadow=shadow)
    pair = request.GET.get("champion", ""), request.GET.get("challenger", "")
    filtered = pair if all(one in OUTCOMES for one in pair) else None
    if filtered:
        rows = rows.filter(champion=filtered[0], challenger=filtered[1])
    return {
        "agreement": shadow.same / shadow.rows if shadow.rows else 0.0,
        "stopped": sum(one.rows for one in moved if one.challenger == block),
        "released": sum(one.rows for one in moved if one.champion == block),
        "moved": moved,
        "money": shadows.money(shadow),
        "waiting": shadows.waiting(shadow),
        "filtered": filtered,
        "page": page_of(rows, "id", request.GET.get("after", "")),
    }
