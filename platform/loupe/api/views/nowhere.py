"""Every address below /api/v1/ that is none."""

from typing import ClassVar

from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from loupe.api.endpoint import Endpoint
from loupe.api.permissions import PUBLIC


@extend_schema(exclude=True)
class Nowhere(Endpoint):
    """Answers 404 as a problem document, whatever the method."""

    policy: ClassVar = dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), PUBLIC)
    authentication_classes = ()

    def get(self, request: Request, **kwargs: str) -> HttpResponse:
        """There is nothing here."""
        raise Http404

    post = put = patch = delete = get
