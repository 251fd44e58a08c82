"""The simulator's promises: form, determinism, scenarios, labels, and no signal that tells."""

import numpy as np
import pytest

from apps.fraud.events import ATTRIBUTE, ENTITY, fields
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.simulator import SimulatorConfig, Truth, simulate, simulate_with_truth
from loupe.contract.runtime.columns import Columns
from tests.apps.fraud.simulator.signals import precision_at, signals

CONFIG = SimulatorConfig(customers=6_000, days=60)


@pytest.fixture(scope="module")
def made() -> tuple[Columns, Truth]:
    return simulate_with_truth(CONFIG, 5)


def test_columns_are_events_of_card_payments(made: tuple[Columns, Truth]) -> None:
    columns, _ = made
    wanted = fields(CARD_PAYMENTS)
    assert list(columns) == list(wanted)
    assert {name: value.dtype.kind for name, value in columns.items()} == {
        name: dtype.kind for name, dtype in wanted.items()
    }
    assert len({len(value) for value in columns.values()}) == 1
    assert len(set(columns["id"].tolist())) == len(columns["id"])


def test_equal_arguments_give_equal_rows_and_another_seed_others() -> None:
    config = SimulatorConfig(customers=400, days=20)
    first, again, other = simulate(config, 1), simulate(config, 1), simulate(config, 2)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["amount"][:100], other["amount"][:100])


def test_rows_come_in_order_of_arrival_and_within_the_span(made: tuple[Columns, Truth]) -> None:
    columns, _ = made
    assert (np.diff(columns["known_at"]) >= 0).all()
    assert (columns["known_at"] > columns["event_time"]).all()
    assert (np.diff(columns["event_time"]) < 0).any()  # some are late
    span = columns["event_time"] - CONFIG.start
    assert span.min() >= 0
    assert span.max() < CONFIG.days * 86_400_000


def test_every_scenario_is_there_at_about_the_share_asked_for(made: tuple[Columns, Truth]) -> None:
    _, truth = made
    counts = np.bincount(truth.scenario, minlength=len(truth.names))
    assert (counts[1:] > 10).all()
    assert truth.fraud.mean() == pytest.approx(CONFIG.fraud_share, rel=0.4)
    assert set(truth.scenario[truth.ring >= 0].tolist()) == {truth.names.index("mules")}


def test_no_single_signal_gives_the_frauds_away(made: tuple[Columns, Truth]) -> None:
    columns, truth = made
    for fraud in (truth.fraud, columns["label"] == 1):
        worst = {
            name: precision_at(signal, fraud, 0.2) for name, signal in signals(columns).items()
        }
        assert len(worst) > 100
        assert {name: value for name, value in worst.items() if value > 0.9} == {}


def test_the_alarm_for_leaks_rings_at_a_leak(made: tuple[Columns, Truth]) -> None:
    _, truth = made
    planted = np.where(truth.fraud & (np.arange(len(truth.fraud)) % 3 == 0), 1.0, 0.0)
    assert precision_at(planted, truth.fraud, 0.2) == 1.0


def test_no_amount_is_typical_of_fraud(made: tuple[Columns, Truth]) -> None:
    columns, truth = made
    amount = columns["amount"]
    _, counts = np.unique(amount[truth.fraud], return_counts=True)
    assert counts.max() < 0.03 * truth.fraud.sum()
    assert amount[~truth.fraud].max() > amount[truth.fraud].max() / 2


def test_labels_come_late_or_never(made: tuple[Columns, Truth]) -> None:
    columns, truth = made
    never = columns["label"] == -1
    assert never.mean() == pytest.approx(CONFIG.label_missing, abs=0.01)
    assert (columns["label_known_at"][never] == -1).all()
    wait = (columns["label_known_at"] - columns["event_time"])[~never] / 86_400_000
    assert np.median(wait) == pytest.approx(CONFIG.label_delay, rel=0.05)
    assert (wait > 0).all()
    assert (columns["label"][truth.fraud] == 0).any()  # some are never noticed
    assert (columns["label"][~truth.fraud] < 1).all()


def test_honest_people_share_devices_and_addresses_too(made: tuple[Columns, Truth]) -> None:
    columns, truth = made
    honest = ~truth.fraud
    for key, least in (("device", 20), ("address", 100)):
        there = honest & (columns[ENTITY + key] != "")
        pairs = np.unique(
            np.stack([columns[ENTITY + key][there], columns[ENTITY + "customer"][there]]), axis=1
        )
        _, payers = np.unique(pairs[0], return_counts=True)
        assert ((payers >= 2) & (payers <= 6)).sum() > 100  # families
        assert payers.max() >= least  # call centres, carriers


def test_nobody_pays_themselves_and_transfers_go_to_customers(made: tuple[Columns, Truth]) -> None:
    columns, _ = made
    sent = columns[ATTRIBUTE + "channel"] == "transfer"
    assert 0.01 < sent.mean() < 0.1
    payee = columns[ENTITY + "terminal"]
    assert (np.char.startswith(payee, "C") == sent).all()
    assert (payee != columns[ENTITY + "customer"]).all()


def test_habits_drift() -> None:
    def shares(drift: float) -> float:
        columns = simulate(SimulatorConfig(customers=3_000, days=100, drift=drift), 2)
        online = columns[ATTRIBUTE + "channel"] == "online"
        fifth = len(online) // 5
        return float(online[-fifth:].mean() / online[:fifth].mean())

    assert shares(0.0) == pytest.approx(1, abs=0.05)
    assert shares(1.0) > 1.3


def test_without_fraud_there_is_none() -> None:
    columns, truth = simulate_with_truth(SimulatorConfig(customers=200, days=7, fraud_share=0.0), 1)
    assert not truth.fraud.any()
    assert not (columns["label"] == 1).any()
