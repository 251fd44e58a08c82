"""What a node means when it is evaluated, the same for a block and for one row.

A checked rule has the kinds of its project; evaluation needs no project, because the kinds show:
entities are texts, features are numbers, and an attribute is whatever it is compared with.
"""

import math

from apps.fraud.rules.nodes import Compare, Money, Name, Node, Text

_TEXTS = ("currency", "weekday")


def says_text(*nodes: Node) -> bool:
    """Whether these are compared as texts: one is a text, or all are attributes."""
    if any(_surely_text(node) for node in nodes):
        return True
    return all(isinstance(node, Name) and node.path.startswith("attributes.") for node in nodes)


def _surely_text(node: Node) -> bool:
    if isinstance(node, Name):
        return node.path in _TEXTS or node.path.startswith("entities.")
    return isinstance(node, Text)


def read_number(text: str) -> float:
    """A number that was kept as a text; NaN where it is none, or not finite."""
    try:
        found = float(text) if len(text) <= 40 else math.nan
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def own_currency(node: Compare) -> str:
    """The currency in which ``amount_original`` is compared; empty where it is not."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(one, Name) and one.path == "amount_original" and isinstance(other, Money):
            return other.currency
    return ""
