"""A service that is restored goes on bit for bit, wherever it was cut."""

import os
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.fraud.features.state import FeatureState, Fed
from apps.fraud.live import base_writer
from apps.fraud.live.bases import WHOLE
from apps.fraud.live.service import FraudService
from apps.fraud.scheme import CARD_PAYMENTS, Attribute, EntityType
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.live.conftest import idle
from tests.apps.fraud.live.transactions import START, batch, labels, listed, plain, rows, work

DAY = 86_400_000
OTHER = CARD_PAYMENTS.model_copy(
    update={
        "entities": (
            *CARD_PAYMENTS.entities,
            EntityType(key="card", en="Card", zh="卡", role="instrument"),
        ),
        "attributes": (
            *CARD_PAYMENTS.attributes,
            Attribute(key="speed", en="Speed", zh="速度", kind="number"),
        ),
    }
)


def through_snapshots(
    requests: list[Payload], folder: Path, seed: int
) -> list[dict[str, list[object]]]:
    """Answers of a service that is snapshotted and begun anew at random moments."""
    chance, live, told = random.Random(seed), FraudService(), []
    for number, request in enumerate(requests):
        told.append(plain(live.apply(request)))
        if chance.random() < 0.12:
            there = folder / f"snapshot-{number}"
            there.mkdir()
            live.snapshot(there)
            if chance.random() < 0.6:
                live = FraudService()
                live.restore(there)
    return told


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("base_rows", [1_000, 10**9])
def test_answers_equal_those_of_a_service_that_was_never_stopped(
    small: None, tmp_path: Path, seed: int, base_rows: int
) -> None:
    policy: dict[str, Any] = {"base_rows": base_rows}
    requests = [request.told(context={"policy": policy}) for request in work(120)]
    once = FraudService()
    expected = [plain(once.apply(request)) for request in requests]
    assert through_snapshots(requests, tmp_path, seed) == expected


def test_a_base_spares_feeding_what_came_before_it(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context: dict[str, Any] = {"policy": {"base_rows": 1_000}}
    live = FraudService()
    for number in range(60):
        live.apply(rows(batch(number)).told(context=context))
        if number in (54, 58):
            there = tmp_path / str(number)
            there.mkdir()
            live.snapshot(there)
    assert not list((tmp_path / "54").glob("0/base-*"))
    assert list((tmp_path / "58").glob("0/base-1100-*"))
    fed: list[int] = []
    feed = FeatureState.feed

    def counted(state: FeatureState, events: Columns) -> Fed:
        fed.append(len(events["id"]))
        return feed(state, events)

    monkeypatch.setattr(FeatureState, "feed", counted)
    again = FraudService()
    again.restore(tmp_path / "58")
    assert sum(fed) == 59 * 20 - 1_100
    for number in (59, 60):
        sent = rows(batch(number)).told(context=context)
        expected = plain(live.apply(sent))
        if number == 59:
            again.apply(sent)
        else:
            assert plain(again.apply(sent)) == expected


def test_what_a_killed_engine_left_of_a_base_is_removed(tmp_path: Path) -> None:
    live = FraudService()
    live.apply(rows(batch(0)))
    there = tmp_path / "snapshot"
    there.mkdir()
    live.snapshot(there)
    left = tmp_path / "fraud-base-1-2-3" / "state"
    left.mkdir(parents=True)
    (left / "features.0.npy").touch()
    FraudService().restore(there)
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot"]


def test_a_snapshot_needs_none_of_the_older_ones(small: None, tmp_path: Path) -> None:
    live = FraudService()
    for number, request in enumerate(work(60)):
        live.apply(request)
        if number % 20 == 19:
            there = tmp_path / str(number)
            there.mkdir()
            live.snapshot(there)
    for old in (tmp_path / "19", tmp_path / "39"):
        for path in sorted(old.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    again = FraudService()
    again.restore(tmp_path / "59")
    for request in work(70)[60:]:
        assert plain(again.apply(request)) == plain(live.apply(request))


def test_a_snapshot_that_failed_costs_nothing(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, never = FraudService(), FraudService()
    for request in work(40):
        live.apply(request)
        never.apply(request)
    broken = tmp_path / "broken"
    broken.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", _full_disk)
        with pytest.raises(OSError, match="No space"):
            live.snapshot(broken)
    for path in sorted(broken.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    whole = tmp_path / "whole"
    whole.mkdir()
    live.snapshot(whole)
    again = FraudService()
    again.restore(whole)
    for request in work(60)[40:]:
        expected = plain(never.apply(request))
        assert plain(live.apply(request)) == expected
        assert plain(again.apply(request)) == expected


def _full_disk(*_given: object, **_named: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_damaged_snapshot_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputRefused, match="holds no whole snapshot"):
        FraudService().restore(tmp_path)


def test_the_features_of_a_new_scheme_are_those_of_a_log_told_by_it_from_the_start(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.fraud.live.session.REBUILT_ROWS", 60)
    old: dict[str, Any] = {"scheme": CARD_PAYMENTS.model_dump(mode="json")}
    new: dict[str, Any] = {"scheme": OTHER.model_dump(mode="json")}
    changing, always, plainly = FraudService(), FraudService(), FraudService()
    switched = None
    for number in range(60):
        requests = [rows(_with_card(number) if number >= 30 else batch(number))]
        if number % 6 == 2:
            requests += [labels(number), listed(number)]
        for request in requests:
            answer = changing.apply(request.told(context=old if number < 30 else new))
            by_new = always.apply(request.told(context=new))
            by_old = plainly.apply(request.told(context=old))
            if answer.meta["scheme_sha256"] == OTHER.sha256:
                switched = number if switched is None else switched
                assert plain(answer) == plain(by_new)
            elif request.arrays:
                told = plain(answer)
                assert {name: told[name] for name in plain(by_old)} == plain(by_old)
        if number in (31, 33, 45):
            there = tmp_path / str(number)
            there.mkdir()
            changing.snapshot(there)
            changing = FraudService()
            changing.restore(there)
    assert switched is not None
    assert 32 < switched < 50, "some requests after the change, not at once"


def _with_card(number: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng([3, number])
    return {
        **batch(number),
        "entity.card": np.array([f"card-{n}" for n in random.integers(0, 9, 20)]),
        "attribute.speed": np.where(random.random(20) < 0.3, np.nan, random.random(20)),
    }


def test_the_end_of_a_base_is_seen_by_the_next_request(small: None, tmp_path: Path) -> None:
    """Not by the next snapshot only: its files are held from then on."""
    context: dict[str, Any] = {"policy": {"base_rows": 1_000}}
    live = FraudService()
    for number in range(51):
        live.apply(rows(batch(number)).told(context=context))
    there = tmp_path / "there"
    there.mkdir()
    live.snapshot(there)
    (session,) = live._sessions.values()
    assert session.growing is not None
    over = [session.growing.over]
    live.apply(rows(batch(51)).told(context=context))
    over.append(session.growing.over)
    assert over == [False, True]
    assert session.growing.base.files


def test_a_process_of_its_own_writes_a_base_of_a_snapshot_that_got_another_name(
    tmp_path: Path,
) -> None:
    context: dict[str, Any] = {"policy": {"base_rows": 1_000}}
    live = FraudService()
    for number in range(51):
        live.apply(rows(batch(number)).told(context=context))
    live.apply(labels(50).told(context=context))
    partial = tmp_path / "there.partial"
    partial.mkdir()
    live.snapshot(partial)
    partial.rename(tmp_path / "there")
    (session,) = live._sessions.values()
    assert session.growing is not None
    assert session.growing.child.pid != os.getpid()
    live.apply(rows(batch(51)).told(context=context))
    assert session.growing.ended(wait=True)
    expected = tmp_path / "expected"
    base_writer.write(tmp_path / "there", 0, expected)
    (expected / WHOLE).unlink()
    written = {
        name: Path(file.place).read_bytes() for name, file in session.growing.base.files.items()
    }
    assert len(written) > 10
    assert written == {path.name: path.read_bytes() for path in expected.iterdir()}
    held = {Path(file.place).stat().st_ino for file in session.growing.base.files.values()}
    following = tmp_path / "following"
    following.mkdir()
    live.snapshot(following)
    # Copied they would hold the writer up for as long as all of them take to write.
    assert {path.stat().st_ino for path in following.glob("0/base-*")} == held
    assert [path.name for path in tmp_path.glob("fraud-base-*")] == []


def test_a_base_that_nobody_waits_for_any_more_is_given_up(tmp_path: Path) -> None:
    context: dict[str, Any] = {"policy": {"base_rows": 1_000}}
    live = FraudService()
    for number in range(51):
        live.apply(rows(batch(number), session="job-1").told(context=context))
    there = tmp_path / "there"
    there.mkdir()
    live.snapshot(there)
    (session,) = live._sessions.values()
    growing = session.growing
    assert growing is not None
    live.apply(Payload(meta={"project": "shop", "session": "job-1", "kind": "session_end"}))
    assert growing.child.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == [there]


def test_a_service_that_is_closed_leaves_nobody_writing_and_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    context: dict[str, Any] = {"policy": {"base_rows": 1_000}}
    live = FraudService()
    for number in range(51):
        live.apply(rows(batch(number)).told(context=context))
    there = tmp_path / "there"
    there.mkdir()
    live.snapshot(there)
    (session,) = live._sessions.values()
    growing = session.growing
    assert growing is not None
    before = {path: path.stat().st_size for path in there.rglob("*")}
    live.close()
    assert growing.child.returncode == -signal.SIGKILL
    assert {path: path.stat().st_size for path in there.rglob("*")} == before
    assert list(tmp_path.iterdir()) == [there]
    assert (caplog.text, capfd.readouterr().err) == ("", "")
    with pytest.raises(RuntimeError, match="after shutdown"):
        live._room.worker.submit(print)


def test_what_retention_drops_leaves_the_rest_as_it_was(small: None, tmp_path: Path) -> None:
    policy: dict[str, Any] = {"retention_ms": 31 * DAY, "base_rows": 1_000, "features_ms": 2 * DAY}
    live, forever = FraudService(), FraudService()
    for number in range(130):
        sent = rows(batch(number, apart=3_600_000))  # twenty hours a batch
        answer = live.apply(sent.told(context={"policy": policy}))
        assert plain(answer) == plain(forever.apply(sent))
        if number % 10 == 9:
            there = tmp_path / str(number)
            there.mkdir()
            live.snapshot(there)
            idle(live)
    status = live.ask(Payload(meta={"project": "shop"})).meta
    assert 0 < int(str(status["first"])) < 130 * 20
    assert int(str(status["compacted"])) > 0
    again = FraudService()
    again.restore(there)
    sent = rows(batch(130, apart=3_600_000))
    assert plain(again.apply(sent)) == plain(forever.apply(sent))
    oldest = START + 130 * 20 * 3_600_000 - 31 * DAY
    kept = again.ask(Payload(meta={"project": "shop", "kind": "between", "latest": oldest}))
    assert len(kept.arrays["id"]) < 1_500
