"""How sharp a reconstruction kernel is, from the names vendors give them.

The softer kernel is read: sharp ones trade noise for edges, and noise hides low contrast. Names and
what they are for are those of the vendors' conformance statements.
"""

import re
from typing import Final

MIDDLE: Final = 45.0
"""Of a kernel nobody knows."""

_NAMED: Final = {
    # GE
    "SOFT": 20.0, "STANDARD": 35.0, "STND": 35.0, "CHST": 45.0, "DETAIL": 50.0, "LUNG": 65.0,
    "BONE": 70.0, "BONEPLUS": 75.0, "EDGE": 85.0, "ULTRA": 85.0,
    # Philips
    "A": 25.0, "B": 35.0, "C": 45.0, "D": 60.0, "E": 75.0, "L": 65.0, "YA": 45.0, "YB": 60.0,
    "YC": 65.0, "YD": 70.0, "IMR1": 35.0,
}  # fmt: skip
_SPOKEN: Final = {
    "VSOFT": 15.0, "SMOOTH": 20.0, "SOFT": 25.0, "MEDIASTINUM": 30.0, "ABDOMEN": 30.0, "BODY": 35.0,
    "STANDARD": 35.0, "STD": 35.0, "DETAIL": 50.0, "SHARP": 65.0, "LUNG": 65.0, "BONE": 70.0,
    "EDGE": 85.0, "ULTRA": 85.0,
}  # fmt: skip
"""Words in the names of other vendors (B_SOFT_B, BODY SHARP); the sharpest of them counts."""
_SIEMENS = re.compile(r"^[A-Z][A-Z]?(\d{2,3})[A-Z]?")
_PARTS = re.compile(r"[^A-Z]+")
_TOSHIBA = re.compile(r"^FC(\d{2})")


def sharpness(kernel: str) -> float:
    """0 (soft) to 100 (sharp); `MIDDLE` where the name says nothing."""
    word = kernel.strip().upper().split("\\")[0].strip()
    if word in _NAMED:
        return _NAMED[word]
    if found := _TOSHIBA.match(word):
        return _of_toshiba(int(found[1]))
    if found := _SIEMENS.match(word):  # B30f, Br40d, Bl57, I31f: the number is the sharpness
        return float(min(100, int(found[1])))
    return max((_SPOKEN[part] for part in _PARTS.split(word) if part in _SPOKEN), default=MIDDLE)


def _of_toshiba(number: int) -> float:
    """FC01–FC19 body, FC20s head, FC30s bone, FC50s lung, FC80s high resolution."""
    if number < 20:
        return 30.0 + number / 10
    if number < 30:
        return 40.0
    return 65.0 if number < 60 else 75.0
