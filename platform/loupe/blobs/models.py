"""Content-addressed files: an input's bytes, a Parquet block, a preview."""

from django.db import models
from django.utils import timezone


class Blob(models.Model):
    """One stored file, named by the sha-256 of its bytes; written once, never changed."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField(help_text="bytes")
    media_type = models.CharField(max_length=100, help_text="as sniffed from the content")
    created_at = models.DateTimeField(auto_now_add=True)
    last_stored_at = models.DateTimeField(
        default=timezone.now, help_text="when these bytes last came in; counts for collection"
    )

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def key(self) -> str:
        """Where storage keeps it."""
        return f"{self.sha256[:2]}/{self.sha256}"
