"""Several studies in one file: each keeps the link to it, and it goes with the last of them."""

import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.report_gen.bundles.opening import manifest_of
from apps.report_gen.clinical import erasing, identity, installed
from apps.report_gen.models import ClinicalObject, Delivery, Study, StudyState
from apps.report_gen.services import arriving, raw_files, retaining, studies
from loupe.audit import services as audit
from loupe.blobs import services as blobs
from loupe.contract.runtime.errors import InputRefused
from loupe.host.people import SYSTEM, Project
from loupe.intake.models import Input
from tests.apps.report_gen.services.sending import answered, send
from tests.apps.report_gen.studies import Taken, series, write

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def both(project: Project, tmp_path: Path) -> Path:
    """A zip with two studies of two patients, and a letter."""
    for number, patient in enumerate(("one", "two"), 1):
        images = series(Taken(count=3, rows=16, columns=16), study=f"1.2.3.{number}")
        for image in images:
            image.PatientID, image.PatientName = patient, f"Muster^{patient}"
        write(images, tmp_path / "in" / patient)
    (tmp_path / "in" / "Letter of Muster.txt").write_bytes(b"Dear Dr. Zwiebelfisch")
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for path in sorted(each for each in (tmp_path / "in").rglob("*") if each.is_file()):
            archive.write(path, path.relative_to(tmp_path / "in"))
    return tmp_path / "both.zip"


def sent(project: Project, path: Path) -> list[Study]:
    delivery = send(project, [path])
    return [Study.objects.get(pk=key) for key in delivery.studies]


def test_every_study_keeps_the_link_to_the_file_it_came_in(project: Project, both: Path) -> None:
    studies_there = sent(project, both)
    kept = ClinicalObject.objects.get(kind="upload")
    assert len(studies_there) == 2
    assert [raw_files.of_study(each) for each in studies_there] == [[kept], [kept]]


def test_each_of_them_can_be_read_again(project: Project, both: Path) -> None:
    for study in sent(project, both):
        answered(study)
        study.refresh_from_db()
        assert studies.say(SYSTEM, study, {"history": "Smoker."})
        arriving.read(study.pk)
        study.refresh_from_db()
        assert (study.state, study.problems) == (StudyState.READING, [])
        given = Input.objects.order_by("-pk").first()
        assert given is not None
        assert given.submission_id == study.submission_id
        assert given.blob is not None
        with blobs.open_local(given.blob) as path:
            manifest = manifest_of(path)
        assert (manifest.study_uid, manifest.images) == (study.uid, 3)
        assert manifest.clinical.history == "Smoker."


@pytest.mark.parametrize("first", [0, 1])
def test_the_file_goes_with_the_last_study_that_needs_it(
    first: int, project: Project, both: Path
) -> None:
    pair = sent(project, both)
    kept = ClinicalObject.objects.get(kind="upload")
    erasing.erase(SYSTEM, pair[first], "asked for")
    with installed.store().open(kept.sealed) as stream:
        assert stream.read() == both.read_bytes()
    assert identity.look(SYSTEM, pair[first], "test") is None
    assert raw_files.of_study(pair[first]) == []
    other = pair[1 - first]
    assert raw_files.of_study(other) == [kept]
    Study.objects.filter(pk=other.pk).update(state=StudyState.WAITING)
    arriving.read(other.pk)
    assert Study.objects.get(pk=other.pk).state == StudyState.READING
    erasing.erase(SYSTEM, other, "asked for")
    assert list(installed.store().names()) == []
    assert not ClinicalObject.objects.exists()


def test_the_same_file_sent_twice_is_erased_twice(project: Project, both: Path) -> None:
    pair = sent(project, both)
    assert sent(project, both) == pair
    assert ClinicalObject.objects.filter(kind="upload").count() == 2
    assert [len(raw_files.of_study(each)) for each in pair] == [1, 1]
    for study in pair:
        erasing.erase(SYSTEM, study, "asked for")
    assert list(installed.store().names()) == []


def test_names_of_files_are_forgotten_with_a_study_of_their_delivery(
    project: Project, both: Path
) -> None:
    study, other = sent(project, both)
    delivery = Delivery.objects.get()
    assert (delivery.about, bool(delivery.told)) == ("", True)
    erasing.erase(SYSTEM, study, "asked for")
    delivery.refresh_from_db()
    assert delivery.told == ""
    erasing.erase(SYSTEM, other, "asked for")
    assert list(installed.store().names()) == []


def retained(project: Project, **options: object) -> str:
    return retaining.retain(str(project.pk), dict(options))


def test_without_a_period_the_schedule_erases_nothing_and_counts(
    project: Project, both: Path
) -> None:
    sent(project, both)
    Study.objects.update(arrived_at=timezone.now() - timedelta(days=9000))
    before = sorted(installed.store().names())
    assert "2 studies name somebody" in retained(project)
    assert "2 studies are older than 30 days" in retained(project, days=30, dry=True)
    assert sorted(installed.store().names()) == before


def test_the_schedule_erases_what_is_older_and_nothing_else(project: Project, both: Path) -> None:
    old, young = sent(project, both)
    kept = ClinicalObject.objects.get(kind="upload")
    Study.objects.filter(pk=old.pk).update(arrived_at=timezone.now() - timedelta(days=31))
    assert retained(project, days=30).startswith("1 studies older than 30 days were erased, 0")
    assert identity.look(SYSTEM, old, "test") is None
    assert identity.look(SYSTEM, young, "test") is not None
    assert kept.sealed in set(installed.store().names())
    Study.objects.update(arrived_at=timezone.now() - timedelta(days=31))
    assert retained(project, days=30).startswith("1 studies")
    assert list(installed.store().names()) == []
    again = retained(project, days=30)
    assert again.startswith("0 studies")
    told = [event.action for event in audit.of_project(project)]
    assert told.count("clinical.retained") == 2
    assert told.count("identity.erased") == 2


def test_files_of_no_study_go_when_they_are_old(project: Project, tmp_path: Path) -> None:
    letter = tmp_path / "Letter of Muster.txt"
    letter.write_bytes(b"Dear Dr. Zwiebelfisch")
    send(project, [letter])
    retained(project, days=30)
    assert len(list(installed.store().names())) == 2
    long_ago = timezone.now() - timedelta(days=31)
    ClinicalObject.objects.update(received_at=long_ago)
    Delivery.objects.update(created_at=long_ago)
    retained(project, days=30)
    assert list(installed.store().names()) == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"days": 0}, "days"), ({"days": "30"}, "days"), ({"days": True}, "days"),
        ({"days": 30, "dry": 1}, "dry"), ({"day": 30}, "unknown_option"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_erases_nothing(
    options: dict[str, object], code: str, project: Project
) -> None:
    with pytest.raises(InputRefused) as refused:
        retained(project, **options)
    assert refused.value.code == code
