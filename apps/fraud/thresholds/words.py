"""What became of a fit, in sentences for the page."""

from apps.fraud.rules.outcomes import OUTCOME_WORDS
from apps.fraud.thresholds.asked import BudgetFound, QueueFound
from loupe.contract.text import Text

SPREAD_TOLD = 2.0
"""Days that vary more than this times what chance does are told."""


def percent(share: float | None) -> str:
    """As a percentage with the digits that a small rate needs."""
    if share is None:
        return "–"
    return f"{100 * share:.4f}".rstrip("0").rstrip(".") + " %"


def of_budget(found: BudgetFound, confidence: float) -> list[Text]:
    """Whether a budget holds, what was measured, and what is missing."""
    told, share = OUTCOME_WORDS[found.budget.outcome], found.certified_on
    limit, sure = percent(found.budget.at_most), percent(confidence)
    said = [
        Text(
            en=f"At most {limit} of legitimate payments {told.en}: "
            + (f"holds with {sure} confidence." if found.holds else "not certified."),
            zh=f"正常交易中{told.zh}的比例不超过 {limit}："
            + (f"以 {sure} 的置信度成立。" if found.holds else "尚未得到认证。"),
        ),
        Text(
            en=f"Measured on later rows: {share.hits:,} of {share.rows:,}, {percent(share.value)} "
            f"({percent(share.low)} to {percent(share.high)}).",
            zh=f"在较晚的数据上测得：{share.rows:,} 笔中 {share.hits:,} 笔，"
            f"{percent(share.value)}（{percent(share.low)} 至 {percent(share.high)}）。",
        ),
    ]
    if not found.holds:
        said.append(_missing(found, limit))
    if found.missing_to_measure:
        said.append(
            Text(
                en=f"To measure the rate as finely as was asked, {found.missing_to_measure:,} more "
                "legitimate rows are needed.",
                zh=f"要达到所要求的测量精度，还需要 {found.missing_to_measure:,} 笔正常交易。",
            )
        )
    if found.spread > SPREAD_TOLD:
        said.append(
            Text(
                en=f"Days differ {found.spread:.1f} times as much as by chance: the interval, "
                "which takes rows for independent, is too narrow.",
                zh=f"各日差异是随机情况的 {found.spread:.1f} 倍：区间假设各笔独立，因此偏窄。",
            )
        )
    return said


def of_queue(found: QueueFound) -> Text:
    """How full the queue would have been."""
    caught = percent(found.recall)
    return Text(
        en=f"The queue would have got {found.a_day:.1f} payments a day ({found.asked:,} asked "
        f"for), at most {found.busiest:,}; more than asked for on {found.days_over} of "
        f"{found.days} days. It holds {caught} of the frauds that are not blocked.",
        zh=f"队列平均每天 {found.a_day:.1f} 笔（要求 {found.asked:,} 笔），最多 {found.busiest:,} "
        f"笔；{found.days} 天中有 {found.days_over} 天超出。未被拦截的欺诈中 {caught} 在队列中。",
    )


def _missing(found: BudgetFound, limit: str) -> Text:
    if found.missing is None:
        return Text(
            en=f"Even the strictest cut-off stops more than {limit} of legitimate payments: no "
            "number of rows would do. Ask for a larger budget, or train a better model.",
            zh=f"即使最严格的阈值也会影响超过 {limit} 的正常交易：增加数据也无法认证。"
            "请放宽预算，或训练更好的模型。",
        )
    return Text(
        en=f"At least {found.missing:,} more legitimate rows are needed to certify {limit}.",
        zh=f"要认证 {limit}，至少还需要 {found.missing:,} 笔正常交易。",
    )
