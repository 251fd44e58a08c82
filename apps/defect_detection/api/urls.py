"""The app's own REST addresses, below ``/api/v1/defect_detection/``."""

from django.urls import URLPattern, path

from apps.defect_detection.api import parts, products, stations
from apps.defect_detection.points import api_urls as point_urls
from apps.defect_detection.similar import api_urls as similar_urls

app_name = "defect_detection-api"

urlpatterns: list[URLPattern] = [
    path("products", products.ProductList.as_view(), name="products"),
    path("products/<slug:key>", products.OneProduct.as_view(), name="product"),
    path("products/<slug:key>/recipes", products.Recipes.as_view(), name="recipes"),
    path("stations", stations.StationList.as_view(), name="stations"),
    path("stations/<slug:key>", stations.OneStation.as_view(), name="station"),
    path("stations/<slug:key>/run", stations.RunStation.as_view(), name="station-run"),
    path("stations/<slug:key>/events", stations.StationEvents.as_view(), name="station-events"),
    path("parts", parts.PartList.as_view(), name="parts"),
    path("parts/<int:part_id>", parts.OnePart.as_view(), name="part"),
    path("parts/<int:part_id>/findings", parts.Findings.as_view(), name="findings"),
    path(
        "parts/<int:part_id>/findings/<int:finding_id>/withdraw",
        parts.WithdrawFinding.as_view(),
        name="finding-withdraw",
    ),
    path("quality", parts.QualityFigures.as_view(), name="quality"),
    *point_urls.urlpatterns,
    *similar_urls.urlpatterns,
]
