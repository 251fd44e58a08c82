"""Every address of the host; apps' own are mounted from their contract classes."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
