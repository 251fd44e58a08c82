"""Which implementations there are. A third party adds its own without touching a file here.

A distribution names a function under the entry-point group ``core_kernels.implementations``; it is
called with no argument before the first choice and calls `register` (and `register_probe` for a
device that torch alone does not describe).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

import torch

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.errors import ArgumentRefused

GROUP = "core_kernels.implementations"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What about one call bears on the choice.

    Attributes:
        dtype: of the tensors that carry the values.
        train: gradients are asked for.
        traits: anything else an operation lets its implementations know, e.g. {"int8_cache"}.
    """

    dtype: torch.dtype = torch.float32
    train: bool = False
    traits: frozenset[str] = frozenset()


def serves_any(facts: Facts, capabilities: Capabilities) -> str | None:
    """No objection to any call."""
    return None


def needs_triton(facts: Facts, capabilities: Capabilities) -> str | None:
    """Objects where Triton kernels cannot run."""
    return None if capabilities.triton else f"Triton does not run on {capabilities.name}"


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """One way to run one operation.

    Attributes:
        operation: the operation's name.
        name: of the implementation, e.g. "triton", "numba", "reference".
        run: ``module:function``, imported when it is first chosen, or the function; it takes the
            arguments that the operation's face documents.
        devices: device types it takes; empty means any.
        rank: of those without an objection the highest rank is chosen.
        triton: its kernels are Triton's; where they would be interpreted, others go first.
        objection: why it cannot serve a call (a phrase for people), or None.
    """

    operation: str
    name: str
    run: str | Callable[..., Any]
    devices: frozenset[str] = frozenset()
    rank: int = 0
    triton: bool = False
    objection: Callable[[Facts, Capabilities], str | None] = serves_any

    def why_not(self, facts: Facts, capabilities: Capabilities) -> str | None:
        """Why this implementation cannot serve the call, or None."""
        if self.devices and capabilities.device not in self.devices:
            return f"it is for {', '.join(sorted(self.devices))}"
        return self.objection(facts, capabilities)

    def function(self) -> Callable[..., Any]:
        """The function, imported if need be."""
        return _imported(self.run) if isinstance(self.run, str) else self.run


@lru_cache(maxsize=256)
def _imported(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = resolve_name(name)
    return found


_lock = threading.RLock()
_known: dict[str, dict[str, Implementation]] = {}
_asked_others = False


def register(implementation: Implementation) -> None:
    """Add an implementation.

    Raises:
        ArgumentRefused: the operation has another one of that name.
    """
    with _lock:
        named = _known.setdefault(implementation.operation, {})
        if named.get(implementation.name, implementation) != implementation:
            raise ArgumentRefused(
                f"{implementation.operation} has an implementation named {implementation.name!r} "
                "already; choose another name."
            )
        named[implementation.name] = implementation
        _changed()


def unregister(operation: str, name: str) -> None:
    """Take an implementation away; unknown names are ignored."""
    with _lock:
        _known.get(operation, {}).pop(name, None)
        _changed()


def implementations(operation: str) -> tuple[Implementation, ...]:
    """All of `operation`, the highest rank first, those of installed distributions included."""
    global _asked_others
    with _lock:
        if not _asked_others:
            _asked_others = True
            for point in entry_points(group=GROUP):
                point.load()()
        return tuple(sorted(_known.get(operation, {}).values(), key=lambda known: -known.rank))


#: Called whenever the set changes; `choice` forgets what it chose.
_listeners: list[Callable[[], None]] = []


def on_change(listener: Callable[[], None]) -> None:
    """Call `listener` whenever an implementation is added or taken away."""
    _listeners.append(listener)


def _changed() -> None:
    for listener in _listeners:
        listener()
