"""REST of similar defects, below ``/api/v1/defect_detection/``."""

from django.urls import URLPattern, path

from apps.defect_detection.similar import rest

urlpatterns: list[URLPattern] = [
    path("results/<int:result_id>/similar", rest.Similar.as_view(), name="similar"),
]
