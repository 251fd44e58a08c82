"""What the kernel says about the memory of a process and of those below it."""

from pathlib import Path

KIB = 1024


def resident(pid: int) -> int:
    """Bytes the process holds now (``VmRSS``).

    Raises:
        FileNotFoundError: there is no such process.
    """
    return _bytes(pid, "VmRSS")


def peak(pid: int) -> int:
    """The most bytes the process ever held (``VmHWM``).

    Raises:
        FileNotFoundError: there is no such process.
    """
    return _bytes(pid, "VmHWM")


def children(pid: int) -> list[int]:
    """The processes directly below, whichever thread started them."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return sorted(int(word) for file in files for word in file.read_text("ascii").split())


def descendants(pid: int, module: str) -> list[int]:
    """The processes below, at any depth, that run ``python -m <module>``."""
    found = []
    for child in children(pid):
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            below = descendants(child, module)
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        found += [child, *below] if module.encode() in words else below
    return found


def _bytes(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * KIB
    raise RuntimeError(f"Process {pid} has no {field}: it has ended.")
