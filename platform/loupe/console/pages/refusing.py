"""Refusals for scripts: what a page shows as a sentence comes to them as JSON."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpResponse, JsonResponse

from loupe.accounts.errors import Denied, NotVisible
from loupe.console.pages.frame import PageRequest
from loupe.console.said import translated
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable

P = ParamSpec("P")


def in_json(
    view: Callable[Concatenate[PageRequest, P], HttpResponse],
) -> Callable[Concatenate[PageRequest, P], HttpResponse]:
    """Answer a refusal of a service with ``{"code", "message"}``."""

    @wraps(view)
    def answered(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except LoupeError as error:
            return JsonResponse(
                {"code": error.code, "message": translated(error.message, error.code)},
                status=_status(error),
            )

    return answered


def _status(error: LoupeError) -> int:
    if isinstance(error, NotVisible):
        return 404
    if isinstance(error, Denied):
        return 403
    return 503 if isinstance(error, TemporarilyUnavailable) else 400
