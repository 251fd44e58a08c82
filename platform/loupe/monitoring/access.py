"""Who may read the metrics: this machine, or whoever has the token."""

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest


def allowed(request: HttpRequest) -> bool:
    """Whether the request comes from this machine itself or carries LOUPE_METRICS_TOKEN.

    A request that a proxy passed on is nobody's local one, whatever address it comes from.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    token = settings.METRICS_TOKEN
    if token and scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode()):
        return True
    if any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-Ip")):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
