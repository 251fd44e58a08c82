"""Tiles of large pictures, for viewers that zoom: of results and of a dataset's records."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import visible
from loupe.blobs.models import Blob
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page
from loupe.console.pages.pictures import AS_IT_IS, SHOWABLE
from loupe.console.said import translated
from loupe.console.tile_cache import pyramid
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.jobs.models import Result

PLACES = "LEVEL/COLUMN/ROW"
"""What a viewer replaces by numbers in the address of a tile."""


def kind(domain: type[DomainApp], blob: Blob) -> str:
    """How a viewer shows the picture: ``image``, itself or a drawing of it, or ``tiles``."""
    as_it_is = blob.media_type in SHOWABLE and blob.size <= AS_IT_IS["full"]
    return "image" if as_it_is or domain.pages.tiles is None else "tiles"


@require_GET
@project_page()
def of_result(request: PageRequest, app: str, result_id: int) -> HttpResponse:
    """Size and levels of a result's picture; cuts it when it is asked for first."""
    return described(request, app_or_missing(app), _blob(request, app, result_id))


@require_GET
@project_page()
def tile_of_result(
    request: PageRequest, app: str, result_id: int, level: int, column: int, row: int
) -> HttpResponse:
    """One tile of a result's picture."""
    return tile(app_or_missing(app), _blob(request, app, result_id), level, column, row)


def _blob(request: PageRequest, app: str, result_id: int) -> Blob:
    rows = Result.objects.filter(project=request.project, app=app, pk=result_id)
    row = visible(rows, request.actor).select_related("item__input__blob").first()
    if row is None or row.item.input is None or row.item.input.blob is None:
        raise NotVisible(_("This result has no picture that you can see."))
    return row.item.input.blob


def described(request: HttpRequest, domain: type[DomainApp], blob: Blob) -> HttpResponse:
    """What a viewer needs to know before it asks for tiles, which lie beside this address."""
    try:
        found = pyramid(domain, blob)
    except LoupeError as error:
        status = 422 if isinstance(error, InputRefused) else 503
        return HttpResponse(
            translated(error.message, error.code),
            status=status,
            content_type="text/plain; charset=utf-8",
        )
    beside = request.path.removesuffix("tiles.json")
    return JsonResponse(
        {
            "width": found.width,
            "height": found.height,
            "tile": found.tile,
            "levels": len(found.levels),
            "address": f"{beside}tiles/{PLACES}",
        }
    )


def tile(domain: type[DomainApp], blob: Blob, level: int, column: int, row: int) -> HttpResponse:
    """The bytes of one tile. A record's bytes never change, so browsers keep it."""
    try:
        found = pyramid(domain, blob)
        data = found.read(level, column, row)
    except LoupeError as error:
        return HttpResponse(
            translated(error.message, error.code),
            status=503,
            content_type="text/plain; charset=utf-8",
        )
    except FileNotFoundError:
        # Swept between opening and reading; the viewer asks again and it is cut anew.
        return HttpResponse(status=503)
    if data is None:
        raise NotVisible(_("The picture has no such tile."))
    answer = HttpResponse(data, content_type=found.media_type)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, max-age=86400, immutable"
    return answer
