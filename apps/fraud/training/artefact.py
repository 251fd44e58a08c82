"""Writes a trained forest as an artefact of the model repository: JSON and plain numbers only."""

import hashlib
import importlib.metadata
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from apps.fraud.features.catalogue import GRAPH
from apps.fraud.inference.calibration import Calibration
from apps.fraud.inference.embeddings import ENCODER
from apps.fraud.inference.model import FOREST
from apps.fraud.inference.uploads import RUNNER
from apps.fraud.scheme import Scheme
from apps.fraud.training.encoder import Encoder

BINS = 10
LICENCE = "AGPL-3.0-or-later"
LIBRARIES = ("xgboost-cpu", "scikit-learn", "numpy", "torch", "torch-geometric")


def write(
    folder: Path,
    *,
    booster: xgboost.Booster,
    features: Sequence[str],
    scheme: Scheme,
    calibration: Calibration,
    calibrated_by: str,
    said: Mapping[str, Any],
    reference: Mapping[str, Any],
    operating_point: Mapping[str, Any],
    card: str,
    data_sha256: str,
    seed: int,
    name: str = "",
    description: str = "",
    encoder: Encoder | None = None,
) -> dict[str, Any]:
    """Write forest, ladder, card and manifest into `folder`, which is made anew; return the
    manifest.

    Args:
        encoder: of the embeddings that the forest reads.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    booster.save_model(folder / FOREST)
    if encoder is not None:
        encoder.write(folder / ENCODER)
    (folder / "ladder.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    (folder / "README.md").write_text(card, encoding="utf-8")
    files = sorted(path.name for path in folder.iterdir())
    manifest: dict[str, Any] = {
        "schema": 1,
        "app": "fraud",
        "description": description
        or f"{len(features)} features, {booster.num_boosted_rounds()} trees",
        "runner": RUNNER,
        "files": {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files},
        "format": "xgboost",
        "network": FOREST,
        "features": list(features),
        "groups": list(GRAPH),
        "scheme": scheme.model_dump(mode="json"),
        "scheme_sha256": scheme.sha256,
        "calibration": calibration.told(),
        "calibrated_by": calibrated_by,
        "reference": reference,
        "operating_point": operating_point,
        "data_sha256": data_sha256,
        "seed": seed,
        "seeds": said["seeds"],
        "versions": versions(),
        "licence": LICENCE,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if name:
        manifest["name"] = name
    if encoder is not None:
        manifest["embeddings"] = encoder.declared()
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return manifest


def versions() -> dict[str, str]:
    """Of the libraries that took part."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def reference_of(
    values: NDArray[np.float32], names: Sequence[str], scores: NDArray[np.float64]
) -> dict[str, Any]:
    """How features and scores were spread over the test: what drift is told from.

    For each: `edges` of at most ten equally full bins, inner ones only, and the `shares` of rows in
    each bin.
    """
    return {
        "rows": len(values),
        "features": {name: _spread(values[:, index]) for index, name in enumerate(names)},
        "score": _spread(scores),
    }


def _spread(column: NDArray) -> dict[str, list[float]]:
    there = column[np.isfinite(column)].astype(np.float64)
    if not len(there):
        return {"edges": [], "shares": [1.0]}
    edges = np.unique(np.quantile(there, np.linspace(0, 1, BINS + 1)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, there, side="right"), minlength=len(edges) + 1)
    return {
        "edges": [float(f"{edge:.9g}") for edge in edges],
        "shares": [round(float(count) / len(there), 6) for count in counts],
    }
