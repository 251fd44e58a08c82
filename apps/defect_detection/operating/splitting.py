"""Which parts choose a threshold and which ones certify it; no part ever does both."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.operating.predictions import SPLITS, Predictions


def certifying(predictions: Predictions, bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts that certify [U]; the others choose.

    Where the dataset has both a validation and a test split, validation chooses (it has picked the
    checkpoint already) and test certifies. Else the parts are halved by a hash of their names, good
    and bad ones apart. Nobody can draw again until the result pleases.
    """
    test = predictions.split == SPLITS.index("test")
    others = np.zeros(len(predictions.parts), dtype=bool)
    others[predictions.part[~test]] = True
    if others.any() and not others.all():
        return ~others
    order = np.array([_lot(name) for name in predictions.parts], dtype=np.uint64)
    chosen = np.zeros(len(predictions.parts), dtype=bool)
    for stratum in (bad, ~bad):
        members = np.flatnonzero(stratum)
        # The odd one certifies: there a part more counts for more.
        chosen[members[np.argsort(order[members], kind="stable")][len(members) // 2 :]] = True
    return chosen


def _lot(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"operating point\0{name}".encode()).digest()[:8], "big")
