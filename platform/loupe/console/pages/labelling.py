"""The annotation page: one record after the other, saved while people draw.

The page is drawn once; its script asks for records, saves labels and says who is there through the
small JSON endpoints below. What is drawn, and how, is the app's `Editor`.
"""

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, visible
from loupe.annotation import presence, proposing, queue
from loupe.console.pages import tiles
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say
from loupe.console.pages.pictures import shown
from loupe.console.pages.record_state import known_changes, name_of, state
from loupe.console.pages.refusing import in_json
from loupe.console.said import translated
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.datasets import services as datasets
from loupe.datasets.errors import LabelConflict
from loupe.datasets.models import Dataset, LabelSource, Record

LARGEST_BODY = 8 * 2**20
SOURCES = {LabelSource.DRAWN.value, LabelSource.ACCEPTED.value}


def _dataset(request: PageRequest, dataset_id: UUID) -> Dataset:
    rows = Dataset.objects.filter(project=request.project, pk=dataset_id)
    found = visible(rows, request.actor).select_related("project").first()
    if found is None:
        raise NotVisible(_("There is no dataset %(id)s that you can see.") % {"id": dataset_id})
    return found


def _record(request: PageRequest, dataset_id: UUID, record_id: int) -> Record:
    rows = Record.objects.filter(dataset__project=request.project, dataset=dataset_id, pk=record_id)
    found = (
        visible(rows, request.actor, "dataset__project")
        .select_related("dataset__project", "blob", "changed_by")
        .first()
    )
    if found is None:
        raise NotVisible(_("There is no record %(id)s that you can see.") % {"id": record_id})
    return found


def _domain(dataset: Dataset) -> type[DomainApp]:
    domain = app_or_missing(dataset.app)
    if domain.labelling is None or domain.labelling.editor is None:
        raise NotVisible(_("Records of this app are not labelled on a page."))
    return domain


@require_GET
@project_page(section="datasets")
def start(request: PageRequest, dataset_id: UUID) -> HttpResponse:
    """Go to the next record to label."""
    dataset = _dataset(request, dataset_id)
    found = queue.first(request.actor, dataset)
    if found is None:
        say(request, _("The dataset is empty: add pictures first."))
        return HttpResponseRedirect(
            reverse("console:dataset", args=[request.project.slug, dataset.pk])
        )
    return HttpResponseRedirect(
        reverse("console:label", args=[request.project.slug, dataset.pk, found])
    )


@require_GET
@project_page(section="datasets")
def page(request: PageRequest, dataset_id: UUID, record_id: int) -> HttpResponse:
    """The page around one record; the others come as JSON."""
    record = _record(request, dataset_id, record_id)
    dataset = record.dataset
    domain = _domain(dataset)
    labelling = domain.labelling
    editor = labelling.editor if labelling else None
    if editor is None:
        raise NotVisible(_("Records of this app are not labelled on a page."))
    editable = Action.LABEL.value in request.allowed
    versions = proposing.models(request.actor, record) if editable else []
    place = [request.project.slug, dataset.pk, record.pk]
    return render(
        request,
        "console/label.html",
        {
            "domain": domain,
            "dataset": dataset,
            "record": record,
            "editor": editor,
            "editable": editable,
            "versions": versions,
            "record_about": dataset.about,
            "annotate": {
                "record": state(request, domain, record),
                "about": dataset.about,
                "editable": editable,
                "module": static(editor.module),
                "here": reverse("console:label", args=place),
                "user": request.user.get_username(),
                "dataset": str(dataset.pk),
            },
            "page_keys": _keys(editable),
        },
    )


def _keys(editable: bool) -> list[tuple[str, str]]:
    drawing = [
        ("Enter", _("Done: on to the next picture to label")),
        ("1 … 0", _("Class of the chosen box, or of the next one")),
        ("p", _("Ask the model for proposals")),
        ("a x", _("Accept all proposals; dismiss them")),
        ("i", _("Add a box in the middle")),
        ("r", _("Repeat the boxes of the picture before")),
        ("← → ↑ ↓", _("Move the box by a pixel; with Shift ten; with Alt resize")),
        ("Delete", _("Delete the chosen boxes")),
        ("Ctrl C V D", _("Copy, paste, double")),
        ("Ctrl Z Y", _("Undo, redo")),
        ("s", _("Leave this picture out")),
    ]
    looking = [
        ("j k", _("Next and previous picture")),
        ("[ ]", _("Previous and next box")),
        ("Space h", _("Move the picture: hold Space, or switch the hand on")),
        ("f z", _("Fit the picture; zoom to the chosen box")),
        ("b", _("Show or hide the boxes")),
    ]
    return [*drawing, *looking] if editable else looking


@require_GET
@project_page()
@in_json
def record(request: PageRequest, dataset_id: UUID, record_id: int) -> HttpResponse:
    """A record as it is now."""
    found = _record(request, dataset_id, record_id)
    return JsonResponse(state(request, _domain(found.dataset), found))


def _said(request: PageRequest) -> dict[str, Any]:
    if int(request.headers.get("Content-Length") or 0) > LARGEST_BODY:
        raise LoupeError(_("The labels are larger than 8 MiB."), code="too_large")
    try:
        said = json.loads(request.body or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise LoupeError(_("The request is no JSON object."), code="bad_request")
    return said


@require_POST
@project_page(Action.LABEL)
@in_json
def save(request: PageRequest, dataset_id: UUID, record_id: int) -> HttpResponse:
    """Store labels, or answer 409 with what somebody else has stored meanwhile."""
    found = _record(request, dataset_id, record_id)
    domain = _domain(found.dataset)
    said = _said(request)
    revision, source = said.get("expected_revision"), said.get("source", LabelSource.DRAWN)
    if not isinstance(revision, int) or source not in SOURCES:
        raise LoupeError(
            _("A save names expected_revision, a whole number, and source, 'drawn' or 'accepted'."),
            code="bad_request",
        )
    try:
        datasets.save_labels(
            request.actor,
            found,
            said.get("labels"),
            expected_revision=revision,
            source=LabelSource(source),
        )
    except LabelConflict as error:
        theirs = state(request, domain, error.record)
        return JsonResponse(
            {
                "code": error.code,
                "message": translated(error.message, error.code),
                "theirs": theirs,
            },
            status=409,
        )
    return JsonResponse(state(request, domain, _record(request, dataset_id, record_id)))


@require_POST
@project_page(Action.LABEL)
@in_json
def skip(request: PageRequest, dataset_id: UUID, record_id: int) -> HttpResponse:
    """Leave a record out of what is trained on, or (`skipped` false) take it in again."""
    found = _record(request, dataset_id, record_id)
    datasets.skip(request.actor, found, bool(_said(request).get("skipped", True)))
    now = _record(request, dataset_id, record_id)
    return JsonResponse(state(request, _domain(found.dataset), now))


@require_POST
@project_page()
@in_json
def here(request: PageRequest, dataset_id: UUID, record_id: int) -> HttpResponse:
    """Say that the record is open here, or (`leaving`) no more; learn who else has it open."""
    found = _record(request, dataset_id, record_id)
    if _said(request).get("leaving"):
        presence.leave(request.actor, found)
        return JsonResponse({"others": []})
    others = presence.arrive(request.actor, found)
    return JsonResponse(
        {
            "others": [name_of(user) for user in others],
            "revision": found.revision,
            "changes": known_changes(found),
            "at": timezone.now().isoformat(),
        }
    )


@require_POST
@project_page(Action.LABEL)
@in_json
def propose(request: PageRequest, dataset_id: UUID, record_id: int) -> HttpResponse:
    """What a model would label here. Nothing is stored."""
    found = _record(request, dataset_id, record_id)
    _domain(found.dataset)
    said = _said(request)
    try:
        answer = proposing.propose(request.actor, found, str(said.get("model") or ""))
    except TemporarilyUnavailable as error:
        return JsonResponse(
            {"code": error.code, "message": translated(error.message, error.code)}, status=503
        )
    return JsonResponse(
        {
            "labels": answer.proposal.labels.model_dump(mode="json"),
            "scores": list(answer.proposal.scores),
            "model": answer.version.model.name,
            "version": answer.version.number,
        }
    )


@require_GET
@project_page()
def picture(request: PageRequest, dataset_id: UUID, record_id: int) -> HttpResponse:
    """The record's picture where a browser can show it whole."""
    found = _record(request, dataset_id, record_id)
    return shown(request, app_or_missing(found.dataset.app), found.blob, "full")


@require_GET
@project_page()
def tiles_of(request: PageRequest, dataset_id: UUID, record_id: int) -> HttpResponse:
    """Size and levels of a record's picture; cuts it when it is asked for first."""
    found = _record(request, dataset_id, record_id)
    return tiles.described(request, app_or_missing(found.dataset.app), found.blob)


@require_GET
@project_page()
def tile_of(
    request: PageRequest, dataset_id: UUID, record_id: int, level: int, column: int, row: int
) -> HttpResponse:
    """One tile of a record's picture."""
    found = _record(request, dataset_id, record_id)
    return tiles.tile(app_or_missing(found.dataset.app), found.blob, level, column, row)
