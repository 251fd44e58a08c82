"""What every page of a project needs first: who asks, which project, and may they.

`project_page` wraps a view: people who are not signed in go to the sign-in page, a project that is
not visible is "not found", a role that does not cover the page is refused, and refusals of the
services become pages instead of tracebacks.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeAlias, cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import LOWEST_ROLE, Action, Actor, projects, require
from loupe.console.said import translated
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.plugins import registry as apps

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request of a signed-in person inside a project."""

    actor: Actor
    project: Project
    section: str
    allowed: frozenset[str]
    LANGUAGE_CODE: str


Answering: TypeAlias = Callable[..., HttpResponseBase]


def project_page(
    action: Action = Action.VIEW, section: str = ""
) -> Callable[[Callable[Concatenate[PageRequest, P], HttpResponseBase]], Answering]:
    """Resolve the project named in the address and ask the policy for `action`."""

    def wrap(
        view: Callable[Concatenate[PageRequest, P], HttpResponseBase],
    ) -> Answering:
        @login_required
        @wraps(view)
        def page(
            request: HttpRequest, project: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            asked = cast(PageRequest, request)
            asked.section = section
            try:
                asked.actor = Actor.of(request.user)
                asked.project = _find(asked.actor, project)
                require(asked.actor, action, asked.project)
                asked.allowed = granted(asked.actor, asked.project)
                with timezone.override(ZoneInfo(asked.project.time_zone)):
                    return view(asked, *args, **kwargs)
            except LoupeError as error:
                return refusal(request, error)

        return page

    return wrap


def granted(actor: Actor, project: Project) -> frozenset[str]:
    """The actions the person may take, by name: what the page offers. One query."""
    if actor.user is not None and actor.user.is_superuser:
        return frozenset(Action)
    member = Membership.objects.filter(project=project, user=actor.user).first()
    ranks = list(Role)
    if member is None:
        return frozenset()
    rank = ranks.index(Role(member.role))
    return frozenset(a.value for a, lowest in LOWEST_ROLE.items() if rank >= ranks.index(lowest))


def _find(actor: Actor, slug: str) -> Project:
    found = projects(actor).filter(slug=slug).first()
    if found is None:
        raise NotVisible(f"There is no project {slug!r} that you can see.")
    return found


def app_or_missing(slug: str) -> type[DomainApp]:
    """The app of an address.

    Raises:
        NotVisible: no installed app has this slug.
    """
    try:
        return apps.get(slug)
    except apps.UnknownApp as error:
        raise NotVisible(error.message) from error


def refusal(request: HttpRequest, error: LoupeError) -> HttpResponse:
    """A page that says what was refused, why, and with which code."""
    status = 404 if isinstance(error, NotVisible) else 403 if isinstance(error, Denied) else 400
    return render(
        request, "console/refusal.html", {"error": error, "status": status}, status=status
    )


def say(request: HttpRequest, sentence: str) -> None:
    """Tell the person on the next page that something was done."""
    messages.success(request, sentence)


def say_refused(request: HttpRequest, error: LoupeError) -> None:
    """Tell the person on the next page why something was not done, with a code to quote."""
    messages.error(request, f"{translated(error.message, error.code)} ({error.code})")
