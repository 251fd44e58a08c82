"""Reads tar archives, plain or compressed, as a stream."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn, cast

from django.utils.translation import gettext as _

from loupe.blobs.sniff import table
from loupe.intake.archives.budget import Budget, too_many
from loupe.intake.archives.entries import Entry, NewFile, unpack
from loupe.intake.archives.streams import Decompressed
from loupe.intake.errors import ArchiveRefused, EntryRefused

_MAX_HEADER_BYTES = 65_536
_HEADER_TYPES = {
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
}
_DAMAGE = (tarfile.TarError, ValueError, OverflowError, EOFError, KeyError, IndexError)


class _Guarded(tarfile.TarInfo):
    """A header that is looked at before `tarfile` acts on it: names come from headers that are
    read into memory whole, and sparse files describe holes of any size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Guarded":
        info = super().frombuf(buf, encoding, errors)
        if info.size < 0 or (info.type in _HEADER_TYPES and info.size > _MAX_HEADER_BYTES):
            raise ArchiveRefused(
                _(
                    "A header of the tar claims %(given)s bytes; names have at most %(most)s. Pack "
                    "it again with an ordinary tool."
                )
                % {"given": f"{info.size:,}", "most": f"{_MAX_HEADER_BYTES:,}"},
                code="archive_damaged",
            )
        if info.type == tarfile.GNUTYPE_SPARSE:
            _refuse_sparse()
        return info

    def _proc_gnusparse_00(self, *_: object) -> NoReturn:
        _refuse_sparse()

    _proc_gnusparse_01 = _proc_gnusparse_10 = _proc_gnusparse_00


def _refuse_sparse() -> NoReturn:
    raise ArchiveRefused(
        _("The tar holds sparse files. Pack it again without --sparse."), code="sparse_entry"
    )


def read(path: Path, compression: str, budget: Budget, new_file: NewFile) -> Iterator[Entry]:
    """Yield every file of the tar at `path`; `compression` is as sniffed, empty for none.

    A tar that is cut short yields the entries before the cut, then raises.

    Raises:
        ArchiveRefused, TooManyFiles: the archive as a whole, or the rest of it.
        DiskFull: there is no room to unpack.
    """
    with path.open("rb") as file:
        raw = Decompressed(file, compression, budget) if compression else file
        try:
            with tarfile.open(
                fileobj=cast("IO[bytes]", raw), mode="r|", tarinfo=_Guarded, errors="replace"
            ) as archive:
                yield from _entries(archive, budget, new_file)
        except _DAMAGE as error:
            raise ArchiveRefused(
                _(
                    "The tar is damaged or cut short (%(why)s). What came before was read; pack "
                    "and send the rest again."
                )
                % {"why": error},
                code="archive_damaged",
            ) from error


def _entries(archive: tarfile.TarFile, budget: Budget, new_file: NewFile) -> Iterator[Entry]:
    seen = 0
    for info in archive:
        seen += 1
        if seen > 2 * budget.max_files:
            raise too_many(budget.max_files)
        # tarfile remembers every header; one at a time is enough for a stream.
        archive.members.clear()  # type: ignore[attr-defined]
        if info.isdir():
            continue
        budget.count_file()
        try:
            yield _unpacked(archive, info, budget, new_file)
        except EntryRefused as refusal:
            yield Entry(name=info.name, refused=refusal)


def _unpacked(
    archive: tarfile.TarFile, info: tarfile.TarInfo, budget: Budget, new_file: NewFile
) -> Entry:
    if info.issym() or info.islnk():
        raise EntryRefused(
            _("The entry is a link to %(target)r, not a file. Pack the file it stands for.")
            % {"target": info.linkname},
            code="not_a_file",
        )
    stream = archive.extractfile(info) if info.isreg() else None
    if stream is None:
        raise EntryRefused(
            _("The entry is a device or pipe, not a file. Leave it out."), code="not_a_file"
        )
    # An early refusal only: what is read is counted whatever the header says.
    budget.count_bytes(0, info.size)
    with stream:
        return Entry(name=info.name, written=unpack(stream, new_file(), budget, None))


def compression_of(head: bytes) -> str:
    """What a tar is wrapped in, by its first bytes; empty for nothing."""
    rules = (rule for rule in table.RULES if rule.fits(head))
    wrapping = next((rule.media_type for rule in rules), "")
    return wrapping if wrapping in {table.GZIP, table.BZIP2, table.XZ} else ""
