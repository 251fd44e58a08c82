"""What `receive` keeps, what it refuses, and that it leaves nothing behind."""

import io
import zipfile
from pathlib import Path

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.intake.models import Channel
from loupe.intake.services import Source, receive

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 50


def test_a_file_becomes_an_input_with_its_bytes(
    place: Path, project: Project, operator: Actor
) -> None:
    (place / "a.png").write_bytes(PNG)
    source = Source(name="a.png", path=place / "a.png")
    submission = receive(operator, project, "defect_detection", Channel.WEB, [source], "lot 7")
    [row] = submission.inputs.all()
    assert (row.name, row.kind, row.error) == ("a.png", "image", "")
    assert row.blob is not None
    with blobs.open_local(row.blob) as path:
        assert path.read_bytes() == PNG


def test_an_archive_becomes_one_input_per_file(
    place: Path, project: Project, operator: Actor
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("lot/a.png", PNG)
        archive.writestr("lot/b.jpg", JPEG)
        archive.writestr("lot/bad.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")
    (place / "lot.zip").write_bytes(packed.getvalue())
    submission = receive(
        operator,
        project,
        "defect_detection",
        Channel.REST,
        [Source(name="lot.zip", path=place / "lot.zip")],
    )
    rows = {row.name: row for row in submission.inputs.all()}
    assert set(rows) == {"lot/a.png", "lot/b.jpg", "lot/bad.svg"}
    assert rows["lot/bad.svg"].error_code == "markup_refused"
    assert rows["lot/bad.svg"].blob is None
