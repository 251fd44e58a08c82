"""Small models with known answers."""

from functools import cache

import numpy as np
import xgboost

NAMES = (
    "amount", "customer_count_1h", "customer_mean_7d", "device_distinct_7d",
    "terminal_risk_7d", "night", "listed_watch", "kin_device_risk",
)  # fmt: skip


def table(rows: int, seed: int = 0) -> np.ndarray:
    """float32 [rows, 8], some missing."""
    chance = np.random.default_rng(seed)
    found = chance.normal(size=(rows, len(NAMES))).astype(np.float32)
    found[chance.random(found.shape) < 0.08] = np.nan
    return found


@cache
def model(trees: int = 40, depth: int = 5) -> xgboost.Booster:
    """Fitted to the second and the fourth feature and to their product."""
    x = table(3_000)
    filled = np.nan_to_num(x)
    signal = filled[:, 1] + filled[:, 3] + filled[:, 1] * filled[:, 3]
    y = (signal + np.random.default_rng(1).normal(size=len(x)) > 1).astype(int)
    return xgboost.train(
        {"max_depth": depth, "objective": "binary:logistic", "eta": 0.2, "nthread": 1},
        xgboost.DMatrix(x, y),
        trees,
    )


def saved(booster: xgboost.Booster) -> bytes:
    """As an artefact holds it."""
    return bytes(booster.save_raw("json"))
