"""The working copy by REST: edits of people, of the revision they saw; all of them or none."""

from typing import Any

import pytest

from apps.report_gen.models import Report, ReportStep, Study
from apps.report_gen.report import Origin, Part
from apps.report_gen.services.reporting import claims, reports, signing
from loupe.audit import services as audit
from tests.apps.report_gen.api.asking import Asking, check
from tests.apps.report_gen.desk import Desk, fresh

OPERATIONS = {"GET": "report_gen_studies_draft", "PATCH": "report_gen_studies_edit"}
NEW = {"verb": "say", "sentence": 1, "text": "A nodule, seen before."}


class Copy:
    """The working copy of a study, asked for as somebody."""

    def __init__(self, ask: Asking, study: Study) -> None:
        self.ask, self.path = ask, f"studies/{study.pk}/report/draft"

    def seen(self) -> dict[str, Any]:
        """By a key that may look."""
        return check(self.ask.get(self.path), OPERATIONS["GET"])

    def edited(self, *edits: Any, role: str = "reviewer", revision: int = 0) -> tuple[int, Any]:
        """Status and body of a PATCH."""
        body = {"revision": revision, "edits": list(edits)}
        answer = self.ask.person(self.ask.desk.people[role], self.path, "PATCH", body)
        return answer.status_code, check(answer, OPERATIONS["PATCH"])


@pytest.fixture
def copy(ask: Asking, study: Study) -> Copy:
    return Copy(ask, study)


def test_the_working_copy_says_what_stands_against_a_signature(copy: Copy) -> None:
    body = copy.seen()
    assert (body["state"], body["revision"], body["editable"]) == ("draft", 0, True)
    told = {one["code"]: one for one in body["checks"]}
    assert told["finding_unaddressed"]["level"] == "block"
    assert told["finding_unaddressed"]["zh"] != told["finding_unaddressed"]["en"]


def test_sentences_are_edited_like_on_the_page(desk: Desk, study: Study, copy: Copy) -> None:
    more = {"verb": "add_sentence", "part": "impression", "text": "Compare in six months."}
    status, body = copy.edited(NEW, more)
    assert (status, body["revision"]) == (200, 2)
    document = reports.opened(fresh(study)).document
    assert body["document"] == document.model_dump(mode="json") == copy.seen()["document"]
    assert document.sentences[1].text == "A nodule, seen before."
    assert document.sentences[1].origin is Origin.READER
    assert document.text(Part.IMPRESSION).endswith("Compare in six months.")
    steps = ReportStep.objects.order_by("number").values_list("verb", "user__username")
    assert list(steps) == [("say", "ward-reviewer"), ("add_sentence", "ward-reviewer")]
    assert claims.holder(fresh(study)) == desk.people["reviewer"]
    (event,) = (one for one in audit.of_project(desk.project) if one.action == "report.edited")
    assert event.actor == "user:ward-reviewer"
    assert event.details == {"revision": 2, "verbs": ["say", "add_sentence"]}


def test_an_edit_of_another_revision_is_a_conflict_and_stores_nothing(
    desk: Desk, study: Study, copy: Copy
) -> None:
    desk.do(study, verb="say", sentence=1, text="Said on the page.")
    status, body = copy.edited(NEW)
    assert (status, body["code"]) == (409, "report_changed")
    assert "ward-reviewer changed this report" in body["detail"]
    assert copy.seen()["document"]["sentences"][1]["text"] == "Said on the page."
    assert copy.edited(NEW, revision=1)[0] == 200


def test_all_edits_are_made_or_none(study: Study, copy: Copy) -> None:
    copy.seen()
    status, body = copy.edited(NEW, {"verb": "remove_sentence", "sentence": 99})
    assert (status, body["code"]) == (422, "no_such_sentence")
    assert Report.objects.get(study=study).revision == 0
    assert not ReportStep.objects.exists()
    assert fresh(study).claimed_by is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"revision": 0, "edits": []}, "edits"),
        ({"revision": -1, "edits": [NEW]}, "revision"),
        ({"edits": [NEW]}, "revision"),
        ({"revision": 0, "edits": [{"verb": "sign"}]}, "edits.0"),
        ({"revision": 0, "edits": [{**NEW, "origin": "model"}]}, "edits.0.say.origin"),
        ({"revision": 0, "edits": [NEW] * 101}, "edits"),
    ],
)
def test_what_is_no_edit_is_named_by_its_field(
    body: dict[str, Any], field: str, study: Study, ask: Asking
) -> None:
    path = f"studies/{study.pk}/report/draft"
    answer = ask.person(ask.desk.people["reviewer"], path, "PATCH", body)
    told = check(answer, OPERATIONS["PATCH"])
    assert (answer.status_code, told["code"]) == (400, "invalid")
    assert [one["field"] for one in told["errors"]] == [field]


def test_somebody_elses_study_is_a_conflict(desk: Desk, study: Study, copy: Copy) -> None:
    claims.claim(desk.actor("other"), study)
    status, body = copy.edited(NEW)
    assert (status, body["code"]) == (409, "study_claimed")


def test_what_is_signed_is_edited_only_as_an_amendment(
    desk: Desk, study: Study, copy: Copy
) -> None:
    desk.sign(study)
    seen = copy.seen()
    assert (seen["state"], seen["editable"]) == ("signed", False)
    status, body = copy.edited(NEW, revision=seen["revision"])
    assert (status, body["code"]) == (409, "report_closed")
    signing.amend(desk.actor(), fresh(study), seen["revision"])
    status, body = copy.edited(NEW, revision=copy.seen()["revision"])
    assert (status, body["editable"]) == (200, True)
    signed = reports.signed_version(Report.objects.get(study=study))
    assert signed is not None
    assert "seen before" not in str(signed.document)


def test_a_key_edits_nothing_whatever_it_may_do(study: Study, ask: Asking) -> None:
    path = f"studies/{study.pk}/report/draft"
    answer = ask.patch(path, {"revision": 0, "edits": [NEW]})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_a_study_without_a_draft_has_no_working_copy(desk: Desk, ask: Asking) -> None:
    study = desk.study()
    Study.objects.filter(pk=study.pk).update(result=None, state="failed")
    copy = Copy(ask, study)
    assert ask.get(copy.path).status_code == 404
    assert copy.edited(NEW)[0] == 404


@pytest.mark.parametrize(
    ("box", "code"),
    [
        ([[1e9, 2e9]] * 3, "box_refused"),
        ([[-1e308, 1e308]] * 3, "box_refused"),
        ([[900.0, 910.0]] * 3, "box_outside"),
    ],
)
def test_a_box_that_is_not_in_the_volume_is_refused(
    box: list[list[float]], code: str, copy: Copy
) -> None:
    status, body = copy.edited({"verb": "add_finding", "kind": "mass", "box": box})
    assert (status, body["code"]) == (422, code)
    assert copy.seen()["revision"] == 0


def test_spans_of_a_box_run_from_their_lower_end(copy: Copy) -> None:
    given = [[30.0, 10.0], [20.0, 40.0], [60.0, 50.0]]
    status, body = copy.edited({"verb": "add_finding", "kind": "mass", "box": given})
    assert status == 200
    (made,) = (one for one in body["document"]["findings"] if one["kind"] == "mass")
    assert made["box"] == [[10.0, 30.0], [20.0, 40.0], [50.0, 60.0]]
    assert made["centre"] == [20.0, 30.0, 55.0]
