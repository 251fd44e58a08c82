"""Promises of an import whose worker is really killed, in each of its phases."""

import json
import sqlite3
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.host.jobs.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(900)]

READINGS = 1000
PATIENCE_SECONDS = 240.0
BEGIN = """
import django, json, sys; django.setup()
from pathlib import Path
from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.datasets import services
from loupe.intake.sources import Source
line = Project.objects.get(slug="line")
data = services.create(SYSTEM, line, "dummy_app", "lot-7", about={{"sizes": ["any"]}})
row = services.import_archive(SYSTEM, data, Source(name="set.zip", path=Path({path!r})))
print(json.dumps(str(row.pk)))
"""
WORK = """
import django, time, uuid; django.setup()
from loupe.datasets.importing.work import work
from loupe.datasets.models import IMPORT_OPEN, Import
while Import.objects.filter(state__in=IMPORT_OPEN).exists():
    work(uuid.UUID({pk!r}))
    time.sleep(0.05)
"""


class Line(Stack):
    """An installation whose database is looked at from outside, without a lock on it."""

    def begin(self, archive: Path) -> str:
        """Queue the import of `archive`; its id."""
        return str(json.loads(self._python("-c", BEGIN.format(path=str(archive)))))

    def rows(self, query: str) -> list[Any]:
        """What a query finds."""
        place = f"file:{self.var / 'loupe.sqlite3'}?mode=ro"
        with sqlite3.connect(place, uri=True, timeout=10) as connection:
            return connection.execute(query).fetchall()

    def imported(self) -> tuple[str, str, int, str]:
        """State, phase, number done and error of the only import."""
        rows = self.rows("select state, phase, done, error from datasets_import")
        state, phase, done, error = rows[0]
        return state, phase, done, error

    def until(self, holds: Callable[[], bool]) -> None:  # type: ignore[override]
        """Wait until `holds`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, (self.imported(), self.log("worker")[-3000:])
            time.sleep(0.005)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    stack = Line(tmp_path / "var", {"LOUPE_LEASE_SECONDS": "1"})
    stack.prepare()
    try:
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A zip of labelled readings, each of its own value."""
    path = tmp_path / "set.zip"
    lines = [
        {"file": f"{number}.json", "scaled": 2.0 * number} for number in range(1, READINGS + 1)
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for number, said in enumerate(lines, 1):
            out.writestr(str(said["file"]), json.dumps({"value": float(number)}))
        out.writestr("readings.jsonl", "".join(f"{json.dumps(said)}\n" for said in lines))
    return path


def test_an_import_whose_process_is_killed_in_each_phase_comes_in_whole_and_once(
    line: Line, archive: Path
) -> None:
    pk = line.begin(archive)
    scratch = line.var / "imports" / pk
    hashes, stored = scratch / "hashes.jsonl", scratch / "stored.jsonl"
    moments: dict[str, Callable[[], bool]] = {
        "unpacking": lambda: (scratch / "unpacked").is_dir() and not hashes.exists(),
        "reading": lambda: line.imported()[1] == "reading",
        "storing": lambda: stored.exists() and line.imported()[2] > 0,
    }
    # Bare processes first: they begin more quickly than a worker. They give way to who watches
    # them, so that no phase is over before it is seen.
    line.plan_more("bare", ["nice", "-n", "19", sys.executable, "-c", WORK.format(pk=pk)])
    for name, holds in moments.items():
        line.start("bare")
        line.until(lambda holds=holds: holds() or line.imported()[0] in {"done", "failed"})  # type: ignore[misc]
        line.kill("bare")
        assert line.imported()[:2] == ("running", name)
        assert line.rows("select count(*) from datasets_record") == [(0,)]
    # Then a worker: what it leaves, the next one takes up by itself.
    line.start("broker", "beat", "worker")
    line.until(lambda: line.imported()[1] == "adding")
    line.kill("worker")
    assert line.rows("select count(*) from datasets_record") in ([(0,)], [(READINGS,)])
    line.start("worker")
    line.until(lambda: line.imported()[0] in {"done", "failed"})
    state, _phase, done, error = line.imported()
    assert (state, error, done) == ("done", "", READINGS)
    for table in ("datasets_record", "datasets_labelchange", "datasets_recordclass"):
        assert line.rows(f"select count(*) from {table}") == [(READINGS,)], table
    assert line.rows("select count(distinct blob_id) from datasets_record") == [(READINGS,)]
    # Every stored file has its row, nothing half-written lies about, and the scratch is gone.
    kept = {sha256 for (sha256,) in line.rows("select sha256 from blobs_blob")}
    blobs = line.var / "blobs"
    on_disk = {path.name for path in blobs.rglob("*") if path.is_file() and len(path.name) == 64}
    assert on_disk == kept
    assert len(kept) == READINGS + 1
    line.until(lambda: not scratch.exists())
    left = [path for path in blobs.rglob("*") if path.is_file() and len(path.name) == 32]
    assert left == []
