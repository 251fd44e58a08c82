"""One feature, and what is said of it."""

from dataclasses import dataclass
from typing import Final, Literal

NOTHING: Final = -1.0
"""Stands where there is nothing to tell from; every figure that can be told is above it."""

Unit = Literal["minor", "count", "seconds", "share", "ratio", "flag", "hour", "value"]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One number of each transaction.

    Attributes:
        name: without the prefix ``feature.``.
        group: one of `GROUPS`.
        unit: "minor" are minor units of the scheme's currency; a "share" lies in 0…1.
        en, zh: what it is, as a piece of a sentence.
        what: which formula; with `entity` and `window`.
        entity: whose: an entity or attribute of the scheme, or a list.
        window: seconds; 0 where it has none.
        handbook: one of the Handbook's baseline features.
    """

    name: str
    group: str
    unit: Unit
    en: str
    zh: str
    what: str
    entity: str = ""
    window: int = 0
    handbook: bool = False


def lowered(words: str) -> str:
    """Words of a label as they stand within a sentence; "IP address" stays as it is."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]
