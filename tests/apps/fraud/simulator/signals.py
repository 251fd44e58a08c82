"""Single signals an analyst would sort by, from the columns alone, each in the plainest way."""

import numpy as np

from apps.fraud.events import ATTRIBUTE, ENTITY
from loupe.contract.runtime.columns import Columns

KEYS = ("customer", "terminal", "device", "address")
HOUR, DAY = 3_600_000, 86_400_000
SPANS = {"10m": HOUR // 6, "1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
WIDE = 1 << 42
"""More milliseconds than any span: a key and a moment in one number."""


def signals(columns: Columns) -> dict[str, np.ndarray]:
    """Numbers of each row, NaN where its key is empty; for country and channel one a value."""
    time = columns["event_time"] - columns["event_time"].min()
    amount = columns["amount"].astype(float)
    codes = {key: np.unique(columns[ENTITY + key], return_inverse=True)[1] for key in KEYS}
    there = {key: columns[ENTITY + key] != "" for key in KEYS}
    told = {
        "amount": amount,
        "hour": time // HOUR % 24,
        "weekday": time // DAY % 7,
        "delay": columns["known_at"] - columns["event_time"],
    }
    for name in ("country", "channel"):
        for value in np.unique(columns[ATTRIBUTE + name]):
            told[f"{name}={value}"] = columns[ATTRIBUTE + name] == value
    for key in KEYS:
        mine = _of_key(codes[key], time, amount, codes["customer"], columns)
        told |= {
            f"{key}_{name}": np.where(there[key], value, np.nan) for name, value in mine.items()
        }
    for key in ("terminal", "device", "address", "country"):
        other = codes.get(key)
        if other is None:
            other = np.unique(columns[ATTRIBUTE + key], return_inverse=True)[1]
        told[f"pair_{key}"] = _count(codes["customer"] * (other.max() + 1) + other, time, WIDE)
    return told


def _of_key(
    code: np.ndarray, time: np.ndarray, amount: np.ndarray, payer: np.ndarray, columns: Columns
) -> dict[str, np.ndarray]:
    order = np.lexsort((np.arange(len(time)), time, code))
    joined = code[order] * WIDE + time[order]
    told: dict[str, np.ndarray] = {}
    heads = {name: np.searchsorted(joined, joined - span, "right") for name, span in SPANS.items()}
    heads["all"] = np.searchsorted(joined, code[order] * WIDE, "left")
    pair = code[order] * (payer.max() + 1) + payer[order]
    new = np.zeros(len(order))
    new[np.unique(pair, return_index=True)[1]] = 1
    places = np.arange(len(order))
    for name, head in heads.items():
        told[f"count_{name}"] = places - head + 1
        for what, value in (("sum", amount[order]), ("payers", new)):
            heaped = np.concatenate([[0.0], np.cumsum(value)])
            told[f"{what}_{name}"] = heaped[places + 1] - heaped[head]
    told["mean"] = told["sum_all"] / told["count_all"]
    told["ratio"] = amount[order] / told["mean"]
    gap = np.diff(joined, prepend=joined[0] - WIDE)
    told["gap"] = np.minimum(gap, WIDE)
    known = columns["label_known_at"] - columns["event_time"].min()
    for what, which in (("frauds", columns["label"] == 1), ("labelled", columns["label"] >= 0)):
        moments = np.sort((code * WIDE + known)[which])
        told[what] = np.searchsorted(moments, joined, "right") - np.searchsorted(
            moments, code[order] * WIDE, "left"
        )
    told["risk"] = told["frauds"] / np.maximum(told["labelled"], 1)
    back = np.argsort(order)
    return {name: np.asarray(value, float)[back] for name, value in told.items()}


def _count(code: np.ndarray, time: np.ndarray, span: int) -> np.ndarray:
    """How many rows of the same code came before each."""
    order = np.lexsort((np.arange(len(time)), time, code))
    first = np.searchsorted(code[order], code[order], "left")
    counted = np.empty(len(order))
    counted[order] = np.arange(len(order)) - first
    return counted


def precision_at(signal: np.ndarray, fraud: np.ndarray, recall: float) -> float:
    """Best precision of "at least" or "at most" a cut-off that finds this share of the frauds."""
    best = 0.0
    number = signal.astype(float)
    for value in (number, -number):
        value = np.where(np.isnan(value), -1e300, value)
        order = np.argsort(-value, kind="stable")
        found = np.cumsum(fraud[order])
        # A cut-off cannot part equal values.
        ends = np.append(np.flatnonzero(np.diff(value[order])), len(order) - 1)
        enough = ends[found[ends] >= recall * found[-1]]
        best = max(best, float((found[enough] / (enough + 1)).max()))
    return best
