"""A file that comes in parts: what counts, what is dropped, what becomes of it."""

import base64
import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.blobs.errors import DiskFull
from loupe.intake.models import Channel
from loupe.jobs import services as jobs
from loupe.registry import services as registry
from loupe.testing import factories
from loupe.uploads import checksums, files, services
from loupe.uploads.errors import (
    ChecksumMismatch,
    OffsetConflict,
    TooManyUploads,
    UploadBusy,
    UploadGone,
    UploadTooLong,
    UploadUnfinished,
)
from loupe.uploads.models import Upload, UploadState
from loupe.uploads.parts import Part

READING = b'{"value": 7}'


@pytest.fixture
def project(db: None) -> Iterator[Project]:
    registry.register_shipped("dummy_app")
    yield factories.project("line", "Line")
    for path in files.folder().iterdir():
        path.unlink()


def announced(project: Project, length: int = len(READING)) -> Upload:
    return services.create(SYSTEM, project, length=length, name="a.json")


def send(upload: Upload, offset: int, data: bytes, checksum: str = "") -> None:
    said = checksums.read(checksum) if checksum else None
    with Part(upload, offset, said) as part:
        part.write(data)
        part.finish()


def sha256(data: bytes) -> str:
    return "sha256 " + base64.b64encode(hashlib.sha256(data).digest()).decode()


def test_parts_make_the_file_and_the_last_one_completes_it(project: Project) -> None:
    upload = announced(project)
    send(upload, 0, READING[:5])
    assert (upload.offset, upload.state) == (5, UploadState.OPEN)
    send(upload, 5, READING[5:], sha256(READING[5:]))
    assert upload.state == UploadState.COMPLETE
    assert files.path_of(upload.pk).read_bytes() == READING
    assert files.path_of(upload.pk).stat().st_mode & 0o777 == 0o600


def test_a_part_that_starts_elsewhere_is_refused_with_where_to_go_on(project: Project) -> None:
    upload = announced(project)
    send(upload, 0, READING[:5])
    for offset in (0, 4, 6):
        with pytest.raises(OffsetConflict, match="go on from 5"):
            send(upload, offset, b"x")
    assert services.settled(upload).offset == 5


def test_a_damaged_part_leaves_nothing_behind(project: Project) -> None:
    upload = announced(project)
    send(upload, 0, READING[:5])
    with pytest.raises(ChecksumMismatch):
        send(upload, 5, b"garbage", sha256(READING[5:]))
    assert files.path_of(upload.pk).read_bytes() == READING[:5]
    send(upload, 5, READING[5:], sha256(READING[5:]))
    assert upload.state == UploadState.COMPLETE


class Killed(BaseException):
    """Stands for what ends a request without its own clean-up running to the end."""


def broken_off(part: Part) -> None:
    """A request that ends in the middle."""
    with part:
        part.write(READING[:5])
        raise Killed


def test_what_came_before_a_break_counts_but_not_under_an_open_checksum(project: Project) -> None:
    plain, hashed = announced(project), announced(project)
    for upload, said in ((plain, None), (hashed, checksums.read(sha256(READING)))):
        with pytest.raises(Killed):
            broken_off(Part(upload, 0, said))
    assert services.settled(services.find(SYSTEM, plain.pk)).offset == 5
    assert services.settled(services.find(SYSTEM, hashed.pk)).offset == 0


def test_bytes_of_a_killed_part_with_a_checksum_do_not_count(project: Project) -> None:
    upload = announced(project)
    send(upload, 0, READING[:3])
    part = Part(upload, 3, checksums.read(sha256(READING[3:])))
    part.__enter__()
    part.write(b"half")
    # The process is gone: its lock with it, its bytes still there.
    assert files.path_of(upload.pk).stat().st_size > 3
    os.close(part._handle)
    found = services.settled(services.find(SYSTEM, upload.pk))
    assert found.offset == 3
    send(found, 3, READING[3:])
    assert files.path_of(upload.pk).read_bytes() == READING


def test_a_kill_before_the_last_row_is_made_good_when_somebody_looks(project: Project) -> None:
    upload = announced(project)
    files.path_of(upload.pk).write_bytes(READING)
    found = services.settled(services.find(SYSTEM, upload.pk))
    assert (found.offset, found.state) == (len(READING), UploadState.COMPLETE)


def test_more_than_announced_is_refused_and_what_counted_stays(project: Project) -> None:
    upload = announced(project, length=5)
    with pytest.raises(UploadTooLong, match="announced with 5 bytes"):
        send(upload, 0, READING)
    assert services.settled(upload).offset == 0


def test_two_requests_never_write_at_once(project: Project) -> None:
    upload = announced(project)
    with Part(upload, 0), pytest.raises(UploadBusy):
        send(services.find(SYSTEM, upload.pk), 0, READING)
    send(services.find(SYSTEM, upload.pk), 0, READING)


def test_a_full_disk_is_said_and_keeps_what_counted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = announced(project)
    send(upload, 0, READING[:5])
    monkeypatch.setattr(settings, "MIN_FREE_BYTES", 2**60)
    with pytest.raises(DiskFull):
        send(upload, 5, READING[5:])
    with pytest.raises(DiskFull):
        announced(project)
    assert files.path_of(upload.pk).read_bytes() == READING[:5]


def test_what_is_promised_to_others_counts_as_taken(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(files.folder()).free
    monkeypatch.setattr(settings, "MIN_FREE_BYTES", 0)
    announced(project, length=free * 2 // 3)
    with pytest.raises(DiskFull):
        announced(project, length=free * 2 // 3)


def test_length_and_number_have_limits(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_RESUMABLE_BYTES", 100)
    monkeypatch.setattr(settings, "MAX_OPEN_UPLOADS", 2)
    with pytest.raises(UploadTooLong, match="LOUPE_MAX_RESUMABLE_BYTES"):
        announced(project, length=101)
    announced(project)
    announced(project)
    with pytest.raises(TooManyUploads, match="LOUPE_MAX_OPEN_UPLOADS"):
        announced(project)


def test_complete_uploads_become_a_job_once(
    project: Project, django_capture_on_commit_callbacks: object
) -> None:
    upload = announced(project)
    with (
        pytest.raises(UploadUnfinished, match="0 of 12 bytes"),
        services.using(SYSTEM, project, [upload.pk]),
    ):
        pass
    send(upload, 0, READING)
    with services.using(SYSTEM, project, [upload.pk]) as sources:
        job = jobs.submit(SYSTEM, project, "dummy_app", Channel.REST, sources)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        services.submitted([upload.pk], job.submission)
    kept = job.submission.inputs.get()
    assert kept.name == "a.json"
    assert kept.blob_id == hashlib.sha256(READING).hexdigest()
    assert not files.path_of(upload.pk).exists()
    with pytest.raises(UploadGone), services.using(SYSTEM, project, [upload.pk]):
        pass
    with pytest.raises(UploadGone):
        services.submitted([upload.pk], job.submission)


def test_a_refused_submission_leaves_the_upload_to_try_again(project: Project) -> None:
    upload = services.create(SYSTEM, project, length=4, name="x.bin")
    send(upload, 0, b"\x00\x01\x02\x03")
    with (
        pytest.raises(Exception, match="cannot be used"),
        services.using(SYSTEM, project, [upload.pk]) as sources,
    ):
        jobs.submit(SYSTEM, project, "dummy_app", Channel.REST, sources)
    assert services.settled(services.find(SYSTEM, upload.pk)).state == UploadState.COMPLETE
    assert files.path_of(upload.pk).exists()


def test_an_upload_of_another_project_is_not_usable(project: Project) -> None:
    upload = announced(project)
    other = factories.project("other", "Other")
    with (
        pytest.raises(Exception, match="no upload"),
        services.using(SYSTEM, other, [upload.pk]),
    ):
        pass


def test_deleting_takes_the_bytes_away(project: Project) -> None:
    upload = announced(project)
    services.delete(SYSTEM, upload)
    assert not files.path_of(upload.pk).exists()
    with pytest.raises(UploadGone):
        send(services.find(SYSTEM, upload.pk), 0, READING)


def test_what_nobody_goes_on_with_is_swept_and_nothing_else(project: Project) -> None:
    still, moving, lost = announced(project), announced(project), announced(project)
    send(moving, 0, READING[:2])
    now = timezone.now()
    Upload.objects.filter(pk=still.pk).update(expires_at=now - timedelta(seconds=1))
    stray = Path(files.folder()) / ("0" * 32)
    stray.touch()
    os.utime(stray, (1, 1))
    young = Path(files.folder()) / ("1" * 32)
    young.touch()
    files.remove(lost.pk)
    Upload.objects.filter(pk=lost.pk).update(expires_at=now - timedelta(seconds=1))
    assert services.sweep() == 2
    assert not files.path_of(still.pk).exists()
    assert not stray.exists()
    assert young.exists()
    assert services.settled(services.find(SYSTEM, moving.pk)).offset == 2
    assert services.find(SYSTEM, still.pk).state == UploadState.EXPIRED


def test_an_upload_in_use_does_not_expire(project: Project) -> None:
    upload = announced(project)
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - timedelta(days=1))
    with files.locked(upload.pk):
        assert services.sweep() == 0
    assert services.sweep() == 1
