"""A snapshot takes in what is there: it waits for nothing, and writes only what came since."""

import shutil
import threading
from pathlib import Path

import pytest

from apps.fraud.live import log
from apps.fraud.live.service import FraudService
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.live.conftest import idle
from tests.apps.fraud.live.transactions import batch, plain, rows


def fed(service: FraudService, first: int, stop: int) -> None:
    for number in range(first, stop):
        service.apply(rows(batch(number)))


def taken(service: FraudService, folder: Path, number: int) -> Path:
    there = folder / f"snapshot-{number:03d}"
    there.mkdir()
    service.snapshot(there)
    return there / "0"


def test_files_that_do_not_change_are_the_same_files_in_the_next_snapshot(
    small: None, tmp_path: Path
) -> None:
    service = FraudService()
    service._room.near = tmp_path
    fed(service, 0, 33)
    first = taken(service, tmp_path, 1)
    fed(service, 33, 35)
    second = taken(service, tmp_path, 2)
    known = {path.name: path.stat().st_ino for path in first.iterdir()}
    again = {path.name: path.stat().st_ino for path in second.iterdir()}
    for kind in (".rows", ".filters", ".ids"):
        shared = [name for name in known if name.endswith(kind)]
        assert shared
        assert {name: again[name] for name in shared} == {name: known[name] for name in shared}


def test_of_the_newest_rows_only_those_that_came_since_are_written(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "SEGMENT_ROWS", 10**6)
    service, straight = FraudService(), FraudService()
    fed(service, 0, 10)
    first = taken(service, tmp_path, 1)
    fed(service, 10, 12)
    second = taken(service, tmp_path, 2)
    shutil.rmtree(first.parent)
    files = {path.name for path in second.glob("*.tail")}
    assert files == {"0.tail", "200.tail"}
    assert (second / "200.tail").stat().st_size < (second / "0.tail").stat().st_size
    again = FraudService()
    again.restore(second.parent)
    fed(straight, 0, 12)
    assert plain(again.apply(rows(batch(12)))) == plain(straight.apply(rows(batch(12))))


def test_no_segment_and_no_generation_of_ids_is_waited_for(small: None, tmp_path: Path) -> None:
    service, straight = FraudService(), FraudService()
    held = threading.Event()
    service._room.worker.submit(held.wait)
    fed(service, 0, 33)
    assert not service.settled()
    there = taken(service, tmp_path, 1)  # it would wait here for ever
    assert not list(there.glob("*.rows"))
    held.set()
    again = FraudService()
    again.restore(there.parent)
    fed(straight, 0, 33)
    repeated = plain(again.apply(rows(batch(3))))
    assert repeated == plain(straight.apply(rows(batch(3))))
    assert all(repeated["repeated"])
    assert plain(again.apply(rows(batch(33)))) == plain(straight.apply(rows(batch(33))))
    # The segments come; the files of their rows go, those of newer rows stay.
    service._room.worker.submit(int).result()
    service.apply(rows(batch(3)))
    service.apply(rows(batch(33)))
    second = taken(service, tmp_path, 2)
    assert sorted(path.name for path in second.glob("*.tail")) == ["600.tail", "660.tail"]
    later = FraudService()
    later.restore(second.parent)
    for number in (5, 32, 34):
        assert plain(later.apply(rows(batch(number)))) == plain(straight.apply(rows(batch(number))))


def test_a_snapshot_had_better_wait_while_segments_are_made(small: None, tmp_path: Path) -> None:
    service = FraudService()
    fed(service, 0, 33)
    service._room.worker.submit(int).result()
    assert service.settled()
    held = threading.Event()
    service._room.worker.submit(held.wait)
    fed(service, 33, 40)
    assert not service.settled()
    held.set()
    service._room.worker.submit(int).result()
    assert service.settled()


def test_the_good_moment_comes_while_segments_are_still_made(small: None, tmp_path: Path) -> None:
    """Their rows are written as they are, so a snapshot that is due finds few left to write."""
    service, straight = FraudService(), FraudService()
    service._room.near = tmp_path
    held = threading.Event()
    service._room.worker.submit(held.wait)
    fed(service, 0, 33)
    tail_writer = service._room.tail_writer
    assert tail_writer is not None
    for _ in range(10):
        if service.settled():
            break
        tail_writer.submit(int).result()
    assert service.settled()
    there = taken(service, tmp_path, 1)
    assert not list(there.glob("*.rows"))
    held.set()
    again = FraudService()
    again.restore(there.parent)
    fed(straight, 0, 33)
    assert plain(again.apply(rows(batch(3)))) == plain(straight.apply(rows(batch(3))))
    assert plain(again.apply(rows(batch(33)))) == plain(straight.apply(rows(batch(33))))


def test_many_rows_are_written_in_the_background_before_a_snapshot_that_is_due(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "SEGMENT_ROWS", 10**6)
    monkeypatch.setattr(log, "UNWRITTEN_ROWS", 30)
    service, straight = FraudService(), FraudService()
    service._room.near = tmp_path
    fed(service, 0, 10)
    assert not service.settled()
    fed(service, 10, 11)
    idle(service)
    assert service.settled()
    there = taken(service, tmp_path, 1)
    assert {path.name for path in there.glob("*.tail")} == {"0.tail", "200.tail"}
    again = FraudService()
    again.restore(there.parent)
    fed(straight, 0, 11)
    assert plain(again.apply(rows(batch(3)))) == plain(straight.apply(rows(batch(3))))
    assert plain(again.apply(rows(batch(11)))) == plain(straight.apply(rows(batch(11))))


def test_a_snapshot_of_before_the_newest_rows_were_apart_is_read(
    small: None, tmp_path: Path
) -> None:
    service, straight = FraudService(), FraudService()
    fed(service, 0, 4)
    there = taken(service, tmp_path, 1)
    (there / "0.tail").rename(there / "tail.arrow")
    manifest = there.parent / "manifest.json"
    told = manifest.read_text()
    assert '"tail":[[0,80]]' in told
    manifest.write_text(told.replace('"tail":[[0,80]]', '"tail":null'))
    again = FraudService()
    again.restore(there.parent)
    fed(straight, 0, 4)
    status = Payload(meta={"project": "shop"})
    assert again.ask(status).meta["transactions"] == straight.ask(status).meta["transactions"]
    assert plain(again.apply(rows(batch(4)))) == plain(straight.apply(rows(batch(4))))
