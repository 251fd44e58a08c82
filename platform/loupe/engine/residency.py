"""Which models are in memory: loaded on first use, the least recently used leaves first.

The allocator says on which devices, and who must go; a device that is lost takes its models along,
and their next use loads them elsewhere. A model with replicas answers as soon as the first is
loaded; the others follow, and each use goes to the device that the allocator chose for the call.
"""

import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import DeviceLost, LoupeError, ModelRefused
from loupe.contract.runtime.steps import Runner, load
from loupe.engine import repository
from loupe.engine.allocation.allocator import Allocator
from loupe.engine.allocation.placing import Held, device_type
from loupe.engine.allocation.policy import CPU, Policy
from loupe.engine.memory import resident_bytes

log = logging.getLogger(__name__)

Key = tuple[str, int]
_FAILURE_SECONDS = 5.0
"""How long a failed load is remembered, so that a job of many items does not repeat it for each."""


@dataclass
class Resident:
    """One model in the memory of one device."""

    key: Key
    runner: Runner
    manifest: Mapping[str, Any]
    artefact_sha256: str
    nbytes: int
    device: str = CPU
    pins: int = 0
    leaving: bool = False
    last_used: float = 0.0


RunnersOf = Callable[[str, str], Mapping[str, str]]
"""An app's slug and a manifest's runner to the code of that runner by device type."""


@dataclass(frozen=True)
class _Failure:
    error: LoupeError
    at: float


class Residency:
    """Loads, keeps and drops models. Thread-safe.

    Args:
        root: the model repository.
        budget_bytes: what all resident models may take together, measured as growth of this
            process while each was loaded and at least the size of its files. Not used with an
            allocator, whose policy has it for each device.
        packages: the Python package of each app; a manifest may only name a runner in its own
            app's package.
        allocator: decides on devices; by default there is the CPU alone.
        runners: what may run a manifest's runner by device; by default itself, on the CPU.
    """

    def __init__(
        self,
        root: Path,
        budget_bytes: int,
        packages: Mapping[str, str],
        *,
        allocator: Allocator | None = None,
        runners: RunnersOf | None = None,
    ) -> None:
        self.root = root
        self.allocator = allocator or Allocator(Policy(memory_bytes={CPU: budget_bytes}))
        self._packages = packages
        self._runners: RunnersOf = runners or (lambda app, runner: {CPU: runner})
        self._lock = threading.Lock()
        self._resident: dict[Key, list[Resident]] = {}
        self._loading: dict[Key, Future[Resident]] = {}
        self._failed: dict[Key, _Failure] = {}
        # One loader: two loads at once would each see the other's memory as their own.
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader")

    def ready(self, model: str, version: int, device: str | None = None) -> Future[Resident]:
        """The model once it is loaded; callers that ask while it loads share one load.

        Of several replicas it is the one on `device`, else the one with the fewest calls under way.

        The future raises `ModelRefused` when the artefact is missing, changed or does not load.
        """
        key = (model, version)
        with self._lock:
            found = self._resident.get(key)
            if found:
                return _done(_replica(found, device))
            failure = self._failed.get(key)
            if failure is not None and time.monotonic() - failure.at < _FAILURE_SECONDS:
                return _failed(failure.error)
            if key not in self._loading:
                self._loading[key] = self._loader.submit(self._load, key)
            return self._loading[key]

    @contextmanager
    def use(self, model: str, version: int, device: str | None = None) -> Iterator[Resident]:
        """The model, loaded if need be and kept in memory for the length of the block: on `device`,
        if it is there."""
        while True:
            resident = self.ready(model, version, device).result()
            with self._lock:
                if not resident.leaving:
                    resident.pins += 1
                    resident.last_used = time.monotonic()
                    break
        try:
            yield resident
        finally:
            self._unpin(resident)

    def replicas(self, key: Key) -> int:
        """On how many devices a model is."""
        with self._lock:
            return len(self._resident.get(key, ()))

    def device_lost(self, resident: Resident, reason: str) -> None:
        """Give up a model's device: all models on it go, and load elsewhere when used next."""
        self.allocator.lost(resident.device, reason)
        with self._lock:
            going = [one for one in self._all() if one.device == resident.device]
            idle = self._leave(going)
        for one in idle:
            self._close(one)
        for one in going:
            self._replicate_later(one.key)

    def _unpin(self, resident: Resident) -> None:
        with self._lock:
            resident.pins -= 1
            last = resident.leaving and not resident.pins
        if last:
            self._close(resident)

    def forget_failure(self, model: str, version: int) -> None:
        """Let the next call try a failed load again at once."""
        with self._lock:
            self._failed.pop((model, version), None)

    def unload(self, model: str, version: int | None = None) -> None:
        """Drop one version of a model or all; one in use goes when its last request ends."""
        with self._lock:
            going = [
                resident
                for resident in self._all()
                if resident.key[0] == model and version in (None, resident.key[1])
            ]
            idle = self._leave(going)
        for resident in idle:
            self._close(resident)

    def states(self) -> dict[Key, tuple[str, str]]:
        """State and reason, in the protocol's words, of every model that was asked for."""
        with self._lock:
            return {
                **{
                    key: ("UNAVAILABLE", failure.error.message)
                    for key, failure in self._failed.items()
                },
                **dict.fromkeys(self._loading, ("LOADING", "")),
                **dict.fromkeys(self._resident, ("READY", "")),
            }

    def resident(self) -> list[Resident]:
        """Every model in memory, most recently used first."""
        with self._lock:
            return sorted(self._all(), key=lambda found: -found.last_used)

    def close(self) -> None:
        """Drop everything."""
        self._loader.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            idle = self._leave(list(self._all()))
        for resident in idle:
            self._close(resident)

    def runner_of(self, model: str, manifest: Mapping[str, Any]) -> str:
        """The code of the runner that a manifest names, if its model's app may run it.

        Raises:
            ModelRefused: the artefact is another app's, or its runner is not code of its app.
        """
        app, runner = repository.split_name(model)[0], str(manifest["runner"])
        if manifest["app"] != app:
            raise ModelRefused(
                f"{model} is an artefact of the app {manifest['app']!r}.", code="model_app"
            )
        package = self._packages.get(app)
        if package is None or not runner.startswith(package + "."):
            raise ModelRefused(
                f"{model} names the runner {runner!r}, which is not part of the app {app!r}; is "
                "that app installed?",
                code="model_runner",
            )
        return runner

    def _load(self, key: Key) -> Resident:
        try:
            resident = self._build(key)
        except (LoupeError, OSError) as found:
            error = found if isinstance(found, LoupeError) else _unreadable(key, found)
            log.warning("model refused: %s version %s: %s", *key, error.message)
            with self._lock:
                self._failed[key] = _Failure(error, time.monotonic())
                del self._loading[key]
            raise error from found
        with self._lock:
            self._arrived(resident)
            self._failed.pop(key, None)
            del self._loading[key]
        self._make_room(resident.device, 0, keep=key)
        self._replicate_later(key)
        return resident

    def _arrived(self, resident: Resident) -> None:
        resident.last_used = time.monotonic()
        self._resident.setdefault(resident.key, []).append(resident)
        self.allocator.placed(resident.key[0], resident.device)

    def _replicate_later(self, key: Key) -> None:
        if self.allocator.replicas(key[0]) > 1:
            with contextlib.suppress(RuntimeError):  # the engine is stopping
                self._loader.submit(self._replicate, key)

    def _replicate(self, key: Key) -> None:
        """Load one more replica where one is wanted, and ask for the next."""
        with self._lock:
            have = {one.device for one in self._resident.get(key, ())}
        if not have or len(have) >= self.allocator.replicas(key[0]):
            return
        try:
            resident = self._build(key, others=have)
        except (LoupeError, OSError) as error:
            log.warning("no further replica of %s version %s: %s", *key, error)
            return
        with self._lock:
            # It may have been unloaded meanwhile; then nobody wants a replica of it.
            wanted = bool(self._resident.get(key))
            if wanted:
                self._arrived(resident)
        if not wanted:
            self._close(resident)
            return
        self._make_room(resident.device, 0, keep=key)
        self._replicate_later(key)

    def _build(self, key: Key, others: Collection[str] = ()) -> Resident:
        """Load it on the best device; where it is on `others` already, on one of their type."""
        start = time.perf_counter()
        folder = repository.artefact_folder(self.root, *key)
        manifest = repository.verify(folder)
        runner = self.runner_of(key[0], manifest)
        runs = self._runners(manifest["app"], runner)
        refused: LoupeError = ModelRefused(
            f"{key[0]} version {key[1]} has no device left that it can run on; look at the "
            "engine's policy and its log.",
            code="model_device",
        )
        kinds = {device_type(device) for device in others}
        for device in self.allocator.places(key[0], runs.keys()):
            if device in others or (kinds and device_type(device) not in kinds):
                continue
            try:
                resident = self._on_device(key, folder, manifest, runs[device_type(device)], device)
            except (DeviceLost, ModelRefused) as error:
                # The next device may have the room, or the health, that this one lacks.
                refused = error
                if isinstance(error, DeviceLost):
                    self.allocator.lost(device, error.message)
                log.warning("%s version %s not on %s: %s", *key, device, error.message)
                continue
            took_s = time.perf_counter() - start
            log.info("model loaded: %s version %s on %s in %.2f s", *key, device, took_s)
            return resident
        raise refused

    def _on_device(
        self, key: Key, folder: Path, manifest: Mapping[str, Any], run: str, device: str
    ) -> Resident:
        on_disk, budget = repository.size_of(folder, manifest), self.allocator.budget(device)
        if budget is not None and on_disk > budget:
            raise ModelRefused(
                f"{key[0]} version {key[1]} has {on_disk} bytes, more than the engine's memory of "
                f"{budget} on {device}; raise --memory-bytes, or the policy's.",
                code="model_memory",
            )
        self._make_room(device, on_disk)
        before = resident_bytes()
        try:
            made = load(run)
            on_cpu = device == CPU
            runner = made(folder, manifest) if on_cpu else made(folder, manifest, device=device)
        except LoupeError:
            raise
        except Exception as error:
            # Whatever an app's code raises concerns this model only.
            raise ModelRefused(
                f"{key[0]} version {key[1]} does not load: {type(error).__name__}: {error}.",
                code="model_load",
            ) from error
        told = 0 if on_cpu else int(getattr(runner, "nbytes", 0))
        grown = resident_bytes() - before if on_cpu else told
        return Resident(
            key=key,
            runner=runner,
            manifest=manifest,
            artefact_sha256=repository.artefact_sha256(manifest),
            nbytes=max(on_disk, grown),
            device=device,
        )

    def _make_room(self, device: str, nbytes: int, keep: Key | None = None) -> None:
        """Drop idle models of a device, least recently used first, until `nbytes` more fit."""
        with self._lock:
            held = [
                Held(
                    key=one.key,
                    nbytes=one.nbytes,
                    last_used=one.last_used,
                    stays=bool(one.pins) or one.key == keep or self.allocator.pinned(one.key[0]),
                )
                for one in self._all()
                if one.device == device
            ]
            going = set(self.allocator.leaving(device, held, nbytes))
            idle = self._leave(
                [one for one in self._all() if one.device == device and one.key in going]
            )
        for resident in idle:
            self._close(resident)

    def _all(self) -> Iterator[Resident]:
        return itertools.chain.from_iterable(self._resident.values())

    def _leave(self, going: Sequence[Resident]) -> list[Resident]:
        for resident in going:
            resident.leaving = True
            kept = [one for one in self._resident.get(resident.key, []) if one is not resident]
            if kept:
                self._resident[resident.key] = kept
            else:
                self._resident.pop(resident.key, None)
            model, device = resident.key[0], resident.device
            if not any(one.key[0] == model and one.device == device for one in self._all()):
                self.allocator.left(model, device)
        return [resident for resident in going if not resident.pins]

    def _close(self, resident: Resident) -> None:
        log.info("model dropped: %s version %s", *resident.key)
        try:
            resident.runner.close()
        except Exception:
            # A device that is gone cannot be tidied up, and nobody waits for this.
            log.exception("%s version %s did not close", *resident.key)


def _replica(replicas: Sequence[Resident], device: str | None) -> Resident:
    """The one on `device`, else the one with the fewest calls under way; of equal ones the one that
    rested longest."""
    return min(replicas, key=lambda one: (one.device != device, one.pins, one.last_used))


def _unreadable(key: Key, error: OSError) -> ModelRefused:
    return ModelRefused(
        f"{key[0]} version {key[1]} cannot be read: {error}.", code="model_unreadable"
    )


def _done(resident: Resident) -> Future[Resident]:
    future: Future[Resident] = Future()
    future.set_result(resident)
    return future


def _failed(error: LoupeError) -> Future[Resident]:
    future: Future[Resident] = Future()
    future.set_exception(type(error)(error.message, code=error.code))
    return future
