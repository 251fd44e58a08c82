"""The host's page of a result and its lists: what was found, where to read it, and no identity."""

import pytest
from django.urls import reverse

from apps.report_gen.clinical import identity
from apps.report_gen.clinical.identity import Person
from apps.report_gen.models import Study
from apps.report_gen.report import NOTICE
from apps.report_gen.schema import GateReason, StudyResult
from tests.apps.report_gen.desk import Desk, fresh
from tests.apps.report_gen.views.test_reader_pages import at, client


def page(desk: Desk, study: Study, role: str = "reviewer", language: str = "en") -> str:
    """The host's page of the study's result."""
    reader = client(desk, role)
    reader.cookies.load({"django_language": language})
    address = reverse("console:result", args=[desk.project.slug, "report_gen", study.result_id])
    return reader.get(address).content.decode()


def test_findings_with_states_a_slice_each_and_the_way_to_the_study(desk: Desk) -> None:
    study = desk.study()
    text = page(desk, study)
    assert at("study", desk, study.pk) in text
    assert at("key_slice", desk, study.pk, "lung_nodule.1") in text
    assert "Lung nodule" in text
    assert "present" in text
    assert "Looked for and not found:" in text
    assert NOTICE.en in text
    assert "trained on: phantoms" in text


@pytest.mark.parametrize("role", ["reviewer", "admin"])
def test_nobody_reads_there_who_the_patient_is(desk: Desk, role: str) -> None:
    study = desk.study()
    identity.keep(study, Person(name="Doe^Jane", patient_id="MRN-4711", accession="A-99"))
    identity.grant(desk.actor("admin"), desk.project, desk.people["reviewer"])
    results = reverse("console:results", args=[desk.project.slug, "report_gen"])
    for text in (page(desk, study, role), client(desk, role).get(results).content.decode()):
        assert "Doe" not in text
        assert "MRN-4711" not in text
        assert "A-99" not in text


def test_it_speaks_chinese(desk: Desk) -> None:
    text = page(desk, desk.study(), language="zh-hans")
    assert "肺结节" in text
    assert "未发现" in text
    assert "Looked for" not in text


def test_a_refused_study_says_why(desk: Desk) -> None:
    reason = GateReason(code="body_part", severity="refusal", en="No lung is seen.", zh="未见肺。")
    data = StudyResult(status="refused", study_uid="2.25.5", reasons=(reason,))
    study = desk.study(uid="2.25.5")
    row = fresh(study).result
    assert row is not None
    row.data = data.model_dump(mode="json")
    row.save()
    text = page(desk, study)
    assert "No lung is seen." in text
    assert "body_part" in text
    assert at("study", desk, study.pk) in text


def test_an_older_result_points_to_the_newer_one_and_shows_no_slice_of_it(desk: Desk) -> None:
    study = desk.study()
    other = desk.study(uid="2.25.8")
    before = study.result_id
    Study.objects.filter(pk=study.pk).update(result_id=other.result_id)
    study.result_id = before
    text = page(desk, study)
    assert "read again since" in text
    assert at("key_slice", desk, study.pk, "lung_nodule.1") not in text


def test_a_slice_is_for_members_and_of_images_that_are_kept(desk: Desk) -> None:
    study = desk.study()
    address = at("key_slice", desk, study.pk, "lung_nodule.1")
    assert client(desk).get(address).status_code == 404  # its images are not there
    assert client(Desk("elsewhere")).get(address).status_code == 404
