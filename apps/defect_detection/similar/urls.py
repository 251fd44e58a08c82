"""Similar defects, below ``/defect_detection/``."""

from django.urls import URLPattern, path

from apps.defect_detection.similar import pages

APP = {"app": "defect_detection"}
_RESULT = "p/<slug:project>/results/<int:result_id>/similar/"

urlpatterns: list[URLPattern] = [
    path(_RESULT, pages.page, APP, name="similar"),
    path(f"{_RESULT}cases", pages.panel, APP, name="similar_cases"),
]
