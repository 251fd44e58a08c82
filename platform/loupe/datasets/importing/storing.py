"""The third phase: each record's bytes into storage, with a fingerprint. Goes on after a kill."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from loupe.blobs import services as blobs
from loupe.blobs import writing
from loupe.blobs.backend import backend
from loupe.blobs.sniff import content
from loupe.blobs.writing import Written
from loupe.contract.app import DomainApp
from loupe.contract.labelling import Labelling, Problem
from loupe.contract.runtime.errors import InputRefused
from loupe.datasets import fingerprints
from loupe.datasets.importing.plan import Planned, lines_of
from loupe.intake import kinds
from loupe.intake.errors import EntryRefused
from loupe.sandbox.pool import SandboxPool

SLICE = 64


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What became of one record's bytes; of one that cannot be used, `problem` alone is set."""

    sha256: str = ""
    size: int = 0
    media_type: str = ""
    fingerprint: int | None = None
    problem: tuple[str, str] | None = None


@dataclass(frozen=True)
class Source:
    """Where the files lie. `known` are hashes and sizes of files that may be moved: unpacked ones;
    others are copied."""

    root: Path
    known: dict[str, tuple[str, int]]


def store(
    app: type[DomainApp],
    labelling: Labelling,
    source: Source,
    records: Sequence[Planned],
    done: Path,
    pool: SandboxPool,
    go_on: Callable[[int], bool],
) -> bool:
    """Store what `done` does not list yet, slice by slice; returns whether all is stored.

    Args:
        done: a file that gets a line for each record, in their order.
        go_on: called after each slice with the number stored; False ends the work for now.
    """
    finished = sum(1 for _ in lines_of(done))
    with done.open("a", encoding="utf-8") as file:
        _drop_torn_end(file.fileno(), done)
        while finished < len(records):
            some = records[finished : finished + SLICE]
            lines = [asdict(each) for each in _slice(app, labelling, source, some, pool)]
            file.write("".join(f"{json.dumps(line)}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
            finished += len(some)
            if not go_on(finished) and finished < len(records):
                return False
    return True


def stored_in(done: Path) -> Iterator[Stored]:
    """What `store` wrote down."""
    for line in lines_of(done):
        problem = line.pop("problem")
        yield Stored(**line, problem=None if problem is None else (problem[0], problem[1]))


def unusable(record: Planned, stored: Stored) -> Problem:
    """The problem of a record whose bytes cannot be used."""
    code, reason = stored.problem or ("unusable", "")
    return Problem(file=record.file[:500], code=code, reason=reason)


def _slice(
    app: type[DomainApp],
    labelling: Labelling,
    source: Source,
    records: Sequence[Planned],
    pool: SandboxPool,
) -> list[Stored]:
    found: list[Stored] = []
    files: list[tuple[Written, str]] = []
    placed: list[Stored] = []
    for record in records:
        path = source.root / record.file
        known = source.known.get(record.file)
        if not path.exists() and known is not None and backend().exists(blobs.key_of(known[0])):
            # A kill came between moving the files and writing that down, here or in the database.
            with backend().open_local(blobs.key_of(known[0])) as there:
                placed.append(_described(app, labelling, there, known, pool))
            found.append(placed[-1])
            continue
        try:
            media_type = content.media_type(path)
            kinds.require(app, media_type, path.stat().st_size)
        except (EntryRefused, OSError) as error:
            message = error.message if isinstance(error, EntryRefused) else str(error.strerror)
            code = error.code if isinstance(error, EntryRefused) else "unreadable_file"
            found.append(Stored(problem=(code, message)))
            continue
        if known is None:
            written = writing.copy(path, backend().new_file())
        else:
            written = Written(path=path, sha256=known[0], size=known[1])
        found.append(_described(app, labelling, path, (written.sha256, written.size), pool))
        files.append((written, media_type))
    blobs.record((each.sha256, each.size, each.media_type) for each in placed)
    blobs.store_written(files)
    return found


def _described(
    app: type[DomainApp],
    labelling: Labelling,
    path: Path,
    known: tuple[str, int],
    pool: SandboxPool,
) -> Stored:
    media_type = content.media_type(path)
    print_ = None
    if labelling.fingerprint is not None:
        try:
            options = fingerprints.options_of(app.slug, media_type)
            print_ = fingerprints.one(labelling, options, path, pool)
        except InputRefused:
            print_ = fingerprints.of_hash(known[0])
    return Stored(sha256=known[0], size=known[1], media_type=media_type, fingerprint=print_)


def _drop_torn_end(handle: int, file: Path) -> None:
    """Cut a line that a kill left half-written."""
    data = file.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(handle, whole)
