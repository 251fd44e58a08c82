"""Results in the formats their app declares.

A file is written as a whole before its first byte leaves, so that an error becomes an answer and
never half a file.
"""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.api.streaming import streamed_file
from loupe.blobs.spool import make_private
from loupe.contract.exports import Export
from loupe.delivery import exports
from loupe.engine.client import EngineClient
from loupe.jobs.results import Filters, StoredResult

RENDER_DEADLINE_MS = 20_000
_IN_MEMORY_BYTES = 2**20


def every(
    request: Request, actor: Actor, project: Project, app: str, key: str, filters: Filters
) -> StreamingHttpResponse:
    """All results that match `filters`, in the format `key`.

    Raises:
        Denied: the actor may not export.
        UnknownFormat: the app has no such format for lists.
    """
    export = exports.chosen(app, key)
    name = f"{app}-results.{export.extension}"
    return _written(
        request,
        export,
        name,
        lambda out: exports.write(actor, project, app, key, out, filters),
    )


def one(
    request: Request, actor: Actor, project: Project, result: StoredResult, key: str
) -> StreamingHttpResponse:
    """One result in the format `key`.

    Raises:
        Denied: the actor may not export.
        UnknownFormat: the app has no such format.
        TemporarilyUnavailable: a picture needs the engine, which is late or gone.
    """
    require(actor, Action.EXPORT, project)
    export = exports.chosen(result.app, key, one=True)
    name = f"{result.app}-{result.id}.{export.extension}"

    def write(out: BinaryIO) -> None:
        if export.write is not None:
            export.write(iter([result]), out)
        else:
            out.write(rendered(export, result))

    answer = _written(request, export, name, write)
    exports.note(actor, project, result.app, key, 1)
    return answer


def rendered(export: Export, result: StoredResult) -> bytes:
    """A picture of one result, drawn in the engine's sandbox."""
    if export.render is None or export.options is None:
        raise ValueError(f"Export {export.key!r} renders nothing.")
    engine = EngineClient(Path(settings.ENGINE_SOCKET))
    with result.open_input() as path:
        return engine.render(export.render, path, export.options(result), RENDER_DEADLINE_MS)


def _written(
    request: Request, export: Export, name: str, write: Callable[[BinaryIO], object]
) -> StreamingHttpResponse:
    """The file that `write` makes, in memory while it is small."""
    make_private(Path(settings.SCRATCH))
    file = tempfile.SpooledTemporaryFile(  # noqa: SIM115  (the answer closes it)
        max_size=_IN_MEMORY_BYTES, dir=str(settings.SCRATCH)
    )
    out = cast(BinaryIO, file)
    try:
        write(out)
        size = out.seek(0, io.SEEK_END)
        out.seek(0)
    except BaseException:
        file.close()
        raise
    return streamed_file(request, out, export.media_type, name, size)
