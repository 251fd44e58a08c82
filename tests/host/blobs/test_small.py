"""Small files live in the database, are packed behind whoever brought them, and stay readable."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from loupe.blobs import services as blobs
from loupe.blobs import small, upkeep
from loupe.blobs.errors import BlobDamaged
from loupe.blobs.models import Blob, Pack, SmallFile
from loupe.blobs.small import Small

pytestmark = pytest.mark.django_db


def kept(count: int, *, word: bytes = b"row") -> list[Blob]:
    files = [Small.of(b"%s %d " % (word, n) * 40) for n in range(count)]
    with transaction.atomic():
        small.keep(files)
        return blobs.record([(one.sha256, one.size, "text/plain") for one in files])


def content(blob: Blob) -> bytes:
    with blobs.open_local(blob) as path:
        return path.read_bytes()


def test_a_small_file_reads_the_same_before_and_after_it_is_packed() -> None:
    rows = kept(small.LEFT)
    before = [content(row) for row in rows]
    done = small.pack()
    assert (done.files, done.packs) == (small.LEFT, 1)
    assert done.packed_bytes * 5 < done.bytes == sum(map(len, before))
    assert [content(row) for row in rows] == before
    assert not SmallFile.objects.filter(pack=None).exists()
    assert small.room() == (small.LEFT, done.bytes, done.packed_bytes)


def test_a_few_wait_for_others_and_packing_twice_changes_nothing() -> None:
    kept(small.LEFT - 1)
    assert small.pack().files == 0
    kept(small.LEFT, word=b"more")
    assert small.pack().packs == 1
    assert small.pack().packs == 0


def test_the_same_bytes_are_kept_once_and_stay_packed() -> None:
    kept(small.LEFT)
    small.pack()
    kept(small.LEFT)
    assert SmallFile.objects.count() == small.LEFT
    assert small.pack().files == 0


def test_what_nothing_refers_to_is_collected_with_its_pack() -> None:
    rows = kept(small.LEFT)
    small.pack()
    Blob.objects.update(last_stored_at=timezone.now() - timedelta(days=3))
    assert upkeep.collect(timedelta(days=1)).blobs == len(rows)
    assert not SmallFile.objects.exists()
    assert not Pack.objects.exists()


def test_a_check_reads_packed_files_too() -> None:
    rows = kept(small.LEFT)
    small.pack()
    assert list(upkeep.damage()) == []
    SmallFile.objects.filter(pk=rows[0].pk).update(offset=1)
    assert [type(error) for _, error in upkeep.damage()] == [BlobDamaged]


def test_the_command_prints_what_a_file_takes(capsys: pytest.CaptureFixture[str]) -> None:
    kept(small.LEFT)
    call_command("blobs", "pack")
    assert f"Packed {small.LEFT} small files" in capsys.readouterr().out
