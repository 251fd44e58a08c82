"""What `receive` keeps, what it refuses, and that it leaves nothing behind."""

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.blobs import spool
from loupe.blobs.errors import DiskFull
from loupe.blobs.models import Blob
from loupe.blobs.writing import Writer
from loupe.intake.errors import SubmissionRefused, TooManyFiles
from loupe.intake.models import Channel, Input, Submission
from loupe.intake.services import Source, receive
from tests.host.blobs.test_crash import small_disk
from tests.host.intake.samples import APP, JPEG, PNG, SVG, below, tar_bytes, zip_bytes

Sender = Callable[..., dict[str, Input]]


@pytest.fixture
def send(place: Path, project: Project, operator: Actor) -> Sender:
    """Sends named files from outside the spool; the inputs by name."""

    def deliver(files: dict[str, bytes], named: str = "") -> dict[str, Input]:
        sources = []
        for number, (name, data) in enumerate(files.items()):
            path = place / f"sent-{number}"
            path.write_bytes(data)
            sources.append(Source(name=name, path=path))
        submission = receive(operator, project, APP, Channel.WEB, sources, named)
        return {row.name: row for row in submission.inputs.all()}

    return deliver


def test_a_file_becomes_an_input_with_its_bytes(send: Sender, operator: Actor, place: Path) -> None:
    rows = send({"a.png": PNG}, "lot 7")
    row = rows["a.png"]
    assert (row.kind, row.error, row.note) == ("image", "", "")
    assert row.blob is not None
    assert row.blob.media_type == "image/png"
    with blobs.open_local(row.blob) as path:
        assert path.read_bytes() == PNG
    submission = Submission.objects.get()
    assert (submission.name, submission.channel) == ("lot 7", "web")
    assert submission.sent_by_user == operator.user
    assert (place / "sent-0").read_bytes() == PNG
    assert below(place / "spool") == set()


def test_good_files_go_on_and_each_bad_one_is_named(send: Sender) -> None:
    rows = send({"a.png": PNG, "x.svg": SVG, "b.jpg": JPEG, "empty.png": b""})
    assert {name for name, row in rows.items() if not row.error} == {"a.png", "b.jpg"}
    assert rows["x.svg"].error_code == "markup_refused"
    assert rows["x.svg"].blob is None
    assert rows["empty.png"].error_code == "empty_file"
    assert rows["empty.png"].error == "The file is empty (0 bytes). Send it again."


def test_a_png_named_jpg_is_taken_as_png_with_a_note(send: Sender) -> None:
    row = send({"part.jpg": PNG})["part.jpg"]
    assert row.blob is not None
    assert row.blob.media_type == "image/png"
    assert row.note == "The name ends in .jpg, the content is PNG: read as that."


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        (b"", "empty_file", "The file is empty"),
        (SVG, "markup_refused", "a document that may carry scripts, not a picture"),
        (b"<html></html>", "markup_refused", "The content is HTML"),
        (pickle.dumps([Path("/x")]), "pickle_refused", "which can run code when it is read"),
        (
            gzip.compress(PNG, mtime=0),
            "unsupported_type",
            "a single file packed with gzip. Unpack it",
        ),
        (b"GIF89a" + bytes(20), "unsupported_type", "The content is GIF, whatever the name says"),
        (b"%PDF-1.4", "unsupported_type", "takes JPEG, PNG, BMP, WebP, TIFF"),
        (bytes(100), "unsupported_type", "unknown content"),
    ],
)
def test_a_file_nobody_can_use_is_refused_with_why(
    send: Sender, place: Path, data: bytes, code: str, sentence: str
) -> None:
    with pytest.raises(SubmissionRefused, match=sentence) as caught:
        send({"part.png": data})
    assert caught.value.code == code
    assert [reason.name for reason in caught.value.reasons] == ["part.png"]
    assert not Submission.objects.exists()
    assert not Blob.objects.exists()
    assert below(place / "spool") == set()


def test_nothing_is_refused_as_empty(send: Sender) -> None:
    with pytest.raises(SubmissionRefused, match="Choose at least one file") as caught:
        send({})
    assert caught.value.code == "empty_submission"


def test_when_all_are_bad_every_reason_is_listed(send: Sender) -> None:
    with pytest.raises(SubmissionRefused, match="None of the 30 files can be used") as caught:
        send({f"{n}.png": b"" for n in range(30)})
    assert len(caught.value.reasons) == 30
    assert "and 10 more." in str(caught.value)


def test_two_archives_keep_their_entries_apart(send: Sender) -> None:
    one, two = zip_bytes([("a.png", PNG)]), tar_bytes([("a.png", PNG + b"2")], "w:gz")
    rows = send({"monday.zip": one, "tuesday.tgz": two})
    assert set(rows) == {"monday.zip/a.png", "tuesday.tgz/a.png"}


def test_a_folder_keeps_relative_paths(send: Sender) -> None:
    assert set(send({"lot/left/a.png": PNG, "lot/right/a.png": PNG})) == {
        "lot/left/a.png",
        "lot/right/a.png",
    }
    assert Blob.objects.count() == 1


def test_two_files_of_one_name_are_told_apart(
    place: Path, project: Project, operator: Actor
) -> None:
    (place / "one").write_bytes(PNG)
    (place / "two").write_bytes(JPEG)
    sources = [Source(name="a.png", path=place / "one"), Source(name="a.png", path=place / "two")]
    submission = receive(operator, project, APP, Channel.WEB, sources)
    errors = {row.name: row.error_code for row in submission.inputs.all()}
    assert errors == {"a.png": "", "a.png (2)": "duplicate_name"}


def test_a_spooled_file_is_moved_not_copied(place: Path, project: Project, operator: Actor) -> None:
    with Writer(spool.at(place / "spool").new_file()) as writer:
        writer.write(PNG)
        written = writer.finish()
    inode = written.path.stat().st_ino
    receive(operator, project, APP, Channel.REST, [Source.spooled("a.png", written)])
    assert (place / "blobs" / Blob.objects.get().key).stat().st_ino == inode


def test_a_file_above_its_kinds_limit_is_refused_unread(
    place: Path, project: Project, operator: Actor
) -> None:
    (place / "huge").write_bytes(PNG)
    os.truncate(place / "huge", (1 << 30) + 1)
    sources = [Source(name="huge.png", path=place / "huge")]
    with pytest.raises(SubmissionRefused, match="at most 1,073,741,824 are taken") as caught:
        receive(operator, project, APP, Channel.WEB, sources)
    assert caught.value.code == "file_too_large"


def test_too_many_files_are_refused_as_a_whole(send: Sender, settings: Settings) -> None:
    settings.MAX_FILES = 3
    with pytest.raises(TooManyFiles, match="More than 3 files"):
        send({f"{n}.png": PNG for n in range(4)})
    assert not Submission.objects.exists()


def test_a_really_full_disk_keeps_nothing_and_says_so(
    place: Path, settings: Settings, project: Project, operator: Actor, tmp_path: Path
) -> None:
    (place / "sent").write_bytes(
        zip_bytes([(f"{n}.png", PNG + os.urandom(300_000)) for n in range(20)])
    )
    source = Source(name="lot.zip", path=place / "sent")
    with small_disk(place / "disk", "3m") as disk:
        settings.SPOOL, settings.STORAGE_URL = disk / "spool", f"file://{disk / 'blobs'}"
        with pytest.raises(DiskFull, match="is full") as caught:
            receive(operator, project, APP, Channel.WEB, [source])
        assert caught.value.code == "disk_full"
        assert below(disk) == set()
        assert not Submission.objects.exists()
        assert not Blob.objects.exists()


def test_a_viewer_and_a_stranger_may_not_submit(place: Path, project: Project) -> None:
    viewer, stranger = User.objects.create_user("vera"), User.objects.create_user("sam")
    Membership.objects.create(project=project, user=viewer, role=Role.VIEWER)
    with pytest.raises(Denied, match="'operator'"):
        receive(Actor(user=viewer), project, APP, Channel.WEB, [])
    with pytest.raises(NotVisible, match="There is no project 'line-3'"):
        receive(Actor(user=stranger), project, APP, Channel.WEB, [])
