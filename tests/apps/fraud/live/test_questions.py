"""Questions are answered from the log as a look through all of it would answer them."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from apps.fraud.live.service import FraudService
from apps.fraud.rings.finding import find_rings
from apps.fraud.scheme import CARD_PAYMENTS
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.live.transactions import START, batch, plain, rows

BATCHES = 40


@pytest.fixture
def live(small: None) -> FraudService:
    service = FraudService()
    for number in range(BATCHES):
        service.apply(rows(batch(number)))
    return service


def everything() -> dict[str, np.ndarray]:
    parts = [batch(number) for number in range(BATCHES)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def ask(service: FraudService, **meta: Any) -> Payload:
    return service.ask(Payload(meta={"project": "shop", **meta}))


@pytest.mark.parametrize("entity", ["customer", "device"])
def test_the_history_of_an_entity_is_all_its_transactions_newest_first(
    live: FraudService, entity: str
) -> None:
    whole = everything()
    for key in set(whole[f"entity.{entity}"].tolist()) - {""}:
        expected = np.flatnonzero(whole[f"entity.{entity}"] == key)[::-1]
        told = ask(live, kind="history", entity=entity, key=key, limit=1_000)
        assert told.arrays["sequence"].tolist() == expected.tolist()
        assert told.arrays["id"].tolist() == whole["id"][expected].tolist()
        assert told.arrays["amount"].tolist() == whole["amount"][expected].tolist()


def test_pages_of_a_history_join_without_gap(live: FraudService) -> None:
    whole = ask(live, kind="history", entity="customer", key="客户-3", limit=100).arrays["sequence"]
    found: list[int] = []
    before = BATCHES * 20
    while True:
        page = ask(live, kind="history", entity="customer", key="客户-3", limit=3, before=before)
        if not len(page.arrays["sequence"]):
            break
        found += page.arrays["sequence"].tolist()
        before = found[-1]
    assert found == whole.tolist()
    assert len(found) > 10


def test_a_history_carries_the_features_that_were_told(small: None) -> None:
    service = FraudService()
    answers = [service.apply(rows(batch(number))) for number in range(BATCHES)]
    told = ask(service, kind="history", entity="terminal", key="terminal-2", features=True)
    assert len(told.arrays["sequence"]) > 10
    for n, sequence in enumerate(told.arrays["sequence"].tolist()):
        first = answers[sequence // 20].arrays
        for name in [name for name in first if name.startswith("feature.")]:
            assert told.arrays[name][n] == first[name][sequence % 20]


def test_transactions_are_found_by_id_and_unknown_ones_left_out(live: FraudService) -> None:
    told = ask(live, kind="transactions", ids=["transaction-777", "nobody", "transaction-3"])
    assert told.arrays["sequence"].tolist() == [777, 3]
    assert told.arrays["id"].tolist() == ["transaction-777", "transaction-3"]


def test_a_stretch_of_time_has_every_event_of_it(live: FraudService) -> None:
    whole = everything()
    earliest, latest = START + 100 * 60_000, START + 400 * 60_000
    inside = (whole["event_time"] >= earliest) & (whole["event_time"] <= latest)
    told = ask(live, kind="between", earliest=earliest, latest=latest)
    assert told.arrays["sequence"].tolist() == np.flatnonzero(inside)[::-1].tolist()


def test_neighbours_are_what_its_transactions_share(live: FraudService) -> None:
    whole = everything()
    mine = whole["entity.device"] == "device-4"
    told = ask(live, kind="neighbours", entity="device", key="device-4").meta["neighbours"]
    for entity in ("customer", "terminal", "address"):
        counted = Counter(whole[f"entity.{entity}"][mine].tolist())
        counted.pop("", None)
        found = {one["key"]: one["count"] for one in told if one["entity"] == entity}  # type: ignore[union-attr, index, call-overload]
        assert found == dict(counted)


def test_a_question_changes_nothing(live: FraudService, small: None) -> None:
    other = FraudService()
    for number in range(BATCHES):
        other.apply(rows(batch(number)))
    for kind in ("status", "between"):
        ask(live, kind=kind)
    ask(live, kind="history", entity="customer", key="客户-3")
    assert plain(live.apply(rows(batch(BATCHES)))) == plain(other.apply(rows(batch(BATCHES))))


def test_who_has_no_transactions_is_told_so() -> None:
    assert FraudService().ask(Payload(meta={"project": "new"})).meta["transactions"] == 0


@pytest.mark.parametrize(
    "meta",
    [
        {"kind": "gossip"},
        {"kind": "history", "entity": "ghost", "key": "a"},
        {"kind": "history", "entity": "customer", "key": ""},
        {"kind": "history", "entity": "customer", "key": "a", "limit": 10**9},
        {"kind": "transactions", "ids": []},
        {"kind": "between", "earliest": -1},
    ],
)
def test_questions_that_mean_nothing_are_refused(live: FraudService, meta: dict[str, Any]) -> None:
    with pytest.raises(InputRefused):
        ask(live, **meta)


def test_rings_follow_the_log_and_are_those_of_all_its_transactions(live: FraudService) -> None:
    first = ask(live, kind="rings").meta
    assert first["behind"] == BATCHES * 20
    (session,) = live._sessions.values()
    view = session.ring_view
    assert view is not None
    view.wait()
    for number in range(BATCHES, BATCHES + 5):
        live.apply(rows(_gang(number)))
    view.wait()
    view.follow(session.log)
    view.wait()
    told = ask(live, kind="rings").meta
    assert told["behind"] == 0
    parts = [batch(number) for number in range(BATCHES)]
    parts += [_gang(number) for number in range(BATCHES, BATCHES + 5)]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    expected = find_rings(whole, CARD_PAYMENTS)
    assert [one["key"] for one in told["rings"]] == [ring.key for ring in expected]  # type: ignore[union-attr, index, call-overload]
    assert told["count"] == len(expected)


def _gang(number: int) -> dict[str, np.ndarray]:
    """Six new customers with one device between them, who pay at one terminal."""
    members = np.array([f"gang-{n % 6}" for n in range(20)])
    return {
        **batch(number),
        "entity.customer": members,
        "entity.device": np.full(20, "gang-device"),
        "entity.terminal": np.full(20, "gang-terminal"),
    }
