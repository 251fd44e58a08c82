"""Blobs in a bucket, through django-storages, with a local copy of what is read."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from django.utils.translation import gettext as _
from storages.backends.s3 import S3Storage

from loupe.blobs import room, spool, writing
from loupe.blobs.cache import keep_below
from loupe.blobs.errors import BlobMissing, StorageUnavailable
from loupe.blobs.locations import S3Location
from loupe.blobs.objects import StoredObject
from loupe.blobs.writing import Written

# An object this young is not uploaded again; older ones are, so that collection sees them in use.
_FRESH_SECONDS = 3600.0


class S3Backend:
    """See `loupe.blobs.backend.Backend`. `cache` is a local folder for objects read before."""

    def __init__(self, location: S3Location, cache: Path) -> None:
        self._where = f"s3://{location.bucket}/{location.prefix}"
        self._cache = cache / location.bucket / (location.prefix or "_")
        self._spool = spool.at(cache / "incoming")
        self._storage = S3Storage(
            bucket_name=location.bucket,
            endpoint_url=location.endpoint_url or None,
            region_name=location.region or None,
            location=location.prefix,
            default_acl=None,
            file_overwrite=True,
        )

    def new_file(self) -> Path:
        """A new name in the local cache's folder."""
        return self._spool.new_file()

    def put(self, files: Sequence[tuple[Written, str]]) -> set[str]:
        """Upload each file; see `Backend.put`. S3 shows an object only when it is complete."""
        put = set()
        for written, key in files:
            with self._answered():
                if self._fresh(key, written.size):
                    continue
                with written.path.open("rb") as handle:
                    self._storage.save(key, File(handle, name=key))
            self._keep_copy(written.path, key)
            put.add(key)
        return put

    def _fresh(self, key: str, size: int) -> bool:
        if not self._storage.exists(key) or self._storage.size(key) != size:
            return False
        modified: float = self._storage.get_modified_time(key).timestamp()
        return time.time() - modified < _FRESH_SECONDS

    def _keep_copy(self, path: Path, key: str) -> None:
        copy = self._cache / key
        spool.make_private(copy.parent)
        path.replace(copy)
        keep_below(self._cache)

    def exists(self, key: str) -> bool:
        """Whether the bucket has the object."""
        with self._answered():
            return bool(self._storage.exists(key))

    @contextmanager
    def open_local(self, key: str) -> Iterator[Path]:
        """A private link to the cached copy, which stays readable while the cache is trimmed."""
        mine = self._spool.new_file()
        try:
            os.link(self._cache / key, mine)
            os.utime(mine)
        except FileNotFoundError:
            mine = self._download(key, mine)
        try:
            yield mine
        finally:
            mine.unlink(missing_ok=True)

    def _download(self, key: str, target: Path) -> Path:
        with self._answered(key), self._storage.open(key, "rb") as source:
            room.require(target.parent, self._storage.size(key))
            with writing.Writer(target) as writer:
                while chunk := source.read(writing.CHUNK_BYTES):
                    writer.write(chunk)
                writer.finish()
        copy = self._cache / key
        spool.make_private(copy.parent)
        copy.unlink(missing_ok=True)
        os.link(target, copy)
        keep_below(self._cache)
        return target

    def delete_if_older(self, key: str, than: float) -> bool:
        """Delete the object unless it was uploaded since `than`."""
        with self._answered():
            if not self._storage.exists(key):
                return False
            if self._storage.get_modified_time(key).timestamp() >= than:
                return False
            self._storage.delete(key)
        (self._cache / key).unlink(missing_ok=True)
        return True

    def walk(self) -> Iterator[StoredObject]:
        """Every object below the prefix."""
        with self._answered():
            prefix = self._storage.location
            for entry in self._storage.bucket.objects.filter(Prefix=prefix):
                yield StoredObject(
                    key=entry.key.removeprefix(prefix).lstrip("/"),
                    size=entry.size,
                    modified=entry.last_modified.timestamp(),
                )

    @contextmanager
    def _answered(self, key: str = "") -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise BlobMissing(
                _(
                    "The file %(key)s is not in %(place)s, though the database names it. Restore "
                    "it from a backup, or run 'manage.py blobs check' to see what else is missing."
                )
                % {"key": key, "place": self._where}
            ) from error
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailable(
                _(
                    "%(place)s did not do what was asked (%(why)s). Check STORAGE_URL, the "
                    "credentials and that the service answers; the work is tried again."
                )
                % {"place": self._where, "why": error}
            ) from error
