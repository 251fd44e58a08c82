"""Whether torch can compile for a device on this machine."""

import os
import shutil
import sysconfig
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path


@lru_cache(maxsize=16)
def why_not_compiled(device: str) -> str | None:
    """What torch's compiler lacks for `device`, a phrase for people, or None.

    For the CPU it writes C++ and needs a compiler and Python's headers; for a GPU it writes Triton.
    """
    if device.partition(":")[0] == "cuda":
        return None if find_spec("triton") else "Triton is not installed"
    if not shutil.which(os.environ.get("CXX", "g++")):
        return "there is no C++ compiler here"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return "Python's C headers are not installed"
    return None
