"""Rules over the columns of a block: for every row, is the rule known to hold?

No mask of what is unknown is carried along. Every condition is asked either "is it known to be
true?" or "is it known to be false?"; ``not`` swaps the question and de Morgan hands it on, so a
missing value answers no to both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.catalogue import NOTHING
from apps.fraud.rules.local_time import DAY, HOUR, local
from apps.fraud.rules.nodes import (
    OPPOSITE,
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
from loupe.contract.runtime.columns import Columns, row_count

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
_FEW_OPTIONS = 8
TRUTHS = ("late", "weekend")


class Block:
    """The columns of scored transactions, as rules ask for them; conversions are made once.

    Args:
        columns: named as the fields of a `ScoredTransaction`, entries of its mappings with a point
            (``features.velocity_1h``). A column that is not there is missing in every row.
        timezone: of hour, day and weekday.
    """

    def __init__(self, columns: Columns, timezone: str = "UTC") -> None:
        self.rows = row_count(columns)
        self._columns, self._timezone = columns, timezone
        self._numbers: dict[str, Floats] = {}
        self._texts: dict[str, NDArray[np.str_]] = {}
        self._local: NDArray[np.int64] | None = None
        self._known: dict[tuple[int, bool], tuple[Node, Mask]] = {}

    def once(self, node: Node, wanted: bool) -> Mask:
        """A condition's mask; rules that share the very node (see `shared`) share its cost."""
        kept = self._known.get((id(node), wanted))
        if kept is None:
            found = _asked(node, wanted, self)
            kept = node, found if found.shape else np.broadcast_to(found, (self.rows,))
            self._known[id(node), wanted] = kept
        return kept[1]

    def none(self) -> Mask:
        """No row."""
        return np.zeros(self.rows, dtype=bool)

    def number(self, path: str) -> Floats:
        """A value as numbers [rows]; NaN where it is missing."""
        if path not in self._numbers:
            self._numbers[path] = self._make_number(path)
        return self._numbers[path]

    def text(self, path: str) -> NDArray[np.str_]:
        """A value as texts [rows]; empty where it is missing."""
        if path not in self._texts:
            self._texts[path] = self._make_text(path)
        return self._texts[path]

    def truth(self, path: str) -> Mask:
        """A value that is true or false [rows]; one that is not there counts as false."""
        if path == "weekend":
            return self._day_of_week() >= 5
        column = self._columns.get(path)
        return column if column is not None and column.dtype == np.bool_ else self.none()

    def _times(self) -> NDArray[np.int64]:
        if self._local is None:
            known = self._columns.get("event_time", np.zeros(self.rows, dtype=np.int64))
            self._local = local(known, self._timezone)
        return self._local

    def _day_of_week(self) -> NDArray[np.int64]:
        return (self._times() // DAY + 3) % 7  # 1 January 1970 was a Thursday

    def _make_number(self, path: str) -> Floats:
        if path == "hour":
            return np.asarray(self._times() % DAY // HOUR, dtype=np.float64)
        if path == "day":
            days = self._times().astype("datetime64[ms]").astype("datetime64[D]")
            first = days.astype("datetime64[M]").astype("datetime64[D]")
            return np.asarray((days - first).astype(np.int64) + 1, dtype=np.float64)
        column = self._columns.get(path)
        if column is None or column.dtype == np.bool_:
            return np.full(self.rows, np.nan)
        if column.dtype.kind == "U":
            return np.array([read_number(one) for one in column.tolist()], dtype=np.float64)
        values = _finite(column.astype(np.float64))
        return np.where(values == NOTHING, np.nan, values) if _is_feature(path) else values

    def _make_text(self, path: str) -> NDArray[np.str_]:
        if path == "weekday":
            return np.array(WEEKDAYS)[self._day_of_week()]
        column = self._columns.get(path)
        if column is None or column.dtype.kind != "U":
            return np.full(self.rows, "")
        return column


def _is_feature(path: str) -> bool:
    return path.startswith("features.")


@dataclass(frozen=True)
class BlockRow:
    """One row of a block, as `row` asks for it."""

    block: Block
    at: int

    def number(self, path: str) -> float:
        """NaN where it is missing."""
        return float(self.block.number(path)[self.at])

    def text(self, path: str) -> str:
        """Empty where it is missing."""
        return str(self.block.text(path)[self.at])

    def truth(self, path: str) -> bool | None:
        """None where the name is of another kind."""
        return bool(self.block.truth(path)[self.at]) if path in TRUTHS else None


def holds(node: Node, block: Block) -> Mask:
    """The rows [rows] in which a rule is known to hold."""
    with np.errstate(all="ignore"):
        return _sure(node, True, block)


def shared(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The same rules, with equal conditions being one object, so that a block asks each once."""
    seen: dict[Node, Node] = {}
    return tuple(_shared(node, seen) for node in nodes)


def _shared(node: Node, seen: dict[Node, Node]) -> Node:
    match node:
        case And():
            return And(tuple(_shared(item, seen) for item in node.items), at=node.at)
        case Or():
            return Or(tuple(_shared(item, seen) for item in node.items), at=node.at)
        case Not():
            return Not(_shared(node.item, seen), at=node.at)
        case _:
            return seen.setdefault(node, node)


def _sure(node: Node, wanted: bool, block: Block) -> Mask:
    match node:
        case Not():
            return _sure(node.item, not wanted, block)
        case And() | Or():
            masks = (_sure(item, wanted, block) for item in node.items)
            together = isinstance(node, And) == wanted
            return reduce(np.logical_and if together else np.logical_or, masks)
        case _:
            return block.once(node, wanted)


def _asked(node: Node, wanted: bool, block: Block) -> Mask:
    """A condition that holds no others; a single value where it is the same for every row."""
    match node:
        case Compare():
            return _compare(node if wanted else _opposite(node), block)
        case Among():
            return _among(node, wanted, block)
        case Name():
            if node.path not in TRUTHS:
                return block.none()
            found = block.truth(node.path)
            return found if wanted else ~found
        case Call():
            return _call(node, wanted, block)
        case _:
            return block.none()


def _opposite(node: Compare) -> Compare:
    return Compare(OPPOSITE[node.sign], node.left, node.right)


def _compare(node: Compare, block: Block) -> Mask:
    if says_text(node.left, node.right):
        left, right = _text(node.left, block), _text(node.right, block)
        if node.sign not in ("==", "!="):
            return block.none()
        same = left == right
        known = _said(node.left, left) & _said(node.right, right)
        return np.asarray((same if node.sign == "==" else ~same) & known)
    first, second = _number(node.left, block), _number(node.right, block)
    if currency := own_currency(node):
        # In another currency the comparison says nothing.
        first = np.where(block.text("currency") == currency, first, np.nan)
    match node.sign:
        case "==":
            found = first == second
        case "!=":
            found = (first < second) | (first > second)  # false where one is missing
        case "<":
            found = first < second
        case "<=":
            found = first <= second
        case ">":
            found = first > second
        case _:
            found = first >= second
    return np.asarray(found)


def _said(node: Node, values: NDArray[np.str_]) -> Mask:
    return np.array(True) if isinstance(node, Text) else values != ""


def _among(node: Among, wanted: bool, block: Block) -> Mask:
    if says_text(node.item, *node.options):
        options = [option.value for option in node.options if isinstance(option, Text)]
        values = _text(node.item, block)
        found = _one_of(values, options)
        return found if wanted else ~found & (values != "")
    figures = [
        float(option.minor if isinstance(option, Money) else option.value)
        for option in node.options
        if not isinstance(option, Text)
    ]
    numbers = _number(node.item, block)
    found = np.isin(numbers, figures)
    return found if wanted else ~found & ~np.isnan(numbers)


def _one_of(values: NDArray[np.str_], options: list[str]) -> Mask:
    """`numpy.isin` sorts what it is given; that is worth it for many options."""
    if len(options) > _FEW_OPTIONS:
        return np.isin(values, options)
    return reduce(np.logical_or, (values == option for option in options))


def _call(node: Call, wanted: bool, block: Block) -> Mask:
    first = node.arguments[0]
    if node.function == "missing":
        text = says_text(first)
        found = _text(first, block) == "" if text else np.isnan(_number(first, block))
        return np.asarray(found if wanted else ~found)
    if node.function == "listed" and isinstance(first, Text):
        on = block.number(f"features.{LISTED}{first.value}")
        return on > 0 if wanted else on <= 0
    if node.function not in ("starts_with", "ends_with", "contains"):
        return block.none()
    values, part = _text(first, block), node.arguments[1]
    if not isinstance(part, Text):
        return block.none()
    if node.function == "starts_with":
        found = np.strings.startswith(values, part.value)
    elif node.function == "ends_with":
        found = np.strings.endswith(values, part.value)
    else:
        found = np.strings.find(values, part.value) >= 0
    return np.asarray(found if wanted else ~found & (values != ""))


def _text(node: Node, block: Block) -> NDArray[np.str_]:
    if isinstance(node, Text):
        return np.array(node.value)
    return block.text(node.path) if isinstance(node, Name) else np.array("")


def _number(node: Node, block: Block) -> Floats:
    match node:
        case Number():
            return np.array(node.value)
        case Money():
            return np.array(float(node.minor))
        case Name():
            return block.number(node.path)
        case Minus():
            return -_number(node.item, block)
        case Arithmetic():
            return _arithmetic(node.sign, _number(node.left, block), _number(node.right, block))
        case Call(function="abs"):
            return np.abs(_number(node.arguments[0], block))
        case Call(function="min" | "max"):
            chosen = np.minimum if node.function == "min" else np.maximum
            return reduce(chosen, (_number(one, block) for one in node.arguments))
        case _:
            return np.array(np.nan)


def _arithmetic(sign: str, left: Floats, right: Floats) -> Floats:
    match sign:
        case "+":
            return _finite(left + right)
        case "-":
            return _finite(left - right)
        case "*":
            return _finite(left * right)
        case _:
            return _finite(left / right)


def _finite(values: Floats) -> Floats:
    """Too large for a number, or divided by zero, is missing."""
    return np.where(np.isfinite(values), values, np.nan)
