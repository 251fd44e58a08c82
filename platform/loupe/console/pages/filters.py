"""The filters of the results list: read from the address, so that a link shows the same list."""

import uuid
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date

from loupe.contract.app import DomainApp
from loupe.jobs.results import Filters

_REVIEWED = {"yes": True, "no": False}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the address asks for; words that mean nothing are ignored.

    Attributes:
        text: the address's own words, for links and for the controls.
    """

    filters: Filters
    text: dict[str, str]

    @property
    def any(self) -> bool:
        """Whether anything is filtered."""
        return bool(self.text)


def asked(query: QueryDict, app: type[DomainApp]) -> Asked:
    """Read the filters of a results list."""
    words = {key: str(value) for key, value in query.items()}
    text: dict[str, str] = {}
    outcome = words.get("outcome", "")
    if outcome in {known.key for known in app.outcomes}:
        text["outcome"] = outcome
    if words.get("reviewed") in _REVIEWED:
        text["reviewed"] = words["reviewed"]
    for key, longest in (("label", 60), ("q", 200)):
        if words.get(key, "").strip():
            text[key] = words[key].strip()[:longest]
    job_id = _job_id(words.get("job", ""))
    if job_id is not None:
        text["job"] = str(job_id)
    since, until = _day(words.get("from", "")), _day(words.get("to", ""))
    if since is not None:
        text["from"] = words["from"]
    if until is not None:
        text["to"] = words["to"]
    return Asked(
        filters=Filters(
            outcome=text.get("outcome", ""),
            label=text.get("label", ""),
            reviewed=_REVIEWED.get(text.get("reviewed", "")),
            job_id=job_id,
            since=since,
            until=until + timedelta(days=1) if until is not None else None,
            name_contains=text.get("q", ""),
        ),
        text=text,
    )


def _job_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _day(text: str) -> datetime | None:
    """Midnight, in the project's zone, of a day written YYYY-MM-DD."""
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return timezone.make_aware(datetime.combine(day, time.min)) if day is not None else None
