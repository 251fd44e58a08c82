"""Which values of a transaction a project's rules may name, and what kind each is of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apps.fraud.features.catalogue import Feature, catalogue
from apps.fraud.scheme import Scheme

LISTED = "listed_"
"""Membership of a list comes as a feature: 1 on it, 0 not."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Kind:
    """`name` is number, money, text or truth.

    Of money, `currency` tells in what; empty: in the transaction's own, which differs by row.
    """

    name: str
    currency: str = ""


NUMBER, TEXT, TRUTH, OWN_MONEY = Kind("number"), Kind("text"), Kind("truth"), Kind("money")

BUILT_IN: dict[str, tuple[Kind, str, str]] = {
    "amount": (Kind("money"), "the amount", "金额"),
    "amount_original": (OWN_MONEY, "the amount as sent", "原币金额"),
    "currency": (TEXT, "the currency", "币种"),
    "score": (NUMBER, "the score", "得分"),
    "history": (NUMBER, "the payer's earlier payments", "付款方此前的交易数"),
    "late": (TRUTH, "the payment came late", "交易迟到"),
    "hour": (NUMBER, "the hour", "小时"),
    "day": (NUMBER, "the day of the month", "日期（几号）"),
    "weekday": (TEXT, "the day of the week", "星期"),
    "weekend": (TRUTH, "it is the weekend", "周末"),
}
"""The values every project has: kind, English, Chinese."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value a rule may name."""

    path: str
    kind: Kind
    en: str
    zh: str


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Everything a rule of a project may name, by its path."""

    values: Mapping[str, Value]
    currency: str
    lists: tuple[str, ...] = field(default=())

    def words(self, path: str) -> tuple[str, str]:
        """What people call a value, in English and Chinese; its path where it is not known."""
        value = self.values.get(path)
        return (value.en, value.zh) if value else (path, path)


def vocabulary(scheme: Scheme, features: Iterable[Feature] | None = None) -> Vocabulary:
    """The vocabulary of a project: its scheme's values and features; None: all the scheme has."""
    told = tuple(catalogue(scheme) if features is None else features)
    own = Kind("money", scheme.currency)
    values = {
        path: Value(path=path, kind=own if path == "amount" else kind, en=en, zh=zh)
        for path, (kind, en, zh) in BUILT_IN.items()
    }
    for entity in scheme.entities:
        path = f"entities.{entity.key}"
        values[path] = Value(path=path, kind=TEXT, en=_named(entity.en), zh=entity.zh)
    for attribute in scheme.attributes:
        path = f"attributes.{attribute.key}"
        kind = NUMBER if attribute.kind == "number" else TEXT
        values[path] = Value(path=path, kind=kind, en=_named(attribute.en), zh=attribute.zh)
    for feature in told:
        path = f"features.{feature.name}"
        kind = own if feature.unit == "minor" else NUMBER
        values[path] = Value(path=path, kind=kind, en=feature.en, zh=feature.zh)
    lists = tuple(
        feature.name.removeprefix(LISTED) for feature in told if feature.name.startswith(LISTED)
    )
    return Vocabulary(values=values, currency=scheme.currency, lists=lists)


def _named(words: str) -> str:
    """A name in the middle of a sentence; abbreviations stay as they are."""
    lower = words if words[1:2].isupper() else words[:1].lower() + words[1:]
    return f"the {lower}"
