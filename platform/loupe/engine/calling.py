"""Calls of a resident model's runner, and what comes of one that fails."""

import logging
from collections.abc import Iterator, Sequence

from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import (
    DecodeElsewhere,
    DeviceLost,
    LoupeError,
    TemporarilyUnavailable,
)
from loupe.contract.runtime.payload import Payload
from loupe.engine.admitted import Admitted, suited
from loupe.engine.errors import EngineFault
from loupe.engine.exchange import Inferred
from loupe.engine.residency import Resident

log = logging.getLogger(__name__)


def _called(resident: Resident, requests: Sequence[Payload]) -> Iterator[Inferred]:
    """One call of the runner; every answer comes with the call's wall times."""
    model, version = resident.key
    clock = StageClock()
    try:
        answers = resident.runner.infer(requests, clock)
    except LoupeError:
        raise
    except MemoryError as error:
        raise TemporarilyUnavailable(
            f"There is not enough memory to run {model}; try again later.",
            code="engine_memory",
        ) from error
    except Exception as error:
        # An app's code may raise anything; one request fails, the engine goes on.
        log.exception("%s version %s failed", model, version)
        raise EngineFault(
            f"{model} version {version} failed: {type(error).__name__}: {error}."
        ) from error
    if len(answers) != len(requests):
        raise EngineFault(
            f"{model} version {version} gave {len(answers)} answers to {len(requests)} requests."
        )
    for answer in answers:
        yield Inferred(
            payload=answer,
            times_ms=dict(clock.times_ms),
            artefact_sha256=resident.artefact_sha256,
        )


def together(resident: Resident, requests: Sequence[Payload]) -> list[Inferred | LoupeError]:
    """One call, or one for each where that fails; only a lost device is raised."""
    try:
        return list(_called(resident, requests))
    except DeviceLost:
        raise
    except LoupeError as error:
        if len(requests) == 1:
            return [error]
    return [_alone(resident, request) for request in requests]


def decoded_elsewhere(
    resident: Resident, request: Payload, answer: Inferred | LoupeError
) -> Inferred | LoupeError:
    """The answer; where the runner could not decode the file, the one to the decoded file."""
    if not isinstance(answer, DecodeElsewhere) or not isinstance(request, Admitted):
        return answer
    (ready,) = suited([request], "")
    return _alone(resident, ready) if isinstance(ready, Payload) else ready


def _alone(resident: Resident, request: Payload) -> Inferred | LoupeError:
    try:
        (answer,) = _called(resident, [request])
    except DeviceLost:
        raise
    except LoupeError as error:
        return error
    return answer
