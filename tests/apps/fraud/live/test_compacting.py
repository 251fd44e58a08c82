"""Segments become one: the same rows, in groups, with little memory and one set of columns."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from apps.fraud.live import compacting, encoding, segments
from apps.fraud.live.compacting import compact
from apps.fraud.live.files import Kept
from apps.fraud.live.segment_index import Index, entity_hashes
from apps.fraud.live.segments import Segment
from tests.apps.fraud.live.transactions import Columns, batch

KEY = (3, 4)
NAMES = ("a", "b")
GROUP = 64


@pytest.fixture(autouse=True)
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of 64 rows, so that no segment of 100 ends with one."""
    for module in (segments, compacting):
        monkeypatch.setattr(module, "GROUP_ROWS", GROUP)


def segment(number: int, columns: Columns, near: Path | None) -> Segment:
    values = np.random.default_rng(number).random((len(columns["id"]), 2), np.float32)
    part = encoding.batch(columns, NAMES, [values])
    return Segment.fresh(number * len(columns["id"]), [part], KEY, near)


def sources(count: int, near: Path | None) -> tuple[list[Segment], Columns]:
    """Segments of 100 rows, and all of their columns."""
    parts = [batch(number, 100) for number in range(count)]
    made = [segment(number, part, near) for number, part in enumerate(parts)]
    return made, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("placed", [True, False])
def test_every_row_is_found_by_its_number(tmp_path: Path, placed: bool) -> None:
    near = tmp_path if placed else None
    made, whole = sources(7, near)
    one = compact(made, KEY, near)
    assert one.file.on_disk == placed
    assert (one.facts.first, one.facts.rows, one.facts.form) == (0, 700, "parquet")
    assert [piece.num_rows for _, piece in one.pieces()] == [GROUP] * 10 + [60]
    table = one.table()
    assert table.column_names == list(whole)
    assert {name: table[name].to_pylist() for name in whole} == {
        name: column.tolist() for name, column in whole.items()
    }
    wanted = np.array([0, 63, 64, 199, 200, 699])
    assert one.rows(wanted, ["id"])["id"].to_pylist() == whole["id"][wanted].tolist()


def test_what_was_compacted_before_is_joined_with_what_came_since(tmp_path: Path) -> None:
    made, whole = sources(7, tmp_path)
    one = compact([compact(made[:3], KEY, tmp_path), *made[3:]], KEY, tmp_path)
    straight = compact(made, KEY, tmp_path)
    assert one.facts == straight.facts
    assert one.table().equals(straight.table())
    assert one.table()["id"].to_pylist() == whole["id"].tolist()


def test_facts_and_filters_are_those_of_all_rows(tmp_path: Path) -> None:
    made, whole = sources(5, tmp_path)
    one = compact(made, KEY, tmp_path)
    assert one.facts.earliest_event == whole["event_time"].min()
    assert one.facts.latest_event == whole["event_time"].max()
    assert one.facts.earliest_known == whole["known_at"].min()
    assert one.facts.latest_known == whole["known_at"].max()
    for entity in ("customer", "device"):
        there = np.unique(whole[f"entity.{entity}"])
        assert one.may_know(entity, entity_hashes(there[there != ""], KEY)).all()
    strangers = entity_hashes(np.array([f"nobody-{n}" for n in range(500)]), KEY)
    assert one.may_know("customer", strangers).mean() < 0.1


def test_what_some_of_them_have_not_stands_empty(tmp_path: Path) -> None:
    """As after a project has declared another scheme."""
    first, second = batch(0, 100), batch(1, 100)
    later = {**second, "attribute.risk": np.linspace(0, 1, 100)}
    del later["entity.address"]
    one = compact([segment(0, first, tmp_path), segment(1, later, tmp_path)], KEY, tmp_path)
    table = one.table()
    risk, addresses = (
        encoding.column(table[name]) for name in ("attribute.risk", "entity.address")
    )
    assert np.isnan(risk[:100].astype(float)).all()
    assert risk[100:].tolist() == later["attribute.risk"].tolist()
    assert addresses.tolist() == [*first["entity.address"].tolist(), *[""] * 100]


def test_no_more_than_a_group_and_a_piece_are_held_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = sources(40, tmp_path)
    whole = sum(source.table().nbytes for source in made)
    held = []
    add = Index.add

    def noted(index: Index, rows: pa.Table) -> None:
        held.append(pa.total_allocated_bytes() - before)
        add(index, rows)

    monkeypatch.setattr(Index, "add", noted)
    before = pa.total_allocated_bytes()
    compact(made, KEY, tmp_path)
    assert len(held) == -(-4_000 // GROUP)
    assert max(held[5:]) < whole / 4


def test_a_full_disk_is_told_and_leaves_no_file_open(tmp_path: Path) -> None:
    def write(sink: pa.NativeFile) -> None:
        sink.write(b"begun")
        raise OSError("No space left on device")

    before = sorted(Path("/proc/self/fd").iterdir())
    with pytest.raises(OSError, match="No space"):
        Kept.streamed(write, tmp_path)
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    assert not list(tmp_path.iterdir())
