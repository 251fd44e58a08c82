"""Health, readiness and metrics, under the root."""

from django.urls import URLPattern, URLResolver, path

from loupe.monitoring import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.prometheus, name="metrics"),
]
