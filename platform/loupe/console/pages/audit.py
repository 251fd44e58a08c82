"""The audit log, newest first."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from loupe.accounts import history
from loupe.accounts.policy import Action
from loupe.console.pages.frame import PageRequest, project_page

PAGE = 100


@require_GET
@project_page(Action.READ_AUDIT, section="settings")
def page(request: PageRequest) -> HttpResponse:
    """One page of events, filtered by the first word of the action or by the actor."""
    rows = history.events(request.actor, request.project)
    action, actor = request.GET.get("action", "")[:60], request.GET.get("actor", "")[:200]
    if action:
        rows = rows.filter(action__startswith=action)
    if actor:
        rows = rows.filter(actor=actor)
    after = request.GET.get("after", "")
    if after.isascii() and after.isdigit() and len(after) < 19:
        rows = rows.filter(pk__lt=int(after))
    found = list(rows[: PAGE + 1])
    return render(
        request,
        "console/settings_audit.html",
        {
            "events": found[:PAGE],
            "next": found[PAGE - 1].pk if len(found) > PAGE else None,
            "action": action,
            "by": actor,
            "kinds": (
                "review",
                "model",
                "operating_point",
                "key",
                "member",
                "webhook",
                "schedule",
                "export",
                "settings",
            ),
        },
    )
