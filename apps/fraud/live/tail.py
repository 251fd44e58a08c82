"""The newest rows of a log in files, as a snapshot takes them in: each row is written once.

A piece is record batches as they are. It lives until the segment that its rows become is there.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from apps.fraud.live.files import Kept

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Piece:
    """Neighbouring rows, from number `first` on."""

    first: int
    rows: int
    file: Kept

    @property
    def end(self) -> int:
        """The number after the last one."""
        return self.first + self.rows

    @classmethod
    def written(cls, first: int, parts: Sequence[pa.RecordBatch], near: Path | None) -> "Piece":
        """Record batches of one form in a file near `near`.

        Raises:
            OSError: the disk is full.
        """

        def write(sink: pa.NativeFile) -> None:
            with pa.ipc.new_file(sink, parts[0].schema) as writer:
                for part in parts:
                    writer.write_batch(part)

        rows = sum(part.num_rows for part in parts)
        return cls(first, rows, Kept.streamed(write, near))

    def batches(self) -> list[pa.RecordBatch]:
        """What was written; the file is on the disk."""
        with pa.ipc.open_file(pa.memory_map(self.file.place)) as reader:
            return [reader.get_batch(n) for n in range(reader.num_record_batches)]


class Tail:
    """The pieces of one log, in order."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._coming: Future[Piece] | None = None

    def end(self, done: int) -> int:
        """The number after the last row of a piece; rows before `done` have become segments."""
        self._take()
        kept: list[Piece] = []
        for piece in self.pieces:
            if piece.first == (kept[-1].end if kept else done):
                kept.append(piece)
        self.pieces = kept
        return kept[-1].end if kept else done

    @property
    def busy(self) -> bool:
        """Whether a piece is being written."""
        return self._coming is not None

    def begin(
        self, worker: ThreadPoolExecutor, first: int, parts: Sequence[pa.RecordBatch],
        near: Path | None,
    ) -> None:  # fmt: skip
        """Have `worker` write one more piece, unless it is at one."""
        if self._coming is None:
            self._coming = worker.submit(Piece.written, first, parts, near)

    def wait(self) -> None:
        """Until the piece that is being written is there."""
        self._take(wait=True)

    def _take(self, *, wait: bool = False) -> None:
        if self._coming is None or not (wait or self._coming.done()):
            return
        told, self._coming = self._coming, None
        if (error := told.exception()) is not None:
            # The rows are safe in memory and in the journal; the snapshot writes them itself.
            logger.error("the newest rows could not be written beforehand", exc_info=error)
        else:
            self.pieces.append(told.result())


def of_one_form(parts: Sequence[pa.RecordBatch]) -> list[list[pa.RecordBatch]]:
    """Neighbours with the same columns together: a file has one form."""
    runs: list[list[pa.RecordBatch]] = []
    for part in parts:
        if not runs or not runs[-1][0].schema.equals(part.schema):
            runs.append([])
        runs[-1].append(part)
    return runs
