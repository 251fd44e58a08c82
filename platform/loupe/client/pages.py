"""Walks through lists page by page."""

from collections.abc import Iterator
from typing import Any, TypeVar

from loupe.api.shapes.base import Paged
from loupe.client.transport import Transport

Page = TypeVar("Page", bound=Paged)


def every(transport: Transport, path: str, shape: type[Page], **parameters: Any) -> Iterator[Page]:
    """Every page of a list; the next one is asked for when it is needed."""
    cursor: str | None = None
    while True:
        page = transport.get(path, shape, **{"limit": 200, **parameters, "cursor": cursor})
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return
