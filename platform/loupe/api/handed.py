"""Files of a request for an app that keeps them itself, at an address of the app's own."""

from django.http import QueryDict
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.api.facts import facts_said
from loupe.api.uploads import RawBody, discarding, named, sources, uploads_named
from loupe.contract.receiving import Received
from loupe.intake.models import Channel
from loupe.jobs import handing
from loupe.plugins import registry as apps
from loupe.uploads import services as resumable

FILE_PARSERS = (MultiPartParser, RawBody)
"""The parsers of an endpoint that takes files."""


def take_files(actor: Actor, project: Project, slug: str, request: Request) -> Received:
    """Hand the request's files, and what it says of them, to the app.

    Files come as a form, as the raw body, or by `upload` as resumable uploads, as they do for
    ``/submissions``.

    Raises:
        Denied, NotVisible: the actor may not submit here.
        RequestRefused, LoupeError: nothing came, a fact is refused, or the app refuses all of it.
    """
    waiting = uploads_named(request)
    with (
        resumable.using(actor, project, waiting) as held,
        discarding(sources(request, held)) as found,
    ):
        app = apps.get(slug)
        said = facts_said(app, request._request.GET)
        if isinstance(request.data, QueryDict):
            said = facts_said(app, request.data, said)
        received = handing.hand_over(
            actor, project, slug, Channel.REST, found, named(request, "name"),
            named(request, "model") or None, said,
        )  # fmt: skip
        resumable.handed_over(waiting)
    return received
