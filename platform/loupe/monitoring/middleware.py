"""Gives every request an id, logs how it ended, and counts its wall time."""

import re
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from loupe.ids import new_word
from loupe.monitoring.http import observe

HEADER = "X-Request-Id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = frozenset({"healthz", "readyz", "metrics"})
log = structlog.get_logger("loupe.http")


def request_id(given: str | None) -> str:
    """The caller's id if it is a plain word of 8 to 64 characters, else a new one."""
    if given is not None and _GIVEN.fullmatch(given):
        return given
    return new_word()


class RequestLog:
    """Middleware. Everything logged while a request is answered carries its `request_id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        name = request_id(request.headers.get(HEADER))
        with structlog.contextvars.bound_contextvars(request_id=name):
            response = self.get_response(request)
            seconds = time.perf_counter() - start
            match = request.resolver_match
            route = "/" + match.route if match is not None else "unmatched"
            observe(request.method or "", route, response.status_code, seconds)
            if match is None or match.url_name not in _QUIET:
                log.info(
                    "request",
                    method=request.method,
                    path=request.path,
                    status=response.status_code,
                    ms=round(seconds * 1e3, 1),
                )
        response.headers[HEADER] = name
        return response
