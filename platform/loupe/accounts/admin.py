"""Projects, members and keys for operators. What a service audits is shown, not edited."""

from django.contrib import admin

from loupe.accounts.models import ApiKey, Membership, Project
from loupe.audit.admin import ReadOnlyAdmin


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("slug", "name", "time_zone", "created_at")
    search_fields = ("slug", "name")


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("project", "user", "role")
    list_filter = ("role", "project")
    list_select_related = ("project", "user")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("prefix", "name", "project", "expiry_date", "revoked", "last_used_at")
    list_filter = ("revoked", "project")
    list_select_related = ("project",)
    exclude = ("hashed_key",)
    search_fields = ("prefix", "name")
