"""The start of a count as people say it: ``2026-01-01``, or ``hours since 2026-01-01``."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic_core import PydanticCustomError

from apps.fraud.tables.time_column import TimeFormat, moment_of
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.text import Text

UNIT_WORDS: Final[dict[TimeFormat, Text]] = {
    "since_ms": Text(en="milliseconds", zh="毫秒"),
    "since_s": Text(en="seconds", zh="秒"),
    "since_min": Text(en="minutes", zh="分钟"),
    "since_h": Text(en="hours", zh="小时"),
    "since_d": Text(en="days", zh="天"),
}
ANY: Final = "any"
"""Stands for `ANY_START` where a person says that only differences of times count."""
ANY_START: Final = datetime(2001, 1, 1, tzinfo=UTC)
"""A Monday, midnight in UTC."""
_FORM = re.compile(r"(?:(?P<unit>[a-z]+) since )?(?P<moment>.*)")


@dataclass(frozen=True)
class Start:
    """When a count was 0, local where it has no offset, and its unit; None: as the column has it.

    The unit is one of `time_column.UNITS`.
    """

    moment: datetime
    unit: TimeFormat | None = None


def said_twice() -> InputRefused:
    """The refusal of a start beside a mapping."""
    return InputRefused(
        "A start of a count was given, and a mapping too: the mapping says when its count starts. "
        "Leave one of them out.",
        code="start_unused",
    )


def start_of(text: str, *, any_allowed: bool = False) -> Start:
    """What a person said.

    Args:
        any_allowed: whether `ANY` may stand in place of a date.

    Raises:
        InputRefused: it is no date, or its unit is not known; the message says what is.
    """
    match = _FORM.fullmatch(text.strip())
    units = {words.en: form for form, words in UNIT_WORDS.items()}
    if match is not None and match["unit"] is not None and match["unit"] not in units:
        raise InputRefused(
            f"start={text[:60]!r}: {match['unit']!r} is no unit; a count has {', '.join(units)}, "
            "as in 'hours since 2026-01-01'.",
            code="start_invalid",
        )
    unit = units[match["unit"]] if match is not None and match["unit"] else None
    said = text.strip() if match is None else match["moment"]
    if said == ANY and any_allowed:
        return Start(ANY_START, unit)
    try:
        return Start(moment_of(said), unit)
    except PydanticCustomError as error:
        raise InputRefused(error.message(), code="start_invalid") from error
