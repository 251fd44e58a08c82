"""What the values of a column look like: shares of them, measured on a sample."""

import ipaddress
import re
from dataclasses import dataclass, field

import numpy as np

from apps.fraud.money import DIGITS
from apps.fraud.tables.elapsed import Elapsed, elapsed
from apps.fraud.tables.mapping import FRAUD_WORDS, HONEST_WORDS
from apps.fraud.tables.raw import Raw
from apps.fraud.tables.time_column import TimeFormat
from apps.fraud.tables.times import readable
from apps.fraud.tables.words import distinct

_PAIRS = (
    "ADAEAFAGAIALAMAOARATAUAWAZBABBBDBEBFBGBHBIBJBMBNBOBRBSBTBWBY"
    "BZCACDCFCGCHCICLCMCNCOCRCUCVCWCYCZDEDJDKDMDODZECEEEGERESETFI"
    "FJFRGAGBGDGEGHGIGLGMGNGQGRGTGWGYHKHNHRHTHUIDIEILINIQIRISITJM"
    "JOJPKEKGKHKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMGMKML"
    "MMMNMOMRMTMUMVMWMXMYMZNANENGNINLNONPNZOMPAPEPGPHPKPLPRPSPTPY"
    "QARORSRURWSASBSCSDSESGSISKSLSMSNSOSRSSSTSVSYSZTDTGTHTJTLTMTN"
    "TOTRTTTVTWTZUAUGUSUYUZVAVCVEVNVUWSYEZAZMZW"
)
_COUNTRIES = frozenset(_PAIRS[at : at + 2] for at in range(0, len(_PAIRS), 2))
"""ISO 3166-1, two letters each."""
_NUMBER = re.compile(r"[+-]?[€$£¥]?\d[\d., \u00a0']*|[+-]?\d*[.,]\d+")
_DECIMALS = re.compile(r"[.,](\d+)\s*[€$£¥]?$")
_WORDS = frozenset(FRAUD_WORDS) | frozenset(HONEST_WORDS)
_EPOCHS: dict[TimeFormat, tuple[float, float]] = {
    "epoch_s": (9.4e8, 4.1e9),
    "epoch_ms": (9.4e11, 4.1e12),
    "epoch_us": (9.4e14, 4.1e15),
    "epoch_ns": (9.4e17, 4.1e18),
}
"""What is a time from 2000 to 2099 in each unit."""


@dataclass
class Evidence:
    """Of one column. Shares are of the values that are there, 0 to 1."""

    kind: str
    filled: float
    distinct: float
    distinct_count: int
    times: dict[TimeFormat, float] = field(default_factory=dict)
    number: float = 0.0
    whole: bool = False
    comma: bool | None = None
    currency: float = 0.0
    country: float = 0.0
    ip: float = 0.0
    label: float = 0.0
    samples: tuple[str, ...] = ()
    elapsed: Elapsed | None = None

    @property
    def time(self) -> float:
        """Share of the best format of times."""
        return max(self.times.values(), default=0.0)


def gathered(raw: Raw) -> Evidence:
    """Look at a sample of a column."""
    there = np.flatnonzero(~raw.missing)
    values = raw.values[there]
    kind = {"U": "text", "i": "whole", "f": "number", "b": "truth", "M": "time"}[
        raw.values.dtype.kind
    ]
    if not len(values):
        return Evidence(kind, 0.0, 0.0, 0)
    uniques, which = distinct(values)
    found = Evidence(kind, len(there) / len(raw), len(uniques) / len(values), len(uniques))
    texts = [str(value).strip() for value in uniques.tolist()]
    weights = np.bincount(which, minlength=len(uniques)) / len(values)
    found.samples = tuple(text[:40] for text in texts[:3])
    if kind == "time":
        found.times = {"iso": 1.0}
        return found
    if kind == "text":
        _look_at_texts(found, uniques, texts, weights)
    else:
        _look_at_numbers(found, values)
    found.elapsed = elapsed(raw, found.time)
    found.label = _share(weights, [_label_word(text) for text in texts])
    if found.distinct_count > 6:
        found.label = 0.0
    return found


def _look_at_numbers(found: Evidence, values: np.ndarray) -> None:
    if found.kind == "truth":
        return
    finite = values[np.isfinite(values.astype(np.float64))]
    found.number = len(finite) / len(values)
    found.whole = bool(len(finite)) and bool((finite == np.rint(finite)).all())
    for form, (low, high) in _EPOCHS.items():
        found.times[form] = float(((values >= low) & (values < high)).mean())


def _look_at_texts(
    found: Evidence, uniques: np.ndarray, texts: list[str], weights: np.ndarray
) -> None:
    for form in ("iso", "day_first", "month_first"):
        found.times[form] = float(weights[readable(uniques, form)].sum())
    addresses = [_is_ip(text) for text in texts]
    found.ip = _share(weights, addresses)
    numbers = [
        _NUMBER.fullmatch(text) is not None and not is_ip
        for text, is_ip in zip(texts, addresses, strict=True)
    ]
    found.number = _share(weights, numbers)
    if found.number > 0.5:
        shown = [text for text, is_one in zip(texts, numbers, strict=True) if is_one]
        found.comma = _comma(shown)
        plain = [text.replace(",", ".") if found.comma else text.replace(",", "") for text in shown]
        found.whole = not any("." in text for text in plain)
        digits = [text for text in texts if text.isascii() and text.isdigit() and len(text) < 19]
        if len(digits) == len(texts):
            _look_at_numbers(found, np.array([int(text) for text in digits], dtype=np.int64))
    found.currency = _share(weights, [text.upper() in DIGITS for text in texts])
    found.country = _share(weights, [text.upper() in _COUNTRIES for text in texts])


def _comma(texts: list[str]) -> bool | None:
    """Whether the comma is the decimal sign; None: nothing tells.

    ``1.234,5`` and ``12,50`` tell, ``1,234`` does not.
    """
    votes = set()
    for text in texts:
        last = _DECIMALS.search(text)
        if last is None:
            continue
        sign = text[last.start()]
        other = "." if sign == "," else ","
        if len(last[1]) != 3 or (other in text and text.count(sign) == 1):
            votes.add(sign == ",")
        elif text.count(sign) > 1:
            votes.add(sign != ",")
        elif sign == ".":
            votes.add(False)
    if len(votes) == 1:
        return votes.pop()
    return None if votes or any("," in text for text in texts) else False


def _share(weights: np.ndarray, flags: list[bool]) -> float:
    return float(weights[np.array(flags, dtype=np.bool_)].sum())


def _label_word(text: str) -> bool:
    return text.lower() in _WORDS or text.removesuffix(".0") in {"0", "1"}


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
