"""Files of an app's own, kept by their hash beside the inputs of jobs."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile

from loupe.blobs.models import Blob
from loupe.blobs.services import open_local, store_bytes, store_written
from loupe.intake.upload import SpooledFile

__all__ = ["Blob", "open_local", "store_bytes", "store_uploaded"]


def store_uploaded(file: "UploadedFile[Any]", media_type: str) -> Blob:
    """Keep a file that a form sent; it lies on the disk already and is moved.

    Raises:
        TypeError: it did not come through the host's upload handler.
    """
    if not isinstance(file, SpooledFile):
        raise TypeError(f"{file!r} was not spooled: it is no file of a request.")
    return store_written([(file.written, media_type)])[0]
