"""Proposes a scheme from a file: which entities and attributes its columns speak of."""

import re
from pathlib import Path

from apps.fraud.scheme import Attribute, EntityType, Relation, Scheme
from apps.fraud.tables.delimited import Dialect
from apps.fraud.tables.dialects import dialect_of
from apps.fraud.tables.elapsed import named
from apps.fraud.tables.evidence import Evidence, gathered
from apps.fraud.tables.formats import format_of
from apps.fraud.tables.names import CONCEPTS, likeness, plain, tokens
from apps.fraud.tables.sampling import sample

_LEAST = 0.5
_KNOWN = {
    "customer": EntityType(key="customer", en="Customer", zh="客户", role="payer"),
    "payee": EntityType(key="payee", en="Payee", zh="收款方", role="payee", risk=True),
    "card": EntityType(
        key="card", en="Card", zh="银行卡", role="instrument", hashed=True, risk=True
    ),
    "device": EntityType(key="device", en="Device", zh="设备", role="instrument", risk=True),
    "address": EntityType(key="address", en="IP address", zh="IP 地址", role="trait"),
    "email": EntityType(key="email", en="E-mail", zh="邮箱", role="trait", hashed=True),
    "phone": EntityType(key="phone", en="Phone", zh="电话", role="trait", hashed=True),
}
_PAYEES = (
    ("terminal", "Terminal", "终端", ("terminal", "kasse")),
    ("merchant", "Merchant", "商户", ("merchant", "händler", "商家")),
    ("beneficiary", "Beneficiary", "收款人", ("beneficiary", "empfänger", "begünstigter")),
)
_ATTRIBUTES = {
    "country": Attribute(key="country", en="Country", zh="国家或地区"),
    "channel": Attribute(key="channel", en="Channel", zh="渠道"),
    "category": Attribute(key="category", en="Category", zh="类别"),
}
_MOST = 12
"""Attributes that are proposed beside the known ones."""


def propose(path: Path, currency: str = "EUR", timezone: str = "UTC") -> Scheme:
    """A scheme for files like this one; a person looks at it before it is saved.

    A file that names nobody who pays gets a customer all the same: every scheme has one.

    Raises:
        InputRefused: the file cannot be read.
    """
    form = format_of(path)
    dialect = dialect_of(path)[0] if form.textual else Dialect()
    names, table = sample(path, form, dialect)
    seen = {name: gathered(raw) for name, raw in table.columns.items()}
    entities, used = _entities(names, seen)
    attributes = _attributes(names, seen, used)
    payer = next(entity.key for entity in entities if entity.role == "payer")
    relations = tuple(
        Relation(
            key=f"same_{entity.key}"[:30],
            en=f"Same {entity.en[:1].lower()}{entity.en[1:]}"
            if not entity.en[:2].isupper()
            else f"Same {entity.en}",
            zh=f"同一{entity.zh}",
            shared=entity.key,
        )
        for entity in entities
        if entity.role in {"instrument", "trait"} and entity.key != payer
    )
    return Scheme(
        currency=currency,
        timezone=timezone,
        entities=tuple(entities),
        attributes=tuple(attributes),
        relations=relations,
    )


def _entities(
    names: tuple[str, ...], seen: dict[str, Evidence]
) -> tuple[list[EntityType], set[str]]:
    used: set[str] = set()
    found: dict[str, EntityType] = {}
    for concept, entity in _KNOWN.items():
        best = max(
            (name for name in names if name in seen and name not in used),
            key=lambda name: _liked(name, seen[name], concept),
            default=None,
        )
        if best is None or _liked(best, seen[best], concept) < _LEAST:
            continue
        used.add(best)
        found[concept] = _payee(entity, best) if concept == "payee" else entity
    if "customer" not in found and "card" in found:
        # A file of cards alone: whoever holds the card pays.
        found["card"] = found["card"].model_copy(update={"role": "payer"})
    else:
        found.setdefault("customer", _KNOWN["customer"])
    found.setdefault("payee", _KNOWN["payee"])
    return [found[concept] for concept in _KNOWN if concept in found], used


def _liked(name: str, seen: Evidence, concept: str) -> float:
    if seen.kind in {"time", "truth"} or (seen.number > 0.9 and not seen.whole):
        return 0.0
    if concept == "address":
        return seen.ip
    return likeness(name, CONCEPTS[concept])


def _payee(entity: EntityType, name: str) -> EntityType:
    for key, en, zh, words in _PAYEES:
        if likeness(name, words) or zh in name:
            return entity.model_copy(update={"key": key, "en": en, "zh": zh})
    return entity


def _attributes(
    names: tuple[str, ...], seen: dict[str, Evidence], used: set[str]
) -> list[Attribute]:
    found: dict[str, Attribute] = {}
    for key, attribute in _ATTRIBUTES.items():
        for name in names:
            if name in seen and name not in used and likeness(name, CONCEPTS[key]) >= _LEAST:
                found[key] = attribute
                used.add(name)
                break
    taken = {"time", "amount", "currency", "id", "label", "label_time"}
    for name in names:
        look = seen.get(name)
        if look is None or name in used or len(found) >= len(_ATTRIBUTES) + _MOST:
            continue
        if look.time > 0.9 or any(likeness(name, CONCEPTS[role]) >= _LEAST for role in taken):
            continue
        if look.elapsed is not None and named(name):
            continue
        few = 1 < look.distinct_count <= 200 and look.distinct < 0.5
        key = _key(name)
        if not few or look.kind == "truth" or not key or key in found or key in _KNOWN:
            continue
        kind = "number" if look.number > 0.9 and not look.whole else "category"
        title = " ".join(tokens(name)).capitalize()[:60]
        found[key] = Attribute.model_validate({"key": key, "en": title, "zh": title, "kind": kind})
    return list(found.values())


def _key(name: str) -> str:
    words = "_".join(plain(word) for word in tokens(name))
    key = re.sub(r"[^a-z0-9]+", "_", words.encode("ascii", "ignore").decode())
    return key.strip("_")[:30] if key[:1].isalpha() else ""
