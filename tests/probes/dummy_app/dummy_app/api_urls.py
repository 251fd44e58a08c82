"""The dummy app's own REST call."""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from loupe.contract.rest import ProjectPermission


class Ping(APIView):
    """Answers."""

    permission_classes = (ProjectPermission.view,)

    @extend_schema(operation_id="dummy_app_ping", responses={200: dict[str, str]})
    def get(self, request: Request) -> Response:
        return Response({"ping": "pong"})


app_name = "dummy_app_api"
urlpatterns = [path("ping", Ping.as_view(), name="ping")]
