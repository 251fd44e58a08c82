"""Requests with typed errors, and repeats that cannot do anything twice.

A request is repeated when no answer came, or when the server asks to come back (429, 503 and a
first request still in flight). Every POST carries an idempotency key of its own for that.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from loupe.api.shapes.base import ProblemDocument
from loupe.client.errors import LoupeApiError, Unreachable, kind_of

Answered = TypeVar("Answered", bound=BaseModel)

LONGEST_WAIT_S = 30.0
_COME_BACK = frozenset({"throttled", "idempotency_in_flight"})


class Transport:
    """Talks to one server with one key."""

    def __init__(
        self, base_url: str, key: str, *, project: str | None, timeout_s: float, tries: int
    ) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url.rstrip('/')}/api/v1/",
            headers={"Authorization": f"Api-Key {key}", "User-Agent": "loupe-client/1"},
            timeout=timeout_s,
        )
        self._project = project
        self._tries = tries

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, shape: type[Answered], **parameters: Any) -> Answered:
        """A GET, as `shape`."""
        return shape.model_validate_json(self.send("GET", path, parameters).content)

    def post(
        self, path: str, shape: type[Answered], body: Any = None, **parameters: Any
    ) -> Answered:
        """A POST of JSON, as `shape`."""
        response = self.send("POST", path, parameters, lambda: {"json": body or {}})
        return shape.model_validate_json(response.content)

    def send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        content: Callable[[], dict[str, Any]] = dict,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> httpx.Response:
        """One request, repeated where that is safe.

        Args:
            content: makes httpx's arguments for the body, afresh for every try.

        Raises:
            LoupeApiError: the server refused.
            Unreachable: no answer came.
        """
        sent = dict(headers or {})
        if method == "POST":
            sent["Idempotency-Key"] = idempotency_key or uuid.uuid4().hex
        for attempt in range(1, self._tries + 1):
            last = attempt == self._tries
            try:
                response = self._http.request(
                    method, path, params=self._query(parameters), headers=sent, **content()
                )
            except httpx.TransportError as error:
                if last:
                    raise Unreachable(
                        f"{self._http.base_url} gave no answer in {attempt} tries: {error!r}."
                    ) from error
                time.sleep(min(LONGEST_WAIT_S, 0.2 * 2**attempt))
                continue
            if response.is_success:
                return response
            refused = _error(response)
            if last or refused.code not in _COME_BACK:
                raise refused
            time.sleep(min(LONGEST_WAIT_S, refused.retry_after or 1.0))
        raise ValueError(f"tries={self._tries} is not allowed: at least 1.")

    @contextmanager
    def stream(self, path: str, **parameters: Any) -> Iterator[httpx.Response]:
        """A GET whose body is read piece by piece.

        Raises:
            LoupeApiError: the server refused.
            Unreachable: the connection broke.
        """
        try:
            with self._http.stream("GET", path, params=self._query(parameters)) as response:
                if not response.is_success:
                    response.read()
                    raise _error(response)
                yield response
        except httpx.TransportError as error:
            raise Unreachable(f"{self._http.base_url}{path} broke off: {error!r}.") from error

    def _query(self, parameters: Mapping[str, Any] | None) -> dict[str, str | list[str]]:
        given = {"project": self._project, **(parameters or {})}
        return {
            name: _parameter(value)
            for name, value in given.items()
            if value is not None and value not in ("", [])
        }


def _parameter(value: Any) -> str | list[str]:
    """A query parameter as it is written; a list stands there several times."""
    if isinstance(value, list):
        return [str(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(response: httpx.Response) -> LoupeApiError:
    """The exception an answer of 400 or more stands for."""
    try:
        problem = ProblemDocument.model_validate_json(response.content)
    except ValidationError:
        problem = ProblemDocument(
            type="about:blank",
            title=response.reason_phrase,
            status=response.status_code,
            detail=response.text[:300] or response.reason_phrase,
            instance=response.request.url.path,
            code="not_a_problem_document",
        )
    wait = response.headers.get("Retry-After", "")
    return kind_of(response.status_code)(problem, float(wait) if wait.isdigit() else None)
