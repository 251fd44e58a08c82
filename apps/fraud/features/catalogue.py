"""Which features a scheme has: name, group, unit, and what each says in English and Chinese.

Free of numerical libraries, so that pages can name features too. The order is stable: it follows
the scheme's declarations. A feature is never NaN; ``NOTHING`` stands where there is nothing to tell
from (no earlier event, no one to compare with), and every figure that can be told is above it.
"""

from collections.abc import Collection, Iterator
from typing import Final

from apps.fraud.features import spans
from apps.fraud.features.feature import NOTHING, Feature, Unit, lowered
from apps.fraud.features.network_catalogue import beyond
from apps.fraud.scheme import DAY, Attribute, EntityType, Scheme
from loupe.contract.runtime.errors import InputRefused

__all__ = ["FLAT", "GRAPH", "GROUPS", "HANDBOOK", "LISTS", "NOTHING", "Feature", "catalogue"]

LISTS: Final = ("watch", "allow", "block", "snooze")
"""The lists that an identifier can be on."""

GROUPS: Final = (
    "amount", "calendar", "attributes", "velocity", "spending", "sharing", "risk", "novelty",
    "priors", "graph", "motifs", "lists",
)  # fmt: skip
FLAT: Final = GROUPS[:8]
"""What can be told of a transaction's own entities, one by one."""
GRAPH: Final = GROUPS[:11]
"""That, and what their neighbours tell; lists are people's decisions and no model learns them."""
HANDBOOK: Final = "handbook"
"""Chooses the features of the Fraud Detection Handbook's baseline (chapter 3.4)."""


def catalogue(scheme: Scheme, groups: Collection[str] | None = None) -> tuple[Feature, ...]:
    """The features of a scheme, all or those of some groups, in their order.

    Args:
        scheme: of the project.
        groups: of `GROUPS`, or `HANDBOOK`; None for all.

    Raises:
        InputRefused: there is no such group.
    """
    wanted = set(GROUPS if groups is None else groups)
    if unknown := sorted(wanted - {*GROUPS, HANDBOOK}):
        raise InputRefused(
            f"There is no group of features {unknown[0]!r}; give some of "
            f"{', '.join((*GROUPS, HANDBOOK))}.",
            code="unknown_feature_group",
        )
    features = tuple(_all(scheme))
    names = [feature.name for feature in features]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputRefused(
            f"The scheme's keys make two features {twice[0]!r}; choose another key.",
            code="feature_twice",
        )
    return tuple(
        feature
        for feature in features
        if feature.group in wanted or (feature.handbook and HANDBOOK in wanted)
    )


def risk_windows(scheme: Scheme) -> tuple[int, ...]:
    """The windows, in seconds, over which known frauds are counted: of a day and more, or all."""
    return tuple(window for window in scheme.windows if window >= DAY) or scheme.windows


def counterpart(scheme: Scheme, entity: EntityType) -> EntityType:
    """Whose distinct ids are counted for an entity: payers; of the payer, whom it pays."""
    if entity.role != "payer":
        return scheme.payer
    others = sorted(
        (one for one in scheme.entities if one.role != "payer"),
        key=lambda one: ("payee", "instrument", "trait").index(one.role),
    )
    return others[0]


def _all(scheme: Scheme) -> Iterator[Feature]:
    yield from _moment()
    for attribute in scheme.attributes:
        if attribute.kind == "number":
            yield from _number(attribute)
    for entity in scheme.entities:
        yield from _velocity(scheme, entity)
    for entity in scheme.of_role("payer", "payee", "instrument"):
        yield from _spending(scheme, entity)
    for entity in scheme.entities:
        yield from _sharing(scheme, entity)
    for entity in scheme.entities:
        if entity.risk:
            yield from _risk(scheme, entity)
    yield from beyond(scheme)
    yield from _lists()


def _moment() -> Iterator[Feature]:
    yield Feature(
        name="amount", group="amount", unit="minor", what="amount", handbook=True,
        en="the amount", zh="交易金额",
    )  # fmt: skip
    yield Feature(
        name="hour", group="calendar", unit="hour", what="hour",
        en="the local hour of the day", zh="当地时间的小时",
    )  # fmt: skip
    yield Feature(
        name="night", group="calendar", unit="flag", what="night", handbook=True,
        en="it happened at night (from 0:00 to 6:59)", zh="发生在夜间（0:00 至 6:59）",
    )  # fmt: skip
    yield Feature(
        name="weekend", group="calendar", unit="flag", what="weekend", handbook=True,
        en="it happened on a weekend", zh="发生在周末",
    )  # fmt: skip


def _number(attribute: Attribute) -> Iterator[Feature]:
    key, en, zh = attribute.key, attribute.en, attribute.zh
    yield Feature(
        name=f"{key}_value", group="attributes", unit="value", what="value", entity=key,
        en=en, zh=zh,
    )  # fmt: skip
    yield Feature(
        name=f"{key}_missing", group="attributes", unit="flag", what="missing", entity=key,
        en=f"{en} is missing", zh=f"缺少{zh}",
    )  # fmt: skip


def _velocity(scheme: Scheme, entity: EntityType) -> Iterator[Feature]:
    key, en, zh = entity.key, lowered(entity.en), entity.zh
    yield Feature(
        name=f"{key}_since", group="velocity", unit="seconds", what="since", entity=key,
        en=f"seconds since the last transaction of this {en}", zh=f"距该{zh}上一笔交易的秒数",
    )  # fmt: skip
    for window in scheme.windows:
        span, (in_en, in_zh) = spans.short(window), spans.worded(window)
        yield Feature(
            name=f"{key}_count_{span}", group="velocity", unit="count", what="count",
            entity=key, window=window, handbook=entity.role == "payer" and window >= DAY,
            en=f"transactions of this {en} within {in_en}", zh=f"该{zh} {in_zh}内的交易笔数",
        )  # fmt: skip


_SPENDING: Final[dict[str, tuple[str, ...]]] = {
    "payer": ("sum", "mean", "max", "std", "ratio"),
    "payee": ("mean", "ratio"),
    "instrument": ("sum",),
}
_SPENDING_WORDS: Final[dict[str, tuple[Unit, str, str]]] = {
    "sum": ("minor", "total amount of this {en} within {span}", "该{zh} {span}内的总金额"),
    "mean": ("minor", "mean amount of this {en} within {span}", "该{zh} {span}内的平均金额"),
    "max": ("minor", "largest amount of this {en} within {span}", "该{zh} {span}内的最大金额"),
    "std": (
        "minor",
        "standard deviation of the amounts of this {en} within {span}",
        "该{zh} {span}内金额的标准差",
    ),
    "ratio": (
        "ratio",
        "the amount over the mean of earlier ones of this {en} within {span}",
        "金额与该{zh} {span}内此前平均金额之比",
    ),
}


def _spending(scheme: Scheme, entity: EntityType) -> Iterator[Feature]:
    for window in scheme.windows:
        in_en, in_zh = spans.worded(window)
        for what in _SPENDING[entity.role]:
            unit, en, zh = _SPENDING_WORDS[what]
            yield Feature(
                name=f"{entity.key}_{what}_{spans.short(window)}", group="spending", unit=unit,
                what=what, entity=entity.key, window=window,
                handbook=entity.role == "payer" and what == "mean" and window >= DAY,
                en=en.format(en=lowered(entity.en), span=in_en),
                zh=zh.format(zh=entity.zh, span=in_zh),
            )  # fmt: skip


def _sharing(scheme: Scheme, entity: EntityType) -> Iterator[Feature]:
    other = counterpart(scheme, entity)
    for window in scheme.windows:
        in_en, in_zh = spans.worded(window)
        yield Feature(
            name=f"{entity.key}_distinct_{spans.short(window)}", group="sharing", unit="count",
            what="distinct", entity=entity.key, window=window,
            en=f"different {lowered(other.en)} ids with this {lowered(entity.en)} within {in_en}",
            zh=f"{in_zh}内与该{entity.zh}有关的不同{other.zh}数",
        )  # fmt: skip


def _risk(scheme: Scheme, entity: EntityType) -> Iterator[Feature]:
    en, zh = lowered(entity.en), entity.zh
    delay_en, delay_zh = spans.worded(scheme.label_delay) if scheme.label_delay else ("", "")
    before_en = f" that ended {delay_en} ago" if delay_en else ""
    before_zh = f"（截至 {delay_zh}前）" if delay_zh else ""
    for window in risk_windows(scheme):
        span, (in_en, in_zh) = spans.short(window), spans.worded(window)
        yield Feature(
            name=f"{entity.key}_seen_{span}", group="risk", unit="count", what="seen",
            entity=entity.key, window=window, handbook=entity.role == "payee",
            en=f"transactions of this {en} in the {in_en}{before_en}",
            zh=f"该{zh}在 {in_zh}内{before_zh}的交易笔数",
        )  # fmt: skip
        yield Feature(
            name=f"{entity.key}_risk_{span}", group="risk", unit="share", what="risk",
            entity=entity.key, window=window, handbook=entity.role == "payee",
            en=f"share of known frauds of this {en} in the {in_en}{before_en}",
            zh=f"该{zh}在 {in_zh}内{before_zh}已确认欺诈的占比",
        )  # fmt: skip


def _lists() -> Iterator[Feature]:
    words = {
        "watch": ("watch", "观察"),
        "allow": ("allow", "放行"),
        "block": ("block", "拦截"),
        "snooze": ("snooze", "暂停"),
    }
    for name in LISTS:
        en, zh = words[name]
        yield Feature(
            name=f"listed_{name}", group="lists", unit="flag", what="listed", entity=name,
            en=f"someone or something of it is on the {en} list",
            zh=f"其中有标识符在{zh}名单上",
        )  # fmt: skip
