"""Filling a dataset: files in, how far they are, what was wrong with them."""

import uuid
from typing import cast

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages.dataset import frame_of
from loupe.console.pages.datasets import found
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.console.pages.workspace import PARTS_FROM_BYTES
from loupe.console.said import translated
from loupe.contract.runtime.errors import LoupeError
from loupe.datasets import services
from loupe.datasets.importing.options import Options
from loupe.datasets.models import IMPORT_OPEN, Import, ImportProblem
from loupe.intake.upload import SpooledFile
from loupe.uploads import services as uploads

PAGE = 100


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_DATASETS, section="datasets")
def add(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """The drop zone. Scripts get JSON, plain forms a redirect."""
    dataset = found(request, dataset_id)
    if request.method == "POST":
        return _received(request, dataset_id)
    return render(
        request,
        "console/dataset_add.html",
        {**frame_of(dataset, "imports"), "parts_from": PARTS_FROM_BYTES},
    )


def _received(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    wants_json = "application/json" in request.headers.get("Accept", "")
    dataset = found(request, dataset_id)
    try:
        files = cast(list[SpooledFile], request.FILES.getlist("files"))
        waiting = _ids(request.POST.getlist("upload"))
        options = Options(
            layout=request.POST.get("layout", ""),
            group_by=_rule(request),
            unlabelled=request.POST.get("unlabelled", ""),
        )
        with uploads.using(request.actor, request.project, waiting) as held:
            sources = [*(file.source() for file in files), *held]
            made = services.import_files(request.actor, dataset, sources, options)
        for upload_id in waiting:
            uploads.delete(request.actor, uploads.find(request.actor, upload_id))
    except LoupeError as error:
        if wants_json:
            problem = {
                "message": translated(error.message, error.code),
                "code": error.code,
                "reasons": [],
            }
            return JsonResponse(problem, status=400)
        say_refused(request, error)
        return HttpResponseRedirect(
            reverse("console:dataset_add", args=[request.project.slug, dataset.pk])
        )
    address = reverse("console:dataset_import", args=[request.project.slug, dataset.pk, made.pk])
    return JsonResponse({"url": address}) if wants_json else HttpResponseRedirect(address)


def _rule(request: PageRequest) -> str:
    """The rule for groups, from a kind and its value."""
    kind = request.POST.get("group_kind", "")
    value = request.POST.get("group_value", "").strip()
    return kind if kind in {"", "folder"} else f"{kind}:{value}"


def _ids(texts: list[str]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in texts]
    except ValueError as error:
        raise NotVisible(_("There is no such upload.")) from error


@require_GET
@project_page(section="datasets")
def listing(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """All imports of a dataset, newest first."""
    dataset = found(request, dataset_id)
    rows = Import.objects.filter(dataset=dataset).select_related("created_by")
    return render(
        request,
        "console/dataset_imports.html",
        {**frame_of(dataset, "imports"), "imports": rows.order_by("-created_at")[:PAGE]},
    )


def _import(request: PageRequest, dataset_id: uuid.UUID, import_id: uuid.UUID) -> Import:
    dataset = found(request, dataset_id)
    row = Import.objects.filter(dataset=dataset, pk=import_id).first()
    if row is None:
        raise NotVisible(_("There is no import %(id)s that you can see.") % {"id": import_id})
    row.dataset = dataset
    return row


@require_GET
@project_page(section="datasets")
def page(request: PageRequest, dataset_id: uuid.UUID, import_id: uuid.UUID) -> HttpResponse:
    """One import: its progress, then what came of it and every problem."""
    row = _import(request, dataset_id, import_id)
    problems = ImportProblem.objects.filter(imported=row).order_by("-fatal", "pk")
    code = request.GET.get("code", "")
    if code:
        problems = problems.filter(code=code)
    after = request.GET.get("after", "")
    start = int(after) if after.isascii() and after.isdecimal() and len(after) < 9 else 0
    some = list(problems[start : start + PAGE + 1])
    return render(
        request,
        "console/dataset_import.html",
        {
            **frame_of(row.dataset, "imports"),
            "row": row,
            "open": row.state in IMPORT_OPEN,
            "problems": some[:PAGE],
            "next": start + PAGE if len(some) > PAGE else None,
            "code": code,
        },
    )


@require_GET
@project_page(section="datasets")
def live(request: PageRequest, dataset_id: uuid.UUID, import_id: uuid.UUID) -> HttpResponse:
    """The part that changes; the whole page once, when the import has ended."""
    row = _import(request, dataset_id, import_id)
    answer = render(
        request,
        "console/parts/import_live.html",
        {"dataset": row.dataset, "row": row, "open": row.state in IMPORT_OPEN},
    )
    if row.state not in IMPORT_OPEN:
        answer["HX-Refresh"] = "true"
    return answer


@require_POST
@project_page(Action.MANAGE_DATASETS)
def cancel(request: PageRequest, dataset_id: uuid.UUID, import_id: uuid.UUID) -> HttpResponse:
    """End it before its records appear."""
    row = _import(request, dataset_id, import_id)
    try:
        services.cancel_import(request.actor, row)
        say(request, _("Cancelled. Nothing of it is in the dataset."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(
        reverse("console:dataset_import", args=[request.project.slug, dataset_id, row.pk])
    )
