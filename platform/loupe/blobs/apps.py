"""Django's view of `loupe.blobs`."""

from django.apps import AppConfig
from django.conf import settings

from loupe.blobs import locations


class BlobsConfig(AppConfig):
    name = "loupe.blobs"
    label = "blobs"

    def ready(self) -> None:
        """Stop the start where STORAGE_URL cannot be understood."""
        locations.parse(settings.STORAGE_URL)
