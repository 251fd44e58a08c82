"""The app's own REST addresses, below ``/api/v1/fraud/``."""

from django.urls import URLPattern

app_name = "fraud-api"
urlpatterns: list[URLPattern] = []
