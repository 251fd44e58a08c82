"""The API described: OpenAPI 3.1 as JSON, and a page that shows it without leaving the machine."""

from typing import ClassVar

from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.api.negotiation import OneRepresentation
from loupe.api.permissions import PUBLIC, DenyByDefault
from loupe.api.streams_described import add_streams


class Document(OpenApiJsonRenderer2):
    """The document as plain ``application/json``, which every tool reads."""

    media_type = "application/json"


class OpenApi(SpectacularAPIView):
    """The OpenAPI document."""

    policy: ClassVar = {"GET": PUBLIC}
    authentication_classes = ()
    permission_classes = (DenyByDefault,)
    content_negotiation_class = OneRepresentation
    renderer_classes = [Document]  # noqa: RUF012  (the base declares a list)

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: str, **kwargs: str) -> Response:
        """OpenAPI 3.1 of everything below /api/v1/."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        add_streams(response.data)
        return response


# Swagger UI writes style attributes; scripts stay our own files only. On this page alone.
@method_decorator(
    csp_replace({"style-src": ["'self'", "'unsafe-inline'"], "img-src": ["'self'", "data:"]}),
    name="dispatch",
)
class Docs(SpectacularSwaggerSplitView):
    """The page at /api/v1/docs/."""

    policy: ClassVar = {"GET": PUBLIC}
    authentication_classes = ()
    permission_classes = (DenyByDefault,)
    content_negotiation_class = OneRepresentation
    renderer_classes = [TemplateHTMLRenderer]  # noqa: RUF012  (the base declares a list)
    template_name = "api/docs.html"
    url_name = "api:openapi"
