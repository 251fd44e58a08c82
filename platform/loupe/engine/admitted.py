"""Files that a model's device decodes itself, and what becomes of them where it cannot."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import Admit, Step, load
from loupe.sandbox.pool import Parsed

Decode = Callable[[], Payload]


@dataclass(frozen=True, kw_only=True)
class Admitted(Payload):
    """A request whose file is not decoded yet.

    Attributes:
        device: where its runner decodes it.
        decode: sends the file through the sandbox, for a runner elsewhere.
    """

    device: str
    decode: Decode


def admitted(
    step: Step, device: str, path: Path, options: dict[str, JsonValue], decode: Decode
) -> Parsed | None:
    """The file as it is, if the step has code for the device and that code lets it in.

    Raises:
        InputRefused: that code refuses the file.
    """
    run = step.run_on(device)
    if run is None:
        return None
    start = time.perf_counter()
    admit: Admit = load(run)
    payload = admit(path, options)
    if payload is None:
        return None
    waiting = Admitted(arrays=payload.arrays, meta=payload.meta, device=device, decode=decode)
    return Parsed(payload=waiting, slab=None, elapsed_ms=(time.perf_counter() - start) * 1e3)


def suited(requests: Sequence[Payload], device: str) -> list[Payload | LoupeError]:
    """The requests as a runner on `device` takes them: decoded where it cannot do that itself."""
    return [_suited(request, device) for request in requests]


def _suited(request: Payload, device: str) -> Payload | LoupeError:
    if not isinstance(request, Admitted) or request.device == device:
        return request
    try:
        decoded = request.decode()
    except LoupeError as error:
        return error
    return replace(decoded, meta={**decoded.meta, **request.meta})
