"""Named arrays in a folder: plain ``.npy`` files and a manifest, never a pickle."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.errors import InputRefused

_MANIFEST = "features.json"
_PIECE_BYTES = 2 * 2**20


def save(
    folder: Path, about: Mapping[str, object], arrays: Mapping[str, NDArray[np.int64]]
) -> None:
    """Write arrays and what is said about them; without the manifest, the last, all is void."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MANIFEST).unlink(missing_ok=True)
    names = sorted(arrays)
    for number, name in enumerate(names):
        _write(folder / f"features.{number}.npy", arrays[name])
    manifest = json.dumps({**about, "arrays": names}, sort_keys=True)
    (folder / _MANIFEST).write_text(manifest, encoding="utf-8")


def _write(path: Path, array: NDArray[np.int64]) -> None:
    """As `numpy.save`, each piece on the disk before the next one is written: whoever syncs a few
    bytes meanwhile, as a journal does, waits for a piece and not for all that state has."""
    whole = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(whole))
        data = whole.reshape(-1).view(np.uint8).data
        for start in range(0, len(data), _PIECE_BYTES):
            file.write(data[start : start + _PIECE_BYTES])
            file.flush()
            os.fdatasync(file.fileno())


def damaged(folder: Path) -> InputRefused:
    """What is raised where a snapshot is not whole."""
    return InputRefused(
        f"{folder.name} holds no whole snapshot of features; restore an older one.",
        code="snapshot_damaged",
    )


def load(folder: Path, about: Mapping[str, object]) -> dict[str, NDArray[np.int64]]:
    """Read the arrays of a folder.

    Raises:
        InputRefused: nothing whole is there, or it was saved about something else.
    """
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        names = manifest.pop("arrays")
        arrays = {
            name: np.load(folder / f"features.{number}.npy", allow_pickle=False)
            for number, name in enumerate(names)
        }
    except (OSError, ValueError, KeyError, EOFError, AttributeError):
        raise damaged(folder) from None
    for key, value in about.items():
        if manifest.get(key) != value:
            raise InputRefused(
                f"The snapshot was taken with {key} {manifest.get(key)!r} and is asked for with "
                f"{value!r}; restore it with the scheme, mode and groups that it was taken with.",
                code="snapshot_of_another",
            )
    return arrays
