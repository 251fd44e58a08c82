"""Arrays kept in one file beside what they were computed from, written whole or not at all."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.operating.boxes import Boxes
from apps.defect_detection.operating.predictions import Predictions

WORDS = "words"
"""The entry that holds what is not an array, as JSON."""
_BOXES = ("owner", "label", "score", "corners", "usual")


def write(path: Path, words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write both to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{uuid4().hex[:8]}")
    text = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
    try:
        with partial.open("wb") as target:
            _write_arrays(target, {WORDS: text, **arrays})
            target.flush()
            os.fsync(target.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_arrays(target: IO[bytes], arrays: Mapping[str, Any]) -> None:
    np.savez(target, **arrays)


def read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """What was written; None where nothing whole is there: it is computed again then."""
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
            words = json.loads(arrays.pop(WORDS).tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return (words, arrays) if isinstance(words, dict) else None


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Keep predictions in columns: reading them back takes a tenth of parsing their lines."""
    arrays: dict[str, NDArray[Any]] = {
        "size": predictions.size,
        "part": predictions.part,
        "split": predictions.split,
        "on": predictions.on,
    }
    for kind, boxes in (("truth", predictions.truth), ("boxes", predictions.boxes)):
        arrays |= {f"{kind}_{name}": getattr(boxes, name) for name in _BOXES}
    words = {
        "classes": predictions.classes,
        "names": predictions.names,
        "parts": predictions.parts,
    }
    write(path, words, arrays)


def read_predictions(path: Path) -> Predictions | None:
    """What `write_predictions` kept; None where it is not there."""
    kept = read(path)
    if kept is None:
        return None
    words, arrays = kept
    truth, boxes = (
        Boxes(**{name: arrays[f"{kind}_{name}"] for name in _BOXES}) for kind in ("truth", "boxes")
    )
    return Predictions(
        classes=tuple(words["classes"]),
        names=tuple(words["names"]),
        parts=tuple(words["parts"]),
        size=arrays["size"],
        part=arrays["part"],
        split=arrays["split"],
        on=arrays["on"],
        truth=truth,
        boxes=boxes,
    )
