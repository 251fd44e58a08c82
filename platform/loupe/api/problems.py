"""Every error as `application/problem+json` (RFC 9457), on both paths.

`of` turns an exception into a `Problem`; Django's views answer through `handle_exception`, the
synchronous ASGI path through `Problem.body`.
"""

import json
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pydantic
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from loupe.accounts.errors import Denied, NotVisible
from loupe.api.codes import CODES
from loupe.api.errors import FieldError, RequestRefused
from loupe.contract.facts import FactRefused
from loupe.contract.runtime.errors import (
    Conflict,
    InputRefused,
    LoupeError,
    ModelRefused,
    TemporarilyUnavailable,
)
from loupe.engine.errors import EngineFault, NotFound
from loupe.engine.errors import RequestRefused as BrokenRequest
from loupe.registry.errors import OperatingPointInvalid
from loupe.training.errors import RecipeInvalid

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One error answer."""

    code: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def document(self, instance: str) -> dict[str, Any]:
        """The members of RFC 9457, `instance` being the path that was asked for."""
        known = CODES.get(self.code)
        document: dict[str, Any] = {
            "type": f"urn:loupe:problem:{self.code}",
            "title": known.title if known else HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        }
        if self.errors:
            document["errors"] = [vars(error) for error in self.errors]
        return document

    def body(self, instance: str) -> bytes:
        """The document as UTF-8 JSON."""
        return json.dumps(self.document(instance), ensure_ascii=False).encode()


def _status(error: LoupeError) -> int:
    known = CODES.get(error.code)
    if known is not None:
        return known.status
    if isinstance(error, NotVisible):
        return 404
    if isinstance(error, Denied):
        return 403
    if isinstance(error, InputRefused | ModelRefused):
        return 422
    if isinstance(error, Conflict):
        return 409
    if isinstance(error, TemporarilyUnavailable):
        return 503
    return 400


def _of_loupe(error: LoupeError) -> Problem:
    status = _status(error)
    headers = dict(getattr(error, "headers", {}))
    if status == 401:
        headers.setdefault("WWW-Authenticate", "Api-Key")
    if status == 503:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Problem(
        code=error.code,
        status=status,
        detail=error.message,
        errors=_fields(error),
        headers=headers,
    )


def _fields(error: LoupeError) -> tuple[FieldError, ...]:
    """What is wrong with each field, where the error knows."""
    if isinstance(error, OperatingPointInvalid | RecipeInvalid):
        inside = "data" if isinstance(error, OperatingPointInvalid) else "config"
        return tuple(
            FieldError(f"{inside}.{name}", error.code, said) for name, said in error.fields.items()
        )
    if isinstance(error, FactRefused):
        return (FieldError(error.field, error.code, error.message),)
    if isinstance(error, RequestRefused):
        return error.errors
    return ()


def _of_pydantic(error: pydantic.ValidationError) -> Problem:
    found = tuple(
        FieldError(
            field=".".join(str(part) for part in entry["loc"]),
            code=entry["type"],
            message=entry["msg"],
        )
        for entry in error.errors(include_url=False, include_context=False, include_input=False)
    )
    names = ", ".join(sorted({entry.field or "the body" for entry in found}))
    return Problem(
        code="invalid",
        status=400,
        detail=f"The request is not valid: look at {names} in 'errors'.",
        errors=found,
    )


def _of_framework(error: exceptions.APIException) -> Problem:
    """Django REST framework's own refusals under our codes."""
    headers: dict[str, str] = {}
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    if error.status_code == 401:
        headers["WWW-Authenticate"] = "Api-Key"
    code = {
        exceptions.NotAuthenticated: "not_authenticated",
        exceptions.AuthenticationFailed: "authentication_failed",
        exceptions.PermissionDenied: "denied",
        exceptions.NotFound: "not_found",
        exceptions.MethodNotAllowed: "method_not_allowed",
        exceptions.NotAcceptable: "not_acceptable",
        exceptions.UnsupportedMediaType: "unsupported_media_type",
        exceptions.Throttled: "throttled",
        exceptions.ParseError: "parse_error",
    }.get(type(error), "invalid")
    detail = error.detail
    return Problem(
        code=code,
        status=error.status_code,
        detail=str(detail) if isinstance(detail, str) else "The request is not valid.",
        headers=headers,
    )


def of(error: Exception) -> Problem:
    """The problem that tells the caller about `error`; an unforeseen one is logged and kept
    to itself."""
    match error:
        case EngineFault() | NotFound() | BrokenRequest():
            return _of_loupe(TemporarilyUnavailable(error.message, code="engine_fault"))
        case LoupeError():
            return _of_loupe(error)
        case pydantic.ValidationError():
            return _of_pydantic(error)
        case exceptions.APIException():
            return _of_framework(error)
        case Http404():
            return Problem(code="not_found", status=404, detail="There is nothing at this address.")
        case PermissionDenied():
            return Problem(code="denied", status=403, detail=str(error) or "Not allowed.")
        case RequestDataTooBig():
            return Problem(code="too_large", status=413, detail=f"The body is too large: {error}")
        case TooManyFilesSent() | TooManyFieldsSent():
            return Problem(code="too_many_files", status=413, detail=f"Too many parts: {error}")
        case MultiPartParserError():
            return Problem(
                code="parse_error",
                status=400,
                detail=f"The multipart body cannot be parsed: {error}.",
            )
        case OperationalError():
            log.error("the database did not answer", exc_info=error)
            return Problem(
                code="database_unavailable",
                status=503,
                detail="The database is busy or gone; nothing was kept. Send it again.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        case UnreadablePostError():
            return Problem(
                code="body_incomplete", status=400, detail="The body ended before its length."
            )
        case SuspiciousOperation():
            return Problem(code="bad_request", status=400, detail=f"Refused: {error}")
        case OSError(errno=28):
            return Problem(
                code="disk_full",
                status=507,
                detail="The disk is full: nothing was kept. Free space, then send it again.",
            )
        case _:
            log.error("unforeseen error in the API", exc_info=error)
            return Problem(
                code="internal_error",
                status=500,
                detail="Something broke on our side; the log of the web process has the details.",
            )


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """The EXCEPTION_HANDLER of Django REST framework: no error leaves in another form."""
    set_rollback()
    problem = of(error)
    request = context["request"]
    return Response(
        problem.document(request.path),
        status=problem.status,
        headers=problem.headers,
        content_type=MEDIA_TYPE,
    )


def refuse_field(name: str, message: str, code: str = "invalid") -> RequestRefused:
    """A refusal that names one field or query parameter."""
    return RequestRefused(message, code=code, errors=[FieldError(name, code, message)])
