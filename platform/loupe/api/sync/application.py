"""The short way: synchronous calls by API key, answered before Django's middleware is asked.

Everything else, and every odd request (another method, no key, a host that is not ours), goes the
long way through Django, whose view of the same address uses the same service.
"""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.http import QueryDict
from django.http.request import split_domain_port, validate_host

from loupe.accounts import keys
from loupe.accounts.policy import Actor
from loupe.api import limits
from loupe.api.authentication import key_in
from loupe.api.body import Receive, Scope, Send, announced, headers_of, send_problem, too_large
from loupe.api.sync import rows, service
from loupe.api.sync.asked import MULTIPART_BYTES, asked, body_limit, permitted
from loupe.api.sync.backstage import ForAsgi
from loupe.api.sync.entries import Answer
from loupe.api.sync.receiving import (
    VARIABLE,
    arriving,
    file_of_form,
    is_form,
    removing,
    taken,
    taken_whole,
)
from loupe.contract.app import DomainApp
from loupe.contract.extras import SyncMode
from loupe.monitoring.http import observe
from loupe.monitoring.middleware import request_id
from loupe.plugins import registry


@dataclass(frozen=True)
class Route:
    """One address of the short way."""

    app: type[DomainApp]
    mode: SyncMode


def routes() -> dict[str, Route]:
    """Every installed app's synchronous call by path."""
    return {
        f"/api/v1/{app.slug}/{app.sync.verb}": Route(app, app.sync)
        for app in registry.installed()
        if app.sync is not None
    }


class SyncApplication:
    """ASGI. `takes` says which requests are its own."""

    def __init__(self) -> None:
        self._routes = routes()
        self._backstage: ForAsgi | None = None

    def takes(self, scope: Scope) -> bool:
        """Whether this is a synchronous call with a key, to a host of ours."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return False
        if scope["path"] not in self._routes:
            return False
        headers = headers_of(scope)
        return "authorization" in headers and _ours(
            headers.get("host", ""), tuple(settings.ALLOWED_HOSTS)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = headers_of(scope)
        name = request_id(headers.get("x-request-id"))
        try:
            answer = await self._answer(scope, headers, receive, started)
        except RequestAborted:
            return
        except Exception as error:
            # The outermost border: `problems.of` logs what nobody foresaw.
            status = await send_problem(error, scope, send, {"X-Request-Id": name})
        else:
            status = answer.status
            await send_answer(answer, name, send)
        observe("POST", scope["path"], status, time.perf_counter() - started)

    async def _answer(
        self, scope: Scope, headers: dict[str, str], receive: Receive, started: float
    ) -> Answer:
        route = self._routes[scope["path"]]
        query = _query(scope["query_string"])
        if self._backstage is None:
            self._backstage = ForAsgi()
        backstage = self._backstage
        raw = key_in(headers["authorization"]) or ""
        key = keys.remembered(raw) or await backstage.do(keys.authenticate, raw)
        actor = Actor(key=key)
        project = permitted(actor, query.get("project"))
        limits.spend(actor)
        call = asked(route.app, route.mode, actor, project, scope["path"], query, headers)
        content_type = headers.get("content-type", "")
        form = is_form(content_type) and route.mode.body == "file"
        limit = body_limit(route.app, route.mode)
        most = limit + MULTIPART_BYTES if form else limit
        if (announced(headers) or 0) > most:
            raise too_large(limit, VARIABLE)
        if route.mode.body == "rows":
            rows_body = await taken_whole(arriving(receive), most)
            return await rows.answer(
                call, rows_body, content_type, headers.get("accept", ""), backstage, started
            )
        body = await taken(arriving(receive), most)
        if form:
            body, sent_name, fields = await backstage.do(file_of_form, body, content_type, limit)
            with removing(body):
                call = call.named(sent_name).with_form(fields)
        return await service.answer(call, body, backstage, started)


@lru_cache(maxsize=64)
def _ours(named: str, allowed: tuple[str, ...]) -> bool:
    """Whether the ``Host`` of a request is one of ours."""
    host, _ = split_domain_port(named)
    return validate_host(host, allowed)


@lru_cache(maxsize=64)
def _query(raw: bytes) -> QueryDict:
    """The parameters of an address; nobody changes them."""
    return QueryDict(raw.decode("latin-1"))


async def send_answer(answer: Answer, name: str, send: Send) -> None:
    """Send `answer` with the request's id."""
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", name.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    headers += [(key.lower().encode(), value.encode()) for key, value in answer.headers.items()]
    start: dict[str, Any] = {"type": "http.response.start", "status": answer.status}
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
