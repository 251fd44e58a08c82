"""From text to a tree: recursive descent, with a bound on depth before recursion can be one.

rule       = any
any        = all ("or" all)*
all        = one ("and" one)*
one        = "not" one | sum [sign sum | ["not"] "in" "(" literal ("," literal)* ")"]
sum        = product (("+" | "-") product)*
product    = factor (("*" | "/") factor)*
factor     = "-" factor | number [currency] | text | name | name "(" sum ("," sum)* ")" |
             "(" any ")"
name       = word ("." word)*
"""

from decimal import Decimal
from functools import lru_cache

from apps.fraud.money import DIGITS
from apps.fraud.rules.nodes import (
    FUNCTIONS,
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
from apps.fraud.rules.refusal import RuleRefused, nearest, shown
from apps.fraud.rules.tokens import Token, tokens

DEEPEST = 20
"""Brackets, ``not`` and minus signs within each other."""
SIGNS = ("==", "!=", "<=", ">=", "<", ">")
MOST_STEPS = 100
"""Additions, subtractions, multiplications and divisions of a rule."""
WORDS = ("and", "or", "not", "in")


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The tree of a rule.

    Raises:
        RuleRefused: it cannot be read; the message names the place, what is written there and
            what may stand there.
    """
    reader = _Reader(tokens(text))
    found = reader.any()
    if reader.now.kind != "end":
        raise reader.refused("the end of the rule, and, or", "规则结尾、and 或 or")
    return found


class _Reader:
    def __init__(self, cut: list[Token]) -> None:
        self._cut, self._next, self._depth, self._steps = cut, 0, 0, 0

    @property
    def now(self) -> Token:
        return self._cut[self._next]

    def refused(self, en: str, zh: str) -> RuleRefused:
        """What stands here is not what may."""
        written = shown(self.now.written) if self.now.kind != "end" else ""
        hint = ("", "")
        if self.now.kind == "sign" and self.now.written in SIGNS:
            hint = (" Join two comparisons with and.", "两个比较请用 and 连接。")
        elif self.now.kind == "word":
            hint = nearest(self.now.written.lower(), WORDS)
        return RuleRefused(
            f"{written or 'the rule ends'} where {en} should stand.{hint[0]}",
            f"此处应为{zh}，却是 {written or '规则结尾'}。{hint[1]}",
            self.now.at,
        )

    def _take(self) -> Token:
        self._next += 1
        return self._cut[self._next - 1]

    def _is(self, *written: str) -> bool:
        token = self.now
        if token.kind == "word":
            return token.written.lower() in written
        return token.kind == "sign" and token.written in written

    def _expect(self, sign: str) -> None:
        if not self._is(sign):
            raise self.refused(sign, f" {sign} ")
        self._next += 1

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise RuleRefused(
                f"brackets, not and minus signs lie more than {DEEPEST} deep. Make several rules "
                "of it.",
                f"括号、not 和负号嵌套超过 {DEEPEST} 层。请拆成几条规则。",
                self.now.at,
            )

    def _step(self) -> Token:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise RuleRefused(
                f"the rule calculates more than {MOST_STEPS} steps. Make a feature of it, or "
                "several rules.",
                f"规则的运算超过 {MOST_STEPS} 步。请改成特征，或拆成几条规则。",
                self.now.at,
            )
        return self._take()

    def any(self) -> Node:
        at, items = self.now.at, [self._all()]
        while self._is("or"):
            self._take()
            items.append(self._all())
        return items[0] if len(items) == 1 else Or(_flat(items, Or), at=at)

    def _all(self) -> Node:
        at, items = self.now.at, [self._one()]
        while self._is("and"):
            self._take()
            items.append(self._one())
        return items[0] if len(items) == 1 else And(_flat(items, And), at=at)

    def _one(self) -> Node:
        at = self.now.at
        if self._is("not"):
            self._take()
            self._deeper()
            item = self._one()
            self._depth -= 1
            return Not(item, at=at)
        left = self._sum()
        if self._is(*SIGNS):
            sign = self._take()
            return Compare(sign.written, left, self._sum(), at=sign.at)
        if self._is("in"):
            return Among(left, self._options(), at=at)
        if self._is("not"):
            self._take()
            if not self._is("in"):
                raise self.refused("in", " in ")
            return Not(Among(left, self._options(), at=at), at=at)
        return left

    def _options(self) -> tuple[Number | Money | Text, ...]:
        self._take()
        self._expect("(")
        found = [self._option()]
        while self._is(","):
            self._take()
            if self._is(")"):
                break
            found.append(self._option())
        self._expect(")")
        return tuple(found)

    def _option(self) -> Number | Money | Text:
        at, minus = self.now.at, self._is("-")
        if minus:
            self._take()
        if self.now.kind not in ("number", "text") or (minus and self.now.kind == "text"):
            raise self.refused('a text such as "DE", or a number', '文本（如 "DE"）或数字')
        found = self._literal()
        if not minus or isinstance(found, Text):
            return found
        if isinstance(found, Money):
            return Money(-found.minor, found.currency, at=at)
        return Number(-found.value, at=at)

    def _sum(self) -> Node:
        left = self._product()
        while self._is("+", "-"):
            sign = self._step()
            left = Arithmetic(sign.written, left, self._product(), at=sign.at)
        return left

    def _product(self) -> Node:
        left = self._factor()
        while self._is("*", "/"):
            sign = self._step()
            left = Arithmetic(sign.written, left, self._factor(), at=sign.at)
        return left

    def _factor(self) -> Node:
        token = self.now
        if token.kind in ("number", "text"):
            return self._literal()
        if self._is("-", "("):
            self._take()
            self._deeper()
            inner: Node
            if token.written == "-":
                inner = _minus(self._factor(), token.at)
            else:
                inner = self.any()
                self._expect(")")
            self._depth -= 1
            return inner
        if token.kind == "word" and token.written.lower() not in WORDS:
            return self._named()
        raise self.refused(
            'a value such as amount, a number, a "text" or (', '值（如 amount）、数字、"文本" 或 ('
        )

    def _literal(self) -> Number | Money | Text:
        token = self._take()
        if token.kind == "text":
            return Text(token.written, at=token.at)
        unit = self.now
        if (
            unit.kind == "word"
            and len(unit.written) == 3
            and unit.written.isupper()
            and unit.written.lower() not in WORDS
        ):
            self._take()
            return _money(token, unit.written)
        return Number(float(token.written), at=token.at)

    def _named(self) -> Node:
        first = self._take()
        if self._is("("):
            return self._call(first)
        path = first.written
        while self._is("."):
            self._take()
            if self.now.kind != "word":
                raise self.refused("a name", "名称")
            path += "." + self._take().written
        return Name(path, at=first.at)

    def _call(self, name: Token) -> Node:
        if name.written not in FUNCTIONS:
            en, zh = nearest(name.written, FUNCTIONS)
            allowed = ", ".join(FUNCTIONS)
            raise RuleRefused(
                f"there is no function {shown(name.written)}; there are: {allowed}.{en}",
                f"没有函数 {shown(name.written)}；可用的有：{allowed}。{zh}",
                name.at,
            )
        self._take()
        self._deeper()
        found: list[Node] = [] if self._is(")") else [self._sum()]
        while self._is(","):
            self._take()
            found.append(self._sum())
        self._expect(")")
        self._depth -= 1
        least, most = FUNCTIONS[name.written]
        if not least <= len(found) <= most:
            count = str(least) if least == most else f"{least}–{most}"
            raise RuleRefused(
                f"{name.written} takes {count} values, not {len(found)}.",
                f"{name.written} 需要 {count} 个值，而不是 {len(found)} 个。",
                name.at,
            )
        return Call(name.written, tuple(found), at=name.at)


def _flat(items: list[Node], kind: type[And] | type[Or]) -> tuple[Node, ...]:
    """Brackets around the same word say nothing more."""
    return tuple(
        part for item in items for part in (item.items if isinstance(item, kind) else (item,))
    )


def _minus(item: Node, at: int) -> Node:
    if isinstance(item, Number):
        return Number(-item.value, at=at)
    if isinstance(item, Money):
        return Money(-item.minor, item.currency, at=at)
    return Minus(item, at=at)


def _money(number: Token, currency: str) -> Money:
    digits = DIGITS.get(currency)
    if digits is None:
        en, zh = nearest(currency, DIGITS)
        raise RuleRefused(
            f"{shown(currency)} is no currency of ISO 4217, such as EUR.{en}",
            f"{shown(currency)} 不是 ISO 4217 币种（如 EUR）。{zh}",
            number.at,
        )
    minor = Decimal(number.written).scaleb(digits)
    if minor != minor.to_integral_value():
        raise RuleRefused(
            f"{number.written} {currency} is finer than {currency} goes: {digits} digits after "
            "the point.",
            f"{number.written} {currency} 的小数位过多：{currency} 只有 {digits} 位小数。",
            number.at,
        )
    return Money(int(minor), currency, at=number.at)
