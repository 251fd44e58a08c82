"""Encrypted files by name, each on the disk before its name is given out."""

import errno
import hashlib
import io
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from apps.report_gen.clinical.errors import ClinicalDiskFull, Missing, Tampered, TooLarge
from apps.report_gen.clinical.keys import Keyring
from apps.report_gen.clinical.sealing import Opened, sealed

INBOX: Final = "inbox"
OBJECTS: Final = "objects"
INCOMING: Final = "incoming"
_NAME: Final = re.compile(r"^[0-9a-f]{32}$")
_READ: Final = 1 << 20
_CHECK_EVERY: Final = 16 << 20
_SYNCS_IN_FLIGHT: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A file that is kept: its name in the store, SHA-256 and length of what it holds."""

    name: str
    sha256: str
    bytes: int


class ClinicalStore:
    """Files below a folder of mode 0700.

    A file is written to ``incoming/``, synced, and only then renamed. What arrives over the network
    goes to ``inbox/`` first and moves to ``objects/`` when the database knows it, so that after a
    kill the inbox says what the database may have missed. Both are read alike.

    Args:
        least_free: bytes of the disk that stay free.
        most: the largest file taken, in bytes.
    """

    def __init__(self, root: Path, keyring: Keyring, *, least_free: int, most: int) -> None:
        self.root = root
        self.keyring = keyring
        self._least_free = least_free
        self._most = most
        for folder in (root, root / INBOX, root / OBJECTS, root / INCOMING):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(
        self,
        content: "bytes | BinaryIO | Iterable[bytes | memoryview]",
        *,
        inbox: bool = False,
        note: Mapping[str, str] | None = None,
        sync: bool = True,
    ) -> Sealed:
        """Keep the content; when this returns it is on the disk.

        Args:
            sync: whether to wait for the disk itself. Without, the file survives a kill of any
                process and not a loss of power, until `sync` was called for it.
            note: of the writer's, readable without a key: never anything about a patient.

        Raises:
            ClinicalDiskFull: the disk is too full. Nothing is kept.
            TooLarge: there are more than `most` bytes. Nothing is kept.
        """
        name = secrets.token_hex(16)
        draft = self.root / INCOMING / name
        digest, total = hashlib.sha256(), 0

        def counted() -> Iterator[bytes | memoryview]:
            nonlocal total
            unchecked = _CHECK_EVERY
            for piece in _pieces(content):
                total += len(piece)
                unchecked += len(piece)
                if total > self._most:
                    raise TooLarge(
                        f"The file has more than {self._most:,} bytes, which is the most that is "
                        "taken (LOUPE_DICOM_MAX_OBJECT_BYTES): send it in parts or raise the limit."
                    )
                if unchecked > _CHECK_EVERY:
                    self.require_room(len(piece))
                    unchecked = 0
                digest.update(piece)
                yield piece

        try:
            with self._guarded():
                handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb", buffering=0) as file:
                    for block in sealed(counted(), self.keyring, name, note):
                        _write_all(file, block)
                    if sync:
                        os.fsync(file.fileno())
                if inbox:
                    # A new file's name is synced with it (ext4, XFS, btrfs). Where the rename is
                    # lost with the power, `restore` finds the whole file among the drafts.
                    draft.rename(self._inbox(name))
                else:
                    target = self._object(name)
                    target.parent.mkdir(exist_ok=True, mode=0o700)
                    draft.rename(target)
                    _sync_folder(target.parent)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return Sealed(name=name, sha256=digest.hexdigest(), bytes=total)

    def open(self, name: str) -> io.BufferedReader:
        """What a file holds, as a readable, seekable stream; each chunk is checked as it is read.

        Raises:
            Missing: there is none.
            Tampered: it is not as it was written.
            KeyMissing: its key is not there.
        """
        for path in (self._object(name), self._inbox(name), self._object(name)):
            # Looked for twice: it may move from the inbox between the first two.
            with suppress(FileNotFoundError):
                file = path.open("rb")
                try:
                    return io.BufferedReader(Opened(file, self.keyring, name), _READ)
                except BaseException:
                    file.close()
                    raise
        raise Missing(
            f"The clinical store has no file {name}: it was erased, or a backup is older."
        )

    def note(self, name: str) -> dict[str, str]:
        """What the writer noted of a file.

        Raises:
            Missing, Tampered, KeyMissing: as `open`.
        """
        with self.open(name) as stream:
            raw = stream.raw
            return raw.note if isinstance(raw, Opened) else {}

    def sync(self, names: Sequence[str]) -> None:
        """Wait until files of the inbox are on the disk itself."""

        def one(name: str) -> None:
            with suppress(FileNotFoundError):
                handle = os.open(self._inbox(name), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

        # Several syncs in flight share one commit of the file system's journal.
        with ThreadPoolExecutor(_SYNCS_IN_FLIGHT) as pool:
            list(pool.map(one, names))
        _sync_folder(self.root / INBOX)

    def accept(self, name: str) -> None:
        """Move a file out of the inbox; nothing happens where that is done."""
        waiting, target = self._inbox(name), self._object(name)
        try:
            waiting.rename(target)
        except FileNotFoundError:  # of the file, or of the folder it goes to
            target.parent.mkdir(exist_ok=True, mode=0o700)
            with suppress(FileNotFoundError):
                waiting.rename(target)

    def delete(self, name: str) -> bool:
        """Remove a file; returns whether it was there."""
        found = False
        for path in (self._inbox(name), self._object(name)):
            with suppress(FileNotFoundError):
                path.unlink()
                found = True
        return found

    def waiting(self) -> list[str]:
        """Names in the inbox, oldest first."""
        found = []
        for entry in os.scandir(self.root / INBOX):
            with suppress(FileNotFoundError):
                found.append((entry.stat().st_mtime_ns, entry.name))
        return [name for _, name in sorted(found)]

    def names(self) -> Iterator[str]:
        """Every file that is kept, in no order."""
        yield from self.waiting()
        for folder in (self.root / OBJECTS).iterdir():
            yield from (path.name for path in folder.iterdir())

    def restore(self, older_than: float) -> int:
        """After a kill: whole files that wait to be renamed go to the inbox, half-written ones go
        away. Returns how many were removed.

        Args:
            older_than: seconds since the epoch; what is newer may still be written by others.
        """
        removed = 0
        for path in (self.root / INCOMING).iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime >= older_than:
                    continue
                try:
                    with path.open("rb") as file:
                        Opened(file, self.keyring, path.name).close()
                except Tampered:
                    path.unlink()
                    removed += 1
                else:
                    path.rename(self._inbox(path.name))
        return removed

    def require_room(self, more: int = 0) -> None:
        """Pass in silence if `more` bytes would still leave enough of the disk free.

        Raises:
            ClinicalDiskFull: they would not.
        """
        free = shutil.disk_usage(self.root).free
        if free - more < self._least_free:
            raise ClinicalDiskFull(
                f"The disk of the clinical store has {free:,} bytes free; {more:,} more must leave "
                f"{self._least_free:,} (LOUPE_MIN_FREE_BYTES). Make room, then send it again."
            )

    def _inbox(self, name: str) -> Path:
        return self.root / INBOX / _checked(name)

    def _object(self, name: str) -> Path:
        return self.root / OBJECTS / _checked(name)[:2] / name

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise
            raise ClinicalDiskFull(
                f"The disk of the clinical store is full ({error.strerror}). Nothing was kept of "
                "this file; make room, then send it again."
            ) from error


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise Missing(f"{name!r} is no name of a file in the clinical store: 32 hex digits are.")
    return name


def _pieces(
    content: "bytes | BinaryIO | Iterable[bytes | memoryview]",
) -> Iterator[bytes | memoryview]:
    if isinstance(content, bytes | bytearray | memoryview):
        yield bytes(content) if isinstance(content, memoryview) else content
    elif hasattr(content, "read"):
        while piece := content.read(_READ):
            yield piece
    else:
        yield from content


def _write_all(file: io.FileIO, block: bytes | memoryview) -> None:
    view = memoryview(block)
    while len(view):
        view = view[file.write(view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
