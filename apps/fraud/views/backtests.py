"""Backtests: what a candidate would have done, beside what production did; and the prices."""

import uuid
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.models import Backtest, RuleSet, ThresholdFit
from apps.fraud.money import DIGITS
from apps.fraud.operating.prices import Prices
from apps.fraud.services import backtest_shown, backtests, drafts, periods, prices, schemes
from apps.fraud.services.errors import Unusable
from apps.fraud.views import asked
from apps.fraud.views.paging import page_of
from loupe.contract.runtime.errors import LoupeError
from loupe.host import jobs
from loupe.host.models import ModelVersion, visible_versions
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action, NotVisible, require

OFFERED = 50
CUTS = ("step_up", "review", "block")
MONEY = ("review", "step_up", "customer")
"""Prices in the currency's units; the others are minutes and per cent."""
SHARES = ("margin", "step_up_lost", "step_up_stops", "review_stops")


@require_GET
@project_page(section="backtests")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """Every backtest, and the form for a new one."""
    return _listed(request)


@require_POST
@project_page(Action.MANAGE_MODELS, section="backtests")
def begin(request: PageRequest, app: str) -> HttpResponse:
    """Ask for a backtest; a refusal keeps the form as it was filled."""
    posted = request.POST
    try:
        version = chosen_version(request, posted)
        draft = drafts.from_choice(
            request.actor, request.project, version, posted.get("point", ""), cuts_of(posted)
        )
        table = posted.get("source") == "table"
        made = backtests.begin(
            request.actor,
            request.project,
            version=version.pk,
            draft=draft.number if draft else None,
            job=_uuid(posted.get("job", "")) if table else None,
            start=None if table else asked.moment(posted.get("start", ""), "start"),
            stop=None if table else asked.moment(posted.get("stop", ""), "stop"),
            silent_honest=posted.get("silent") == "yes",
        )
    except LoupeError as error:
        return _listed(request, posted, error)
    return HttpResponseRedirect(_address(request, made))


@require_GET
@project_page(section="backtests")
def page(request: PageRequest, app: str, backtest_id: uuid.UUID) -> HttpResponse:
    """One backtest: how far it is, then what it found."""
    return render(request, "fraud/backtest.html", _facts(request, backtest_id))


@require_GET
@project_page(section="backtests")
def live(request: PageRequest, app: str, backtest_id: uuid.UUID) -> HttpResponse:
    """The part that changes while it runs."""
    return render(request, "fraud/backtest_live.html", _facts(request, backtest_id))


@require_POST
@project_page(Action.MANAGE_MODELS)
def cancel(request: PageRequest, app: str, backtest_id: uuid.UUID) -> HttpResponse:
    """Stop it."""
    found = backtests.find(request.actor, request.project, backtest_id)
    try:
        backtests.cancel(request.actor, found)
        say(request, _("Cancelled."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(_address(request, found))


@require_GET
@project_page(Action.EXPORT)
def export(request: PageRequest, app: str, backtest_id: uuid.UUID, form: str) -> HttpResponse:
    """Its figures as a file."""
    found = backtests.find(request.actor, request.project, backtest_id)
    if form == "csv":
        data, kind = backtest_shown.as_csv(found), "text/csv; charset=utf-8"
    elif form == "json":
        data, kind = backtest_shown.as_json(found), "application/json"
    else:
        raise NotVisible(_("A backtest is exported as csv or json."))
    answer = HttpResponse(data, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="backtest-{found.pk}.{form}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@require_GET
@project_page(section="backtests")
def costs(request: PageRequest, app: str) -> HttpResponse:
    """What things cost."""
    return _priced(request)


@require_POST
@project_page(Action.MANAGE_MODELS, section="backtests")
def save_costs(request: PageRequest, app: str) -> HttpResponse:
    """Say what things cost from now on."""
    currency = schemes.of(request.project.pk).currency
    try:
        told = _prices(request.POST, currency)
        prices.save(request.actor, request.project, told, request.POST.get("note", ""))
        say(request, _("Saved. Backtests from now on count with these prices."))
    except LoupeError as error:
        return _priced(request, request.POST, error)
    return HttpResponseRedirect(reverse("fraud:prices", args=[request.project.slug]))


def chosen_version(request: PageRequest, posted: QueryDict) -> ModelVersion:
    """The version a form names.

    Raises:
        NotVisible: there is none that the person can see.
    """
    number = posted.get("version", "")
    rows = visible_versions(request.actor, request.project, App.slug)
    found = (
        rows.filter(pk=int(number)).first()
        if number.isascii() and number.isdigit() and len(number) < 18
        else None
    )
    if found is None:
        raise NotVisible(_("Choose a model version of this project."))
    return found


def offered(request: PageRequest) -> dict[str, Any]:
    """What a form can choose from: versions, and the points to try with them."""
    project = request.project
    return {
        "versions": list(visible_versions(request.actor, project, App.slug)[:OFFERED]),
        "drafts": list(drafts.listing(request.actor, project)[:OFFERED]),
        "fits": list(ThresholdFit.objects.filter(project=project).order_by("-pk")[:OFFERED]),
        "rule_sets": list(RuleSet.objects.filter(project=project).order_by("-number")[:10]),
    }


def _listed(
    request: PageRequest, form: QueryDict | None = None, error: LoupeError | None = None
) -> HttpResponse:
    rows = backtests.listing(request.actor, request.project)
    costs, said = prices.of(request.project.pk)
    files = jobs.of_files(request.actor, request.project, App.slug)[:OFFERED]
    given = form or request.GET
    period = None if form else periods.newest(request.actor, request.project)
    context = {
        "domain": App,
        "trial": "backtests",
        "page": page_of(rows, "created_at", request.GET.get("after", "")),
        "scheme": schemes.of(request.project.pk),
        "jobs": list(files),
        "form": given,
        "period": period,
        "start": given.get("start") or (f"{period.start:%Y-%m-%dT%H:%M}" if period else ""),
        "stop": given.get("stop") or (f"{period.stop:%Y-%m-%dT%H:%M}" if period else ""),
        "error": error,
        "field": getattr(error, "field", ""),
        "prices": costs,
        "prices_said": said,
        **offered(request),
    }
    return render(request, "fraud/backtests.html", context, status=400 if error else 200)


def _facts(request: PageRequest, backtest_id: uuid.UUID) -> dict[str, Any]:
    found = backtests.find(request.actor, request.project, backtest_id)
    return {
        "domain": App,
        "trial": "backtests",
        "backtest": found,
        "total": len(found.blocks or ()),
        "percent": round(100 * found.done / len(found.blocks), 1) if found.blocks else 0,
        "shown": backtest_shown.shown(found),
        "prices": Prices.model_validate(found.prices),
        "span": (found.first_ms, found.stop_ms),
    }


def _priced(
    request: PageRequest, form: QueryDict | None = None, error: LoupeError | None = None
) -> HttpResponse:
    require(request.actor, Action.VIEW, request.project)
    now, said = prices.of(request.project.pk)
    scheme = schemes.of(request.project.pk)
    digits = DIGITS.get(scheme.currency, 2)
    values = {name: f"{getattr(now, name) / 10**digits:.{digits}f}" for name in MONEY}
    values |= {name: f"{100 * getattr(now, name):g}" for name in SHARES}
    values["review_minutes"] = f"{now.review_minutes:g}"
    if form is not None:
        values |= {name: form.get(name, "") for name in values}
    context = {
        "domain": App,
        "trial": "prices",
        "scheme": scheme,
        "values": values,
        "said": said,
        "error": error,
        "field": getattr(error, "field", ""),
    }
    return render(request, "fraud/prices.html", context, status=400 if error else 200)


def _prices(posted: QueryDict, currency: str) -> dict[str, Any]:
    scale = 10 ** DIGITS.get(currency, 2)
    told: dict[str, Any] = {name: round(_number(posted, name) * scale) for name in MONEY}
    told |= {name: _number(posted, name) / 100 for name in SHARES}
    told["review_minutes"] = _number(posted, "review_minutes")
    return told


def _number(posted: QueryDict, name: str) -> float:
    text = posted.get(name, "").strip().replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e9:
        raise Unusable(
            _("%(field)s is %(text)r: write a number from 0, such as 12.5.")
            % {"field": name, "text": text[:20]},
            field=name,
        )
    return value


def cuts_of(posted: QueryDict) -> dict[str, float]:
    """The cut-offs a form says; only where it chose to say them.

    Raises:
        Unusable: one is no number, or none is given.
    """
    if posted.get("point") != "cuts":
        return {}
    told = {name: _number(posted, name) for name in CUTS if posted.get(name, "").strip()}
    if not told:
        raise Unusable(_("Write at least one cut-off."), field="block")
    return told


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Unusable(_("Choose an uploaded table."), field="job") from error


def _address(request: PageRequest, backtest: Backtest) -> str:
    return reverse("fraud:backtest", args=[request.project.slug, backtest.pk])
