"""Steps of an app's pipeline and the protocols their code follows.

A step names its code as ``"package.module:attribute"`` so that declaring a pipeline imports
nothing heavy; the process that runs the step imports it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.reporter import Reporter


class Place(StrEnum):
    """Where a step runs."""

    SANDBOX = "sandbox"  # a memory-capped child process: everything that parses untrusted bytes
    ENGINE = "engine"  # the process that owns models (a `Runner`) and live state (a `Service`)
    CHILD = "child"  # a leased child of its own with a heartbeat: work that takes minutes


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Another way to do a step, where the engine has its model on such a device.

    * Of a step in ``Place.ENGINE``: `run` names a `Runner` class that is built with
      ``(artefact, manifest, device=…)`` and gives the same answers as the step's own.
    * Of a step in ``Place.SANDBOX``: `run` names an `Admit` function. What it lets in goes to the
      model undecoded; everything else goes through the sandbox.

    Attributes:
        device: the type of device: ``cuda``, or one that a third party brings.
    """

    device: str
    run: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One named step. `name` is also the key of its wall time in every result.

    * ``Place.SANDBOX``: `run` names a `Parse` function.
    * ``Place.ENGINE``: `run` names a `Runner` or `Service` class; the result of the step before
      is its request.
    * ``Place.CHILD``: `run` names a `LongWork` function.

    `also` says how else it may run; the engine chooses by the device that the model is on.

    Attributes:
        memory_bytes: what one input may take in the sandbox, beyond libraries, where the
            installation's limit (LOUPE_SANDBOX_MEMORY_BYTES) is lower; 0: that limit.
        seconds: how long one input may take where the host's own limits (60 s in the sandbox, 30 s
            for an item in the engine) are too short; 0: those limits.
    """

    name: str
    place: Place
    run: str
    also: tuple[Alternative, ...] = ()
    memory_bytes: int = 0
    seconds: float = 0.0

    def run_on(self, device: str) -> str | None:
        """The code of its alternative for a device such as ``cuda:0``; None: it has none."""
        kind = device.partition(":")[0]
        return next((other.run for other in self.also if other.device == kind), None)


class Parse(Protocol):
    """Reads one untrusted file. Runs in a memory-capped process that may be killed at any time."""

    def __call__(self, path: Path, options: Mapping[str, JsonValue]) -> Payload:
        """Return the decoded payload, or raise `InputRefused` with a full sentence.

        `options` holds those of the input's kind and of the operating point and, where the app
        declares one, the project's ``context``.
        """


class Admit(Protocol):
    """Looks at a file's first bytes in the engine, to save it the way through the sandbox.

    It decodes nothing: it reads a header and hands the bytes on, as an array that the model's
    runner for that device decodes.
    """

    def __call__(self, path: Path, options: Mapping[str, JsonValue]) -> Payload | None:
        """The payload for the runner, or None: this file goes through the sandbox. May raise
        `InputRefused` as the `Parse` function of the same step would."""


class Runner(Protocol):
    """A model resident in the engine; behind a service its requests are the service's answers, and
    it returns only what it adds to them. Built by calling the class with ``(artefact, manifest)``:
    the folder that holds the verified files, and its parsed ``manifest.json``. The class may state
    its tensors as ``SIGNATURE``, a `loupe.contract.runtime.signature.Signature`, for clients."""

    def infer(self, requests: Sequence[Payload], clock: "Clock") -> list[Payload]:
        """Answer several requests at once, in order. Must be safe to call from several threads."""

    def close(self) -> None:
        """Release memory and devices."""


class Service(Protocol):
    """Live, exact state with one writer inside the engine. Built by calling the class with no
    arguments. The engine journals every request before it answers, so `apply` must be a
    deterministic function of the state and the request.

    It may have a method ``ask(request: Payload) -> Payload`` too: a question to the present state
    that SHALL NOT change it. Questions run in the writer's thread, between requests, and leave no
    trace in the journal.

    And a method ``figures() -> Mapping[str, float]``: what the metrics page shows of the state, by
    short names such as ``memory_bytes``. It is called from another thread while requests are
    applied, so it SHALL only look, and SHALL be quick.

    And a method ``settled() -> bool``: whether a snapshot would hold the writer up little now. It
    is asked, in the writer's thread, from when a snapshot is due until it is a quarter overdue.

    And a method ``close() -> None``: the engine ends, the last snapshot is written, and processes
    and threads of the service's own end now."""

    def apply(self, request: Payload) -> Payload:
        """Advance the state by one request and answer it.

        The host says in `meta`: ``project`` (an id as text), ``session`` (``live`` for synchronous
        calls and for what the app itself sends, the job's id for jobs) and, where the app declares
        one, ``context``. All of it is journalled, so that a replay sees what was seen. A model that
        follows gets the answer as its request. The request's arrays lie in memory of the host:
        copy what is kept.
        """

    def snapshot(self, folder: Path) -> None:
        """Write the whole state below `folder` (no pickles)."""

    def restore(self, folder: Path) -> None:
        """Read what `snapshot` wrote."""


class LongWork(Protocol):
    """Minutes of work on one item, in a child process of its own.

    `scratch` is a folder that survives a kill, so that the next attempt can resume.
    """

    def __call__(
        self, path: Path, options: Mapping[str, JsonValue], scratch: Path, reporter: Reporter
    ) -> Payload:
        """Return what the result is made of; call `reporter` often."""


class Clock(Protocol):
    """Collects wall times: ``with clock.stage("preprocess"): …``."""

    def stage(self, name: str) -> Any:
        """A context manager that adds its wall time in milliseconds under `name`."""


def load(target: str) -> Any:
    """Import ``"package.module:attribute"``.

    Raises:
        ValueError: `target` has no colon.
        ImportError, AttributeError: it names nothing.
    """
    module, _, attribute = target.partition(":")
    if not attribute:
        raise ValueError(f"{target!r} names no code: write it as 'package.module:attribute'.")
    return getattr(import_module(module), attribute)
