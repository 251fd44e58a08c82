"""A forest as ways from root to leaf: what exact contributions are computed from.

On its way to a leaf a tree asks some features, perhaps several times. All questions to one feature
together ask one thing: does the value lie in [low, high), or is it missing and would have gone
this way? So a way is a leaf's value and, for each feature it asks, that interval and the share of
the training weight that went on at its questions: what happens to a row of which the feature is
not known. (The form is that of R. Mitchell, E. Frank, G. Holmes, "GPUTreeShap: massively parallel
exact calculation of SHAP scores for tree ensembles", PeerJ Computer Science 8, 2022.)
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core_kernels.dispatch.forest import PackedForest
from core_kernels.errors import ArgumentRefused
from loupe.contract.runtime.errors import ModelRefused

Floats = NDArray[np.float64]
MOST_WAYS = 2_000_000
DEEPEST = 60
"""Features of one way; deeper trees are refused rather than explained slowly."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """All ways of a forest with one output.

    Attributes:
        value: float64 [ways] of the leaves.
        start: int64 [ways + 1], where the parts of each way begin.
        feature: int32 [parts].
        low, high: float32 [parts]; a value v goes this way where low <= v < high.
        missing: bool [parts]: a missing value goes this way.
        share: float64 [parts] of the weight that went on, 0 to 1.
        features: how many a row has.
        names: of the features; empty where the model does not tell.
        usual: the margin of a row of which nothing is known.
    """

    value: Floats
    start: NDArray[np.int64]
    feature: NDArray[np.int32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    missing: NDArray[np.bool_]
    share: Floats
    features: int
    names: tuple[str, ...]
    usual: float

    @classmethod
    def from_xgboost(cls, data: bytes) -> Self:
        """From the bytes of a model file of XGBoost in JSON.

        Raises:
            ModelRefused: it is damaged, has several outputs, or tells no weights.
        """
        # Everything but the weights is checked here: indices, lengths, children, depth.
        try:
            packed = PackedForest.from_xgboost(data)
        except ArgumentRefused as error:
            raise ModelRefused(str(error)) from error
        if len(packed.base) != 1:
            raise ModelRefused(f"The model has {len(packed.base)} outputs; one is explained.")
        try:
            trees = json.loads(data)["learner"]["gradient_booster"]["model"]["trees"]
            parts = _Parts()
            for number, tree in enumerate(trees):
                parts.add(number, tree)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelRefused(
                f"The model's trees cannot be explained ({type(error).__name__}: {error}); save "
                "it as JSON with save_model."
            ) from error
        return cls(
            value=np.array(parts.value, dtype=np.float64),
            start=np.array(parts.start, dtype=np.int64),
            feature=np.array(parts.feature, dtype=np.int32),
            low=np.array(parts.low, dtype=np.float32),
            high=np.array(parts.high, dtype=np.float32),
            missing=np.array(parts.missing, dtype=bool),
            share=np.array(parts.share, dtype=np.float64),
            features=packed.features,
            names=packed.feature_names,
            usual=float(packed.base[0]) + parts.usual,
        )

    @property
    def longest(self) -> int:
        """The most features that one way asks."""
        return int(np.diff(self.start).max(initial=0))


@dataclass
class _Asked:
    """What a way asks of one feature."""

    low: float = -np.inf
    high: float = np.inf
    missing: bool = True
    share: float = 1.0


class _Parts:
    """Ways as they are found."""

    def __init__(self) -> None:
        self.value: list[float] = []
        self.start: list[int] = [0]
        self.feature: list[int] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.missing: list[bool] = []
        self.share: list[float] = []
        self.usual = 0.0

    def add(self, number: int, tree: Mapping[str, Any]) -> None:
        """The ways of one tree, whose form has been checked."""
        weights = [float(weight) for weight in tree["sum_hessian"]]
        if len(weights) != len(tree["left_children"]) or not np.isfinite(weights).all():
            raise ModelRefused(f"Tree {number} tells no weight for each of its nodes.")
        for leaf, asked in _walk(tree, weights):
            value = float(tree["split_conditions"][leaf])
            part = float(np.prod([one.share for one in asked.values()]))
            self.usual += value * part
            if not asked:
                continue
            if len(asked) > DEEPEST or len(self.value) >= MOST_WAYS:
                raise ModelRefused(
                    f"Tree {number} asks {len(asked)} features on a way, {len(self.value):,} ways "
                    f"so far; {DEEPEST} and {MOST_WAYS:,} are explained."
                )
            self.value.append(value)
            for feature, one in asked.items():
                self.feature.append(feature)
                self.low.append(one.low)
                self.high.append(one.high)
                self.missing.append(one.missing)
                self.share.append(one.share)
            self.start.append(len(self.feature))


def _walk(tree: Mapping[str, Any], weights: list[float]) -> Iterator[tuple[int, dict[int, _Asked]]]:
    """Every leaf with what is asked on the way to it."""
    left, right = tree["left_children"], tree["right_children"]
    stack: list[tuple[int, dict[int, _Asked]]] = [(0, {})]
    while stack:
        node, asked = stack.pop()
        if left[node] < 0:
            yield node, asked
            continue
        feature, cut = int(tree["split_indices"][node]), float(tree["split_conditions"][node])
        by_default = bool(tree["default_left"][node])
        for child, goes_left in ((left[node], True), (right[node], False)):
            before = asked.get(feature, _Asked())
            share = weights[child] / weights[node] if weights[node] > 0 else 0.0
            one = _Asked(
                low=before.low if goes_left else max(before.low, cut),
                high=min(before.high, cut) if goes_left else before.high,
                missing=before.missing and by_default == goes_left,
                share=before.share * share,
            )
            stack.append((int(child), {**asked, feature: one}))
