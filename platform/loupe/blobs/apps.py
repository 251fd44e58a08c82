"""Django's view of `loupe.blobs`."""

from django.apps import AppConfig


class BlobsConfig(AppConfig):
    name = "loupe.blobs"
    label = "blobs"
