"""What the probe keeps of blocks it heard of."""

from django.db import models


class Alert(models.Model):
    """One stopped purchase."""

    result_id = models.BigIntegerField(unique=True)
    project_id = models.UUIDField()
    session = models.CharField(max_length=40)
    account = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"alert {self.result_id}"
