"""Named arrays in a folder: plain ``.npy`` files and a manifest, never a pickle."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.errors import InputRefused

_MANIFEST = "features.json"


def save(
    folder: Path, about: Mapping[str, object], arrays: Mapping[str, NDArray[np.int64]]
) -> None:
    """Write arrays and what is said about them; without the manifest, the last, all is void."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MANIFEST).unlink(missing_ok=True)
    names = sorted(arrays)
    for number, name in enumerate(names):
        np.save(folder / f"features.{number}.npy", arrays[name], allow_pickle=False)
    manifest = json.dumps({**about, "arrays": names}, sort_keys=True)
    (folder / _MANIFEST).write_text(manifest, encoding="utf-8")


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
