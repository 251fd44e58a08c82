"""The operating point's page, below ``/defect_detection/``."""

from django.urls import URLPattern, path

from apps.defect_detection.points import pages

APP = {"app": "defect_detection"}
_POINT = "p/<slug:project>/models/<int:model_id>/<int:number>/point/"

urlpatterns: list[URLPattern] = [
    path(_POINT, pages.page, APP, name="point"),
    path(f"{_POINT}set", pages.give, APP, name="point_set"),
    path(f"{_POINT}past", pages.past, APP, name="point_past"),
]
