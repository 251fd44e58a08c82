"""Rules over one transaction: the same answers as over a block, without the cost of arrays.

A rule is turned into functions once; here the three values are carried along: true, false, and
None for what is not known.
"""

import math
import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias

from apps.fraud.features.catalogue import NOTHING
from apps.fraud.rules.local_time import DAY, HOUR, local_one
from apps.fraud.rules.nodes import (
    Among,
    And,
    Arithmetic,
    Call,
    Compare,
    Minus,
    Money,
    Name,
    Node,
    Not,
    Number,
    Or,
    Text,
)
from apps.fraud.rules.reading import own_currency, read_number, says_text
from apps.fraud.rules.vocabulary import LISTED, WEEKDAYS
from apps.fraud.schema import ScoredTransaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = ("amount", "amount_original", "score", "history")


class Values(Protocol):
    """One transaction as rules ask for it."""

    def number(self, path: str) -> float:
        """NaN where it is missing."""

    def text(self, path: str) -> str:
        """Empty where it is missing."""

    def truth(self, path: str) -> bool | None:
        """None where the name is of another kind."""


Condition: TypeAlias = Callable[[Values], bool | None]
Figure: TypeAlias = Callable[[Values], float]
Words: TypeAlias = Callable[[Values], str]

_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_STEPS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan,
}
_PARTS: dict[str, Callable[[str, str], bool]] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": operator.contains,
}


class Row:
    """The values of a scored transaction."""

    def __init__(self, result: ScoredTransaction, timezone: str = "UTC") -> None:
        self._result = result
        self._moment = local_one(result.event_time, timezone)

    def number(self, path: str) -> float:
        """NaN where it is missing."""
        head, dot, key = path.partition(".")
        if not dot:
            if path in _PLAIN:
                return finite(float(getattr(self._result, path)))
            if path == "hour":
                return float(self._moment % DAY // HOUR)
            if path == "day":
                return float((_EPOCH + timedelta(milliseconds=self._moment)).day)
        elif head == "features":
            value = self._result.features.get(key, math.nan)
            return math.nan if value == NOTHING else finite(value)
        elif head == "attributes":
            return read_number(self._result.attributes.get(key, "").rstrip("\0"))
        return math.nan

    def text(self, path: str) -> str:
        """Empty where it is missing."""
        head, dot, key = path.partition(".")
        if head == "entities" and dot:
            return self._result.entities.get(key, "").rstrip("\0")
        if head == "attributes" and dot:
            return self._result.attributes.get(key, "").rstrip("\0")
        if path == "weekday":
            return WEEKDAYS[self._weekday()]
        return self._result.currency.rstrip("\0") if path == "currency" else ""

    def truth(self, path: str) -> bool | None:
        """None where the name is of another kind."""
        if path == "late":
            return self._result.late
        return self._weekday() >= 5 if path == "weekend" else None

    def _weekday(self) -> int:
        return (self._moment // DAY + 3) % 7


def holds_one(node: Node, row: Values) -> bool:
    """Whether a rule is known to hold."""
    return condition(node)(row) is True


def condition(node: Node) -> Condition:
    """A rule as a function of one transaction."""
    match node:
        case Not():
            inner = condition(node.item)
            return lambda row: None if (found := inner(row)) is None else not found
        case And() | Or():
            return _joined([condition(item) for item in node.items], isinstance(node, Or))
        case Compare():
            return _compare(node)
        case Among():
            return _among(node)
        case Name():
            path = node.path
            return lambda row: row.truth(path)
        case Call():
            return _call(node)
        case _:
            return _unknown


def _unknown(row: Values) -> None:
    return None


def _joined(items: Sequence[Condition], decisive: bool) -> Condition:
    """One decisive part decides; else one that is unknown leaves it so."""

    def found(row: Values) -> bool | None:
        answer: bool | None = not decisive
        for item in items:
            one = item(row)
            if one is decisive:
                return decisive
            if one is None:
                answer = None
        return answer

    return found


def _compare(node: Compare) -> Condition:
    if says_text(node.left, node.right):
        if node.sign not in ("==", "!="):
            return _unknown
        first, second, same = _text(node.left), _text(node.right), node.sign == "=="

        def alike(row: Values) -> bool | None:
            one, other = first(row), second(row)
            return (one == other) == same if one and other else None

        return alike
    left, right = _number(node.left), _number(node.right)
    compare, currency = _SIGNS[node.sign], own_currency(node)

    def compared(row: Values) -> bool | None:
        one, other = left(row), right(row)
        if one != one or other != other:
            return None
        if currency and row.text("currency") != currency:
            return None
        return compare(one, other)

    return compared


def _among(node: Among) -> Condition:
    if says_text(node.item, *node.options):
        said = _text(node.item)
        words = frozenset(option.value for option in node.options if isinstance(option, Text))
        return lambda row: one in words if (one := said(row)) else None
    figure = _number(node.item)
    figures = frozenset(
        float(option.minor if isinstance(option, Money) else option.value)
        for option in node.options
        if not isinstance(option, Text)
    )
    return lambda row: one in figures if (one := figure(row)) == one else None


def _call(node: Call) -> Condition:
    first = node.arguments[0]
    if node.function == "missing":
        if says_text(first):
            said = _text(first)
            return lambda row: not said(row)
        figure = _number(first)
        return lambda row: math.isnan(figure(row))
    if node.function == "listed" and isinstance(first, Text):
        path = f"features.{LISTED}{first.value}"
        return lambda row: on > 0 if (on := row.number(path)) == on else None
    part = node.arguments[-1]
    if node.function not in _PARTS or not isinstance(part, Text):
        return _unknown
    said, holds, word = _text(first), _PARTS[node.function], part.value
    return lambda row: holds(one, word) if (one := said(row)) else None


def _text(node: Node) -> Words:
    if isinstance(node, Name):
        path = node.path
        return lambda row: row.text(path)
    word = node.value if isinstance(node, Text) else ""
    return lambda row: word


def _number(node: Node) -> Figure:
    match node:
        case Number():
            value = node.value
            return lambda row: value
        case Money():
            minor = float(node.minor)
            return lambda row: minor
        case Name():
            path = node.path
            return lambda row: row.number(path)
        case Minus():
            inner = _number(node.item)
            return lambda row: -inner(row)
        case Arithmetic():
            left, right, step = _number(node.left), _number(node.right), _STEPS[node.sign]
            return lambda row: finite(step(left(row), right(row)))
        case Call(function="abs"):
            inner = _number(node.arguments[0])
            return lambda row: abs(inner(row))
        case Call(function="min" | "max"):
            return _extreme(node)
        case _:
            return lambda row: math.nan


def _extreme(node: Call) -> Figure:
    figures = [_number(one) for one in node.arguments]
    choose = min if node.function == "min" else max

    def found(row: Values) -> float:
        values = [figure(row) for figure in figures]
        return math.nan if any(math.isnan(value) for value in values) else choose(values)

    return found


def finite(value: float) -> float:
    """NaN for what is infinite: too large a number is missing."""
    return value if math.isfinite(value) else math.nan
