"""Where a time stands in a file, and how it is written or counted."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

TimeFormat = Literal[
    "iso",
    "day_first",
    "month_first",
    "epoch_s",
    "epoch_ms",
    "epoch_us",
    "epoch_ns",
    "since_ms",
    "since_s",
    "since_min",
    "since_h",
    "since_d",
]
"""``iso`` also stands for columns that are times already (Parquet, Arrow); ``since_…`` for whole
numbers of a unit, counted from a start that the mapping names."""
Column = Annotated[str, Field(min_length=1, max_length=256)]
UNITS: Final[Mapping[TimeFormat, int]] = {
    "since_ms": 1,
    "since_s": 1_000,
    "since_min": 60_000,
    "since_h": 3_600_000,
    "since_d": 86_400_000,
}
"""Milliseconds of a counted unit: a day has 24 hours, whatever clocks do."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
END: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""No counted time reaches it."""


def milliseconds(moment: datetime) -> int:
    """From 1970 in UTC to an aware `moment`, exactly."""
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


def moment_of(text: object) -> datetime:
    """A date, or a time to the second, in ISO 8601; without an offset it stays local.

    Raises:
        PydanticCustomError: it is none, or not from 1970 to 2099.
    """
    try:
        found = text if isinstance(text, datetime) else datetime.fromisoformat(str(text).strip())
    except ValueError:
        found = None
    if found is None or not EPOCH.year <= found.year < END.year or found.microsecond:
        raise _no_start(str(text))
    return found


def _no_start(given: str) -> PydanticCustomError:
    return PydanticCustomError(
        "start_invalid",
        "{given} is no start of a count: give a date or a time to the second, from 1970 to 2099, "
        "such as 2026-01-01 or 2026-01-01T00:00:00Z.",
        {"given": repr(given[:60])},
    )


class TimeColumn(BaseModel):
    """One column of times. `start` is when a count is 0; without an offset in `timezone`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: Column
    format: TimeFormat = "iso"
    timezone: str = Field(default="UTC", description="of times that do not name theirs")
    # Left out where there is none: what was saved before keeps its hash.
    start: Annotated[datetime, BeforeValidator(moment_of)] | None = Field(
        default=None, exclude_if=lambda start: start is None
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise PydanticCustomError(
                "timezone_unknown", "{given} is no time zone of IANA.", {"given": self.timezone}
            ) from error
        if self.counted and self.start is None:
            raise PydanticCustomError(
                "start_missing",
                "{column} counts from a start: say when the count was 0, such as 2026-01-01 or "
                "2026-01-01T00:00:00Z.",
                {"column": self.column},
            )
        if self.start is None:
            return self
        if not self.counted:
            raise PydanticCustomError(
                "start_unused",
                "{column} is not counted from a start ({format}): leave start out.",
                {"column": self.column, "format": self.format},
            )
        if self.start.tzinfo is None:
            local = self.start.replace(tzinfo=zone)
            if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != self.start:
                raise PydanticCustomError(
                    "start_left_out",
                    "{given} does not exist in {zone}: clocks were put forward over it.",
                    {"given": self.start.isoformat(" "), "zone": self.timezone},
                )
        if not EPOCH <= self.zero < END:
            raise _no_start(self.start.isoformat())
        return self

    @property
    def counted(self) -> bool:
        """Whether its values count from a start."""
        return self.format in UNITS

    @property
    def zero(self) -> datetime:
        """When the count is 0, in UTC.

        Raises:
            ValueError: it does not count.
        """
        if self.start is None:
            raise ValueError(f"{self.column} is not counted from a start.")
        zoned = self.start.tzinfo is not None
        return (
            self.start if zoned else self.start.replace(tzinfo=ZoneInfo(self.timezone))
        ).astimezone(UTC)

    @property
    def largest(self) -> int:
        """The largest count whose time is still before `END`."""
        return (milliseconds(END) - 1 - milliseconds(self.zero)) // UNITS[self.format]
