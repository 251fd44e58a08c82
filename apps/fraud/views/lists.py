"""Lists: who is watched, allowed, blocked or left alone, and why."""

from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.services import lists, outbox, schemes
from apps.fraud.views import asked
from apps.fraud.views.paging import page_of
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action, can


@require_GET
@project_page(section="lists")
def listing(request: PageRequest, app: str, key: str = "watch") -> HttpResponse:
    """One list with its entries; the others as chips."""
    chosen = lists.find(request.actor, request.project, key)
    past, q = request.GET.get("past") == "yes", request.GET.get("q", "").strip()[:500]
    rows = lists.entries(chosen, q=q.replace("\x00", ""), past=past)
    return render(
        request,
        "fraud/lists.html",
        {
            "domain": App,
            "scheme": schemes.of(request.project.pk),
            "chosen": chosen,
            "lists": lists.all_of(request.actor, request.project),
            "counts": lists.counts(request.project),
            "page": page_of(rows, "id", request.GET.get("after", "")),
            "past": past,
            "q": q,
            "may_change": can(request.actor, lists.may(request.actor, chosen), request.project),
            "type": request.GET.get("type", ""),
            "key": request.GET.get("key", ""),
            "waiting": outbox.waiting(request.project),
            "set_aside": outbox.set_aside(request.actor, request.project),
        },
    )


@require_POST
@project_page(Action.MANAGE_CASES)
def add(request: PageRequest, app: str, key: str) -> HttpResponse:
    """Put somebody on a list."""
    back = reverse("fraud:list", args=[request.project.slug, key])
    given = {name: request.POST.get(name, "") for name in ("type", "key")}
    try:
        lists.add(
            request.actor,
            lists.find(request.actor, request.project, key),
            type_=given["type"],
            key=given["key"],
            reason=request.POST.get("reason", ""),
            expires_at=asked.moment(request.POST.get("until", ""), "until"),
        )
        say(request, _("On the list. Live state hears of it at once."))
    except LoupeError as error:
        say_refused(request, error)
        return HttpResponseRedirect(f"{back}?{urlencode(given)}")
    return HttpResponseRedirect(back)


@require_POST
@project_page(Action.MANAGE_CASES)
def remove(request: PageRequest, app: str, entry_id: int) -> HttpResponse:
    """Take somebody off a list."""
    key = "watch"
    try:
        entry = lists.entry_of(request.actor, request.project, entry_id)
        key = entry.list.key
        lists.remove(request.actor, entry)
        say(request, _("Taken off."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("fraud:list", args=[request.project.slug, key]))
