"""The gate at a terminal."""

import json
from pathlib import Path

import pytest

from apps.report_gen.reading.__main__ import main
from tests.apps.report_gen.studies import Taken, series, write


@pytest.mark.parametrize(
    ("modality", "status", "ends"), [("CT", "usable", 0), ("PT", "refused", 1)]
)
def test_one_json_line_tells_the_verdict(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    modality: str,
    status: str,
    ends: int,
) -> None:
    write(series(Taken(modality=modality)), tmp_path)
    assert main([str(tmp_path)]) == ends
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == status
    (one,) = answer["series"]
    assert (one["status"], one["modality"], one["files"]) == (status, modality, 50)
    assert all(each["en"] and each["zh"] and each["code"] for each in one["reasons"])


def test_a_path_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "no.zip")]) == 2
    assert "is not there" in capsys.readouterr().err
