"""The changes feed for operators: to read."""

from django.contrib import admin

from loupe.audit.admin import ReadOnlyAdmin
from loupe.changes.models import Change


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    list_display = ("id", "at", "project", "kind", "subject")
    list_filter = ("kind", "project")
    list_select_related = ("project",)
    show_full_result_count = False
