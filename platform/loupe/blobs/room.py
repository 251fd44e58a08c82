"""Keeps some of the disk free: the database must be able to write when blobs no longer can."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from loupe.blobs.errors import DiskFull

CHECK_EVERY_BYTES = 16 * 2**20


def require(folder: Path, nbytes: int = 0) -> None:
    """Pass in silence if `nbytes` more would still leave LOUPE_MIN_FREE_BYTES free on the disk.

    Raises:
        DiskFull: they would not.
    """
    free = shutil.disk_usage(folder).free
    if free - nbytes < settings.MIN_FREE_BYTES:
        raise DiskFull(
            _(
                "The disk of %(folder)s has %(free)s bytes free; storing %(more)s more must leave "
                "%(least)s (LOUPE_MIN_FREE_BYTES). Make room, then send it again."
            )
            % {
                "folder": folder,
                "free": f"{free:,}",
                "more": f"{nbytes:,}",
                "least": f"{settings.MIN_FREE_BYTES:,}",
            }
        )


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Turn the operating system's "no space left" into `DiskFull`."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise DiskFull(
            _(
                "The disk of %(folder)s is full (%(why)s). Nothing was kept of this file; make "
                "room, then send it again."
            )
            % {"folder": folder, "why": error.strerror}
        ) from error
