"""Search by any identifier, one entity, and the graph around it."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.fraud.app import App
from apps.fraud.services import drawing, entities, history, lists, schemes
from apps.fraud.services.entity_index import keeping_up
from apps.fraud.templatetags.fraud import type_names
from loupe.host.pages import PageRequest, project_page


@require_GET
@project_page(section="entities")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """Entities whose identifier begins with what was typed; else those of highest score."""
    scheme = schemes.of(request.project.pk)
    text, type_ = request.GET.get("q", "").strip(), request.GET.get("type", "")
    order = "" if request.GET.get("order") != "newest" else "newest"
    rows = entities.search(request.actor, request.project, text, type_, risky=order != "newest")
    return render(
        request,
        "fraud/entities.html",
        {
            "domain": App,
            "scheme": scheme,
            "text": text,
            "type": type_,
            "order": order,
            "rows": list(rows[: entities.FOUND_AT_ONCE + 1]),
            "most": entities.FOUND_AT_ONCE,
            "behind": keeping_up.waiting(request.project.pk),
            "page_keys": [("j k", _("Next and previous row")), ("Enter", _("Open it"))],
        },
    )


@require_GET
@project_page(section="entities")
def page(request: PageRequest, app: str) -> HttpResponse:
    """One entity: its figures, amounts and risk over time, what it shares, alerts, lists."""
    scheme = schemes.of(request.project.pk)
    entity = entities.find(
        request.actor, request.project, request.GET.get("type", ""), request.GET.get("key", "")
    )
    past = history.of(entity)
    around = entities.neighbourhood(entity)
    points = [
        (one.data.event_time, one.data.amount, one.outcome, one.score, one.result) for one in past
    ]
    return render(
        request,
        "fraud/entity.html",
        {
            "domain": App,
            "scheme": scheme,
            "entity": entity,
            "behind": keeping_up.waiting(request.project.pk),
            "past": past,
            "timeline": drawing.timeline(points),
            "graph": around.as_json(type_names(scheme)) if around.edges else None,
            "around": around,
            "alerts": list(entities.alerts_of(entity)[:20]),
            "listed": list(entities.lists_of(entity)),
            "lists": lists.all_of(request.actor, request.project),
        },
    )


@require_GET
@project_page()
def graph(request: PageRequest, app: str) -> JsonResponse:
    """What stands around one entity, for the graph's script to add."""
    entity = entities.find(
        request.actor, request.project, request.GET.get("type", ""), request.GET.get("key", "")
    )
    names = type_names(schemes.of(request.project.pk))
    return JsonResponse(entities.neighbourhood(entity).as_json(names))
