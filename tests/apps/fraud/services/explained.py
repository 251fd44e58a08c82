"""A bank whose payments have the features that a live state told, and a model trained on them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import xgboost
from django.conf import settings

from apps.fraud.features.state import FeatureState
from apps.fraud.models import TransactionLabel
from apps.fraud.schema import ScoredTransaction
from apps.fraud.scheme import CARD_PAYMENTS
from loupe.engine.repository import artefact_folder
from loupe.jobs.models import Provenance
from loupe.registry.models import ModelVersion, Stage
from tests.apps.fraud.bank import AT, Bank, paid
from tests.apps.fraud.services import trials

NAMES = (
    "amount", "customer_count_1d", "around_device_count", "around_device_risk",
    "around_device_degree", "around_address_count", "prior_neighbours", "prior_mixed",
)  # fmt: skip
DAY = 86_400_000


@dataclass(frozen=True)
class Explained:
    """The bank's payments, oldest first; the last one shares its device with known frauds."""

    rows: list[ScoredTransaction]
    version: ModelVersion


def _columns(events: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    def of(name: str) -> np.ndarray:
        return np.array([event[name] for event in events])

    return {
        "id": of("id"), "event_time": of("at"), "known_at": of("at"), "amount": of("amount"),
        "entity.customer": of("customer"), "entity.terminal": of("terminal"),
        "entity.device": of("device"), "entity.address": of("address"),
        "attribute.country": np.array(["DE"] * len(events)),
        "attribute.channel": np.array(["web"] * len(events)),
    }  # fmt: skip


def bank_of(bank: Bank, count: int = 120) -> Explained:
    """Store `count` payments in three blocks; a third of the customers share two devices, and
    what was told of their first payments makes these devices look bad."""
    dice = np.random.default_rng(3)
    events: list[dict[str, Any]] = []
    for number in range(count):
        customer = int(dice.integers(0, 18)) if number < count - 1 else 17
        shares = customer < 6 or number == count - 1
        events.append(
            {
                "id": f"E-{number}",
                "at": AT + number * 2 * 3_600_000,
                "amount": int(dice.integers(100, 90_000)),
                "customer": f"C-{customer}",
                "terminal": f"M-{int(dice.integers(0, 4))}",
                "device": f"D-{customer % 2}" if shares else f"own-{customer}",
                "address": f"192.0.2.{customer // 3}" if number % 3 else "",
                "fraud": shares and number % 2 == 0,
            }
        )
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    told: list[np.ndarray] = []
    half = count // 2
    for start, stop in ((0, half), (half, count)):
        told.append(state.feed(_columns(events[start:stop])).values)
        if not start:
            known = events[half]["at"] - 1
            early = events[: half - 5]
            state.learn(
                np.array([one["id"] for one in early]),
                np.array([int(one["fraud"]) for one in early]),
                np.full(len(early), known),
            )
            TransactionLabel.objects.bulk_create(
                TransactionLabel(
                    project=bank.project, transaction=one["id"], who="system", source="report",
                    label="fraud" if one["fraud"] else "honest",
                    known_at=datetime.fromtimestamp(known / 1000, tz=UTC),
                    created_at=datetime.fromtimestamp(known / 1000, tz=UTC),
                )
                for one in early
            )  # fmt: skip
    values = np.concatenate(told)
    names = list(state.names)
    version = trials.version(bank, 1, Stage.PRODUCTION, features=list(NAMES))
    table = values[:, [names.index(name) for name in NAMES]]
    labels = np.array([int(one["fraud"]) for one in events])
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "min_child_weight": 0.1},
        xgboost.DMatrix(table, labels, feature_names=list(NAMES)),
        25,
    )
    folder = artefact_folder(settings.MODEL_REPOSITORY, version.model.wire_name, version.number)
    booster.save_model(folder / "forest.json")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["features"] == list(NAMES)
    rows = [
        paid(
            number, event["customer"], id=event["id"], event_time=event["at"], known_at=event["at"],
            terminal=event["terminal"], device=event["device"], address=event["address"],
            amount=event["amount"], history=_history(events, number), score=0.95,
            features=dict(zip(names, value.tolist(), strict=True)),
        )
        for number, (event, value) in enumerate(zip(events, values, strict=True))
    ]  # fmt: skip
    for start in range(0, count, 40):
        bank.store(*rows[start : start + 40])
    Provenance.objects.update(model_version=version)
    return Explained(rows=rows, version=version)


def _history(events: list[dict[str, Any]], number: int) -> int:
    mine = events[number]["customer"]
    return sum(one["customer"] == mine for one in events[:number])
