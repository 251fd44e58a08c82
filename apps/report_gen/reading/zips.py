"""Looks over a zip before anything is unpacked: how many entries, how large, how shrunk."""

import struct
import zipfile
import zlib
from io import BufferedReader
from pathlib import Path

from apps.report_gen.reading.faults import UNPACKED, faulty, more_than, unreadable
from apps.report_gen.reading.limits import Limits
from loupe.contract.text import Text

_END = struct.Struct("<4s4H2LH")
_LARGEST_COMMENT = 65_535
_SLACK = 2**20
_ENCRYPTED = 0x1
_PACK_AGAIN = Text(en="Pack it again with an ordinary tool.", zh="请用常用工具重新打包。")
_METHOD = Text(en="method of compression", zh="压缩方法")
_METHODS = Text(
    en="Deflate (8), none (0), bzip2 (12) or LZMA (14) is read",
    zh="可读取 Deflate（8）、无压缩（0）、bzip2（12）或 LZMA（14）",
)
_SPLIT = Text(en="Send one study at a time.", zh="请一次只发送一个检查。")


def opened(path: Path, name: str, limits: Limits) -> zipfile.ZipFile:
    """The zip at `path`, whose table of contents is within the limits.

    Raises:
        Faulty: damaged, too many entries, too large, a decompression bomb, overlapping entries.
    """
    with path.open("rb") as file:
        _check_directory(file, name, path.stat().st_size, limits)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as error:
        raise _damaged(name, str(error)) from error
    try:
        _check_entries(archive, name, limits)
    except BaseException:
        archive.close()
        raise
    return archive


def _check_entries(archive: zipfile.ZipFile, name: str, limits: Limits) -> None:
    entries = [each for each in archive.infolist() if not each.is_dir()]
    if len(entries) > limits.files:
        raise faulty(
            name,
            "too_many_files",
            Text(en="entries", zh="条目数"),
            len(entries),
            Text(en=f"at most {limits.files:,} are read", zh=f"最多读取 {limits.files:,} 个"),
            _SPLIT,
        )
    total = sum(each.file_size for each in entries)
    if total > limits.total_bytes:
        raise faulty(
            name,
            "archive_too_large",
            UNPACKED,
            total,
            Text(en=f"at most {limits.total_bytes:,}", zh=f"最多 {limits.total_bytes:,}"),
            _SPLIT,
        )
    end = 0
    for each in sorted(entries, key=lambda entry: entry.header_offset):
        if each.header_offset < end:
            raise faulty(
                name,
                "overlapping_entries",
                Text(en="offset", zh="偏移"),
                each.header_offset,
                Text(en="entries may not share packed bytes", zh="条目不得共用压缩数据"),
                _PACK_AGAIN,
            )
        end = each.header_offset + 30 + each.compress_size


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, limits: Limits) -> bytes:
    """The bytes of one entry, counted while they come.

    Raises:
        Faulty: encrypted, damaged, too large, or a decompression bomb.
    """
    if entry.flag_bits & _ENCRYPTED:
        raise faulty(
            name,
            "encrypted",
            Text(en="encryption", zh="加密"),
            Text(en="on", zh="已启用"),
            Text(en="entries without a password are read", zh="只读取无密码的条目"),
            _PACK_AGAIN,
        )
    most = min(limits.file_bytes, entry.compress_size * limits.ratio + _SLACK)
    try:
        with archive.open(entry) as stream:
            content = stream.read(most + 1)
    except NotImplementedError as error:
        raise faulty(
            name, "archive_damaged", _METHOD, entry.compress_type, _METHODS, _PACK_AGAIN
        ) from error
    except (
        zipfile.BadZipFile,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise _damaged(name, str(error)) from error
    if len(content) > most:
        raise faulty(
            name,
            "decompression_bomb",
            UNPACKED,
            more_than(most),
            Text(
                en=f"at most {limits.ratio} times the packed size and {limits.file_bytes:,} bytes",
                zh=f"最多为压缩大小的 {limits.ratio} 倍，且不超过 {limits.file_bytes:,} 字节",
            ),
            _PACK_AGAIN,
        )
    return content


def _check_directory(file: BufferedReader, name: str, size: int, limits: Limits) -> None:
    """A table of contents may claim millions of entries; its size is read before it is."""
    start = max(0, size - _LARGEST_COMMENT - _END.size)
    file.seek(start)
    tail = file.read()
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or found + _END.size > len(tail):
        raise _damaged(name, Text(en="no table of contents", zh="没有目录"))
    length = _END.unpack_from(tail, found)[5]
    if length == 0xFFFFFFFF:  # zip64: the record lies right before its locator
        wide = tail.rfind(b"PK\x06\x06", 0, found)
        if wide < 0 or wide + 56 > len(tail):
            raise _damaged(name, Text(en="no zip64 table of contents", zh="没有 zip64 目录"))
        length = struct.unpack_from("<Q", tail, wide + 40)[0]
    if length > limits.directory_bytes:
        raise faulty(
            name,
            "archive_too_large",
            Text(en="table of contents", zh="目录"),
            Text(en=f"{length} bytes", zh=f"{length} 字节"),
            Text(en=f"at most {limits.directory_bytes:,}", zh=f"最多 {limits.directory_bytes:,}"),
            _SPLIT,
        )


def _damaged(name: str, why: str | Text) -> Exception:
    return faulty(
        name,
        "archive_damaged",
        "zip",
        why if isinstance(why, Text) else unreadable(why),
        Text(en="a whole zip is needed", zh="需要完整的 zip 文件"),
        _PACK_AGAIN,
    )
