"""Files come in, become studies, and every study is one submission of one bundle."""

import zipfile
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from apps.report_gen.bundles.opening import is_bundle, manifest_of
from apps.report_gen.clinical import identity, installed
from apps.report_gen.models import ClinicalObject, Delivery, DeliveryState, Study, StudyState
from apps.report_gen.services import (
    arriving,
    clinical_text,
    handing_over,
    recovering,
    scratch,
    sorting,
    studies,
)
from loupe.blobs import services as blobs
from loupe.contract.runtime.errors import InputRefused
from loupe.host.people import SYSTEM, Actor, NotVisible, Project
from loupe.intake.models import Input
from tests.apps.report_gen.services.sending import answered, send
from tests.apps.report_gen.studies import Taken, series, write

pytestmark = pytest.mark.slow


def _chest(folder: Path, **changed: object) -> Path:
    """A folder of a few small images of one study."""
    images = series(Taken(count=3, rows=16, columns=16))
    for image in images:
        for key, value in changed.items():
            setattr(image, key, value)
    write(images, folder)
    return folder


def _zip(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return target


def test_a_zip_becomes_one_study_with_one_bundle_that_the_host_reads(
    project: Project, tmp_path: Path
) -> None:
    folder = _chest(tmp_path / "in", PatientName="Muster^Maria", PatientID="4711")
    delivery = send(project, [_zip(folder, tmp_path / "maria.zip")])
    assert delivery.state == DeliveryState.SORTED
    study = Study.objects.get()
    assert delivery.studies == [str(study.pk)]
    assert (study.state, study.files, study.channel) == (StudyState.READING, 3, "web")
    given = Input.objects.get()
    assert given.submission_id == study.submission_id
    assert given.blob is not None
    with blobs.open_local(given.blob) as path:
        assert is_bundle(path)
        assert manifest_of(path).images == 3
        assert manifest_of(path).study_uid == study.uid
    person = identity.look(SYSTEM, study, "test")
    assert person is not None
    assert (person.name, person.patient_id) == ("Muster^Maria", "4711")
    uids = handing_over.original_uids(study)
    assert uids[study.uid] == person.study_uid
    answered(study)
    study.refresh_from_db()
    assert study.state == StudyState.REFUSED
    assert study.problems[0]["code"] == "too_few_slices"
    assert study.problems[0]["zh"]


def test_two_studies_in_one_delivery_are_told_apart(project: Project, tmp_path: Path) -> None:
    _chest(tmp_path / "in" / "one", StudyInstanceUID="1.2.3.1")
    _chest(tmp_path / "in" / "two", StudyInstanceUID="1.2.3.2", PatientID="other")
    delivery = send(project, [_zip(tmp_path / "in", tmp_path / "both.zip")])
    assert len(delivery.studies) == 2
    assert len({each.patient for each in Study.objects.all()}) == 2


def test_the_same_files_again_make_no_second_study_and_no_second_reading(
    project: Project, tmp_path: Path
) -> None:
    archive = _zip(_chest(tmp_path / "in"), tmp_path / "a.zip")
    first = send(project, [archive])
    again = send(project, [archive])
    assert first.studies == again.studies
    assert Study.objects.count() == 1
    assert Input.objects.count() == 1


def test_images_that_come_later_are_read_together_with_the_first(
    project: Project, tmp_path: Path
) -> None:
    paths = sorted(p for p in _chest(tmp_path / "in").rglob("*") if p.is_file())
    send(project, paths[:2])
    send(project, paths[2:])
    study = Study.objects.get()
    assert study.state == StudyState.WAITING
    arriving.read(study.pk)
    newest = Input.objects.order_by("-pk").first()
    assert newest is not None
    assert newest.blob is not None
    with blobs.open_local(newest.blob) as path:
        assert manifest_of(path).images == 3


def test_a_bad_file_is_named_to_the_sender_and_the_rest_goes_on(
    project: Project, olga: User, tmp_path: Path
) -> None:
    paths = [p for p in _chest(tmp_path / "in").rglob("*") if p.is_file()]
    broken = tmp_path / "Frau Zwiebelfisch.dcm"
    broken.write_bytes(paths[0].read_bytes()[:400])
    delivery = send(project, [*paths, broken], user_id=olga.pk)
    assert len(delivery.studies) == 1
    assert delivery.left_out == 1
    assert "Zwiebelfisch" not in str(delivery.problems) + delivery.error
    told = studies.unusable(Actor(user=olga), delivery)
    assert told[0]["name"] == "Frau Zwiebelfisch.dcm"
    assert "Zwiebelfisch" in told[0]["en"]
    assert studies.unusable(SYSTEM, delivery) == []


def test_what_is_no_study_ends_as_a_delivery_that_says_so(project: Project, tmp_path: Path) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"%PDF-1.7 a letter")
    delivery = send(project, [letter])
    assert (delivery.state, delivery.error_code) == (DeliveryState.FAILED, "no_images")
    assert delivery.problems == [{"code": "not_an_image", "files": 1}]
    assert not Study.objects.exists()


def test_images_of_another_modality_are_refused_by_the_gates_own_reason(
    project: Project, tmp_path: Path
) -> None:
    folder = _chest(tmp_path / "in", Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    send(project, [_zip(folder, tmp_path / "mr.zip")])
    study = Study.objects.get()
    answered(study)
    study.refresh_from_db()
    assert study.state == StudyState.REFUSED
    assert {"modality", "out_of_scope"} & {each["code"] for each in study.problems}


def test_a_clinical_text_is_kept_as_sent_and_read_without_names(
    project: Project, tmp_path: Path
) -> None:
    folder = _chest(tmp_path / "in", PatientName="Muster^Maria")
    said = {"indication": "Cough.\nMaria Muster was here.", "language": "zh"}
    send(project, [_zip(folder, tmp_path / "a.zip")], said)
    study = Study.objects.get()
    assert study.language == "zh"
    assert clinical_text.of(study) == {"indication": "Cough.\nMaria Muster was here."}
    given = Input.objects.get()
    assert given.blob is not None
    with blobs.open_local(given.blob) as path:
        read = manifest_of(path).clinical.indication
    assert read.startswith("Cough.")
    assert "Muster" not in read
    assert "Maria" not in read


def test_a_new_clinical_text_has_the_study_read_again(project: Project, tmp_path: Path) -> None:
    send(project, [_zip(_chest(tmp_path / "in"), tmp_path / "a.zip")])
    study = Study.objects.get()
    answered(study)
    study.refresh_from_db()
    assert studies.say(SYSTEM, study, {"history": "Smoker."})
    study.refresh_from_db()
    assert study.state == StudyState.WAITING
    arriving.read(study.pk)
    assert Input.objects.count() == 2
    assert not studies.say(SYSTEM, study, {"history": "Smoker."})


@pytest.mark.parametrize(
    ("facts", "code"),
    [({"language": "fr"}, "language"), ({"history": "a" * 8001}, "text_too_long")],
)
def test_what_cannot_be_kept_is_refused_before_anything_is(
    facts: dict[str, str], code: str, project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x")
    with pytest.raises(InputRefused) as refused:
        send(project, [file], facts)
    assert refused.value.code == code
    assert not Delivery.objects.exists()
    assert list(installed.store().names()) == []


def test_a_lost_worker_costs_no_delivery_and_hostile_files_end(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _zip(_chest(tmp_path / "in"), tmp_path / "a.zip")

    def lost(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(sorting, "bundles_of", lost)
        with pytest.raises(KeyboardInterrupt):
            send(project, [archive])
    delivery = Delivery.objects.get()
    assert delivery.state == DeliveryState.WAITING
    sorting.sort(delivery.pk)
    assert not Study.objects.exists()  # the lease still holds
    Delivery.objects.update(lease_until=None)
    sorting.sort(delivery.pk)
    assert Study.objects.count() == 1
    Delivery.objects.update(state=DeliveryState.WAITING, lease_until=None, attempts=3)
    sorting.sort(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == (DeliveryState.FAILED, "workers_lost")


def test_no_decrypted_file_stays_behind(project: Project, tmp_path: Path) -> None:
    send(project, [_zip(_chest(tmp_path / "in"), tmp_path / "a.zip")])
    assert list(scratch.root().iterdir()) == []


def test_recovery_removes_what_a_killed_worker_left(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = scratch.root() / "left"
    left.mkdir()
    (left / "raw").write_bytes(b"x")
    recovering.recover()
    assert left.exists()
    monkeypatch.setattr(scratch, "OLDEST_SECONDS", -1.0)
    recovering.recover()
    assert not left.exists()


def test_people_of_another_project_see_neither_study_nor_delivery(
    project: Project, tmp_path: Path
) -> None:
    delivery = send(project, [_zip(_chest(tmp_path / "in"), tmp_path / "a.zip")])
    stranger = Actor(user=User.objects.create_user("stranger"))
    with pytest.raises(NotVisible):
        studies.find(stranger, project, Study.objects.get().pk)
    with pytest.raises(NotVisible):
        studies.find_delivery(stranger, project, delivery.pk)


def test_raw_files_lie_encrypted(project: Project, place: Path, tmp_path: Path) -> None:
    folder = _chest(tmp_path / "in", PatientName="Muster^Maria")
    send(project, [_zip(folder, tmp_path / "a.zip")])
    row = ClinicalObject.objects.get(kind="upload")
    with installed.store().open(row.sealed) as stream:
        assert stream.read() == (tmp_path / "a.zip").read_bytes()
    kept = [path for path in (place / "clinical").rglob("*") if path.is_file()]
    assert kept
    assert all(b"PK\x03\x04" not in path.read_bytes()[:64] for path in kept)
