"""Which features raised a score, by group: what a decision keeps, and what a page shows.

The runner calls `Explainer.columns` for the rows that will not simply be approved, so the reasons
are frozen with the decision; `decide` turns them into sentences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from apps.fraud.explaining.contributions import contributions
from apps.fraud.explaining.paths import Ways
from apps.fraud.explaining.words import group_of
from loupe.contract.runtime.errors import ModelRefused

TOLD = 4
"""Reasons kept with a decision."""


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one group of features added to the log-odds of a score.

    Attributes:
        feature: the one of the group that pulled the same way the most.
        features: all that added anything, strongest first.
    """

    group: str
    feature: str
    weight: float
    features: tuple[tuple[str, float], ...] = ()


class Explainer:
    """Exact contributions of a model's features. Safe to call from several threads.

    Args:
        ways: of its forest.
        names: of its features, in the order of the forest's columns.
    """

    def __init__(self, ways: Ways, names: Sequence[str]) -> None:
        if len(names) != ways.features:
            raise ModelRefused(
                f"The forest has {ways.features} features; {len(names)} names came with it.",
                code="features_differ",
            )
        self.names = tuple(names)
        self.ways = ways
        told = [group_of(name) for name in self.names]
        self.groups = tuple(dict.fromkeys(told))
        self._group = np.array([self.groups.index(one) for one in told], dtype=np.int64)
        self._members = [np.flatnonzero(self._group == at) for at in range(len(self.groups))]
        self._words = np.array([*self.names, ""])
        # The first call compiles: better while a model loads than while a payment waits.
        for rows in (1, 32):
            contributions(np.zeros((rows, ways.features), np.float32), ways, threads=1)

    @classmethod
    def open(cls, artefact: Path, manifest: Mapping[str, Any]) -> Self:
        """Of the verified files of an artefact: its ``forest.json`` and the manifest's features.

        Raises:
            ModelRefused: the forest cannot be explained.
        """
        data = (artefact / str(manifest.get("network") or "forest.json")).read_bytes()
        return cls(Ways.from_xgboost(data), [str(name) for name in manifest["features"]])

    def columns(
        self, table: NDArray[np.float32], mask: NDArray[np.bool_] | None = None
    ) -> dict[str, NDArray[Any]]:
        """The strongest reasons of each row as result columns.

        Args:
            table: float32 [rows, features] as the model saw them.
            mask: [rows] which rows are explained; None: all.

        Returns:
            ``reasons.1`` … of unicode (the feature; empty where there are no more, or the row is
            not explained), and ``weights.1`` … of float64 (log-odds that its group added; NaN).
        """
        rows = len(table)
        chosen = np.arange(rows) if mask is None else np.flatnonzero(mask)
        feature = np.full((rows, TOLD), len(self.names), dtype=np.int64)
        weight = np.full((rows, TOLD), np.nan)
        if len(chosen):
            added = contributions(table[chosen], self.ways)
            feature[chosen], weight[chosen] = self._strongest(added)
        found: dict[str, NDArray[Any]] = {}
        for place in range(TOLD):
            found[f"reasons.{place + 1}"] = self._words[feature[:, place]]
            found[f"weights.{place + 1}"] = weight[:, place].copy()
        return found

    def one(self, row: NDArray[np.float32]) -> tuple[Contribution, ...]:
        """All groups of one row [features], those that raised the score first."""
        added = contributions(row[None, :], self.ways)[0]
        found = []
        for group, members in zip(self.groups, self._members, strict=True):
            weight = float(added[members].sum())
            order = members[np.argsort(-added[members] * (1 if weight >= 0 else -1), kind="stable")]
            told = tuple((self.names[at], float(added[at])) for at in order if added[at] != 0)
            found.append(
                Contribution(
                    group=group, feature=self.names[order[0]], weight=weight, features=told
                )
            )
        return tuple(sorted(found, key=lambda one: -one.weight))

    def _strongest(
        self, added: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Features and weights [rows, TOLD] of the groups that raised each row's score."""
        count = len(self.groups)
        sums, leads = np.empty((len(added), count)), np.empty((len(added), count), np.int64)
        for at, members in enumerate(self._members):
            part = added[:, members]
            sums[:, at] = part.sum(axis=1)
            leads[:, at] = members[part.argmax(axis=1)]
        order = np.argsort(-sums, axis=1, kind="stable")[:, :TOLD]
        weight = np.take_along_axis(sums, order, axis=1)
        feature = np.where(weight > 0, np.take_along_axis(leads, order, axis=1), len(self.names))
        weight = np.where(weight > 0, weight, np.nan)
        if count < TOLD:
            gap = ((0, 0), (0, TOLD - count))
            feature = np.pad(feature, gap, constant_values=len(self.names))
            weight = np.pad(weight, gap, constant_values=np.nan)
        return feature, weight


def reasons(
    columns: Mapping[str, NDArray[Any]], mask: NDArray[np.bool_], explainer: Explainer
) -> list[list[tuple[str, float]]]:
    """The strongest reasons of each row of `mask`, as (feature, log-odds); none for other rows.

    Args:
        columns: with ``feature.<name>`` for each of the model's features, as its runner takes them.
    """
    table = np.stack(
        [np.asarray(columns[f"feature.{name}"], dtype=np.float32) for name in explainer.names],
        axis=1,
    )
    told = explainer.columns(table, mask)
    return [
        [
            (str(told[f"reasons.{place}"][row]), float(told[f"weights.{place}"][row]))
            for place in range(1, TOLD + 1)
            if told[f"reasons.{place}"][row]
        ]
        for row in range(len(table))
    ]
