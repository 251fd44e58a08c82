"""Asks a starting installation whether it is ready."""

import http.client

from django.conf import settings


def is_ready(host: str, port: int) -> bool:
    """Whether ``/readyz`` answers 200. Never raises: nobody listening is an ordinary no."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=5)
    headers = {"Host": allowed_host()}
    if settings.SECURE_PROXY_SSL_HEADER is not None:
        headers["X-Forwarded-Proto"] = "https"
    try:
        connection.request("GET", "/readyz", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def allowed_host() -> str:
    """A host name the settings accept."""
    named = [host for host in settings.ALLOWED_HOSTS if not host.startswith((".", "*"))]
    return named[0] if named else "localhost"


def _reachable(host: str) -> str:
    """Where to ask a server that listens on every address."""
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104
