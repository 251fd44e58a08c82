"""What a rule says, in plain English and Chinese, for people who do not write rules."""

from collections.abc import Callable

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
from apps.fraud.rules.vocabulary import Vocabulary
from apps.fraud.rules.writing import money, number
from loupe.contract.text import Text as Words

_SIGNS = {
    "==": ("is", "为"),
    "!=": ("is not", "不为"),
    "<": ("is below", "低于"),
    "<=": ("is at most", "不超过"),
    ">": ("is above", "高于"),
    ">=": ("is at least", "不低于"),
}
_CALCULATED = {
    "+": ("{} plus {}", "{} 加 {}"),
    "-": ("{} minus {}", "{} 减 {}"),
    "*": ("{} times {}", "{} 乘以 {}"),
    "/": ("{} divided by {}", "{} 除以 {}"),
}
_TRUTHS = {
    "late": (
        ("the payment came late", "the payment did not come late"),
        ("交易迟到", "交易未迟到"),
    ),
    "weekend": (("it is the weekend", "it is a working day"), ("当天是周末", "当天是工作日")),
}
_CALLS = {
    "starts_with": (
        ("{} begins with {}", "{} does not begin with {}"),
        ("{}以{}开头", "{}不以{}开头"),
    ),
    "ends_with": (("{} ends with {}", "{} does not end with {}"), ("{}以{}结尾", "{}不以{}结尾")),
    "contains": (("{} contains {}", "{} does not contain {}"), ("{}包含{}", "{}不包含{}")),
    "missing": (("{} is missing", "{} is there"), ("缺少{}", "有{}")),
}
_DAYS = {
    "mon": ("Monday", "星期一"),
    "tue": ("Tuesday", "星期二"),
    "wed": ("Wednesday", "星期三"),
    "thu": ("Thursday", "星期四"),
    "fri": ("Friday", "星期五"),
    "sat": ("Saturday", "星期六"),
    "sun": ("Sunday", "星期日"),
}
_FIGURES = {
    "abs": ("the size of {}", "{}的绝对值"),
    "min": ("the smallest of {}", "{}中的最小值"),
    "max": ("the largest of {}", "{}中的最大值"),
}


def worded(node: Node, vocabulary: Vocabulary) -> Words:
    """A rule as half a sentence: “the amount is at least 500 EUR and …”."""
    return Words(
        en=_Speaker(0, vocabulary).says(node, True), zh=_Speaker(1, vocabulary).says(node, True)
    )


class _Speaker:
    """Speaks one language: 0 English, 1 Chinese."""

    def __init__(self, language: int, vocabulary: Vocabulary) -> None:
        self._language, self._vocabulary = language, vocabulary

    def says(self, node: Node, holds: bool) -> str:
        """That a condition holds, or that it does not."""
        match node:
            case Not():
                return self.says(node.item, not holds)
            case And() | Or():
                return self._joined(node, holds)
            case Compare():
                sign = node.sign if holds else OPPOSITE[node.sign]
                left, right = self._value(node.left), self._value(node.right)
                left, right = self._day(node.right, left), self._day(node.left, right)
                return self._spaced(left, _SIGNS[sign][self._language], right)
            case Among():
                return self._among(node, holds)
            case Name() if node.path in _TRUTHS:
                return _TRUTHS[node.path][self._language][not holds]
            case Call(function="listed"):
                return self._listed(node, holds)
            case Call() if node.function in _CALLS:
                pattern = _CALLS[node.function][self._language][not holds]
                return pattern.format(*(self._value(one) for one in node.arguments))
            case _:
                return self._value(node)

    def _joined(self, node: And | Or, holds: bool) -> str:
        both = isinstance(node, And) == holds
        word = (("and", "or"), ("且", "或"))[self._language][not both]
        parts = []
        for item in node.items:
            said = self.says(item, holds)
            inner = item
            while isinstance(inner, Not):
                inner = inner.item
            many = isinstance(inner, And | Or) and type(inner) is not type(node)
            brackets: Callable[[str], str] = (lambda one: f"({one})", lambda one: f"（{one}）")[
                self._language
            ]
            parts.append(brackets(said) if many else said)
        return (f" {word} " if self._language == 0 else f"，{word}").join(parts)

    def _among(self, node: Among, holds: bool) -> str:
        options = [self._day(node.item, self._value(option), option) for option in node.options]
        listed = (", " if self._language == 0 else "、").join(options)
        verb = (("is one of", "is none of"), ("属于", "不属于"))[self._language][not holds]
        return self._spaced(self._value(node.item), verb, listed)

    def _listed(self, node: Call, holds: bool) -> str:
        name = self._value(node.arguments[0])
        if self._language == 0:
            return f"one of its identifiers is {'' if holds else 'not '}on the list {name}"
        return f"其标识{'在' if holds else '不在'}名单{name}上"

    def _spaced(self, *words: str) -> str:
        return " ".join(words) if self._language == 0 else "".join(words)

    def _day(self, other: Node, said: str, word: Node | None = None) -> str:
        """A day of the week by its name, where the other side is `weekday`."""
        if isinstance(other, Name) and other.path == "weekday":
            key = word.value if isinstance(word, Text) else said.strip("“”")
            return _DAYS[key][self._language] if key in _DAYS else said
        return said

    def _value(self, node: Node) -> str:
        match node:
            case Number():
                return number(node.value)
            case Money():
                return money(node)
            case Text():
                return f"“{node.value}”"
            case Name():
                return self._vocabulary.words(node.path)[self._language]
            case Minus():
                return f"−{self._part(node.item)}"
            case Arithmetic():
                pattern = _CALCULATED[node.sign][self._language]
                return pattern.format(self._part(node.left), self._part(node.right))
            case Call() if node.function in _FIGURES:
                values = (", " if self._language == 0 else "、").join(
                    self._value(one) for one in node.arguments
                )
                return _FIGURES[node.function][self._language].format(values)
            case _:
                return self.says(node, True)

    def _part(self, node: Node) -> str:
        said = self._value(node)
        return f"({said})" if isinstance(node, Arithmetic) else said
