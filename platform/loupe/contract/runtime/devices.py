"""One training at a time on one device, across all programs of this machine that ask here."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loupe.contract.runtime.errors import TemporarilyUnavailable

VISIBLE = "CUDA_VISIBLE_DEVICES"
_NVIDIA = Path("/proc/driver/nvidia/gpus")


class DeviceBusy(TemporarilyUnavailable):
    """Another training has the device."""

    code = "device_busy"


def gpus() -> tuple[str, ...]:
    """The GPUs this process may use as ``cuda:0``, ``cuda:1``, …; told by the driver's files, so
    that no framework is imported. Empty where there is none."""
    visible = os.environ.get(VISIBLE)
    if visible in {"", "-1"} or not _NVIDIA.is_dir():
        return ()
    count = len(visible.split(",")) if visible else len(list(_NVIDIA.iterdir()))
    return tuple(f"cuda:{index}" for index in range(count))


def device_name(wanted: str = "") -> str:
    """What a training will compute on: ``cpu``, or ``gpu`` with the numbers that are visible.

    Args:
        wanted: the recipe's own word, such as ``cpu`` or ``cuda:1``; empty: whatever there is.
    """
    visible = os.environ.get(VISIBLE)
    if wanted == "cpu" or visible == "" or visible == "-1" or not _NVIDIA.is_dir():
        return "cpu"
    if visible:
        return f"gpu{visible.replace(',', '-')}"
    return f"gpu{wanted.partition(':')[2] or '0'}"


@contextmanager
def claimed(device: str) -> Iterator[None]:
    """Hold `device` for one training. The kernel lets go of it when this process ends, however.

    GPUs are held for the whole machine, the CPU for one installation (``LOUPE_VAR``).

    Raises:
        DeviceBusy: another training has it.
    """
    var = os.environ.get("LOUPE_VAR", "") if device == "cpu" else ""
    folder = Path(var) / "run" if var else Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"loupe-training-{os.getuid()}-{device}.lock"
    handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
            raise DeviceBusy(
                f"Device {device!r} is busy with another training (process {holder}): wait until "
                "it has ended, or cancel it, then start this one again."
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
