"""REST of operating points, below ``/api/v1/defect_detection/``."""

from django.urls import URLPattern, path

from apps.defect_detection.points import proposal_rest, rest

_VERSION = "models/<int:model_id>/versions/<int:number>/operating-point/"

urlpatterns: list[URLPattern] = [
    path(f"{_VERSION}curve", rest.Curve.as_view(), name="operating-curve"),
    path(f"{_VERSION}fit", rest.Fit.as_view(), name="operating-fit"),
    path(f"{_VERSION}fit-and-set", rest.FitAndSet.as_view(), name="operating-fit-and-set"),
    path(f"{_VERSION}rehearse", rest.Rehearse.as_view(), name="operating-rehearse"),
    path(f"{_VERSION}proposals", proposal_rest.Proposals.as_view(), name="operating-proposals"),
    path(
        f"{_VERSION}proposals/<int:proposal_id>/accept",
        proposal_rest.Accept.as_view(),
        name="operating-proposal-accept",
    ),
    path(
        f"{_VERSION}proposals/<int:proposal_id>/dismiss",
        proposal_rest.Dismiss.as_view(),
        name="operating-proposal-dismiss",
    ),
]
