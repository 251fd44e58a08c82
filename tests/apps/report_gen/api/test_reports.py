"""Reports by REST: the document, its versions, its files; who may ask for what."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern
from fhir.resources.R4B.diagnosticreport import DiagnosticReport

from apps.report_gen.api.urls import urlpatterns
from apps.report_gen.clinical import identity
from apps.report_gen.clinical.identity import Person
from apps.report_gen.models import ReportVersion, Study
from apps.report_gen.report import Part
from apps.report_gen.services.reporting import reports, signing
from loupe.accounts.models import Role
from loupe.accounts.policy import LOWEST_ROLE, SCOPES, Action
from loupe.audit import services as audit
from tests.apps.report_gen.api.asking import API, Asking, check, document
from tests.apps.report_gen.desk import Desk, fresh

NOBODY = "00000000-0000-0000-0000-000000000000"


def test_a_draft_is_shown_with_its_state_and_every_version(study: Study, ask: Asking) -> None:
    body = check(ask.get(f"studies/{study.pk}/report"), "report_gen_studies_report")
    assert (body["state"], body["version"], body["signature"]) == ("draft", 1, None)
    assert [one["number"] for one in body["versions"]] == [1]
    assert body["document"]["sentences"]


def test_what_was_signed_is_shown_until_an_amendment_is_signed(
    desk: Desk, study: Study, ask: Asking
) -> None:
    desk.sign(study)
    signing.amend(desk.actor(), fresh(study), reports.opened(fresh(study)).report.revision)
    desk.do(study, verb="say", sentence=0, text="Comparison: none.")
    body = check(ask.get(f"studies/{study.pk}/report"), "report_gen_studies_report")
    assert (body["state"], body["version"], body["amending"]) == ("signed", 2, True)
    assert body["signature"]["name"] == "ward-reviewer"
    assert "Comparison: none." not in str(body["document"])
    desk.sign(study, reason="Said more")
    body = check(ask.get(f"studies/{study.pk}/report"), "report_gen_studies_report")
    assert (body["state"], body["version"], body["amending"]) == ("amended", 3, False)
    assert "Comparison: none." in str(body["document"])
    chain = list(ReportVersion.objects.order_by("number").values_list("hash", "signature"))
    assert [one["hash"] for one in body["versions"]] == [one for one, _signature in chain]
    assert [one["signed_by"] for one in body["versions"]] == ["", *["ward-reviewer"] * 2]


def test_each_version_is_read_with_what_it_changed_word_by_word(
    desk: Desk, study: Study, ask: Asking
) -> None:
    draft = reports.opened(study).document
    desk.do(study, verb="say", sentence=1, text="A nodule, seen before.")
    desk.sign(study)
    operation, path = "report_gen_studies_report_version", f"studies/{study.pk}/report/versions"
    first = check(ask.get(f"{path}/1"), operation)
    assert (first["compared_with"], first["signature"]) == (1, None)
    assert not any(part["changed"] for part in first["differences"])
    second = check(ask.get(f"{path}/2"), operation)
    assert (second["state"], second["signed_by"], second["compared_with"]) == (
        "signed", "ward-reviewer", 1,
    )  # fmt: skip
    assert second["previous_hash"] == first["hash"]
    (part,) = (one for one in second["differences"] if one["changed"])
    before = "".join(one["text"] for one in part["pieces"] if one["mark"] != "added")
    after = "".join(one["text"] for one in part["pieces"] if one["mark"] != "removed")
    assert before == draft.text(Part.FINDINGS)
    assert "A nodule, seen before." in after
    other_way = check(ask.get(f"{path}/1?against=2"), operation)
    assert other_way["compared_with"] == 2
    assert "seen before" in str([p for p in other_way["differences"] if p["changed"]])


@pytest.mark.parametrize(
    ("tail", "status"),
    [("3", 404), ("0", 404), ("99999999999", 404), ("1?against=7", 404), ("1?against=x", 400),
     ("1?against=-1", 400)],
)  # fmt: skip
def test_a_version_that_is_none_is_not_found(
    study: Study, ask: Asking, tail: str, status: int
) -> None:
    answer = ask.get(f"studies/{study.pk}/report/versions/{tail}")
    check(answer, "report_gen_studies_report_version")
    assert answer.status_code == status


def test_a_report_as_fhir_is_valid_and_names_nobody_to_a_key(
    desk: Desk, study: Study, ask: Asking
) -> None:
    identity.keep(study, Person(patient_id="MRN-4711", name="Muster^Maria"))
    desk.sign(study)
    answer = ask.get(f"studies/{study.pk}/report.fhir")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/fhir+json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].endswith('-v2.fhir.json"')
    assert DiagnosticReport.model_validate_json(answer.content).status == "final"
    assert b"Muster" not in answer.content
    assert b"4711" not in answer.content
    user = desk.people["reviewer"]
    identity.grant(desk.actor("admin"), desk.project, user)
    named = ask.person(user, f"studies/{study.pk}/report.fhir")
    assert b"Muster" in named.content
    told = [event.action for event in audit.of_project(desk.project)]
    assert told.count("report.exported") == 2
    assert told.count("identity.seen") == 1


@pytest.mark.parametrize("form", ["pdf", "sr", "seg"])
def test_files_that_need_the_images_say_when_the_engine_is_away(
    form: str, desk: Desk, study: Study, ask: Asking
) -> None:
    answer = ask.get(f"studies/{study.pk}/report.{form}")
    told = check(answer, "report_gen_studies_report_file")
    assert answer.status_code in (404, 503)
    assert told["detail"]


def test_a_form_that_is_none_is_not_found_and_the_forms_are_named(
    study: Study, ask: Asking
) -> None:
    answer = ask.get(f"studies/{study.pk}/report.docx")
    told = check(answer, "report_gen_studies_report_file")
    assert (answer.status_code, told["code"]) == (404, "not_found")
    assert "pdf, sr, seg, fhir" in told["detail"]


def test_a_study_without_a_draft_has_no_report(desk: Desk, ask: Asking) -> None:
    study = desk.study()
    Study.objects.filter(pk=study.pk).update(result=None, state="failed")
    for path in ("report", "report.fhir"):
        answer = ask.get(f"studies/{study.pk}/{path}")
        assert answer.status_code == 404, path


def addresses(study: Study) -> list[tuple[str, str, Action]]:
    filled = {"<uuid:study_id>": str(study.pk), "<uuid:delivery_id>": NOBODY, "<slug:form>": "fhir",
              "<int:number>": "1"}  # fmt: skip
    found = []
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        for name, value in filled.items():
            route = route.replace(name, value)
        view: Any = pattern.callback.cls  # type: ignore[attr-defined]
        found += [(method, route, action) for method, action in view.policy.items()]
    return found


def bare(method: str, path: str, **headers: Any) -> Any:
    return Client().generic(method, API + path, "{}", "application/json", **headers)


def test_every_endpoint_asks_its_policy_of_roles_scopes_and_projects(
    desk: Desk, study: Study, ask: Asking
) -> None:
    ranks, other = list(Role), Desk("elsewhere")
    keys = {scope: ask.new_key(scope) for scope in sorted(SCOPES)}
    for method, path, action in addresses(study):
        for role in ranks:
            enough = ranks.index(role) >= ranks.index(LOWEST_ROLE[action])
            status = ask.person(desk.people[role.value], path, method).status_code
            assert (status != 403) == enough, (method, path, role, status)
        for scope, key in keys.items():
            headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
            answer = bare(method, path, **headers)
            assert (answer.status_code != 403) == (scope == action.value), (method, path, scope)
        for role in ranks:
            stranger = other.people[role.value]
            named = f"{path}?project={desk.project.slug}"
            assert ask.person(stranger, named, method).status_code == 404, (method, path, role)
            if str(study.pk) in path:
                assert ask.person(stranger, path, method).status_code in (403, 404), (method, path)
        assert bare(method, path).status_code == 401, (method, path)


def test_a_study_of_another_project_is_not_found_by_its_number(study: Study) -> None:
    elsewhere = Asking(Desk("elsewhere"))
    for method, path, _action in addresses(study):
        if str(study.pk) not in path:
            continue
        user = elsewhere.desk.people["admin"]
        assert elsewhere.person(user, path, method).status_code == 404, (method, path)
        if method != "PATCH":  # a key is refused before anything is looked for
            answer = elsewhere.get(path) if method == "GET" else elsewhere.post(path, {})
            assert answer.status_code == 404, (method, path)


def test_every_address_stands_in_the_openapi_document(study: Study) -> None:
    described = {
        (method.upper(), path)
        for path, several in document()["paths"].items()
        for method in several
        if path.startswith(API)
    }
    assert len(described) == len(addresses(study)) == 11


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_a_report_is_changed_and_signed_on_its_page_alone(
    method: str, study: Study, ask: Asking
) -> None:
    for path in ("report", "report/versions/1"):
        answer = ask.person(ask.desk.people["admin"], f"studies/{study.pk}/{path}", method)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
