"""Small forests for tests, trained on the spot."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

NAMES = ("amount", "customer_count_1d", "terminal_risk_7d")


def rows(count: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values with some missing, and labels that depend on them."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, len(NAMES))).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    label = (np.nan_to_num(values[:, 0]) + np.nan_to_num(values[:, 2]) > 1).astype(np.int64)
    return values, label


def booster(names: tuple[str, ...] | None = NAMES, **more: Any) -> xgboost.Booster:
    """Ten trees."""
    values, label = rows()
    data = xgboost.DMatrix(values, label, feature_names=list(names) if names else None)
    parameters = {"objective": "binary:logistic", "max_depth": 4, "nthread": 1, **more}
    return xgboost.train(parameters, data, 10)


def artefact(folder: Path, **manifest: Any) -> dict[str, Any]:
    """Files of a model in `folder`, and its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    booster().save_model(folder / "forest.json")
    told = {"features": list(NAMES), "network": "forest.json", "calibration": None, **manifest}
    (folder / "manifest.json").write_text(json.dumps(told))
    return told
