"""The operating point's page: the curve, what is promised, what the past would have been."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.defect_detection.models import Product
from apps.defect_detection.points import proposing, refitting, rehearsing, showing
from apps.defect_detection.points.asking import Ask
from apps.defect_detection.points.drawing import drawing
from apps.defect_detection.points.evidence import chosen, predictions_of, usable_evaluations
from apps.defect_detection.points.offering import offers
from apps.defect_detection.points.proposing import Proposal
from apps.defect_detection.schema import OperatingPoint
from loupe.contract.runtime.errors import LoupeError
from loupe.host.evaluations import Evaluation
from loupe.host.models import ModelVersion, visible_versions
from loupe.host.models import OperatingPoint as PointRow
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action, NotVisible


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One version, for one product or for all, and what a person asks."""

    version: ModelVersion
    scope: str
    row: PointRow
    base: OperatingPoint
    evaluation: Evaluation | None
    form: Ask
    proposal: Proposal | None
    refusal: LoupeError | None

    @property
    def point(self) -> OperatingPoint:
        """What the page is about: the proposal, else what decides now."""
        return self.proposal.point if self.proposal else self.base


@require_GET
@project_page(section="models")
def page(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """The curve, the point, its interval, and what it would have done."""
    asked = _asked(request, model_id, number, request.GET)
    label = request.GET.get("class", "")
    context: dict[str, Any] = {
        "asked": asked,
        "version": asked.version,
        "form": asked.form,
        "shown": showing.point(asked.point, _classes(asked.version)),
        "label": label if label in _classes(asked.version) else "",
        "classes": _classes(asked.version),
        "evaluations": usable_evaluations(asked.version, request.project),
        "products": Product.objects.filter(project=request.project, archived=False),
        "history": showing.history(asked.version, request.project, asked.scope),
        "past_address": _address(request, "point_past", asked.version, request.GET),
        "rows": showing.rows(asked.form),
        "offers": offers(asked.version, request.project),
        "unproposed": bool(refitting.missing(request.project, asked.version)),
        **_measured(asked, label),
    }
    return render(request, "defect_detection/point.html", context)


@require_POST
@project_page(Action.MANAGE_MODELS)
def give(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Fit again what the page showed, and let it decide from now on."""
    asked = _asked(request, model_id, number, request.POST)
    back = _address(request, "point", asked.version, request.POST, scope=asked.scope)
    if asked.refusal is not None:
        say_refused(request, asked.refusal)
        return HttpResponseRedirect(back)
    if asked.proposal is None:
        return HttpResponseRedirect(back)
    try:
        made = proposing.set_fitted(
            request.actor,
            request.project,
            asked.version,
            asked.proposal,
            request.POST.get("note", ""),
            asked.scope,
        )
    except LoupeError as error:
        say_refused(request, error)
        return HttpResponseRedirect(back)
    say(request, _("Operating point %(n)s decides from now on.") % {"n": made.number})
    here = reverse("defect_detection:point", args=[request.project.slug, model_id, number])
    kept = {"scope": asked.scope, "evaluation": request.POST.get("evaluation", "")}
    return HttpResponseRedirect(f"{here}?{urlencode({k: v for k, v in kept.items() if v})}")


@require_GET
@project_page()
def past(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """What the page's point would have done on past results, as far as they were looked at."""
    asked = _asked(request, model_id, number, request.GET)
    found = rehearsing.rehearse(
        request.actor, request.project, asked.version, asked.point, asked.scope
    )
    context = {
        "asked": asked,
        "found": found,
        "shown": showing.rehearsal(found),
        "proposed": asked.proposal is not None,
        "past_address": request.get_full_path(),
    }
    return render(request, "defect_detection/point_past.html", context)


@require_POST
@project_page(Action.MANAGE_MODELS)
def propose(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Fit what is promised to every evaluation of the version again."""
    version = _version(request, model_id, number)
    for evaluation in usable_evaluations(version, request.project):
        refitting.propose(evaluation)
    return HttpResponseRedirect(_plain_address(request, version))


@require_POST
@project_page(Action.MANAGE_MODELS)
def decide(
    request: PageRequest, app: str, model_id: int, number: int, proposal_id: int, verb: str
) -> HttpResponse:
    """Accept a proposal, which decides from then on, or put it aside."""
    version = _version(request, model_id, number)
    proposal = refitting.offered(request.project, version).filter(pk=proposal_id).first()
    try:
        if proposal is None:
            raise refitting.ProposalOver(_("Somebody decided about this proposal already."))
        if verb == "accept":
            made = refitting.accept(request.actor, proposal)
            say(request, _("Operating point %(n)s decides from now on.") % {"n": made.number})
        else:
            refitting.dismiss(request.actor, proposal)
            say(request, _("The proposal was put aside."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(_plain_address(request, version))


def _plain_address(request: PageRequest, version: ModelVersion) -> str:
    names = [request.project.slug, version.model_id, version.number]
    return reverse("defect_detection:point", args=names)


def _version(request: PageRequest, model_id: int, number: int) -> ModelVersion:
    version = (
        visible_versions(request.actor, request.project, "defect_detection")
        .filter(model_id=model_id, number=number)
        .first()
    )
    if version is None:
        raise NotVisible(_("This model has no version %(n)s.") % {"n": number})
    return version


def _asked(request: PageRequest, model_id: int, number: int, said: QueryDict) -> Asked:
    version = _version(request, model_id, number)
    scope = said.get("scope", "")
    if scope and not Product.objects.filter(project=request.project, key=scope).exists():
        raise NotVisible(_("There is no product %(key)r.") % {"key": scope})
    row = proposing.current(version, request.project, scope)
    base = proposing.rules_of(row)
    evaluation = chosen(version, request.project, _number(said.get("evaluation", "")))
    bound = said if "ask" in said else None
    form = Ask(bound, classes=_classes(version), base=base)
    proposal, refusal = None, None
    if bound is not None and form.is_valid():
        try:
            proposal = _proposal(evaluation, form)
        except LoupeError as error:
            refusal = error
    return Asked(
        version=version,
        scope=scope,
        row=row,
        base=base,
        evaluation=evaluation,
        form=form,
        proposal=proposal,
        refusal=refusal,
    )


def _proposal(evaluation: Evaluation | None, form: Ask) -> Proposal | None:
    by_hand, promise = form.by_hand, form.promise
    if form.data.get("ask") == "hand":
        return proposing.tried(evaluation, by_hand) if by_hand is not None else None
    if promise is not None and evaluation is not None:
        return proposing.fitted(evaluation, form.point, promise)
    changed = form.point != form.base
    return proposing.tried(evaluation, form.point) if changed else None


def _measured(asked: Asked, label: str) -> dict[str, Any]:
    """The curve and the figures beside it; nothing where the version was never evaluated."""
    if asked.evaluation is None:
        return {}
    try:
        found = predictions_of(asked.evaluation)
    except LoupeError as error:
        return {"trouble": error}
    chosen_label = label if label in found.classes else ""
    curves = proposing.curves(found, asked.point, chosen_label)
    return {
        "drawing": drawing(curves),
        "marks": showing.marks(asked.base, asked.proposal, chosen_label),
        "rates": asked.proposal.rates if asked.proposal else proposing.rates(found, asked.base),
        "rates_now": proposing.rates(found, asked.base) if asked.proposal else None,
        "pair": proposing.pair(found, asked.point),
        "curve_data": showing.curve_data(curves),
        "curve_rows": showing.curve_rows(curves),
        "parts": len(found.parts),
        "pictures": len(found.names),
    }


def _classes(version: ModelVersion) -> tuple[str, ...]:
    return tuple(str(name) for name in version.manifest.get("classes", ()))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _address(
    request: HttpRequest, name: str, version: ModelVersion, said: QueryDict, **more: str
) -> str:
    """A page of the version, with what was asked."""
    project = getattr(request, "project", None)
    slug = project.slug if project is not None else ""
    path = reverse(f"defect_detection:{name}", args=[slug, version.model_id, version.number])
    kept = {
        key: value
        for key, value in said.items()
        if value and key not in {"csrfmiddlewaretoken", "note"}
    }
    query = urlencode({**kept, **{key: value for key, value in more.items() if value}})
    return f"{path}?{query}" if query else path
