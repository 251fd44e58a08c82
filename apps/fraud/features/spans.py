"""Lengths of time in names and sentences."""

_UNITS = (
    (86_400, "d", "day", "天"),
    (3_600, "h", "hour", "小时"),
    (60, "m", "minute", "分钟"),
    (1, "s", "second", "秒"),
)


def _in_unit(seconds: int) -> tuple[int, str, str, str]:
    return next(
        (seconds // size, short, en, zh) for size, short, en, zh in _UNITS if seconds % size == 0
    )


def short(seconds: int) -> str:
    """As a part of a name: "30d", "1h"."""
    count, unit, _, _ = _in_unit(seconds)
    return f"{count}{unit}"


def worded(seconds: int) -> tuple[str, str]:
    """In English and Chinese: "30 days", "30 天"."""
    count, _, en, zh = _in_unit(seconds)
    return f"{count} {en}{'s' * (count != 1)}", f"{count} {zh}"
