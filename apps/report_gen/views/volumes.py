"""Volumes, masks and slices for the viewer: bytes that browsers keep, for members alone."""

from pathlib import Path
from uuid import UUID

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.report_gen.schema import StudyResult
from apps.report_gen.services.reporting import reports, volumes
from apps.report_gen.viewing.key_slices import key_slice as draw
from apps.report_gen.viewing.slices import axial
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.host.pages import PageRequest, project_page, translated
from loupe.host.people import NotVisible


@require_GET
@project_page()
def volume(request: PageRequest, app: str, study_id: UUID, size: str) -> HttpResponseBase:
    """The volume as gzipped NIfTI, ``small`` or ``full``."""
    if size not in volumes.SIZES:
        raise NotVisible(_("A volume is small or full."))
    study = reports.find(request.actor, request.project, study_id)
    try:
        return _file(volumes.volume(study, size))
    except LoupeError as error:
        return _refused(error)


@require_GET
@project_page()
def masks(request: PageRequest, app: str, study_id: UUID) -> HttpResponseBase:
    """The masks as gzipped NIfTI."""
    study = reports.find(request.actor, request.project, study_id)
    try:
        return _file(volumes.masks(study))
    except LoupeError as error:
        return _refused(error)


@require_GET
@project_page()
def axial_slice(request: PageRequest, app: str, study_id: UUID, number: int) -> HttpResponseBase:
    """One axial slice as PNG, from the head downwards."""
    study = reports.find(request.actor, request.project, study_id)
    try:
        small = volumes.volume(study, "small")
        data = axial(small, number, request.GET.get("window", "lung"))
    except LoupeError as error:
        return _refused(error)
    return _dressed(HttpResponse(data, content_type="image/png"))


@require_GET
@project_page()
def key_slice(request: PageRequest, app: str, study_id: UUID, finding: str) -> HttpResponseBase:
    """The axial slice through a finding of the study's newest result as PNG, outlined."""
    study = reports.find(request.actor, request.project, study_id)
    try:
        if study.result is None:
            raise NotVisible(_("This study has no result yet."))
        result = StudyResult.model_validate(study.result.data)
        data = draw(volumes.volume(study, "small"), result, finding[:60])
    except LoupeError as error:
        return _refused(error)
    return _dressed(HttpResponse(data, content_type="image/png"))


def _file(path: Path) -> HttpResponseBase:
    return _dressed(FileResponse(path.open("rb"), content_type="application/octet-stream"))


def _dressed(answer: HttpResponseBase) -> HttpResponseBase:
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


def _refused(error: LoupeError) -> HttpResponse:
    status = (
        404 if isinstance(error, NotVisible) else 422 if isinstance(error, InputRefused) else 503
    )
    return HttpResponse(
        translated(error.message, error.code),
        status=status,
        content_type="text/plain; charset=utf-8",
    )
