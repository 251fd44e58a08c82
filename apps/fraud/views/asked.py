"""What forms of these pages send."""

from datetime import datetime

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from apps.fraud.services.errors import Unusable


def ids(posted: QueryDict, name: str) -> list[int]:
    """Whole numbers of several fields called `name`; others are left out."""
    texts = posted.getlist(name)[:1000]
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19]


def moment(text: str, field: str) -> datetime | None:
    """A moment of the project's clock, as a browser's field sends it; None: empty.

    Raises:
        Unusable: it is none.
    """
    if not text.strip():
        return None
    try:
        found = parse_datetime(text.strip())
    except ValueError:
        found = None
    if found is None:
        raise Unusable(
            _("%(text)r is no time: write it as 2026-01-31T14:30.") % {"text": text[:40]},
            field=field,
        )
    return found if timezone.is_aware(found) else timezone.make_aware(found)
