"""Checkpoints that a kill or a full disk at any moment leaves whole.

A checkpoint is a folder ``checkpoint/<step>`` of safetensors and JSON. It is written beside its
place and renamed there when its bytes are on the disk, so every folder with a number is complete.
The newest two are kept: one may turn out to be damaged.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT = 2
_UNFINISHED = "unfinished"


@contextmanager
def saving(folder: Path, step: int) -> Iterator[Path]:
    """An empty folder to write the checkpoint of `step` into; it counts once the block ends well.

    After an error (``OSError`` with ENOSPC where the disk is full) the older ones are as they were.

    Args:
        folder: ``OUT/checkpoint``.
        step: grows from one checkpoint to the next.
    """
    unfinished = folder / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        for path in unfinished.rglob("*"):
            _sync(path)
        _sync(unfinished)
        place = folder / f"{step:08d}"
        shutil.rmtree(place, ignore_errors=True)
        unfinished.rename(place)
        _sync(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    for old in _complete(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def newest(folder: Path) -> Path | None:
    """The newest complete checkpoint below ``OUT/checkpoint``."""
    found = _complete(folder)
    return found[-1] if found else None


def complete(folder: Path) -> list[Path]:
    """Every complete checkpoint, newest first: fall back to the next where one is damaged."""
    return _complete(folder)[::-1]


def _complete(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.isdigit() and path.is_dir())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
