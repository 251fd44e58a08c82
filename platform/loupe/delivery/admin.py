"""Webhooks and deliveries for operators: to read, without the secret."""

from django.contrib import admin

from loupe.audit.admin import ReadOnlyAdmin
from loupe.delivery.models import Attempt, Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ("url", "project", "enabled", "created_at")
    list_filter = ("enabled", "project")
    list_select_related = ("project",)
    exclude = ("secret",)


class AttemptInline(admin.TabularInline):  # type: ignore[type-arg]  # django-stubs wants two parameters, Django takes none
    model = Attempt
    extra = 0
    can_delete = False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "webhook", "change", "state", "next_attempt_at")
    list_filter = ("state",)
    list_select_related = ("webhook", "change")
    inlines = (AttemptInline,)
    show_full_result_count = False
