"""Sentences about features, with the values that they had: “7 transactions …, usually 0.3”.

Free of numerical libraries: `decide` renders them, and so do pages.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from apps.fraud.explaining.phrases import (
    apart,
    duration,
    money,
    percent,
    phrase,
    plain,
    several,
    this,
)
from apps.fraud.features import spans
from apps.fraud.features.catalogue import NOTHING, Feature, catalogue
from apps.fraud.features.feature import lowered
from apps.fraud.scheme import Scheme
from loupe.contract.text import Text

GROUP_WORDS: dict[str, Text] = {
    "amount": Text(en="Amount", zh="金额"),
    "calendar": Text(en="Time", zh="时间"),
    "velocity": Text(en="Frequency", zh="频率"),
    "spending": Text(en="Spending", zh="消费"),
    "sharing": Text(en="Sharing", zh="共用"),
    "risk": Text(en="Known frauds", zh="已知欺诈"),
    "novelty": Text(en="First meetings", zh="首次接触"),
    "priors": Text(en="Expected risk", zh="预期风险"),
    "motifs": Text(en="Patterns of payments", zh="交易模式"),
    "attributes": Text(en="Attributes", zh="属性"),
    "lists": Text(en="Lists", zh="名单"),
    "graph": Text(en="Neighbours", zh="关联方"),
    "other": Text(en="Other", zh="其他"),
}


@lru_cache(maxsize=16)
def by_name(scheme: Scheme) -> Mapping[str, Feature]:
    """The features of a scheme by name."""
    return {feature.name: feature for feature in catalogue(scheme)}


_SPAN = r"_\d+[smhd]$"
_GROUPS = tuple(
    (re.compile(pattern), group)
    for pattern, group in (
        (r"^amount$", "amount"),
        (r"^(hour|night|weekend)$", "calendar"),
        (r"^listed_", "lists"),
        (r"^(around|own|kin|graph|gnn|embedding)_", "graph"),
        (r"^prior_|_prior$", "priors"),
        (r"_(fan_in|burst)$|^(returned|received)_since$|^cycles_", "motifs"),
        (r"_(new|met|met_since)$", "novelty"),
        (r"_(value|missing)$", "attributes"),
        (rf"_since$|_count{_SPAN}", "velocity"),
        (rf"_(sum|mean|max|std|ratio){_SPAN}", "spending"),
        (rf"_distinct{_SPAN}", "sharing"),
        (rf"_(seen|risk){_SPAN}", "risk"),
    )
)
"""By the first pattern that a name has in it."""


@lru_cache(maxsize=20_000)
def group_of(name: str) -> str:
    """The group that a feature's contribution is counted to, by its name alone: a model knows no
    scheme. Of features that are not in the catalogue it is ``other``, or ``graph``."""
    return next((group for pattern, group in _GROUPS if pattern.search(name)), "other")


def sentence(name: str, features: Mapping[str, float], scheme: Scheme) -> Text:
    """What one feature says, with its value.

    Args:
        features: of the transaction; values that put the one in proportion are taken from them.
    """
    value = features.get(name, math.nan)
    feature = by_name(scheme).get(name)
    if feature is None:
        return Text(en=f"{name} is {plain(value)}.", zh=f"{name} 为 {plain(value)}。")
    if not math.isfinite(value) or value == NOTHING:
        return Text(en=f"Nothing is known yet: {feature.en}.", zh=f"尚无可比信息：{feature.zh}。")
    entity = next((one for one in scheme.entities if one.key == feature.entity), None)
    en_name, zh_name = (lowered(entity.en), this(entity.zh)) if entity else ("", "")
    span_en, span_zh = spans.worded(feature.window) if feature.window else ("", "")
    match feature.what:
        case "count":
            return _count(feature, value, features, scheme, (en_name, zh_name))
        case "since":
            return Text(
                en=f"{duration(value)[0]} since the last transaction of this {en_name}.",
                zh=f"距{zh_name}上一笔交易 {duration(value)[1]}。",
            )
        case "ratio":
            return Text(
                en=f"The amount is {plain(value)} times the mean of earlier ones of this {en_name} "
                f"within {span_en}.",
                zh=f"金额是{zh_name} {span_zh}内此前平均金额的 {plain(value)} 倍。",
            )
        case "distinct":
            return _distinct(feature, value, scheme)
        case "risk":
            return _risk(feature, value, features, en_name, zh_name)
        case _:
            return _said(feature, value, scheme)


def _said(feature: Feature, value: float, scheme: Scheme) -> Text:
    """In a sentence of its own, else by its unit alone."""
    own = phrase(feature, value, scheme)
    if own is not None:
        return own
    en, zh = feature.en[:1].upper() + feature.en[1:], feature.zh
    if feature.unit == "flag":
        no = Text(en=f"Not so: {feature.en}.", zh=f"否：{zh}。")
        return Text(en=f"{en}.", zh=f"{zh}。") if value > 0 else no
    if feature.unit == "minor":
        said = money(value, scheme.currency)
    elif feature.unit == "share":
        said = percent(value)
    elif feature.unit == "hour":
        said = f"{int(value)}:00"
    else:
        said = plain(value)
    return Text(en=f"{en} is {said}.", zh=f"{zh}为 {said}。")


def _count(
    feature: Feature,
    value: float,
    features: Mapping[str, float],
    scheme: Scheme,
    names: tuple[str, str],
) -> Text:
    span_en, span_zh = spans.worded(feature.window)
    many = "transaction" if value == 1 else "transactions"
    en = f"{plain(value)} {many} of this {names[0]} within {span_en}"
    zh = f"{names[1]} {span_zh}内有 {plain(value)} 笔交易"
    longest = max(scheme.windows)
    over = features.get(f"{feature.entity}_count_{spans.short(longest)}", math.nan)
    if longest == feature.window or not math.isfinite(over) or over < 0:
        return Text(en=f"{en}.", zh=f"{zh}。")
    expected = round(over * feature.window / longest, 1)
    if not expected:
        return Text(en=f"{en}, usually hardly any.", zh=f"{zh}，通常几乎没有。")
    usual = plain(expected)
    return Text(en=f"{en}, usually {usual}.", zh=f"{zh}，通常 {usual} 笔。")


def _distinct(feature: Feature, value: float, scheme: Scheme) -> Text:
    """Who shares a thing; of a payer, how many it had to do with."""
    entity = next(one for one in scheme.entities if one.key == feature.entity)
    span_en, span_zh = spans.worded(feature.window)
    if entity.role == "payer":
        return _said(feature, value, scheme)
    payer = scheme.payer
    one = value == 1
    who = several(lowered(payer.en), value)
    return Text(
        en=f"{plain(value)} {who} {'uses' if one else 'share'} this {lowered(entity.en)} within "
        f"{span_en}.",
        zh=f"{span_zh}内有 {plain(value)} 个{apart(payer.zh)}使用{this(entity.zh)}。",
    )


def _risk(
    feature: Feature, value: float, features: Mapping[str, float], en_name: str, zh_name: str
) -> Text:
    span_en, span_zh = spans.worded(feature.window)
    seen = features.get(f"{feature.entity}_seen_{spans.short(feature.window)}", math.nan)
    among_en = f"{plain(seen)} transactions" if math.isfinite(seen) and seen >= 0 else "those"
    among_zh = f"{plain(seen)} 笔交易" if math.isfinite(seen) and seen >= 0 else "交易"
    return Text(
        en=f"{100 * value:.3g} % of {among_en} of this {en_name} in {span_en} are known frauds.",
        zh=f"{zh_name} {span_zh}内的 {among_zh}中 {100 * value:.3g} % 为已确认欺诈。",
    )
