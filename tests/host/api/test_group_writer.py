"""Calls that share a transaction share its syncs, and nothing of each other's trouble."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from loupe.api.sync import entries, writer
from loupe.api.sync.entries import Answer, Entry
from loupe.contract.runtime.errors import InputRefused


def entry(name: str) -> Any:
    """An entry that only its name tells from others; `stored` below knows what to do with it."""
    return type("Named", (), {"name": name})()


def written(names: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[int]]:
    """What became of calls that came together, and how many were stored at once each time."""
    sizes: list[int] = []

    def stored(group: Sequence[Any]) -> list[Answer]:
        sizes.append(len(group))
        if any(one.name == "bad" for one in group):
            raise InputRefused("Nobody may hear of it.", code="unheard")
        return [Answer(status=200, body=one.name.encode()) for one in group]

    monkeypatch.setattr(writer, "commit", stored)
    monkeypatch.setattr(writer.GroupWriter, "_work", lambda self: None)
    one = writer.GroupWriter()

    async def all_of_them() -> list[Any]:
        waiting = [asyncio.ensure_future(one.write(entry(name))) for name in names]
        await asyncio.sleep(0)
        group = [one._queue.get_nowait() for _ in names]
        one._store(group)
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(all_of_them()), sizes


def test_a_group_is_stored_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found, sizes = written(["a", "b", "c"], monkeypatch)
    assert [answer.body for answer in found] == [b"a", b"b", b"c"]
    assert sizes == [3]


def test_a_call_whose_app_refuses_its_block_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found, sizes = written(["a", "bad", "c"], monkeypatch)
    assert [found[0].body, found[2].body] == [b"a", b"c"]
    assert isinstance(found[1], InputRefused)
    assert sizes == [3, 1, 1, 1]


@pytest.mark.django_db
def test_the_files_of_a_group_are_moved_into_storage_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    placed: list[list[str]] = []
    monkeypatch.setattr(
        "loupe.api.sync.entries.blobs.place", lambda files: placed.append(list(files))
    )
    monkeypatch.setattr(entries, "record_within", lambda calls: [None for _ in calls])
    group: Any = [
        Entry(call=None, finish=lambda _: Answer(status=200, body=b""), files=files)  # type: ignore[arg-type]
        for files in (["a", "b"], [], ["c"])
    ]
    entries.commit(group)
    entries.commit(group[1:2])
    assert placed == [["a", "b", "c"]]
