"""Segments, generations and parts cut small, so that a few hundred rows make many of each."""

import subprocess
from pathlib import Path

import pytest

from apps.fraud.live import base_writer, bases, known_ids, log
from apps.fraud.live.service import FraudService


def cut(patch: pytest.MonkeyPatch) -> None:
    """Parts of 16 rows, segments of 100 and of 300, generations of 150 ids."""
    patch.setattr(log, "PART_ROWS", 16)
    patch.setattr(log, "SEGMENT_ROWS", 100)
    patch.setattr(log, "COMPACT_ROWS", 300)
    patch.setattr(known_ids, "GENERATION", 150)


def wait_for_bases(patch: pytest.MonkeyPatch) -> None:
    """See `at_once`."""
    patch.setattr(bases, "started", at_once)


def at_once(snapshot: Path, number: int, into: Path) -> "subprocess.Popen[bytes]":
    """A base that has been written when the writer goes on, so that every run is the same.

    It is written in this process, which spares each one the imports of another; that another
    does the same is a test of its own.
    """
    base_writer.write(snapshot, number, into)
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended


def idle(service: FraudService) -> None:
    """Wait until what a service has left to the background is done."""
    room = service._room
    for thread in (room.worker, room.compactor, room.tail_writer):
        if thread is not None:
            thread.submit(int).result()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `cut` and `at_once`."""
    cut(monkeypatch)
    wait_for_bases(monkeypatch)
