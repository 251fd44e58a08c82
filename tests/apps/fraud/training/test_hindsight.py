"""Columns of a file that were made with hindsight are named; honest ones, strong ones too, pass."""

import numpy as np
import pytest

from apps.fraud.features.catalogue import GRAPH
from apps.fraud.scheme import CARD_PAYMENTS, Attribute
from apps.fraud.simulator import SimulatorConfig, simulate
from apps.fraud.training import table
from apps.fraud.training.canaries import Leak, guard
from apps.fraud.training.hindsight import copied
from apps.fraud.training.table import Table
from tests.apps.fraud.training import days

EVENTS = days.history(days=40, a_day=120)
LABEL = EVENTS["label"]
RNG = np.random.default_rng(0)


def rows(column: np.ndarray) -> Table:
    kind = "number" if column.dtype.kind == "f" else "category"
    told = {"key": "extra", "en": "Extra", "zh": "附加", "kind": kind}
    attribute = Attribute.model_validate(told)
    scheme = days.SCHEME.model_copy(update={"attributes": (attribute,)})
    return table.build(scheme, {**EVENTS, "attribute.extra": column}, GRAPH)


def by_terminal(value: np.ndarray) -> np.ndarray:
    _, node = np.unique(EVENTS["entity.terminal"], return_inverse=True)
    return (np.bincount(node, weights=value) / np.bincount(node))[node]


def so_far(value: np.ndarray) -> np.ndarray:
    count: dict[str, float] = {}
    told = []
    for terminal, each in zip(EVENTS["entity.terminal"], value, strict=True):
        told.append(count.get(terminal, 0.0))
        count[terminal] = told[-1] + each
    return np.array(told, dtype=np.float64)


@pytest.mark.parametrize(
    "leak",
    [
        LABEL * 3.0 + 1,
        by_terminal(LABEL),
        so_far(LABEL),
        np.where(LABEL == 1, "disputed", "settled"),
    ],
    ids=["label", "target_encoding", "undelayed_count", "status"],
)
def test_a_column_with_hindsight_is_named(leak: np.ndarray) -> None:
    assert list(copied(rows(leak))) == ["extra"]


@pytest.mark.parametrize(
    "honest",
    [
        RNG.normal(size=len(LABEL)),
        # Right for most frauds, as a failed check of the cardholder may be.
        ((LABEL == 1) & (RNG.random(len(LABEL)) < 0.7)) + 0.0 + (RNG.random(len(LABEL)) < 0.02),
        np.log(EVENTS["amount"].astype(np.float64)),
        so_far(EVENTS["amount"].astype(np.float64)),
        RNG.choice(["FR", "DE", "CN"], len(LABEL)),
    ],
    ids=["noise", "strong_signal", "amount", "history", "country"],
)
def test_an_honest_column_passes(honest: np.ndarray) -> None:
    assert copied(rows(honest)) == {}


def test_what_stays_the_same_of_a_terminal_is_no_leak_though_its_totals_give_it_away() -> None:
    made = simulate(SimulatorConfig(customers=600, days=50, fraud_share=0.04), seed=3)
    assert copied(table.build(CARD_PAYMENTS, made, GRAPH)) == {}


def test_training_is_refused_with_the_columns_name() -> None:
    with pytest.raises(Leak, match=r"The feature 'extra' leaks: .* not known yet"):
        guard(rows(by_terminal(LABEL)))
