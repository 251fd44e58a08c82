"""HTTP sources for operators: to read, without the password."""

from django.contrib import admin

from loupe.audit.admin import ReadOnlyAdmin
from loupe.sources.models import HttpSource


@admin.register(HttpSource)
class HttpSourceAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "app", "url", "enabled", "asked_at", "error")
    list_filter = ("enabled", "project")
    list_select_related = ("project",)
    exclude = ("password",)
