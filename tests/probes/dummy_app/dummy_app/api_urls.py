"""The dummy app's own REST call."""

from typing import ClassVar

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Ping(APIView):
    """Answers those who may view."""

    policy: ClassVar = {"GET": "view"}

    @extend_schema(operation_id="dummy_app_ping", responses={200: dict[str, str]})
    def get(self, request: Request) -> Response:
        return Response({"ping": "pong"})


app_name = "dummy_app_api"
urlpatterns = [path("ping", Ping.as_view(), name="ping")]
