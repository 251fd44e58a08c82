"""Labels from a CSV file: a transaction's identifier, what it turned out to be, and since when."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from apps.fraud.services.errors import Unusable
from apps.fraud.services.labels import EARLIEST, MOST, Outcome, Said, give
from apps.fraud.services.small_csv import lines_of
from apps.fraud.tables.mapping import FRAUD_WORDS, HONEST_WORDS
from apps.fraud.tables.names import CONCEPTS, likeness
from loupe.host.people import Actor, Project

MOST_BYTES = 8 << 20
MOST_LINES = 50_000
UNKNOWN_WORDS = frozenset({"unknown", "", "?", "unbekannt", "unklar", "未知", "无法判断"})
_GERMAN = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y")
_LEAST = 0.5
"""How well a heading must fit; see `apps.fraud.tables.names`."""


def load(actor: Actor, project: Project, data: bytes, source: str) -> Outcome:
    """Write down the labels of a file, all or none; sending it again changes nothing.

    Raises:
        NotVisible, Denied: the actor may not label here.
        Unusable: the file is none, or a line cannot be used; the message names it.
    """
    said = read(data)
    with transaction.atomic():
        parts = [
            give(actor, project, said[start : start + MOST], source=source)
            for start in range(0, len(said), MOST)
        ]
    return Outcome(
        standing=sum(part.standing for part in parts),
        same=sum(part.same for part in parts),
        outweighed=sum(part.outweighed for part in parts),
    )


def read(data: bytes) -> list[Said]:
    """The labels of a file. Commas, semicolons or tabs part the fields; headings are known in
    English, German and Chinese. A time without a zone is of the project's clock; without one the
    label is known now.

    Raises:
        Unusable: see `load`.
    """
    lines = lines_of(data, MOST_BYTES).fields
    places = _places(lines[0] if lines else [])
    found: list[Said] = []
    for number, fields in enumerate(lines[1:], 2):
        if not any(field.strip() for field in fields):
            continue
        if len(found) == MOST_LINES:
            raise Unusable(
                _("The file has more than %(most)s labels: part it.") % {"most": MOST_LINES},
                field="file",
            )
        found.append(_said(fields, places, number))
    if not found:
        raise Unusable(_("The file has no label below its header."), field="file")
    return found


def _places(header: Sequence[str]) -> dict[str, int]:
    """Where each column stands; each heading is one thing."""
    wanted = {
        "label_time": (*CONCEPTS["label_time"], *CONCEPTS["time"], "known at"),
        "label": CONCEPTS["label"],
        "id": (*CONCEPTS["id"], "transaction", "transaktion", "交易"),
        "note": ("note", "comment", "bemerkung", "notiz", "备注"),
    }
    places: dict[str, int] = {}
    for key, phrases in wanted.items():
        free = [at for at in range(len(header)) if at not in places.values()]
        best = max(free, key=lambda at: likeness(header[at], phrases), default=None)
        if best is not None and likeness(header[best], phrases) >= _LEAST:
            places[key] = best
        elif key in ("id", "label"):
            raise Unusable(
                _("The header names no column for %(what)s: write transaction,label,known_at.")
                % {"what": _("the transaction") if key == "id" else _("the label")},
                field="file",
            )
    return places


def _said(fields: Sequence[str], places: dict[str, int], number: int) -> Said:
    cells = {key: fields[at].strip() if at < len(fields) else "" for key, at in places.items()}
    if not cells["id"]:
        raise Unusable(_("Line %(n)s names no transaction.") % {"n": number}, field="file")
    return Said(
        transaction=cells["id"],
        label=_word(cells["label"], number),
        known_at=_moment(cells.get("label_time", ""), number),
        note=cells.get("note", ""),
    )


def _word(text: str, number: int) -> str:
    word = text.lower()
    if word in FRAUD_WORDS:
        return "fraud"
    if word in HONEST_WORDS:
        return "honest"
    if word in UNKNOWN_WORDS:
        return "unknown"
    raise Unusable(
        _("Line %(n)s: %(word)r is no label; write fraud, honest or unknown.")
        % {"n": number, "word": text[:40]},
        field="file",
    )


def _moment(text: str, number: int) -> datetime | None:
    if not text:
        return None
    found = _parsed(text)
    if found is None:
        raise Unusable(
            _("Line %(n)s: %(text)r is no time: write it as 2026-01-31T14:30.")
            % {"n": number, "text": text[:40]},
            field="file",
        )
    moment = found if timezone.is_aware(found) else timezone.make_aware(found)
    if moment > timezone.now():
        raise Unusable(
            _("Line %(n)s: %(text)s lies ahead: a label is told once it is known.")
            % {"n": number, "text": text[:40]},
            field="file",
        )
    if moment < EARLIEST:
        raise Unusable(
            _("Line %(n)s: %(text)s lies before 1970: write when the label became known.")
            % {"n": number, "text": text[:40]},
            field="file",
        )
    return moment


def _parsed(text: str) -> datetime | None:
    try:
        if (moment := parse_datetime(text)) is not None:
            return moment
        if (day := parse_date(text)) is not None:
            return datetime(day.year, day.month, day.day)
    except ValueError:
        return None
    for form in _GERMAN:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
