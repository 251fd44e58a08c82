"""Pieces of the OpenAPI document that several endpoints share."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from loupe.api.shapes.base import ProblemDocument

PROJECT: Final = OpenApiParameter(
    "project",
    str,
    description="The project's slug. Keys act in their own; people name it when they see several.",
)
APP: Final = OpenApiParameter("app", str, required=True, description="The app's slug, see /apps.")
APP_HERE_OR_IN_FORM: Final = OpenApiParameter(
    "app", str, description="The app's slug, see /apps: needed here or as a field of the form."
)
APP_FILTER: Final = OpenApiParameter("app", str, description="Only those of this app.")
MODEL: Final = OpenApiParameter(
    "model", str, description="A registered model's name; left out, the project's default."
)
NAME: Final = OpenApiParameter("name", str, description="What to call the submission.")
FILENAME: Final = OpenApiParameter(
    "filename", str, description="What to call a raw body; also taken from the header Filename."
)
UPLOAD: Final = OpenApiParameter(
    "upload",
    str,
    many=True,
    description="A complete resumable upload (see `/uploads`) that belongs to the submission.",
)
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Repeat a request under the same key and it happens once.",
)
PAGING: Final = (
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        description="Rows a page.",
    ),
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
)


def files(**fields: OpenApiParameter) -> dict[str, Any]:
    """A body of files: a form, which may hold `fields` too, or one file as it is."""
    texts = {
        name: {"type": "string", "description": field.description} for name, field in fields.items()
    }
    form = {
        "type": "object",
        "properties": {
            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
            **texts,
        },
        "required": ["file"],
    }
    return {
        "multipart/form-data": form,
        "application/octet-stream": {"type": "string", "format": "binary"},
    }


_PROBLEM = OpenApiResponse(ProblemDocument, description="See the table of errors.")
PROBLEMS: Final[dict[Any, Any]] = {
    (status, "application/problem+json"): _PROBLEM for status in ("4XX", "5XX")
}
