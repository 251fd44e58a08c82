"""Damage is found, what nothing refers to is forgotten, the rest stays."""

import os
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.blobs import services, upkeep
from loupe.blobs.errors import BlobDamaged
from loupe.blobs.models import Blob
from loupe.intake.models import Channel, Input, Submission
from tests.host.blobs.conftest import stored_files

pytestmark = pytest.mark.django_db


def aged(blob: Blob, root: Path) -> Blob:
    """`blob` as if stored two days ago."""
    then = timezone.now() - timedelta(days=2)
    Blob.objects.filter(pk=blob.pk).update(last_stored_at=then)
    os.utime(root / blob.key, (then.timestamp(), then.timestamp()))
    return blob


def refer_to(blob: Blob) -> None:
    project = Project.objects.create(slug="p", name="P")
    sent = Submission.objects.create(project=project, app="dummy_app", channel=Channel.WEB)
    Input.objects.create(submission=sent, name="a", blob=blob)


def test_unused_blobs_go_and_used_or_young_ones_stay(root: Path) -> None:
    unused = aged(services.store_bytes(b"unused", "text/plain"), root)
    used = aged(services.store_bytes(b"used", "text/plain"), root)
    young = services.store_bytes(b"young", "text/plain")
    refer_to(used)
    done = upkeep.collect(timedelta(days=1))
    assert (done.blobs, done.orphans, done.bytes) == (1, 0, len(b"unused"))
    assert set(Blob.objects.values_list("pk", flat=True)) == {used.pk, young.pk}
    assert {path.name for path in stored_files(root)} == {used.pk, young.pk}
    assert not (root / unused.key).exists()


def test_storing_again_renews_a_blob(root: Path) -> None:
    blob = aged(services.store_bytes(b"again", "text/plain"), root)
    services.store_bytes(b"again", "text/plain")
    assert upkeep.collect(timedelta(days=1)).blobs == 0
    assert (root / blob.key).exists()


def test_files_placed_but_never_recorded_go_after_the_grace(root: Path) -> None:
    written = services.write_bytes(b"orphan")
    services.place([written])
    [path] = stored_files(root)
    assert upkeep.collect(timedelta(days=1)).orphans == 0
    old = time.time() - 200_000
    os.utime(path, (old, old))
    assert upkeep.collect(timedelta(days=1), dry_run=True).orphans == 1
    assert path.exists()
    assert upkeep.collect(timedelta(days=1)).orphans == 1
    assert not path.exists()


def test_a_grace_too_short_for_work_in_flight_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="too short: at least 1:00:00"):
        upkeep.collect(timedelta(minutes=1))


def test_changed_bytes_are_reported_as_damage(root: Path) -> None:
    blob = services.store_bytes(b"right", "text/plain")
    upkeep.verify(blob)
    (root / blob.key).write_bytes(b"wrong")
    with pytest.raises(BlobDamaged, match="changed or damaged on disk"):
        upkeep.verify(blob)


def test_the_check_command_names_every_bad_file_and_fails(root: Path) -> None:
    good = services.store_bytes(b"good", "text/plain")
    bad = services.store_bytes(b"bad", "text/plain")
    lost = services.store_bytes(b"lost", "text/plain")
    out = StringIO()
    (root / bad.key).write_bytes(b"BAD")
    (root / lost.key).unlink()
    errors = StringIO()
    with pytest.raises(CommandError, match="2 of 3 stored files are missing or damaged"):
        call_command("blobs", "check", stdout=out, stderr=errors)
    said = errors.getvalue()
    assert f"blob_damaged {bad.pk}" in said
    assert f"blob_missing {lost.pk}" in said
    assert good.pk not in said


def test_the_collect_command_says_what_it_removed(root: Path) -> None:
    aged(services.store_bytes(b"12345", "text/plain"), root)
    out = StringIO()
    call_command("blobs", "collect", "--grace-hours", "24", stdout=out)
    assert out.getvalue() == "Removed 1 unused files and 0 left-overs, 5 bytes.\n"
