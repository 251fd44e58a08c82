"""A rule's text cut into tokens, each with its place. Anything else is refused where it stands."""

import re
from dataclasses import dataclass
from typing import Literal

from apps.fraud.rules.refusal import RuleRefused, shown

LONGEST = 2_000
"""Characters of a rule; also the bound on everything that is read or evaluated of it."""
LONGEST_TEXT = 200
"""Characters between quotation marks."""
LARGEST = 10.0**15
"""Numbers above are refused: double precision no longer tells neighbours apart there."""

Kind = Literal["number", "text", "word", "sign", "end"]

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>[0-9][0-9_]*(?:\.[0-9]+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"[^"\\\n]*")
      | (?P<sign>==|!=|<=|>=|<|>|\+|-|\*|/|\(|\)|,|\.)""",
    re.VERBOSE,
)
"""Every branch is linear in the text."""

_INSTEAD = {
    "=": ("Write == to compare.", "请用 == 比较。"),
    "&": ("Write and.", "请写 and。"),
    "|": ("Write or.", "请写 or。"),
    "!": ("Write not, or != to compare.", "请写 not，或用 != 比较。"),
    "'": ('Texts stand between "double quotation marks".', '文本写在英文双引号 "" 之间。'),
    "“": ('Texts stand between plain "quotation marks".', '文本写在英文双引号 "" 之间。'),
    "”": ('Texts stand between plain "quotation marks".', '文本写在英文双引号 "" 之间。'),
    '"': (
        "A text begins here and does not end on its line; it holds neither \\ nor line breaks.",
        "这里开始的文本没有在同一行结束；文本不能含有 \\ 或换行。",
    ),
    "（": ("Write a plain ( bracket.", "请用英文括号 (。"),
    "）": ("Write a plain ) bracket.", "请用英文括号 )。"),
    "，": ("Write a plain comma.", "请用英文逗号。"),
    "%": ("Write a share as 0.05, not as 5 %.", "比例请写成 0.05，而不是 5%。"),
    "[": ("Lists stand in round brackets.", "列表写在圆括号中。"),
}


@dataclass(frozen=True)
class Token:
    """`written` is the text itself; of a text what stands between the quotation marks."""

    kind: Kind
    written: str
    at: int


def tokens(text: str) -> list[Token]:
    """All tokens and an ``end``.

    Raises:
        RuleRefused: the text is longer than `LONGEST`, or has what no token begins with.
    """
    if len(text) > LONGEST:
        raise RuleRefused(
            f"the rule has {len(text):,} characters; {LONGEST:,} are allowed. Make several rules "
            "of it, or put long lists into a list of the project and write listed(…).",
            f"规则有 {len(text):,} 个字符，最多允许 {LONGEST:,} 个。请拆成几条规则，"
            "或把长列表存为项目名单并写 listed(…)。",
            LONGEST,
        )
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            en, zh = _INSTEAD.get(text[at], ("", ""))
            raise RuleRefused(
                f"{shown(text[at])} has no meaning in a rule. {en}".rstrip(),
                f"{shown(text[at])} 在规则中没有意义。{zh}",
                at,
            )
        kind, written = str(match.lastgroup), match.group()
        if kind == "number":
            found.append(_number(written, at))
        elif kind == "text":
            found.append(_text(written[1:-1], at))
        elif kind == "word":
            found.append(Token("word", written, at))
        elif kind == "sign":
            found.append(Token("sign", written, at))
        at = match.end()
    return [*found, Token("end", "", len(text))]


def _number(written: str, at: int) -> Token:
    plain = written.replace("_", "")
    # Cut before it is converted: how long that takes grows with the digits.
    if len(plain) > 40 or float(plain) > LARGEST:
        raise RuleRefused(
            f"the number {shown(written)} is above {LARGEST:.0e} or longer than 40 digits.",
            f"数字 {shown(written)} 超过 {LARGEST:.0e}，或多于 40 位。",
            at,
        )
    return Token("number", plain, at)


def _text(written: str, at: int) -> Token:
    if not written:
        raise RuleRefused(
            'an empty text "" equals nothing: a value that is not there is missing(…).',
            '空文本 "" 不等于任何值：不存在的值请写 missing(…)。',
            at,
        )
    if len(written) > LONGEST_TEXT:
        raise RuleRefused(
            f"a text of {len(written):,} characters; {LONGEST_TEXT} are allowed.",
            f"文本有 {len(written):,} 个字符，最多允许 {LONGEST_TEXT} 个。",
            at,
        )
    return Token("text", written, at)
