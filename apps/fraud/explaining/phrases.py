"""Whole sentences for features whose name and number alone would read like a table: durations
instead of seconds, money with its thousands apart, who met whom instead of counts of ids.

Free of numerical libraries, as `words` is.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

from apps.fraud.features import spans
from apps.fraud.features.feature import Feature, lowered
from apps.fraud.money import shown
from apps.fraud.scheme import EntityType, Scheme
from loupe.contract.text import Text

_LIST_ZH: Final = {"watch": "观察", "allow": "放行", "block": "拦截", "snooze": "暂停"}


def plain(value: float) -> str:
    """Three significant digits, thousands apart; what is whole stays whole."""
    if not math.isfinite(value):
        return "?"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """A share as people read it: ``6.13 %``."""
    return f"{100 * share:.3g} %"


def money(minor: float, currency: str) -> str:
    """An amount with its thousands apart: ``1,234.56 EUR``."""
    number, _blank, code = shown(round(minor), currency).partition(" ")
    whole, point, rest = number.partition(".")
    return f"{int(whole):,}{point}{rest} {code}" if whole.lstrip("-").isdigit() else number


def duration(seconds: float) -> tuple[str, str]:
    """A time in the unit that suits it, in English and Chinese: ``11 days``, ``11 天``."""
    for size, en, zh in ((86_400, "days", "天"), (3_600, "hours", "小时"), (60, "minutes", "分钟")):
        if seconds >= 2 * size:
            count = seconds / size
            said = plain(round(count) if count >= 10 else round(count, 1))
            return f"{said} {en}", f"{said} {zh}"
    said = plain(round(seconds, 1))
    return f"{said} {'second' if said == '1' else 'seconds'}", f"{said} 秒"


def several(word: str, count: float) -> str:
    """An English noun in its number: ``device``, ``devices``, ``addresses``."""
    if count == 1:
        return word
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"


def this(zh: str) -> str:
    """A Chinese name behind 该, with a blank before letters: 该 IP 地址."""
    return f"该 {zh}" if zh[:1].isascii() else f"该{zh}"


def apart(zh: str) -> str:
    """The same behind any other character: 其他 IP 地址."""
    return f" {zh}" if zh[:1].isascii() else zh


def phrase(feature: Feature, value: float, scheme: Scheme) -> Text | None:
    """The sentence of one feature; None: it has none of its own."""
    teller = _TELLERS.get(feature.what)
    if teller is not None:
        return teller(feature, value, scheme)
    where, dot, figure = feature.what.partition(".")
    if dot:
        return _group(feature, where, figure, value, scheme)
    return None


def _entity(feature: Feature, scheme: Scheme) -> EntityType:
    return next(one for one in scheme.entities if one.key == feature.entity)


def _pair(feature: Feature, scheme: Scheme) -> tuple[str, str, str, str]:
    """The payer and the entity, in English and Chinese each."""
    entity = _entity(feature, scheme)
    payer = scheme.payer
    return lowered(payer.en), this(payer.zh), lowered(entity.en), this(entity.zh)


def _hour(_feature: Feature, value: float, _scheme: Scheme) -> Text:
    hour = int(value)
    return Text(
        en=f"It happened between {hour}:00 and {hour}:59 local time.",
        zh=f"发生在当地时间 {hour}:00 至 {hour}:59。",
    )


def _flagged(yes: Text, no: Text) -> Callable[[Feature, float, Scheme], Text]:
    return lambda _feature, value, _scheme: yes if value > 0 else no


def _new(feature: Feature, value: float, scheme: Scheme) -> Text:
    payer, payer_zh, en, zh = _pair(feature, scheme)
    if value > 0:
        return Text(
            en=f"This {payer} has not met this {en} lately.", zh=f"{payer_zh}近期未接触过{zh}。"
        )
    return Text(en=f"This {payer} has met this {en} lately.", zh=f"{payer_zh}近期接触过{zh}。")


def _new_value(feature: Feature, value: float, scheme: Scheme) -> Text | None:
    found = next((one for one in scheme.attributes if one.key == feature.entity), None)
    if found is None:
        return None
    payer, zh = lowered(scheme.payer.en), this(scheme.payer.zh)
    has, used = ("has not", "未使用过") if value > 0 else ("has", "使用过")
    return Text(
        en=f"This {payer} {has} used this {lowered(found.en)} lately.",
        zh=f"{zh}近期{used}{this(found.zh)}。",
    )


def _met(feature: Feature, value: float, scheme: Scheme) -> Text:
    payer, payer_zh, en, zh = _pair(feature, scheme)
    if not value:
        return Text(
            en=f"This {payer} had no earlier transaction with this {en}.",
            zh=f"{payer_zh}此前与{zh}没有交易。",
        )
    return Text(
        en=f"This {payer} had {plain(value)} earlier {several('transaction', value)} with this "
        f"{en}.",
        zh=f"{payer_zh}此前与{zh}有 {plain(value)} 笔交易。",
    )


def _met_since(feature: Feature, value: float, scheme: Scheme) -> Text:
    payer, payer_zh, en, zh = _pair(feature, scheme)
    ago, ago_zh = duration(value)
    return Text(
        en=f"This {payer} last met this {en} {ago} before.",
        zh=f"{payer_zh}上次接触{zh}是在 {ago_zh}前。",
    )


def _received(_feature: Feature, value: float, scheme: Scheme) -> Text:
    ago, ago_zh = duration(value)
    payer = scheme.payer
    return Text(
        en=f"This {lowered(payer.en)} was last paid {ago} before.",
        zh=f"{this(payer.zh)}上次收款是在 {ago_zh}前。",
    )


def _returned(_feature: Feature, value: float, scheme: Scheme) -> Text:
    ago, ago_zh = duration(value)
    payer, payee = scheme.payer, next(iter(scheme.of_role("payee")))
    return Text(
        en=f"This {lowered(payee.en)} last paid this {lowered(payer.en)} {ago} before.",
        zh=f"{this(payee.zh)}上次向{this(payer.zh)}付款是在 {ago_zh}前。",
    )


def _cycles(_feature: Feature, value: float, scheme: Scheme) -> Text:
    payer = scheme.payer
    ways = "way leads" if value == 1 else "ways lead"
    return Text(
        en=f"{plain(value)} {ways} the money back to this {lowered(payer.en)} over one more party.",
        zh=f"资金经另一方回流至{this(payer.zh)}的路径有 {plain(value)} 条。",
    )


def _fan_in(feature: Feature, value: float, scheme: Scheme) -> Text:
    payer, _zh, en, zh = _pair(feature, scheme)
    return Text(
        en=f"This {en} has met {plain(value)} new {several(payer, value)} so far.",
        zh=f"{zh}至今遇到 {plain(value)} 个新{scheme.payer.zh}。",
    )


def _burst(feature: Feature, value: float, scheme: Scheme) -> Text:
    _payer, _zh, en, zh = _pair(feature, scheme)
    short, long = spans.worded(scheme.windows[0]), spans.worded(scheme.windows[-1])
    return Text(
        en=f"{percent(value)} of those that this {en} met within {long[0]} came within {short[0]}.",
        zh=f"{zh} {long[1]}内接触的各方中有 {percent(value)} 出现在最近 {short[1]}内。",
    )


def _seen(feature: Feature, value: float, scheme: Scheme) -> Text:
    _payer, _zh, en, zh = _pair(feature, scheme)
    span, span_zh = spans.worded(feature.window)
    ended, ended_zh = "", ""
    if scheme.label_delay:
        delay, delay_zh = spans.worded(scheme.label_delay)
        ended, ended_zh = f" that ended {delay} ago", f"（截至 {delay_zh}前）"
    return Text(
        en=f"This {en} had {plain(value)} {several('transaction', value)} in the {span}{ended}.",
        zh=f"{zh}在 {span_zh}内{ended_zh}有 {plain(value)} 笔交易。",
    )


def _distinct(feature: Feature, value: float, scheme: Scheme) -> Text | None:
    """What a payer had to do with; of others `words` tells who shares them."""
    entity = _entity(feature, scheme)
    payees = list(scheme.of_role("payee"))
    if entity.role != "payer" or not payees:
        return None
    span, span_zh = spans.worded(feature.window)
    other = payees[0]
    different = "" if value == 1 else "different "
    return Text(
        en=f"This {lowered(entity.en)} paid at {plain(value)} {different}"
        f"{several(lowered(other.en), value)} within {span}.",
        zh=f"{this(entity.zh)}在 {span_zh}内与 {plain(value)} 个不同{other.zh}有交易。",
    )


def _listed(feature: Feature, value: float, _scheme: Scheme) -> Text | None:
    if feature.entity not in _LIST_ZH:
        return None
    who, has = ("Someone or something", "有") if value > 0 else ("Nobody and nothing", "没有")
    return Text(
        en=f"{who} of it is on the {feature.entity} list.",
        zh=f"其中{has}标识符在{_LIST_ZH[feature.entity]}名单上。",
    )


def _spent(en: str, zh: str) -> Callable[[Feature, float, Scheme], Text]:
    def told(feature: Feature, value: float, scheme: Scheme) -> Text:
        entity = _entity(feature, scheme)
        span, span_zh = spans.worded(feature.window)
        said = money(value, scheme.currency)
        return Text(
            en=en.format(who=f"this {lowered(entity.en)}", span=span, said=said),
            zh=zh.format(who=this(entity.zh), span=span_zh, said=said),
        )

    return told


def _expected(en: str, zh: str) -> Callable[[Feature, float, Scheme], Text]:
    """Of whose transactions a share is expected to be fraud."""

    def told(feature: Feature, value: float, scheme: Scheme) -> Text:
        named: Mapping[str, EntityType] = {one.key: one for one in scheme.entities}
        entity = named.get(feature.entity)
        value_of = next((one for one in scheme.attributes if one.key == feature.entity), None)
        other = entity or value_of or scheme.payer
        names = {
            "it": lowered(other.en),
            "payers": several(lowered(scheme.payer.en), 2),
            "payer": lowered(scheme.payer.en),
        }
        zh_names = {"it": this(other.zh), "payers": scheme.payer.zh, "payer": this(scheme.payer.zh)}
        return Text(
            en=f"Of {en.format(**names)} {percent(value)} are expected to be fraud.",
            zh=f"{zh.format(**zh_names)}中预计有 {percent(value)} 为欺诈。",
        )

    return told


def _mixed(_feature: Feature, value: float, scheme: Scheme) -> Text:
    payer = scheme.payer
    return Text(
        en=f"By its own history and that of its like, {percent(value)} of the transactions of this "
        f"{lowered(payer.en)} are expected to be fraud.",
        zh=f"综合自身历史与相似者，{this(payer.zh)}的交易中预计有 {percent(value)} 为欺诈。",
    )


def _group(feature: Feature, where: str, figure: str, value: float, scheme: Scheme) -> Text | None:
    """Neighbours: who else is there, what became of them."""
    payer, payer_zh, en, zh = _pair(feature, scheme)
    who, who_zh = {
        "around": (f"other {several(payer, 2)} at this {en}", f"{zh}的其他{scheme.payer.zh}"),
        "own": (
            f"other {several(en, 2)} of this {payer}",
            f"{payer_zh}的其他{apart(_entity(feature, scheme).zh)}",
        ),
        "kin": (
            f"{several(payer, 2)} at other {several(en, 2)} of this {payer}",
            f"使用{payer_zh}其他{apart(_entity(feature, scheme).zh)}的{scheme.payer.zh}",
        ),
    }[where]
    if figure == "count":
        number = plain(value)
        return {
            "around": Text(
                en=f"{number} other {several(payer, value)} used this {en} lately.",
                zh=f"近期有 {number} 个其他{scheme.payer.zh}使用{zh}。",
            ),
            "own": Text(
                en=f"This {payer} used {number} other {several(en, value)} lately.",
                zh=f"{payer_zh}近期使用了 {number} 个其他{apart(_entity(feature, scheme).zh)}。",
            ),
            "kin": Text(
                en=f"{number} {several(payer, value)} used other {several(en, 2)} of this {payer} "
                "lately.",
                zh=f"近期有 {number} 个{apart(who_zh)}。",
            ),
        }[where]
    if figure == "risk":
        return Text(
            en=f"About {percent(value)} of the transactions of {who} are known frauds.",
            zh=f"{who_zh}的交易中约 {percent(value)} 为已确认欺诈。",
        )
    if figure == "top_risk":
        return Text(
            en=f"Of the {who}, the worst has about {percent(value)} known frauds.",
            zh=f"{who_zh}中，最高者约有 {percent(value)} 的交易为已确认欺诈。",
        )
    if figure == "amount":
        said = money(value, scheme.currency)
        return Text(en=f"The mean amount of {who} is {said}.", zh=f"{who_zh}的平均金额为 {said}。")
    if figure == "degree":
        return Text(
            en=f"On average {who} have met {plain(value)} others.",
            zh=f"{who_zh}平均与 {plain(value)} 方有过往来。",
        )
    return None


_TELLERS: Final[Mapping[str, Callable[[Feature, float, Scheme], Text | None]]] = {
    "hour": _hour,
    "night": _flagged(
        Text(en="It happened at night (from 0:00 to 6:59).", zh="发生在夜间（0:00 至 6:59）。"),
        Text(en="It happened by day (from 7:00 to 23:59).", zh="发生在日间（7:00 至 23:59）。"),
    ),
    "weekend": _flagged(
        Text(en="It happened on a weekend.", zh="发生在周末。"),
        Text(en="It happened on a weekday.", zh="发生在工作日。"),
    ),
    "new": _new,
    "new_value": _new_value,
    "met": _met,
    "met_since": _met_since,
    "received": _received,
    "returned": _returned,
    "cycles": _cycles,
    "fan_in": _fan_in,
    "burst": _burst,
    "seen": _seen,
    "distinct": _distinct,
    "listed": _listed,
    "sum": _spent(
        "The amounts of {who} within {span} come to {said}.", "{who} {span}内的总金额为 {said}。"
    ),
    "mean": _spent(
        "The mean amount of {who} within {span} is {said}.", "{who} {span}内的平均金额为 {said}。"
    ),
    "max": _spent(
        "The largest amount of {who} within {span} is {said}.",
        "{who} {span}内的最大金额为 {said}。",
    ),
    "std": _spent(
        "The amounts of {who} within {span} spread by {said} (standard deviation).",
        "{who} {span}内金额的标准差为 {said}。",
    ),
    "prior_all": _expected("all transactions", "全部交易"),
    "prior_value": _expected("transactions with this {it}", "{it}的交易"),
    "prior_segment": _expected("transactions in this segment", "该细分群体的交易"),
    "prior_behaviour": _expected(
        "transactions of such amounts at such hours", "此类金额与时段的交易"
    ),
    "prior_entity": _expected("the transactions of this {it}", "{it}的交易"),
    "prior_alike": _expected(
        "the transactions of {payers} who behave alike", "行为相似的{payers}的交易"
    ),
    "prior_neighbours": _expected(
        "the transactions of {payers} who share something with this one",
        "与其共享标识的{payers}的交易",
    ),
    "prior_mixed": _mixed,
}
"""By the formula of a feature."""
