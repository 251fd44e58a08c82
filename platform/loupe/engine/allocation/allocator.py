"""Carries the policy out: which devices live, where models are, whose turn it is. Thread-safe."""

import itertools
import logging
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from loupe.engine.allocation.placing import Held, leaving, places
from loupe.engine.allocation.policy import CPU, Policy
from loupe.engine.allocation.shares import Shares, Turn

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DeviceTurn:
    """A call under way on a device."""

    device: str
    turn: Turn


class Allocator:
    """One for all devices of an engine."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._lock = threading.Lock()
        self._dead: dict[str, str] = {}
        self._places: dict[str, list[str]] = {}
        self._calls = itertools.count(1)
        self._last_call: dict[str, int] = {}
        self._shares = {
            device: Shares(lambda model: policy.rule(model).share) for device in policy.memory_bytes
        }

    def places(self, model: str, runs_on: Collection[str]) -> tuple[str, ...]:
        """Devices that live and may have the model, the best first."""
        with self._lock:
            return places(self.policy, model, runs_on, self._dead.keys())

    def placed(self, model: str, device: str) -> None:
        """The model is now on that device too."""
        with self._lock:
            devices = self._places.setdefault(model, [])
            if device not in devices:
                devices.append(device)

    def left(self, model: str, device: str) -> None:
        """The model is no longer on that device."""
        with self._lock:
            devices = self._places.get(model, [])
            if device in devices:
                devices.remove(device)
            if not devices:
                self._places.pop(model, None)

    def replicas(self, model: str) -> int:
        """On how many devices the policy wants the model."""
        return self.policy.rule(model).replicas

    def leaving(self, device: str, held: Iterable[Held], wanted: int) -> list[Any]:
        """Keys of the models that must go before `wanted` more bytes fit the device."""
        return [one.key for one in leaving(held, wanted, self.policy.memory_bytes.get(device))]

    def budget(self, device: str) -> int | None:
        """Bytes that models may take on a device together."""
        return self.policy.memory_bytes.get(device)

    def pinned(self, model: str) -> bool:
        """Whether the policy keeps the model in memory."""
        return self.policy.rule(model).pinned

    def lost(self, device: str, reason: str) -> None:
        """Use a device no more until the engine is started again; the CPU is never given up."""
        if device == CPU:
            return
        with self._lock:
            first = device not in self._dead
            self._dead.setdefault(device, reason)
        if first:
            log.error(
                "device %s was lost: %s Its models go to the next device; restart the engine once "
                "it works again.",
                device,
                reason,
            )

    def next_model(self, models: Collection[str]) -> str:
        """Whose turn it is. `models` have work waiting, the one that waits longest first; those on
        the device where its next call goes are compared."""
        with self._lock:
            device = self._device_of(next(iter(models)))
            rivals = [model for model in models if device in self._devices_of(model)]
            return self._shares[device].next(rivals)

    def begin(self, model: str) -> DeviceTurn:
        """A call of the model begins, on the device that is told."""
        with self._lock:
            device = self._device_of(model)
            self._last_call[device] = next(self._calls)
            return DeviceTurn(device=device, turn=self._shares[device].begin(model))

    def end(self, turn: DeviceTurn, seconds: float) -> None:
        """It ended after so long."""
        with self._lock:
            self._shares[turn.device].end(turn.turn, seconds)

    def figures(self) -> dict[str, dict[str, Any]]:
        """By device: whether it lives, its memory, and seconds and parts of it by model."""
        with self._lock:
            return {
                device: {
                    "alive": device not in self._dead,
                    "reason": self._dead.get(device, ""),
                    "memory_budget_bytes": self.policy.memory_bytes[device],
                    "seconds": {m: round(s, 6) for m, s in shares.used_s.items()},
                    "shares": {m: round(part, 4) for m, part in shares.observed().items()},
                }
                for device, shares in self._shares.items()
            }

    def _devices_of(self, model: str) -> Sequence[str]:
        return self._places.get(model) or self.policy.devices_of(model)[:1]

    def _device_of(self, model: str) -> str:
        """Of the devices that have the model, the one with the fewest calls under way, whatever
        model they are of; of equal ones the one that rested longest."""
        return min(
            self._devices_of(model),
            key=lambda device: (self._shares[device].running, self._last_call.get(device, 0)),
        )
