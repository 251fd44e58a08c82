"""Bad rows: which line, which field, what it said, and why it cannot be used.

Codes are stable. The reasons say what is allowed; `{…}` are filled in where a row is listed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text

SHOWN = 60
"""Characters of a value that are listed."""

REASONS: dict[str, Text] = {
    "fields_missing": Text(
        en="The line has another number of fields than the header.", zh="该行的字段数与表头不同。"
    ),
    "bad_encoding": Text(
        en="The line is not written in {allowed}.", zh="该行不是以 {allowed} 编码书写的。"
    ),
    "bad_json": Text(
        en="The line is no JSON object: {allowed}.", zh="该行不是 JSON 对象：{allowed}。"
    ),
    "nested_value": Text(
        en="The value is a list or an object; give text or a number.",
        zh="该值是列表或对象；请给出文本或数字。",
    ),
    "id_missing": Text(en="The transaction has no identifier.", zh="该交易没有标识符。"),
    "duplicate_id": Text(
        en="Another row has this identifier and says something else: line {allowed}.",
        zh="另一行使用同一标识符但内容不同：第 {allowed} 行。",
    ),
    "repeated_row": Text(
        en="The row says the same as line {allowed}; it counts once.",
        zh="该行与第 {allowed} 行相同；只计一次。",
    ),
    "payer_missing": Text(en="Nobody is named who pays.", zh="没有写明付款方。"),
    "too_long": Text(
        en="The value is too long; at most {allowed} characters are taken.",
        zh="该值过长；最多 {allowed} 个字符。",
    ),
    "control_character": Text(
        en="The value has control characters or invisible marks.",
        zh="该值含有控制字符或不可见标记。",
    ),
    "amount_missing": Text(en="There is no amount.", zh="没有金额。"),
    "amount_not_a_number": Text(
        en="The amount is no number as the mapping writes them (decimal sign {allowed}).",
        zh="金额不是映射所规定的数字（小数点为 {allowed}）。",
    ),
    "amount_nan": Text(
        en="The amount is NaN, which is no amount.", zh="金额为 NaN，不是有效金额。"
    ),
    "amount_infinite": Text(en="The amount is infinite.", zh="金额为无穷大。"),
    "amount_negative": Text(
        en="The amount is negative; amounts from 0 are taken.",
        zh="金额为负；只接受不小于 0 的金额。",
    ),
    "amount_too_large": Text(en="The amount is larger than {allowed}.", zh="金额大于 {allowed}。"),
    "amount_not_whole": Text(
        en="An amount in minor units is a whole number.", zh="以最小货币单位表示的金额必须是整数。"
    ),
    "currency_unknown": Text(
        en="The currency is not of ISO 4217, and the project has no rate for it.",
        zh="该货币不在 ISO 4217 中，且项目没有其汇率。",
    ),
    "rate_missing": Text(
        en="The project has no rate of this currency to {allowed} at that time.",
        zh="项目没有该货币在该时间兑 {allowed} 的汇率。",
    ),
    "time_missing": Text(en="There is no time.", zh="没有时间。"),
    "time_unreadable": Text(
        en="The time is not written as the mapping says ({allowed}), or does not exist.",
        zh="时间不符合映射所规定的写法（{allowed}），或不存在。",
    ),
    "time_out_of_span": Text(
        en="The time is outside of what is taken: {allowed}.", zh="时间超出允许范围：{allowed}。"
    ),
    "count_unreadable": Text(
        en="The value is no count from the start; whole numbers from 0 to {allowed} are taken.",
        zh="该值不是自起点起的计数；只接受 0 至 {allowed} 的整数。",
    ),
    "count_negative": Text(
        en="The count is negative, before its start; whole numbers from 0 to {allowed} are taken. "
        "Give an earlier start.",
        zh="计数为负，早于起点；只接受 0 至 {allowed} 的整数。请给出更早的起点。",
    ),
    "count_not_whole": Text(
        en="The count has a fraction; whole numbers from 0 to {allowed} are taken. Write it in a "
        "smaller unit.",
        zh="计数带有小数；只接受 0 至 {allowed} 的整数。请改用更小的单位。",
    ),
    "count_past_2099": Text(
        en="Counted from its start the time lies past the year 2099; 0 to {allowed} are taken. Is "
        "the unit right?",
        zh="自起点计数，该时间晚于 2099 年；只接受 0 至 {allowed}。单位是否正确？",
    ),
    "count_ahead": Text(
        en="Counted from its start the time is still to come: it is later than {allowed}. Give an "
        "earlier start, or look at the unit.",
        zh="自起点计数，该时间尚未到来：晚于 {allowed}。请给出更早的起点，或检查单位。",
    ),
    "number_unreadable": Text(en="The value is no finite number.", zh="该值不是有限数。"),
    "label_unknown": Text(
        en="The label is none of the words for fraud and for honest: {allowed}.",
        zh="标签不属于欺诈或正常的任何一个词：{allowed}。",
    ),
    "label_before_transaction": Text(
        en="The label is older than its transaction.", zh="标签早于其交易。"
    ),
    "lookalike": Text(
        en="The identifier looks like {allowed} but is written with other characters; the two are "
        "kept apart.",
        zh="该标识符看起来像 {allowed}，但使用了其他字符；两者分开保存。",
    ),
}
WARNINGS = frozenset({"repeated_row", "lookalike"})


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong (or odd) with one row.

    Attributes:
        line: line of the file for text formats, else the row's number, both from 1.
        field: the column as the file names it; empty: the whole row.
        value: what stands there, shortened.
        allowed: what the reason's placeholder says.
    """

    line: int
    field: str
    value: str
    code: str
    allowed: str = ""

    @property
    def reason(self) -> Text:
        """Why, in both languages."""
        text = REASONS[self.code]
        return Text(
            en=text.en.format(allowed=self.allowed), zh=text.zh.format(allowed=self.allowed)
        )

    @property
    def where(self) -> str:
        """Line, field and value."""
        return f"line {self.line}" + (f", {self.field} = {self.value!r}" if self.field else "")

    def as_json(self) -> dict[str, JsonValue]:
        """Plain JSON, reason included."""
        return {
            "line": self.line,
            "field": self.field,
            "value": self.value,
            "code": self.code,
            "warning": self.code in WARNINGS,
            "en": self.reason.en,
            "zh": self.reason.zh,
        }


@dataclass
class Problems:
    """Collects problems of many rows: all are counted, the first `most` are listed."""

    most: int = 200
    listed: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, problem: Problem) -> None:
        """One problem."""
        self.counts[problem.code] += 1
        if len(self.listed) < self.most:
            self.listed.append(problem)

    def add_rows(
        self,
        code: str,
        mask: np.ndarray,
        lines: np.ndarray,
        column: str,
        values: Sequence[object] | np.ndarray,
        allowed: str | Mapping[int, str] = "",
    ) -> None:
        """The rows of a mask; `allowed` is one text, or one by row."""
        rows = np.flatnonzero(mask)
        self.counts[code] += len(rows)
        for row in rows[: max(0, self.most - len(self.listed))].tolist():
            told = allowed if isinstance(allowed, str) else allowed.get(row, "")
            value = shortened(values[row])
            self.listed.append(
                Problem(line=int(lines[row]), field=column, value=value, code=code, allowed=told)
            )
        if not len(rows):
            del self.counts[code]

    def merge(self, other: "Problems") -> None:
        """Those of another range."""
        self.counts.update(other.counts)
        self.listed.extend(other.listed[: max(0, self.most - len(self.listed))])

    @property
    def bad(self) -> int:
        """How many of them keep a row out; a row may have several."""
        return sum(count for code, count in self.counts.items() if code not in WARNINGS)

    def as_json(self) -> dict[str, JsonValue]:
        """Plain JSON: counts by code, and the listed ones by line."""
        listed = sorted(self.listed, key=lambda problem: problem.line)
        return {
            "counts": dict(sorted(self.counts.items())),
            "listed": [problem.as_json() for problem in listed],
        }


def shortened(value: object) -> str:
    """A value as it is listed: one short line without control characters."""
    text = str(value)[: 4 * SHOWN]
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
