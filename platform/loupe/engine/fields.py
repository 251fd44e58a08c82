"""Typed readers of a request's JSON fields; each refusal names the field."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loupe.contract.runtime.lanes import Lane
from loupe.engine.errors import RequestRefused
from loupe.engine.pieces import Deadline

_LANES = {str(lane): lane for lane in Lane}


def text(document: Mapping[str, Any], key: str) -> str:
    """A text that is not empty."""
    value = document.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        raise RequestRefused(f"The field {key!r} is {value!r}; it must be a text.")
    return value


def file(document: Mapping[str, Any]) -> tuple[Path, dict[str, Any], str | None]:
    """The file a request names, the options for its parser, and what people call it."""
    path = Path(text(document, "path"))
    if not path.is_absolute():
        raise RequestRefused(f"path={str(path)!r} must be absolute.")
    name = text(document, "name") if "name" in document else None
    return path, mapping(document, "options"), name


def mapping(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object; a field that is missing is an empty one."""
    value = document.get(key, {})
    if not isinstance(value, dict):
        raise RequestRefused(f"The field {key!r} must be a JSON object.")
    return value


def mapping_text(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object that came as JSON text; a field that is missing is an empty one."""
    value = document.get(key, "{}")
    try:
        found = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RequestRefused(f"The parameter {key!r} must be the text of a JSON object.")
    return found


def whole(document: Mapping[str, Any], key: str) -> int:
    """A whole number from 1 up."""
    value = document.get(key)
    if type(value) is not int or not 1 <= value < 2**48:
        raise RequestRefused(
            f"The field {key!r} is {value!r}; it must be a whole number from 1 up."
        )
    return value


def number(part: str) -> int:
    """A version as part of a path."""
    if not part.isascii() or not part.isdecimal() or len(part) > 12 or int(part) < 1:
        raise RequestRefused(f"{part!r} is no version; versions are whole numbers from 1 up.")
    return int(part)


def deadline(parameters: Mapping[str, Any], key: str) -> Deadline:
    """The moment by which the caller wants its answer, from milliseconds."""
    value = parameters.get(key)
    if value is None:
        return Deadline()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise RequestRefused(
            f"The parameter {key!r} is {value!r}; it must be milliseconds above 0."
        )
    return Deadline(float(value))


def lane(parameters: Mapping[str, Any], key: str) -> Lane:
    """How urgent the request is; ``interactive`` where it does not say."""
    value = parameters.get(key)
    if value is None:
        return Lane.INTERACTIVE
    if not isinstance(value, str) or value not in _LANES:
        raise RequestRefused(
            f"The parameter {key!r} is {value!r}; it must be one of {', '.join(Lane)}."
        )
    return _LANES[value]
