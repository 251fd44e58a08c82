"""The app's own pages, below ``/report_gen/p/<project>/``."""

from django.urls import URLPattern

from apps.report_gen.views import reader_urls

app_name = "report_gen"

urlpatterns: list[URLPattern] = [*reader_urls.urlpatterns]
