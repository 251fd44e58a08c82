"""Asked to, the live log makes old segments smaller: nothing that is told of them changes."""

import threading
from pathlib import Path
from typing import Any

import numpy as np

from apps.fraud.live import looking_back
from apps.fraud.live.limits import DAY_MS
from apps.fraud.live.service import FraudService
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.live.conftest import idle
from tests.apps.fraud.live.transactions import batch, plain, rows

HOURLY = 3_600_000
POLICY: dict[str, Any] = {"features_ms": 2 * DAY_MS, "base_rows": 1_000}


def sent(number: int) -> Payload:
    return rows(batch(number, apart=HOURLY)).told(context={"policy": POLICY})


def fed(service: FraudService, first: int, stop: int) -> list[dict[str, list[Any]]]:
    return [plain(service.apply(sent(number))) for number in range(first, stop)]


def asked(service: FraudService, kind: str, **more: Any) -> Payload:
    return service.ask(Payload(meta={"project": "shop", "kind": kind, **more}))


def compacted(service: FraudService) -> dict[str, Any]:
    """Ask until nothing is left, as the schedule does."""
    for _ in range(100):
        idle(service)  # also rows on their way into a segment
        told = dict(asked(service, "compact").meta)
        if not told["left"]:
            return told
    raise AssertionError("compaction never ends")


def questions(service: FraudService) -> list[dict[str, list[Any]]]:
    kept = ("id", "event_time", "known_at", "amount", "entity.customer", "late", "history")
    found = []
    for kind, more in (
        ("history", {"entity": "customer", "key": "客户-3", "limit": 500}),
        ("between", {}),
        ("transactions", {"ids": ["transaction-5", "transaction-300"]}),
    ):
        told = plain(asked(service, kind, **more))
        found.append({name: told[name] for name in (*kept, "sequence")})
    return found


def test_old_segments_become_parquet_however_few_their_rows(small: None) -> None:
    service = FraudService()
    fed(service, 0, 12)
    idle(service)
    before = asked(service, "status").meta
    assert before["compacted"] == 0
    earlier = questions(service)
    told = compacted(service)
    assert told["compacted"] == 1
    assert told["in_segments"] == before["in_segments"]
    assert told["bytes_per_transaction"] < float(str(before["bytes_per_transaction"]))
    assert questions(service) == earlier


def test_what_the_policy_still_needs_keeps_its_features(small: None) -> None:
    service = FraudService()
    fed(service, 0, 12)
    idle(service)
    compacted(service)
    young = asked(service, "transactions", ids=["transaction-239"]).arrays
    assert not np.isnan(young["feature.amount"]).any()
    old = asked(service, "transactions", ids=["transaction-0"]).arrays
    assert np.isnan(old["feature.amount"]).all()


def test_scores_after_it_and_replay_of_what_was_compacted_are_equal_to_the_bit(
    small: None, tmp_path: Path
) -> None:
    service, straight = FraudService(), FraudService()
    told = fed(service, 0, 20)
    assert told == fed(straight, 0, 20)
    idle(service)
    compacted(service)
    assert fed(service, 20, 24) == fed(straight, 20, 24)
    there = tmp_path / "snapshot-1"
    there.mkdir()
    service.snapshot(there)
    kept = looking_back.session(there, "shop")
    assert any(segment.facts.form == "parquet" for segment in kept.log.segments)
    pieces = [piece for _, piece in looking_back.features(kept, 0, 60)]
    again = np.concatenate([piece["feature.customer_count_30d"] for piece in pieces])
    first = [value for answer in told[:3] for value in answer["feature.customer_count_30d"]]
    assert again.view(np.int32).tolist() == first


def test_segments_are_made_and_answers_told_while_it_goes_on(small: None) -> None:
    service, straight = FraudService(), FraudService()
    held = threading.Event()
    fed(service, 0, 12)
    idle(service)
    compactor = service._room.compactor
    assert compactor is not None
    compactor.submit(held.wait)
    assert asked(service, "compact").meta["left"]
    fed(straight, 0, 12)
    assert fed(service, 12, 40) == fed(straight, 12, 40)
    service._room.worker.submit(int).result()
    status = asked(service, "status").meta
    assert status["compacted"] == 0
    assert status["in_segments"] == 800
    assert service.figures()["waited_seconds"] == 0
    held.set()
    idle(service)
    assert asked(service, "status").meta["compacted"] == 1


def test_killed_before_the_next_snapshot_the_segments_that_were_are_there(
    small: None, tmp_path: Path
) -> None:
    service, straight = FraudService(), FraudService()
    fed(service, 0, 12)
    idle(service)  # so that the snapshot has segments, and not their rows
    there = tmp_path / "snapshot-1"
    there.mkdir()
    service.snapshot(there)
    earlier = questions(service)
    compacted(service)
    del service  # killed: what was compacted is in no snapshot
    again = FraudService()
    again.restore(there)
    assert asked(again, "status").meta["compacted"] == 0
    assert questions(again) == earlier
    assert compacted(again)["compacted"] == 1
    fed(straight, 0, 12)
    assert fed(again, 12, 14) == fed(straight, 12, 14)
