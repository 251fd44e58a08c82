"""One record as the annotation page's script gets it."""

from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from loupe.annotation import queue
from loupe.annotation.presence import others
from loupe.blobs.models import Blob
from loupe.console.pages import tiles
from loupe.console.pages.frame import PageRequest
from loupe.contract.app import DomainApp
from loupe.datasets.models import LabelChange, Record

CHANGES = 5


def name_of(user: User | None) -> str:
    """What people call a person."""
    return "" if user is None else user.get_full_name() or user.get_username()


def state(request: PageRequest, domain: type[DomainApp], record: Record) -> dict[str, Any]:
    """Labels, neighbours, progress, who else is there; a constant number of queries."""
    place = queue.place(request.actor, record)
    ahead = None
    if place.next_todo is not None:
        coming = Record.objects.select_related("blob").get(pk=place.next_todo)
        ahead = {"id": coming.pk, "picture": _picture(request, domain, coming, coming.blob)}
    return {
        "id": record.pk,
        "name": record.name,
        "group": record.group,
        "state": record.state,
        "revision": record.revision,
        "labels": record.labels,
        "picture": _picture(request, domain, record, record.blob),
        "position": place.position,
        "total": place.total,
        "counts": place.counts,
        "previous": place.previous,
        "next": place.next,
        "ahead": ahead,
        "others": [name_of(user) for user in others(request.actor, record)],
        "changes": known_changes(record),
    }


def known_changes(record: Record) -> list[dict[str, Any]]:
    """The latest changes of the labels, newest first: who, when, how."""
    rows = LabelChange.objects.filter(record=record).select_related("user").order_by("-revision")
    return [
        {
            "revision": row.revision,
            "who": name_of(row.user),
            "at": date_format(localtime(row.at), "Y-m-d H:i"),
            "how": str(row.get_source_display()),
        }
        for row in rows[:CHANGES]
    ]


def _picture(
    request: PageRequest, domain: type[DomainApp], record: Record, blob: Blob
) -> dict[str, str]:
    kind = tiles.kind(domain, blob)
    name = "console:label_tiles" if kind == "tiles" else "console:label_picture"
    place = [request.project.slug, record.dataset_id, record.pk]
    return {"kind": kind, "url": reverse(name, args=place)}
