"""FHIR: valid R4, every finding coded, status by state; requests become clinical texts."""

import base64
import json
from typing import Any

import pytest
from fhir.resources.R4B.diagnosticreport import DiagnosticReport

from apps.report_gen.outputs.fhir.request import LARGEST, LONGEST, ClinicalText, clinical_text
from apps.report_gen.outputs.rendering import fhir
from apps.report_gen.report import ReportState
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen.outputs.made import document, edition, identity

STATUSES = {
    ReportState.DRAFT: "preliminary",
    ReportState.REVIEWED: "preliminary",
    ReportState.SIGNED: "final",
    ReportState.AMENDED: "amended",
    ReportState.REJECTED: "cancelled",
}


def contained(report: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in report["contained"] if each["resourceType"] == kind]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("state", STATUSES)
def test_it_is_valid_r4_with_the_status_of_its_state(state: ReportState, language: str) -> None:
    report = fhir(edition(document(language=language), state), identity(), b"%PDF-1.7")
    assert DiagnosticReport.model_validate(report).status == STATUSES[state]
    json.dumps(report).encode()
    assert {each["status"] for each in contained(report, "Observation")} == {STATUSES[state]}


def test_every_finding_is_an_observation_with_codes_value_site_and_components() -> None:
    report = fhir(edition(), identity())
    observations = contained(report, "Observation")
    assert [each["reference"] for each in report["result"]] == [
        f"#{each['id']}" for each in observations
    ]
    nodule, _, boxed, absent, uncertain = observations
    assert nodule["code"]["coding"][0]["code"] == "27925004"
    assert nodule["code"]["coding"][1]["code"] == "lung_nodule"
    assert nodule["valueCodeableConcept"]["text"] == "Present"
    assert [each["display"] for each in nodule["bodySite"]["coding"]] == [
        "Upper lobe of right lung", "Right",
    ]  # fmt: skip
    sizes = {
        each["code"]["text"]: each["valueQuantity"]["value"]
        for each in nodule["component"]
        if "valueQuantity" in each
    }
    assert sizes == {"Long axis": 30.0, "Volume": 14.1, "Certainty of Finding": 93.0}
    assert nodule["device"] == {"reference": "#model"}
    assert "device" not in boxed
    assert boxed["note"][0]["text"] == "Look <here>"
    codes = [each["interpretation"][0]["coding"][0]["code"] for each in (nodule, absent, uncertain)]
    assert codes == ["POS", "NEG", "IND"]


def test_everything_contained_is_referred_to_and_every_reference_resolves() -> None:
    for of in (document(), document(findings=()), document(model=None)):
        report = fhir(edition(of, ReportState.SIGNED), identity())
        text = json.dumps(report)
        ids = {f"#{each['id']}" for each in report["contained"]}
        for reference in ids:
            assert f'"reference": "{reference}"' in text
        told = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
        assert told == ids


def test_the_notice_stands_in_the_text_the_conclusion_every_observation_and_the_device() -> None:
    report = fhir(edition(), identity())
    notice = "Research use; not for diagnosis."
    assert report["meta"]["tag"][0]["display"] == notice
    assert notice in report["text"]["div"]
    assert notice in report["conclusion"]
    for each in (*contained(report, "Observation"), *contained(report, "Device")):
        assert notice in json.dumps(each["note"])


def test_the_pdf_is_the_presented_form() -> None:
    (form,) = fhir(edition(), identity(), b"%PDF-1.7")["presentedForm"]
    assert base64.b64decode(form["data"]) == b"%PDF-1.7"
    assert (form["contentType"], form["size"]) == ("application/pdf", 8)


def test_ids_stay_and_markup_in_a_text_stays_text() -> None:
    assert fhir(edition(), identity()) == fhir(edition(), identity())
    first = fhir(edition(state=ReportState.SIGNED), identity())
    other = document(findings=(), sentences=document().sentences[:1])
    second = fhir(
        edition(other, ReportState.AMENDED, version=2, previous=edition(state=ReportState.SIGNED)),
        identity(),
    )
    assert first["id"] == second["id"]
    assert (first["meta"]["versionId"], second["meta"]["versionId"]) == ("1", "2")
    hostile = document().sentences[0].model_copy(update={"text": "<script>alert(1)</script>"})
    div = fhir(edition(document(sentences=(hostile,))), identity())["text"]["div"]
    assert "<script>" not in div
    assert "&lt;script&gt;" in div


def test_a_signature_is_told_with_name_time_meaning_and_hash() -> None:
    of = document()
    report = fhir(edition(of, ReportState.SIGNED), identity())
    (signer,) = contained(report, "Practitioner")
    assert signer["name"][0]["text"] == "Dr. Li 李医生"
    told = json.dumps(report["extension"])
    assert of.content_hash() in told
    assert "2026-03-04T05:06:07" in told


REQUEST: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "subject": {"display": "Zhang Wei", "identifier": {"value": "MRN-1"}},
    "requester": {"display": "Dr. House"},
    "code": {"coding": [{"display": "CT of chest"}]},
    "reasonCode": [{"text": "Nodule on radiograph?"}],
    "note": [{"text": "40 pack-years"}, {"text": "咳嗽三周"}],
    "contained": [
        {
            "resourceType": "Observation",
            "code": {"text": "CRP"},
            "valueQuantity": {"value": 180, "unit": "mg/L"},
        },
        {"resourceType": "Condition", "code": {"text": "COPD"}},
        {"resourceType": "Patient", "name": [{"text": "Zhang Wei"}]},
    ],
}


def test_a_service_request_becomes_indication_reason_and_history() -> None:
    assert clinical_text(json.dumps(REQUEST).encode()) == ClinicalText(
        indication="CT of chest.",
        reason="Nodule on radiograph? COPD.",
        history="40 pack-years. 咳嗽三周. CRP 180 mg/L.",
    )


def test_who_the_patient_and_the_requester_are_is_not_read() -> None:
    text = clinical_text(REQUEST).text()
    assert "Zhang" not in text
    assert "House" not in text
    assert "MRN" not in text


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"not json", "fhir_request"),
        (b"[" * 100_000, "fhir_request"),
        (b"[]", "fhir_request"),
        (b'{"resourceType": "Bundle"}', "fhir_request"),
        (b'{"resourceType": "ServiceRequest", "status": "revoked"}', "fhir_request_withdrawn"),
        (b" " * (LARGEST + 1), "fhir_request_too_large"),
        (b'{"resourceType": "ServiceRequest", "note": ' + b"[" * 50 + b"]" * 50 + b"}",
         "fhir_request"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(request_: bytes, code: str) -> None:
    with pytest.raises(InputRefused) as refused:
        clinical_text(request_)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "odd",
    [
        {"code": 7, "note": "text", "reasonCode": [None, 1, {"text": 5}], "contained": {}},
        {"note": [{"text": "a\x00b\ud800\u202ec"}] * 10_000},
        {"note": [{"text": "x" * 200_000}], "orderDetail": [[]]},
        {"contained": [{"resourceType": "Observation", "valueQuantity": {"value": True}}]},
        {"status": ["revoked"]},
    ],
)
def test_odd_values_are_left_out_and_long_ones_are_cut(odd: dict[str, Any]) -> None:
    text = clinical_text({"resourceType": "ServiceRequest", **odd})
    for each in (text.indication, text.reason, text.history):
        assert len(each) <= LONGEST
        assert not set(each) & {"\x00", "\ud800", "\u202e"}
