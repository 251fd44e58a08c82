"""What keeps a declaration from being a scheme, field by field, in the language of the page."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.fraud.features.catalogue import catalogue
from apps.fraud.money import DIGITS
from apps.fraud.rules.local_time import known_zone
from apps.fraud.scheme import KEY, Scheme
from apps.fraud.services import declaring
from loupe.contract.runtime.errors import InputRefused

MOST = {"entities": 12, "attributes": 40, "relations": 20}
LONGEST_NAME = 60
RESERVED = frozenset(
    {
        "id", "time", "amount", "amount_minor", "currency", "label", "label_time", "known_at",
        "event_time", "score", "history", "late", "hour", "day", "weekday", "weekend",
        "transaction", "ring",
    }
)  # fmt: skip
"""Names that mean something else in rows, rules and alerts."""
ROLES = ("payer", "payee", "instrument", "trait")

Row = Mapping[str, Any]


def problems(data: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong, by field (``entities.2.key``); empty: it is a scheme."""
    found: dict[str, str] = {}
    for field, sentence in _all(data):
        found.setdefault(field, sentence)
    if found:
        return found
    try:
        catalogue(Scheme.model_validate(data))
    except ValidationError as error:
        for one in error.errors():
            place = ".".join(str(part) for part in one["loc"]) or "scheme"
            found.setdefault(place, declaring.sentence(one))
    except InputRefused as error:
        found["scheme"] = error.message
    return found


def _all(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    entities, attributes, relations = (_rows(data, name) for name in MOST)
    currency, zone = data.get("currency", "EUR"), data.get("timezone", "UTC")
    if currency not in DIGITS:
        yield (
            "currency",
            _("%(value)r is no currency of ISO 4217, such as EUR.") % {"value": str(currency)[:10]},
        )
    if not isinstance(zone, str) or not known_zone(zone):
        yield (
            "timezone",
            _("%(value)r is no time zone: write a name such as Europe/Berlin.")
            % {"value": str(zone)[:40]},
        )
    for name, most in MOST.items():
        if len(_rows(data, name)) > most:
            yield name, _("At most %(most)s are taken.") % {"most": most}
    if len(entities) < 2:
        yield "entities", _("Declare at least two: who pays, and what is paid or used.")
    seen: set[str] = set()
    for name, rows in (("entities", entities), ("attributes", attributes)):
        for at, row in enumerate(rows):
            yield from _named(f"{name}.{at}", row, seen)
    yield from _payers(entities)
    known = {str(row.get("key")) for row in attributes}
    for at, row in enumerate(entities):
        yield from _entity(f"entities.{at}", row, known)
    payers = {str(row.get("key")) for row in entities if row.get("role") == "payer"}
    others = {str(row.get("key")) for row in entities} - payers
    own: set[str] = set()
    for at, row in enumerate(relations):
        yield from _named(f"relations.{at}", row, own, reserved=False)
        if row.get("shared") not in others:
            yield (
                f"relations.{at}.shared",
                _("Name an entity that is not the payer: %(known)s.")
                % {"known": ", ".join(sorted(others)) or "–"},
            )
    yield from _times(data)


def _named(
    place: str, row: Row, seen: set[str], *, reserved: bool = True
) -> Iterator[tuple[str, str]]:
    key = str(row.get("key", ""))
    if not re.fullmatch(KEY, key):
        yield (
            f"{place}.key",
            _("A key has up to 30 small letters, digits and _, and begins with a letter."),
        )
    elif reserved and key in RESERVED:
        yield f"{place}.key", _("%(key)s means something else already.") % {"key": key}
    elif key in seen:
        yield f"{place}.key", _("%(key)s is declared twice.") % {"key": key}
    seen.add(key)
    for language in ("en", "zh"):
        text = row.get(language)
        if not isinstance(text, str) or not 1 <= len(text.strip()) <= LONGEST_NAME:
            yield (
                f"{place}.{language}",
                _("A name has 1 to %(most)s characters.") % {"most": LONGEST_NAME},
            )


def _payers(entities: Sequence[Row]) -> Iterator[tuple[str, str]]:
    places = [at for at, row in enumerate(entities) if row.get("role") == "payer"]
    if not places and entities:
        yield "entities.0.role", _("Exactly one entity pays: none does now.")
    for at in places[1:]:
        yield f"entities.{at}.role", _("Exactly one entity pays: another one does already.")


def _entity(place: str, row: Row, known: set[str]) -> Iterator[tuple[str, str]]:
    if row.get("role") not in ROLES:
        yield f"{place}.role", _("A role is one of %(known)s.") % {"known": ", ".join(ROLES)}
    if unknown := [str(key) for key in row.get("built_from", ()) if key not in known]:
        yield (
            f"{place}.built_from",
            _("%(unknown)s is no attribute; there are: %(known)s.")
            % {"unknown": ", ".join(unknown)[:60], "known": ", ".join(sorted(known)) or "–"},
        )
    elif row.get("built_from") and row.get("role") == "payer":
        yield f"{place}.built_from", _("Who pays is named by the sender, never built.")
    cap = row.get("degree_cap", 50)
    if not isinstance(cap, int) or not 2 <= cap <= 1_000_000:
        yield f"{place}.degree_cap", _("Write a whole number from 2 to 1,000,000.")


def _times(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    windows = data.get("windows", (3_600,))
    whole = isinstance(windows, list | tuple) and all(isinstance(one, int) for one in windows)
    if not whole or not 1 <= len(windows) <= 8 or min(windows) < 60 or max(windows) > 366 * 86_400:
        yield "windows", _("Write 1 to 8 spans such as 1h 1d 7d, from a minute to a year.")
    elif list(windows) != sorted(set(windows)):
        yield "windows", _("Write each span once, the shortest first.")
    delay = data.get("label_delay", 0)
    if not isinstance(delay, int) or not 0 <= delay <= 366 * 86_400:
        yield "label_delay", _("Write days from 0 to 366.")


def _rows(data: Mapping[str, Any], name: str) -> Sequence[Row]:
    rows = data.get(name, ())
    clean = isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows)
    return rows if clean else ()
