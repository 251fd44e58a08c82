"""One part of an upload while it arrives.

What was written without a checksum counts at once, also after a kill. A part with a checksum
counts as a whole or not at all: until it is known to hold, the row says from where on the bytes
do not count.
"""

import os
from types import TracebackType

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.blobs import room
from loupe.uploads import files
from loupe.uploads.checksums import Checksum
from loupe.uploads.errors import ChecksumMismatch, OffsetConflict, UploadTooLong
from loupe.uploads.expiry import next_expiry
from loupe.uploads.models import Upload, UploadState


class Part:
    """Appends to an upload. Use it as a context manager; `finish` says that all bytes came.

    Raises (on entering):
        UploadGone: there is nothing to append to.
        UploadBusy: another request writes.
        OffsetConflict: the file does not end at `offset`.
    """

    def __init__(self, upload: Upload, offset: int, checksum: Checksum | None = None) -> None:
        self.upload = upload
        self.start = offset
        self.end = offset
        self._checksum = checksum
        self._hash = checksum.new() if checksum else None
        self._handle = -1
        self._until_check = 0

    def __enter__(self) -> "Part":
        if self.upload.state not in (UploadState.OPEN, UploadState.COMPLETE):
            raise files.gone(self.upload.pk)
        self._handle = files.lock(self.upload.pk)
        try:
            self._begin()
        except BaseException:
            os.close(self._handle)
            self._handle = -1
            raise
        return self

    def _begin(self) -> None:
        self.upload.refresh_from_db(fields=["state", "unverified_from", "offset"])
        if self.upload.state not in (UploadState.OPEN, UploadState.COMPLETE):
            raise files.gone(self.upload.pk)
        there = files.size(self.upload.pk, self.upload.unverified_from)
        if there != self.start:
            raise OffsetConflict(
                _(
                    "The upload has %(there)s bytes, the part starts at %(start)s: go on from "
                    "%(there)s."
                )
                % {"there": there, "start": self.start}
            )
        os.ftruncate(self._handle, there)
        os.lseek(self._handle, there, os.SEEK_SET)
        self._keep(unverified_from=there if self._checksum else None)

    def write(self, chunk: bytes) -> None:
        """Append `chunk`.

        Raises:
            UploadTooLong: more bytes than were announced; none of the chunk is kept.
            DiskFull: there is no room for it.
        """
        if self.end + len(chunk) > self.upload.length:
            raise UploadTooLong(
                _("The upload was announced with %(length)s bytes, more came: make a new one.")
                % {"length": f"{self.upload.length:,}"}
            )
        self._until_check -= len(chunk)
        if self._until_check < 0:
            room.require(files.folder(), len(chunk))
            self._until_check = room.CHECK_EVERY_BYTES
        with room.guarded(files.folder()):
            written = 0
            while written < len(chunk):
                written += os.write(self._handle, memoryview(chunk)[written:])
        if self._hash is not None:
            self._hash.update(chunk)
        self.end += len(chunk)

    def finish(self) -> Upload:
        """All bytes of the part came: they count, and a last part completes the upload.

        Raises:
            ChecksumMismatch: they are not those the sender hashed; the part is dropped.
        """
        if self._checksum is not None and self._hash is not None:
            if not self._checksum.holds(self._hash):
                raise ChecksumMismatch(
                    _("The part does not have the %(method)s that was sent with it: send it again.")
                    % {"method": self._checksum.algorithm}
                )
            self._checksum = None
        if self.end == self.upload.length:
            with room.guarded(files.folder()):
                os.fsync(self._handle)
            self.upload.state = UploadState.COMPLETE
        self._keep()
        return self.upload

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle < 0:
            return
        try:
            if error is not None:
                self._interrupted()
        finally:
            os.close(self._handle)
            self._handle = -1

    def _interrupted(self) -> None:
        """Keep what counts: everything, or with an open checksum nothing."""
        if self._checksum is not None:
            os.ftruncate(self._handle, self.start)
            self.end = self.start
        else:
            # A write that failed half-way may have left more than was counted.
            os.ftruncate(self._handle, self.end)
        self._keep()

    def _keep(self, unverified_from: int | None = None) -> None:
        self.upload.offset = self.end
        self.upload.unverified_from = unverified_from
        self.upload.expires_at = next_expiry(timezone.now(), settings.UPLOAD_HOURS)
        self.upload.save(update_fields=["offset", "unverified_from", "state", "expires_at"])
