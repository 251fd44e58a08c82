"""Reasons of bad rows where they are counted: without what differs from row to row."""

from apps.fraud.tables.problems import REASONS
from loupe.contract.text import Text

_OF_MANY = {
    "bad_encoding": Text(
        en="The line is not written in the file's encoding.", zh="该行不是以文件的编码书写的。"
    ),
    "bad_json": Text(en="The line is no JSON object.", zh="该行不是 JSON 对象。"),
    "duplicate_id": Text(
        en="Another row has the same identifier and says something else.",
        zh="另一行使用同一标识符但内容不同。",
    ),
    "repeated_row": Text(
        en="The row says the same as an earlier one; it counts once.",
        zh="该行与前面的一行相同；只计一次。",
    ),
    "too_long": Text(en="The value is too long.", zh="该值过长。"),
    "amount_not_a_number": Text(
        en="The amount is no number as the mapping writes them.",
        zh="金额不是映射所规定的数字。",
    ),
    "amount_too_large": Text(
        en="The amount is larger than what is taken.", zh="金额大于允许的上限。"
    ),
    "rate_missing": Text(
        en="The project has no rate of the currency at that time.",
        zh="项目没有该货币在该时间的汇率。",
    ),
    "time_unreadable": Text(
        en="The time is not written as the mapping says, or does not exist.",
        zh="时间不符合映射所规定的写法，或不存在。",
    ),
    "time_out_of_span": Text(en="The time is outside of what is taken.", zh="时间超出允许范围。"),
    "count_unreadable": Text(
        en="The value is no count from the start.", zh="该值不是自起点起的计数。"
    ),
    "count_negative": Text(
        en="The count is negative, before its start.", zh="计数为负，早于起点。"
    ),
    "count_not_whole": Text(en="The count has a fraction.", zh="计数带有小数。"),
    "count_past_2099": Text(
        en="Counted from its start the time lies past the year 2099.",
        zh="自起点计数，该时间晚于 2099 年。",
    ),
    "count_ahead": Text(
        en="Counted from its start the time is still to come.", zh="自起点计数，该时间尚未到来。"
    ),
    "label_unknown": Text(
        en="The label is none of the words for fraud and for honest.",
        zh="标签不属于欺诈或正常的任何一个词。",
    ),
    "lookalike": Text(
        en="The identifier looks like another but is written with other characters; the two are "
        "kept apart.",
        zh="该标识符看起来像另一个，但使用了其他字符；两者分开保存。",
    ),
}


def reason_of_many(code: str) -> Text:
    """Why rows of a code were kept out, in both languages.

    Raises:
        KeyError: there is no such code.
    """
    return _OF_MANY.get(code, REASONS[code])
