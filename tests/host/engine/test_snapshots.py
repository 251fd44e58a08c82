"""Old snapshots go at once; what takes long about it is left to a thread."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from loupe.engine import snapshots
from loupe.engine.snapshots import Snapshots


def test_names_go_at_once_and_a_thread_gives_back_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (tmp_path / f"snapshot-{number:020d}" for number in (5, 9))
    for folder in (old / "0", new / "0"):
        folder.mkdir(parents=True)
    (old / "0" / "own").write_bytes(b"x" * 1_000)
    (old / "0" / "shared").write_bytes(b"y")
    (new / "0" / "shared").hardlink_to(old / "0" / "shared")
    left: list[tuple[int, int]] = []
    close = snapshots._close

    def noted(held: Sequence[int]) -> None:
        left.extend((os.fstat(one).st_size, os.fstat(one).st_nlink) for one in held)
        close(held)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(held[0])

    threads: list[object] = []

    class Now:
        """A thread that is through when it has begun."""

        def __init__(self, target: object, args: tuple[Sequence[int]], name: str) -> None:
            threads.append(target)
            self._held = args[0]

        def start(self) -> None:
            assert not old.exists()
            noted(self._held)

    monkeypatch.setattr("threading.Thread", Now)
    Snapshots(tmp_path).remove_before(9)
    assert [path.name for path in tmp_path.iterdir()] == [new.name]
    assert (new / "0" / "shared").read_bytes() == b"y"
    assert threads == [close]
    assert left == [(1_000, 0)]
