"""What a ladder has learned so far, kept on the disk, so that after a kill it goes on.

A ladder is made of pieces: one model of one rung with one seed. Each piece leaves arrays (margins,
perhaps a forest) and a few plain figures. Pieces lie in a checkpoint of
`loupe.contract.runtime.checkpoints`, one file each; a new one links those that were there before.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from loupe.contract.runtime import checkpoints

SUFFIX = ".safetensors"
_FIGURES, _NAMES, _IDENTITY = "figures", "names", "identity"


@dataclass(frozen=True)
class Piece:
    """What one model left: arrays by name, and plain JSON."""

    arrays: Mapping[str, np.ndarray]
    figures: Mapping[str, Any] = field(default_factory=dict)


class Keeping:
    """The pieces of one ladder.

    Args:
        folder: of checkpoints; None: nothing is kept.
        identity: what the pieces depend on: data, recipe, seed. Pieces of another one are not used.
    """

    def __init__(self, folder: Path | None, identity: str = "") -> None:
        self._folder = folder
        self._writing = threading.Lock()
        self._identity = identity

    def piece(self, key: str, make: Callable[[], Piece]) -> Piece:
        """The piece called `key` (letters, digits, ``_`` and ``-``): as it was kept, else made."""
        found = self._kept(key)
        if found is None:
            found = make()
            with self._writing:
                self._keep(key, found)
        return found

    def _kept(self, key: str) -> Piece | None:
        if self._folder is None:
            return None
        for place in checkpoints.complete(self._folder):
            try:
                with safe_open(place / f"{key}{SUFFIX}", framework="numpy") as file:
                    said = file.metadata() or {}
                    if said.get(_IDENTITY) != self._identity:
                        return None
                    names = json.loads(said[_NAMES])
                    arrays = {name: file.get_tensor(name) for name in names}
                return Piece(arrays, json.loads(said[_FIGURES]))
            except FileNotFoundError:
                continue
            except (SafetensorError, OSError, KeyError, ValueError):
                # A damaged piece is made anew.
                continue
        return None

    def _keep(self, key: str, piece: Piece) -> None:
        if self._folder is None:
            return
        before = checkpoints.newest(self._folder)
        step = 1 if before is None else int(before.name) + 1
        with checkpoints.saving(self._folder, step) as fresh:
            for old in sorted(before.iterdir()) if before is not None else ():
                if old.name != f"{key}{SUFFIX}":
                    os.link(old, fresh / old.name)
            save_file(
                {name: np.ascontiguousarray(each) for name, each in piece.arrays.items()},
                fresh / f"{key}{SUFFIX}",
                metadata={
                    _FIGURES: json.dumps(dict(piece.figures)),
                    _NAMES: json.dumps(list(piece.arrays)),
                    _IDENTITY: self._identity,
                },
            )
