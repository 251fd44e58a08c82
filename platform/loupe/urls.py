"""Every address of the host; apps' own are mounted from their contract classes."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from loupe.plugins import registry


def _pages_of_apps() -> list[URLPattern | URLResolver]:
    """Each app's own pages below ``/<slug>/``."""
    return [
        path(f"{app.slug}/", include(app.pages.urls))
        for app in registry.installed()
        if app.pages.urls is not None
    ]


def _api_of_apps() -> list[URLPattern | URLResolver]:
    """Each app's own routes below ``/api/v1/<slug>/``."""
    return [
        path(f"api/v1/{app.slug}/", include(app.pages.api_urls))
        for app in registry.installed()
        if app.pages.api_urls is not None
    ]


urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("loupe.monitoring.urls")),
    *_api_of_apps(),
    path("api/v1/", include("loupe.api.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    *_pages_of_apps(),
    path("", include("loupe.console.urls")),
]
