"""Choosing an implementation: a pure function, and what remembers its answers and requests."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import torch

from core_kernels.dispatch.capabilities import Capabilities, capabilities
from core_kernels.dispatch.registry import Facts, Implementation, implementations, on_change
from core_kernels.errors import NoImplementation

log = logging.getLogger(__name__)

#: ``LOUPE_KERNELS=add_norm=reference,forest=numba`` asks for implementations by name.
VARIABLE = "LOUPE_KERNELS"

_asked: dict[str, str] = {}


def choose(
    operation: str,
    facts: Facts,
    able: Capabilities,
    offered: Sequence[Implementation],
    asked: str | None = None,
) -> Implementation:
    """The implementation for a call; nothing outside the arguments bears on it.

    Args:
        offered: the operation's implementations, in the order of preference.
        asked: the name of the one that was asked for explicitly.

    Raises:
        NoImplementation: none can serve, or the one asked for cannot; every choice is listed.
    """
    objections = {one.name: one.why_not(facts, able) for one in offered}
    able_ones = [one for one in offered if objections[one.name] is None]
    if asked is None and able_ones:
        return min(able_ones, key=lambda one: one.triton and able.interpreted)
    for one in able_ones:
        if one.name == asked:
            return one
    listed = "; ".join(
        f"{name} ({reason})" if reason else name for name, reason in objections.items()
    )
    wanted = f"the implementation {asked!r} of {operation}" if asked else operation
    raise NoImplementation(
        f"Nothing serves {wanted} for {facts.dtype} on {able.name}. There are: {listed or 'none'}."
    )


@contextlib.contextmanager
def using(**named: str) -> Iterator[None]:
    """Ask for implementations by name, e.g. ``using(add_norm="reference")``, in the whole process.

    It holds for every thread, since torch runs backward passes in threads of its own. An unmet
    request raises `NoImplementation` at the call.
    """
    before = dict(_asked)
    _asked.update(named)
    try:
        yield
    finally:
        _asked.clear()
        _asked.update(before)


@lru_cache(maxsize=8)
def _from_environment(text: str) -> dict[str, str]:
    pairs = (part.split("=", 1) for part in text.split(",") if "=" in part)
    return {operation.strip(): name.strip() for operation, name in pairs}


@lru_cache(maxsize=1024)
def _chosen(
    operation: str, facts: Facts, device: torch.device, asked: str | None
) -> Callable[..., Any]:
    chosen = choose(operation, facts, capabilities(device), implementations(operation), asked)
    log.info("%s on %s (%s): %s", operation, device, facts.dtype, chosen.name)
    return chosen.function()


on_change(_chosen.cache_clear)


def chosen(operation: str, device: torch.device, facts: Facts) -> Callable[..., Any]:
    """The function that runs `operation` for such a call; each choice is logged once.

    Raises:
        NoImplementation: see `choose`.
    """
    asked = _asked.get(operation)
    if asked is None and (text := os.environ.get(VARIABLE)):
        asked = _from_environment(text).get(operation)
    run = _chosen(operation, facts, device, asked)
    if device.type == "cuda" and device.index != torch.cuda.current_device():
        return _there(run, device)
    return run


def _there(run: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """`run` with `device` as the current one: Triton launches on that."""

    def moved(*arguments: object) -> Any:
        with torch.cuda.device(device):
            return run(*arguments)

    return moved
