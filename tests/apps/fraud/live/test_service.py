"""The live service: repeats, conflicts, refusals, labels, lists, sessions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.fraud.events import LARGEST_AMOUNT
from apps.fraud.live import limits, service
from apps.fraud.live.service import FraudService
from apps.fraud.scheme import CARD_PAYMENTS
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.live.transactions import HOUR, START, batch, labels, listed, plain, rows

FEATURES = "feature."


def features(answer: Payload) -> dict[str, list[Any]]:
    return {name: told for name, told in plain(answer).items() if name.startswith(FEATURES)}


def later(columns: dict[str, Any], milliseconds: int) -> dict[str, Any]:
    return {**columns, "known_at": columns["known_at"] + milliseconds}


def test_what_was_sent_comes_back_with_features_in_order_of_arrival() -> None:
    live = FraudService()
    for number in range(3):
        sent = batch(number)
        answer = live.apply(rows(sent)).arrays
        assert answer["sequence"].tolist() == list(range(number * 20, number * 20 + 20))
        for name, column in sent.items():
            assert answer[name].tolist() == column.tolist()
        assert set(answer["refused"].tolist()) == {""}
        assert not answer["repeated"].any()
        assert answer["feature.amount"].dtype == np.float32
        assert answer["feature.amount"].tolist() == sent["amount"].tolist()


def test_the_same_transaction_again_gets_its_first_answer(small: None) -> None:
    live = FraudService()
    first = live.apply(rows(batch(0)))
    for number in range(1, 40):
        live.apply(rows(batch(number)))
    again = live.apply(rows(later(batch(0), HOUR)))
    assert again.arrays["repeated"].all()
    told, expected = plain(again), plain(first)
    assert {**told, "repeated": expected["repeated"]} == expected
    after = live.apply(rows(batch(40))).arrays["sequence"][0]
    assert after == 800, "a repeat takes no number"


def test_an_id_with_another_body_is_refused_and_its_neighbours_go_on() -> None:
    live = FraudService()
    live.apply(rows(batch(0)))
    mixed = {name: np.concatenate([batch(0)[name], batch(1)[name]]) for name in batch(0)}
    mixed["amount_original"] = mixed["amount_original"].copy()
    mixed["amount_original"][[2, 5]] += 1
    answer = live.apply(rows(mixed)).arrays
    assert np.flatnonzero(answer["refused"] == "duplicate_id").tolist() == [2, 5]
    assert answer["sequence"][[2, 5]].tolist() == [-1, -1]
    assert np.isnan(answer["feature.amount"][[2, 5]]).all()
    assert answer["repeated"][:20].sum() == 18
    assert answer["sequence"][20:].tolist() == list(range(20, 40))


def test_an_id_twice_in_one_batch_counts_once() -> None:
    live = FraudService()
    twice = {name: np.concatenate([column[:3], column[:3]]) for name, column in batch(0).items()}
    twice["amount_original"] = twice["amount_original"].copy()
    twice["amount_original"][5] += 7
    answer = live.apply(rows(twice)).arrays
    assert answer["sequence"].tolist() == [0, 1, 2, 0, 1, -1]
    assert answer["repeated"].tolist() == [False, False, False, True, True, False]
    assert answer["refused"].tolist() == [""] * 5 + ["duplicate_id"]


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("event_time", 1), ("entity.customer", "x"), ("attribute.country", "x"),
        ("currency", "USD"),
    ],
)  # fmt: skip
def test_every_part_of_the_body_counts(column: str, change: Any) -> None:
    live = FraudService()
    live.apply(rows(batch(0)))
    other = batch(0)
    if isinstance(change, str):
        other[column] = other[column].astype("U40")
        other[column][4] = change
    else:
        other[column][4] += change
    refused = live.apply(rows(other)).arrays["refused"]
    assert np.flatnonzero(refused == "duplicate_id").tolist() == [4]


def test_after_the_horizon_an_id_names_a_new_transaction() -> None:
    live = FraudService()
    live.apply(rows(batch(0)))
    day = limits.DAY_MS
    again = live.apply(rows(later(batch(0), day))).arrays
    assert again["repeated"].all()
    after = later(batch(0), day + 1)
    after["event_time"] = after["event_time"] + day
    new = live.apply(rows(after)).arrays
    assert not new["repeated"].any()
    assert new["sequence"].tolist() == list(range(20, 40))


def test_a_single_transaction_that_is_refused_is_an_error_with_its_code() -> None:
    live = FraudService()
    one = {name: column[:1] for name, column in batch(0).items()}
    live.apply(rows(one))
    other = {**one, "amount_original": one["amount_original"] + 1}
    with pytest.raises(InputRefused, match="came before with another body") as told:
        live.apply(rows(other))
    assert told.value.code == "duplicate_id"


def test_rows_that_cannot_be_are_refused_alone_and_leave_no_trace() -> None:
    live, clean = FraudService(), FraudService()
    bad = batch(0, rows=30)
    bad["id"] = bad["id"].astype("U300")
    bad["id"][0], bad["id"][1] = "", "x" * 300
    bad["amount"] = bad["amount"].copy()
    bad["amount"][2], bad["amount"][3] = -1, LARGEST_AMOUNT + 1
    bad["event_time"][4] = bad["known_at"][4] + 2 * HOUR
    bad["event_time"][5], bad["known_at"][6] = -5, 2**60
    answer = live.apply(rows(bad)).arrays
    assert answer["refused"].tolist() == [
        "id_missing", "text_too_long", "amount_range", "amount_range", "time_range", "time_range",
        "time_range", *[""] * 23,
    ]  # fmt: skip
    rest = {name: column[7:] for name, column in bad.items()}
    expected = clean.apply(rows(rest)).arrays
    for name, column in expected.items():
        assert answer[name][7:].tolist() == column.tolist(), name


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": None}, "missing_column"),
        ({"amount": np.array(["a"] * 20)}, "column_type"),
        ({"id": np.arange(20)}, "column_type"),
        ({"event_time": np.zeros(20)}, "column_type"),
        ({"amount": np.zeros(19, np.int64)}, "ragged_columns"),
        ({"amount": np.zeros((20, 2), np.int64)}, "column_type"),
        ({"known_at": np.full(20, 2**63, np.uint64)}, "column_type"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(change: dict[str, Any], code: str) -> None:
    live = FraudService()
    sent = {**batch(0), **change}
    with pytest.raises(InputRefused) as told:
        live.apply(rows({name: column for name, column in sent.items() if column is not None}))
    assert told.value.code == code
    assert live.apply(rows(batch(0))).arrays["sequence"][0] == 0


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(InputRefused, match="10,001 rows"):
        FraudService().apply(rows(batch(0, rows=10_001)))


def test_lone_surrogates_are_kept_as_every_file_keeps_them() -> None:
    live = FraudService()
    sent = batch(0)
    sent["id"][0] = "a\ud800"
    answer = live.apply(rows(sent)).arrays
    assert answer["id"][0] == "a\ufffd"
    assert live.apply(rows(dict(answer))).arrays["repeated"].all()


def test_a_label_before_its_transaction_waits_for_it() -> None:
    early, late = FraudService(), FraudService()
    told: dict[str, Any] = {"ids": ["transaction-25"], "labels": [1], "known_at": [START]}
    early.apply(Payload(meta={"project": "shop", "kind": "labels", **told}))
    known = early.apply(rows(batch(1))).arrays
    assert known["label"][5] == 1
    assert known["label_known_at"][5] == known["known_at"][5]
    late.apply(rows(batch(1)))
    late.apply(Payload(meta={"project": "shop", "kind": "labels", **told}))
    for number in range(40):
        month = later(batch(number + 100), 20 * limits.DAY_MS)
        month["event_time"] = month["event_time"] + 20 * limits.DAY_MS
        one, other = early.apply(rows(month)), late.apply(rows(month))
        assert features(one) == features(other)


def test_labels_change_the_risk_of_what_comes_after() -> None:
    told, plainly = FraudService(), FraudService()
    for number in range(30):
        for live in (told, plainly):
            live.apply(rows(batch(number)))
    ids = [f"transaction-{n}" for n in range(600)]
    known = START + 600 * 60_000
    request: dict[str, Any] = {"ids": ids, "labels": [1] * 600, "known_at": [known] * 600}
    counted = told.apply(Payload(meta={"project": "shop", "kind": "labels", **request}))
    assert counted.meta["counted"] == 600
    fortnight = batch(30)
    for name in ("event_time", "known_at"):
        fortnight[name] = fortnight[name] + 10 * limits.DAY_MS
    with_labels, without = (live.apply(rows(fortnight)).arrays for live in (told, plainly))
    risk = "feature.terminal_risk_30d"
    assert with_labels[risk].max() == 1
    assert without[risk].max() == 0


def test_one_bad_label_is_set_aside_with_its_reason_and_the_rest_counts() -> None:
    live, plain = FraudService(), FraudService()
    for each in (live, plain):
        each.apply(rows(batch(0)))
    good: dict[str, Any] = {
        "ids": ["transaction-3", "transaction-5"],
        "labels": [1, 0],
        "known_at": [START] * 2,
    }
    mixed: dict[str, Any] = {
        "ids": ["transaction-3", "x" * 257, "transaction-4", "transaction-5", "transaction-6"],
        "labels": [1, 1, 2, 0, 1],
        "known_at": [START, START, START, START, -5],
    }
    told = live.apply(Payload(meta={"project": "shop", "kind": "labels", **mixed})).meta
    plainly = plain.apply(Payload(meta={"project": "shop", "kind": "labels", **good})).meta
    assert (told["counted"], plainly["counted"], plainly["refused"]) == (2, 2, [])
    refused: Any = told["refused"]
    assert [(one["row"], one["code"]) for one in refused] == [
        (1, "label_id"), (2, "unknown_label"), (4, "time_range"),
    ]  # fmt: skip
    assert "known_at[4] is -5" in refused[2]["why"]
    assert features(live.apply(rows(batch(1)))) == features(plain.apply(rows(batch(1))))


def test_labels_for_which_there_is_no_room_to_wait_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("apps.fraud.live.session.MAX_PENDING", 1)
    live = FraudService()
    live.apply(rows(batch(0)))
    mixed: dict[str, Any] = {
        "ids": ["", "transaction-3", "transaction-25", "transaction-26"],
        "labels": [1] * 4,
        "known_at": [START] * 4,
    }
    told = live.apply(Payload(meta={"project": "shop", "kind": "labels", **mixed})).meta
    refused: Any = told["refused"]
    assert [(one["row"], one["code"]) for one in refused] == [
        (0, "label_id"),
        (3, "labels_waiting"),
    ]
    assert live.apply(rows(batch(1))).arrays["label"].tolist()[5:7] == [1, -1]


def test_an_entry_of_a_list_is_a_feature_until_it_expires() -> None:
    live = FraudService()
    sent = batch(0)
    sent["entity.customer"][:] = "客户-7"
    entry: dict[str, Any] = {
        "project": "shop", "kind": "list", "list": "watch", "op": "add", "entity": "customer",
        "key": "客户-7", "expires_at": START + 10 * 60_000,
    }  # fmt: skip
    assert live.apply(Payload(meta=entry)).meta["counted"] == 1
    on = live.apply(rows(sent)).arrays
    clock = np.maximum.accumulate(on["event_time"])
    assert on["feature.listed_watch"].tolist() == (clock < START + 10 * 60_000).tolist()
    live.apply(Payload(meta={**entry, "expires_at": -1}))
    still = {**batch(1), "entity.customer": sent["entity.customer"]}
    assert live.apply(rows(still)).arrays["feature.listed_watch"].all()
    live.apply(Payload(meta={**entry, "op": "remove"}))
    off = {**batch(2), "entity.customer": sent["entity.customer"]}
    assert not live.apply(rows(off)).arrays["feature.listed_watch"].any()


@pytest.mark.parametrize(
    "meta",
    [
        {"kind": "labels", "ids": ["a"], "labels": [2], "known_at": [START]},
        {"kind": "labels", "ids": ["a"], "labels": [1], "known_at": []},
        {"kind": "labels", "ids": [""], "labels": [1], "known_at": [START]},
        {"kind": "labels", "ids": ["a"], "labels": [1], "known_at": [2**62]},
        {"kind": "list", "list": "watch", "op": "burn", "entity": "customer", "key": "a"},
        {"kind": "list", "list": "watch", "op": "add", "entity": "customer", "key": ""},
        {"kind": "dance"},
        {"context": {"scheme": {"entities": []}}},
        {"context": {"policy": {"horizon_ms": 5}}},
        {"session": 5},
        {"kind": "session_end"},
    ],
)
def test_requests_that_mean_nothing_are_refused(meta: dict[str, Any]) -> None:
    with pytest.raises(InputRefused):
        FraudService().apply(Payload(arrays=batch(0), meta={"project": "shop", **meta}))


def test_projects_and_files_do_not_know_of_each_other() -> None:
    live, alone = FraudService(), FraudService()
    for number in range(6):
        live.apply(rows(batch(number, seed=1), project="other"))
        live.apply(rows(batch(number), session="job"))
        live.apply(labels(number, project="other"))
        live.apply(listed(number, project="other"))
        told = live.apply(rows(batch(number)))
        assert plain(told) == plain(alone.apply(rows(batch(number))))


def test_a_file_is_taken_by_the_time_of_its_events() -> None:
    live = FraudService()
    forward = batch(0, rows=200)
    order = np.random.default_rng(3).permutation(200)
    shuffled = {name: column[order] for name, column in forward.items()}
    one = live.apply(rows(forward, session="a")).arrays
    other = live.apply(rows(shuffled, session="b")).arrays
    unique = {n for n, at in enumerate(forward["event_time"].tolist())
              if (forward["event_time"] == at).sum() == 1}  # fmt: skip
    late = live.apply(rows(shuffled)).arrays["late"]
    assert late.any(), "in order of arrival some are late"
    assert not other["late"].any()
    same = [n for n in range(200) if order[n] in unique]
    assert len(same) > 20
    names = [name for name in one if name.startswith("feature.customer_count")]
    for n in same:
        assert [one[name][order[n]] for name in names] == [other[name][n] for name in names]


def test_a_file_that_ended_is_not_gone_on_with(tmp_path: Path) -> None:
    live = FraudService()
    live.apply(rows(batch(0), session="a"))
    assert live.apply(rows({}, kind="session_end", session="a")).meta["ended"] is True
    assert live.apply(rows({}, kind="session_end", session="a")).meta["ended"] is False
    live.snapshot(tmp_path)
    restored = FraudService()
    restored.restore(tmp_path)
    for one in (live, restored):
        with pytest.raises(InputRefused, match="send the file again") as told:
            one.apply(rows(batch(1), session="a"))
        assert told.value.code == "session_gone"


def test_the_file_worked_on_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SESSIONS", 3)
    live = FraudService()
    live.apply(rows(batch(0)))
    for session in ("a", "b", "a", "c"):
        live.apply(rows(batch(0), session=session))
    live.apply(rows(batch(1)))
    live.apply(rows(batch(1), session="a"))
    with pytest.raises(InputRefused, match="send the file again"):
        live.apply(rows(batch(1), session="b"))


def test_live_transactions_never_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    live = FraudService()
    live.apply(rows(batch(0)))
    monkeypatch.setattr(service, "MAX_STATE_BYTES", 1)
    live.apply(rows(batch(1)))
    with pytest.raises(InputRefused, match="1 live sessions") as told:
        live.apply(rows(batch(0), session="job"))
    assert told.value.code == "live_memory"


def test_a_request_without_context_takes_card_payments() -> None:
    bare, declared = FraudService(), FraudService()
    context = {"scheme": CARD_PAYMENTS.model_dump(mode="json")}
    one = bare.apply(rows(batch(0)))
    other = declared.apply(rows(batch(0), context=context))
    assert plain(one) == plain(other)
    assert one.meta["scheme_sha256"] == CARD_PAYMENTS.sha256
