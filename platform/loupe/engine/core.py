"""The engine itself, apart from any socket: models, live services and sandboxes of one process.

Every method blocks and may be called from many threads. `server` puts a protocol in front of it;
`local` uses it as it is.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from loupe.contract.runtime.devices import gpus
from loupe.contract.runtime.errors import DeviceLost, LoupeError, ModelRefused
from loupe.contract.runtime.lanes import Batching, BatchingRunner, Lane
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.signature import Signature
from loupe.contract.runtime.steps import load
from loupe.engine.admitted import admitted, suited
from loupe.engine.allocation.allocator import Allocator
from loupe.engine.allocation.policy import CPU, Policy
from loupe.engine.apps import Apps
from loupe.engine.calling import decoded_elsewhere, together
from loupe.engine.errors import NotFound
from loupe.engine.exchange import Inferred
from loupe.engine.pieces import Deadline, Shared
from loupe.engine.residency import Residency, Resident
from loupe.engine.services import LiveService
from loupe.sandbox.pool import Parsed, SandboxPool
from loupe.sandbox.slab import Slab

log = logging.getLogger(__name__)

NO_DEADLINE = Deadline()
ALONE = Batching()


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """How an engine is set up.

    Attributes:
        models: the model repository.
        state: where live services keep journals and snapshots; None runs none.
        memory_bytes: what resident models may take together.
        threads: requests worked on at once, and sandboxes.
        sandbox_memory_bytes, sandbox_timeout_s: limits of one input.
        policy: devices, shares, pins; None: every GPU, then the CPU with `memory_bytes`.
    """

    models: Path
    state: Path | None = None
    memory_bytes: int = 4 * 2**30
    threads: int = os.cpu_count() or 1
    sandbox_memory_bytes: int = 2 * 2**30
    sandbox_timeout_s: float = 60.0
    policy: Policy | None = None

    def declared(self) -> Policy:
        """The policy given, or the default one of this machine."""
        if self.policy is not None:
            return self.policy
        found = gpus()
        return Policy(
            memory_bytes={**dict.fromkeys(found), CPU: self.memory_bytes}, fallback=(*found, CPU)
        )


def without_slabs(arrays: Mapping[str, np.ndarray], slabs: Sequence[Slab]) -> dict[str, np.ndarray]:
    """The arrays, copied where they point into one of the slabs."""
    if not slabs:
        return dict(arrays)
    return {
        name: array.copy() if any(slab.touches(array) for slab in slabs) else array
        for name, array in arrays.items()
    }


class Engine:
    """Models, services and sandboxes of one process."""

    def __init__(self, options: EngineOptions, apps: Apps) -> None:
        self.options = options
        self.apps = apps
        self.allocator = Allocator(options.declared())
        self.residency = Residency(
            options.models,
            options.memory_bytes,
            apps.packages,
            allocator=self.allocator,
            runners=apps.runners,
        )
        self.sandbox = SandboxPool(
            options.threads, options.sandbox_memory_bytes, options.sandbox_timeout_s
        )
        self.batch_sandbox = SandboxPool(
            max(1, options.threads // 2), options.sandbox_memory_bytes, options.sandbox_timeout_s
        )
        self.services: dict[str, LiveService] = {}
        if options.state is not None:
            for slug, run in apps.services.items():
                self.services[slug] = LiveService(run, options.state / slug)

    def warm(self) -> None:
        """Start the sandboxes, import what they run, and wait until services are restored.

        Raises:
            TemporarilyUnavailable: a sandbox cannot start.
        """
        self.sandbox.warm(self.apps.sandbox_runs)
        for slug, service in self.services.items():
            error = service.ready.exception()
            if error is not None:
                log.error("the service of %s stays down: %s", slug, error)

    def signature(self, model: str, manifest: Mapping[str, Any]) -> Signature:
        """What a model takes and gives, as far as its runner says; reads no weights.

        Raises:
            ModelRefused: its runner is not code of its app, or cannot be imported.
        """
        run = self.residency.runner_of(model, manifest)
        try:
            said = getattr(load(run), "SIGNATURE", Signature())
        except (ImportError, AttributeError, ValueError) as error:
            raise ModelRefused(
                f"{model} names the runner {run!r}, which does not load: {error}.",
                code="model_load",
            ) from error
        return cast(Signature, said)

    def infer(
        self, model: str, version: int, payload: Payload, parameters: Mapping[str, JsonValue]
    ) -> Inferred:
        """Run a model. Its runner sees `parameters` merged into the payload's `meta`.

        Raises:
            ModelRefused: the model cannot be loaded.
            InputRefused: its runner refused the input.
            EngineFault: its runner failed in a way it should not.
        """
        request = replace(payload, meta={**payload.meta, **parameters})
        (answer,) = self.infer_together(model, version, [request])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def infer_together(
        self, model: str, version: int, requests: Sequence[Payload], device: str | None = None
    ) -> list[Inferred | LoupeError]:
        """Run a model on several requests in one call; an answer or an error for each.

        The call goes to `device` where the model is on it, else to the replica with the fewest
        calls under way.

        Where the call fails, each request is run once more by itself, so that a bad one fails
        alone. Where the device is lost, all are run again on the next one: inference changes
        nothing, so nobody notices but by the time.

        Raises:
            ModelRefused: the model cannot be loaded.
        """
        while True:
            with self.residency.use(model, version, device) as resident:
                ready = suited(requests, resident.device)
                try:
                    found = iter(together(resident, [r for r in ready if isinstance(r, Payload)]))
                    answers = [next(found) if isinstance(r, Payload) else r for r in ready]
                    return [
                        decoded_elsewhere(resident, *pair)
                        for pair in zip(requests, answers, strict=True)
                    ]
                except DeviceLost as error:
                    lost = error
            if resident.device == CPU:
                return [lost] * len(requests)
            self.residency.device_lost(resident, lost.message)

    def to_share(
        self,
        resident: Resident,
        payload: Payload,
        parameters: Mapping[str, JsonValue],
        finish: Callable[[Inferred, float], Any],
        ended: Callable[[], None] | None = None,
    ) -> Shared:
        """The request `infer` would run, for a queue that puts requests of one group together.

        Raises:
            InputRefused: the runner refuses the request before it is run.
        """
        model, version = resident.key
        runner = resident.runner
        request = replace(payload, meta={**payload.meta, **parameters})
        batching, group, items = ALONE, None, 1
        if hasattr(runner, "batching"):
            sharing = cast(BatchingRunner, runner)
            batching, group = sharing.batching, sharing.group(request)
            items = max(1, sharing.items(request))
            if group is None:
                batching = replace(batching, max_items=1)
            if batching.at_once is not None:
                # Each replica's device takes as many calls at a time.
                at_once = batching.at_once * max(1, self.residency.replicas(resident.key))
                batching = replace(batching, at_once=at_once)
        return Shared(
            key=(model, version, group),
            batching=batching,
            run=lambda requests, device: self.infer_together(model, version, requests, device),
            request=request,
            items=items,
            finish=finish,
            ended=ended,
        )

    def parse(
        self,
        app: str,
        path: Path,
        options: Mapping[str, JsonValue],
        lease: Callable[[int], Slab] = Slab.private,
        deadline: Deadline = NO_DEADLINE,
        name: str | None = None,
        lane: Lane = Lane.INTERACTIVE,
    ) -> tuple[str, Parsed]:
        """Run an app's sandbox step on a file; return the step's name and what it made.

        Raises:
            InputRefused: the file was refused, or was too much for the sandbox.
            NotFound: there is no such app.
        """
        step = self.apps.sandbox(app)
        parsed = self._sandbox_of(lane).parse(
            step.run, path, options, lease=lease, timeout_s=deadline.left_s(), name=name,
            memory_bytes=step.memory_bytes, seconds=step.seconds,
        )  # fmt: skip
        return step.name, parsed

    def read(
        self,
        device: str,
        app: str,
        path: Path,
        options: Mapping[str, JsonValue],
        lease: Callable[[int], Slab] = Slab.private,
        deadline: Deadline = NO_DEADLINE,
        name: str | None = None,
        lane: Lane = Lane.INTERACTIVE,
    ) -> tuple[str, Parsed]:
        """`parse`, unless the app has its model on `device` decode such a file itself.

        Raises:
            InputRefused, NotFound: as `parse` does.
        """

        def decode() -> Payload:
            _, parsed = self.parse(app, path, options, Slab.private, deadline, name, lane)
            with parsed.slab or contextlib.nullcontext():
                slabs = [parsed.slab] if parsed.slab else []
                arrays = without_slabs(parsed.payload.arrays, slabs)
                return Payload(arrays=arrays, meta=parsed.payload.meta)

        step = self.apps.sandbox(app)
        taken = admitted(step, device, path, dict(options), decode)
        if taken is not None:
            return step.name, taken
        return self.parse(app, path, options, lease, deadline, name, lane)

    def run(
        self,
        app: str,
        model: str,
        version: int,
        path: Path,
        options: Mapping[str, JsonValue],
        parameters: Mapping[str, JsonValue],
        deadline: Deadline = NO_DEADLINE,
        lease: Callable[[int], Slab] = Slab.private,
        name: str | None = None,
    ) -> Inferred:
        """Parse a file in a sandbox and infer: `parse` and `infer` without a detour."""
        device = self.residency.ready(model, version).result().device
        step, parsed = self.read(device, app, path, options, lease, deadline, name)
        with parsed.slab or contextlib.nullcontext():
            deadline.check()
            inferred = self.infer(model, version, parsed.payload, parameters)
            slabs = [parsed.slab] if parsed.slab else []
            payload = Payload(
                arrays=without_slabs(inferred.payload.arrays, slabs), meta=inferred.payload.meta
            )
        return Inferred(
            payload=payload,
            times_ms={step: parsed.elapsed_ms, **inferred.times_ms},
            artefact_sha256=inferred.artefact_sha256,
        )

    def render(
        self,
        run: str,
        path: Path,
        options: Mapping[str, JsonValue],
        deadline: Deadline = NO_DEADLINE,
        name: str | None = None,
        lane: Lane = Lane.INTERACTIVE,
    ) -> bytes:
        """Run an app's function that returns encoded bytes, in a sandbox.

        Raises:
            RequestRefused: `run` is not code of an installed app.
            InputRefused: as `parse` does.
        """
        self.apps.check_code(run)
        sandbox = self._sandbox_of(lane)
        return sandbox.render(run, path, options, timeout_s=deadline.left_s(), name=name)

    def _sandbox_of(self, lane: Lane) -> SandboxPool:
        """Batch work has sandboxes of its own: nothing more urgent waits for its decoders."""
        return self.batch_sandbox if lane is Lane.BATCH else self.sandbox

    def apply(
        self, app: str, request_id: str, payload: Payload, deadline: Deadline = NO_DEADLINE
    ) -> Future[Payload]:
        """Queue one request to the live service of `app`.

        Raises:
            NotFound: the app has no service here.
            QueueFull, RequestRefused, TemporarilyUnavailable: as `LiveService.apply` does.
        """
        return self._service(app).apply(request_id, payload, deadline)

    def ask(self, app: str, payload: Payload, deadline: Deadline = NO_DEADLINE) -> Future[Payload]:
        """Queue one question to the live service of `app`.

        Raises:
            NotFound: the app has no service here.
            QueueFull, RequestRefused, TemporarilyUnavailable: as `LiveService.ask` does.
        """
        return self._service(app).ask(payload, deadline)

    def _service(self, app: str) -> LiveService:
        service = self.services.get(app)
        if service is None:
            known = ", ".join(sorted(self.services)) or "none"
            raise NotFound(f"The app {app!r} has no live service here; there are: {known}.")
        return service

    def close(self) -> None:
        """Stop services after what waits, drop models, end sandboxes."""
        for service in self.services.values():
            service.close()
        self.residency.close()
        self.sandbox.close()
        self.batch_sandbox.close()
