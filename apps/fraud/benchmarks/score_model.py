"""300 trees for the benchmark: XGBoost on features of the load itself, and its artefact."""

import hashlib
import json
from pathlib import Path

import numpy as np
import xgboost as xgb

TREES, DEPTH = 300, 6


def fitted(values: np.ndarray, seed: int = 0) -> xgb.Booster:
    """A booster of `TREES` trees that separates a target with noise; values are [n, features]."""
    random = np.random.default_rng(seed)
    weights = random.normal(size=values.shape[1])
    scaled = (values - values.mean(0)) / (values.std(0) + 1e-9)
    margin = scaled @ weights / np.sqrt(values.shape[1]) + random.normal(size=len(values))
    matrix = xgb.DMatrix(values, label=(margin > np.quantile(margin, 0.95)).astype(int))
    settings = {"max_depth": DEPTH, "eta": 0.1, "objective": "binary:logistic", "nthread": 2}
    return xgb.train({**settings, "tree_method": "hist", "seed": seed}, matrix, TREES)


def artefact(booster: xgb.Booster, names: list[str], folder: Path) -> Path:
    """The files of a model that the engine loads."""
    folder.mkdir(parents=True)
    booster.save_model(folder / "forest.json")
    manifest = {
        "schema": 1,
        "app": "fraud",
        "runner": "apps.fraud.inference.runner:ForestRunner",
        "files": {"forest.json": hashlib.sha256((folder / "forest.json").read_bytes()).hexdigest()},
        "format": "xgboost",
        "task": "score",
        "classes": [],
        "input": {},
        "features": names,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
