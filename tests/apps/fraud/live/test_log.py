"""The log gives back what was appended: from memory, from segments, compacted, after a snapshot."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.live import encoding, log
from apps.fraud.live.log import Log
from apps.fraud.live.segments import entity_hashes
from tests.apps.fraud.live import transactions

KEY = (1, 2)
NAMES = ("a", "b")


def filled(batches: int, near: Path | None) -> tuple[Log, dict[str, np.ndarray]]:
    """A log of batches of 20, and all of it as plain columns."""
    made = Log(KEY, ThreadPoolExecutor(1), near)
    parts = []
    for number in range(batches):
        columns = dict(transactions.batch(number))
        values = np.random.default_rng(number).random((20, 2), np.float32)
        columns["late"] = columns["amount"] % 2 == 0
        columns["history"] = columns["amount"] % 7
        assert made.append(columns, NAMES, values) == number * 20
        parts.append({**columns, "feature.a": values[:, 0], "feature.b": values[:, 1]})
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return made, whole


def everything(made: Log) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    expected = made.first
    for at, piece in made.pieces(made.first, made.end):
        assert at == expected
        expected += len(piece["id"])
        for name, column in piece.items():
            found.setdefault(name, []).extend(column.tolist())
    assert expected == made.end
    return found


@pytest.mark.parametrize("placed", [False, True])
def test_rows_come_back_in_order_of_arrival(small: None, tmp_path: Path, placed: bool) -> None:
    made, whole = filled(33, tmp_path if placed else None)
    assert everything(made) == {name: column.tolist() for name, column in whole.items()}
    made.take_over(wait=True)
    assert len(made.segments) == 6
    assert all(segment.file.on_disk is placed for segment in made.segments)
    assert everything(made) == {name: column.tolist() for name, column in whole.items()}


def test_single_rows_are_found_by_number_in_any_order(small: None, tmp_path: Path) -> None:
    made, whole = filled(33, tmp_path)
    wanted = np.random.default_rng(5).integers(0, made.end, 200)
    found = made.rows(wanted, ["id", "entity.customer", "feature.b", "attribute.none"])
    assert found["id"].tolist() == whole["id"][wanted].tolist()
    assert found["entity.customer"].tolist() == whole["entity.customer"][wanted].tolist()
    assert found["feature.b"].tolist() == whole["feature.b"][wanted].tolist()
    assert set(found["attribute.none"].tolist()) == {""}


def test_rows_leave_memory_with_the_next_ones_once_their_segment_is_there(
    small: None, tmp_path: Path
) -> None:
    made, _ = filled(6, tmp_path)
    made.worker.submit(int).result()
    made.append(dict(transactions.batch(6)), (), None)
    assert made.end < 200  # far from where the next segment begins
    assert made.waiting == 0
    assert len(made.segments) == 1


def test_compaction_keeps_every_row_and_only_features_go(small: None, tmp_path: Path) -> None:
    made, whole = filled(60, tmp_path)
    made.take_over(wait=True)
    before = sum(segment.nbytes for segment in made.segments)
    latest = int(whole["known_at"][-1])
    for _ in range(4):
        made.join_older_than(latest)
        made.worker.submit(int).result()
        made.take_over()
    forms = [segment.facts.form for segment in made.segments]
    assert forms.count("parquet") == 3
    assert sum(segment.nbytes for segment in made.segments) < before
    kept = {name: whole[name].tolist() for name in whole if not name.startswith("feature.")}
    found = everything(made)
    assert {name: found[name] for name in kept} == kept
    some = made.rows(np.array([3, made.end - 1]), ["id", "feature.a"])
    assert np.isnan(some["feature.a"][0])
    assert some["feature.a"][1] == whole["feature.a"][-1]


def test_filters_name_every_segment_of_an_entity_and_few_others(
    small: None, tmp_path: Path
) -> None:
    made, whole = filled(60, tmp_path)
    made.take_over(wait=True)
    hits = 0
    for n in range(200):
        hashed = entity_hashes(np.array([f"nobody-{n}"]), KEY)
        hits += sum(segment.may_know("customer", hashed)[0] for segment in made.segments)
    assert hits < 0.1 * 200 * len(made.segments)
    for name in set(whole["entity.customer"].tolist()):
        hashed = entity_hashes(np.array([name]), KEY)
        homes = set((np.flatnonzero(whole["entity.customer"] == name) // 100).tolist())
        told = {start // 100 for start, _ in made.holders("customer", hashed)}
        assert {home for home in homes if home < len(made.segments)} <= told


def test_a_stretch_of_time_opens_only_its_segments(small: None, tmp_path: Path) -> None:
    made, whole = filled(60, tmp_path)
    made.take_over(wait=True)
    earliest, latest = (int(whole["event_time"][n]) for n in (505, 520))
    starts = {start for start, _ in made.between(min(earliest, latest), max(earliest, latest))}
    inside = (whole["event_time"] >= min(earliest, latest)) & (
        whole["event_time"] <= max(earliest, latest)
    )
    assert set((np.flatnonzero(inside) // 100 * 100).tolist()) <= starts
    assert len(starts) < len(made.segments)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_text_becomes_the_utf_8_that_python_makes(texts: list[str]) -> None:
    column = np.array(texts, np.str_)
    made = encoding.texts(column)
    made.validate(full=True)
    assert made.to_pylist() == texts
    assert encoding.column(made).tolist() == texts


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))), st.integers(0, 3))
def test_a_part_of_a_column_of_text_is_read_as_python_reads_it(texts: list[str], cut: int) -> None:
    part = pa.array(texts, pa.utf8()).slice(min(cut, len(texts)))
    assert encoding.words(part).tolist() == part.to_pylist()


def test_bytes_that_are_no_utf_8_harm_nothing_beside_them() -> None:
    data = pa.py_buffer(b"ok\xff\x80\x80\x80\x80\x80fine")
    offsets = pa.py_buffer(np.array([0, 2, 8, 12], np.int32))
    found = encoding.words(pa.StringArray.from_buffers(3, offsets, data)).view(np.uint32)
    told = found.reshape(3, -1)
    assert [chr(code) for code in told[0] if code] == ["o", "k"]
    assert [chr(code) for code in told[2] if code] == list("fine")


def test_a_segment_that_could_not_be_made_is_tried_again_and_loses_no_row(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pa.ipc, "new_file", _broken)
        made, whole = filled(6, tmp_path)
        with pytest.raises(OSError, match="could not be made"):
            made.take_over(wait=True)
        assert everything(made) == {name: column.tolist() for name, column in whole.items()}
    made.worker.submit(int).result()
    try:
        made.take_over(wait=True)
    except OSError:  # the second try began before the fault had gone
        made.take_over(wait=True)
    assert len(made.segments) == 1
    assert everything(made) == {name: column.tolist() for name, column in whole.items()}


def _broken(*_given: object, **_named: object) -> None:
    raise MemoryError("no memory for a segment")


def test_where_the_disk_cannot_follow_the_writer_waits_so_that_memory_stays_bounded(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "WAITING_ROWS", 250)
    held, most = threading.Event(), [0]
    worker = ThreadPoolExecutor(1)
    worker.submit(held.wait)
    made = Log(KEY, worker, tmp_path)

    def write() -> None:
        for number in range(40):
            made.append(transactions.batch(number), (), None)
            most[0] = max(most[0], made.waiting)

    writer = threading.Thread(target=write)
    writer.start()
    while made.waiting <= 250:
        time.sleep(0.001)
    writer.join(0.2)
    assert writer.is_alive()
    assert made.end < 800
    held.set()
    writer.join(30)
    made.take_over(wait=True)
    assert most[0] <= 400
    assert made.end == 800
    assert len(everything(made)["id"]) == 800
