"""The dummy app's own page."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def about(request: HttpRequest) -> HttpResponse:
    """Says what this is."""
    return HttpResponse("a dummy", content_type="text/plain")


app_name = "dummy_app"
urlpatterns = [path("about/", about, name="about")]
