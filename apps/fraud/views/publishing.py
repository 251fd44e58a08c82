"""Publishing with four eyes: who wants what to decide, on which evidence, and who agreed."""

import uuid
from collections.abc import Callable

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.models import Backtest, Publication, Shadow
from apps.fraud.models.backtests import BacktestState
from apps.fraud.services import backtests, candidates, drafts, embeddings, publishing, shadows
from apps.fraud.services.candidates import Candidate
from apps.fraud.services.errors import Unusable
from apps.fraud.views.paging import page_of
from loupe.contract.runtime.errors import LoupeError
from loupe.host.models import ModelVersion, visible_versions
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action, NotVisible

OFFERED = 50


@require_GET
@project_page(section="backtests")
def page(request: PageRequest, app: str) -> HttpResponse:
    """What waits, what decides, and the history."""
    return _shown(request, request.GET)


@require_POST
@project_page(Action.MANAGE_MODELS, section="backtests")
def ask(request: PageRequest, app: str) -> HttpResponse:
    """Ask to publish; a refusal keeps the form as it was filled."""
    posted = request.POST
    try:
        actor, project = request.actor, request.project
        draft, backtest, shadow = (posted.get(name, "") for name in ("draft", "backtest", "shadow"))
        publishing.ask(
            actor,
            project,
            posted.get("reason", ""),
            version=_candidate(request, posted),
            draft=drafts.find(actor, project, _whole(draft, "draft")) if draft else None,
            backtest=backtests.find(actor, project, _uuid(backtest)) if backtest else None,
            shadow=shadows.find(actor, project, _whole(shadow, "shadow")) if shadow else None,
        )
        say(request, _("Asked. It decides when somebody else agrees."))
    except LoupeError as error:
        return _shown(request, posted, error)
    return HttpResponseRedirect(_address(request))


@require_POST
@project_page(Action.MANAGE_MODELS)
def answer(request: PageRequest, app: str, publication_id: int, verb: str) -> HttpResponse:
    """Agree to a wish, decline it, or take it back."""
    verbs: dict[str, tuple[Callable[..., object], str]] = {
        "approve": (publishing.approve, _("Agreed. It decides from now on.")),
        "decline": (publishing.decline, _("Declined. Nothing changes.")),
        "withdraw": (publishing.withdraw, _("Taken back. Nothing changes.")),
    }
    if verb not in verbs:
        raise NotVisible(_("There is nothing at this address."))
    act, done = verbs[verb]
    try:
        found = publishing.find(request.actor, request.project, publication_id)
        act(request.actor, found, request.POST.get("comment", ""))
        say(request, done)
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(_address(request))


@require_POST
@project_page(Action.MANAGE_MODELS)
def roll_back(request: PageRequest, app: str, what: str) -> HttpResponse:
    """Go back to what decided before, at once."""
    reason = request.POST.get("reason", "").strip() or _("Rolled back on the page of publications")
    try:
        if what == "version":
            back = publishing.roll_back_version(request.actor, request.project, reason)
            say(request, _("%(version)s decides again.") % {"version": back})
        elif what == "point":
            version = candidates.champion(request.actor, request.project).version
            point = publishing.roll_back_point(request.actor, request.project, version, reason)
            say(request, _("Decides now: operating point %(n)s.") % {"n": point.number})
        else:
            raise NotVisible(_("There is nothing at this address."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(_address(request))


def _shown(request: PageRequest, form: QueryDict, error: LoupeError | None = None) -> HttpResponse:
    actor, project = request.actor, request.project
    rows = publishing.listing(actor, project)
    try:
        champion = candidates.champion(actor, project)
    except LoupeError:
        champion = None
    done = backtests.listing(actor, project).filter(state=BacktestState.DONE)
    context = {
        "domain": App,
        "trial": "publishing",
        "waiting": list(rows.filter(state=Publication.State.WAITING)),
        "page": page_of(rows, "id", request.GET.get("after", "")),
        "champion": champion,
        "embeddings": _embeddings(request, champion),
        "version_before": publishing.version_before(actor, project),
        "point_before": publishing.point_before(champion.version, project) if champion else None,
        "candidates": _candidates(request),
        "drafts": list(drafts.listing(actor, project)[:OFFERED]),
        "backtests": list(done[:OFFERED]),
        "shadows": list(shadows.listing(actor, project)[:OFFERED]),
        "form": _filled(request, form),
        "error": error,
    }
    return render(request, "fraud/publishing.html", context, status=400 if error else 200)


def _embeddings(request: PageRequest, champion: Candidate | None) -> dict[str, object] | None:
    """What the deciding model looks up of entities; None where it reads no embeddings."""
    if champion is None or not embeddings.reads(champion.version):
        return None
    newest = embeddings.newest(request.actor, request.project, champion.version)
    if newest is None:
        return {"made_at": None}
    return {"made_at": newest.made_at, "entities": sum(newest.entities.values())}


def _filled(request: PageRequest, form: QueryDict) -> dict[str, str]:
    """The form as it was sent, or as a backtest or a shadow run, whose page asked, fills it."""
    names = ("candidate", "draft", "backtest", "shadow", "reason")
    told = {name: form.get(name, "") for name in names}
    if request.method != "GET":
        return told
    actor, project = request.actor, request.project
    about: Backtest | Shadow | None = None
    try:
        if told["backtest"]:
            about = backtests.find(actor, project, _uuid(told["backtest"]))
        elif told["shadow"]:
            about = shadows.find(actor, project, _whole(told["shadow"], "shadow"))
    except LoupeError:
        return told
    if about is not None:
        told["candidate"] = str(about.version_id)
        told["draft"] = str(about.draft.number) if about.draft else ""
    return told


def _candidates(request: PageRequest) -> list[ModelVersion]:
    rows = visible_versions(request.actor, request.project, App.slug)
    return list(rows.filter(model__project=request.project, stage="candidate")[:OFFERED])


def _candidate(request: PageRequest, posted: QueryDict) -> ModelVersion | None:
    text = posted.get("candidate", "")
    if not text:
        return None
    number = _whole(text, "candidate")
    found = next((one for one in _candidates(request) if one.pk == number), None)
    if found is None:
        raise NotVisible(_("There is no such candidate in this project."))
    return found


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise Unusable(_("Choose one of the list."), field=field)
    return int(text)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Unusable(_("Choose one of the list."), field="backtest") from error


def _address(request: PageRequest) -> str:
    return reverse("fraud:publishing", args=[request.project.slug])
