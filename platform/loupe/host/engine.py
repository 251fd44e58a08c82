"""The engine, for apps that look at a stored input once more."""

from collections.abc import Mapping

from django.conf import settings

from loupe.annotation.proposing import options_of
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine.client import EngineClient
from loupe.jobs.models import Result
from loupe.plugins import registry
from loupe.registry.models import ModelVersion

__all__ = ["look_again", "render"]


def look_again(
    result: Result,
    version: ModelVersion,
    parameters: Mapping[str, JsonValue],
    deadline_ms: float,
    lane: Lane = Lane.INTERACTIVE,
) -> Payload:
    """What `version` answers to the input of `result` under `parameters`.

    `result` comes with its item, input and blob, `version` with its model; `lane` says who waits,
    a person at a page unless told otherwise. The answer's arrays are the caller's own.

    Raises:
        InputRefused: the input is not kept, or cannot be read.
        ModelRefused: the version cannot do what is asked.
        TemporarilyUnavailable: the engine is away, late or too busy.
    """
    received = result.item.input
    if received is None or received.blob is None:
        raise InputRefused(f"The input of result {result.pk} is not kept.", code="input_gone")
    domain = registry.get(result.app)
    with blobs.open_local(received.blob) as path:
        inferred = EngineClient(settings.ENGINE_SOCKET, lane=lane).run(
            domain.slug,
            version.model.wire_name,
            version.number,
            path,
            options_of(domain, received.blob.media_type),
            parameters,
            deadline_ms,
            name=received.name,
        )
    with inferred:
        arrays = {name: array.copy() for name, array in inferred.payload.arrays.items()}
        return Payload(arrays=arrays, meta=inferred.payload.meta)


def render(
    run: str, blob: Blob, options: Mapping[str, JsonValue], deadline_ms: float = 10_000
) -> bytes:
    """What an app's function ``(path, options) -> bytes`` makes of a stored file, in the sandbox.

    Raises:
        InputRefused: the function refuses the file.
        TemporarilyUnavailable: the engine is away, late or too busy.
    """
    with blobs.open_local(blob) as path:
        client = EngineClient(settings.ENGINE_SOCKET, lane=Lane.INTERACTIVE)
        return client.render(run, path, options, deadline_ms)
