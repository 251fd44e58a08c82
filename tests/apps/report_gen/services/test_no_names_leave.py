"""Names planted everywhere stand in no output, blob, log, row of the database, file or cache."""

import json
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps as django_apps
from django.contrib.auth.models import User
from django.db import connection

from apps.report_gen import exports
from apps.report_gen.api import present
from apps.report_gen.clinical import installed
from apps.report_gen.models import Study
from loupe.blobs import services as blobs
from loupe.host.people import Actor, Project
from loupe.intake.models import Input
from loupe.jobs.models import Result
from loupe.jobs.stored import from_row
from tests.apps.report_gen.deid.planted import found, planted
from tests.apps.report_gen.services.sending import answered, send
from tests.apps.report_gen.studies import write

pytestmark = pytest.mark.slow

SAID = {
    "indication": "Quastenflosser, MRN-99887766, coughs.",
    "history": "Seen by Dr Zwiebelfisch on 1952-12-03.",
    "laboratory": "ACC5544332211: CRP 12",
    "prior_report": "欧阳峻岭: 无异常。",
}


@pytest.fixture
def sent(project: Project, olga: User, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Study:
    """A study with names in its headers, nested sequences, zip names and clinical text, and a
    broken file whose name is one, sent and read as far as no model is needed."""
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / "in" / "Zwiebelfisch_Quastenflosser"
    write(planted(), folder)
    (folder / "Quastenflosser.txt").write_text("a letter about Zwiebelfisch")
    archive = tmp_path / "Zwiebelfisch 欧阳.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.comment = b"Zwiebelfisch"
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                made.write(path, f"Quastenflosser/{path.name}")
    broken = tmp_path / "Zwiebelfisch.dcm"
    broken.write_bytes(b"\0" * 128 + b"DICM" + b"Quastenflosser" * 40)
    send(project, [archive, broken], SAID, user_id=olga.pk, name="Zwiebelfisch")
    study = Study.objects.get()
    answered(study)
    study.refresh_from_db()
    return study


def _rows() -> Iterator[tuple[str, bytes]]:
    """Every value of every row of every table."""
    with connection.cursor() as cursor:
        for model in django_apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    data = value if isinstance(value, bytes) else str(value).encode()
                    text = data
                    if isinstance(value, str) and "\\u" in value:
                        text += value.encode().decode("unicode_escape", "replace").encode()
                    yield table, text


def test_the_search_sees_what_is_planted(tmp_path: Path) -> None:
    write(planted(), tmp_path)
    assert all(found(path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())
    assert all(found(text.encode()) for text in SAID.values())


def test_no_row_of_the_database_names_anybody(sent: Study) -> None:
    told = {(table, tuple(found(data))) for table, data in _rows() if found(data)}
    assert told == set()
    assert sum(1 for _ in _rows()) > 100


def test_no_file_of_the_installation_names_anybody(sent: Study, place: Path) -> None:
    """Blobs, spool, scratch, uploads, caches, and the clinical store itself, which is encrypted."""
    files = [path for path in place.rglob("*") if path.is_file()]
    assert len(files) > 5
    named = {str(path): found(path.read_bytes()) for path in files}
    assert {path: words for path, words in named.items() if words} == {}
    assert [path for path in files if found(str(path.relative_to(place)).encode())] == []


def test_no_image_of_a_bundle_names_anybody(sent: Study) -> None:
    given = Input.objects.get()
    assert given.blob is not None
    assert found(given.name.encode()) == []
    with blobs.open_local(given.blob) as path, zipfile.ZipFile(path) as bundle:
        names = bundle.namelist()
        assert sum(name.endswith(".dcm") for name in names) == 3
        for name in names:
            assert found(name.encode() + bundle.read(name)) == []


def test_no_log_names_anybody(sent: Study, caplog: pytest.LogCaptureFixture) -> None:
    records = caplog.get_records("setup")
    assert records
    for record in records:
        assert found((record.getMessage() + str(record.__dict__)).encode()) == []


def test_no_export_and_no_answer_names_anybody(sent: Study, olga: User, tmp_path: Path) -> None:
    assert sent.job_id is not None
    view = from_row(Result.objects.get(item__job_id=sent.job_id))
    for write_it in (exports.write_csv, exports.write_json):
        target = tmp_path / "out"
        with target.open("wb") as out:
            write_it([view], out)
        assert sent.uid.encode() in target.read_bytes()
        assert found(target.read_bytes()) == []
    shown = present.detail(sent).model_dump_json()
    assert found(shown.encode()) == []
    assert found(json.dumps(json.loads(shown), ensure_ascii=False).encode()) == []
    assert Actor(user=olga).label


def test_the_clinical_store_still_knows(sent: Study) -> None:
    """The other way round: what was sent is there for who may see it."""
    store = installed.store()
    held = b""
    for name in store.names():
        with store.open(name) as stream:
            held += stream.read()
    assert found(held)
