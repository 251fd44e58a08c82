"""Promises of the check: it finds what a job would, all of it, also between ranges."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.fraud.tables import checking
from apps.fraud.tables.checking import check, checked
from tests.apps.fraud.tables.files import FORMATS, context, rows, written


@pytest.mark.parametrize("form", FORMATS)
def test_rows_that_come_again_in_another_range_are_found(tmp_path: Path, form: str) -> None:
    told = rows(20_003)
    told[15_000] = {**told[15_000], "sum": "-1"}
    told[20_000] = {**told[3], "sum": "77"}
    told[20_001] = dict(told[4])
    found: Any = check(written(tmp_path / "t", form, told), context())
    first = 2 if form == "csv" else 1
    assert (found["rows"], found["good"], found["complete"]) == (20_003, 20_000, True)
    counts = {"amount_negative": 1, "duplicate_id": 1, "repeated_row": 1}
    assert found["problems"]["counts"] == counts
    lines = {one["code"]: one["line"] for one in found["problems"]["listed"]}
    assert lines == {
        "amount_negative": 15_000 + first,
        "duplicate_id": 20_000 + first,
        "repeated_row": 20_001 + first,
    }
    values = {one["code"]: one["value"] for one in found["problems"]["listed"]}
    assert values == {"amount_negative": "-1", "duplicate_id": "T-3", "repeated_row": "T-4"}
    assert len(found["preview"]) == checking.PREVIEWED


def test_as_many_are_listed_as_asked_for_and_all_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "t", "csv", [*rows(300, sum="-1"), *rows(5)])
    found: Any = check(path, {**context(), "listed": 7})
    assert found["problems"]["counts"] == {"amount_negative": 300}
    assert len(found["problems"]["listed"]) == 7


def test_the_answer_is_had_as_bytes_too(tmp_path: Path) -> None:
    path = written(tmp_path / "t", "csv", rows(20, where="商户"))
    found = msgspec.json.decode(checked(path, context()))
    assert (found["good"], found["preview"][0]["entity.terminal"]) == (20, "商户")


def test_a_check_that_takes_too_long_says_how_far_it_came(tmp_path: Path) -> None:
    path = written(tmp_path / "t", "csv", rows(20_500))
    found: Any = check(path, {**context(), "seconds": 0})
    assert (found["rows"], found["complete"]) == (10_000, False)
