"""Lengths told in a sentence, and whether a finding bears them out."""

import re
from dataclasses import dataclass

from apps.report_gen.report import ReportFinding

LENGTH = re.compile(
    r"(?<![\w.])(\d{1,4}(?:[.,]\d{1,2})?)"
    r"(?:\s*(?:x|×|\*|to|-|\u2013|~|至|乘)\s*(\d{1,4}(?:[.,]\d{1,2})?))*"
    r"\s*(mm|cm|毫米|厘米|公分)",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d{1,4}(?:[.,]\d{1,2})?")
TENFOLD = frozenset({"cm", "厘米", "公分"})
WITHIN_MM = 1.0
"""A told length agrees with a measured one that is no further away: told in whole mm."""


@dataclass(frozen=True)
class Length:
    """One length as told, and in mm."""

    told: str
    mm: float


def lengths(text: str) -> tuple[Length, ...]:
    """Every length in a sentence, in mm; of 12 × 9 mm both."""
    found = []
    for match in LENGTH.finditer(text):
        factor = 10.0 if match[3].lower() in TENFOLD else 1.0
        for number in NUMBER.findall(match[0]):
            found.append(Length(f"{number} {match[3]}", float(number.replace(",", ".")) * factor))
    return tuple(found)


def borne_out(length: Length, findings: tuple[ReportFinding, ...]) -> bool:
    """Whether one of the findings has this size, or reaches no further along an axis of its box."""
    for each in findings:
        known = [each.size_mm] if each.size_mm is not None else []
        if each.box is not None:
            known += [high - low for low, high in each.box]
        if any(abs(length.mm - size) <= WITHIN_MM for size in known):
            return True
    return False
