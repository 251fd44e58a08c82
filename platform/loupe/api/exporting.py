"""Results in the formats their app declares."""

import io
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from loupe.api.problems import refuse_field
from loupe.api.streaming import streamed_file
from loupe.blobs.spool import make_private
from loupe.contract.app import DomainApp
from loupe.contract.exports import Export
from loupe.engine.client import EngineClient
from loupe.jobs.results import StoredResult

RENDER_DEADLINE_MS = 20_000
_IN_MEMORY_BYTES = 2**20


def _chosen(app: type[DomainApp], key: str, *, one: bool) -> Export:
    for export in app.exports:
        if export.key == key and (one or not export.single):
            return export
    known = ", ".join(export.key for export in app.exports if one or not export.single)
    raise refuse_field(
        "format",
        f"format={key!r} is no export of {app.name} "
        f"{'for one result' if one else 'for a list'}; there are: {known or 'none'}.",
        "unknown_format",
    )


def exported(
    request: Request,
    app: type[DomainApp],
    key: str,
    results: Iterable[StoredResult],
    one: StoredResult | None = None,
) -> StreamingHttpResponse:
    """`results` in the format `key`.

    The whole file is written before the first byte leaves, so that an error becomes an answer
    and never half a file. `one` is set where a single result was asked for.

    Raises:
        RequestRefused: the app has no such format.
        TemporarilyUnavailable: a picture needs the engine, which is late or gone.
    """
    export = _chosen(app, key, one=one is not None)
    name = f"{app.slug}-{one.id if one else 'results'}.{export.extension}"
    if export.render is not None and one is not None:
        drawn = rendered(export, one)
        return streamed_file(request, io.BytesIO(drawn), export.media_type, name, len(drawn))
    make_private(Path(settings.SCRATCH))
    file = tempfile.SpooledTemporaryFile(  # noqa: SIM115  (the answer closes it)
        max_size=_IN_MEMORY_BYTES, dir=settings.SCRATCH
    )
    try:
        out = cast(BinaryIO, file)
        if export.write is not None:
            export.write(results, out)
        size = out.tell()
        out.seek(0)
    except BaseException:
        file.close()
        raise
    return streamed_file(request, out, export.media_type, name, size)


def rendered(export: Export, result: StoredResult) -> bytes:
    """A picture of one result, drawn in the engine's sandbox."""
    if export.render is None or export.options is None:
        raise ValueError(f"Export {export.key!r} renders nothing.")
    engine = EngineClient(Path(settings.ENGINE_SOCKET))
    with result.open_input() as path:
        return engine.render(export.render, path, export.options(result), RENDER_DEADLINE_MS)
