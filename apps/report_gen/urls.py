"""The app's own pages, below ``/report_gen/p/<project>/``."""

from django.urls import URLPattern

from apps.report_gen.views import delivery_urls, dicom_urls, reader_urls

app_name = "report_gen"

urlpatterns: list[URLPattern] = [
    *delivery_urls.urlpatterns,
    *dicom_urls.urlpatterns,
    *reader_urls.urlpatterns,
]
