"""How much memory this process uses."""

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Physical memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE
