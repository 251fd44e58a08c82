"""The operating point's page, below ``/defect_detection/``."""

from django.urls import URLPattern, path

from apps.defect_detection.points import pages

APP = {"app": "defect_detection"}
_POINT = "p/<slug:project>/models/<int:model_id>/<int:number>/point/"

urlpatterns: list[URLPattern] = [
    path(_POINT, pages.page, APP, name="point"),
    path(f"{_POINT}set", pages.give, APP, name="point_set"),
    path(f"{_POINT}propose", pages.propose, APP, name="point_propose"),
    path(
        f"{_POINT}proposals/<int:proposal_id>/accept",
        pages.decide,
        {**APP, "verb": "accept"},
        name="point_accept",
    ),
    path(
        f"{_POINT}proposals/<int:proposal_id>/dismiss",
        pages.decide,
        {**APP, "verb": "dismiss"},
        name="point_dismiss",
    ),
    path(f"{_POINT}past", pages.past, APP, name="point_past"),
]
