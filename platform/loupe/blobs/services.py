"""Store bytes once, read them back, check them, and forget those nobody refers to.

The file is always durable before the database row says that it exists.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from loupe.blobs import room, small, writing
from loupe.blobs.backend import backend
from loupe.blobs.errors import BlobMissing
from loupe.blobs.models import Blob
from loupe.blobs.writing import Written
from loupe.bulk import insert


def store(path: Path, media_type: str) -> Blob:
    """Keep a copy of the file at `path`; the same bytes are kept once.

    Raises:
        DiskFull: there is no room; nothing of the file stays.
    """
    written = writing.copy(path, backend().new_file())
    return store_written([(written, media_type)])[0]


def store_bytes(data: bytes, media_type: str) -> Blob:
    """Keep `data`; see `store`."""
    return store_written([(write_bytes(data), media_type)])[0]


def store_written(files: Sequence[tuple[Written, str]]) -> list[Blob]:
    """Keep files that were hashed while they were written; they are moved, not copied.

    Returns the blobs in the order of `files`. Much quicker than one call of `store` per file.
    """
    place([written for written, _ in files])
    return record([(written.sha256, written.size, media_type) for written, media_type in files])


def write_bytes(data: bytes) -> Written:
    """Write `data` to a new file of its own, ready for `place` or `store_written`.

    Raises:
        DiskFull: there is no room.
    """
    path = backend().new_file()
    room.require(path.parent, len(data))
    with writing.Writer(path) as writer:
        writer.write(data)
        return writer.finish()


def place(files: Sequence[Written]) -> None:
    """Make the files durable in storage, without a database row: the first half of storing.

    Safe to repeat. `record` completes it; a file never recorded is collected as garbage.
    """
    first = {written.sha256: written for written in files}
    put = backend().put([(written, key_of(sha)) for sha, written in first.items()])
    for written in files:
        if key_of(written.sha256) not in put or written is not first[written.sha256]:
            written.path.unlink(missing_ok=True)


def record(entries: Iterable[tuple[str, int, str]]) -> list[Blob]:
    """Write the rows of files that are in place: ``(sha256, size in bytes, media type)`` each."""
    rows = [
        Blob(sha256=sha256, size=size, media_type=media_type, last_stored_at=timezone.now())
        for sha256, size, media_type in entries
    ]
    record_rows(rows)
    return rows


def record_rows(rows: Iterable[Blob]) -> None:
    """`record` for rows that were made already; the stored ones are renewed."""
    with transaction.atomic(savepoint=False):
        insert({row.sha256: row for row in rows}.values(), renewing=("last_stored_at",))


@contextmanager
def open_local(blob: Blob) -> Iterator[Path]:
    """The blob's bytes as a local file, not to be written to.

    Raises:
        BlobMissing: storage has lost it.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(backend().open_local(blob.key))
        except BlobMissing:
            data = small.read(blob.sha256) if blob.size <= small.SMALL_BYTES else None
            if data is None:
                raise
            path = backend().new_file()
            stack.callback(path.unlink, missing_ok=True)
            path.write_bytes(data)
        yield path


def key_of(sha256: str) -> str:
    """Where storage keeps the bytes of that hash."""
    return Blob(sha256=sha256).key
