"""Reads zip archives, entry by entry."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from django.utils.translation import gettext as _

from loupe.intake.archives import directory
from loupe.intake.archives.budget import Budget
from loupe.intake.archives.entries import Entry, NewFile, unpack
from loupe.intake.errors import ArchiveRefused, EntryRefused

_ENCRYPTED = 0x1
_UTF8 = 0x800
_READ = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# zipfile raises all of these on damaged files.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    struct.error,
    UnicodeError,
    ValueError,
)


def read(path: Path, budget: Budget, new_file: NewFile) -> Iterator[Entry]:
    """Yield every file of the zip at `path`, folders left out.

    Raises:
        ArchiveRefused, TooManyFiles: the archive as a whole.
        DiskFull: there is no room to unpack.
    """
    with path.open("rb") as file:
        # Folders are entries too: twice the number of files leaves room for them.
        directory.check_count(file, path.stat().st_size, 2 * budget.max_files)
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise ArchiveRefused(
            _("The zip is damaged and cannot be opened (%(why)s). Pack and send it again.")
            % {"why": error},
            code="archive_damaged",
        ) from error
    with archive:
        entries = [info for info in archive.infolist() if not info.is_dir()]
        directory.check_overlaps([(info.header_offset, info.compress_size) for info in entries])
        for info in entries:
            name = real_name(info)
            budget.count_file()
            try:
                _check(info, budget)
                yield _unpacked(archive, info, name, budget, new_file)
            except EntryRefused as refusal:
                yield Entry(name=name, refused=refusal)


def _check(info: zipfile.ZipInfo, budget: Budget) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        if kind == stat.S_IFLNK:
            sentence = _("The entry is a symbolic link, not a file. Pack the file it stands for.")
        else:
            sentence = _("The entry is a device or pipe, not a file. Leave it out.")
        raise EntryRefused(sentence, code="not_a_file")
    if info.flag_bits & _ENCRYPTED:
        raise EntryRefused(
            _("The entry is encrypted. Pack it without a password."), code="encrypted_entry"
        )
    if info.compress_type not in _READ:
        raise EntryRefused(
            _(
                "The entry is packed by method %(method)s; Loupe reads Stored (0) and Deflate (8), "
                "which every tool offers."
            )
            % {"method": info.compress_type},
            code="compression_unsupported",
        )
    # An early refusal only: what is read is counted whatever the header says.
    budget.count_bytes(0, info.file_size)


def _unpacked(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, budget: Budget, new_file: NewFile
) -> Entry:
    try:
        with archive.open(info) as stream:
            written = unpack(stream, new_file(), budget, info.compress_size)
    except _DAMAGE as error:
        raise EntryRefused(
            _("The entry is damaged (%(why)s). Pack and send it again.") % {"why": error},
            code="entry_damaged",
        ) from error
    return Entry(name=name, written=written)


def real_name(info: zipfile.ZipInfo) -> str:
    """The entry's name; older Chinese tools write GBK where the standard says code page 437."""
    if info.flag_bits & _UTF8:
        return info.orig_filename
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.orig_filename
    for encoding in ("ascii", "utf-8", "gb2312"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return _gbk_or(raw, info.orig_filename)


def _gbk_or(raw: bytes, western: str) -> str:
    """GBK beyond GB2312, told from Western names by being Chinese throughout."""
    try:
        chinese = raw.decode("gbk")
    except UnicodeDecodeError:
        return western
    foreign = [char for char in chinese if ord(char) > 127]
    # Western accents read as GBK give rare characters between letters; Chinese words have two.
    pairs = sum(1 for one, two in pairwise(chinese) if min(one, two) > "一")
    if pairs and all("一" <= char <= "龥" or char in "（）、。—《》" for char in foreign):
        return chinese
    return western
