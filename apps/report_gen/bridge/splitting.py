"""Which scans measure and which are trained on: by the values of a scan, so never both.

A scan is known by the SHA-256 of its Hounsfield units, however it is packed and whatever its file
is called.
"""

import hashlib
from collections.abc import Collection
from enum import StrEnum
from typing import Final

import numpy as np

from apps.report_gen.volume import Volume
from loupe.contract.runtime.errors import InputRefused

MEASURING_SHARE: Final = 0.2
BACKGROUNDS: Final = "backgrounds"
"""In a model's card: the hashes of the scans that nodules were put into for its training."""


class Part(StrEnum):
    """What a scan is for."""

    TRAINING = "training"
    MEASURING = "measuring"


def scan_hash(volume: Volume) -> str:
    """SHA-256 of the shape and the Hounsfield units of a volume."""
    digest = hashlib.sha256(str(volume.shape).encode())
    digest.update(np.ascontiguousarray(volume.hu).data)
    return digest.hexdigest()


def part_of(digest: str) -> Part:
    """A fifth of all scans is for measuring, the same ones everywhere."""
    share = int(digest[:8], 16) / 2**32
    return Part.MEASURING if share < MEASURING_SHARE else Part.TRAINING


def require_unseen(digest: str, name: str, backgrounds: Collection[str]) -> None:
    """Refuse to measure on a scan that the model was trained on.

    Raises:
        InputRefused: it is a background of the model's training.
    """
    if digest in backgrounds:
        raise InputRefused(
            f"{name} (sha256 {digest[:12]}…) was a background when this model was trained; "
            "measure on a scan that it has not seen.",
            code="scan_trained_on",
        )


def require_training(digest: str, name: str) -> None:
    """Refuse to train on a scan that is kept for measuring.

    Raises:
        InputRefused: it belongs to the fifth that measures.
    """
    if part_of(digest) is Part.MEASURING:
        raise InputRefused(
            f"{name} (sha256 {digest[:12]}…) is kept for measuring; nodules are put into other "
            "scans when a model is trained.",
            code="scan_kept_for_measuring",
        )
