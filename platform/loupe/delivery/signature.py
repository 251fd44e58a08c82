"""Signs what webhooks deliver, and checks it on the other side.

Free of Django and of the rest of Loupe: a receiver may copy this file. The header is
``Loupe-Signature: t=<seconds since 1970>,v1=<hex HMAC-SHA-256 of "<t>." + body>``.
"""

import hashlib
import hmac
import time

HEADER = "Loupe-Signature"
TOLERANCE_S = 300


class BadSignature(ValueError):
    """The delivery is not from who it says, was changed, or is a replay of an old one."""


def sign(secret: str, body: bytes, timestamp: int) -> str:
    """The header's value for `body` sent at `timestamp` (seconds since 1970)."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={digest.hexdigest()}"


def verify_signature(
    secret: str,
    body: bytes,
    header: str,
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> None:
    """Pass in silence if `header` signs exactly these bytes, recently.

    Args:
        secret: what Loupe showed when the webhook was made.
        body: the request's body as received, not parsed and written again.
        header: the value of ``Loupe-Signature``.
        tolerance_s: how old or how far ahead the time may be, in seconds.
        now: seconds since 1970; None: the clock.

    Raises:
        BadSignature: it does not.
    """
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    try:
        timestamp = int(parts["t"])
        given = parts["v1"]
    except (KeyError, ValueError):
        raise BadSignature(f"{HEADER} is {header!r}: it must be 't=<seconds>,v1=<hex>'.") from None
    expected = sign(secret, body, timestamp).partition("v1=")[2]
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise BadSignature("The signature does not match the body: wrong secret or changed bytes.")
    age = (time.time() if now is None else now) - timestamp
    if abs(age) > tolerance_s:
        raise BadSignature(f"The delivery is {age:.0f} s old; {tolerance_s:.0f} s are allowed.")
