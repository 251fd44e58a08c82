"""The app's own pages, below ``/defect_detection/p/<project>/``."""

from django.urls import URLPattern, path

from apps.defect_detection.points import urls as point_urls
from apps.defect_detection.similar import urls as similar_urls
from apps.defect_detection.views import parts, products, quality, recipes, station, stations

app_name = "defect_detection"
# The host's frame marks the app that an address belongs to by its argument `app`.
APP = {"app": "defect_detection"}
P = "p/<slug:project>/"

urlpatterns: list[URLPattern] = [
    path(f"{P}parts/", parts.listing, APP, name="parts"),
    path(f"{P}parts/<int:part_id>/", parts.page, APP, name="part"),
    path(f"{P}parts/<int:part_id>/findings", parts.report, APP, name="report"),
    path(
        f"{P}parts/<int:part_id>/findings/<int:finding_id>/withdraw",
        parts.withdraw,
        APP,
        name="withdraw",
    ),
    path(f"{P}parts/<int:part_id>/judge", station.judge, APP, name="judge"),
    path(f"{P}quality/", quality.page, APP, name="quality"),
    path(f"{P}quality/pictures", quality.pictures, APP, name="quality_pictures"),
    path(f"{P}products/", products.listing, APP, name="products"),
    path(f"{P}products/<slug:key>/", products.page, APP, name="product"),
    path(f"{P}products/<slug:key>/change", products.change, APP, name="product_change"),
    path(f"{P}products/<slug:key>/recipe", recipes.edit, APP, name="recipe"),
    path(f"{P}stations/", stations.listing, APP, name="stations"),
    path(f"{P}stations/<slug:key>/change", stations.change, APP, name="station_change"),
    path(f"{P}stations/<slug:key>/run", stations.run, APP, name="station_run"),
    path(f"{P}stations/<slug:key>/", station.page, APP, name="station"),
    path(f"{P}stations/<slug:key>/events", station.events, APP, name="station_events"),
    *point_urls.urlpatterns,
    *similar_urls.urlpatterns,
]
