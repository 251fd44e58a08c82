"""Requests and answers of the engine's clients, apart from any socket: both clients share this."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httptools
import msgspec

from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine import tensors, together
from loupe.engine.errors import EngineFault, from_wire
from loupe.sandbox.slab import Slab

HEAD_LENGTH = "Inference-Header-Content-Length"
DEADLINE = "loupe_deadline_ms"
REQUEST_ID = "loupe_request_id"
LANE = "loupe_lane"
MODEL, MODEL_VERSION, MODEL_OPTIONS = "loupe_model", "loupe_model_version", "loupe_model_options"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request: a JSON document and the binary data behind it."""

    method: str
    path: str
    document: dict[str, Any] | None = None
    chunks: list[memoryview] = field(default_factory=list)

    def parts(self) -> list[bytes | memoryview]:
        """What goes onto the connection, in order."""
        body = b"" if self.document is None else msgspec.json.encode(self.document)
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: engine"]
        if self.document is not None:
            lines.append("Content-Type: application/json")
        if self.chunks:
            lines.append(f"{HEAD_LENGTH}: {len(body)}")
        lines.append(f"Content-Length: {len(body) + sum(map(len, self.chunks))}")
        head = "\r\n".join([*lines, "", ""]).encode()
        return [head + body, *self.chunks]


READY = Request(method="GET", path="/v2/health/ready")
STATISTICS = Request(method="GET", path="/v2/loupe/statistics")
INDEX = Request(method="POST", path="/v2/repository/index", document={})


class Response:
    """Collects one HTTP answer as it arrives."""

    def __init__(self) -> None:
        self.done = False
        self.keep = True
        self._parser = httptools.HttpResponseParser(self)
        self._head_length: int | None = None
        self._body = bytearray()

    def feed(self, data: bytes | memoryview) -> None:
        """Take in what was read.

        Raises:
            EngineFault: it is not HTTP.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise EngineFault(f"The engine's answer is not HTTP: {error}.") from error

    def on_header(self, name: bytes, value: bytes) -> None:
        """Parser callback."""
        if name.lower() == HEAD_LENGTH.lower().encode():
            self._head_length = int(value)

    def on_body(self, data: bytes) -> None:
        """Parser callback."""
        self._body += data

    def on_message_complete(self) -> None:
        """Parser callback."""
        self.done = True
        self.keep = self._parser.should_keep_alive()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self._parser.get_status_code())

    def answer(self) -> tuple[Any, memoryview]:
        """The JSON document and the binary data behind it.

        Raises:
            LoupeError: whatever error the engine reported.
            EngineFault: the answer is malformed.
        """
        body = memoryview(self._body)
        end = len(body) if self._head_length is None else self._head_length
        try:
            document = msgspec.json.decode(body[:end]) if end else None
        except msgspec.DecodeError as error:
            raise EngineFault("The engine's answer is not JSON.") from error
        if self.status >= 400:
            raise from_wire(self.status, document)
        return document, body[end:]

    def raw(self) -> bytes:
        """The body as it is.

        Raises:
            LoupeError: whatever error the engine reported.
        """
        if self.status >= 400:
            self.answer()
        return bytes(self._body)


@dataclass(frozen=True, kw_only=True)
class Inferred:
    """An answer of the engine.

    Attributes:
        payload: the answer itself; its arrays are read-only, or views into `slab`.
        times_ms: wall time by stage, ``queue`` first.
        artefact_sha256: the hash of the artefact that answered; empty for services and parsing.
        slab: where large arrays lie; leave the context to give it back.
    """

    payload: Payload
    times_ms: dict[str, float]
    artefact_sha256: str = ""
    slab: Slab | None = None

    def __enter__(self) -> "Inferred":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.slab is not None:
            self.slab.close()


def infer_path(model: str, version: int) -> str:
    """Where a version of a model takes requests."""
    return f"/v2/models/{quote(model, safe='')}/versions/{version}/infer"


def service_path(app: str, verb: str = "apply") -> str:
    """Where an app's live service takes requests, or questions (``ask``)."""
    return f"/v2/loupe/services/{quote(app, safe='')}/{verb}"


@dataclass(frozen=True)
class Model:
    """A model that answers behind a service, and what its runner is told."""

    name: str
    version: int
    options: Mapping[str, JsonValue] = field(default_factory=dict)


def of_service(request_id: str, model: Model | None) -> dict[str, JsonValue]:
    """The parameters of a request to a live service, with the model that comes after it."""
    said: dict[str, JsonValue] = {REQUEST_ID: request_id}
    if model is not None:
        said |= {MODEL: model.name, MODEL_VERSION: model.version}
        said[MODEL_OPTIONS] = json.dumps(dict(model.options))
    return said


def with_payload(
    path: str,
    payload: Payload,
    parameters: Mapping[str, JsonValue],
    place: tensors.Place = tensors.nowhere,
) -> Request:
    """An inference request: the payload's arrays as tensors, `parameters` beside them."""
    alone = place is not tensors.nowhere
    encoded = tensors.encode(payload.arrays, place) if alone else together.encode(payload.arrays)
    document = {
        "inputs": encoded.tensors,
        "parameters": {
            **_flat(parameters),
            tensors.META: tensors.encode_meta(payload.meta),
            "binary_data_output": True,
            together.ASKED: True,
        },
    }
    return Request(method="POST", path=path, document=document, chunks=encoded.chunks)


def with_document(path: str, document: dict[str, Any]) -> Request:
    """A request of Loupe's own: plain JSON."""
    return Request(method="POST", path=path, document=document)


def with_urgency(request: Request, deadline_ms: float | None, lane: Lane | None) -> Request:
    """The same request, to be answered within `deadline_ms`, in `lane`."""
    said: dict[str, JsonValue] = {} if deadline_ms is None else {DEADLINE: deadline_ms}
    if lane is not None:
        said[LANE] = str(lane)
    if not said or request.document is None:
        return request
    parameters = {**request.document.get("parameters", {}), **said}
    return replace(request, document={**request.document, "parameters": parameters})


def run(
    app: str,
    model: str,
    version: int,
    path: Path,
    options: Mapping[str, JsonValue] | None,
    parameters: Mapping[str, JsonValue] | None,
    name: str | None,
) -> Request:
    """Parse a file and infer."""
    document = {
        "app": app,
        "model": model,
        "version": version,
        **_file(path, options, name),
        "request": dict(parameters or {}),
    }
    return with_document("/v2/loupe/run", document)


def parse(
    app: str, path: Path, options: Mapping[str, JsonValue] | None, name: str | None
) -> Request:
    """Parse a file."""
    return with_document("/v2/loupe/parse", {"app": app, **_file(path, options, name)})


def render(
    run: str, path: Path, options: Mapping[str, JsonValue] | None, name: str | None
) -> Request:
    """Run a function that returns encoded bytes."""
    return with_document("/v2/loupe/render", {"run": run, **_file(path, options, name)})


def _file(
    path: Path, options: Mapping[str, JsonValue] | None, name: str | None
) -> dict[str, JsonValue]:
    named: dict[str, JsonValue] = {} if name is None else {"name": name}
    return {"path": str(path.absolute()), "options": dict(options or {}), **named}


def residency(model: str, verb: str, version: int | None) -> Request:
    """Load or unload a version of a model; None means every version."""
    parameters = {} if version is None else {"version": version}
    path = f"/v2/repository/models/{quote(model, safe='')}/{verb}"
    return with_document(path, {"parameters": parameters})


def read_inferred(
    document: Any, binary: memoryview, find: tensors.FindSlab, slab: Slab | None = None
) -> Inferred:
    """The answer in `document` and `binary`.

    Raises:
        EngineFault: it lacks what an answer has.
    """
    try:
        parameters = document["parameters"]
        return Inferred(
            payload=Payload(
                arrays=together.decode(document["outputs"], binary, find),
                meta=tensors.decode_meta(parameters),
            ),
            times_ms=json.loads(parameters["loupe_times_ms"]),
            artefact_sha256=parameters.get("loupe_artefact_sha256", ""),
            slab=slab,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EngineFault("The engine's answer lacks its outputs or parameters.") from error


def _flat(parameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The protocol's parameters are numbers, texts and truth values; the rest goes as JSON text."""
    return {
        key: value if isinstance(value, bool | int | float | str) else json.dumps(value)
        for key, value in parameters.items()
    }
