"""Rules over one transaction: the same answers as over a block, without the cost of arrays.

Here the three values are carried along: true, false, and None for what is not known.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

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


class Row:
    """One scored transaction as rules ask for it."""

    def __init__(self, result: ScoredTransaction, timezone: str = "UTC") -> None:
        self._result = result
        self._moment = local_one(result.event_time, timezone)

    def number(self, path: str) -> float:
        """NaN where it is missing."""
        head, dot, key = path.partition(".")
        if head == "features" and dot:
            value = self._result.features.get(key, math.nan)
            return math.nan if value == NOTHING else _finite(value)
        if head == "attributes" and dot:
            return read_number(self._result.attributes.get(key, "").rstrip("\0"))
        if path == "hour":
            return float(self._moment % DAY // HOUR)
        if path == "day":
            return float((_EPOCH + timedelta(milliseconds=self._moment)).day)
        if path in ("amount", "amount_original", "score", "history", "sequence"):
            return _finite(float(getattr(self._result, path)))
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


def holds_one(node: Node, row: Row) -> bool:
    """Whether a rule is known to hold."""
    return _truth(node, row) is True


def _truth(node: Node, row: Row) -> bool | None:
    match node:
        case Not():
            inner = _truth(node.item, row)
            return None if inner is None else not inner
        case And():
            return _joined((_truth(item, row) for item in node.items), decisive=False)
        case Or():
            return _joined((_truth(item, row) for item in node.items), decisive=True)
        case Compare():
            return _compare(node, row)
        case Among():
            return _among(node, row)
        case Name():
            return row.truth(node.path)
        case Call():
            return _call(node, row)
        case _:
            return None


def _joined(items: Iterable[bool | None], *, decisive: bool) -> bool | None:
    """One decisive part decides; else one that is unknown leaves it so."""
    found: bool | None = not decisive
    for item in items:
        if item is decisive:
            return decisive
        if item is None:
            found = None
    return found


def _compare(node: Compare, row: Row) -> bool | None:
    if says_text(node.left, node.right):
        first, second = _text(node.left, row), _text(node.right, row)
        if not first or not second or node.sign not in ("==", "!="):
            return None
        return (first == second) == (node.sign == "==")
    left, right = _number(node.left, row), _number(node.right, row)
    if (currency := own_currency(node)) and row.text("currency") != currency:
        return None
    if math.isnan(left) or math.isnan(right):
        return None
    match node.sign:
        case "==":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left >= right


def _among(node: Among, row: Row) -> bool | None:
    if says_text(node.item, *node.options):
        value = _text(node.item, row)
        return any(_text(option, row) == value for option in node.options) if value else None
    number = _number(node.item, row)
    if math.isnan(number):
        return None
    return any(_number(option, row) == number for option in node.options)


def _call(node: Call, row: Row) -> bool | None:
    first = node.arguments[0]
    if node.function == "missing":
        if says_text(first):
            return not _text(first, row)
        return math.isnan(_number(first, row))
    if node.function == "listed" and isinstance(first, Text):
        on = row.number(f"features.{LISTED}{first.value}")
        return None if math.isnan(on) else on > 0
    part = node.arguments[-1]
    if not isinstance(part, Text):
        return None
    value = _text(first, row)
    if not value:
        return None
    match node.function:
        case "starts_with":
            return value.startswith(part.value)
        case "ends_with":
            return value.endswith(part.value)
        case "contains":
            return part.value in value
        case _:
            return None


def _text(node: Node, row: Row) -> str:
    if isinstance(node, Text):
        return node.value
    return row.text(node.path) if isinstance(node, Name) else ""


def _number(node: Node, row: Row) -> float:
    match node:
        case Number():
            return node.value
        case Money():
            return float(node.minor)
        case Name():
            return row.number(node.path)
        case Minus():
            return -_number(node.item, row)
        case Arithmetic():
            return _arithmetic(node.sign, _number(node.left, row), _number(node.right, row))
        case Call(function="abs"):
            return abs(_number(node.arguments[0], row))
        case Call(function="min" | "max"):
            values = [_number(one, row) for one in node.arguments]
            if any(math.isnan(value) for value in values):
                return math.nan
            return min(values) if node.function == "min" else max(values)
        case _:
            return math.nan


def _arithmetic(sign: str, left: float, right: float) -> float:
    match sign:
        case "+":
            return _finite(left + right)
        case "-":
            return _finite(left - right)
        case "*":
            return _finite(left * right)
        case _:
            return _finite(left / right) if right else math.nan


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
