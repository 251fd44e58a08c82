"""The process that writes bases ends with the engine in silence, and tells of any other fault."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "apps.fraud.live.base_writer")


def ended(snapshot: Path, into: Path, stdin: int) -> tuple[int, str]:
    """How it ended, and what it said."""
    done = subprocess.run(
        [*COMMAND, str(snapshot), "0", str(into)], stdin=stdin, stderr=subprocess.PIPE, text=True,
        timeout=240, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    return done.returncode, done.stderr


def test_when_the_engine_has_ended_and_its_files_are_gone_nothing_is_said(tmp_path: Path) -> None:
    assert ended(tmp_path / "removed", tmp_path / "into", subprocess.DEVNULL) == (1, "")


@pytest.mark.parametrize("snapshot", ["removed", "empty"])
def test_a_snapshot_that_is_gone_while_the_engine_lives_is_told(
    tmp_path: Path, snapshot: str
) -> None:
    (tmp_path / "empty").mkdir()
    ours, theirs = os.pipe()
    try:
        code, said = ended(tmp_path / snapshot, tmp_path / "into", ours)
    finally:
        os.close(theirs)
        os.close(ours)
    assert code == 1
    assert "holds no whole snapshot of transactions" in said
