"""The forest resident in the engine: feature columns in, score and margin out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from apps.fraud.events import FEATURE
from apps.fraud.inference.calibration import sigmoid
from apps.fraud.inference.embeddings import AGE, PROJECT, Embeddings
from apps.fraud.inference.model import FraudModel
from core_kernels.dispatch.forest import forest
from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.contract.runtime.lanes import Batching
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.signature import Signature, Tensor
from loupe.contract.runtime.steps import Clock


class ForestRunner:
    """A `Runner`. A request carries ``feature.<name>`` columns of one length, NaN where a value is
    missing; others are not looked at.

    A model that reads embeddings of entities looks them up (`apps.fraud.inference.embeddings`),
    unless they are among the columns: those of the project whose id is ``embeddings`` in `meta`.

    The answer is ``margin`` [n] float32, bit for bit XGBoost's, and ``score`` [n] float64: the
    calibrated probability of fraud, in the order of the margins; and, as further columns of
    features, the embeddings that were looked up.
    """

    SIGNATURE = Signature(
        inputs=(Tensor(name="feature.amount", datatype="FP32", shape=(-1,)),),
        outputs=(
            Tensor(name="score", datatype="FP64", shape=(-1,)),
            Tensor(name="margin", datatype="FP32", shape=(-1,)),
        ),
    )

    def __init__(self, artefact: Path, manifest: Mapping[str, Any]) -> None:
        self.model = FraudModel.open(artefact, manifest)
        self._columns = tuple(FEATURE + name for name in self.model.features)
        self.embeddings = Embeddings.declared(artefact, manifest)

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        """Answer each request; all rows go through the trees together.

        Raises:
            InputRefused: a feature is missing, or cannot be used.
            ModelRefused: the model comes to a score that is no finite number.
        """
        with clock.stage("gather"):
            looked_up = [self.looked_up(request) for request in requests]
            tables = [
                self.table({**request.arrays, **more})
                for request, more in zip(requests, looked_up, strict=True)
            ]
        if not tables:
            return []
        with clock.stage("forest"):
            margins = self.margins(np.concatenate(tables) if len(tables) > 1 else tables[0])
        ends = np.cumsum([len(table) for table in tables])[:-1]
        return [
            self._told(part, more)
            for part, more in zip(np.split(margins, ends), looked_up, strict=True)
        ]

    @property
    def batching(self) -> Batching:
        """Requests gain from going together: the trees stay in the cache."""
        return Batching(max_items=10_000, window_ms=0.5)

    def group(self, request: Payload) -> str | None:
        """All requests go together."""
        return "rows"

    def items(self, request: Payload) -> int:
        """Its rows."""
        column = request.arrays.get(self._columns[0])
        return 1 if column is None else max(1, len(column))

    def looked_up(self, request: Payload) -> dict[str, np.ndarray]:
        """The embeddings of a request's entities, as columns; empty where the model reads none, or
        the request has them.

        Raises:
            InputRefused: ``embeddings`` is no project's id.
        """
        if self.embeddings is None or FEATURE + AGE in request.arrays:
            return {}
        return self.embeddings.columns(request.arrays, str(request.meta.get(PROJECT) or ""))

    def table(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """[n, features] float32, in the model's order.

        Raises:
            InputRefused: a feature is missing, no column of numbers, of another length, or has an
                infinite value.
        """
        missing = [name for name in self._columns if name not in arrays]
        if missing:
            raise InputRefused(
                f"{len(missing)} of the model's {len(self._columns)} features are missing, "
                f"{missing[0]} first. The model was trained for another scheme or other groups of "
                "features: train one for this project.",
                code="feature_missing",
            )
        rows = len(arrays[self._columns[0]])
        table = np.empty((rows, len(self._columns)), np.float32)
        with np.errstate(over="ignore"):
            for index, name in enumerate(self._columns):
                column = arrays[name]
                if column.shape != (rows,) or column.dtype.kind not in "fiub":
                    raise InputRefused(
                        f"{name} is {column.dtype} of shape {column.shape}; give numbers of shape "
                        f"({rows},), as the other features are.",
                        code="feature_invalid",
                    )
                table[:, index] = column
        if np.isinf(table).any():
            row, column_index = (int(one) for one in np.argwhere(np.isinf(table))[0])
            raise InputRefused(
                f"{self._columns[column_index]} of row {row} is infinite, or beyond what 32 bits "
                "hold. Give a finite number, or NaN where it is missing.",
                code="feature_infinite",
            )
        return table

    def margins(self, table: np.ndarray) -> np.ndarray:
        """[n] float32 of a table that `table` made."""
        told = forest(torch.from_numpy(table), self.model.forest, trusted=True)
        return np.ascontiguousarray(told.numpy()[:, 0])

    def scores(self, margins: np.ndarray) -> np.ndarray:
        """[n] float64: calibrated probabilities of margins."""
        calibration = self.model.calibration
        score = sigmoid(margins) if calibration is None else calibration(margins)
        return np.ascontiguousarray(score)

    def _told(self, margin: np.ndarray, more: Mapping[str, np.ndarray]) -> Payload:
        score = self.scores(margin)
        finite = np.isfinite(margin) & np.isfinite(score)
        if not finite.all():
            # No file that can be opened comes to this; if one does, nobody stores it.
            row = int(np.argmin(finite))
            raise ModelRefused(
                f"The model came to the margin {margin[row]} and the score {score[row]} for row "
                f"{row}, which are no finite numbers. Put another version into production, and "
                "train this one again.",
                code="score_not_finite",
            )
        return Payload(arrays={"score": score, "margin": margin.copy(), **more})

    def close(self) -> None:
        """Nothing is held outside of memory."""
