"""Every feature equals its definition bit for bit, however the history is cut and restarted."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud.features.batch import SKEW
from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import Scheme
from tests.apps.fraud.features.histories import ACCOUNTS, CARDS, START, Step, columns, histories
from tests.apps.fraud.features.oracle import Event, Oracle, rounded

pytestmark = pytest.mark.slow
Mode = Literal["arrival", "event_time"]


def check(scheme: Scheme, steps: list[Step], mode: Mode) -> None:
    """Run a history through the state and the definition; every number must be the same."""
    state, oracle = FeatureState(scheme, mode=mode), Oracle(scheme)
    with TemporaryDirectory() as folder:
        for number, step in enumerate(steps):
            fed = state.feed(columns(step.events, scheme))
            order = list(range(len(step.events)))
            for event in step.events:
                if mode == "arrival":
                    event.time = min(event.time, event.known_at + SKEW)
            if mode == "event_time":
                order.sort(key=lambda n: step.events[n].time)
            for n in order:
                event = step.events[n]
                told = oracle.add(event)
                expected = np.array([rounded(told[name]) for name in state.names])
                wrong = [
                    (name, ours, theirs)
                    for name, ours, theirs in zip(state.names, fed.values[n], expected, strict=True)
                    if ours != theirs
                ]
                assert not wrong, wrong[:5]
                assert fed.late[n] == (event.time < event.clock)
                assert fed.history[n] == oracle.history(len(oracle.events) - 1)
            assert fed.values.flags.c_contiguous
            assert fed.values.dtype == np.float32
            if step.labels and oracle.events:
                ids, labels, known = zip(*step.labels, strict=True)
                taken = state.learn(np.array(ids), np.array(labels), np.array(known))
                assert taken.tolist() == [oracle.learn(*one) for one in step.labels]
            if step.entry is not None:
                listed, entity, identifier, until = step.entry
                state.list_change(listed, entity, identifier, until=until)
                oracle.change(listed, entity, identifier, until)
            if step.restart:
                place = Path(folder) / str(number)
                state.snapshot(place)
                state = FeatureState(scheme, mode=mode)
                state.restore(place)


@pytest.mark.parametrize("mode", ["arrival", "event_time"])
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_card_payments_equal_their_definition(data: st.DataObject, mode: Mode) -> None:
    check(CARDS, data.draw(histories(CARDS)), mode)


@pytest.mark.parametrize("mode", ["arrival", "event_time"])
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_transfers_between_accounts_equal_their_definition(data: st.DataObject, mode: Mode) -> None:
    check(ACCOUNTS, data.draw(histories(ACCOUNTS)), mode)


def test_a_long_dense_history_equals_its_definition() -> None:
    """Rings overflow, caps are passed, hops are cut short."""
    draw = np.random.default_rng(11)
    names, now = [f"n{number}" for number in range(30)], START
    steps = []
    for first in range(0, 220, 44):
        step = Step([])
        for number in range(first, first + 44):
            now += int(draw.choice([0, 300, 5_000]))
            ids = {one.key: names[int(draw.integers(30) ** 2 // 30)] for one in CARDS.entities}
            label = int(draw.choice([-1, 0, 1], p=[0.2, 0.5, 0.3]))
            event = Event(
                id=str(number), time=now, known_at=now, amount=int(draw.integers(1, 9_000)),
                ids=ids, attributes={"country": "x", "channel": "y"}, label=label,
                known=now + 10_000 if label >= 0 else -1,
            )  # fmt: skip
            step.events.append(event)
        steps.append(step)
    check(CARDS, steps, "arrival")
