"""Everything about one stored transaction, for the process that explains it to a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from apps.fraud.events import FEATURE
from apps.fraud.explaining.explanation import Explanation
from apps.fraud.explaining.gathering import ENTITIES, Around, Here
from apps.fraud.explaining.leaving_out import LeavingOut
from apps.fraud.explaining.lime import TOP
from apps.fraud.explaining.runner import ExplainingRunner
from apps.fraud.explaining.subgraph import Subgraph, subgraph
from apps.fraud.explaining.words import sentence
from apps.fraud.operating.blocks import read
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload

_FEATURES: Final = "features."


class Compared(BaseModel):
    """One feature as both opinions weigh it: log-odds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    en: str
    zh: str
    exact: float
    second: float


class Told(BaseModel):
    """What is stored of one transaction and one model: see `Explanation` and `Subgraph`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    explanation: Explanation
    compared: tuple[Compared, ...] = Field(
        description=f"the {TOP} strongest of both opinions, strongest by the exact one first"
    )
    subgraph: Subgraph


class Telling:
    """One transaction of a block, explained by the model that scored it.

    Raises:
        InputRefused: the row is not there, or the forest tells no weights.
        ModelRefused: the artefact cannot be used.
    """

    def __init__(
        self, runner: ExplainingRunner, path: Path, row: int, scheme: Scheme, files: Sequence[Path]
    ) -> None:
        if runner.explainer is None:
            raise InputRefused(
                "The forest of this model tells no weights, so nothing can be explained by it. "
                "Train the model again.",
                code="no_weights",
            )
        block = read(path)
        block = block.only(block.rows == row)
        if not len(block):
            raise InputRefused("The transaction is not in its block.", code="row_missing")
        self._runner, self._scheme = runner, scheme
        self._columns = block.columns
        self._features = {
            name.removeprefix(_FEATURES): float(column[0])
            for name, column in block.columns.items()
            if name.startswith(_FEATURES)
        }
        entities = {
            name.removeprefix(ENTITIES): str(column[0])
            for name, column in block.columns.items()
            if name.startswith(ENTITIES)
        }
        here = Here(
            sequence=int(self._columns["sequence"][0]),
            event_time=int(self._columns["event_time"][0]),
            entities=entities,
        )
        self._payer = entities.get(scheme.payer.key, "")
        self.around = Around(files, here, scheme)

    def told(self, labels: Mapping[str, Sequence[int]]) -> Told:
        """The explanation, with what was known of the neighbours by `labels`."""
        transaction = str(self._columns["id"][0])
        arrays = {FEATURE + name: np.array([value]) for name, value in self._features.items()}
        context: dict[str, JsonValue] = {"scheme": self._scheme.model_dump(mode="json")}
        asked = Payload(arrays=arrays, meta={"explain": transaction, "context": context})
        (answer,) = self._runner.infer([asked], StageClock())
        explanation = Explanation.model_validate(answer.meta["explanation"])
        known = {name: (int(said[0]), int(said[1])) for name, said in labels.items()}
        neighbours = self.around.neighbours(known)
        history = int(self._columns["history"][0])
        return Told(
            explanation=explanation,
            compared=self._compared(explanation),
            subgraph=subgraph(
                self._payer,
                neighbours,
                self._runner.table(arrays)[0],
                self._runner.model.features,
                LeavingOut(self._scheme, neighbours, self._features, history),
                self._runner.margins,
            ),
        )

    def _compared(self, explanation: Explanation) -> tuple[Compared, ...]:
        explainer = self._runner.explainer
        arrays = {FEATURE + name: np.array([value]) for name, value in self._features.items()}
        exact: dict[str, float] = {}
        if explainer is not None:
            for group in explainer.one(self._runner.table(arrays)[0]):
                exact |= dict(group.features)
        second = explanation.lime.weights
        strongest = {*_strongest(exact), *_strongest(second)}
        found = []
        for name in sorted(strongest, key=lambda one: (-exact.get(one, 0.0), one)):
            words = sentence(name, self._features, self._scheme)
            found.append(
                Compared(
                    name=name,
                    en=words.en,
                    zh=words.zh,
                    exact=exact.get(name, 0.0),
                    second=second.get(name, 0.0),
                )
            )
        return tuple(found)


def _strongest(weights: Mapping[str, float]) -> list[str]:
    return sorted(weights, key=lambda name: -abs(weights[name]))[:TOP]
