"""The alert queue and one alert."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.models import Alert, Case
from apps.fraud.services import (
    alerts,
    cases,
    drawing,
    drawing_rings,
    entities,
    history,
    labels,
    lists,
    people,
    rescoring,
    schemes,
)
from apps.fraud.services.alerts import Filters
from apps.fraud.services.entities import Neighbourhood
from apps.fraud.templatetags.fraud import type_names
from apps.fraud.views import asked, explanations
from apps.fraud.views.paging import page_of
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action, NotVisible

MOST_PAST = 100
SNOOZE = timedelta(days=7)
"""What the form of a snooze begins with."""
ORDER_FIELDS = {"score": "score", "amount": "amount", "newest": "changed_at"}


@require_GET
@project_page(section="alerts")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """The queue, by the filters in the address; a constant number of queries."""
    filters = Filters.read(request.GET.dict())
    rows = alerts.listing(request.actor, request.project, filters)
    order = ORDER_FIELDS[filters.order or "score"]
    scheme = schemes.of(request.project.pk)
    return render(
        request,
        "fraud/alerts.html",
        {
            "domain": App,
            "scheme": scheme,
            "filters": filters,
            "page": page_of(rows, order, request.GET.get("after", "")),
            "counts": alerts.counts(request.project, request.actor.user),
            "people": people.reviewers(request.project)
            if "manage_cases" in request.allowed
            else [],
            "link_query": urlencode(filters.chosen()),
            "page_keys": _list_keys(),
        },
    )


@require_GET
@project_page(section="alerts")
def page(request: PageRequest, app: str, alert_id: int) -> HttpResponse:
    """One alert: why, what, who, and what stands around it."""
    alert = alerts.find(request.actor, request.project, alert_id)
    filters = Filters.read(request.GET.dict())
    scheme = schemes.of(request.project.pk)
    hits = alerts.hits_of(alert)
    entity, around = None, Neighbourhood()
    try:
        entity = entities.find(request.actor, request.project, alert.entity_type, alert.entity_key)
        around = entities.neighbourhood(entity)
    except NotVisible:
        pass  # a ring, or a payment that named no payer, has no entity of its own
    past = history.of(entity, MOST_PAST) if entity else []
    points = [(hit.event_ms, hit.amount, hit.outcome, hit.score, hit.result) for hit in hits]
    if past:
        points = [
            (one.data.event_time, one.data.amount, one.outcome, one.score, one.result)
            for one in past
        ]
    return render(
        request,
        "fraud/alert.html",
        {
            "domain": App,
            "scheme": scheme,
            "alert": alert,
            "hits": hits,
            "rescored": rescoring.history(alert),
            **explanations.facts(request, alert),
            "truths": labels.of_transactions(request.project, [hit.transaction for hit in hits]),
            "entity": entity,
            "graph": drawing_rings.drawing([alert], type_names(scheme))
            or (around.as_json(type_names(scheme)) if around.edges else None),
            "flows": drawing_rings.flows([alert]),
            "shared": drawing_rings.shared([alert]),
            "timeline": drawing.timeline(points),
            "snooze_until": timezone.localtime() + SNOOZE,
            "listed": list(entities.lists_of(entity)) if entity else [],
            "earlier": list(entities.alerts_of(entity).exclude(pk=alert.pk)[:5]) if entity else [],
            "cases": list(
                Case.objects.filter(project=request.project, state="open").order_by("-changed_at")[
                    :20
                ]
            ),
            "people": people.reviewers(request.project)
            if "manage_cases" in request.allowed
            else [],
            "next_id": _next(request, alert, filters),
            "link_query": urlencode(filters.chosen()),
            "page_keys": _item_keys(),
        },
    )


@require_POST
@project_page(Action.MANAGE_CASES)
def act(request: PageRequest, app: str) -> HttpResponse:
    """Do one thing with the chosen alerts: close with a word, open a case, assign."""
    back = reverse("fraud:alerts", args=[request.project.slug])
    query = _query(request.POST.get("back", ""))
    try:
        chosen = alerts.find_many(request.actor, request.project, asked.ids(request.POST, "alert"))
        case = _do(request, chosen)
        if case is not None:
            return HttpResponseRedirect(
                reverse("fraud:case", args=[request.project.slug, case.number])
            )
        following = request.POST.get("next", "")
        if following.isascii() and following.isdigit():
            address = reverse("fraud:alert", args=[request.project.slug, int(following[:18])])
            return HttpResponseRedirect(f"{address}{query}")
    except LoupeError as error:
        say_refused(request, error)
        if len(request.POST.getlist("alert")) == 1 and request.POST.get("single"):
            only = asked.ids(request.POST, "alert")
            if only:
                back = reverse("fraud:alert", args=[request.project.slug, only[0]])
    return HttpResponseRedirect(f"{back}{query}")


@require_POST
@project_page(Action.MANAGE_CASES)
def reopen(request: PageRequest, app: str, alert_id: int) -> HttpResponse:
    """Take a closed alert up again."""
    try:
        alerts.reopen(request.actor, alerts.find(request.actor, request.project, alert_id))
        say(request, _("Opened again."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("fraud:alert", args=[request.project.slug, alert_id]))


@require_POST
@project_page(Action.MANAGE_CASES)
def snooze(request: PageRequest, app: str, alert_id: int) -> HttpResponse:
    """Leave the alert's entity alone until a time, with a reason."""
    try:
        alert = alerts.find(request.actor, request.project, alert_id)
        lists.add(
            request.actor,
            lists.find(request.actor, request.project, "snooze"),
            type_=alert.entity_type,
            key=alert.entity_key,
            reason=request.POST.get("reason", ""),
            expires_at=asked.moment(request.POST.get("until", ""), "until"),
        )
        say(request, _("Snoozed: no further alert until then."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("fraud:alert", args=[request.project.slug, alert_id]))


def _do(request: PageRequest, chosen: list[Alert]) -> Case | None:
    verb, note = request.POST.get("verb", ""), request.POST.get("note", "")
    number = len(chosen)
    if verb == "case":
        case = cases.open_case(request.actor, request.project, chosen)
        if note.strip():
            cases.note(request.actor, case, note)
        return case
    if verb == "add":
        wanted = request.POST.get("case", "")
        digits = wanted.isascii() and wanted.isdigit()
        case = cases.find(request.actor, request.project, int(wanted[:9]) if digits else -1)
        cases.add_alerts(request.actor, case, chosen)
        return case
    if verb in {"assign", "mine"}:
        named = people.named_or_nobody(request.project, request.POST.get("assignee", ""))
        person = request.actor.user if verb == "mine" else named
        alerts.assign(request.actor, request.project, chosen, person)
        said = ngettext("%(n)d alert assigned.", "%(n)d alerts assigned.", number)
    else:
        number = alerts.close(request.actor, request.project, chosen, verb, note)
        said = ngettext("%(n)d alert closed.", "%(n)d alerts closed.", number)
    say(request, said % {"n": number})
    return None


def _next(request: PageRequest, alert: Alert, filters: Filters) -> int | None:
    """The alert after this one in the list it was opened from."""
    rows = alerts.listing(request.actor, request.project, filters)
    order = ORDER_FIELDS[filters.order or "score"]
    place = page_of(rows, order, f"{_place(alert, order)}_{alert.pk}", limit=1)
    return place.rows[0].pk if place.rows else None


def _place(alert: Alert, order: str) -> str:
    value = getattr(alert, order)
    return f"{value.timestamp():.6f}" if order == "changed_at" else repr(value)


def _query(text: str) -> str:
    """A list's query as it was, read and written anew."""
    pairs = parse_qsl(text[:2000])
    return f"?{urlencode(pairs)}" if pairs else ""


def _list_keys() -> list[tuple[str, str]]:
    return [
        ("j k", _("Next and previous row")),
        ("Enter", _("Open it")),
        ("x", _("Choose a row")),
        ("1", _("Fraud")),
        ("2", _("Honest")),
        ("3", _("Unknown")),
        ("4", _("Open a case")),
    ]


def _item_keys() -> list[tuple[str, str]]:
    return [
        ("1", _("Fraud")),
        ("2", _("Honest")),
        ("3", _("Unknown")),
        ("4", _("Open a case")),
        ("n", _("Write a note")),
        ("e", _("Explain the score")),
        ("j", _("Next alert")),
    ]
