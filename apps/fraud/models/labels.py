"""What transactions turned out to be, with the time it was known."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.fraud.models.cases import Case
from loupe.host.people import Project


class TransactionLabel(models.Model):
    """One word about one transaction. Later words are new rows; one of them stands.

    A label may come before its transaction.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    transaction = models.CharField(max_length=256)
    label = models.CharField(max_length=8, help_text="fraud, honest or unknown")
    known_at = models.DateTimeField(help_text="when it became known, e.g. the chargeback's time")
    source = models.CharField(
        max_length=20, help_text="analyst, system, report, chargeback or file"
    )
    note = models.CharField(max_length=500, blank=True)
    case = models.ForeignKey(Case, on_delete=models.SET_NULL, null=True, related_name="labels")
    who = models.CharField(max_length=160)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    standing = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "transaction"],
                condition=models.Q(standing=True),
                name="fraud_one_label_stands",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "transaction", "-id"], name="fraud_label_history"),
            models.Index(fields=["project", "-id"], name="fraud_label_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.transaction}: {self.label}"
