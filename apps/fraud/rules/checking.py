"""Does a rule fit the project? Names, kinds and currencies, before it is kept."""

import difflib
from dataclasses import dataclass

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
from apps.fraud.rules.parsing import parse
from apps.fraud.rules.refusal import RuleRefused, nearest, shown
from apps.fraud.rules.vocabulary import NUMBER, TEXT, TRUTH, WEEKDAYS, Kind, Vocabulary

_KINDS = {
    "number": ("a number", "数字"),
    "money": ("an amount of money", "金额"),
    "text": ("a text", "文本"),
    "truth": ("true or false", "真假"),
}
_PREFIXES = {"entity": "entities", "attribute": "attributes", "feature": "features"}


def check(text: str, vocabulary: Vocabulary) -> Node:
    """The tree of a rule that fits the project.

    Raises:
        RuleRefused: it cannot be read, names what the project does not have, or compares what
            cannot be compared.
    """
    node = parse(text)
    kind = _Checker(vocabulary).kind(node)
    if kind != TRUTH:
        en, zh = _KINDS[kind.name]
        raise RuleRefused(
            f"this is {en}; a rule says what is true or false: compare it with something.",
            f"这是{zh}；规则应说明真假：请与某个值比较。",
            node.at,
        )
    return node


@dataclass(frozen=True)
class _Checker:
    vocabulary: Vocabulary

    def kind(self, node: Node) -> Kind:
        match node:
            case Number():
                return NUMBER
            case Text():
                return TEXT
            case Money():
                return Kind("money", node.currency)
            case Name():
                return self._name(node)
            case Call():
                return self._call(node)
            case Minus():
                return self._calculable(node.item)
            case Arithmetic():
                return self._arithmetic(node)
            case Compare():
                return self._compare(node)
            case Among():
                return self._among(node)
            case Not():
                self._condition(node.item)
            case And() | Or():
                for item in node.items:
                    self._condition(item)
        return TRUTH

    def _name(self, node: Name) -> Kind:
        value = self.vocabulary.values.get(node.path)
        if value is not None:
            return value.kind
        head, dot, tail = node.path.partition(".")
        if dot and f"{_PREFIXES.get(head, head)}.{tail}" in self.vocabulary.values:
            right = f"{_PREFIXES[head]}.{tail}"
            en, zh = f" Did you mean {right}?", f"是不是 {right}？"
        else:
            en, zh = self._nearest(node.path)
        if not en:
            paths = [path for path in self.vocabulary.values if not path.startswith("features.")]
            en = f" There are: {', '.join(paths[:30])}, features.…"
            zh = f"可用的有：{'、'.join(paths[:30])}、features.…"
        raise RuleRefused(
            f"there is no value {shown(node.path)}.{en}",
            f"没有值 {shown(node.path)}。{zh}",
            node.at,
        )

    def _nearest(self, written: str) -> tuple[str, str]:
        """By the whole path, or by its last part alone: what one forgets is what stands before."""
        paths = {path.rpartition(".")[2]: path for path in self.vocabulary.values}
        paths |= {path: path for path in self.vocabulary.values}
        near = difflib.get_close_matches(written[:60], paths, n=1, cutoff=0.6)
        if not near:
            return "", ""
        path = paths[near[0]]
        return f" Did you mean {path}?", f"是不是 {path}？"

    def _condition(self, node: Node) -> None:
        kind = self.kind(node)
        if kind == TRUTH:
            return
        en, zh = _KINDS[kind.name]
        raise RuleRefused(
            f"{en} stands where something true or false should: compare it.",
            f"此处应为真假条件，却是{zh}：请写比较。",
            node.at,
        )

    def _wanted(self, node: Node, *allowed: str) -> Kind:
        kind = self.kind(node)
        if kind.name in allowed:
            return kind
        en = " or ".join(_KINDS[name][0] for name in allowed)
        zh = "或".join(_KINDS[name][1] for name in allowed)
        told_en, told_zh = _KINDS[kind.name]
        raise RuleRefused(
            f"{told_en} stands where {en} should.", f"此处应为{zh}，却是{told_zh}。", node.at
        )

    def _calculable(self, node: Node) -> Kind:
        kind = self._wanted(node, "number", "money")
        if kind == Kind("money"):
            raise RuleRefused(
                "amount_original is in each transaction's own currency; it can only be compared "
                "with an amount, such as amount_original >= 500 USD. Use amount to calculate.",
                "amount_original 使用每笔交易自己的币种，只能与金额比较，例如 "
                "amount_original >= 500 USD。计算请用 amount。",
                node.at,
            )
        return kind

    def _arithmetic(self, node: Arithmetic) -> Kind:
        left, right = self._calculable(node.left), self._calculable(node.right)
        if node.sign in "+-" and left == right:
            return left
        if node.sign == "*" and "number" in (left.name, right.name):
            return left if right == NUMBER else right
        if node.sign == "/" and (right in (NUMBER, left)):
            return NUMBER if left == right else left
        raise self._unlike(node, left, right)

    def _compare(self, node: Compare) -> Kind:
        left = self._wanted(node.left, "number", "money", "text")
        right = self._wanted(node.right, "number", "money", "text")
        own = Kind("money")
        if own in (left, right):
            literal = node.right if left == own else node.left
            if left == right or not isinstance(literal, Money):
                raise self._own_alone(node)
            return TRUTH
        if left != right:
            raise self._unlike(node, left, right)
        if left == TEXT and node.sign not in ("==", "!="):
            raise RuleRefused(
                f"texts have no order; {node.sign} compares numbers and amounts. Use ==, !=, in, "
                "starts_with, ends_with or contains.",
                f"文本没有大小之分；{node.sign} 用于数字和金额。请用 ==、!=、in、starts_with、"
                "ends_with 或 contains。",
                node.at,
            )
        for one, other in ((node.left, node.right), (node.right, node.left)):
            self._known_word(one, other)
        if self._number_attribute(node.left) and self._number_attribute(node.right):
            raise RuleRefused(
                "two attributes are compared as numbers in the form a - b > 0.",
                "两个数字属性请写成 a - b > 0 的形式比较。",
                node.at,
            )
        return TRUTH

    def _number_attribute(self, node: Node) -> bool:
        return (
            isinstance(node, Name)
            and node.path.startswith("attributes.")
            and self.kind(node) == NUMBER
        )

    def _among(self, node: Among) -> Kind:
        kind = self._wanted(node.item, "number", "money", "text")
        for option in node.options:
            told = self.kind(option)
            if kind == Kind("money"):
                raise self._own_alone(node)
            if told != kind:
                raise self._unlike(option, kind, told)
            self._known_word(node.item, option)
        return TRUTH

    def _known_word(self, name: Node, word: Node) -> None:
        """A day of the week or a currency that does not exist is a slip of the pen."""
        if not (isinstance(name, Name) and isinstance(word, Text)):
            return
        if name.path == "weekday" and word.value not in WEEKDAYS:
            allowed = ", ".join(f'"{day}"' for day in WEEKDAYS)
            raise RuleRefused(
                f"weekday is one of {allowed}, never {shown(word.value)}.",
                f"weekday 只能是 {allowed}，不会是 {shown(word.value)}。",
                word.at,
            )
        if name.path == "currency" and not (len(word.value) == 3 and word.value.isupper()):
            raise RuleRefused(
                f'currency is three letters such as "EUR", never {shown(word.value)}.',
                f'currency 是三个字母，如 "EUR"，不会是 {shown(word.value)}。',
                word.at,
            )

    def _call(self, node: Call) -> Kind:
        first = node.arguments[0]
        if node.function == "missing":
            if not isinstance(first, Name):
                raise RuleRefused(
                    "missing takes the name of a value, such as missing(attributes.country).",
                    "missing 需要一个值的名称，例如 missing(attributes.country)。",
                    first.at,
                )
            self._wanted(first, "number", "money", "text")
            return TRUTH
        if node.function == "listed":
            return self._listed(first)
        if node.function in ("starts_with", "ends_with", "contains"):
            self._wanted(first, "text")
            if not isinstance(node.arguments[1], Text):
                raise RuleRefused(
                    f'the second value of {node.function} is a "text".',
                    f'{node.function} 的第二个值应为 "文本"。',
                    node.arguments[1].at,
                )
            return TRUTH
        kinds = [self._calculable(argument) for argument in node.arguments]
        for argument, kind in zip(node.arguments, kinds, strict=True):
            if kind != kinds[0]:
                raise self._unlike(argument, kinds[0], kind)
        return kinds[0]

    def _listed(self, option: Node) -> Kind:
        lists = self.vocabulary.lists
        if isinstance(option, Text) and option.value in lists:
            return TRUTH
        en, zh = nearest(option.value, lists) if isinstance(option, Text) else ("", "")
        there_en, there_zh = ", ".join(lists) or "none", "、".join(lists) or "无"
        raise RuleRefused(
            f'listed takes the name of a list of the project, such as listed("watch"); there are: '
            f"{there_en}.{en}",
            f'listed 需要项目名单的名称，例如 listed("watch")；现有：{there_zh}。{zh}',
            option.at,
        )

    def _own_alone(self, node: Node) -> RuleRefused:
        return RuleRefused(
            "amount_original is compared with an amount in a currency, such as "
            "amount_original >= 500 USD; it holds for transactions in that currency only.",
            "amount_original 只能与带币种的金额比较，例如 amount_original >= 500 USD；"
            "只对该币种的交易成立。",
            node.at,
        )

    def _unlike(self, node: Node, left: Kind, right: Kind) -> RuleRefused:
        """Two kinds that do not go together, and the way out."""
        en = f"{_told(left)[0]} and {_told(right)[0]} do not go together."
        zh = f"{_told(left)[1]}和{_told(right)[1]}不能放在一起。"
        if {left.name, right.name} == {"money", "number"}:
            currency = self.vocabulary.currency
            en += f" Write amounts with their currency, such as 500 {currency}."
            zh += f"金额请带上币种，例如 500 {currency}。"
        elif left.name == right.name == "money":
            currency = self.vocabulary.currency
            en += f" amount is in {currency}; amount_original is in the transaction's own currency."
            zh += f"amount 以 {currency} 计；amount_original 以交易自己的币种计。"
        return RuleRefused(en, zh, node.at)


def _told(kind: Kind) -> tuple[str, str]:
    en, zh = _KINDS[kind.name]
    return (f"{en} in {kind.currency}", f"{kind.currency} {zh}") if kind.currency else (en, zh)
