"""The best configuration of a kernel, measured once per device, version and shape class, and kept.

Results are read from two places: `core_kernels/tuned/`, which ships, and a cache of the machine
(``LOUPE_KERNEL_CACHE``, else ``~/.cache/loupe/kernels``), where new ones are written. Nothing is
measured off a GPU: there the first candidate is used.
"""

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import torch
import triton
from triton.runtime.errors import OutOfResources

from core_kernels.errors import NothingFits

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent / "tuned"

#: Launches of one candidate that are timed; the median counts.
REPEATS = 9

#: Bytes written before each of them, so that nothing of the last is left in a cache.
FLUSHED_BYTES = 256 * 2**20

_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Config:
    """How a kernel is launched: its compile-time blocks, warps and pipeline stages."""

    blocks: tuple[tuple[str, int], ...] = ()
    num_warps: int = 4
    num_stages: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(sorted(self.blocks)))

    def launch(self) -> dict[str, int]:
        """The keyword arguments of the launch."""
        return {**dict(self.blocks), "num_warps": self.num_warps, "num_stages": self.num_stages}


def tuned(
    operation: str,
    key: str,
    candidates: Sequence[Config],
    device: torch.device,
    run: Callable[[Config], object],
) -> Config:
    """The quickest of `candidates` for calls of the class `key` on `device`.

    Measures by ``run(config)``, which must leave its inputs as they were, unless the answer is
    known; never while a CUDA graph is captured: then the first candidate is used.
    """
    if device.type != "cuda" or len(candidates) == 1:
        return candidates[0]
    name = _device_name(device.index)
    found = known(name, operation).get(key)
    if found is not None and found in candidates:
        return found
    if torch.cuda.is_current_stream_capturing():
        return candidates[0]
    return measured(name, operation, key, candidates, lambda config: _milliseconds(run, config))


def measured(
    device: str,
    operation: str,
    key: str,
    candidates: Sequence[Config],
    clock: Callable[[Config], float | None],
) -> Config:
    """Measure the candidates by `clock`, in milliseconds, and keep the quickest.

    A candidate for which `clock` says None does not fit the device and is passed over.

    Raises:
        NothingFits: none of them fits.
    """
    with _lock:
        times = {config: taken for config in candidates if (taken := clock(config)) is not None}
        if not times:
            raise NothingFits(
                f"None of the {len(candidates)} configurations of {operation} fits {device} for "
                f"{key!r}: each asks for more shared memory or registers than it has. Give smaller "
                "sizes or ask for another implementation."
            )
        best = min(times, key=times.__getitem__)
        known(device, operation)[key] = best
        _write(device, operation, key, best)
    log.info("%s for %r on %s: %s", operation, key, device, best)
    return best


def _milliseconds(run: Callable[[Config], object], config: Config) -> float | None:
    """The median of some launches with cold caches; None if the device cannot hold one."""
    try:
        run(config)
    except OutOfResources:
        return None
    flushed = torch.empty(FLUSHED_BYTES, dtype=torch.uint8, device="cuda")
    times = []
    for _ in range(REPEATS):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        # While this runs the launch is prepared: what is timed is the kernel, not the launch.
        flushed.zero_()
        start.record()
        run(config)
        end.record()
        end.synchronize()
        times.append(float(start.elapsed_time(end)))
    return median(times)


def cache_folder() -> Path:
    """Where this machine's results are kept."""
    named = os.environ.get("LOUPE_KERNEL_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "loupe" / "kernels"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@lru_cache(maxsize=16)
def _device_name(index: int | None) -> str:
    return _slug(torch.cuda.get_device_name(index))


@lru_cache(maxsize=256)
def known(device: str, operation: str) -> dict[str, Config]:
    """What is known for a device and this version of Triton, by key; the machine's own wins.

    Read from disk the first time; `measured` adds to it.
    """
    found: dict[str, Config] = {}
    for folder in (SHIPPED, cache_folder()):
        told = _contents(folder / device / f"{operation}.json")
        for key, config in told.get(triton.__version__, {}).items():
            found[key] = _read(config)
    return found


def _contents(path: Path) -> dict[str, dict[str, Any]]:
    """Triton version → key → configuration; nothing where the file is missing or damaged."""
    try:
        told: dict[str, dict[str, Any]] = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError):
        return {}
    return told


def _read(told: Mapping[str, Any]) -> Config:
    return Config(
        blocks=tuple((str(name), int(size)) for name, size in told["blocks"].items()),
        num_warps=int(told["num_warps"]),
        num_stages=int(told["num_stages"]),
    )


def _write(device: str, operation: str, key: str, config: Config) -> None:
    """Keep a result beside the others; a folder that cannot be written costs measuring again."""
    path = cache_folder() / device / f"{operation}.json"
    told = {
        "blocks": dict(config.blocks),
        "num_warps": config.num_warps,
        "num_stages": config.num_stages,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = _contents(path)
        kept.setdefault(triton.__version__, {})[key] = told
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
        part.replace(path)
    except OSError as error:
        log.warning("the tuning of %s is not kept: %s", operation, error)
