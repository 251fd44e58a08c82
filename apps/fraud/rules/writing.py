"""A rule in its one canonical form: two rules that read alike are written alike."""

from apps.fraud.money import DIGITS, shown
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

_LEVELS = {Or: 1, And: 2, Not: 3, Compare: 4, Among: 4}


def written(node: Node) -> str:
    """The text of a rule: single spaces, small words, brackets only where they are needed."""
    match node:
        case Number():
            return number(node.value)
        case Money():
            return money(node)
        case Text():
            return f'"{node.value}"'
        case Name():
            return node.path
        case Call():
            return f"{node.function}({', '.join(written(one) for one in node.arguments)})"
        case Minus():
            return f"-{_within(node.item, 7)}"
        case Arithmetic():
            level = _level(node)
            right = _within(node.right, level + 1)
            return f"{_within(node.left, level)} {node.sign} {right}"
        case Compare():
            return f"{_within(node.left, 5)} {node.sign} {_within(node.right, 5)}"
        case Among():
            return f"{_within(node.item, 5)} in ({', '.join(written(o) for o in node.options)})"
        case Not():
            if isinstance(node.item, Among):
                options = ", ".join(written(option) for option in node.item.options)
                return f"{_within(node.item.item, 5)} not in ({options})"
            if isinstance(node.item, Not):
                return f"not ({written(node.item)})"
            return f"not {_within(node.item, 3)}"
        case And():
            return " and ".join(_within(item, 3) for item in node.items)
        case Or():
            return " or ".join(_within(item, 2) for item in node.items)


def money(node: Money) -> str:
    """An amount with its currency, without a point where no part is left: ``500 EUR``."""
    whole = node.minor % 10 ** DIGITS.get(node.currency, 2) == 0
    text = shown(node.minor, node.currency)
    return f"{text.partition('.')[0]} {node.currency}" if whole and "." in text else text


def number(value: float) -> str:
    """A number without an exponent, and without a point where it is whole."""
    if value == int(value):
        return str(int(value))
    return f"{value:.17f}".rstrip("0") if abs(value) < 1e-4 else repr(value)


def _level(node: Node) -> int:
    if isinstance(node, Arithmetic):
        return 5 if node.sign in "+-" else 6
    if isinstance(node, Minus | Number | Money) and written(node).startswith("-"):
        return 7
    return _LEVELS.get(type(node), 8)


def _within(node: Node, least: int) -> str:
    """A part; in brackets where it binds less tightly than what is around it."""
    text = written(node)
    return f"({text})" if _level(node) < least else text
