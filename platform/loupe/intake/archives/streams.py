"""Decompresses a tar's wrapping as it is read, in bounded memory, watching for bombs."""

import bz2
import lzma
import zlib
from io import BufferedReader

from django.utils.translation import gettext as _

from loupe.blobs.sniff import table
from loupe.intake.archives.budget import Budget
from loupe.intake.errors import ArchiveRefused

_READ_BYTES = 65_536
_XZ_MEMORY_BYTES = 128 * 2**20


class Decompressed:
    """The unpacked bytes of a gzip, bzip2 or xz stream; `tarfile` reads from it.

    Several members one after another count as one stream, as the tools write them.
    """

    def __init__(self, file: BufferedReader, compression: str, budget: Budget) -> None:
        self._file = file
        self._compression = compression
        self._budget = budget
        self._packed = 0
        self._unpacked = 0
        self._waiting = b""
        self._ended = False
        self._new_member()

    def _new_member(self) -> None:
        self._gzip = zlib.decompressobj(wbits=31)
        self._other: bz2.BZ2Decompressor | lzma.LZMADecompressor | None = None
        if self._compression == table.BZIP2:
            self._other = bz2.BZ2Decompressor()
        elif self._compression == table.XZ:
            self._other = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)

    def read(self, size: int = _READ_BYTES, /) -> bytes:
        """At most `size` unpacked bytes, none at the end.

        Raises:
            ArchiveRefused: the stream is damaged, needs too much memory or is a bomb.
        """
        try:
            while not self._ended:
                if chunk := self._step(size):
                    self._unpacked += len(chunk)
                    if self._budget.is_bomb(self._unpacked, self._packed):
                        raise ArchiveRefused(self._budget.bomb(), code="compression_bomb")
                    return chunk
        except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
            raise ArchiveRefused(
                _("The archive's compression is damaged (%(why)s). Pack and send it again.")
                % {"why": error},
                code="archive_damaged",
            ) from error
        return b""

    def _step(self, size: int) -> bytes:
        member = self._gzip if self._other is None else self._other
        if member.eof:
            self._waiting = member.unused_data
            if not self._waiting and not self._refill():
                return b""
            if not self._waiting.strip(b"\x00"):
                self._ended = True  # padding after the last member
                return b""
            self._new_member()
        if self._other is None:
            return self._step_gzip(size)
        if not self._other.needs_input:
            return self._other.decompress(b"", size)
        if not self._waiting and not self._refill():
            return b""
        waiting, self._waiting = self._waiting, b""
        return self._other.decompress(waiting, size)

    def _step_gzip(self, size: int) -> bytes:
        if not self._waiting and not self._refill():
            return b""
        chunk = self._gzip.decompress(self._waiting, size)
        self._waiting = self._gzip.unconsumed_tail
        return chunk

    def _refill(self) -> bool:
        self._waiting = self._file.read(_READ_BYTES)
        self._packed += len(self._waiting)
        self._ended = not self._waiting
        return not self._ended
