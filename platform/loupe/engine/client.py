"""How the rest of Loupe talks to the engine: one class, safe to share between threads.

Needs numpy and a socket, nothing heavier. Each thread has a connection of its own; a connection
that turns out dead is opened anew once, since every call may be repeated (an `apply` is known by
its request id) and the engine may have been restarted in between.
"""

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine import exchange
from loupe.engine.connection import BlockingConnection
from loupe.engine.errors import DeadlineExceeded, EngineUnavailable, NotFound
from loupe.engine.exchange import Inferred, Request, Response
from loupe.sandbox.slab import Slab, layout, room_for

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Linux's shared memory, not a scratch folder
INLINE_BYTES = 64 * 1024
"""Payloads up to this size go over the socket; larger ones through a slab."""
_KEPT_BYTES = 32 * 2**20
_GRACE_S = 0.25


class EngineClient:
    """A client of the engine at `socket`.

    Every call raises `EngineUnavailable` when no engine answers, `QueueFull` and
    `DeadlineExceeded` when it is too busy, and what the app's code raised: `InputRefused`,
    `ModelRefused`. `deadline_ms` None waits as long as the engine works. `lane` says who waits for
    the answers; None leaves it to the engine, which takes it for a person.
    """

    def __init__(
        self, socket: Path, *, connect_timeout_s: float = 2.0, lane: Lane | None = None
    ) -> None:
        self.socket = Path(socket)
        self.lane = lane
        self._connect_timeout_s = connect_timeout_s
        self._local = threading.local()

    def ready(self) -> bool:
        """Whether the engine answers and has warmed up."""
        try:
            self._document(exchange.READY, deadline_ms=2000)
        except TemporarilyUnavailable:
            return False
        return True

    def lease(self, nbytes: int) -> Slab:
        """A slab of at least `nbytes` bytes; leave its context to give it back.

        It belongs to the calling thread's connection and ends with it.

        Raises:
            TemporarilyUnavailable: the engine has no shared memory left (``slab_memory``).
        """
        connection = self._connection()
        for index, slab in enumerate(connection.kept):
            if nbytes <= slab.nbytes:
                del connection.kept[index]
                slab.open = True
                return slab
        document = self._document(exchange.with_document("/v2/loupe/slabs", {"byte_size": nbytes}))
        return self._open(str(document["name"]), int(document["byte_size"]))

    def infer(
        self,
        model: str,
        version: int,
        payload: Payload,
        parameters: Mapping[str, JsonValue] | None = None,
        deadline_ms: float | None = None,
    ) -> Inferred:
        """Run a model on a payload. Arrays that lie in a leased slab are not copied."""
        path = exchange.infer_path(model, version)
        return self._send_payload(path, payload, dict(parameters or {}), deadline_ms)

    def apply(
        self,
        app: str,
        request_id: str,
        payload: Payload,
        deadline_ms: float | None = None,
        *,
        model: exchange.Model | None = None,
    ) -> Inferred:
        """One request to the live service of `app`; the same id again gets the same answer.

        With `model` that model answers the service's answer, and both are merged, the model's over
        the service's.
        """
        parameters = exchange.of_service(request_id, model)
        return self._send_payload(exchange.service_path(app), payload, parameters, deadline_ms)

    def ask(self, app: str, payload: Payload, deadline_ms: float | None = None) -> Inferred:
        """One question to the live service of `app`; it changes nothing."""
        return self._send_payload(exchange.service_path(app, "ask"), payload, {}, deadline_ms)

    def run(
        self,
        app: str,
        model: str,
        version: int,
        path: Path,
        options: Mapping[str, JsonValue] | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        deadline_ms: float | None = None,
        *,
        name: str | None = None,
    ) -> Inferred:
        """Parse the file in the engine's sandbox, then infer: the whole of a synchronous call.

        `name` is what people call the file, for refusals; its path's last part by default.
        """
        request = exchange.run(app, model, version, path, options, parameters, name)
        return self._inferred(request, deadline_ms)

    def parse(
        self,
        app: str,
        path: Path,
        options: Mapping[str, JsonValue] | None = None,
        deadline_ms: float | None = None,
        *,
        name: str | None = None,
    ) -> Inferred:
        """The sandbox step of `app` alone. The arrays lie in a slab: leave the context."""
        return self._inferred(exchange.parse(app, path, options, name), deadline_ms)

    def render(
        self,
        run: str,
        path: Path,
        options: Mapping[str, JsonValue] | None = None,
        deadline_ms: float | None = None,
        *,
        name: str | None = None,
    ) -> bytes:
        """Encoded bytes from an app's function ``(path, options) -> bytes``, run in a sandbox."""
        request = exchange.with_urgency(
            exchange.render(run, path, options, name), deadline_ms, self.lane
        )
        return self._exchange(request, deadline_ms).raw()

    def load(self, model: str, version: int) -> None:
        """Make a version resident now."""
        self._document(exchange.residency(model, "load", version))

    def unload(self, model: str, version: int | None = None) -> None:
        """Let go of a version, or of every version of the model."""
        self._document(exchange.residency(model, "unload", version))

    def index(self) -> list[dict[str, Any]]:
        """Every artefact in the repository with its state: name, version, state, reason."""
        answer = self._document(exchange.INDEX)
        return list(answer)

    def statistics(self) -> dict[str, Any]:
        """Queue, residents, counts and latencies of this moment."""
        return dict(self._document(exchange.STATISTICS))

    def close(self) -> None:
        """Close the calling thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _send_payload(
        self,
        path: str,
        payload: Payload,
        parameters: dict[str, JsonValue],
        deadline_ms: float | None,
    ) -> Inferred:
        try:
            return self._through_slab(path, payload, parameters, deadline_ms)
        except NotFound as error:
            if error.code != "slab_unknown":
                raise
        # The engine was restarted since the slab was leased: its memory is still ours, so copy.
        self._connection().slabs.clear()
        return self._through_slab(path, payload, parameters, deadline_ms)

    def _through_slab(
        self,
        path: str,
        payload: Payload,
        parameters: dict[str, JsonValue],
        deadline_ms: float | None,
    ) -> Inferred:
        known = [slab for slab in self._connection().slabs.values() if slab.fd >= 0]

        def place(array: np.ndarray) -> tuple[str, int] | None:
            for slab in known:
                offset = slab.offset_of(array) if array.nbytes else None
                if offset is not None:
                    return slab.name, offset
            return None

        outside = {n: a for n, a in payload.arrays.items() if a.nbytes and place(a) is None}
        sizes = [array.nbytes for array in outside.values()]
        if sum(sizes) <= INLINE_BYTES:
            return self._inferred(
                exchange.with_payload(path, payload, parameters, place), deadline_ms
            )
        with self.lease(room_for(sizes)) as slab:
            known.append(slab)
            moved = dict(payload.arrays)
            for (name, array), offset in zip(outside.items(), layout(sizes), strict=True):
                moved[name] = slab.array(array.dtype, array.shape, offset)
                np.copyto(moved[name], array)
            copied = Payload(arrays=moved, meta=payload.meta)
            return self._inferred(
                exchange.with_payload(path, copied, parameters, place), deadline_ms
            )

    def _inferred(self, request: Request, deadline_ms: float | None) -> Inferred:
        urgent = exchange.with_urgency(request, deadline_ms, self.lane)
        response = self._exchange(urgent, deadline_ms)
        document, binary = response.answer()
        leased = document.get("parameters", {}).get("loupe_slab") if document else None
        if leased is None:
            return exchange.read_inferred(document, binary, self._find)
        slab = self._open(str(leased), int(document["parameters"]["loupe_slab_byte_size"]))
        return exchange.read_inferred(document, binary, self._find, slab)

    def _document(self, request: Request, deadline_ms: float | None = None) -> Any:
        return self._exchange(request, deadline_ms).answer()[0]

    def _exchange(self, request: Request, deadline_ms: float | None) -> Response:
        deadline = None if deadline_ms is None else time.monotonic() + deadline_ms / 1e3 + _GRACE_S
        for last in (False, True):
            connection = self._connection()
            try:
                return connection.exchange(request, deadline)
            except TimeoutError as error:
                self.close()
                raise DeadlineExceeded(
                    f"The engine did not answer within {deadline_ms:g} ms; try again later."
                ) from error
            except OSError as error:
                self.close()
                if last:
                    raise EngineUnavailable(
                        f"The engine at {self.socket} went away during the call; try again."
                    ) from error
        raise AssertionError("unreachable")

    def _connection(self) -> BlockingConnection:
        found: BlockingConnection | None = getattr(self._local, "connection", None)
        # A connection that came through a fork belongs to the parent.
        if found is None or not found.usable or found.owner != os.getpid():
            found = BlockingConnection(self.socket, self._connect_timeout_s)
            self._local.connection = found
        return found

    def _open(self, name: str, nbytes: int) -> Slab:
        connection = self._connection()
        fd = os.open(SHARED_MEMORY / Path(name).name, os.O_RDWR | os.O_CLOEXEC)
        slab = Slab(name, fd, nbytes, on_close=lambda slab: self._give_back(connection, slab))
        connection.slabs[name] = slab
        return slab

    def _find(self, name: str) -> Slab:
        slab = self._connection().slabs.get(name)
        if slab is None:
            raise NotFound(f"There is no slab {name!r} on this connection.", code="slab_unknown")
        return slab

    def _give_back(self, connection: BlockingConnection, slab: Slab) -> None:
        if slab.name not in connection.slabs:
            slab.unmap()
            return
        if not connection.kept and slab.nbytes <= _KEPT_BYTES:
            connection.kept.append(slab)
            return
        del connection.slabs[slab.name]
        slab.unmap()
        # A connection that died meanwhile gave the slab back by dying.
        with contextlib.suppress(EngineUnavailable, NotFound):
            self._document(Request(method="DELETE", path=f"/v2/loupe/slabs/{slab.name}"))
