"""The store: what is put there is on the disk, encrypted, or nowhere."""

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.report_gen.clinical import keys
from apps.report_gen.clinical.errors import (
    ClinicalDiskFull,
    KeyMissing,
    KeyRefused,
    Missing,
    Tampered,
    TooLarge,
)
from apps.report_gen.clinical.store import INBOX, ClinicalStore

PLANTED = b"QUENNEVILLE^ODETTE"


def made(folder: Path, *, most: int = 1 << 30, least_free: int = 0) -> ClinicalStore:
    ring = keys.from_file(folder / "keys.json") or keys.make_file(folder / "keys.json")
    return ClinicalStore(folder / "store", ring, least_free=least_free, most=most)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_comes_back_with_its_hash_and_length(tmp_path: Path) -> None:
    kept = made(tmp_path).put(iter([b"one", b"two"]), note={"calling": "CT1"})
    assert (kept.bytes, kept.sha256) == (6, hashlib.sha256(b"onetwo").hexdigest())
    with made(tmp_path).open(kept.name) as stream:
        assert stream.read() == b"onetwo"
    assert made(tmp_path).note(kept.name) == {"calling": "CT1"}


def test_no_file_holds_the_planted_name(tmp_path: Path) -> None:
    made(tmp_path).put(PLANTED * 100_000)
    found = files(tmp_path)
    assert len(found) == 2
    assert not [path for path in found if PLANTED in path.read_bytes()]


def test_everything_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    made(tmp_path).put(b"x")
    for path in (tmp_path / "store").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_inbox_tells_what_was_not_accepted_yet(tmp_path: Path) -> None:
    one = made(tmp_path)
    first, second = one.put(b"1", inbox=True), one.put(b"2", inbox=True)
    one.accept(first.name)
    one.accept(first.name)
    assert one.waiting() == [second.name]
    for kept, content in ((first, b"1"), (second, b"2")):
        with one.open(kept.name) as stream:
            assert stream.read() == content
    assert sorted(one.names()) == sorted([first.name, second.name])


def test_too_much_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="more than 10 bytes"):
        made(tmp_path, most=10).put(iter([b"12345", b"67890", b"1"]))
    assert files(tmp_path / "store") == []


def test_a_disk_that_would_be_too_full_is_said_before_writing(tmp_path: Path) -> None:
    with pytest.raises(ClinicalDiskFull, match="LOUPE_MIN_FREE_BYTES"):
        made(tmp_path, least_free=1 << 60).put(b"x")
    assert files(tmp_path / "store") == []


def test_a_disk_that_fills_up_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    one = made(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ClinicalDiskFull, match="Nothing was kept"):
        one.put(b"x" * 5_000_000)
    assert files(tmp_path / "store") == []


def test_a_sender_that_breaks_off_leaves_nothing_half_written(tmp_path: Path) -> None:
    def cut() -> Iterator[bytes]:
        yield b"x" * 3_000_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        made(tmp_path).put(cut())
    assert files(tmp_path / "store") == []


def test_two_files_that_changed_names_are_named(tmp_path: Path) -> None:
    one = made(tmp_path)
    a, b = one.put(b"a", inbox=True).name, one.put(b"b", inbox=True).name
    folder = tmp_path / "store" / INBOX
    (folder / a).rename(folder / "x")
    (folder / b).rename(folder / a)
    with pytest.raises(Tampered, match=f"{a}.*another name"):
        one.open(a)


def test_a_file_is_deleted_once(tmp_path: Path) -> None:
    one = made(tmp_path)
    kept = one.put(b"x")
    assert (one.delete(kept.name), one.delete(kept.name)) == (True, False)
    with pytest.raises(Missing, match="no file"):
        one.open(kept.name)


def test_a_name_cannot_lead_out_of_the_store(tmp_path: Path) -> None:
    for name in ("../keys.json", "", "A" * 32, "0" * 31):
        with pytest.raises(Missing, match="no name of a file"):
            made(tmp_path).open(name)


def test_after_a_kill_whole_files_are_kept_and_half_written_ones_removed(tmp_path: Path) -> None:
    one = made(tmp_path)
    whole, half = one.put(b"x" * 3_000_000, inbox=True), one.put(b"y" * 3_000_000, inbox=True)
    incoming = tmp_path / "store" / "incoming"
    for kept in (whole, half):
        (tmp_path / "store" / INBOX / kept.name).rename(incoming / kept.name)
    with (incoming / half.name).open("r+b") as file:
        file.truncate(2_000_000)
    assert one.restore(older_than=0) == 0
    assert one.restore(older_than=time.time() + 1) == 1
    assert (one.waiting(), files(incoming)) == ([whole.name], [])


def test_keys_are_made_once_with_mode_600(tmp_path: Path) -> None:
    first, second = keys.make_file(tmp_path / "k"), keys.make_file(tmp_path / "k")
    assert first == second
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert len(first.keys["k1"]) == 32


def test_rotating_seals_with_a_new_key_and_keeps_the_old(tmp_path: Path) -> None:
    first = keys.make_file(tmp_path / "k")
    second = keys.rotate_file(tmp_path / "k")
    assert (second.newest, set(second.keys)) == ("k2", {"k1", "k2"})
    assert second.lookup == first.lookup
    assert keys.from_file(tmp_path / "k") == second


def test_keys_that_others_may_read_are_refused(tmp_path: Path) -> None:
    keys.make_file(tmp_path / "k")
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(KeyRefused, match="set it to 600"):
        keys.from_file(tmp_path / "k")


@pytest.mark.parametrize(
    ("environment", "error", "words"),
    [
        ({"LOUPE_CLINICAL_KEYS": "abc"}, KeyRefused, "without a colon"),
        ({"LOUPE_CLINICAL_KEYS": "a:AAAA"}, KeyRefused, "has 3 bytes: 32 are needed"),
        ({"LOUPE_CLINICAL_KEYS": "a:***"}, KeyRefused, "is not base64"),
        ({"LOUPE_CLINICAL_KEYS": "A b:" + "A" * 43 + "="}, KeyRefused, "lower-case"),
        ({"LOUPE_CLINICAL_KEYS": "a:" + "A" * 43 + "="}, KeyMissing, "LOOKUP_KEY is not"),
    ],
)
def test_keys_of_another_form_are_refused_with_a_sentence(
    environment: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        keys.from_environment(environment)


def test_the_first_key_of_the_environment_seals() -> None:
    key = "A" * 43 + "="
    ring = keys.from_environment(
        {"LOUPE_CLINICAL_KEYS": f"new:{key},old:{key}", "LOUPE_CLINICAL_LOOKUP_KEY": key}
    )
    assert ring is not None
    assert (ring.newest, set(ring.keys)) == ("new", {"new", "old"})
    assert "AAAA" not in repr(ring)
