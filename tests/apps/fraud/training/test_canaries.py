"""The guard against leaks: planted leaks are named, honest long histories pass."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from apps.fraud.features.catalogue import GRAPH
from apps.fraud.training import canaries, table
from apps.fraud.training.blocks import blocks
from apps.fraud.training.canaries import Leak, guard, leaks
from apps.fraud.training.neighbours import neighbourhood
from apps.fraud.training.table import Table
from loupe.contract.runtime.columns import Columns
from tests.apps.fraud.training import days

ENTITY = "entity.terminal"


def frame(events: Columns) -> pl.DataFrame:
    wanted = ("event_time", "amount", "label", "label_known_at", ENTITY, "entity.customer")
    return pl.DataFrame({name: events[name] for name in wanted})


def own_label(events: Columns) -> np.ndarray:
    return events["label"] + 0.0


def undelayed_risk(events: Columns) -> np.ndarray:
    """The share of frauds at the terminal before, whether known or not."""
    told = frame(events).select(
        (pl.col("label").cum_sum().over(ENTITY) - pl.col("label"))
        / pl.col("label").cum_count().over(ENTITY)
    )
    return told.to_series().to_numpy()


def risk_of_everything(events: Columns) -> np.ndarray:
    """Target encoding over all of the data."""
    return frame(events).select(pl.col("label").mean().over(ENTITY)).to_series().to_numpy()


def mean_of_everything(events: Columns) -> np.ndarray:
    """No label at all, but amounts of the future."""
    return frame(events).select(pl.col("amount").mean().over(ENTITY)).to_series().to_numpy()


def next_amount(events: Columns) -> np.ndarray:
    told = frame(events).select(pl.col("amount").shift(-1).over(ENTITY).fill_null(-1))
    return told.to_series().to_numpy()


def rank_of_amount(events: Columns) -> np.ndarray:
    """A scaler fitted on everything."""
    return frame(events).select(pl.col("amount").rank()).to_series().to_numpy()


def label_an_hour_early(events: Columns) -> np.ndarray:
    """Labels that are used an hour before they are known."""
    known = events["label_known_at"] - 3_600_000
    return _risk_known_by(events, known)


def _risk_known_by(events: Columns, known: np.ndarray) -> np.ndarray:
    """Frauds at the terminal whose label is known, by walking the events once."""
    arrivals = np.argsort(known, kind="stable")
    count: dict[str, int] = {}
    told, at = np.zeros(len(known)), 0
    for row in range(len(known)):
        while at < len(known) and known[arrivals[at]] <= events["event_time"][row]:
            fraud = arrivals[at]
            count[events[ENTITY][fraud]] = count.get(events[ENTITY][fraud], 0) + int(
                events["label"][fraud]
            )
            at += 1
        told[row] = count.get(events[ENTITY][row], 0)
    return told


def honest_risk(events: Columns) -> np.ndarray:
    """All of the past, as far as it was known: a strong feature, and an honest one."""
    return _risk_known_by(events, events["label_known_at"])


def honest_mean(events: Columns) -> np.ndarray:
    """Amounts of the customer since the beginning."""
    told = frame(events).select(
        (pl.col("amount").cum_sum() / pl.col("amount").cum_count()).over("entity.customer")
    )
    return told.to_series().to_numpy()


@pytest.fixture(scope="module")
def events() -> dict[str, np.ndarray]:
    return days.history(days=30, a_day=60)


@pytest.mark.parametrize(
    ("leak", "why"),
    [
        (own_label, "labels"),
        (undelayed_risk, "labels"),
        (risk_of_everything, "shuffled"),
        (mean_of_everything, "shuffled"),
        (next_amount, "shuffled"),
        (rank_of_amount, "shuffled"),
        (label_an_hour_early, "labels"),
    ],
)
def test_a_planted_leak_is_named(
    events: dict[str, np.ndarray], leak: Callable[[Columns], np.ndarray], why: str
) -> None:
    name = leak.__name__

    def make(told: Columns) -> Mapping[str, np.ndarray]:
        return {"honest_risk": honest_risk(told), name: leak(told)}

    found = leaks(events, make, moments=canaries.MOMENTS)
    assert list(found) == [name]
    assert why in found[name]


@pytest.mark.parametrize("honest", [honest_risk, honest_mean])
def test_an_honest_long_history_passes(
    events: dict[str, np.ndarray], honest: Callable[[Columns], np.ndarray]
) -> None:
    assert leaks(events, lambda told: {"feature": honest(told)}) == {}


@pytest.fixture(scope="module")
def rows(events: dict[str, np.ndarray]) -> Table:
    return table.build(days.SCHEME, events, GRAPH)


def test_every_feature_of_the_ladder_is_quiet(rows: Table) -> None:
    near = neighbourhood(rows, blocks(rows, 8), np.arange(len(rows)))
    quiet = guard(rows)
    assert quiet.features == len(rows.names) + len(near.names)
    assert quiet.told()["leaks"] == []


def test_training_is_refused_with_the_features_name(rows: Table) -> None:
    honest = canaries._maker(rows)

    def make(told: Columns) -> Mapping[str, np.ndarray]:
        return {**honest(told), "terminal_risk_soon": undelayed_risk(told)}

    with pytest.raises(Leak, match=r"'terminal_risk_soon' leaks: it changed with labels"):
        guard(rows, make)


def test_labels_that_came_late_are_used_only_then(rows: Table) -> None:
    """A label that is known a year later is not seen before, whatever the windows."""
    late = dict(rows.events)
    late["label_known_at"] = late["label_known_at"] + 365 * table.DAY_MS
    told = table.build(days.SCHEME, late, ("risk",))
    assert (told.columns([name for name in told.names if "_risk_" in name]) == 0).all()
    small = replace(rows, events=late)
    near = neighbourhood(small, blocks(small, 8), np.arange(len(small)))
    shares = [at for at, name in enumerate(near.names) if "_share_" in name]
    assert (near.values[:, shares] <= 0).all()
