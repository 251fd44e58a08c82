"""A journal gives back what was acknowledged, wherever the file was cut off."""

import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loupe.engine.journal import Journal

RECORDS = [(n, f"request {n}", bytes([n]) * (n * 7 % 40)) for n in range(12)]


def bodies(path: Path) -> list[tuple[int, str, bytes]]:
    journal = Journal(path)
    found = [(record.sequence, record.request_id, record.body) for record in journal.records()]
    journal.close()
    return found


def written(path: Path) -> list[int]:
    """Write every record and return the file's size after each."""
    path.unlink(missing_ok=True)
    journal = Journal(path)
    sizes = []
    for record in RECORDS:
        journal.append([record])
        sizes.append(journal.size)
    journal.sync()
    journal.close()
    return sizes


def test_records_come_back_in_order(tmp_path: Path) -> None:
    written(tmp_path / "log")
    assert bodies(tmp_path / "log") == RECORDS


def test_a_torn_tail_is_cut_off_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sizes = written(path)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        count = sum(size <= end for size in sizes)
        assert bodies(path) == RECORDS[:count]
        assert path.stat().st_size == ([0, *sizes][count])


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
@given(position=st.integers(0, 500), bit=st.integers(0, 7))
def test_a_flipped_bit_never_gives_a_wrong_record(tmp_path: Path, position: int, bit: int) -> None:
    path = tmp_path / "log"
    written(path)
    damaged = bytearray(path.read_bytes())
    damaged[position % len(damaged)] ^= 1 << bit
    path.write_bytes(damaged)
    found = bodies(path)
    assert found == RECORDS[: len(found)]
    assert len(found) < len(RECORDS)


def test_after_a_torn_tail_the_journal_goes_on_where_it_was_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sizes = written(path)
    with path.open("r+b") as file:
        file.truncate(sizes[4] + 3)
    journal = Journal(path)
    journal.append([(5, "again", b"body")])
    journal.close()
    assert bodies(path) == [*RECORDS[:5], (5, "again", b"body")]


def test_what_a_full_disk_does_not_take_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "log"
    journal = Journal(path)
    journal.append([(0, "first", b"x" * 1000)])
    size = journal.size
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            journal.append([(1, "second", b"y" * 1000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert path.stat().st_size == size
    journal.append([(1, "second", b"y" * 1000)])
    journal.close()
    assert [record[1] for record in bodies(path)] == ["first", "second"]


def test_a_body_can_be_read_from_the_place_append_gave(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    places = journal.append(RECORDS)
    assert [journal.read(*place) for place in places] == [body for _, _, body in RECORDS]
    journal.close()
