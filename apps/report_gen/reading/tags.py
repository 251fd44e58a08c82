"""Values of header fields, each checked: a `Fault` names the field, the value and what is allowed.

All functions take the data set and the file's name. A field that is not there is None or empty;
one that is there and cannot be read is refused.
"""

import math
from collections.abc import Iterable
from typing import Any, Final

from pydicom.dataset import Dataset

from apps.report_gen.reading.faults import DAMAGE, Faulty, faulty, unreadable
from loupe.contract.text import Text

_LONGEST = 256
_LARGEST = 2**31
NUMBER: Final = Text(en="a finite number is needed", zh="需要有限的数")
WHOLE: Final = Text(en="a whole number is needed", zh="需要整数")


def text(dataset: Dataset, keyword: str) -> str:
    """The value as text, without control characters; empty where it is missing or unreadable."""
    value = _value(dataset, keyword)
    if value is None:
        return ""
    if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue":
        value = "\\".join(str(each) for each in value)
    return "".join(each for each in str(value) if each.isprintable()).strip()[:_LONGEST]


def words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """A value of several, as upper-case words."""
    return tuple(
        part.strip().upper() for part in text(dataset, keyword).split("\\") if part.strip()
    )


def number(dataset: Dataset, keyword: str, name: str) -> float | None:
    """A finite number, or None where there is none.

    Raises:
        Faulty: not a number, or not finite.
    """
    found = numbers(dataset, keyword, name, None)
    return found[0] if found else None


def numbers(
    dataset: Dataset, keyword: str, name: str, count: int | None
) -> tuple[float, ...] | None:
    """Finite numbers, `count` of them where it is given; None where the field is missing or empty.

    Raises:
        Faulty: not numbers, not finite, or not as many.
    """
    raw = _value(dataset, keyword, name)
    if raw is None or raw == "" or (hasattr(raw, "__len__") and len(raw) == 0):
        return None
    several = raw if isinstance(raw, Iterable) and not isinstance(raw, str | bytes) else [raw]
    try:
        values = tuple(float(each) for each in several)
    except (TypeError, ValueError) as error:
        raise faulty(name, "bad_value", keyword, raw, NUMBER) from error
    if not all(math.isfinite(each) for each in values):
        raise faulty(name, "bad_value", keyword, raw, NUMBER)
    if count is not None and len(values) != count:
        raise faulty(
            name,
            "bad_value",
            keyword,
            raw,
            Text(en=f"{count} numbers are needed", zh=f"需要 {count} 个数"),
        )
    return values


def whole(dataset: Dataset, keyword: str, name: str) -> int | None:
    """A whole number, or None.

    Raises:
        Faulty: something else.
    """
    found = number(dataset, keyword, name)
    if found is None:
        return None
    if found != int(found):
        raise faulty(name, "bad_value", keyword, found, WHOLE)
    return int(found)


def number_or_none(dataset: Dataset, keyword: str) -> float | None:
    """A finite number where there is one; for fields that nothing depends on."""
    try:
        return number(dataset, keyword, "-")
    except Faulty:
        return None


def whole_or_none(dataset: Dataset, keyword: str) -> int | None:
    """A whole number where there is one; for fields that nothing depends on."""
    found = number_or_none(dataset, keyword)
    return int(found) if found is not None and abs(found) < _LARGEST else None


def _value(dataset: Dataset, keyword: str, name: str = "") -> Any:
    """The decoded value. Damage is refused where there is a name to refuse, else means none."""
    try:
        return dataset.get(keyword)
    except DAMAGE as error:
        if not name:
            return None
        raise faulty(
            name,
            "bad_value",
            keyword,
            unreadable(type(error).__name__),
            Text(en="a value of its DICOM type is needed", zh="需要符合 DICOM 类型的值"),
        ) from error
