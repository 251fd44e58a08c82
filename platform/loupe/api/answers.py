"""Answers of handlers, and what they read from requests."""

from typing import TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.api.errors import RequestRefused
from loupe.api.problems import refuse_field

Wanted = TypeVar("Wanted", bound=BaseModel)


def answer(shape: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`shape` as JSON."""
    return Response(shape.model_dump(mode="json"), status=status, headers=headers)


def ordered(request: Request, kind: type[Wanted]) -> Wanted:
    """The JSON body as `kind`.

    Raises:
        pydantic.ValidationError: it is not one; every wrong field is named in the answer.
        RequestRefused: the body holds text the database cannot keep.
    """
    order = kind.model_validate(request.data)
    if "\\u0000" in order.model_dump_json():
        raise RequestRefused("The body contains the character U+0000: leave it out.")
    return order


def parameter(request: Request, name: str, choices: tuple[str, ...] = ()) -> str:
    """A query parameter; empty where it was not sent.

    Raises:
        RequestRefused: it is not one of `choices`, or longer than 255 characters.
    """
    value = request.query_params.get(name, "")
    if "\x00" in value or len(value) > 255:
        raise refuse_field(name, f"{name} is too long or holds the character U+0000.")
    if value and choices and value not in choices:
        raise refuse_field(name, f"{name}={value!r} is not one of {', '.join(choices)}.")
    return value


def flag(request: Request, name: str) -> bool | None:
    """A query parameter that is ``true`` or ``false``; None where it was not sent."""
    value = parameter(request, name, ("true", "false"))
    return None if not value else value == "true"


def address(path: str, **parameters: str) -> str:
    """`path` with those parameters that are not empty."""
    kept = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path
