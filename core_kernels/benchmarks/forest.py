"""`forest` against XGBoost on the CPU: 300 trees of depth 6 over 60 features."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.forest import PackedForest, forest

NEEDS = ("xgboost",)
_PEER = "xgboost inplace_predict, CPU"


def trained(*, rows: int, features: int, trees: int, depth: int) -> tuple[Any, np.ndarray]:
    """A booster over columns of which some are missing; and rows like those it was trained on."""
    xgboost = import_module("xgboost")
    draw = np.random.default_rng(0)
    table = draw.normal(size=(rows, features)).astype(np.float32)
    table[draw.random(table.shape) < 0.1] = np.nan
    label = np.nan_to_num(table)[:, : features // 4].sum(1) + draw.normal(size=rows) > 0
    how = {"objective": "binary:logistic", "max_depth": depth, "seed": 1}
    return xgboost.train(how, xgboost.DMatrix(table, label), trees), table


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """One row, a thousand, and many; the peer runs on this machine's CPU with all its cores."""
    booster, table = trained(
        rows=2_000 if quick else 50_000, features=60, trees=20 if quick else 300, depth=6
    )
    trees = PackedForest.from_xgboost(bytes(booster.save_raw("ubj"))).to(device)
    many = 10_000 if quick else (1_000_000 if device.type == "cuda" else 200_000)
    for count in (1, 1_000, many):
        rows = np.ascontiguousarray(np.resize(table, (count, 60)))
        goal = Goal(ratio=10 if device.type == "cuda" and count == many else 1, peer=_PEER)
        yield _case(f"{count:,} rows", booster, trees, rows, device, goal)


def _case(
    label: str,
    booster: Any,
    trees: PackedForest,
    rows: np.ndarray,
    device: torch.device,
    goal: Goal,
) -> Case:
    x: Tensor = torch.from_numpy(rows).to(device)

    def check() -> None:
        expected = booster.inplace_predict(rows, predict_type="margin")
        ours = forest(x, trees)[:, 0].cpu().numpy()
        if not np.array_equal(ours, expected):
            differ = int((ours != expected).sum())
            raise AssertionError(f"{differ} of {len(rows)} margins differ from XGBoost's")

    peers: dict[str, Run | None] = {
        _PEER: lambda: booster.inplace_predict(rows, predict_type="margin")
    }
    return Case(
        operation="forest",
        label=f"{label}, {len(trees.roots)} trees",
        ours=lambda: forest(x, trees, trusted=True),
        check=check,
        peers=peers,
        bytes=rows.nbytes + 4 * len(rows),
        units=len(rows),
        goals=(goal,),
    )
