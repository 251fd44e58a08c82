"""What a rule is once it is read: a small tree of frozen nodes.

`at` is the place in the text, from 0; two nodes are equal whatever their places are.
"""

from dataclasses import dataclass, field
from typing import TypeAlias


def _place() -> int:
    return field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True)
class Number:
    value: float
    at: int = _place()


@dataclass(frozen=True)
class Money:
    """`minor` units of `currency`."""

    minor: int
    currency: str
    at: int = _place()


@dataclass(frozen=True)
class Text:
    value: str
    at: int = _place()


@dataclass(frozen=True)
class Name:
    """A value of the transaction, such as ``amount`` or ``features.velocity_1h``."""

    path: str
    at: int = _place()


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple["Node", ...]
    at: int = _place()


@dataclass(frozen=True)
class Minus:
    item: "Node"
    at: int = _place()


@dataclass(frozen=True)
class Arithmetic:
    """`sign` is one of ``+ - * /``."""

    sign: str
    left: "Node"
    right: "Node"
    at: int = _place()


@dataclass(frozen=True)
class Compare:
    """`sign` is one of ``== != < <= > >=``."""

    sign: str
    left: "Node"
    right: "Node"
    at: int = _place()


@dataclass(frozen=True)
class Among:
    """``item in (…)``; its options are literals of one kind."""

    item: "Node"
    options: tuple["Number | Money | Text", ...]
    at: int = _place()


@dataclass(frozen=True)
class Not:
    item: "Node"
    at: int = _place()


@dataclass(frozen=True)
class And:
    items: tuple["Node", ...]
    at: int = _place()


@dataclass(frozen=True)
class Or:
    items: tuple["Node", ...]
    at: int = _place()


Node: TypeAlias = (
    Number | Money | Text | Name | Call | Minus | Arithmetic | Compare | Among | Not | And | Or
)

FUNCTIONS: dict[str, tuple[int, int]] = {
    "missing": (1, 1),
    "listed": (1, 1),
    "starts_with": (2, 2),
    "ends_with": (2, 2),
    "contains": (2, 2),
    "abs": (1, 1),
    "min": (2, 8),
    "max": (2, 8),
}
"""Each function's least and most arguments."""

OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
"""What holds where the comparison is known not to."""


def parts(node: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    match node:
        case Number() | Money() | Text() | Name():
            return ()
        case Call():
            return node.arguments
        case Minus() | Not():
            return (node.item,)
        case Among():
            return (node.item, *node.options)
        case Arithmetic() | Compare():
            return (node.left, node.right)
        case And() | Or():
            return node.items


def size(node: Node) -> int:
    """How many nodes a rule has: what evaluating it costs grows with this, and with nothing else
    of the rule."""
    return 1 + sum(size(part) for part in parts(node))


def names(node: Node) -> set[str]:
    """The values of the transaction that a rule reads; lists as the features they are."""
    if isinstance(node, Name):
        return {node.path}
    if isinstance(node, Call) and node.function == "listed":
        option = node.arguments[0]
        return {f"features.listed_{option.value}"} if isinstance(option, Text) else set()
    return set().union(*(names(part) for part in parts(node))) if parts(node) else set()
