"""Errors of the API itself; those of the services keep their own classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loupe.contract.runtime.errors import LoupeError


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field. `field` is a dotted path, empty for the whole body."""

    field: str
    code: str
    message: str


class RequestRefused(LoupeError):
    """The request itself cannot be met as it was written."""

    code = "invalid"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
