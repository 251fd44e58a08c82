"""A bank with models of its own whose files are there, and what an independent look finds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from django.conf import settings
from django.utils import timezone

from apps.fraud.decide import decide
from apps.fraud.models import TransactionLabel
from apps.fraud.operating.prices import Prices
from apps.fraud.schema import OperatingPoint, ScoredTransaction
from loupe.engine.repository import artefact_folder
from loupe.registry.models import Model, ModelVersion, Stage
from loupe.registry.models import OperatingPoint as StoredPoint
from tests.apps.fraud.bank import AT, Bank, paid
from tests.apps.fraud.inference import forests

DAY = 86_400_000


def version(
    bank: Bank, number: int, stage: Stage = Stage.CANDIDATE, **manifest: Any
) -> ModelVersion:
    """A version of the bank's model ``cards`` with a forest behind it."""
    model, _made = Model.objects.get_or_create(app="fraud", project=bank.project, name="cards")
    made = ModelVersion.objects.create(
        model=model,
        number=number,
        stage=stage,
        promoted_at=timezone.now() if stage != Stage.CANDIDATE else None,
        artefact_sha256=f"{number:064x}",
        manifest={"schema": 1, "app": "fraud", "files": {}},
    )
    folder = artefact_folder(settings.MODEL_REPOSITORY, model.wire_name, number)
    forests.artefact(folder, **manifest)
    data = OperatingPoint().model_dump(mode="json")
    StoredPoint.objects.create(model_version=made, project=None, number=1, data=data)
    return made


def payments(count: int, day: int = 0, seed: int = 0) -> list[ScoredTransaction]:
    """Payments of one day with the features of the forests."""
    values, _labels = forests.rows(count, seed + 100 + day)
    chance = np.random.default_rng(seed + day)
    found = []
    for at, row in enumerate(np.nan_to_num(values).tolist()):
        number = day * 10_000 + at
        found.append(
            paid(
                number,
                f"C-{at % 17}",
                event_time=AT + day * DAY + at * 1_000,
                amount=int(chance.integers(100, 90_000)),
                score=float(round(chance.random(), 6)),
                features=dict(zip(forests.NAMES, row, strict=True)),
            )
        )
    return found


def label(bank: Bank, rows: Sequence[ScoredTransaction], seed: int = 0) -> dict[str, str]:
    """Say of some what they were; by transaction."""
    chance = np.random.default_rng(seed)
    said = {}
    for row in rows:
        word = str(chance.choice(["fraud", "honest", ""], p=[0.2, 0.6, 0.2]))
        if word:
            said[row.id] = word
    now = timezone.now()
    TransactionLabel.objects.bulk_create(
        TransactionLabel(
            project=bank.project, transaction=name, label=word, known_at=now, source="report",
            who="system", created_at=now,
        )
        for name, word in said.items()
    )  # fmt: skip
    return said


def scores(folder: Path, rows: Sequence[ScoredTransaction]) -> list[float]:
    """What XGBoost itself says of them."""
    booster = xgboost.Booster()
    booster.load_model(folder / "forest.json")
    table = [[np.float32(row.features[name]) for name in forests.NAMES] for row in rows]
    data = xgboost.DMatrix(np.array(table, np.float32), feature_names=list(forests.NAMES))
    return [float(one) for one in booster.predict(data)]


def counted(
    rows: Sequence[ScoredTransaction], said: dict[str, str], point: OperatingPoint, prices: Prices
) -> dict[str, float]:
    """The figures, row by row and without an array."""
    found = {"stopped": 0.0, "cost": 0.0, "reviews": 0.0, "blocked": 0.0}
    stops = {"approve": 0.0, "step_up": prices.step_up_stops, "review": prices.review_stops}
    for row in rows:
        outcome, word = decide(row, point).outcome, said.get(row.id, "")
        found["reviews"] += outcome == "review"
        found["blocked"] += outcome == "block"
        found["cost"] += {"review": prices.review, "step_up": prices.step_up}.get(outcome, 0)
        if word == "fraud":
            found["stopped"] += row.amount * stops.get(outcome, 1.0)
        if word == "honest" and outcome == "block":
            found["cost"] += row.amount * prices.margin + prices.customer
        if word == "honest" and outcome == "step_up":
            found["cost"] += prices.step_up_lost * row.amount * prices.margin
    return found


def folder_of(made: ModelVersion) -> Path:
    """Where its files are."""
    return artefact_folder(settings.MODEL_REPOSITORY, made.model.wire_name, made.number)
