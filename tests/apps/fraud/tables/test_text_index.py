"""Promises of the index: whole records, each once, on their line, in little memory."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud.tables import text_index
from apps.fraud.tables.text_index import record_lines, spans
from loupe.contract.runtime.errors import InputRefused

CELL = st.text(st.sampled_from('ab ,"\n\r;é'), max_size=6)
TABLE = st.lists(st.lists(CELL, min_size=2, max_size=3), min_size=1, max_size=40)


def table(rows: list[list[str]], ending: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=ending).writerows(rows)
    return text.getvalue()


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    rows=TABLE, ending=st.sampled_from(["\n", "\r\n"]), last=st.booleans(), most=st.integers(1, 9)
)
def test_ranges_hold_every_record_once_in_order_on_its_line(
    rows: list[list[str]],
    ending: str,
    last: bool,
    most: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_index, "MOST_ROWS", most)
    monkeypatch.setattr(text_index, "BLOCK", 16)
    text = table(rows, ending)
    text = text if last else text.removesuffix(ending)
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8", newline="")
    data = path.read_bytes()
    found = list(spans(path, 0, 1, quoted=True, most=10**9))
    assert b"".join(data[span.start : span.stop] for span in found) == data
    parsed = []
    for span in found:
        assert span.line == 1 + data[: span.start].count(b"\n")
        part = data[span.start : span.stop].decode()
        parsed += list(csv.reader(io.StringIO(part, newline="")))
        assert span.rows <= most
    assert [row for row in parsed if row] == [row for row in rows if row]


@settings(deadline=None)
@given(TABLE)
def test_lines_of_records_are_those_where_they_begin(rows: list[list[str]]) -> None:
    data = table(rows, "\n").encode()
    count = data.count(b"\n") + 1
    found = record_lines(data, np.arange(1, count + 1), quoted=True)
    wanted, at = [], 1
    for row in rows:
        wanted.append(at)
        at += table([row], "\n").count("\n")
    assert found.tolist() == wanted


def test_a_look_in_stretches_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_index, "BLOCK", 64)
    monkeypatch.setattr(text_index, "MOST_ROWS", 7)
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{number},x\n" for number in range(500)))
    start, line, rows = 0, 1, 0
    while start < path.stat().st_size:
        found = list(spans(path, start, line, quoted=True, most=300))
        rows += sum(span.rows for span in found)
        start, line = found[-1].stop, found[-1].next_line
    assert (rows, line) == (500, 501)


@pytest.mark.parametrize("quoted", [True, False])
def test_a_record_without_end_is_refused_with_its_line(tmp_path: Path, quoted: bool) -> None:
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n" + (b'3,"' if quoted else b"3,"))
        for _ in range(12):
            file.write(b"x" * 2**20)
    with pytest.raises(InputRefused, match="Line 3 begins a record") as refused:
        list(spans(path, 0, 1, quoted=quoted, most=10**9))
    assert refused.value.code == "line_too_long"


PEAK = """
import resource, sys
from pathlib import Path
from apps.fraud.tables.splitting import split
from apps.fraud.tables.parsing import parse
path, options = Path(sys.argv[1]), {"context": {}}
parse(Path(sys.argv[2]), options)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = split(path, options)
last = parse(path, {**options, **found[-1]})
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(found), len(last.arrays["id"]), after - before)
"""


def test_a_large_file_takes_no_more_memory_than_its_largest_range(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    head = "id,time,amount,customer\n"
    small.write_text(head + "".join(f"{n},2024-01-01,1.5,c{n % 9}\n" for n in range(9_000)))
    body = "".join(f"{n:09d},2024-01-01T00:00:00,1.5,c{n % 9}\n" for n in range(100_000))
    with large.open("w") as file:
        file.write(head)
        for _ in range(60):
            file.write(body)
    size = large.stat().st_size
    assert size > 200 * 2**20
    answer = subprocess.run(
        [sys.executable, "-c", PEAK, str(large), str(small)],
        check=True,
        capture_output=True,
        text=True,
        timeout=360,
    ).stdout.split()
    ranges, rows, kibibytes = (int(value) for value in answer)
    assert (ranges, rows) == (600, 10_000)
    assert kibibytes * 1024 < 64 * 2**20, "memory grew with the file"
