"""Reviews for operators: to read."""

from django.contrib import admin

from loupe.audit.admin import ReadOnlyAdmin
from loupe.review.models import Review


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    list_display = ("id", "result", "verb", "outcome", "user", "created_at", "signed_name")
    list_filter = ("verb",)
    list_select_related = ("user", "result")
    show_full_result_count = False
