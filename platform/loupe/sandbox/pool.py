"""A pool of persistent sandboxed children: everything that reads untrusted bytes runs here."""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from loupe.contract.runtime.errors import (
    InputRefused,
    LoupeError,
    ModelRefused,
    TemporarilyUnavailable,
)
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.sandbox import wire
from loupe.sandbox.process import Process
from loupe.sandbox.slab import OutsideSlab, Slab, is_text

_REFUSALS: dict[str, type[LoupeError]] = {
    "InputRefused": InputRefused,
    "ModelRefused": ModelRefused,
    "TemporarilyUnavailable": TemporarilyUnavailable,
}
_MOST_OFFERED = 16 * 2**20


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What a parsing function made of a file.

    `payload.arrays` are views into `slab`, valid while it is open; `slab` is None when there are
    no arrays. `elapsed_ms` is wall time in the child and on the way.
    """

    payload: Payload
    slab: Slab | None
    elapsed_ms: float


class SandboxPool:
    """Up to `size` children, started when first needed and kept warm. Thread-safe.

    Args:
        size: children that may run at once; further callers wait.
        memory_bytes: memory a child may take for one input, beyond its libraries.
        timeout_s: wall-clock limit of one call, in seconds.
        restart_after: calls after which a child is replaced, so that leaks stay small.
    """

    def __init__(
        self,
        size: int = 1,
        memory_bytes: int = 2 * 2**30,
        timeout_s: float = 60.0,
        restart_after: int = 2000,
    ) -> None:
        self.memory_bytes = memory_bytes
        self.timeout_s = timeout_s
        self.restart_after = restart_after
        self._idle: queue.LifoQueue[Process | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._size = size
        self._lock = threading.Lock()
        self._closed = False
        self._usual_bytes = 0

    def warm(self, runs: Sequence[str]) -> None:
        """Start every child and import `runs` in each, so that the first input is not slow.

        Raises:
            TemporarilyUnavailable: a child cannot start or import one of them.
        """
        taken = [self._idle.get() for _ in range(self._size)]
        try:
            for index, child in enumerate(taken):
                taken[index] = child = self._living(child)
                for run in runs:
                    child.warm(run)
        finally:
            for child in taken:
                self._idle.put(child)

    def parse(
        self,
        run: str,
        path: Path,
        options: Mapping[str, JsonValue],
        into: Slab | None = None,
        *,
        lease: Callable[[int], Slab] = Slab.private,
        timeout_s: float | None = None,
        name: str | None = None,
        memory_bytes: int = 0,
        seconds: float = 0.0,
    ) -> Parsed:
        """Run the `Parse` function `run` on the file at `path`.

        The arrays are written into `into` where they fit, else into a slab asked of `lease`
        (private memory by default); then `into` is untouched and still the caller's.

        Args:
            name: what people call the file; the path's last part by default.
            memory_bytes, seconds: more than the pool's own limits, where the function's step
                declares that it needs more.

        Raises:
            InputRefused: the function refused the file, or the file took too much memory
                (``decode_memory``), too long (``decode_timeout``) or crashed the child
                (``decode_crashed``).
            TemporarilyUnavailable: no child could be started.
        """
        start = time.perf_counter()
        named = name or path.name
        arguments = [_path(path), dict(options)]
        # A slab as large as the last one is offered at once, which saves asking for it.
        offered = lease(self._usual_bytes) if into is None and self._usual_bytes else None
        slab = None
        try:
            answer, slab = self._call(
                run, arguments, into or offered, lease, timeout_s, named, memory_bytes, seconds
            )
        finally:
            if offered is not None and slab is not offered:
                offered.close()
        if "tensors" not in answer:
            raise TypeError(f"{run} returned no Payload.")
        if slab is not None and slab.nbytes <= _MOST_OFFERED:
            self._usual_bytes = slab.nbytes
        payload = self._payload(answer, slab, named)
        if offered is not None and not payload.arrays:
            offered.close()
        elapsed = (time.perf_counter() - start) * 1e3
        return Parsed(payload=payload, slab=slab if payload.arrays else None, elapsed_ms=elapsed)

    def render(
        self,
        run: str,
        path: Path,
        options: Mapping[str, JsonValue],
        *,
        timeout_s: float | None = None,
        name: str | None = None,
    ) -> bytes:
        """Run a function ``(path, options) -> bytes``: a preview, an annotated picture.

        Raises:
            InputRefused, TemporarilyUnavailable: as `parse` does.
        """
        named = name or path.name
        arguments = [_path(path), dict(options)]
        answer, slab = self._call(run, arguments, None, Slab.private, timeout_s, named)
        if "bytes" not in answer:
            raise TypeError(f"{run} returned no bytes.")
        if slab is None:
            return b""
        with slab:
            return slab.array("uint8", (int(answer["bytes"]),)).tobytes()

    def call(
        self,
        run: str,
        arguments: Sequence[JsonValue | Path],
        *,
        timeout_s: float | None = None,
        name: str = "the file",
    ) -> Any:
        """Run any function by name; arguments and the answer are JSON, paths apart.

        Raises:
            ModelRefused, InputRefused, TemporarilyUnavailable: as the function or `parse` does.
        """
        given = [_path(value) if isinstance(value, Path) else value for value in arguments]
        answer, _ = self._call(run, given, None, Slab.private, timeout_s, name)
        return answer.get("value")

    def close(self) -> None:
        """End all children that are idle; those at work end with their call."""
        with self._lock:
            self._closed = True
        while True:
            try:
                child = self._idle.get_nowait()
            except queue.Empty:
                return
            if child is not None:
                child.kill()

    def __enter__(self) -> "SandboxPool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self,
        run: str,
        arguments: Sequence[Any],
        into: Slab | None,
        lease: Callable[[int], Slab],
        timeout_s: float | None,
        named: str,
        memory_bytes: int = 0,
        seconds: float = 0.0,
    ) -> tuple[dict[str, Any], Slab | None]:
        most = max(self.timeout_s, seconds)
        limit = most if timeout_s is None else min(timeout_s, most)
        memory = max(self.memory_bytes, memory_bytes)
        child = self._idle.get()
        try:
            child = self._living(child, memory)
            child.warm(run)
            deadline = time.monotonic() + limit
            answer, slab = child.call(run, arguments, into, lease, deadline)
        except wire.Late as error:
            raise InputRefused(
                f"{named} took more than {limit:g} s to decode and was stopped; it may be damaged "
                "or made to keep a decoder busy.",
                code="decode_timeout",
            ) from error
        except wire.Gone as error:
            raise InputRefused(
                f"{named} crashed its decoder and was set aside; the file is damaged or hostile.",
                code="decode_crashed",
            ) from error
        finally:
            self._give_back(child)
        if "failed" in answer:
            if slab is not None and slab is not into:
                slab.close()
            if answer["failed"] == "memory" and child is not None:
                child.kill()
            raise self._refusal(answer, named, memory)
        return answer, slab

    def _living(self, child: Process | None, memory_bytes: int = 0) -> Process:
        """A child with exactly this limit: a larger one is given to nobody who may have less."""
        wanted = memory_bytes or self.memory_bytes
        fits = child is not None and child.memory_bytes == wanted
        if child is not None and fits and child.alive and child.calls < self.restart_after:
            return child
        if child is not None:
            child.kill()
        return Process(wanted)

    def _give_back(self, child: Process | None) -> None:
        with self._lock:
            closed = self._closed
        if closed and child is not None:
            child.kill()
            child = None
        self._idle.put(child)

    def _refusal(self, answer: dict[str, Any], named: str, memory_bytes: int) -> LoupeError:
        reason = answer["failed"]
        if reason == "memory":
            return InputRefused(
                f"{named} needs more than {memory_bytes // 2**20} MiB of memory to decode; "
                "send it in smaller pieces or raise LOUPE_SANDBOX_MEMORY_BYTES.",
                code="decode_memory",
            )
        if reason == "refused":
            kind = _REFUSALS.get(str(answer.get("kind")), InputRefused)
            return kind(str(answer.get("message")), code=str(answer.get("code")))
        return InputRefused(
            f"{named} could not be decoded: {answer.get('detail')}.", code="decode_failed"
        )

    def _payload(self, answer: dict[str, Any], slab: Slab | None, named: str) -> Payload:
        """Check what the child claims: it has read hostile bytes and is not to be believed."""
        try:
            arrays = {}
            for tensor in answer["tensors"]:
                if slab is None:
                    raise OutsideSlab("There is no slab.")
                array = slab.array(
                    str(tensor["dtype"]), [int(n) for n in tensor["shape"]], int(tensor["offset"])
                )
                if array.dtype.kind == "U" and not is_text(array):
                    raise OutsideSlab(f"{tensor['name']} holds no text.")
                arrays[str(tensor["name"])] = array
            return Payload(arrays=arrays, meta=answer["meta"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputRefused(
                f"{named} crashed its decoder and was set aside; the file is damaged or hostile.",
                code="decode_crashed",
            ) from error


def _path(path: Path) -> dict[str, str]:
    """A path as an argument; the child works in another folder."""
    return {"path": str(path.absolute())}
