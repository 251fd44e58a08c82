"""The dummy app's own page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path


@login_required
def about(request: HttpRequest) -> HttpResponse:
    """Says what this is."""
    return HttpResponse("a dummy", content_type="text/plain")


app_name = "dummy_app"
urlpatterns = [path("about/", about, name="about")]
