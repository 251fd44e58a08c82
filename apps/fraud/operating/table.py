"""The tables of a backtest as a page shows them: headings and cells, in English and Chinese."""

from pydantic import BaseModel, ConfigDict

from apps.fraud.money import shown
from apps.fraud.operating.backtest import Backtest, Line
from apps.fraud.operating.compare import Comparison, Difference
from apps.fraud.rules.outcomes import OUTCOME_WORDS
from apps.fraud.thresholds.words import percent
from loupe.contract.text import Text


class Words(BaseModel):
    """The same words in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str
    zh: str


class Table(BaseModel):
    """A table; every row has a heading and as many cells as there are columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Words
    columns: tuple[Words, ...]
    rows: tuple[tuple[Words, tuple[str, ...]], ...]


_HEADINGS = (
    ("Payments", "交易"),
    ("Frauds", "欺诈"),
    ("Money stopped", "止损金额"),
    ("Money saved", "净节省"),
    ("Honest payments stopped", "误拦交易"),
    ("Customers stopped in error", "误拦客户"),
    ("Reviews", "复核"),
    ("Analyst hours", "分析工时"),
)
_DIFFERENCES = {
    "stopped": Text(en="Money stopped", zh="止损金额"),
    "saved": Text(en="Money saved", zh="净节省"),
    "honest_stopped": Text(en="Honest payments stopped", zh="误拦交易"),
    "hours": Text(en="Analyst hours", zh="分析工时"),
    "frauds_missed": Text(en="Frauds approved", zh="放行的欺诈"),
}


def tables(found: Backtest, currency: str) -> tuple[Table, ...]:
    """In all, by outcome and by day."""
    headings = tuple(_words(*one) for one in _HEADINGS)
    outcomes = [
        (_capital(OUTCOME_WORDS[line.key]), _cells(line, currency)) for line in found.by_outcome
    ]
    return (
        Table(
            title=_words("By outcome", "按结果"),
            columns=headings,
            rows=(*outcomes, (_words("In all", "合计"), _cells(found.total, currency))),
        ),
        Table(
            title=_words("By day", "按日"),
            columns=headings,
            rows=tuple(
                (_words(line.key, line.key), _cells(line, currency)) for line in found.by_day
            ),
        ),
    )


def rates(found: Backtest) -> Table:
    """The rates: those that a model is compared by."""
    return Table(
        title=_words("Rates", "比率"),
        columns=(_words("Share", "比例"),),
        rows=(
            (
                _words("Frauds among labelled", "已标注中的欺诈"),
                (percent(found.fraud_rate),),
            ),
            (
                _words("Honest payments blocked", "被拦截的正常交易"),
                (percent(found.false_positive_rate),),
            ),
            (_words("Frauds not approved", "未放行的欺诈"), (percent(found.recall),)),
        ),
    )


def compared(found: Comparison, currency: str) -> Table:
    """Champion beside challenger."""
    return Table(
        title=_words("Champion and challenger", "现行与候选"),
        columns=tuple(
            _words(*one)
            for one in (
                ("Champion", "现行"),
                ("Challenger", "候选"),
                ("Difference", "差异"),
                ("95 % interval", "95% 区间"),
            )
        ),
        rows=tuple(
            (_capital(_DIFFERENCES[one.key]), _difference(one, currency))
            for one in found.differences
        ),
    )


def difference_told(one: Difference, currency: str) -> tuple[Words, str]:
    """One difference: what it is about, and the difference with its interval in brackets."""
    *_sides, difference, between = _difference(one, currency)
    return _capital(_DIFFERENCES[one.key]), f"{difference} ({between})"


def _difference(one: Difference, currency: str) -> tuple[str, ...]:
    def told(value: float | None) -> str:
        if value is None:
            return "–"
        if one.key in ("stopped", "saved"):
            return shown(round(value), currency)
        return f"{value:,.1f}"

    between = "–" if one.low is None else f"{told(one.low)} … {told(one.high)}"
    return told(one.champion), told(one.challenger), told(one.difference), between


def _cells(line: Line, currency: str) -> tuple[str, ...]:
    return (
        f"{line.transactions:,}",
        f"{line.fraud:,}",
        shown(line.stopped, currency),
        shown(line.saved, currency),
        f"{line.honest_stopped:,.1f}",
        f"{line.customers:,}",
        f"{line.reviews:,}",
        f"{line.hours:,.1f}",
    )


def _words(en: str, zh: str) -> Words:
    return Words(en=en, zh=zh)


def _capital(text: Text) -> Words:
    return Words(en=text.en[:1].upper() + text.en[1:], zh=text.zh)
