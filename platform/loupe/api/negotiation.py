"""One representation per address: JSON, or what `format=` names. `Accept` is not consulted, so
that ``curl`` and ``EventSource`` get the same answer as everybody."""

from collections.abc import Iterable

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.mediatypes import media_type_matches


class OneRepresentation(BaseContentNegotiation):
    """Always the first renderer; parsers by content type as usual."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        content_type = request.content_type
        if len(content_type) > 256:
            return None
        for parser in parsers:
            if media_type_matches(str(parser.media_type), content_type):
                return parser
        return None

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, str(first.media_type)
