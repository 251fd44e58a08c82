"""The way through this process ends whole: nobody reads or writes its folder after it."""

import shutil
from pathlib import Path

import pytest

from apps.fraud.benchmarks import score_paths
from apps.fraud.benchmarks.score_load import Load
from apps.fraud.benchmarks.score_paths import InProcess
from tests.apps.fraud.inference import forests


def test_a_base_that_is_being_written_when_the_way_ends_is_given_up_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(score_paths, "SNAPSHOT_BYTES", 100_000)
    monkeypatch.setattr(score_paths, "declared", lambda days: {"policy": {"base_rows": 1_000}})
    folder = tmp_path / "way"
    folder.mkdir()
    load = Load(tmp_path, 1_000)
    load.make(12)
    way = InProcess(tmp_path / "artefact", forests.artefact(tmp_path / "artefact"), folder)
    growing = None
    for body in load.bodies(0, 12):
        way(body)
        (session,) = way.service._sessions.values()
        if session.growing is not None and not session.growing.over:
            growing = session.growing
            break
    assert growing is not None
    way.close()
    assert growing.child.returncode is not None
    assert not list(folder.rglob("fraud-base-*"))
    shutil.rmtree(folder)
    assert capfd.readouterr().err == ""
