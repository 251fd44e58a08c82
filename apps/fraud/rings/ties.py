"""What happened between two of something, summed up: each pair once, however many events."""

from dataclasses import dataclass, fields

import numpy as np

SHIFT = 32
MINUTE = 60_000
ORIGIN = 1_767_225_600_000
"""Milliseconds, 2026-01-01: moments are small numbers near it."""
FARTHEST = 1 << 25
"""Minutes, about 64 years: a hostile time cannot make sums of squares overflow."""


@dataclass(frozen=True)
class Ties:
    """Pairs in ascending order of `key` (left code, shifted, plus right code), with sums of events.

    `moments` and `squares` are sums of minutes since `ORIGIN` and of their squares: the mean and
    the spread in time of any union of pairs follow from them exactly.
    """

    key: np.ndarray
    count: np.ndarray
    amount: np.ndarray
    first: np.ndarray
    last: np.ndarray
    moments: np.ndarray
    squares: np.ndarray

    def __len__(self) -> int:
        return len(self.key)

    @property
    def left(self) -> np.ndarray:
        """Codes of the first of each pair."""
        return self.key >> SHIFT

    @property
    def right(self) -> np.ndarray:
        """Codes of the second of each pair."""
        return self.key & ((1 << SHIFT) - 1)

    def array(self) -> np.ndarray:
        """[fields, pairs] int64."""
        return np.stack([getattr(self, field.name) for field in fields(self)])

    @classmethod
    def of(cls, array: np.ndarray) -> "Ties":
        """What `array` gave."""
        names = [field.name for field in fields(cls)]
        return cls(**dict(zip(names, np.ascontiguousarray(array), strict=True)))

    def take(self, which: np.ndarray) -> "Ties":
        """The pairs at these places, or where this mask holds."""
        return Ties(**{field.name: getattr(self, field.name)[which] for field in fields(self)})


def none() -> Ties:
    """No pair."""
    return Ties(**{field.name: np.zeros(0, np.int64) for field in fields(Ties)})


def events(left: np.ndarray, right: np.ndarray, time: np.ndarray, amount: np.ndarray) -> Ties:
    """One tie an event, unordered: to be put `together`. Milliseconds and minor units."""
    minutes = np.clip((time - ORIGIN) // MINUTE, -FARTHEST, FARTHEST)
    return Ties(
        key=(left << SHIFT) | right,
        count=np.ones(len(left), np.int64),
        amount=amount,
        first=time,
        last=time,
        moments=minutes,
        squares=minutes * minutes,
    )


def together(parts: list[Ties]) -> Ties:
    """The union of ties, each pair once."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return none()
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Ties)
    }
    order = np.argsort(joined["key"], kind="stable")
    key = joined["key"][order]
    heads = np.flatnonzero(np.diff(key, prepend=-1))
    if not len(heads):
        return none()
    sums = {
        name: np.add.reduceat(joined[name][order], heads)
        for name in ("count", "amount", "moments", "squares")
    }
    return Ties(
        key=key[heads],
        first=np.minimum.reduceat(joined["first"][order], heads),
        last=np.maximum.reduceat(joined["last"][order], heads),
        **sums,
    )


def added(large: Ties, small: Ties) -> Ties:
    """The union of two that are in order already; costs little where the second is small."""
    if not len(large) or not len(small):
        return small if len(small) else large
    at = np.searchsorted(large.key, small.key)
    there = large.key[np.minimum(at, len(large) - 1)] == small.key
    old, new = at[there], ~there
    told = {field.name: getattr(large, field.name) for field in fields(Ties)}
    for name, column in told.items():
        more = getattr(small, name)
        column = column.copy()
        if name == "first":
            column[old] = np.minimum(column[old], more[there])
        elif name == "last":
            column[old] = np.maximum(column[old], more[there])
        elif name != "key":
            column[old] += more[there]
        told[name] = np.insert(column, at[new], more[new])
    return Ties(**told)
