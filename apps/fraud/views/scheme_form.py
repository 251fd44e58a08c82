"""The scheme as a form: rows of entities, attributes and relations, spans in words."""

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from apps.fraud.scheme import DAY, Scheme

FIELDS = {
    "entities": ("key", "en", "zh", "role", "built_from", "degree_cap", "hashed", "risk"),
    "attributes": ("key", "en", "zh", "kind"),
    "relations": ("key", "en", "zh", "shared"),
}
BLANK = {"entities": 1, "attributes": 1, "relations": 1}
"""Empty rows below what is there, to write into."""
MOST_ROWS = 64
_UNITS = {"m": 60, "h": 3_600, "d": DAY}


def filled(scheme: Scheme) -> dict[str, Any]:
    """The form of a scheme."""
    data = scheme.model_dump(mode="json")
    return {
        "currency": scheme.currency,
        "timezone": scheme.timezone,
        "windows": " ".join(span(one) for one in scheme.windows),
        "label_delay": f"{scheme.label_delay / DAY:g}",
        **{
            name: [{**row, "built_from": " ".join(row.get("built_from", ()))} for row in data[name]]
            for name in FIELDS
        },
    }


def again(posted: QueryDict) -> dict[str, Any]:
    """The form as it was sent, without its empty rows."""
    form: dict[str, Any] = {
        name: posted.get(name, "").strip()[:300]
        for name in ("currency", "timezone", "windows", "label_delay")
    }
    for name, fields in FIELDS.items():
        rows = []
        for at in range(MOST_ROWS):
            row: dict[str, Any] = {
                field: posted.get(f"{name}.{at}.{field}", "").strip()[:300] for field in fields
            }
            if any(row.get(field) for field in ("key", "en", "zh")):
                rows.append(row)
        form[name] = rows
    return form


def declared(form: Mapping[str, Any]) -> dict[str, Any]:
    """What a form declares, as `apps.fraud.scheme.Scheme`; what cannot be read stays as it is, for
    the check to name it."""
    return {
        "currency": form["currency"].upper(),
        "timezone": form["timezone"],
        "windows": [seconds(one) for one in form["windows"].split()],
        "label_delay": _days(form["label_delay"]),
        "entities": [
            {
                **{name: row.get(name, "") for name in ("key", "en", "zh", "role")},
                "hashed": bool(row.get("hashed")),
                "risk": bool(row.get("risk")),
                "built_from": re.split(r"[\s,]+", row["built_from"]) if row["built_from"] else [],
                "degree_cap": _whole(row.get("degree_cap") or "50"),
            }
            for row in form["entities"]
        ],
        "attributes": [
            {**{name: row.get(name, "") for name in FIELDS["attributes"]}}
            for row in form["attributes"]
        ],
        "relations": [
            {**{name: row.get(name, "") for name in FIELDS["relations"]}}
            for row in form["relations"]
        ],
    }


def span(length: int) -> str:
    """Seconds as 1h, 7d, 90m; other lengths as they are.

    >>> span(3600), span(604800), span(61)
    ('1h', '7d', '61s')
    """
    for unit in ("d", "h", "m"):
        if length % _UNITS[unit] == 0:
            return f"{length // _UNITS[unit]}{unit}"
    return f"{length}s"


def seconds(text: str) -> int | str:
    """A span in seconds; the text itself where it is none."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text.strip().lower())
    if match is None:
        return text
    return int(match[1]) * _UNITS.get(match[2], 1)


def _days(text: Any) -> int | str:
    match = re.fullmatch(r"[0-9]{1,4}(?:\.[0-9]{1,4})?", str(text))
    return round(float(match[0]) * DAY) if match else str(text)


def _whole(text: Any) -> int | str:
    given = str(text)
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else given
