"""How well a column fits each role, by its name and by what its values look like."""

from collections.abc import Iterable
from dataclasses import dataclass

from apps.fraud.scheme import EntityType, Scheme
from apps.fraud.tables.elapsed import named as named_elapsed
from apps.fraud.tables.elapsed import unit_of
from apps.fraud.tables.evidence import Evidence
from apps.fraud.tables.names import CONCEPTS, likeness, tokens
from apps.fraud.tables.starts import UNIT_WORDS
from apps.fraud.tables.time_column import TimeFormat
from loupe.contract.text import Text

TAKEN_FROM = 0.4
"""The least score of a guess."""
_CALLED = 0.95
"""The name leaves nothing open: half of the values are enough, and the others are bad rows."""
_OWN_ID = frozenset({"tx", "trans", "txn", "transaction", "payment", "transaktions", "zahlungs"})
_FINER: dict[TimeFormat, float] = {
    "since_ms": 0.2, "since_s": 0.2, "since_min": 0.14, "since_h": 0.08, "since_d": 0.02,
}  # fmt: skip
"""Of two columns that count, the finer unit tells more."""


@dataclass
class Scored:
    """One column as one role; `counts`: a time that is counted from a start, in that unit."""

    score: float
    role: str
    column: str
    reason: Text
    counts: TimeFormat | None = None


def scores(name: str, seen: Evidence, scheme: Scheme) -> Iterable[Scored]:
    """How well one column fits each role. A name is worth up to 0.7, values up to 0.4."""
    if _enough(seen.time, 0.9, _named(name, "time")) and not (
        seen.kind in {"whole", "number"} and _named(name, "time") < 0.5
    ):
        told = Text(en="Its values are times", zh="值是时间")
        later = _named(name, "label_time")
        yield _because("label_time", name, later, 0.2 if later else 0.0, told)
        early = _named(name, "time")
        yield _because("time", name, early if later < early or not later else 0.0, 0.4, told)
    yield from _counting(name, seen)
    liked = _named(name, "amount")
    if seen.kind in {"whole", "number"} or _enough(seen.number, 0.9, liked):
        told = Text(en="Its values are numbers", zh="值是数字")
        value = 0.3 if not seen.whole else 0.2
        if liked and seen.time < 0.9 and (seen.distinct_count > 2 or liked > 0.9):
            yield _because("amount", name, liked, value, told)
    liked = _named(name, "currency")
    if _enough(seen.currency, 0.95, liked):
        told = Text(en="Its values are codes of ISO 4217", zh="值是 ISO 4217 代码")
        yield _because("currency", name, liked, 0.45, told)
    if seen.label > 0.99 and seen.distinct_count <= 4 and (liked := _named(name, "label")):
        told = Text(en="It has the words of a label", zh="值是标签用词")
        yield _because("label", name, liked, 0.3, told)
    liked = _named(name, "id")
    own = liked if _OWN_ID & set(tokens(name)) or "交易" in name else 0.0
    if liked and _enough(seen.distinct, 0.98, own) and _enough(seen.filled, 0.98, own):
        told = Text(en="Every row has another value", zh="每行的值都不同")
        yield _because("id", name, liked, 0.3, told)
    for entity in scheme.entities:
        yield from _entity_scores(name, seen, entity)
    for attribute in scheme.attributes:
        phrases = (attribute.key.replace("_", " "), attribute.en, attribute.zh)
        concept = CONCEPTS.get(attribute.key, ())
        liked = likeness(name, (*phrases, *concept))
        value = 0.4 if attribute.key == "country" and seen.country > 0.95 else 0.05
        if liked:
            told = Text(en="Its values fit", zh="值相符")
            yield _because(f"attribute.{attribute.key}", name, liked, value, told)


def _counting(name: str, seen: Evidence) -> Iterable[Scored]:
    """As a time that counts from a start, where the name says so."""
    if seen.elapsed is None:
        return
    liked, later = named_elapsed(name), _named(name, "label_time")
    if not liked and seen.elapsed.rising and _named(name, "time") >= _CALLED:
        liked = _named(name, "time")
    if later and seen.distinct_count <= 2:
        # Whether fraud was reported, not when.
        return
    if liked or later:
        yield counted("label_time" if later else "time", name, seen, 0.7 * (later or liked))


def counted(role: str, name: str, seen: Evidence, score: float) -> Scored:
    """A column of counts as a time.

    Raises:
        ValueError: it has none.
    """
    if seen.elapsed is None:
        raise ValueError(f"{name!r} counts nothing.")
    unit = unit_of(name, seen.elapsed)
    words, least, most = UNIT_WORDS[unit], seen.elapsed.least, seen.elapsed.most
    told = Text(
        en=f"Its values count from {least:,} to {most:,} and are no dates; they look like "
        f"{words.en} since a start.",
        zh=f"值从 {least:,} 计数到 {most:,}，不是日期：看起来是自某个起点起的{words.zh}数。",
    )
    return Scored(score + _FINER[unit], role, name, told, unit)


def _enough(share: float, usual: float, liked: float) -> bool:
    """Whether so many values fit: most of them, or half where the name leaves nothing open."""
    return share > (0.5 if liked >= _CALLED else usual)


def _entity_scores(name: str, seen: Evidence, entity: EntityType) -> Iterable[Scored]:
    if entity.built_from:
        return
    concepts = {"payer": ("customer",), "payee": ("payee",)}.get(entity.role, ())
    own = (entity.key.replace("_", " "), entity.en, entity.zh)
    liked = likeness(name, own)
    words = set(tokens(" ".join(own)))
    for concept in (*concepts, *(key for key in ("device", "card", "email", "phone"))):
        if concept in concepts or concept in words:
            liked = max(liked, 0.97 * likeness(name, CONCEPTS[concept]))
    told = Text(en="Its values come again in other rows", zh="值在其他行重复出现")
    value = 0.15 if seen.distinct < 0.98 and seen.distinct_count > 1 else 0.0
    if "ip" in words or entity.key in {"address", "ip"}:
        liked = max(liked, likeness(name, CONCEPTS["address"])) if seen.ip > 0.9 else 0.0
        told, value = Text(en="Its values are IP addresses", zh="值是 IP 地址"), 0.45 * seen.ip
        if seen.ip > 0.9:
            yield _because(f"entity.{entity.key}", name, liked, value, told)
        return
    if liked and seen.kind not in {"time", "truth"} and seen.label < 1 and not _fraction(seen):
        yield _because(f"entity.{entity.key}", name, liked, value, told)


def _fraction(seen: Evidence) -> bool:
    return seen.number > 0.9 and not seen.whole


def _named(name: str, concept: str) -> float:
    return likeness(name, CONCEPTS[concept])


def _because(role: str, name: str, liked: float, value: float, told: Text) -> Scored:
    en = f"{told.en}; its name fits." if liked else f"{told.en}."
    zh = f"{told.zh}；名称相符。" if liked else f"{told.zh}。"
    return Scored(0.7 * liked + value, role, name, Text(en=en, zh=zh))
