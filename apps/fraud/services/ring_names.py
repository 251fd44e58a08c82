"""What an alert is called by people: an identifier, or who its ring's members are."""

from django.utils.translation import get_language

from apps.fraud.models import Alert
from apps.fraud.models.alerts import AlertKind
from apps.fraud.rings.words import ring_name
from apps.fraud.scheme import Scheme


def called(alert: Alert, scheme: Scheme) -> str:
    """The name in the language of the person who asks."""
    if alert.kind != AlertKind.RING:
        return alert.entity_key
    name = ring_name(alert.ring, scheme)
    return name["zh" if (get_language() or "en").startswith("zh") else "en"]
