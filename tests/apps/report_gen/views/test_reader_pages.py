"""The readers' pages: who sees what, what a page says, and how JSON edits are answered."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.report_gen.clinical import identity
from apps.report_gen.clinical.identity import Person
from apps.report_gen.models import Report, Study, StudyState
from apps.report_gen.report import NOTICE
from apps.report_gen.schema import GateReason, StudyResult
from apps.report_gen.services.reporting import consent
from loupe.registry.models import ModelVersion, Stage
from loupe.testing import factories
from tests.apps.report_gen.desk import Desk, fresh
from tests.apps.report_gen.reporting.made import nodule

HOSTILE = "<script>alert(1)</script>"


def client(desk: Desk, role: str = "reviewer") -> Client:
    made = Client()
    made.force_login(desk.people[role])
    return made


def at(name: str, desk: Desk, *rest: Any) -> str:
    return reverse(f"report_gen:{name}", args=[desk.project.slug, *rest])


def send(
    desk: Desk, study: Study, edit: Any, role: str = "reviewer", revision: int | None = None
) -> Any:
    report = Report.objects.filter(study=study).first()
    told = {"revision": (report.revision if report else 0) if revision is None else revision}
    return client(desk, role).post(
        at("edit", desk, study.pk), json.dumps({**told, "edit": edit}),
        content_type="application/json",
    )  # fmt: skip


def test_every_page_says_that_it_is_for_research_and_what_the_model_saw(desk: Desk) -> None:
    study = desk.study()
    reader = client(desk)
    for address in (
        at("worklist", desk), at("study", desk, study.pk), at("version", desk, study.pk, 1),
        at("reading", desk),
    ):  # fmt: skip
        text = reader.get(address).content.decode()
        assert NOTICE.en in text, address
    assert "trained on: phantoms" in reader.get(at("study", desk, study.pk)).content.decode()


def test_strangers_and_other_projects_see_nothing(desk: Desk) -> None:
    study, other = desk.study(), Desk("elsewhere")
    for name in ("study", "masks"):
        assert client(other).get(at(name, desk, study.pk)).status_code == 404
        assert client(other).get(at(name, other, study.pk)).status_code == 404
        assert Client().get(at(name, desk, study.pk)).status_code == 302
    assert client(other).get(at("volume", desk, study.pk, "full")).status_code == 404


def test_a_viewer_reads_and_is_offered_nothing_to_change(desk: Desk) -> None:
    study = desk.study()
    text = client(desk, "viewer").get(at("study", desk, study.pk)).content.decode()
    assert "<textarea" not in text
    assert 'id="sign"' not in text
    assert (
        send(desk, study, {"verb": "confirm", "finding": "lung_nodule.1"}, "viewer").status_code
        == 403
    )


def test_an_edit_answers_with_the_reports_new_state(desk: Desk) -> None:
    study = desk.study()
    client(desk).get(at("study", desk, study.pk))
    answer = send(desk, study, {"verb": "confirm", "finding": "lung_nodule.1"})
    told = answer.json()
    assert told["revision"] == 1
    assert [one["id"] for one in told["findings"]] == ["lung_nodule.1", "pleural_effusion"]
    assert told["findings"][0]["centre"] == [80.0, 60.0, 40.0]


def test_an_edit_on_a_former_state_is_a_conflict_that_names_who_came_first(desk: Desk) -> None:
    study = desk.study()
    desk.do(study, verb="confirm", finding="lung_nodule.1")
    answer = send(desk, study, {"verb": "confirm", "finding": "pleural_effusion"}, revision=0)
    assert answer.status_code == 409
    assert answer.json()["code"] == "report_changed"
    assert "ward-reviewer" in answer.json()["error"]


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"revision": "1"}', "{" * 5000, '{"revision": 0}']
)
def test_bodies_that_are_no_edits_are_refused(desk: Desk, body: str) -> None:
    study = desk.study()
    client(desk).get(at("study", desk, study.pk))
    answer = client(desk).post(at("edit", desk, study.pk), body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_script_in_words_is_shown_and_never_run(desk: Desk) -> None:
    study = desk.study(patient=HOSTILE[:20])
    client(desk).get(at("study", desk, study.pk))
    answer = send(desk, study, {"verb": "say", "sentence": 1, "text": HOSTILE})
    assert HOSTILE not in json.loads(answer.content)["differences"]
    text = client(desk).get(at("study", desk, study.pk)).content.decode()
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text


def test_names_are_shown_to_those_who_were_let_and_pseudonyms_to_others(desk: Desk) -> None:
    study = desk.study()
    identity.keep(study, Person(name="Doe^Jane", patient_id="4711", accession="A-99"))
    identity.grant(desk.actor("admin"), desk.project, desk.people["reviewer"])
    for name, rest in (("worklist", ()), ("study", (study.pk,))):
        address = at(name, desk, *rest)
        assert "Doe Jane" in client(desk).get(address).content.decode()
        other = client(desk, "other").get(address).content.decode()
        assert "Doe" not in other
        assert "A-99" not in other
        assert "PAT-1" in other


def test_the_live_list_answers_only_when_something_changed(desk: Desk) -> None:
    study = desk.study()
    context = client(desk).get(at("worklist", desk)).context
    address = f"{at('worklist_live', desk)}?{context['live_query']}"
    assert client(desk).get(address).status_code == 204
    client(desk, "other").post(at("claim", desk, study.pk), {"verb": "claim"})
    assert client(desk).get(address).status_code == 200


def test_claiming_leads_to_the_study_and_nowhere_else(desk: Desk) -> None:
    study = desk.study()
    answer = client(desk).post(
        at("claim", desk, study.pk), {"verb": "release", "next": "https://evil.example/"}
    )
    assert answer["Location"] == at("study", desk, study.pk)


def test_a_refused_study_says_why_in_place_of_a_report(desk: Desk) -> None:
    reason = GateReason(code="body_part", severity="refusal", en="No lung is seen.", zh="未见肺。")
    data = StudyResult(status="refused", study_uid="2.25.5", reasons=(reason,))
    study = desk.study(uid="2.25.5", state=StudyState.REFUSED)
    row = fresh(study).result
    assert row is not None
    row.data = data.model_dump(mode="json")
    row.save()
    text = client(desk).get(at("study", desk, study.pk)).content.decode()
    assert "No lung is seen." in text
    assert "body_part" in text


def test_signing_over_the_page_asks_for_the_password(desk: Desk) -> None:
    study = desk.study()
    desk.confirm_all(study)
    revision = str(Report.objects.get(study=study).revision)
    told = {"verb": "sign", "revision": revision, "password": "wrong"}
    text = client(desk).post(at("act", desk, study.pk), told, follow=True).content.decode()
    assert "password_refused" in text
    told["password"] = factories.PASSWORD
    text = client(desk).post(at("act", desk, study.pk), told, follow=True).content.decode()
    assert 'class="signature"' in text


def test_masks_are_sent_and_volumes_that_are_gone_are_not_found(desk: Desk) -> None:
    study = desk.study()
    answer = client(desk).get(at("masks", desk, study.pk))
    assert b"".join(answer.streaming_content)[:2] == b"\x1f\x8b"  # type: ignore[attr-defined]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert client(desk).get(at("volume", desk, study.pk, "full")).status_code == 404
    assert client(desk).get(at("volume", desk, study.pk, "huge")).status_code == 404


def test_labels_are_downloaded_by_those_who_may_once_the_project_agreed(desk: Desk) -> None:
    desk.sign(desk.study(nodule()))
    assert client(desk).get(at("labels", desk)).status_code == 302
    client(desk, "admin").post(at("label_consent", desk), {"given": "yes"})
    assert consent.is_given(desk.project)
    text = client(desk).get(at("labels", desk)).content.decode()
    assert text.splitlines()[1].startswith("2.25.7,1,0,")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_pages_speak_both_languages(desk: Desk, language: str) -> None:
    study = desk.study()
    reader = client(desk)
    reader.cookies.load({"django_language": language})
    text = reader.get(at("study", desk, study.pk)).content.decode()
    assert ("检查所见" in text) is (language != "en")


def test_no_side_is_chosen_for_anybody(desk: Desk) -> None:
    """A browser takes the first choice of a list where none is selected."""
    study = desk.study()
    desk.do(study, verb="add_finding", kind="mass")
    text = client(desk).get(at("study", desk, study.pk)).content.decode()
    lists = re.findall(r'<select[^>]*name="side"[^>]*>(.*?)</select>', text, re.DOTALL)
    chosen = [re.search(r'value="([a-z]*)" selected', each) for each in lists]
    assert sorted(each[1] for each in chosen if each) == ["", "left", "right"]
    (adding,) = (each for each, one in zip(lists, chosen, strict=True) if not one)
    assert adding.startswith('<option value="">')


def test_a_box_that_is_drawn_is_told_to_the_viewer_where_it_was_drawn(desk: Desk) -> None:
    study = desk.study()
    client(desk).get(at("study", desk, study.pk))
    drawn = [[30.0, 60.0], [40.0, 60.0], [50.0, 90.0]]
    answer = send(
        desk, study, {"verb": "add_finding", "kind": "mass", "side": "left", "drawn": drawn}
    )
    told = answer.json()["findings"][-1]
    assert told["box"] == drawn
    assert told["centre"] == [45.0, 50.0, 70.0]
    assert told["label"] not in {one["label"] for one in answer.json()["findings"][:-1]}
    outside = [[-900.0, -890.0], [0.0, 10.0], [0.0, 10.0]]
    refused = send(desk, study, {"verb": "add_finding", "kind": "mass", "drawn": outside})
    assert refused.status_code == 400
    assert refused.json()["code"] == "box_outside"


def test_a_newer_draft_is_compared_and_taken_over_the_page(desk: Desk) -> None:
    study = desk.study()
    reader = client(desk)
    desk.do(study, verb="say", sentence=1, text="Mine.")
    other = desk.study(nodule(size_mm=14.0), uid="2.25.99")
    Study.objects.filter(pk=study.pk).update(result_id=other.result_id)
    address = at("study", desk, study.pk)
    text = reader.get(address).content.decode()
    assert 'id="take-newer"' in text
    assert "<del>Mine" in text
    assert 'aria-labelledby="newer-title"' in text
    assert 'id="take-newer"' not in client(desk, "viewer").get(address).content.decode()
    # What is edited meanwhile is in the comparison, too.
    answer = send(desk, study, {"verb": "say", "sentence": 1, "text": "Mine, again."})
    assert "again" in answer.json()["newer"]
    row = re.search(r'name="choose-(s\d+)" value="yours" checked', answer.json()["newer"])
    assert row is not None
    told = {
        "verb": "take_newer", "revision": str(Report.objects.get(study=study).revision),
        "result": str(other.result_id), f"choose-{row[1]}": "both",
    }  # fmt: skip
    wrong = {**told, f"choose-{row[1]}": "neither"}
    assert "none that is offered" in reader.post(
        at("act", desk, study.pk), wrong, follow=True
    ).content.decode()  # fmt: skip
    text = reader.post(at("act", desk, study.pk), told, follow=True).content.decode()
    assert 'id="take-newer"' not in text
    assert "14" in text
    assert "Mine, again." in text
    kept = reader.get(at("version", desk, study.pk, 2)).content.decode()
    assert "Mine, again." in kept


def test_without_a_model_the_pages_say_what_to_do_in_both_languages(desk: Desk) -> None:
    study = desk.study(uid="2.25.4", state=StudyState.FAILED, result=None, problems=[
        {"code": "no_model", "en": "No model is in production.", "zh": "无模型。", "files": 0}
    ])  # fmt: skip
    pages = (at("worklist", desk), at("study", desk, study.pk))
    for address in pages:
        assert "No model reads" not in client(desk).get(address).content.decode()
    ModelVersion.objects.filter(pk=desk.version.pk).update(stage=Stage.CANDIDATE)
    reader = client(desk, "engineer")
    for address in pages:
        text = reader.get(address).content.decode()
        assert "No model reads studies here yet." in text
        assert reverse("console:training_new", args=[desk.project.slug, "report_gen"]) in text
        assert "scripts/train_report_gen.sh" in text
    reader.cookies.load({"django_language": "zh-hans"})
    for address in pages:
        assert "此处尚无读取检查的模型。" in reader.get(address).content.decode()


def test_a_failed_study_is_read_again_from_its_page(desk: Desk) -> None:
    study = desk.study(uid="2.25.4", state=StudyState.FAILED, result=None)
    address = at("read_again", desk, study.pk)
    assert client(desk, "viewer").post(address).status_code == 403
    assert address in client(desk, "operator").get(at("study", desk, study.pk)).content.decode()
    client(desk, "operator").post(address)
    assert fresh(study).state == StudyState.WAITING
    text = client(desk, "operator").post(address, follow=True).content.decode()
    assert "has not failed" in text


def test_no_word_of_the_machine_is_left_in_english_on_a_chinese_page(desk: Desk) -> None:
    study = desk.study()
    row = fresh(study).result
    assert row is not None
    row.times_ms = {"queue": 80.0, "read": 900.0, "find": 40.0}
    row.save()
    reader = client(desk)
    assert "Reading the files" in reader.get(at("reading", desk)).content.decode()
    reader.cookies.load({"django_language": "zh-hans"})
    text = reader.get(at("reading", desk)).content.decode()
    assert "读取文件" in text
    assert "<td>read</td>" not in text
    # A column's heading is not the report's section of that name.
    assert '<th scope="col">征象</th>' in reader.get(at("worklist", desk)).content.decode()


def test_parts_of_a_signed_report_that_say_nothing_are_not_shown(desk: Desk) -> None:
    study = desk.study(nodule())
    address = at("study", desk, study.pk)
    assert 'data-part="comparison"' in client(desk).get(address).content.decode()
    desk.sign(study)
    assert 'data-part="comparison"' not in client(desk).get(address).content.decode()
