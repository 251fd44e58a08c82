"""Django's upload handler: files go to the spool as they arrive, hashed, counted and limited.

What is wrong with an upload (too large, too many files, disk full) is not raised while Django
parses the request, where it would become a bare 500: it is raised when the view asks the file for
its bytes. From the first refusal on, nothing more is written.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from loupe.blobs import room, spool
from loupe.blobs.writing import Writer, Written
from loupe.contract.runtime.errors import LoupeError
from loupe.intake.archives.budget import too_many
from loupe.intake.errors import UploadTooLarge
from loupe.intake.sources import Source


class SpooledFile(UploadedFile):  # type: ignore[type-arg]  # generic in the stubs only
    """An uploaded file in the spool, or why it was refused.

    `sent_name` is the name as sent, with the folders of a browser's folder upload in front.
    """

    def __init__(self, sent_name: str, content_type: str, found: Written | LoupeError) -> None:
        size = found.size if isinstance(found, Written) else 0
        super().__init__(file=None, name=sent_name, content_type=content_type, size=size)
        self.sent_name = sent_name
        self._found = found

    @property
    def written(self) -> Written:
        """The file in the spool; storing moves it.

        Raises:
            UploadTooLarge, TooManyFiles, DiskFull: it was refused.
        """
        if isinstance(self._found, LoupeError):
            raise self._found
        return self._found

    def temporary_file_path(self) -> str:
        """Where the file lies until the request ends; raises as `written` does."""
        return str(self.written.path)

    def open(self, *_args: Any, **_kwargs: Any) -> "SpooledFile":
        """Open the spooled file for reading bytes, whatever is asked."""
        self.file = self.written.path.open("rb")
        return self

    def source(self, path: str = "") -> Source:
        """The file as a source, under `path` if given; raises as `written` does."""
        return Source.spooled(path or self.sent_name, self.written)

    def close(self) -> None:
        """Forget the file unless it was stored; Django calls this as the request ends."""
        if self.file is not None:
            self.file.close()
        if isinstance(self._found, Written):
            self._found.path.unlink(missing_ok=True)


class _PathKeepingParser(MultiPartParser):
    """Keeps the folders in front of a name. It never becomes a path: `loupe.intake.names`."""

    def sanitize_file_name(self, file_name: str) -> str | None:
        return file_name if file_name.strip("./\\") else None


class SpoolToDisk(FileUploadHandler):
    """The only handler of FILE_UPLOAD_HANDLERS."""

    chunk_size = 2**20

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._bytes = 0
        self._files = 0
        self._parsing = False
        self._refusal: LoupeError | None = None
        self._writer: Writer | None = None

    def handle_raw_input(
        self,
        input_data: Any,
        META: Mapping[str, Any],  # noqa: N803
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> "tuple[QueryDict, MultiValueDict[str, UploadedFile[bytes]]] | None":
        """Parse with folder names kept; a body that announces too much is refused unwritten."""
        if self._parsing:
            return None
        self._parsing = True
        if content_length > settings.MAX_UPLOAD_BYTES:
            self._refusal = _too_large()
        return _PathKeepingParser(META, input_data, [self], encoding).parse()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Start a file in the spool, unless there is a reason not to."""
        super().new_file(*args, **kwargs)
        self._files += 1
        if self._files > settings.MAX_FILES:
            self._refusal = self._refusal or too_many(settings.MAX_FILES)
        if self._refusal is not None:
            return
        try:
            target = spool.at(settings.SPOOL).new_file()
            room.require(target.parent, self.content_length or 0)
            with room.guarded(target.parent):
                self._writer = Writer(target)
        except LoupeError as error:
            self._refusal = error

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write the chunk; the lengths in headers are not believed."""
        self._bytes += len(raw_data)
        if self._bytes > settings.MAX_UPLOAD_BYTES:
            self._refuse(_too_large())
        if self._writer is None:
            return
        try:
            self._writer.write(raw_data)
        except LoupeError as error:
            self._refuse(error)

    def file_complete(self, file_size: int) -> SpooledFile:
        """The finished file, or the reason for its absence."""
        found: Written | LoupeError | None = self._refusal
        if self._writer is not None:
            try:
                found = self._writer.finish()
            except LoupeError as error:
                self._refuse(error)
                found = error
            self._writer = None
        return SpooledFile(self.file_name or "", self.content_type or "", found or _too_large())

    def upload_interrupted(self) -> None:
        """The sender went away in mid-file: remove what came."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None

    def _refuse(self, error: LoupeError) -> None:
        self._refusal = self._refusal or error
        self.upload_interrupted()


def _too_large() -> UploadTooLarge:
    return UploadTooLarge(
        _("The upload is larger than %(most)s bytes (LOUPE_MAX_UPLOAD_BYTES). Send it in parts.")
        % {"most": f"{settings.MAX_UPLOAD_BYTES:,}"}
    )
