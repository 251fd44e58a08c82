"""A model and an operating point that decide again what production has decided.

Features are frozen in the blocks, so a challenger needs no state of its own. The forest, and torch
with it, is loaded when a block is to be scored: for processes of their own.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apps.fraud.decide import decide_columns
from apps.fraud.events import ENTITY, FEATURE
from apps.fraud.inference.embeddings import AGE
from apps.fraud.operating.blocks import Decisions
from apps.fraud.schema import OperatingPoint
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.steps import load

if TYPE_CHECKING:
    from apps.fraud.explaining.runner import ExplainingRunner
    from apps.fraud.inference.runner import ForestRunner

_FEATURES, _ENTITIES = "features.", "entities."


class Challenger:
    """Scores by the forest of an artefact, or keeps production's scores without one."""

    def __init__(self, artefact: Path | None, point: OperatingPoint) -> None:
        self.point = point
        self._artefact = artefact
        self._runner: ForestRunner | None = None

    def scored(self, block: Decisions, *, again: bool) -> Columns:
        """The block's columns with this model's scores.

        Args:
            again: False where the block was scored by this very version: its scores stand.

        Raises:
            InputRefused: the block lacks a feature of the model.
            ModelRefused: the artefact cannot be used.
        """
        if self._artefact is None or not again or not len(block):
            return block.columns
        if self._runner is None:
            self._runner = self._opened(self._artefact)
        return {**block.columns, "score": self._scores(self._runner, block.columns)}

    def decided(self, columns: Columns) -> DecisionColumns:
        """What the point makes of scored transactions."""
        return decide_columns(columns, self.point)

    def explainer(self) -> "ExplainingRunner":
        """Its forest as one that says why.

        Raises:
            InputRefused: there is no artefact.
            ModelRefused: the artefact cannot be used.
        """
        if self._artefact is None:
            raise InputRefused("No model is named.", code="order")
        manifest = json.loads((self._artefact / "manifest.json").read_text(encoding="utf-8"))
        place = "apps.fraud.explaining.runner:ExplainingRunner"
        runner: ExplainingRunner = load(place)(self._artefact, manifest)
        return runner

    def _opened(self, artefact: Path) -> "ForestRunner":
        manifest = json.loads((artefact / "manifest.json").read_text(encoding="utf-8"))
        runner: ForestRunner = load("apps.fraud.inference.runner:ForestRunner")(artefact, manifest)
        return runner

    def _scores(self, runner: "ForestRunner", columns: Columns) -> NDArray[np.float64]:
        named = {
            FEATURE + name.removeprefix(_FEATURES): column
            for name, column in columns.items()
            if name.startswith(_FEATURES)
        }
        named |= self._embeddings(runner, columns)
        return np.asarray(runner.scores(runner.margins(runner.table(named))), dtype=np.float64)

    def _embeddings(self, runner: "ForestRunner", columns: Columns) -> Columns:
        """Its own embeddings of that time; those in the block are of the model that scored it.

        Raises:
            InputRefused: none that old are kept.
        """
        if runner.embeddings is None:
            return {}
        arrays = {
            ENTITY + name.removeprefix(_ENTITIES): column
            for name, column in columns.items()
            if name.startswith(_ENTITIES)
        }
        arrays |= {name: columns[name] for name in ("event_time", "known_at")}
        found = runner.embeddings.columns(arrays, self.point.embeddings)
        if np.isnan(found[FEATURE + AGE]).any():
            raise InputRefused(
                "The model reads embeddings of entities, and none are kept of the time before "
                "these transactions.",
                code="embeddings_missing",
            )
        return found
