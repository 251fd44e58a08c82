"""The forest that says why: `ForestRunner` with reasons for the rows that someone will ask about.

Decisions are pure, so reasons are made where the model is and frozen with the result. A request
says by ``explain_from`` in its `meta` from which score on (`asking` takes it from the operating
point: the lowest cut-off); without it nothing is explained and nothing is paid.

A page that opens one alert asks for everything: one row with ``explain`` in `meta`, the id of the
transaction. The answer's `meta` then has ``explanation``, an `Explanation` as JSON; ``context``
may hold the project's ``scheme``, as for the live service.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from apps.fraud.explaining.asking import EXPLAIN_FROM
from apps.fraud.explaining.background import Background
from apps.fraud.explaining.explanation import explain
from apps.fraud.explaining.paths import Ways
from apps.fraud.explaining.reasons import Explainer
from apps.fraud.inference.model import FOREST
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.scheme import CARD_PAYMENTS, Scheme
from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import Clock


class ExplainingRunner(ForestRunner):
    """A `Runner`. Beside what `ForestRunner` answers: ``reasons.1`` … of unicode and ``weights.1``
    … of float64, see `Explainer.columns`; not there where no row of a request is explained.

    A forest that tells no weights (an old file) scores as any other, without reasons.
    """

    def __init__(self, artefact: Path, manifest: Mapping[str, Any]) -> None:
        super().__init__(artefact, manifest)
        self.explainer: Explainer | None
        self._trained_for: Any = manifest.get("scheme")
        data = (artefact / str(manifest.get("network") or FOREST)).read_bytes()
        self._sha256 = hashlib.sha256(data).hexdigest()
        try:
            self.explainer = Explainer(Ways.from_xgboost(data), self.model.features)
        except ModelRefused:
            self.explainer = None
            return
        reference = manifest.get("reference")
        self._background = (
            Background.of_reference(reference, self.model.features)
            if reference
            else Background.of_forest(self.explainer.ways, self.model.features)
        )

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        """Answer each request."""
        answers = super().infer(requests, clock)
        with clock.stage("reasons"):
            return [
                # With the embeddings that were looked up.
                self._explained(request.over(answer) if self.embeddings else request, answer)
                for request, answer in zip(requests, answers, strict=True)
            ]

    def _explained(self, request: Payload, answer: Payload) -> Payload:
        if self.explainer is None:
            return answer
        if "explain" in request.meta:
            return self._whole(request, answer, self.explainer)
        least = request.meta.get(EXPLAIN_FROM)
        if not isinstance(least, int | float):
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

    def _whole(self, request: Payload, answer: Payload, explainer: Explainer) -> Payload:
        """Everything about one row.

        Raises:
            InputRefused: there are several rows, or the scheme is none.
        """
        table = self.table(request.arrays)
        if len(table) != 1:
            raise InputRefused(
                f"{len(table)} rows came with explain; send the one transaction to explain.",
                code="explain_one",
            )
        told = explain(
            table[0],
            explainer,
            self.margins,
            self._background,
            self._scheme(request.meta.get("context")),
            str(request.meta["explain"]),
            self._sha256,
        )
        meta = {**answer.meta, "explanation": told.model_dump(mode="json")}
        return Payload(arrays=answer.arrays, meta=meta)

    def _scheme(self, context: JsonValue | None) -> Scheme:
        """The project's, else the one the model was trained for."""
        said = context.get("scheme") if isinstance(context, dict) else None
        said = said or self._trained_for
        if said is None:
            return CARD_PAYMENTS
        try:
            return Scheme.model_validate(said)
        except ValidationError as error:
            raise InputRefused(
                f"context.scheme is no scheme: {error}", code="scheme_invalid"
            ) from error
