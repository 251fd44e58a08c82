"""The best configuration of a kernel, measured once per device, version and shape class, and kept.

Results are read from two places: `core_kernels/tuned/`, which ships, and a cache of the machine
(``LOUPE_KERNEL_CACHE``, else ``~/.cache/loupe/kernels``), where new ones are written. Nothing is
measured off a GPU: there the first candidate is used.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch

SHIPPED = Path(__file__).parent / "tuned"

#: Launches of one candidate that are timed; the median counts.
REPEATS = 9

_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Config:
    """How a kernel is launched: its compile-time blocks, warps and pipeline stages."""

    blocks: tuple[tuple[str, int], ...] = ()
    num_warps: int = 4
    num_stages: int = 2

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
    A candidate that does not fit the device (shared memory, registers) is passed over.
    """
    if device.type != "cuda" or len(candidates) == 1:
        return candidates[0]
    name = _slug(torch.cuda.get_device_name(device))
    known = _known(name, operation)
    if key in known and known[key] in candidates:
        return known[key]
    if torch.cuda.is_current_stream_capturing():
        return candidates[0]
    with _lock:
        best = _quickest(candidates, run)
        known[key] = best
        _write(name, operation, known)
    return best


def _quickest(candidates: Sequence[Config], run: Callable[[Config], object]) -> Config:
    times: dict[Config, float] = {}
    for config in candidates:
        try:
            run(config)
        except (RuntimeError, ValueError) as error:
            if "out of resource" not in str(error).lower():
                raise
            continue
        times[config] = median(_milliseconds(lambda c=config: run(c)) for _ in range(REPEATS))  # type: ignore[misc]
    return min(times, key=times.__getitem__)


def _milliseconds(run: Callable[[], object]) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    run()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def cache_folder() -> Path:
    """Where this machine's results are kept."""
    named = os.environ.get("LOUPE_KERNEL_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "loupe" / "kernels"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _triton_version() -> str:
    return version("triton")


@lru_cache(maxsize=256)
def _known(device: str, operation: str) -> dict[str, Config]:
    """What is known for a device and this version of Triton; the machine's own results win."""
    found: dict[str, Config] = {}
    for folder in (SHIPPED, cache_folder()):
        path = folder / device / f"{operation}.json"
        try:
            told = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            continue
        for key, config in told.get(_triton_version(), {}).items():
            found[key] = _read(config)
    return found


def _read(told: Mapping[str, Any]) -> Config:
    return Config(
        blocks=tuple(sorted((str(k), int(v)) for k, v in told["blocks"].items())),
        num_warps=int(told["num_warps"]),
        num_stages=int(told["num_stages"]),
    )


def _write(device: str, operation: str, known: Mapping[str, Config]) -> None:
    """Keep the results; a folder that cannot be written costs only measuring again."""
    path = cache_folder() / device / f"{operation}.json"
    written = {
        key: {
            "blocks": dict(sorted(config.blocks)),
            "num_warps": config.num_warps,
            "num_stages": config.num_stages,
        }
        for key, config in sorted(known.items())
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = json.loads(path.read_text()) if path.exists() else {}
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps({**before, _triton_version(): written}, indent=1))
        part.replace(path)
    except (OSError, json.JSONDecodeError):
        return
