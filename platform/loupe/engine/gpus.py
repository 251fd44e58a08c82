"""How busy and how full the GPUs are, from NVIDIA's management library where there is one."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@cache
def _library() -> Any:
    """``pynvml``, started; None on a machine without it or without a GPU."""
    if find_spec("pynvml") is None:
        return None
    library = import_module("pynvml")
    try:
        library.nvmlInit()
    except library.NVMLError:
        return None
    return library


def figures() -> list[dict[str, Any]]:
    """Each GPU's uuid, utilisation (0 to 1), memory used and in all (bytes)."""
    library = _library()
    if library is None:
        return []
    found = []
    for index in range(_count(library)):
        try:
            handle = library.nvmlDeviceGetHandleByIndex(index)
            memory = library.nvmlDeviceGetMemoryInfo(handle)
            found.append(
                {
                    "uuid": str(library.nvmlDeviceGetUUID(handle)),
                    "utilization": library.nvmlDeviceGetUtilizationRates(handle).gpu / 100,
                    "memory_used_bytes": int(memory.used),
                    "memory_total_bytes": int(memory.total),
                }
            )
        except library.NVMLError:
            continue  # a device this container may not look at
    return found


def _count(library: Any) -> int:
    try:
        return int(library.nvmlDeviceGetCount())
    except library.NVMLError:
        return 0  # the driver was lost: what is told of the models goes on
