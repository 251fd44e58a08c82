"""The same synchronous calls through Django: for sessions, the test client and WSGI."""

import time
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from loupe.accounts.policy import Action
from loupe.api import describe
from loupe.api.body import announced, too_large
from loupe.api.endpoint import Endpoint
from loupe.api.facts import parameters
from loupe.api.shapes.sync import FileAnswer, RowsAnswer
from loupe.api.sync import rows, service
from loupe.api.sync.asked import MULTIPART_BYTES, POLICIES, asked, body_limit, permitted
from loupe.api.sync.backstage import ForDjango
from loupe.api.sync.entries import Answer
from loupe.api.sync.receiving import VARIABLE, is_form, only_file, read_whole, removing
from loupe.blobs.writing import Written
from loupe.contract.app import DomainApp
from loupe.contract.extras import SyncMode
from loupe.contract.reading import ARROW, JSON, NDJSON
from loupe.contract.runtime.steps import load
from loupe.plugins import registry

PARAMETERS = (
    describe.PROJECT,
    describe.MODEL,
    describe.FILENAME,
    describe.IDEMPOTENCY_KEY,
    OpenApiParameter(
        "policy",
        str,
        enum=POLICIES,
        description="What to answer when the engine is late or gone; left out: 503. "
        "Also taken from the header Loupe-Fallback.",
    ),
    OpenApiParameter(
        "deadline_ms",
        {"type": "integer", "minimum": 1, "maximum": 60_000},
        description="How long the engine may take; the app's own limit where left out.",
    ),
)


class SyncEndpoint(Endpoint):
    """One app's synchronous call."""

    policy: ClassVar = {"POST": Action.SUBMIT}
    domain_app: ClassVar[type[DomainApp]]
    mode: ClassVar[SyncMode]

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        self.project = permitted(self.actor, request.query_params.get("project"))

    def answered(self, request: Request) -> HttpResponse:
        """Read the call as the short way does, and hand it to the same service."""
        started = time.perf_counter()
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = asked(
            self.domain_app,
            self.mode,
            self.actor,
            self.project,
            request.path,
            request._request.GET,
            headers,
        )
        content_type = headers.get("content-type", "")
        form = is_form(content_type) and self.mode.body == "file"
        limit = body_limit(self.domain_app, self.mode)
        if (announced(headers) or 0) > (limit + MULTIPART_BYTES if form else limit):
            raise too_large(limit, VARIABLE)
        body: Written
        if form:
            body, sent_name = only_file(request._request.FILES, limit)
            with removing(body):
                call = call.named(sent_name).with_form(request._request.POST)
        else:
            body = read_whole(request._request, limit)

        async def run() -> Answer:
            backstage = ForDjango()
            try:
                if self.mode.body == "rows":
                    accept = headers.get("accept", "")
                    return await rows.answer(call, body, content_type, accept, backstage, started)
                return await service.answer(call, body, backstage, started)
            finally:
                await backstage.engine.close()

        found = async_to_sync(run)()
        return HttpResponse(
            found.body,
            status=found.status,
            content_type=found.media_type,
            headers=found.headers,
        )


def _described(app: type[DomainApp], mode: SyncMode) -> Any:
    """The endpoint's part of the OpenAPI document."""
    if mode.body == "rows":
        row: Any = load(str(mode.row_schema))
        rows_schema = {"type": "array", "maxItems": mode.max_rows, "items": row.model_json_schema()}
        if mode.row_examples:
            rows_schema["examples"] = [[dict(one) for one in mode.row_examples]]
        body: Any = {
            JSON: rows_schema,
            NDJSON: {"type": "string"},
            ARROW: {"type": "string", "format": "binary"},
        }
        shape: Any = RowsAnswer
    else:
        body = {
            **{
                media_type: {"type": "string", "format": "binary"}
                for kind in app.inputs
                for media_type in kind.media_types
            },
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    **{fact.key: {"type": "string"} for fact in app.facts},
                },
                "required": ["file"],
            },
        }
        shape = FileAnswer
    return extend_schema(
        operation_id=f"{app.slug}_{mode.verb}",
        description=mode.description.en or None,
        parameters=[*PARAMETERS, *_on_request(mode), *parameters(app)],
        request=body,
        responses={(200, "application/json"): shape, **describe.PROBLEMS},
    )


def _on_request(mode: SyncMode) -> list[OpenApiParameter]:
    """A parameter for each field that an answer has only where it is asked for."""
    return [
        OpenApiParameter(
            name, str, enum=("0", "1"), description=f"1: the rows of the answer carry {name} too."
        )
        for name in mode.on_request
    ]


def sync_routes() -> list[URLPattern]:
    """One address per installed app with a synchronous call."""
    found = []
    for app in registry.installed():
        mode = app.sync
        if mode is None:
            continue

        def post(self: SyncEndpoint, request: Request) -> HttpResponse:
            return self.answered(request)

        post.idempotent = True  # type: ignore[attr-defined]
        view = type(
            "SyncCall",
            (SyncEndpoint,),
            {"domain_app": app, "mode": mode, "post": _described(app, mode)(post)},
        )
        found.append(
            path(f"{app.slug}/{mode.verb}", view.as_view(), name=f"sync-{app.slug}")  # type: ignore[attr-defined]
        )
    return found
