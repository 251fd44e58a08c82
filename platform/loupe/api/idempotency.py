"""A request a caller may repeat: ``Idempotency-Key`` on POST.

The same key with the same request gets the first answer again, with another request a refusal,
and while the first still runs a refusal with ``Retry-After``. Only answers of success are kept:
what failed may be put right and sent again under its key.

The answer is kept in the same transaction as what the request did. A process that dies leaves
either both or neither, so the key, free again after `STALE`, never does a thing twice.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar, cast

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.api.endpoint import Endpoint
from loupe.api.errors import RequestRefused
from loupe.api.models import IdempotencyKey
from loupe.blobs.writing import Written

KEPT = timedelta(hours=24)
STALE = timedelta(minutes=10)
"""A request that has not ended after this long died with its process."""

View = TypeVar("View", bound=Endpoint)
Arguments = ParamSpec("Arguments")
Handler = TypeVar("Handler", bound=Callable[..., Response])


def key_in(header: str | None) -> str | None:
    """The key of the header.

    Raises:
        RequestRefused: it is empty, too long or not printable ASCII.
    """
    if header is None:
        return None
    if not 1 <= len(header) <= 255 or not header.isascii() or not header.isprintable():
        raise RequestRefused(
            "Idempotency-Key must be 1 to 255 printable ASCII characters; a UUID is a good one.",
            code="idempotency_key_invalid",
        )
    return header


def digest(*parts: object) -> str:
    """A hash that is equal only for equal requests."""
    running = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        running.update(len(raw).to_bytes(8, "big") + raw)
    return running.hexdigest()


def reserve(actor: Actor, project: Project, key: str, sha256: str) -> IdempotencyKey | None:
    """Take `key` for a request that begins now; returns the row that holds the first answer
    where there is one, and None where the request shall run.

    Raises:
        RequestRefused: the key belongs to another request, or the first one still runs.
    """
    now = timezone.now()
    IdempotencyKey.objects.filter(project=project, created_at__lt=now - KEPT).delete()
    IdempotencyKey.objects.filter(
        project=project, key=key, status__isnull=True, created_at__lt=now - STALE
    ).delete()
    try:
        with transaction.atomic():
            IdempotencyKey.objects.create(
                project=project, key=key, request_sha256=sha256, created_by=actor.user
            )
    except IntegrityError:
        first = IdempotencyKey.objects.filter(project=project, key=key).first()
    else:
        return None
    if first is not None and first.request_sha256 != sha256:
        raise RequestRefused(
            f"The idempotency key {key!r} was used for another request: take a new one.",
            code="idempotency_key_reused",
        )
    if first is None or first.status is None:
        raise _in_flight(key)
    return first


def _in_flight(key: str) -> RequestRefused:
    return RequestRefused(
        f"The first request with the idempotency key {key!r} has not ended yet: "
        "ask again when Retry-After is over.",
        code="idempotency_in_flight",
        headers={"Retry-After": "1"},
    )


def complete(project: Project, key: str, status: int, answer: dict[str, Any]) -> bool:
    """Keep the answer for `key`; whether it was still waited for. It is not if the request took
    longer than `STALE` and was sent again meanwhile."""
    waiting = IdempotencyKey.objects.filter(project=project, key=key, status__isnull=True)
    return bool(waiting.update(status=status, answer=answer))


def release(project: Project, key: str) -> None:
    """Forget a request that did not succeed."""
    IdempotencyKey.objects.filter(project=project, key=key, status__isnull=True).delete()


def _content(request: Request) -> list[object]:
    """What the body says, whatever it is encoded as."""
    data = request.data
    if isinstance(data, Written):
        return [data.sha256, data.size]
    files = [
        [field, file.name, _hash(file)]
        for field, several in sorted(request.FILES.lists())
        for file in several
    ]
    if isinstance(data, MultiValueDict):
        sent = sorted((name, values) for name, values in data.lists())
        plain = [
            [name, [value for value in values if not isinstance(value, UploadedFile)]]
            for name, values in sent
        ]
        return [plain, files]
    return [data]


def _hash(file: Any) -> str:
    written = getattr(file, "written", None)
    if isinstance(written, Written):
        return written.sha256
    running = hashlib.sha256()
    for chunk in file.chunks():
        running.update(chunk)
    file.seek(0)
    return running.hexdigest()


LastStep: TypeAlias = Callable[[], Response]


def idempotent(
    handler: Callable[Concatenate[View, Request, Arguments], Response],
) -> Callable[Concatenate[View, Request, Arguments], Response]:
    """Make a POST handler honour ``Idempotency-Key``. Under a key the whole handler is one
    transaction: it only reads and writes the database."""

    @wraps(handler)
    def post(
        self: View, request: Request, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Response:
        return _once(self, request, lambda: lambda: handler(self, request, *args, **kwargs))

    return cast(Callable[Concatenate[View, Request, Arguments], Response], _marked(post))


def idempotent_last_step(
    handler: Callable[Concatenate[View, Request, Arguments], LastStep],
) -> Callable[Concatenate[View, Request, Arguments], Response]:
    """Make a POST handler that works long, or reaches beyond the database, honour
    ``Idempotency-Key``. It returns its last step, which makes the answer; only that shares the
    transaction in which the answer is kept, so nobody waits for the database meanwhile."""

    @wraps(handler)
    def post(
        self: View, request: Request, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Response:
        return _once(self, request, lambda: handler(self, request, *args, **kwargs))

    return cast(Callable[Concatenate[View, Request, Arguments], Response], _marked(post))


def _marked(post: Handler) -> Handler:
    """`post`, so that a test finds the handlers that honour keys."""
    post.idempotent = True  # type: ignore[attr-defined]
    return post


def _once(view: Endpoint, request: Request, work: Callable[[], LastStep]) -> Response:
    """The answer of `work` and its last step, or the one that is kept for the request's key."""
    key = key_in(request.headers.get("Idempotency-Key"))
    if key is None:
        return work()()
    sha256 = digest(
        request.method,
        request.path,
        sorted((name, values) for name, values in request.query_params.lists()),
        _content(request),
    )
    try:
        first = reserve(view.actor, view.project, key, sha256)
        if first is not None:
            return _replayed(first)
        return _run(view, key, work)
    finally:
        # A raw body that no handler took; forms remove theirs as the request ends.
        if isinstance(request.data, Written):
            request.data.path.unlink(missing_ok=True)


def _replayed(first: IdempotencyKey) -> Response:
    kept = first.answer or {}
    headers = {**kept.get("headers", {}), "Idempotency-Replayed": "true"}
    return Response(kept.get("body"), status=first.status, headers=headers)


def _run(view: Endpoint, key: str, work: Callable[[], LastStep]) -> Response:
    """Do the work, and its last step together with keeping the answer."""
    try:
        last_step = work()
        with transaction.atomic():
            response = last_step()
            kept_headers = {
                name: response[name] for name in ("Location", "Retry-After") if name in response
            }
            body = {"headers": kept_headers, "body": response.data}
            if not complete(view.project, key, response.status_code, body):
                raise _in_flight(key)
    except BaseException:
        release(view.project, key)
        raise
    return response
