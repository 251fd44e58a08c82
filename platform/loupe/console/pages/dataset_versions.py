"""Versions of a dataset: listed with their splits, made, compared, downloaded."""

import uuid
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages.dataset import frame_of
from loupe.console.pages.datasets import found
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, project_page, say
from loupe.contract.runtime.errors import LoupeError
from loupe.datasets import services
from loupe.datasets.browsing import summary
from loupe.datasets.models import Dataset, DatasetVersion, Record, Split
from loupe.delivery.chunks import download

PAGE = 50
MOST_CHANGED = 200


class VersionForm(forms.Form):
    """How records without a split are dealt."""

    train = forms.IntegerField(
        label=gettext_lazy("Training, %"), min_value=1, max_value=100, initial=70
    )
    val = forms.IntegerField(
        label=gettext_lazy("Validation, %"), min_value=0, max_value=99, initial=20
    )
    test = forms.IntegerField(label=gettext_lazy("Test, %"), min_value=0, max_value=99, initial=10)
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"), min_value=0, max_value=2**31 - 1, initial=0
    )
    note = forms.CharField(label=gettext_lazy("Note"), max_length=300, required=False)

    def clean(self) -> dict[str, Any]:
        """The shares must add up."""
        data = super().clean() or {}
        total = sum(data.get(name) or 0 for name in Split.values)
        if not self.errors and total != 100:
            raise forms.ValidationError(
                _("The shares add up to %(total)d %%; they must add up to 100 %%.")
                % {"total": total}
            )
        return data


def _versions(dataset: Dataset) -> Any:
    rows = DatasetVersion.objects.filter(dataset=dataset)
    return rows.select_related("created_by", "manifest", "dataset__project").order_by("-number")


@require_GET
@project_page(section="datasets")
def listing(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Versions, newest first, each with what it holds."""
    dataset = found(request, dataset_id)
    rows = list(_versions(dataset)[:PAGE])
    return render(
        request,
        "console/dataset_versions.html",
        {
            **frame_of(dataset, "versions"),
            "versions": [(row, _splits(row), _warnings(row)) for row in rows],
            "numbers": [row.number for row in rows],
        },
    )


def _splits(row: DatasetVersion) -> list[dict[str, Any]]:
    """The pieces of the version's bar."""
    total = row.counts["records"] or 1
    start, pieces = 0.0, []
    for split in Split:
        counts = row.counts["splits"][split.value]
        width = 100 * counts["records"] / total
        pieces.append(
            {
                "key": split.value,
                "label": split.label,
                "start": start,
                "width": width,
                **counts,
            }
        )
        start += width
    return pieces


def _warnings(row: DatasetVersion) -> list[str]:
    """What should be known before training on it."""
    counts, said = row.counts, []
    for split, words in (
        ("val", _("No record is in validation: training cannot tell when to stop.")),
        ("test", _("No record is in test: an operating point cannot be certified on it.")),
    ):
        if not counts["splits"][split]["records"]:
            said.append(words)
    if counts["uniform"]:
        said.append(
            _(
                "%(n)d records look so much alike that copies cannot be told from different parts. "
                "Say which lot or part each belongs to."
            )
            % {"n": counts["uniform"]}
        )
    if counts["not_compared"]:
        said.append(
            _("%(n)d records had not been compared for near-duplicates yet.")
            % {"n": counts["not_compared"]}
        )
    missing = [name for name, each in counts["classes"].items() if not each["train"]]
    if missing:
        said.append(
            _("Only outside training: %(classes)s. A model cannot learn these.")
            % {"classes": ", ".join(missing)}
        )
    return said


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_DATASETS, section="datasets")
def make(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Freeze the dataset as it is."""
    dataset = found(request, dataset_id)
    given = request.POST if request.method == "POST" else None
    form = VersionForm(given, initial=_as_before(dataset))
    if given is not None and form.is_valid():
        data = form.cleaned_data
        try:
            made = services.make_version(
                request.actor,
                dataset,
                seed=data["seed"],
                shares={name: data[name] / 100 for name in Split.values},
                note=data["note"],
            )
            say(request, _("Version %(n)d is made; it never changes.") % {"n": made.number})
            return HttpResponseRedirect(
                reverse("console:dataset_versions", args=[request.project.slug, dataset.pk])
            )
        except LoupeError as error:
            blame(form, error)
    return render(
        request,
        "console/dataset_version_new.html",
        {**frame_of(dataset, "versions"), "form": form, "counts": summary(dataset)},
    )


def _as_before(dataset: Dataset) -> dict[str, int]:
    """The shares and the seed of the newest version: with them its records keep their splits."""
    newest = DatasetVersion.objects.filter(dataset=dataset).order_by("-number").first()
    shares = newest.counts.get("shares") if newest else None
    if newest is None or not shares:
        return {}
    percents = {name: round(100 * shares.get(name, 0)) for name in Split.values}
    return {**percents, "seed": newest.counts.get("seed", 0)}


def _version(dataset: Dataset, number: str) -> DatasetVersion:
    wanted = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0
    row: DatasetVersion | None = _versions(dataset).filter(number=wanted).first()
    if row is None:
        raise NotVisible(_("This dataset has no version %(n)s.") % {"n": number[:20]})
    return row


@require_GET
@project_page(section="datasets")
def diff(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Two versions compared: what came, went, was relabelled or moved."""
    dataset = found(request, dataset_id)
    older = _version(dataset, request.GET.get("from", ""))
    newer = _version(dataset, request.GET.get("to", ""))
    if older.number > newer.number:
        older, newer = newer, older
    difference = services.diff(older, newer)
    entries = difference.entries()[:MOST_CHANGED]
    ids = dict(
        Record.objects.filter(
            dataset=dataset, name__in=[each.name for each in entries]
        ).values_list("name", "pk")
    )
    return render(
        request,
        "console/dataset_diff.html",
        {
            **frame_of(dataset, "versions"),
            "diff": difference,
            "entries": [(each, ids.get(each.name)) for each in entries],
            "hidden": max(0, len(difference.entries()) - MOST_CHANGED),
        },
    )


@require_GET
@project_page(Action.EXPORT)
def export(
    request: PageRequest, dataset_id: uuid.UUID, number: int, layout: str
) -> HttpResponseBase:
    """A version as a zip in one of the app's layouts."""
    dataset = found(request, dataset_id)
    made = services.export(request.actor, _version(dataset, str(number)), layout)
    return download(request, made.chunks, "application/zip", made.filename)
