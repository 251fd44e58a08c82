"""Pictures of inputs: as they came where a browser can show them, else drawn by the engine.

The web process never decodes: it either passes the stored bytes on with the type that was sniffed
from them, or asks the engine for a preview and keeps that beside the blobs.
"""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, visible
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page
from loupe.console.said import translated
from loupe.contract.app import DomainApp
from loupe.contract.exports import Export
from loupe.contract.results import ResultView
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import JsonValue
from loupe.delivery import exports
from loupe.engine.client import EngineClient
from loupe.jobs import results
from loupe.jobs.models import Result

SHOWABLE = frozenset({"image/jpeg", "image/png", "image/webp", "image/bmp"})
AS_IT_IS = {"small": 300_000, "full": 2_000_000}  # bytes up to which no preview is drawn
SIDE = {"small": 320, "full": 4096}  # pixels of a preview's longer side
DEADLINE_MS = 20_000


@require_GET
@project_page()
def picture(request: PageRequest, app: str, result_id: int, size: str) -> HttpResponse:
    """The input of a result as a picture, `small` for lists or `full` for the viewer."""
    domain = app_or_missing(app)
    rows = Result.objects.filter(project=request.project, app=app, pk=result_id)
    row = visible(rows, request.actor).select_related("item__input__blob").first()
    if row is None or row.item.input is None or row.item.input.blob is None:
        raise NotVisible(_("This result has no picture that you can see."))
    return shown(request, domain, row.item.input.blob, size)


def shown(request: HttpRequest, domain: type[DomainApp], blob: Blob, size: str) -> HttpResponse:
    """The bytes of a picture, as they came or drawn, with the headers untrusted bytes need."""
    if request.headers.get("If-None-Match") == f'"{blob.sha256}-{size}"':
        return HttpResponse(status=304)
    try:
        answer = _answer(domain, blob, size)
    except LoupeError as error:
        return HttpResponse(
            translated(error.message, error.code),
            status=503,
            content_type="text/plain; charset=utf-8",
        )
    # Untrusted bytes: shown as the sniffed type or not at all, and never run.
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, max-age=3600"
    answer["ETag"] = f'"{blob.sha256}-{size}"'
    return answer


def _answer(domain: type[DomainApp], blob: Blob, size: str) -> HttpResponse:
    if blob.media_type in SHOWABLE and blob.size <= AS_IT_IS[size]:
        with blobs.open_local(blob) as path:
            return HttpResponse(path.read_bytes(), content_type=blob.media_type)
    drawn = preview(domain, blob, SIDE[size])
    return HttpResponse(drawn.read_bytes(), content_type="image/png")


def preview(domain: type[DomainApp], blob: Blob, side: int) -> Path:
    """A PNG of at most `side` pixels, drawn once by the engine's sandbox.

    Raises:
        LoupeError: the app draws no previews, the input is refused, or the engine is away.
    """
    draw = domain.pages.preview
    if draw is None:
        raise NotVisible(_("Files of this kind have no preview."))
    name = hashlib.sha256(f"{draw} {side} {blob.sha256}".encode()).hexdigest()
    kept = Path(settings.VAR) / "previews" / name[:2] / f"{name}.png"
    if kept.exists():
        return kept
    options: dict[str, JsonValue] = {"max_side": side}
    for kind in domain.inputs:
        if blob.media_type in kind.media_types:
            options.update(kind.options)
    with blobs.open_local(blob) as path:
        data = EngineClient(settings.ENGINE_SOCKET).render(draw, path, options, DEADLINE_MS)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{hashlib.sha256(data).hexdigest()[:8]}")
    partial.write_bytes(data)
    partial.rename(kept)
    return kept


@require_GET
@project_page(Action.EXPORT)
def drawing(request: PageRequest, app: str, result_id: int, key: str) -> HttpResponse:
    """One result in one of the app's single formats, for instance an annotated picture."""
    domain = app_or_missing(app)
    chosen = next((e for e in domain.exports if e.key == key and e.single), None)
    stored = results.view(request.actor, app, result_id)
    if chosen is None or stored.project_id != request.project.pk:
        raise NotVisible(_("There is no such export of a single result."))
    data = _drawn(chosen, stored)
    exports.note(request.actor, request.project, app, key, 1, None)
    answer = HttpResponse(data, content_type=chosen.media_type)
    answer["Content-Disposition"] = f'attachment; filename="{app}-{result_id}.{chosen.extension}"'
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _drawn(export: Export, stored: results.StoredResult) -> bytes:
    """One result's file: drawn in the sandbox where untrusted bytes are read, else written here."""
    shown = cast(ResultView, stored)
    if export.render is not None and export.options is not None:
        with stored.open_input() as path:
            engine = EngineClient(settings.ENGINE_SOCKET)
            return engine.render(export.render, path, export.options(shown), DEADLINE_MS)
    target = BytesIO()
    if export.write is not None:
        export.write([shown], target)
    return target.getvalue()
