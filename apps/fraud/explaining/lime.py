"""LIME: a second opinion on a score from outside the model, the same one every time.

Around one row, features are replaced by ordinary values; a ridge regression says how the margin
follows which of them are kept, near rows counting more (M. Ribeiro, S. Singh, C. Guestrin, "Why
should I trust you?", 2016). The seed comes from the transaction and the model, so that an auditor
gets the very same figures. How well the straight line fits (R²) and how far it agrees with the
exact contributions are part of the answer.
"""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from apps.fraud.explaining.background import Background
from loupe.contract.runtime.errors import InputRefused

SAMPLES = 2_000
TOP = 5
_WIDTH = 0.75
"""Of the kernel, times the square root of the number of features, as the authors have it."""


class Lime(BaseModel):
    """What the straight line says, stored beside the decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    seed: int
    samples: int
    weights: dict[str, float] = Field(description="log-odds for having the row's own value")
    r2: float = Field(description="weighted, of the straight line on the samples")
    agreement: float = Field(description="rank correlation with the exact contributions, −1 to 1")
    shared: int = Field(description=f"of the {TOP} strongest features, how many both name")


def seed_of(transaction: str, model_sha256: str) -> int:
    """Of the lots that are drawn for one transaction and one model."""
    text = f"lime\0{transaction}\0{model_sha256}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def lime(
    row: NDArray[np.float32],
    margins: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    background: Background,
    exact: Sequence[float],
    seed: int,
    samples: int = SAMPLES,
) -> Lime:
    """Explain one row.

    Args:
        row: float32 [features], in the order of `background.names`.
        margins: of rows [n, features].
        exact: the contributions [features] to compare with.

    Raises:
        InputRefused: the row, the contributions and the background do not go together.
    """
    count = len(background.names)
    if row.shape != (count,) or len(exact) != count:
        raise InputRefused(
            f"The row has {row.shape} features, the contributions {len(exact)}; the background "
            f"knows {count}. Take all three from one model.",
            code="features_differ",
        )
    chance = np.random.default_rng(seed)
    # How many are replaced is drawn too, so that near rows and far ones both occur.
    keep = chance.random((samples, count)) < chance.uniform(0.3, 1.0, (samples, 1))
    keep[0] = True
    drawn = np.where(keep, row, background.draw(samples, chance))
    told = np.asarray(margins(drawn.astype(np.float32)), dtype=np.float64).reshape(-1)
    distance = np.sqrt((~keep).sum(axis=1))
    weight = np.exp(-((distance / (_WIDTH * np.sqrt(count))) ** 2))
    line = Ridge(alpha=1.0).fit(keep.astype(np.float64), told, sample_weight=weight)
    fitted = np.asarray(line.coef_, dtype=np.float64)
    said = np.asarray(exact, dtype=np.float64)
    return Lime(
        seed=seed,
        samples=samples,
        weights={name: float(one) for name, one in zip(background.names, fitted, strict=True)},
        r2=float(line.score(keep.astype(np.float64), told, sample_weight=weight)),
        agreement=_agreement(fitted, said),
        shared=len(_strongest(fitted) & _strongest(said)),
    )


def _strongest(weights: NDArray[np.float64]) -> set[int]:
    return set(np.argsort(-np.abs(weights), kind="stable")[:TOP].tolist())


def _agreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Over the features the model used for this row; 0 where there is nothing to rank."""
    used = second != 0
    if used.sum() < 2 or np.ptp(first[used]) == 0 or np.ptp(second[used]) == 0:
        return 0.0
    return float(spearmanr(first[used], second[used]).statistic)
