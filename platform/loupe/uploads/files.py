"""The bytes of resumable uploads: one file each below LOUPE_VAR/uploads, locked while in use.

A lock ends with its process, so a kill leaves nothing locked, and everything that was written
before it counts.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from loupe.blobs import room
from loupe.blobs.spool import make_private
from loupe.uploads.errors import UploadBusy, UploadGone


def folder() -> Path:
    """Where they lie; made when first used. On one file system with the spool and the blobs."""
    found = Path(settings.UPLOADS)
    make_private(found)
    return found


def path_of(upload_id: UUID) -> Path:
    """The file of one upload."""
    return Path(settings.UPLOADS) / upload_id.hex


def make(upload_id: UUID) -> None:
    """An empty file, mode 0600.

    Raises:
        DiskFull: not even that fits.
    """
    with room.guarded(folder()):
        os.close(os.open(path_of(upload_id), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def size(upload_id: UUID, unverified_from: int | None) -> int:
    """Bytes that count.

    Raises:
        UploadGone: the file is not there.
    """
    try:
        found = path_of(upload_id).stat().st_size
    except FileNotFoundError:
        raise gone(upload_id) from None
    return found if unverified_from is None else min(found, unverified_from)


def gone(upload_id: UUID) -> UploadGone:
    """The refusal of an upload without bytes."""
    return UploadGone(
        _("The upload %(id)s is no longer here: it was submitted, deleted or has expired.")
        % {"id": upload_id}
    )


def lock(upload_id: UUID) -> int:
    """An open descriptor that nobody else has as long as it is open.

    Raises:
        UploadGone: the file is not there.
        UploadBusy: another request has it.
    """
    try:
        handle = os.open(path_of(upload_id), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise gone(upload_id) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UploadBusy(
            _("Another request is using the upload %(id)s: try again in a moment.")
            % {"id": upload_id}
        ) from None
    return handle


@contextmanager
def locked(upload_id: UUID) -> Iterator[int]:
    """`lock`, given back at the end."""
    handle = lock(upload_id)
    try:
        yield handle
    finally:
        os.close(handle)


def remove(upload_id: UUID) -> None:
    """Take the bytes away; nothing happens where there are none."""
    path_of(upload_id).unlink(missing_ok=True)
