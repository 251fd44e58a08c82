"""The audit log for operators: to read, never to write."""

from django.contrib import admin
from django.http import HttpRequest

from loupe.audit.models import Event


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # any model whose rows only a service writes
    """Shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("id", "at", "project", "actor", "action", "subject")
    list_filter = ("action", "project")
    search_fields = ("actor", "subject")
    list_select_related = ("project",)
    show_full_result_count = False
