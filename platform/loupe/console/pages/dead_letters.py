"""Webhook deliveries that were given up: why, and what to do with them."""

import uuid
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.changes.kinds import Kind
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.contract.runtime.errors import LoupeError
from loupe.delivery import dead_letters
from loupe.delivery import services as delivery
from loupe.delivery.dead_letters import Chosen

PAGE = 50


def _asked(query: "dict[str, str]") -> tuple[Chosen, dict[str, str]]:
    """The filters of the address, and their own words for links."""
    text: dict[str, str] = {}
    webhook_id = None
    try:
        webhook_id = uuid.UUID(query.get("webhook", ""))
        text["webhook"] = str(webhook_id)
    except ValueError:
        webhook_id = None
    kind = query.get("kind", "")
    if kind in set(Kind):
        text["kind"] = kind
    return Chosen(webhook_id=webhook_id, kind=text.get("kind", "")), text


@require_GET
@project_page(Action.MANAGE_WEBHOOKS, section="settings")
def page(request: PageRequest) -> HttpResponse:
    """The list with its causes; a constant number of queries."""
    chosen, text = _asked({key: str(value) for key, value in request.GET.items()})
    rows = dead_letters.listing(request.actor, request.project, chosen)
    after = request.GET.get("after", "")
    if after.isascii() and after.isdigit() and len(after) < 19:
        rows = rows.filter(pk__lt=int(after))
    found = list(rows[: PAGE + 1])
    causes = dead_letters.causes(request.actor, request.project, chosen)
    return render(
        request,
        "console/settings_dead_letters.html",
        {
            "letters": [(letter, list(letter.attempts.all())) for letter in found[:PAGE]],
            "next_after": found[PAGE - 1].pk if len(found) > PAGE else None,
            "causes": causes,
            "total": sum(cause.count for cause in causes),
            "webhooks": list(delivery.listing(request.actor, request.project)[:100]),
            "kinds": [kind.value for kind in Kind],
            "asked": text,
            "link_query": urlencode(text),
            "page_keys": [
                ("j k", _("Next and previous row")),
                ("x", _("Select the row")),
                ("X", _("Select from the last selected row to this one")),
                ("J K", _("Select while going on")),
                ("a", _("Select all rows of this page, or none")),
            ],
        },
    )


@require_POST
@project_page(Action.MANAGE_WEBHOOKS)
def act(request: PageRequest, verb: str) -> HttpResponse:
    """Send again or put aside: the selected ones, or all that match the filters."""
    back = request.POST.get("back", "")
    there = f"{reverse('console:dead_letters', args=[request.project.slug])}?{back}"
    chosen, _text = _asked({key: str(value) for key, value in request.POST.items()})
    if "all" not in request.POST:
        picked = request.POST.getlist("pick")
        ids = tuple(int(text) for text in picked if text.isascii() and text.isdigit())[:1000]
        chosen = Chosen(ids=ids)
    try:
        match verb:
            case "replay":
                moved = dead_letters.replay(request.actor, request.project, chosen)
                told = ngettext(
                    "%(n)d is on its way again.", "%(n)d are on their way again.", moved
                )
            case "discard":
                moved = dead_letters.discard(request.actor, request.project, chosen)
                told = ngettext("%(n)d was put aside.", "%(n)d were put aside.", moved)
            case _unknown:
                raise NotVisible(_("Dead letters cannot do that."))
        say(request, told % {"n": moved})
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(there)
