"""A live service answers each request once, exactly, and remembers after a restart."""

import gc
import shutil
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from loupe.contract.runtime.errors import InputRefused, TemporarilyUnavailable
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine.errors import DeadlineExceeded, EngineFault, RequestRefused
from loupe.engine.services import Limits, LiveService
from loupe.engine.work import Deadline
from tests.host.engine.tiny.code import Totals

RUN = "tests.host.engine.tiny.code:Totals"
SMALL = Limits(snapshot_requests=7)


def request(seed: int, rows: int = 20) -> Payload:
    """Amounts for a few accounts, the same for the same seed."""
    numbers = np.random.default_rng(seed)
    accounts: list[JsonValue] = [f"account {n}" for n in numbers.integers(0, 5, rows)]
    return Payload(arrays={"amounts": numbers.random(rows)}, meta={"accounts": accounts})


class Running:
    """A service that can be stopped as cleanly, or left as dirty, as a test wants."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.service = LiveService(RUN, folder, limits)
        self.service.ready.result(timeout=90)

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *error: object) -> None:
        self.service.close()

    def send(self, name: str, payload: Payload) -> Future[Payload]:
        return self.service.apply(name, payload, Deadline())

    def ask(self, name: str, payload: Payload) -> list[float]:
        return list(self.send(name, payload).result(timeout=90).arrays["scores"].tolist())


def expected(count: int, tmp_path: Path) -> list[list[float]]:
    """Answers of a run nobody interrupted."""
    with Running(tmp_path / "oracle") as running:
        return [running.ask(f"r{n}", request(n)) for n in range(count)]


def test_answers_are_those_of_the_service(tmp_path: Path) -> None:
    with Running(tmp_path / "state") as running:
        payload = Payload(arrays={"amounts": np.array([1.0, 2.0])}, meta={"accounts": ["a", "a"]})
        assert running.ask("one", payload) == [1.0 + 1, 1.0 * 0.999 + 2.0 + 2]


def test_a_repeated_id_gets_the_recorded_answer_and_moves_nothing(tmp_path: Path) -> None:
    with Running(tmp_path / "state") as running:
        first = running.ask("same", request(1))
        assert running.ask("same", request(2)) == first
        assert running.service.sequence == 1


def test_the_same_id_twice_at_once_is_applied_once(tmp_path: Path) -> None:
    with Running(tmp_path / "state") as running:
        futures = [running.send("same", request(1)) for _ in range(20)]
        answers = {tuple(future.result(timeout=90).arrays["scores"]) for future in futures}
        assert len(answers) == 1
        assert running.service.sequence == 1


@pytest.mark.parametrize("limits", [None, SMALL], ids=["journal", "snapshots"])
def test_a_restart_goes_on_where_it_stopped_and_knows_old_ids(
    tmp_path: Path, limits: Limits | None
) -> None:
    answers = expected(30, tmp_path)
    folder = tmp_path / "state"
    for start in (0, 10, 20):
        with Running(folder, limits) as running:
            for n in range(start, start + 10):
                assert running.ask(f"r{n}", request(n)) == answers[n]
    with Running(folder, limits) as running:
        for n in range(30):
            assert running.ask(f"r{n}", request(99)) == answers[n]
        assert running.service.sequence == 30


def test_what_lies_on_the_disk_after_any_request_is_enough_to_go_on(tmp_path: Path) -> None:
    answers = expected(25, tmp_path)
    with Running(tmp_path / "state", SMALL) as running:
        for n in range(25):
            assert running.ask(f"r{n}", request(n)) == answers[n]
            # The one writer answers this after any snapshot the request before set off.
            assert running.ask(f"r{n}", request(n)) == answers[n]
            copy = tmp_path / f"copy {n}"
            shutil.copytree(tmp_path / "state", copy)
            with Running(copy, SMALL) as restored:
                assert restored.service.sequence == n + 1
                assert restored.ask(f"r{n}", request(99)) == answers[n]
                if n + 1 < 25:
                    assert restored.ask(f"r{n + 1}", request(n + 1)) == answers[n + 1]


def test_a_torn_tail_loses_only_what_was_never_answered(tmp_path: Path) -> None:
    answers = expected(3, tmp_path)
    with Running(tmp_path / "state") as running:
        for n in range(2):
            running.ask(f"r{n}", request(n))
        shutil.copytree(tmp_path / "state", tmp_path / "copy")
    (journal,) = (tmp_path / "copy").glob("journal-*.log")
    with journal.open("ab") as file:
        file.write(b"\x20\x00\x00\x00half a rec")
    with Running(tmp_path / "copy") as restored:
        assert restored.service.sequence == 2
        assert restored.ask("r2", request(2)) == answers[2]


def test_a_refusal_is_an_answer_and_is_remembered(tmp_path: Path) -> None:
    bad = Payload(arrays={"amounts": np.zeros(1)}, meta={"accounts": ["a"], "refuse": True})
    for _ in range(2):
        with (
            Running(tmp_path / "state") as running,
            pytest.raises(InputRefused, match="upside down") as refused,
        ):
            running.ask("bad", bad)
        assert refused.value.code == "upside_down"


def test_a_service_that_breaks_on_one_request_serves_the_next(tmp_path: Path) -> None:
    broken = Payload(arrays={"amounts": np.zeros(2)}, meta={"accounts": ["only one"]})
    with Running(tmp_path / "state") as running:
        with pytest.raises(EngineFault, match="ValueError"):
            running.ask("broken", broken)
        assert len(running.ask("whole", request(1))) == 20


def test_a_request_that_is_late_is_not_applied(tmp_path: Path) -> None:
    with Running(tmp_path / "state") as running:
        late = running.service.apply("late", request(1), Deadline(1e-6))
        with pytest.raises(DeadlineExceeded):
            late.result(timeout=90)
        assert running.service.sequence == 0


@pytest.mark.parametrize("name", ["", "x" * 2000])
def test_an_id_that_cannot_be_recorded_is_refused(tmp_path: Path, name: str) -> None:
    with Running(tmp_path / "state") as running, pytest.raises(RequestRefused, match="1 to 1024"):
        running.send(name, request(1))


def test_a_state_that_cannot_be_restored_stops_that_service_with_a_reason(tmp_path: Path) -> None:
    with Running(tmp_path / "state", SMALL) as running:
        for n in range(10):
            running.ask(f"r{n}", request(n))
    (snapshot,) = (tmp_path / "state").glob("snapshot-*")
    (snapshot / "totals.json").write_text("{")
    service = LiveService(RUN, tmp_path / "state")
    assert service.ready.exception(timeout=90) is not None
    with pytest.raises(TemporarilyUnavailable, match="could not restore its state") as failed:
        service.apply("next", request(1), Deadline())
    assert failed.value.code == "service_failed"
    service.close()


def test_old_answers_are_forgotten_only_past_the_promised_number(tmp_path: Path) -> None:
    limits = Limits(snapshot_requests=5)
    with Running(tmp_path / "state", limits) as running:
        running.service._answers._remembered = 12
        first = running.ask("r0", request(0, 1))
        for n in range(1, 10):
            running.ask(f"r{n}", request(n, 1))
        assert running.ask("r0", request(0, 1)) == first
        for n in range(10, 60):
            running.ask(f"r{n}", request(n, 1))
        files = list((tmp_path / "state").glob("answers-*.log"))
    assert len(files) <= 4


def test_a_service_may_have_a_snapshot_wait_for_a_better_moment_but_not_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = [False]
    monkeypatch.setattr(Totals, "settled", lambda _self: settled[0], raising=False)
    with Running(tmp_path / "state", Limits(snapshot_requests=8)) as running:
        state = tmp_path / "state"
        for n in range(9):
            running.ask(f"r{n}", request(n))
        assert not list(state.glob("snapshot-*"))
        running.ask("r9", request(9))  # a quarter overdue
        running.ask("r10", request(10))
        assert [path.name for path in state.glob("snapshot-*")] == [f"snapshot-{10:020d}"]
        settled[0] = True
        for n in range(11, 19):
            running.ask(f"r{n}", request(n))
        assert [path.name for path in state.glob("snapshot-*")] == [f"snapshot-{18:020d}"]


def test_what_a_service_has_loaded_is_not_looked_over_again_by_the_collector(
    tmp_path: Path,
) -> None:
    gc.unfreeze()
    with Running(tmp_path / "state"):
        assert gc.get_freeze_count() > 10_000


def test_a_service_is_closed_once_after_its_last_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    def close(_service: Totals) -> None:
        closed.append(any((tmp_path / "state").glob("snapshot-*")))

    monkeypatch.setattr(Totals, "close", close, raising=False)
    with Running(tmp_path / "state") as running:
        running.ask("one", request(1))
        assert closed == []
    assert closed == [True]
