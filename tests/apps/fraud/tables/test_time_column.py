"""Promises of columns of times: a count names its start, once, and what was saved goes on."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from apps.fraud.tables.mapping import Mapping
from apps.fraud.tables.time_column import TimeColumn

SAVED: dict[str, Any] = {
    "schema_version": 1,
    "time": {"column": "at", "format": "day_first", "timezone": "Europe/Berlin"},
    "amount": "sum",
    "entities": {"customer": "who"},
    "label": "fraud",
    "label_time": {"column": "told", "format": "epoch_ms", "timezone": "UTC"},
}
"""As mappings were saved before counts were known."""


def why(**told: Any) -> tuple[str, str]:
    with pytest.raises(ValidationError) as refused:
        TimeColumn.model_validate({"column": "step", **told})
    first = refused.value.errors()[0]
    return first["type"], first["msg"]


def test_a_mapping_that_was_saved_before_loads_and_keeps_its_hash() -> None:
    mapping = Mapping.model_validate(SAVED)
    assert mapping.time.start is None
    # Computed before TimeColumn had a start.
    assert mapping.sha256 == "69755ab8d6d67bdbd8fa3acaacb150045386c91f5deda3451942ae9722a3499c"
    assert mapping.model_dump(mode="json")["time"] == SAVED["time"]


@pytest.mark.parametrize(
    ("start", "timezone", "zero"),
    [
        ("2026-01-01", "UTC", "2026-01-01T00:00:00Z"),
        ("2026-01-01", "Asia/Shanghai", "2025-12-31T16:00:00Z"),
        ("2026-01-01T08:30:01", "UTC", "2026-01-01T08:30:01Z"),
        ("2026-01-01T00:00:00Z", "Asia/Shanghai", "2026-01-01T00:00:00Z"),
        ("2026-07-01T00:00:00+02:00", "UTC", "2026-06-30T22:00:00Z"),
    ],
)
def test_a_start_is_local_unless_it_names_its_offset_and_comes_back_from_json(
    start: str, timezone: str, zero: str
) -> None:
    column = TimeColumn.model_validate(
        {"column": "step", "format": "since_h", "timezone": timezone, "start": start}
    )
    assert column.zero == datetime.fromisoformat(zero)
    assert TimeColumn.model_validate(column.model_dump(mode="json")) == column
    assert TimeColumn.model_validate_json(column.model_dump_json()).zero == column.zero


def test_a_count_without_a_start_and_a_start_without_a_count_are_refused() -> None:
    code, said = why(format="since_h")
    assert code == "start_missing"
    assert "step counts from a start" in said
    assert "2026-01-01" in said
    assert why(format="epoch_s", start="2026-01-01")[0] == "start_unused"


@pytest.mark.parametrize(
    "start", ["soon", "", "0", 5, "1969-12-31", "2100-01-01", "2026-02-30", "2026-01-01T00:00:00.5"]
)
def test_what_is_no_start_is_refused_with_what_would_be_one(start: object) -> None:
    code, said = why(format="since_s", start=start)
    assert code == "start_invalid"
    assert repr(str(start)) in said
    assert "1970 to 2099" in said


def test_a_start_that_an_offset_moves_out_of_the_years_is_refused() -> None:
    assert why(format="since_s", start="1970-01-01T00:00:00+02:00")[0] == "start_invalid"
    assert why(format="since_s", start="1970-01-01", timezone="Asia/Tokyo")[0] == "start_invalid"


def test_a_start_that_the_clocks_left_out_is_refused() -> None:
    code, said = why(format="since_s", start="2024-03-31T02:30:00", timezone="Europe/Berlin")
    assert code == "start_left_out"
    assert "2024-03-31 02:30:00 does not exist in Europe/Berlin" in said


def test_the_largest_count_is_the_last_before_2100() -> None:
    column = TimeColumn(column="t", format="since_d", start=datetime(2099, 12, 30, tzinfo=UTC))
    assert column.largest == 1
    column = TimeColumn(column="t", format="since_ms", start=datetime(2099, 12, 31, tzinfo=UTC))
    assert column.largest == 86_400_000 - 1
