"""Errors of the engine, and how each crosses the socket."""

from typing import Any

from loupe.contract.runtime.errors import (
    Cancelled,
    InputRefused,
    LoupeError,
    ModelRefused,
    TemporarilyUnavailable,
)


class EngineUnavailable(TemporarilyUnavailable):
    """No engine answers on its socket."""

    code = "engine_unavailable"


class DeadlineExceeded(TemporarilyUnavailable):
    """The answer would come, or came, after the caller's deadline."""

    code = "deadline_exceeded"


class QueueFull(TemporarilyUnavailable):
    """More requests wait than the engine keeps; try again after `retry_after_s` seconds."""

    code = "queue_full"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after_s: float = 1.0
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class RequestRefused(LoupeError):
    """A request that breaks the protocol: malformed, too large, or outside its memory."""

    code = "bad_request"


class NotFound(LoupeError):
    """A path, app, service or slab the engine does not know."""

    code = "not_found"


class TokenRefused(LoupeError):
    """A request on the public port without a token it knows."""

    code = "token"


class EngineFault(LoupeError):
    """An app's code raised something it should not have; the engine's log has the trace."""

    code = "engine_fault"


_BY_STATUS: tuple[tuple[type[LoupeError], int], ...] = (
    # Most derived first: the first match names the kind on the wire.
    (DeadlineExceeded, 504),
    (QueueFull, 503),
    (EngineUnavailable, 503),
    (TemporarilyUnavailable, 503),
    (InputRefused, 422),
    (ModelRefused, 409),
    (RequestRefused, 400),
    (TokenRefused, 401),
    (NotFound, 404),
    (Cancelled, 409),
    (EngineFault, 500),
)
_KINDS = {kind.__name__: kind for kind, _ in _BY_STATUS}


def to_wire(error: LoupeError) -> tuple[int, dict[str, Any]]:
    """The HTTP status and JSON body of an error: the protocol's ``error`` plus kind and code."""
    for kind, status in _BY_STATUS:
        if isinstance(error, kind):
            if error.code == "request_too_large":
                status = 413
            body: dict[str, Any] = {
                "error": error.message,
                "kind": kind.__name__,
                "code": error.code,
            }
            if isinstance(error, QueueFull):
                body["retry_after_s"] = round(error.retry_after_s, 3)
            return status, body
    return 500, {"error": error.message, "kind": "EngineFault", "code": error.code}


def from_wire(status: int, body: Any) -> LoupeError:
    """The error an HTTP answer of 400 or more stands for."""
    if isinstance(body, dict) and isinstance(body.get("error"), str):
        kind = _KINDS.get(str(body.get("kind")), EngineFault)
        wait_s = body.get("retry_after_s")
        if kind is QueueFull and isinstance(wait_s, int | float):
            return QueueFull(body["error"], retry_after_s=float(wait_s))
        return kind(body["error"], code=str(body.get("code") or kind.code))
    return EngineFault(f"The engine answered with status {status} and no explanation.")
