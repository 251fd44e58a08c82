"""The files of a study, wherever they lie: single files, folders, entries of a zip.

Offers `Source` (a name, and the bytes when asked) and `sources`, which walks what was given.
Unpacked entries are kept in memory up to a budget, so that pixels are not unpacked twice.
"""

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from apps.report_gen.reading.faults import (
    BYTES,
    CONTENT,
    DAMAGE,
    FILE,
    Fault,
    Faulty,
    faulty,
    unreadable,
)
from apps.report_gen.reading.limits import Limits
from apps.report_gen.reading.naming import apart, belongs_to_nobody, entry_names
from apps.report_gen.reading.sniffing import HEAD_BYTES, Kind, kind_of
from apps.report_gen.reading.zips import opened, unpacked
from loupe.contract.text import Text


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file. `name` may hold a person's name: it goes to the sender and nowhere else."""

    name: str
    kind: Kind
    read: Callable[[], bytes]
    """All its bytes.

    Raises:
        Faulty: they cannot be read any more, or are more than the limits allow.
    """
    path: Path | None = None
    """Where it lies, for a file of its own."""


class Shelf:
    """Keeps unpacked bytes by key while there is room."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: dict[str, bytes] = {}

    def keep(self, key: str, content: bytes) -> None:
        """Put `content` by if it fits."""
        if len(content) <= self._room and key not in self._kept:
            self._room -= len(content)
            self._kept[key] = content

    def get(self, key: str) -> bytes | None:
        """What was put by."""
        return self._kept.get(key)


class Sources:
    """Walks files, folders and zips in a stable order. Use as a context manager: zips stay open.

    Args:
        called: other names for files by their own; files that are not in it are passed over.
    """

    def __init__(
        self, paths: Iterable[Path], limits: Limits, called: Mapping[str, str] | None = None
    ) -> None:
        self._paths = list(paths)
        self._limits = limits
        self._called = called
        self._shelf = Shelf(limits.kept_bytes)
        self._archives: list[zipfile.ZipFile] = []
        self._seen = 0
        self._bytes = 0
        self.faults: list[Fault] = []

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._archives:
            archive.close()

    def __iter__(self) -> Iterator[tuple[Source, bytes]]:
        """Every DICOM and NIfTI file with its bytes; what is neither is told in `faults`."""
        for path, own in zip(self._paths, apart(self._paths), strict=True):
            if path.is_dir():
                within = Path() if len(self._paths) == 1 else Path(own)
                for each in sorted(path.rglob("*")):
                    # Links may lead anywhere, so they are not followed.
                    if each.is_file() and not each.is_symlink():
                        if self._seen > self._limits.files:
                            return
                        yield from self._file(each, str(within / each.relative_to(path)))
            else:
                yield from self._file(path, own)

    def _name(self, own: str) -> str | None:
        """What a file is called; None for one that is passed over."""
        return own if self._called is None else self._called.get(own)

    def _passed_over(self, name: str) -> bool:
        """Whether neither a file nor any entry of it is asked for."""
        if self._called is None or name in self._called:
            return False
        return not any(each.startswith(f"{name}/") for each in self._called)

    def _file(self, path: Path, own: str) -> Iterator[tuple[Source, bytes]]:
        if self._passed_over(own):
            return
        name = self._name(own) or own
        try:
            self._count(name)
            size = path.stat().st_size
            with path.open("rb") as file:
                kind = kind_of(file.read(HEAD_BYTES))
            if kind is Kind.ZIP:
                yield from self._zip(path, own)
                return
            self._weigh(name, size)
            source = Source(name, kind, lambda: self._whole(path, name), path)
            content = b"" if kind is Kind.OTHER else source.read()
        except Faulty as error:
            self.faults.append(error.fault)
            return
        except DAMAGE as error:
            self.faults.append(_unreadable(name, error).fault)
            return
        if self._readable(source, size):
            yield source, content

    def _whole(self, path: Path, name: str) -> bytes:
        with path.open("rb") as file:
            content = file.read(self._limits.file_bytes + 1)
        if len(content) > self._limits.file_bytes:
            raise self._too_large(name, len(content))
        return content

    def _zip(self, path: Path, name: str) -> Iterator[tuple[Source, bytes]]:
        archive = opened(path, name, self._limits)
        self._archives.append(archive)
        for entry, called in entry_names(archive):
            inner = self._name(f"{name}/{called}")
            if inner is None:
                continue
            try:
                self._count(inner)
                content = unpacked(archive, entry, inner, self._limits)
                self._weigh(inner, len(content))
            except Faulty as error:
                self.faults.append(error.fault)
                continue
            kind = kind_of(content[:HEAD_BYTES])
            if kind is Kind.ZIP:
                self.faults.append(_nested(inner).fault)
                continue
            source = Source(inner, kind, self._again(archive, entry, inner))
            if self._readable(source, len(content)):
                self._shelf.keep(inner, content)
                yield source, content

    def _again(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str
    ) -> Callable[[], bytes]:
        def read() -> bytes:
            kept = self._shelf.get(name)
            return kept if kept is not None else unpacked(archive, entry, name, self._limits)

        return read

    def _readable(self, source: Source, size: int) -> bool:
        if source.kind in (Kind.DICOM, Kind.NIFTI, Kind.GZIP):
            return True
        if source.kind is Kind.ARCHIVE:
            self.faults.append(_nested(source.name).fault)
        elif belongs_to_nobody(source.name):
            return False
        else:
            self.faults.append(_foreign(source.name, _OTHER if size else _EMPTY).fault)
        return False

    def _count(self, name: str) -> None:
        self._seen += 1
        if self._seen > self._limits.files:
            raise faulty(
                name,
                "too_many_files",
                Text(en="files", zh="文件数"),
                self._seen,
                Text(
                    en=f"at most {self._limits.files:,} are read",
                    zh=f"最多读取 {self._limits.files:,} 个",
                ),
                Text(en="Send one study at a time.", zh="请一次只发送一个检查。"),
            )

    def _weigh(self, name: str, size: int) -> None:
        if size > self._limits.file_bytes:
            raise self._too_large(name, size)
        self._bytes += size
        if self._bytes > self._limits.total_bytes:
            raise faulty(
                name,
                "study_too_large",
                Text(en="bytes of all files", zh="全部文件的字节数"),
                self._bytes,
                Text(
                    en=f"at most {self._limits.total_bytes:,}",
                    zh=f"最多 {self._limits.total_bytes:,}",
                ),
                Text(en="Send one study at a time.", zh="请一次只发送一个检查。"),
            )

    def _too_large(self, name: str, size: int) -> Faulty:
        return faulty(
            name,
            "file_too_large",
            BYTES,
            size,
            Text(en=f"at most {self._limits.file_bytes:,}", zh=f"最多 {self._limits.file_bytes:,}"),
        )


_OTHER = Text(en="neither DICOM nor NIfTI", zh="既非 DICOM 也非 NIfTI")
_EMPTY = Text(en="empty", zh="空")


def _foreign(name: str, content: Text) -> Faulty:
    return faulty(
        name,
        "not_an_image",
        CONTENT,
        content,
        Text(en="DICOM, NIfTI, or a zip of them is read", zh="可读取 DICOM、NIfTI 或其 zip"),
        Text(en="Leave the file out.", zh="请去掉该文件。"),
    )


def _nested(name: str) -> Faulty:
    return faulty(
        name,
        "nested_archive",
        CONTENT,
        Text(
            en="an archive inside another, or one that is not a zip",
            zh="压缩包中的压缩包，或非 zip 压缩包",
        ),
        Text(en="a zip of image files is read", zh="可读取由图像文件组成的 zip"),
        Text(en="Unpack it and send its files.", zh="请解压后发送其中的文件。"),
    )


def _unreadable(name: str, error: BaseException) -> Faulty:
    return faulty(
        name,
        "unreadable",
        FILE,
        unreadable(f"{type(error).__name__}: {error}"),
        Text(en="a file that can be opened is needed", zh="需要可以打开的文件"),
    )
