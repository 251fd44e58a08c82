"""What files are called while they are read: each by its own name, in the letters it was given.

Everything that is told of a file, and which study it belongs to, goes by its name, so no two files
may share one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from zipfile import ZipFile, ZipInfo

_UTF8: Final = 0x800
_LEAVINGS: Final = {"mimetype", "thumbs.db", "desktop.ini", "autorun.inf"}


def apart(paths: Sequence[Path]) -> list[str]:
    """The last part of each path; where several share it, as many parts as tell them apart."""
    whole = [path.absolute().parts for path in paths]
    names = [parts[-1] for parts in whole]
    for depth in range(2, max(map(len, whole), default=0) + 1):
        shared = Counter(names)
        names = [
            "/".join(parts[-depth:]).replace("//", "/") if shared[name] > 1 else name
            for name, parts in zip(names, whole, strict=True)
        ]
    return names


def entry_names(archive: ZipFile) -> Iterator[tuple[ZipInfo, str]]:
    """The files of a zip and what they are called, in the order of their names.

    Entries of the same name are numbered.
    """
    named = sorted(((_letters(each), each) for each in archive.infolist()), key=lambda one: one[0])
    times: Counter[str] = Counter()
    for name, entry in named:
        if entry.is_dir() or (name.endswith("\\") and not entry.file_size):
            continue
        times[name] += 1
        yield entry, name if times[name] == 1 else f"{name} ({times[name]})"


def _letters(entry: ZipInfo) -> str:
    """The name in the letters it was written in.

    A zip says of names only whether they are UTF-8. Others are by the standard in code page 437,
    and in fact in whatever the sender's machine writes: UTF-8 again, or GBK in China. Two bytes
    above 0xA0 each, as GB 2312 has them, are letters in no European name of code page 437.
    """
    if entry.flag_bits & _UTF8 or entry.filename.isascii():
        return entry.filename
    written = entry.orig_filename.encode("cp437", errors="replace")
    for letters, alike in (("utf-8", "utf-8"), ("gb2312", "gb18030")):
        try:
            written.decode(letters)
            return written.decode(alike)
        except UnicodeDecodeError:
            continue
    return entry.filename


def belongs_to_nobody(name: str) -> bool:
    """What file managers leave beside files, and what says of an archive what it is (OCF)."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return last.startswith(".") or last in _LEAVINGS or name.split("/")[0] == "__MACOSX"
