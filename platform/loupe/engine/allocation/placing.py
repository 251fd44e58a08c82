"""Where a model goes and who leaves: pure functions."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from loupe.engine.allocation.policy import Policy


@dataclass(frozen=True, kw_only=True)
class Held:
    """A model in memory, as far as making room goes.

    Attributes:
        key: whatever names it.
        nbytes: on its device.
        last_used: seconds of a monotonic clock.
        stays: the policy pins it, or a request is using it.
    """

    key: Any
    nbytes: int
    last_used: float
    stays: bool = False


def device_type(device: str) -> str:
    """``cuda`` of ``cuda:0``."""
    return device.partition(":")[0]


def places(
    policy: Policy, model: str, runs_on: Collection[str], dead: Collection[str]
) -> tuple[str, ...]:
    """Devices a model may be loaded on, the best first.

    Args:
        runs_on: device types that its app has a runner for.
        dead: devices that were lost.
    """
    return tuple(
        device
        for device in policy.devices_of(model)
        if device_type(device) in runs_on and device not in dead
    )


def leaving(held: Iterable[Held], wanted: int, budget: int | None) -> Sequence[Held]:
    """Who must go so that `wanted` more bytes fit a device's budget: least recently used first.

    All that may go go where even that is not enough; what stays then exceeds the budget.
    """
    if budget is None:
        return ()
    models = sorted(held, key=lambda one: one.last_used)
    total = sum(one.nbytes for one in models) + wanted
    going = []
    for one in models:
        if total <= budget:
            break
        if not one.stays:
            going.append(one)
            total -= one.nbytes
    return going
