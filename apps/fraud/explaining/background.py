"""What is ordinary: quantiles of each feature in the data a model was trained on."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from apps.fraud.explaining.paths import Ways
from loupe.contract.runtime.errors import ModelRefused

STEPS = 20
"""Quantiles from the smallest to the largest value, one more than this."""


class Background(BaseModel):
    """Statistics of the features of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    names: tuple[str, ...] = Field(max_length=5_000)
    quantiles: tuple[tuple[float, ...], ...] = Field(description="of each feature, ascending")
    missing: tuple[float, ...] = Field(description="share of rows without the feature")
    rows: int

    @classmethod
    def of(cls, table: NDArray[np.float32], names: tuple[str, ...]) -> Self:
        """Of the training rows [rows, features]; NaN is missing."""
        quantiles, missing = [], []
        for column in np.asarray(table, dtype=np.float64).T:
            known = column[np.isfinite(column)]
            at = np.linspace(0, 1, STEPS + 1)
            told = np.quantile(known, at) if len(known) else np.zeros(STEPS + 1)
            quantiles.append(tuple(float(one) for one in told))
            missing.append(float(1 - len(known) / len(column)) if len(column) else 1.0)
        return cls(names=names, quantiles=tuple(quantiles), missing=tuple(missing), rows=len(table))

    @classmethod
    def of_reference(cls, reference: Mapping[str, Any], names: tuple[str, ...]) -> Self:
        """Of the ``reference`` of a manifest, which keeps inner edges of equally full bins.

        Raises:
            ModelRefused: it tells no edges of some feature.
        """
        at, quantiles = np.linspace(0, 1, STEPS + 1), []
        try:
            for name in names:
                edges = np.array(reference["features"][name]["edges"], dtype=np.float64)
                inner = np.arange(1, len(edges) + 1) / (len(edges) + 1)
                told = np.interp(at, inner, edges) if len(edges) else np.zeros(STEPS + 1)
                quantiles.append(tuple(float(one) for one in told))
            rows = int(reference["rows"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelRefused(
                f"reference of the manifest tells no edges of each feature ({error!r}). Train the "
                "model again, or leave it out.",
                code="reference_invalid",
            ) from error
        return cls(names=names, quantiles=tuple(quantiles), missing=(0.0,) * len(names), rows=rows)

    @classmethod
    def of_forest(cls, ways: Ways, names: tuple[str, ...]) -> Self:
        """For an artefact that kept no statistics: of the thresholds its forest asks, which lie
        where training values did. `rows` is 0 then."""
        quantiles, missing = [], []
        at = np.linspace(0, 1, STEPS + 1)
        for feature in range(ways.features):
            asked = ways.feature == feature
            ends = np.concatenate([ways.low[asked], ways.high[asked]]).astype(np.float64)
            known = np.unique(ends[np.isfinite(ends)])
            told = np.quantile(known, at) if len(known) else np.zeros(STEPS + 1)
            quantiles.append(tuple(float(one) for one in told))
            missing.append(0.0)
        return cls(names=names, quantiles=tuple(quantiles), missing=tuple(missing), rows=0)

    def draw(self, count: int, chance: np.random.Generator) -> NDArray[np.float32]:
        """Rows [count, features] of ordinary values, each feature on its own."""
        table = np.array(self.quantiles, dtype=np.float64)
        place = chance.random((count, len(table))) * STEPS
        below = place.astype(np.int64)
        columns = np.arange(len(table))
        low, high = table[columns, below], table[columns, np.minimum(below + 1, STEPS)]
        values = low + (high - low) * (place - below)
        gone = chance.random(values.shape) < np.array(self.missing)
        return np.where(gone, np.nan, values).astype(np.float32)
