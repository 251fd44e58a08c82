"""One installation runs once."""

from pathlib import Path

import pytest

from loupe.supervisor.single import AlreadyRunning, alone


def test_a_second_start_is_told_the_address_of_the_first(tmp_path: Path) -> None:
    with (
        alone(tmp_path, "http://localhost:8000/"),
        pytest.raises(AlreadyRunning, match=r"already running at http://localhost:8000/ \(process"),
        alone(tmp_path, "http://localhost:8001/"),
    ):
        pytest.fail("two of one installation ran at once")


def test_after_the_end_it_may_run_again(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path, "http://localhost:8000/"):
            pass
