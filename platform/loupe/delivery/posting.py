"""One HTTP POST to a checked address: no redirects, no proxies, no more time than allowed."""

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from loupe.outbound.addresses import Target
from loupe.outbound.pinned import Pinned, at_most

TOTAL_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a try: an HTTP status, or an error in words."""

    status: int | None
    error: str
    elapsed_ms: float

    @property
    def taken(self) -> bool:
        """Whether the receiver has it: any status of the 200s."""
        return self.status is not None and 200 <= self.status < 300


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send `body` as JSON and read the status; the answer's body is not read."""
    start = time.perf_counter()
    status: int | None = None
    error = ""
    connection = Pinned(target)
    try:
        connection.connect()
        with at_most(TOTAL_S, connection):
            connection.request(
                "POST",
                target.path,
                body=body,
                headers={
                    "Host": connection.host_header,
                    "Content-Type": "application/json",
                    "User-Agent": "Loupe-Webhook/1",
                    "Connection": "close",
                    **headers,
                },
            )
            status = connection.getresponse().status
        if not 200 <= status < 300:
            error = f"HTTP {status}" + (" (redirects are not followed)" if status < 400 else "")
    except ssl.SSLError as problem:
        error = f"TLS: {problem.reason or problem}"
    except (OSError, http.client.HTTPException) as problem:
        status = None
        error = f"{type(problem).__name__}: {problem}"
    finally:
        connection.close()
    elapsed_ms = (time.perf_counter() - start) * 1e3
    return Answer(status=status, error=error[:300], elapsed_ms=elapsed_ms)
