"""A model and an operating point that decide again what production has decided.

Features are frozen in the blocks, so a challenger needs no state of its own. Loads torch: for
processes of their own.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.fraud.decide import decide_columns
from apps.fraud.events import FEATURE
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.operating.blocks import Decisions
from apps.fraud.schema import OperatingPoint
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns

_FEATURES = "features."


class Challenger:
    """Scores by the forest of an artefact, or keeps production's scores without one."""

    def __init__(self, artefact: Path | None, point: OperatingPoint) -> None:
        """Read the forest.

        Raises:
            ModelRefused: the artefact cannot be used.
        """
        self.point = point
        self._runner: ForestRunner | None = None
        if artefact is not None:
            manifest = json.loads((artefact / "manifest.json").read_text(encoding="utf-8"))
            self._runner = ForestRunner(artefact, manifest)

    def scored(self, block: Decisions, *, again: bool) -> Columns:
        """The block's columns with this model's scores.

        Args:
            again: False where the block was scored by this very version: its scores stand.

        Raises:
            InputRefused: the block lacks a feature of the model.
        """
        if self._runner is None or not again or not len(block):
            return block.columns
        return {**block.columns, "score": self._scores(self._runner, block.columns)}

    def decided(self, columns: Columns) -> DecisionColumns:
        """What the point makes of scored transactions."""
        return decide_columns(columns, self.point)

    def _scores(self, runner: ForestRunner, columns: Columns) -> NDArray[np.float64]:
        named = {
            FEATURE + name.removeprefix(_FEATURES): column
            for name, column in columns.items()
            if name.startswith(_FEATURES)
        }
        return np.asarray(runner.scores(runner.margins(runner.table(named))), dtype=np.float64)
