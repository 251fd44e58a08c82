"""What a place that keeps blobs can do, and the one that STORAGE_URL names."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Protocol

from django.conf import settings

from loupe.blobs.folder import FolderBackend
from loupe.blobs.locations import FolderLocation, parse
from loupe.blobs.objects import StoredObject
from loupe.blobs.writing import Written
from loupe.contract.runtime.steps import load


class Backend(Protocol):
    """Keeps immutable objects by key. Every method may be called from several threads."""

    def new_file(self) -> Path:
        """Where to write a file that is to be `put` later."""

    def put(self, files: Sequence[tuple[Written, str]]) -> set[str]:
        """Keep each file under its key, durably, unless the key is kept already.

        Returns the keys written now. Those files are gone from where they were; the others stay.
        """

    def exists(self, key: str) -> bool:
        """Whether an object of that key is kept."""

    def open_local(self, key: str) -> AbstractContextManager[Path]:
        """The object's bytes as a local file, not to be written to.

        Raises:
            BlobMissing: there is no such object.
        """

    def delete_if_older(self, key: str, than: float) -> bool:
        """Remove the object unless it was put, or put again, since `than` (seconds since the
        epoch). Returns whether it was removed."""

    def walk(self) -> Iterator[StoredObject]:
        """Every object kept."""


def backend() -> Backend:
    """The backend in use."""
    return _backend(settings.STORAGE_URL)


@cache
def _backend(url: str) -> Backend:
    location = parse(url)
    if isinstance(location, FolderLocation):
        return FolderBackend(location.folder)
    # boto3 costs 30 MB of memory: imported only where it is used.
    built: Backend = load("loupe.blobs.s3:S3Backend")(location, settings.VAR / "blob_cache")
    return built
