"""Thresholds: what decides, what was proposed, and a proposal with its certificate and curve."""

import uuid
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.models import ThresholdFit, ThresholdRun
from apps.fraud.models.leased import WorkState
from apps.fraud.money import DIGITS
from apps.fraud.services import deciding, fittings, schemes, thresholds
from apps.fraud.services.drawing_curves import HEIGHT, WIDTH, drawn
from apps.fraud.services.errors import Unusable
from apps.fraud.thresholds.asked import BudgetCertificate
from apps.fraud.thresholds.words import of_budget, of_queue
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action

SHOWN = 10
NEVER = 1.0
"""Above it a cut-off is reached by no score."""


@require_GET
@project_page(section="policy")
def page(request: PageRequest, app: str) -> HttpResponse:
    """What decides now, and the proposal that is asked for or the newest."""
    return _shown(request)


@require_POST
@project_page(Action.MANAGE_MODELS, section="policy")
def propose(request: PageRequest, app: str) -> HttpResponse:
    """Fit what the form asks for; a refusal says what is missing and keeps the form."""
    scheme = schemes.of(request.project.pk)
    try:
        asked = thresholds.asked_of(_asked(request.POST, scheme.currency))
        made = fittings.begin(
            request.actor, request.project, asked, silent=request.POST.get("silent") == "yes"
        )
    except LoupeError as error:
        return _shown(request, error)
    return HttpResponseRedirect(_address(request, made))


@require_GET
@project_page(section="policy")
def live(request: PageRequest, app: str, run_id: uuid.UUID) -> HttpResponse:
    """The part that changes while thresholds are fitted, then the proposal."""
    run = fittings.find(request.actor, request.project, run_id)
    return render(request, "fraud/threshold_live.html", _followed(request, run, run.proposal))


@require_POST
@project_page(Action.MANAGE_MODELS)
def cancel(request: PageRequest, app: str, run_id: uuid.UUID) -> HttpResponse:
    """Stop a fit."""
    run = fittings.find(request.actor, request.project, run_id)
    try:
        fittings.cancel(request.actor, run)
        say(request, _("Cancelled."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(_address(request, run))


@require_POST
@project_page(Action.MANAGE_MODELS)
def act(request: PageRequest, app: str) -> HttpResponse:
    """Let a proposal decide, or set the control group."""
    posted = request.POST
    try:
        if posted.get("verb") == "use":
            stored = thresholds.use(
                request.actor, request.project, _whole(posted), posted.get("note", "")[:300]
            )
            said = _("It decides from now on: operating point %(point)s.")
        else:
            scheme = schemes.of(request.project.pk)
            share = _number(posted, "share") / 100
            cap = thresholds.minor(posted.get("cap") or "0", scheme.currency, "cap")
            stored = thresholds.set_control(request.actor, request.project, share, cap)
            said = _("The control group is set: operating point %(point)s.")
        say(request, said % {"point": stored.number})
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("fraud:thresholds", args=[request.project.slug]))


def _address(request: PageRequest, run: ThresholdRun) -> str:
    return f"{reverse('fraud:thresholds', args=[request.project.slug])}?run={run.pk}"


def _run(request: PageRequest, newest: ThresholdFit | None) -> ThresholdRun | None:
    """The fit that is asked for; else the newest, while it goes on or where nothing came since."""
    rows = fittings.listing(request.actor, request.project)
    if wanted := request.GET.get("run", ""):
        return next((one for one in rows[:SHOWN] if str(one.pk) == wanted), None)
    found = None if request.GET.get("proposal") else rows.first()
    if found is None or found.proposal is not None or found.state == WorkState.CANCELLED:
        return None
    since = newest is not None and newest.created_at > found.created_at
    return None if since and found.ended_at else found


def _followed(
    request: PageRequest, run: ThresholdRun | None, chosen: ThresholdFit | None
) -> dict[str, Any]:
    """What the part that changes is made of."""
    present, nothing = None, None
    try:
        present = deciding.now(request.actor, request.project)
    except LoupeError as missing:
        nothing = missing
    return {
        "domain": App,
        "scheme": schemes.of(request.project.pk),
        "present": present,
        "nothing": nothing,
        "run": run,
        "total": len(run.blocks or ()) if run else 0,
        "percent": round(100 * run.done / len(run.blocks), 1) if run and run.blocks else 0,
        "too_few": fittings.too_few(run) if run else None,
        "chosen": chosen,
        "proposal": _proposal(chosen) if chosen else None,
        "never": NEVER,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _shown(request: PageRequest, error: LoupeError | None = None) -> HttpResponse:
    rows = list(thresholds.proposals(request.actor, request.project)[:SHOWN])
    wanted = request.GET.get("proposal", "")
    newest = rows[0] if rows else None
    run = _run(request, newest)
    chosen = next((one for one in rows if str(one.pk) == wanted), newest)
    if run is not None:
        chosen = run.proposal
    told = _followed(request, run, chosen)
    scheme, present = told["scheme"], told["present"]
    return render(
        request,
        "fraud/thresholds.html",
        {
            **told,
            "policy": "thresholds",
            "matrix": _matrix(present.stored.data["bands"]) if present else [],
            "certificate": _certificate(present.stored.certificate if present else None),
            "rows": rows,
            "error": error,
            "field": getattr(error, "field", ""),
            "form": request.POST or {"budget": "0.02", "confidence": "95", "allocate": "even"},
            "control_percent": f"{100 * present.point.control_share:g}" if present else "0",
            "control_cap": _plain(present.point.control_cap, scheme.currency) if present else "",
        },
    )


def _proposal(row: ThresholdFit) -> dict[str, Any]:
    """A proposal as the page tells it."""
    certificate = BudgetCertificate.model_validate(row.certificate)
    block = next((one for one in certificate.found if one.budget.outcome == "block"), None)
    told = block or (certificate.found[0] if certificate.found else None)
    return {
        "certificate": certificate,
        "budgets": [
            (one, of_budget(one, certificate.asked.confidence)) for one in certificate.found
        ],
        "queue": of_queue(certificate.queue) if certificate.queue else None,
        "matrix": _matrix(row.bands, certificate),
        "drawn": drawn(
            row.curve,
            told.budget.at_most if told else None,
            told.certified_on.model_dump() if told else None,
            _caught(row, told.certified_on.value) if told else None,
        ),
    }


def _caught(row: ThresholdFit, share: float | None) -> float | None:
    """What the curve says at a share of legitimate payments."""
    below = [
        caught
        for honest, caught in zip(row.curve["honest"], row.curve["fraud"], strict=True)
        if share is not None and honest <= share
    ]
    return below[-1] if below else None


def _matrix(
    bands: list[dict[str, Any]], certificate: BudgetCertificate | None = None
) -> list[dict[str, Any]]:
    """A row for each band of amounts: its end, its cut-offs, and what was measured in it."""
    found = certificate.bands if certificate is not None else ()
    return [
        {
            **band,
            "to": bands[at + 1]["from_amount"] if at + 1 < len(bands) else None,
            "found": found[at] if at < len(found) else None,
        }
        for at, band in enumerate(bands)
    ]


def _certificate(stored: Any) -> list[Any]:
    """What the thresholds that decide were certified for; empty: they were set by hand."""
    if not isinstance(stored, dict) or stored.get("method") is None:
        return []
    certificate = BudgetCertificate.model_validate(stored)
    said = [
        text for one in certificate.found for text in of_budget(one, certificate.asked.confidence)
    ]
    return said + ([of_queue(certificate.queue)] if certificate.queue else [])


def _plain(minor: int, currency: str) -> str:
    """An amount as the form takes it: ``250`` or ``12.5``."""
    return f"{Decimal(minor).scaleb(-DIGITS.get(currency, 2)).normalize():f}"


def _asked(posted: QueryDict, currency: str) -> dict[str, Any]:
    """What a form asks for.

    Raises:
        Unusable: a field holds no number.
    """
    budgets = [
        {"outcome": outcome, "at_most": _number(posted, field) / 100}
        for field, outcome in (("budget", "block"), ("step_up", "step_up"))
        if posted.get(field, "").strip()
    ]
    edges = [
        thresholds.minor(part, currency, "edges")
        for part in posted.get("edges", "").replace(";", " ").split()
    ]
    queue = posted.get("queue", "").strip() or "0"
    return {
        "budgets": budgets,
        "edges": edges,
        "queue_per_day": int(_number(posted, "queue")) if queue != "0" else 0,
        "allocate": "money" if posted.get("allocate") == "money" else "even",
        "confidence": _number(posted, "confidence") / 100 if posted.get("confidence") else 0.95,
    }


def _number(posted: QueryDict, field: str) -> float:
    text = posted.get(field, "").strip().replace(",", ".")
    clean = text.replace(".", "", 1)
    if not (clean.isascii() and clean.isdigit() and len(text) <= 12):
        raise Unusable(
            _("%(field)s: %(text)r is no number; write one such as 0.02.")
            % {"field": field, "text": text[:20]},
            field=field,
        )
    return float(text)


def _whole(posted: QueryDict) -> int:
    text = posted.get("proposal", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1
