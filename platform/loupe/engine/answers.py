"""What live services answered, by request id, so that a repeated request is not applied again.

Answers live in one file per snapshot interval. They need no sync before a request is answered:
those since the last snapshot come back by replaying the journal. Files are dropped, oldest first,
once later ones remember enough requests.
"""

import logging
from pathlib import Path

import msgspec

from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import Payload
from loupe.engine import together
from loupe.engine.errors import from_wire, to_wire
from loupe.engine.journal import Journal

log = logging.getLogger(__name__)

REMEMBERED = 100_000
"""At least this many of the latest requests of a service can be repeated…"""
MOST_BYTES = 4 * 2**30
"""… as long as their answers take no more than this."""

Answer = Payload | LoupeError


class Answers:
    """The record of one service, below `folder`."""

    def __init__(
        self, folder: Path, remembered: int = REMEMBERED, most_bytes: int = MOST_BYTES
    ) -> None:
        self._folder = folder
        self._remembered = remembered
        self._most_bytes = most_bytes
        self._files: dict[int, Journal] = {}
        self._ids: dict[int, list[str]] = {}
        self._places: dict[str, tuple[int, int, int]] = {}
        self._unwritten: dict[str, bytes] = {}
        self._current = -1

    def restore(self, start: int) -> None:
        """Index the files of snapshots before sequence `start` and begin that of `start` anew."""
        for path in sorted(self._folder.glob("answers-*.log")):
            number = int(path.stem.partition("-")[2])
            if number >= start:
                path.unlink()
                continue
            file = self._files[number] = Journal(path)
            self._ids[number] = []
            for record in file.records():
                self._ids[number].append(record.request_id)
                self._places[record.request_id] = (number, record.offset, record.length)
        self.rotate(start)

    def rotate(self, start: int) -> None:
        """Begin the file of the snapshot at sequence `start` and forget what is too old."""
        self._current = start
        self._files[start] = Journal(self._folder / f"answers-{start:020d}.log", fresh=True)
        self._ids[start] = []
        self._unwritten.clear()
        kept = sum(len(ids) for ids in self._ids.values())
        nbytes = sum(file.size for file in self._files.values())
        for number in sorted(self._files):
            kept -= len(self._ids[number])
            too_large = nbytes > self._most_bytes
            nbytes -= self._files[number].size
            if number == start or (kept < self._remembered and not too_large):
                return
            for request_id in self._ids.pop(number):
                if self._places.get(request_id, (None,))[0] == number:
                    del self._places[request_id]
            file = self._files.pop(number)
            file.path.unlink()
            file.let_go()

    def get(self, request_id: str) -> Answer | None:
        """The answer a request got; None if it is not known."""
        block = self._unwritten.get(request_id)
        if block is None:
            place = self._places.get(request_id)
            if place is None:
                return None
            block = self._files[place[0]].read(place[1], place[2])
        return _unpack(block)

    def put(self, sequence: int, blocks: list[tuple[str, bytes]]) -> None:
        """Record packed answers by id; `sequence` is that of the first.

        A full disk does not stop them: they stay in memory until `sync`.
        """
        numbered = [(sequence + n, name, block) for n, (name, block) in enumerate(blocks)]
        try:
            places = self._files[self._current].append(numbered)
        except OSError as error:
            log.warning("answers stay in memory until the next snapshot: %s", error)
            self._unwritten.update(blocks)
            return
        for (request_id, _), (offset, length) in zip(blocks, places, strict=True):
            self._places[request_id] = (self._current, offset, length)
            self._ids[self._current].append(request_id)

    def sync(self) -> None:
        """Have every answer on the disk.

        Raises:
            OSError: the disk is full.
        """
        if self._unwritten:
            file = self._files[self._current]
            waiting = list(self._unwritten.items())
            places = file.append([(0, request_id, block) for request_id, block in waiting])
            for (request_id, _), (offset, length) in zip(waiting, places, strict=True):
                self._places[request_id] = (self._current, offset, length)
                self._ids[self._current].append(request_id)
            self._unwritten.clear()
        self._files[self._current].sync()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()


def pack(answer: Answer) -> bytes:
    """An answer as it is recorded."""
    if isinstance(answer, LoupeError):
        return b"E" + msgspec.json.encode(to_wire(answer)[1])
    return b"A" + together.pack(answer)


def _unpack(block: bytes) -> Answer:
    if block[:1] == b"E":
        return from_wire(500, msgspec.json.decode(block[1:]))
    return together.unpack(memoryview(block)[1:])
