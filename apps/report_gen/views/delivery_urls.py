"""Addresses of what comes in, below ``/report_gen/p/<project>/``."""

from django.urls import URLPattern, path

from apps.report_gen.views import deliveries

APP = {"app": "report_gen"}
P = "p/<slug:project>/"

urlpatterns: list[URLPattern] = [
    path(f"{P}deliveries/<uuid:delivery_id>/", deliveries.page, APP, name="delivery"),
    path(f"{P}deliveries/<uuid:delivery_id>/live", deliveries.live, APP, name="delivery_live"),
    path(f"{P}studies/<uuid:study_id>/text", deliveries.say_text, APP, name="clinical_text"),
]
