"""What a fraud model needs besides its trees: its features in order, and how margins are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from apps.fraud.inference.calibration import Calibration
from core_kernels.dispatch.forest import PackedForest
from core_kernels.errors import ArgumentRefused
from loupe.contract.runtime.errors import ModelRefused

FOREST = "forest.json"
MOST_FEATURES = 5_000
MOST_BYTES = 256 * 2**20
LONGEST_NAME = 120


@dataclass(frozen=True)
class FraudModel:
    """A forest with the names of its features.

    Attributes:
        features: without the prefix ``feature.``, in the order of the forest's columns.
        calibration: None: the logistic function of the margin.
    """

    forest: PackedForest
    features: tuple[str, ...]
    calibration: Calibration | None

    @classmethod
    def open(cls, artefact: Path, manifest: Mapping[str, Any]) -> Self:
        """Read the verified files of an artefact.

        Raises:
            ModelRefused: the forest cannot be read, has several outputs, or is of other features
                than the manifest names.
        """
        forest = read_forest(artefact / str(manifest.get("network") or FOREST))
        features = feature_names(manifest.get("features"))
        if forest.features != len(features):
            raise ModelRefused(
                f"The forest has {forest.features} features and the manifest names "
                f"{len(features)}. Train or upload the model again.",
                code="features_differ",
            )
        if forest.feature_names and forest.feature_names != features:
            at = next(
                index
                for index, pair in enumerate(zip(forest.feature_names, features, strict=True))
                if pair[0] != pair[1]
            )
            raise ModelRefused(
                f"Feature {at} is {forest.feature_names[at]!r} in the forest and {features[at]!r} "
                "in the manifest. Train or upload the model again.",
                code="features_differ",
            )
        return cls(forest, features, Calibration.of(manifest))


def read_forest(file: Path) -> PackedForest:
    """The forest of an XGBoost model file, JSON or UBJSON, with one output.

    Raises:
        ModelRefused: the file is missing, too large, no such model, has several outputs, or could
            come to a margin that is no finite number.
    """
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise ModelRefused(
                f"{file.name} has {size / 2**20:.0f} MiB; a forest may have "
                f"{MOST_BYTES // 2**20}. Use fewer or shallower trees.",
                code="model_too_large",
            )
        forest = PackedForest.from_xgboost(file.read_bytes())
    except OSError as error:
        raise ModelRefused(
            f"{file.name} cannot be read: {error.strerror}.", code="file_missing"
        ) from error
    except ArgumentRefused as error:
        raise ModelRefused(
            f"{file.name} is no forest that can be read: {error}", code="not_a_forest"
        ) from error
    if len(forest.base) != 1:
        raise ModelRefused(
            f"{file.name} has {len(forest.base)} outputs; a fraud model has one margin. Train it "
            "with the objective binary:logistic.",
            code="several_outputs",
        )
    if not _always_finite(forest):
        raise ModelRefused(
            f"{file.name} has leaves that are no finite numbers, or so large that their sum is "
            "none. Train it again.",
            code="not_finite",
        )
    return forest


def _always_finite(forest: PackedForest) -> bool:
    """Whether no row can come to a margin that is infinite or no number: the largest leaves of all
    trees together fit 32 bits, whatever their signs."""
    leaves = forest.nodes[:, 3].contiguous().numpy().view(np.float32)  # 0 in all other nodes
    roots, base = forest.roots.numpy(), float(forest.base[0])
    largest = np.maximum.reduceat(np.abs(leaves, dtype=np.float64), roots) if len(roots) else [0.0]
    return bool(abs(base) + float(np.sum(largest)) < float(np.finfo(np.float32).max))


def feature_names(said: object) -> tuple[str, ...]:
    """The names in a manifest, checked.

    Raises:
        ModelRefused: they are no list of different, short, printable names.
    """
    names = said if isinstance(said, list) else []
    fits = all(isinstance(one, str) and 0 < len(one) <= LONGEST_NAME for one in names)
    if not fits or not 0 < len(names) <= MOST_FEATURES or len(set(names)) < len(names):
        raise ModelRefused(
            f"features of the manifest must be 1 to {MOST_FEATURES} different names of up to "
            f"{LONGEST_NAME} characters, in the order of the forest's columns.",
            code="features_invalid",
        )
    if odd := [one for one in names if not one.isprintable()]:
        raise ModelRefused(
            f"The feature {odd[0]!r} has characters that cannot be printed.",
            code="features_invalid",
        )
    return tuple(names)
