"""The forest that says why: `ForestRunner` with reasons for the rows that someone will ask about.

Decisions are pure, so reasons are made where the model is and frozen with the result. A request
says by ``explain_from`` in its `meta` from which score on (`asking` takes it from the operating
point: the lowest cut-off); without it nothing is explained and nothing is paid.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.fraud.explaining.asking import EXPLAIN_FROM
from apps.fraud.explaining.reasons import Explainer
from apps.fraud.inference.runner import ForestRunner
from loupe.contract.runtime.errors import ModelRefused
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Clock


class ExplainingRunner(ForestRunner):
    """A `Runner`. Beside what `ForestRunner` answers: ``reasons.1`` … of unicode and ``weights.1``
    … of float64, see `Explainer.columns`; not there where no row of a request is explained.

    A forest that tells no weights (an old file) scores as any other, without reasons.
    """

    def __init__(self, artefact: Path, manifest: Mapping[str, Any]) -> None:
        super().__init__(artefact, manifest)
        self.explainer: Explainer | None
        try:
            self.explainer = Explainer.open(artefact, manifest)
        except ModelRefused:
            self.explainer = None

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        """Answer each request."""
        answers = super().infer(requests, clock)
        with clock.stage("reasons"):
            return [
                self._explained(request, answer)
                for request, answer in zip(requests, answers, strict=True)
            ]

    def _explained(self, request: Payload, answer: Payload) -> Payload:
        least = request.meta.get(EXPLAIN_FROM)
        if self.explainer is None or not isinstance(least, int | float):
            return answer
        score = answer.arrays["score"]
        asked = np.flatnonzero(~(score < least))  # a score that is no number is asked about too
        if not len(asked):
            return answer
        some = {name: request.arrays[name][asked] for name in self._columns}
        told = self.explainer.columns(self.table(some))
        whole: dict[str, np.ndarray] = {}
        for name, column in told.items():
            empty = "" if column.dtype.kind == "U" else np.nan
            whole[name] = np.full(len(score), empty, dtype=column.dtype)
            whole[name][asked] = column
        return Payload(arrays={**answer.arrays, **whole}, meta=answer.meta)
