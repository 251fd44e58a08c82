"""Giving memory back to the system."""

import ctypes
import gc
import resource
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The C library, or None where it is not glibc."""
    if not Path("/proc/self/maps").exists():
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None


def free_host_memory() -> None:
    """Collect what is unreachable and have the allocator return free pages to the kernel.

    Without this, closing a network leaves its memory with this process until something else of
    that size is loaded.
    """
    gc.collect()
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


def resident_bytes() -> int:
    """Physical memory of this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except FileNotFoundError:
        return 0
    return pages * resource.getpagesize()
