"""Files of an app's own, kept by their hash beside the inputs of jobs."""

from loupe.blobs.models import Blob
from loupe.blobs.services import open_local, store_bytes

__all__ = ["Blob", "open_local", "store_bytes"]
