"""Content-addressed files: an input's bytes, a Parquet block, a preview."""

from typing import ClassVar

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


class Pack(models.Model):
    """Many small files, one after the other, compressed by zlib."""

    data = models.BinaryField()
    size = models.PositiveIntegerField(help_text="bytes of data")
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"pack {self.pk}"


class SmallFile(models.Model):
    """The bytes of a small blob: its own, or a place in a pack. See `loupe.blobs.small`."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    data = models.BinaryField(null=True)
    size = models.PositiveIntegerField(help_text="bytes")
    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, null=True, related_name="files")
    offset = models.PositiveIntegerField(default=0, help_text="where it begins in the pack")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["size"], condition=models.Q(pack=None), name="small_files_not_packed"
            )
        ]

    def __str__(self) -> str:
        return self.sha256[:12]
