"""Rates of exchange from a CSV file: a header with date, currency and rate, in any order."""

from django.utils.translation import gettext as _

from apps.fraud.services.errors import Unusable
from apps.fraud.services.rates import MOST, Told
from apps.fraud.services.small_csv import lines_of

MOST_BYTES = 1 << 20
_NAMES = {
    "from": ("from", "date", "day", "time", "valid_from"),
    "currency": ("currency", "code", "ccy"),
    "rate": ("rate", "value"),
}
"""What a column may be called."""


def read(data: bytes) -> list[Told]:
    """The rates of a file, each with its line. Commas, semicolons or tabs part the fields; with
    the latter two a decimal comma is read as well.

    Raises:
        Unusable: it is too large, not text, lacks a column, or a line has too few fields.
    """
    lines, delimiter = lines_of(data, MOST_BYTES)
    places = _places(lines[0] if lines else [])
    found = []
    for number, fields in enumerate(lines[1:], 2):
        if not any(field.strip() for field in fields):
            continue
        line = _("line %(n)s") % {"n": number}
        if len(fields) <= max(places.values()):
            raise Unusable(
                _("%(line)s has %(count)s fields; the header has %(wanted)s.")
                % {"line": line, "count": len(fields), "wanted": len(lines[0])},
                field="file",
            )
        rate = fields[places["rate"]].strip()
        if delimiter != ",":
            rate = rate.replace(",", ".")
        found.append(
            Told(
                currency=fields[places["currency"]],
                moment=fields[places["from"]],
                rate=rate,
                place=line,
            )
        )
        if len(found) > MOST:
            raise Unusable(
                _("The file has more than %(most)s rates.") % {"most": MOST}, field="file"
            )
    if not found:
        raise Unusable(_("The file has no rate below its header."), field="file")
    return found


def _places(header: list[str]) -> dict[str, int]:
    """Where each column stands."""
    names = [name.strip().lower() for name in header]
    places = {}
    for wanted, known in _NAMES.items():
        at = next((names.index(name) for name in known if name in names), None)
        if at is None:
            raise Unusable(
                _("The header names no column %(wanted)s: write date,currency,rate.")
                % {"wanted": wanted},
                field="file",
            )
        places[wanted] = at
    return places
