"""One dataset: its records as a grid, filtered, arranged in bulk; near-duplicates side by side."""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.errors import NotVisible
from loupe.console.pages.datasets import found
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.console.pages.pictures import shown
from loupe.contract.runtime.errors import LoupeError
from loupe.datasets import duplicates, services
from loupe.datasets.browsing import NO_SPLIT, Filters, Summary, records, summary
from loupe.datasets.fingerprints import stand_in
from loupe.datasets.models import IMPORT_OPEN, Dataset, Import, Record, RecordState, Split

PAGE = 60
MOST_GROUPS = 50
MOST_LISTED = 200
MOST_IN_GROUP = 24


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A share of a bar: a class, a state."""

    name: str
    count: int
    share: float


@require_GET
@project_page(section="datasets")
def page(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """The grid; a constant number of queries, however many records there are."""
    dataset = found(request, dataset_id)
    text, filters = _asked(request.GET)
    rows = records(dataset, filters).select_related("blob").order_by("-pk")
    after = request.GET.get("after", "")
    if after.isascii() and after.isdecimal() and len(after) < 19:
        rows = rows.filter(pk__lt=int(after))
    some = list(rows[: PAGE + 1])
    counts = summary(dataset)
    return render(
        request,
        "console/dataset.html",
        {
            **frame_of(dataset, "records"),
            "records": some[:PAGE],
            "next": some[PAGE - 1].pk if len(some) > PAGE else None,
            "counts": counts,
            "classes": _bars(counts),
            "text": text,
            "link_query": urlencode(text),
            "states": RecordState.choices,
            "groups": list(
                Record.objects.filter(dataset=dataset)
                .exclude(group="")
                .order_by("group")
                .values_list("group", flat=True)
                .distinct()[:MOST_LISTED]
            )
            if counts.groups
            else [],
            "splits": [*Split.choices, (NO_SPLIT, _("Not dealt yet"))],
            "importing": Import.objects.filter(dataset=dataset, state__in=IMPORT_OPEN)
            .order_by("-created_at")
            .first(),
        },
    )


def _asked(query: QueryDict) -> tuple[dict[str, str], Filters]:
    """The filters of the address; words that mean nothing are ignored."""
    words = {key: str(value).strip()[:200] for key, value in query.items()}
    text: dict[str, str] = {}
    if words.get("state") in RecordState.values:
        text["state"] = words["state"]
    if words.get("split") in {*Split.values, NO_SPLIT}:
        text["split"] = words["split"]
    if words.get("empty") == "yes":
        text["empty"] = "yes"
    for key in ("label", "group", "q"):
        if words.get(key):
            text[key] = words[key]
    filters = Filters(
        state=text.get("state", ""),
        split=text.get("split", ""),
        group=text.get("group", ""),
        label=text.get("label", ""),
        empty="empty" in text,
        name_contains=text.get("q", ""),
    )
    return text, filters


def _bars(counts: Summary) -> list[Bar]:
    most = max(counts.classes.values(), default=1)
    return [
        Bar(name=name, count=number, share=100 * number / most)
        for name, number in counts.classes.items()
    ]


def frame_of(dataset: Dataset, tab: str) -> dict[str, Any]:
    """What every page of a dataset shows around its own."""
    domain = app_or_missing(dataset.app)
    return {
        "dataset": dataset,
        "domain": domain,
        "labelling": domain.labelling,
        "overlay": domain.labelling.overlay if domain.labelling else None,
        "tab": tab,
    }


@require_POST
@project_page(section="datasets")
def arrange(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """One verb for the selected records: a split, a group, left out or back in, removed."""
    dataset = found(request, dataset_id)
    there = reverse("console:dataset", args=[request.project.slug, dataset.pk])
    back = f"{there}?{request.POST.get('back', '')}"
    ids = [
        int(text)
        for text in request.POST.getlist("record")
        if text.isascii() and text.isdecimal() and len(text) < 19
    ]
    verb, _colon, value = request.POST.get("verb", "").partition(":")
    try:
        if not ids:
            raise LoupeError(_("No record was selected."), code="nothing_selected")
        changed = _arranged(request, dataset, ids, verb, value)
        said = ngettext("%(n)d record changed.", "%(n)d records changed.", changed)
        say(request, said % {"n": changed})
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(back)


def _arranged(request: PageRequest, dataset: Dataset, ids: list[int], verb: str, value: str) -> int:
    match verb:
        case "split":
            split = "" if value == NO_SPLIT else value
            return services.set_split(request.actor, dataset, ids, split)
        case "group":
            group = request.POST.get("group", "")
            return services.set_group(request.actor, dataset, ids, group)
        case "skip" | "back":
            rows = Record.objects.filter(dataset=dataset, pk__in=ids)
            for record in rows.select_related("dataset__project"):
                services.skip(request.actor, record, verb == "skip")
            return len(ids)
        case "remove":
            return services.remove_records(request.actor, dataset, ids, request.POST.get("why", ""))
        case "restore":
            return services.restore_records(request.actor, dataset, ids)
        case _unknown:
            raise NotVisible(_("Records cannot do that."))


@require_GET
@project_page()
def picture(request: PageRequest, dataset_id: uuid.UUID, record_id: int) -> HttpResponse:
    """A record's small picture."""
    dataset = found(request, dataset_id)
    rows = Record.objects.filter(dataset=dataset, pk=record_id) if record_id < 2**63 else None
    record = rows.select_related("blob").first() if rows is not None else None
    if record is None:
        raise NotVisible(_("There is no record %(id)s that you can see.") % {"id": record_id})
    return shown(request, app_or_missing(dataset.app), record.blob, "small")


@require_GET
@project_page(section="datasets")
def alike(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Records that look nearly the same, group by group, the largest first."""
    dataset = found(request, dataset_id)
    rows = list(
        Record.objects.filter(dataset=dataset)
        .exclude(state__in=(RecordState.SKIPPED, RecordState.REMOVED))
        .only("pk", "blob_id", "fingerprint")
    )
    clusters = duplicates.clusters(
        {row.pk: stand_in(row) if row.fingerprint is None else row.fingerprint for row in rows}
    )
    groups = clusters.groups()
    wanted = [key for group in groups[:MOST_GROUPS] for key in group[:MOST_IN_GROUP]]
    by_key = Record.objects.select_related("blob").in_bulk(wanted)
    return render(
        request,
        "console/dataset_alike.html",
        {
            **frame_of(dataset, "alike"),
            "groups": [
                {
                    "records": [by_key[key] for key in group[:MOST_IN_GROUP] if key in by_key],
                    "more": max(0, len(group) - MOST_IN_GROUP),
                    "ids": group,
                    "torn": _torn(group, by_key),
                }
                for group in groups[:MOST_GROUPS]
            ],
            "count": len(groups),
            "hidden": max(0, len(groups) - MOST_GROUPS),
            "alike": clusters.alike,
            "uniform": clusters.uniform,
            "waiting": sum(row.fingerprint is None for row in rows),
        },
    )


def _torn(group: list[int], by_key: dict[int, Record]) -> bool:
    """Whether people put near-duplicates on both sides of the split."""
    splits = {by_key[key].split for key in group if key in by_key}
    return len(splits - {""}) > 1
