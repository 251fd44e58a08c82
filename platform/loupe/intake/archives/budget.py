"""How much one submission may unpack. Counted while reading; headers are never believed."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from loupe.intake.errors import ArchiveRefused, EntryRefused, TooManyFiles

# Small files may shrink further than the ratio allows without being bombs.
_SLACK_BYTES = 2**20


@dataclass
class Budget:
    """What is left; one for all archives and files of a submission."""

    max_files: int
    max_bytes: int
    max_entry_bytes: int
    max_ratio: int
    files: int = 0
    bytes: int = 0

    @classmethod
    def from_settings(cls, max_entry_bytes: int) -> "Budget":
        """The configured limits; `max_entry_bytes` is the largest file that the app takes."""
        return cls(
            max_files=settings.MAX_FILES,
            max_bytes=settings.MAX_ARCHIVE_BYTES,
            max_entry_bytes=max_entry_bytes,
            max_ratio=settings.MAX_COMPRESSION_RATIO,
        )

    def count_file(self) -> None:
        """One more file.

        Raises:
            TooManyFiles: that is one too many.
        """
        self.files += 1
        if self.files > self.max_files:
            raise too_many(self.max_files)

    def count_bytes(self, nbytes: int, entry_bytes: int) -> None:
        """`nbytes` more were unpacked, of an entry that now has `entry_bytes`.

        Raises:
            EntryRefused: the entry is larger than anything the app takes.
            ArchiveRefused: all entries together are too large.
        """
        self.bytes += nbytes
        if self.bytes > self.max_bytes:
            raise ArchiveRefused(
                _(
                    "The archive unpacks to more than %(most)s bytes (LOUPE_MAX_ARCHIVE_BYTES). "
                    "Send it in parts."
                )
                % {"most": f"{self.max_bytes:,}"},
                code="archive_too_large",
            )
        if entry_bytes > self.max_entry_bytes:
            raise EntryRefused(
                _(
                    "The file has more than %(most)s bytes, the most that is taken. Reading was "
                    "stopped there."
                )
                % {"most": f"{self.max_entry_bytes:,}"},
                code="file_too_large",
            )

    def is_bomb(self, unpacked: int, packed: int) -> bool:
        """Whether `packed` bytes have grown to more than real data ever does."""
        return unpacked > packed * self.max_ratio + _SLACK_BYTES

    def bomb(self) -> str:
        """The sentence for a bomb."""
        return _(
            "The content unpacks to more than %(ratio)s times its packed size "
            "(LOUPE_MAX_COMPRESSION_RATIO), as decompression bombs do. Reading was stopped."
        ) % {"ratio": self.max_ratio}


def too_many(limit: int) -> TooManyFiles:
    """The refusal of more files than `limit`."""
    return TooManyFiles(
        _("More than %(most)s files came in one submission (LOUPE_MAX_FILES). Send them in parts.")
        % {"most": f"{limit:,}"}
    )
