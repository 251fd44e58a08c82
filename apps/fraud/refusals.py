"""Why one transaction of a batch is refused while the others go on: code and words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.text import Text

LONGEST: Final = 256
"""Characters of an identifier."""

WORDS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "id_missing": Text(
            en="has no id; send the sender's id, which is unique in the project",
            zh="没有编号；请发送在项目中唯一的发送方编号",
        ),
        "text_too_long": Text(
            en=f"has an identifier of more than {LONGEST} characters; send less",
            zh=f"有超过 {LONGEST} 个字符的标识符；请缩短",
        ),
        "amount_range": Text(
            en="has an amount below 0 or above 2^40 − 1 minor units; send the true amount",
            zh="金额小于 0 或大于 2^40 − 1 最小货币单位；请发送真实金额",
        ),
        "time_range": Text(
            en="claims a time before 1970, after 2100 or later than it arrived; check the clock",
            zh="时间早于 1970 年、晚于 2100 年或晚于到达时间；请检查时钟",
        ),
        "not_finite": Text(
            en="has a number that is infinite; send a finite one or none",
            zh="有无穷大的数；请发送有限的数或不发送",
        ),
        "duplicate_id": Text(
            en="came before with another body; send a new transaction under an id of its own",
            zh="曾以不同内容出现；请为新交易使用新的编号",
        ),
    }
)


def alone(columns: Columns) -> None:
    """Refuse one call whose only transaction was refused among those of others; see
    `loupe.contract.extras.SyncMode.together`.

    Raises:
        InputRefused: there is one row, and it was not taken.
    """
    codes = columns["refused"].tolist()
    if len(codes) == 1 and codes[0]:
        raise refusal(str(columns["id"][0]), codes[0])


def refusal(name: str, code: str) -> InputRefused:
    """Why one transaction is refused."""
    return InputRefused(f"The transaction {name[:80]!r} {WORDS[code].en}.", code=code)
