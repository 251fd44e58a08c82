"""Studies by REST: sent, listed, looked at, told what was asked; refused with the field's name."""

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import nibabel as nib
import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.report_gen.clinical import installed
from apps.report_gen.models import Delivery, Study, StudyState
from apps.report_gen.report import NOTICE
from apps.report_gen.services import clinical_text, sorting
from loupe.intake.models import Submission
from tests.apps.report_gen.api.asking import Asking, check
from tests.apps.report_gen.desk import Desk
from tests.apps.report_gen.studies import Taken, series


def zipped(**changed: object) -> bytes:
    """A zip of a few small images of one study."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number, image in enumerate(series(Taken(count=3, rows=16, columns=16))):
            for keyword, value in changed.items():
                setattr(image, keyword, value)
            one = io.BytesIO()
            image.save_as(one, enforce_file_format=True)
            archive.writestr(f"Muster/{number}.dcm", one.getvalue())
    return made.getvalue()


def upload(content: bytes, name: str = "Muster.zip") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "application/zip")


def taken(answer: Any) -> Delivery:
    """The delivery of an answer, sorted as a worker does."""
    body = check(answer, "report_gen_studies_send")
    assert answer.status_code == 202, body
    assert answer.headers["Location"] == f"/api/v1/report_gen/deliveries/{body['delivery']}"
    sorting.sort(UUID(body["delivery"]))
    return Delivery.objects.get(pk=body["delivery"])


@pytest.mark.slow
def test_a_zip_sent_as_a_form_is_followed_to_its_study(ask: Asking) -> None:
    said = {"indication": "Cough.", "language": "zh"}
    delivery = taken(ask.form("studies", {"file": upload(zipped()), **said}))
    body = check(ask.get(f"deliveries/{delivery.pk}"), "report_gen_deliveries_get")
    assert (body["status"], body["files"], body["left_out"]) == ("sorted", 1, 0)
    (one,) = body["studies"]
    assert (one["files"], one["channel"], one["language"]) == (3, "rest", "zh")
    shown = check(ask.get(f"studies/{one['id']}"), "report_gen_studies_get")
    assert shown["reading"] is None
    assert shown["notice"] == {"en": NOTICE.en, "zh": NOTICE.zh}
    assert "Muster" not in str(body) + str(shown)
    assert clinical_text.of(Study.objects.get()) == {"indication": "Cough."}


@pytest.mark.slow
def test_a_nifti_file_is_sent_as_the_body_itself(ask: Asking) -> None:
    image = nib.Nifti1Image(np.full((16, 16, 12), -800, np.int16), np.diag([2, 2, 3, 1]))
    answer = ask.post(
        "studies?filename=scan.nii&history=Smoker", image.to_bytes(), "application/octet-stream"
    )
    delivery = taken(answer)
    assert (delivery.state, delivery.files) == ("sorted", 1)
    study = Study.objects.get()
    assert clinical_text.of(study) == {"history": "Smoker"}
    assert Submission.objects.get().pk == study.submission_id


@pytest.mark.slow
def test_files_that_are_no_images_are_named_to_their_sender_alone(ask: Asking) -> None:
    delivery = taken(ask.form("studies", {"file": upload(b"%PDF-1.7 a letter", "Muster.pdf")}))
    body = check(ask.get(f"deliveries/{delivery.pk}"), "report_gen_deliveries_get")
    assert (body["status"], body["error_code"]) == ("failed", "no_images")
    told = [(one["name"], one["code"], bool(one["zh"])) for one in body["unusable"]]
    assert told == [("Muster.pdf", "not_an_image", True)]
    other = ask.new_key("view")
    seen = ask.get(f"deliveries/{delivery.pk}", HTTP_AUTHORIZATION=f"Bearer {other}")
    assert check(seen, "report_gen_deliveries_get")["unusable"] == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"language": "fr"}, "language"),
        ({"history": "a" * 8001}, "history"),
        ({"indication": "a\0b"}, "indication"),
        ({"facts": '{"colour": "red"}'}, "colour"),
    ],
)
def test_what_is_said_wrongly_of_files_is_named_and_nothing_is_kept(
    fields: dict[str, str], field: str, ask: Asking
) -> None:
    answer = ask.form("studies", {"file": upload(b"PK"), **fields})
    body = check(answer, "report_gen_studies_send")
    assert 400 <= answer.status_code < 500
    assert field in body["detail"] + str(body.get("errors"))
    assert not Delivery.objects.exists()
    assert list(installed.store().names()) == []


def test_nothing_sent_is_refused(ask: Asking) -> None:
    for answer in (ask.form("studies", {}), ask.post("studies", b"", "application/zip")):
        assert check(answer, "report_gen_studies_send")["code"]
        assert 400 <= answer.status_code < 500
    assert not Delivery.objects.exists()


def test_the_same_request_under_one_key_is_one_delivery(ask: Asking) -> None:
    once = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first = ask.form("studies", {"file": upload(b"PK 1")}, **once)
    again = ask.form("studies", {"file": upload(b"PK 1")}, **once)
    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.json(), again["Idempotency-Replayed"]) == (first.json(), "true")
    assert Delivery.objects.count() == 1
    other = ask.form("studies", {"file": upload(b"PK another")}, **once)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_studies_are_listed_page_by_page_without_repeating_one(desk: Desk, ask: Asking) -> None:
    now = timezone.now()
    made = [
        Study.objects.create(
            project=desk.project, uid=f"2.25.{n}", channel="rest", last_image_at=now,
            arrived_at=now - timedelta(minutes=n // 2), state=StudyState.FAILED,
        )
        for n in range(7)
    ]  # fmt: skip
    desk.study(uid="2.25.99", at=now - timedelta(days=1))
    seen, cursor = [], ""
    while True:
        body = check(ask.get(f"studies?limit=3{cursor}"), "report_gen_studies_list")
        seen += [one["id"] for one in body["studies"]]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
    assert len(set(seen)) == len(seen) == 8
    assert set(seen[:7]) == {str(one.pk) for one in made}
    drafted = check(ask.get("studies?state=drafted"), "report_gen_studies_list")["studies"]
    assert [one["study_uid"] for one in drafted] == ["2.25.99"]
    assert drafted[0]["present"] == ["lung_nodule", "pleural_effusion"]


@pytest.mark.parametrize(
    ("query", "code"),
    [("state=lost", "invalid"), ("limit=0", "invalid"), ("cursor=x", "cursor_invalid")],
)
def test_a_list_that_cannot_be_says_which_parameter(query: str, code: str, ask: Asking) -> None:
    answer = ask.get(f"studies?{query}")
    body = check(answer, "report_gen_studies_list")
    assert (answer.status_code, body["code"]) == (400, code)
    assert query.partition("=")[0] in str(body)


def test_a_study_tells_what_was_read_without_its_masks(study: Study, ask: Asking) -> None:
    body = check(ask.get(f"studies/{study.pk}"), "report_gen_studies_get")
    assert body["reading"]["status"] == "drafted"
    assert "masks" not in body["reading"]
    assert {one["kind"] for one in body["reading"]["findings"]} >= {"lung_nodule"}
    assert (body["result"], body["job"]) == (study.result_id, str(study.job_id))


def test_a_clinical_text_is_kept_and_the_study_read_again(study: Study, ask: Asking) -> None:
    said = {"indication": "Dyspnoea?", "laboratory": "CRP 84 mg/l"}
    answer = ask.post(f"studies/{study.pk}/text", said)
    assert check(answer, "report_gen_studies_text")["changed"] is True
    assert clinical_text.of(study) == said
    study.refresh_from_db()
    assert study.state == StudyState.WAITING
    again = ask.post(f"studies/{study.pk}/text", said)
    assert check(again, "report_gen_studies_text")["changed"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"history": "a" * 8001}, "history"),
        ({"colour": "red"}, "colour"),
        ({"history": 3}, "history"),
    ],
)
def test_a_text_that_cannot_be_is_refused_by_field(
    body: dict[str, Any], field: str, study: Study, ask: Asking
) -> None:
    answer = ask.post(f"studies/{study.pk}/text", body)
    told = check(answer, "report_gen_studies_text")
    assert (answer.status_code, told["code"]) == (400, "invalid")
    assert [one["field"] for one in told["errors"]] == [field]
    assert clinical_text.of(study) == {}


REQUEST = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "code": {"text": "CT chest"},
    "reasonCode": [{"text": "Haemoptysis"}],
    "note": [{"text": "Smoker, 40 pack years"}],
    "subject": {"display": "Maria Muster"},
}


@pytest.mark.parametrize("kind", ["application/json", "application/fhir+json"])
def test_a_service_request_becomes_a_clinical_text_and_names_nobody(
    kind: str, study: Study, ask: Asking
) -> None:
    clinical_text.keep(study, {"laboratory": "CRP 84 mg/l"})
    answer = ask.post(f"studies/{study.pk}/service-request", REQUEST, kind)
    assert check(answer, "report_gen_studies_service_request")["changed"] is True
    kept = clinical_text.of(study)
    assert kept["indication"] == "CT chest. Haemoptysis."
    assert kept["history"] == "Smoker, 40 pack years."
    assert kept["laboratory"] == "CRP 84 mg/l"
    assert "Muster" not in str(kept)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"resourceType": "Patient"}, "fhir_request"),
        ([REQUEST], "fhir_request"),
        ({**REQUEST, "status": "revoked"}, "fhir_request_withdrawn"),
        ({"resourceType": "ServiceRequest", "status": "active"}, "fhir_request_empty"),
    ],
)
def test_what_is_no_service_request_says_what_is_needed(
    body: Any, code: str, study: Study, ask: Asking
) -> None:
    clinical_text.keep(study, {"indication": "Cough."})
    answer = ask.post(f"studies/{study.pk}/service-request", body)
    told = check(answer, "report_gen_studies_service_request")
    assert (answer.status_code, told["code"]) == (422, code)
    assert clinical_text.of(study) == {"indication": "Cough."}


def test_a_study_that_failed_says_why_in_both_languages(desk: Desk, ask: Asking) -> None:
    now = timezone.now()
    told = {"code": "no_images", "en": "None.", "zh": "无。", "files": 0}
    one = Study.objects.create(
        project=desk.project, uid="2.25.1", channel="rest", arrived_at=now, last_image_at=now,
        state=StudyState.FAILED, problems=[told],
    )  # fmt: skip
    body = check(ask.get(f"studies/{one.pk}"), "report_gen_studies_get")
    assert (body["status"], body["problems"]) == ("failed", [told])


def test_the_answer_of_a_form_too_long_for_one_field_names_no_file(
    ask: Asking, place: Path
) -> None:
    answer = ask.form("studies", {"file": upload(b"PK", "Frau Muster.zip"), "history": "a" * 9000})
    assert "Muster" not in answer.content.decode()
    left = [path for path in (place / "spool").rglob("*") if path.is_file()]
    assert {path.name for path in left} <= {"lock"}
