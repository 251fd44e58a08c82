"""Promises of starts as people say them."""

from datetime import UTC, datetime

import pytest

from apps.fraud.tables.starts import ANY_START, UNIT_WORDS, Start, start_of
from apps.fraud.tables.time_column import UNITS
from loupe.contract.runtime.errors import InputRefused


def test_a_date_a_time_and_a_unit_are_understood() -> None:
    assert start_of("2026-01-01") == Start(datetime(2026, 1, 1))
    assert start_of(" 2026-01-01T08:00:00Z ") == Start(datetime(2026, 1, 1, 8, tzinfo=UTC))
    assert tuple(UNIT_WORDS) == tuple(UNITS)
    for form, words in UNIT_WORDS.items():
        found = start_of(f"{words.en} since 2026-01-01 08:00")
        assert found == Start(datetime(2026, 1, 1, 8), form)


def test_any_stands_for_a_monday_only_where_it_may() -> None:
    assert ANY_START.strftime("%A %H:%M %Z") == "Monday 00:00 UTC"
    assert start_of("any", any_allowed=True) == Start(ANY_START)
    assert start_of("hours since any", any_allowed=True) == Start(ANY_START, "since_h")
    for text in ("any", "hours since any"):
        with pytest.raises(InputRefused, match="'any' is no start"):
            start_of(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("weeks since 2026-01-01", "'weeks' is no unit; a count has milliseconds, seconds"),
        ("hours since", "'hours since' is no start"),
        ("", "no start of a count"),
        ("2026-02-30", "'2026-02-30' is no start"),
        ("1900-01-01", "from 1970 to 2099"),
    ],
)
def test_what_is_no_start_is_refused_with_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(InputRefused) as refused:
        start_of(text)
    assert words in refused.value.message
    assert refused.value.code == "start_invalid"
