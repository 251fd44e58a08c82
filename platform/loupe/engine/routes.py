"""Which handler answers which method and path."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from loupe.engine.errors import NotFound
from loupe.engine.http import Connection, HttpAnswer, HttpRequest

Handler = Callable[..., Awaitable[HttpAnswer]]


class Routes:
    """A table of methods and path patterns; ``{name}`` stands for one part of a path."""

    def __init__(self) -> None:
        self._table: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Let `handler` answer; it gets the path's named parts by keyword."""
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        self._table.append((method, re.compile(expression), handler))

    def dispatch(self, connection: Connection, request: HttpRequest) -> Awaitable[HttpAnswer]:
        """Call the handler of a request.

        Raises:
            NotFound: there is none.
        """
        path = request.path.partition("?")[0]
        for method, pattern, handler in self._table:
            match = pattern.fullmatch(path)
            if match and method == request.method:
                parts = {key: unquote(value) for key, value in match.groupdict().items()}
                return handler(connection, request, **parts)
        raise NotFound(f"{request.method} {path} is not part of the engine's protocol.")
