"""A report as a FHIR R4 `DiagnosticReport` that contains what it refers to.

Contained: one `Observation` for each finding, the `ImagingStudy`, the `Device` that drafted, and
the `Practitioner` who signed. The patient is told by identifier and name alone: which resource they
are is the receiver's to say. Ids are made of UIDs and contents: the same edition, the same ids.
"""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from apps.report_gen.findings import KINDS, Side, State
from apps.report_gen.outputs.codes import (
    CERTAINTY,
    CHEST_CT,
    FHIR_STATES,
    FHIR_SYSTEMS,
    KIND_SYSTEM,
    LOBES,
    LONG_AXIS,
    SIDES,
    VOLUME,
    Coded,
    finding_code,
    site_code,
)
from apps.report_gen.outputs.edition import Edition, OutputIdentity, deterministic_uid
from apps.report_gen.outputs.wording import plain, shown_name
from apps.report_gen.report import Part, ReportFinding, ReportState

Resource = dict[str, Any]

STATUS: Final = {
    ReportState.DRAFT: "preliminary",
    ReportState.REVIEWED: "preliminary",
    ReportState.SIGNED: "final",
    ReportState.AMENDED: "amended",
    ReportState.REJECTED: "cancelled",
}
SECTION_CODES: Final = {
    Part.INDICATION: "18785-6",
    Part.TECHNIQUE: "55111-9",
    Part.COMPARISON: "18834-2",
    Part.FINDINGS: "59776-5",
    Part.IMPRESSION: "19005-8",
}
"""LOINC codes of the parts of a radiology report."""
UCUM: Final = "http://unitsofmeasure.org"
DICOM_UID: Final = "urn:dicom:uid"
_SEX: Final = {"M": "male", "F": "female", "O": "other"}


def diagnostic_report(
    edition: Edition, identity: OutputIdentity, pdf: bytes | None = None
) -> Resource:
    """The resource as plain JSON; with `pdf` as its presented form."""
    document = edition.document
    observations = [
        _observation(each, number, edition, identity)
        for number, each in enumerate(document.findings, 1)
    ]
    contained: list[Resource] = [_patient(identity), _imaging_study(identity), *observations]
    extensions: list[Resource] = []
    if document.model is not None:
        contained.append(_device(edition))
        # R4 has no field for a device that wrote a draft.
        extensions.append(
            {"url": "urn:loupe:report_gen:drafted-by", "valueReference": {"reference": "#model"}}
        )
    made: Resource = {
        "resourceType": "DiagnosticReport",
        "id": report_id(identity),
        "meta": {
            "versionId": str(edition.version),
            "tag": [{"system": KIND_SYSTEM, "code": "research", "display": document.notice.en}],
        },
        "language": "zh-CN" if edition.zh else "en",
        "text": _narrative(edition),
        "contained": contained,
        "identifier": [{"system": DICOM_UID, "value": f"urn:oid:{_report_uid(identity)}"}],
        "status": STATUS[edition.state],
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/v2-0074",
                        "code": "CT",
                        "display": "CAT Scan",
                    }
                ]
            }
        ],
        "code": _concept(CHEST_CT),
        "subject": {"reference": "#patient"},
        "issued": _instant(edition.made_at),
        "imagingStudy": [{"reference": "#study"}],
    }
    if observations:
        made["result"] = [{"reference": f"#{each['id']}"} for each in observations]
    if identity.study_date is not None:
        made["effectiveDateTime"] = _date_time(identity.study_date)
    if accession := plain(identity.accession, 64):
        made["basedOn"] = [{"identifier": {"type": _accession_type(), "value": accession}}]
    if edition.signature is not None:
        contained.append(_practitioner(edition))
        made["resultsInterpreter"] = [{"reference": "#signer"}]
        extensions.append(_signed(edition))
    if extensions:
        made["extension"] = extensions
    if conclusion := plain(document.text(Part.IMPRESSION)):
        made["conclusion"] = f"{conclusion}\n{document.notice.in_language(document.language)}"
    if codes := _conclusion_codes(edition):
        made["conclusionCode"] = codes
    if pdf is not None:
        digest = hashlib.sha1(pdf, usedforsecurity=False).digest()  # what FHIR asks for
        made["presentedForm"] = [
            {
                "contentType": "application/pdf",
                "language": made["language"],
                "data": base64.b64encode(pdf).decode(),
                "size": len(pdf),
                "hash": base64.b64encode(digest).decode(),
                "title": document.notice.in_language(document.language),
                "creation": _instant(edition.made_at),
            }
        ]  # fmt: skip
    return made


def report_id(identity: OutputIdentity) -> str:
    """The logical id of a study's report: the same in every version of it."""
    return f"loupe-{hashlib.sha256(_report_uid(identity).encode()).hexdigest()[:40]}"


def _report_uid(identity: OutputIdentity) -> str:
    return deterministic_uid("fhir report", identity.study_uid, identity.series_uid)


def _observation(
    finding: ReportFinding, number: int, edition: Edition, identity: OutputIdentity
) -> Resource:
    document = edition.document
    status = "cancelled" if edition.state is ReportState.REJECTED else STATUS[edition.state]
    uid = deterministic_uid("finding", identity.study_uid, finding.id)
    made: Resource = {
        "resourceType": "Observation",
        "id": f"finding-{number}",
        "identifier": [
            {"system": DICOM_UID, "value": f"urn:oid:{uid}"},
            {"system": KIND_SYSTEM, "value": plain(finding.id) or "-"},
        ],
        "status": status,
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "imaging",
                        "display": "Imaging",
                    }
                ]
            }
        ],
        "code": _kind(finding.kind, document.language),
        "subject": {"reference": "#patient"},
        "issued": _instant(edition.made_at),
        "valueCodeableConcept": _concept(FHIR_STATES[finding.state]),
        "interpretation": [_interpretation(finding.state)],
        "bodySite": _body_site(finding),
        "derivedFrom": [{"reference": "#study"}],
    }
    notes = []
    if comment := plain(finding.comment):
        notes.append({"text": comment})
    notes.append({"text": document.notice.in_language(document.language)})
    made["note"] = notes
    if document.model is not None and finding.origin == "model" and not finding.changed:
        made["device"] = {"reference": "#model"}
    components = [
        {
            "code": _concept(name),
            "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
        }
        for name, value, unit in (
            (LONG_AXIS, finding.size_mm, "mm"),
            (VOLUME, finding.volume_ml, "mL"),
            (
                CERTAINTY,
                None if finding.probability is None else round(finding.probability * 100, 4),
                "%",
            ),
        )
        if value is not None
    ]
    components += [
        {"code": _concept(Coded("SCT", "363698007", "Finding site")), "valueCodeableConcept": site}
        for site in (_concept(LOBES[lobe]) for lobe in finding.lobes)
    ]
    if components:
        made["component"] = components
    return made


def _interpretation(state: State) -> Resource:
    code, display = {
        State.PRESENT: ("POS", "Positive"),
        State.ABSENT: ("NEG", "Negative"),
        State.UNCERTAIN: ("IND", "Indeterminate"),
    }[state]
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _kind(kind: str, language: str) -> Resource:
    known = KINDS.get(kind)
    name = known.name.in_language(language) if known else plain(kind) or "-"
    coding = [{"system": KIND_SYSTEM, "code": plain(kind).replace(" ", "_") or "other"}]
    if known:
        coding.insert(0, _coding(finding_code(kind)))
    return {"coding": coding, "text": name}


def _body_site(finding: ReportFinding) -> Resource:
    """The site, and the side as a second coding; lobes are told as components."""
    codes = [site_code(finding.kind)]
    if len(finding.lobes) == 1:
        codes = [LOBES[finding.lobes[0]]]
    coding = [_coding(each) for each in codes]
    text = codes[0].meaning
    if finding.side is not Side.NONE:
        side = SIDES[finding.side]
        coding.append(_coding(side))
        text = f"{text} ({side.meaning})"
    return {"coding": coding, "text": text}


def _conclusion_codes(edition: Edition) -> list[Resource]:
    kinds = dict.fromkeys(
        each.kind for each in edition.document.findings if each.state is State.PRESENT
    )
    return [_kind(kind, edition.document.language) for kind in kinds]


def _patient(identity: OutputIdentity) -> Resource:
    made: Resource = {"resourceType": "Patient", "id": "patient"}
    if number := plain(identity.patient_id, 64):
        made["identifier"] = [{"value": number}]
    names = []
    for group in identity.patient_name.split("=")[:3]:
        parts = [plain(part) for part in group.split("^")]
        given = [part for part in parts[1:3] if part]
        name: Resource = {"text": shown_name(group)} if shown_name(group) else {}
        if parts[0]:
            name["family"] = parts[0]
        if given:
            name["given"] = given
        if name:
            names.append(name)
    if names:
        made["name"] = names
    if identity.sex in _SEX:
        made["gender"] = _SEX[identity.sex]
    if identity.birth_date is not None:
        made["birthDate"] = identity.birth_date.isoformat()
    return made


def _imaging_study(identity: OutputIdentity) -> Resource:
    modality = _coding(Coded("DCM", "CT", "Computed Tomography"))
    made: Resource = {
        "resourceType": "ImagingStudy",
        "id": "study",
        "identifier": [{"system": DICOM_UID, "value": f"urn:oid:{identity.study_uid}"}],
        "status": "available",
        "subject": {"reference": "#patient"},
        "modality": [modality],
        "series": [{"uid": identity.series_uid, "modality": modality}],
    }  # fmt: skip
    if accession := plain(identity.accession, 64):
        made["identifier"].append({"type": _accession_type(), "value": accession})
    if identity.study_date is not None:
        made["started"] = _date_time(identity.study_date)
    if referrer := shown_name(identity.referring_physician):
        made["referrer"] = {"display": referrer}
    return made


def _device(edition: Edition) -> Resource:
    model = edition.document.model
    if model is None:
        return {}
    return {
        "resourceType": "Device",
        "id": "model",
        "identifier": [{"value": f"sha256:{plain(model.sha256)}"}],
        "deviceName": [{"name": plain(model.name) or "-", "type": "model-name"}],
        "version": [{"value": str(model.version)}],
        "note": [
            {"text": edition.document.notice.in_language(edition.document.language)},
            {"text": plain(model.trained_on.in_language(edition.document.language)) or "-"},
        ],
    }


def _practitioner(edition: Edition) -> Resource:
    name = plain(edition.signature.name) if edition.signature else ""
    return {"resourceType": "Practitioner", "id": "signer", "name": [{"text": name or "-"}]}


def _signed(edition: Edition) -> Resource:
    """Who signed what, when and as what; R4 has no field for it in this resource."""
    signature = edition.signature
    if signature is None:
        return {}
    meaning = plain(signature.meaning.in_language(edition.document.language)) or "-"
    return {
        "url": "urn:loupe:report_gen:signature",
        "extension": [
            {"url": "who", "valueReference": {"reference": "#signer"}},
            {"url": "when", "valueInstant": _instant(signature.signed_at)},
            {"url": "meaning", "valueString": meaning},
            {"url": "sha256", "valueString": signature.content_hash},
        ],
    }  # fmt: skip


def _narrative(edition: Edition) -> Resource:
    """The whole text as XHTML, for receivers that show nothing else."""
    document = edition.document
    lines = [document.notice.in_language(document.language)]
    lines += [plain(document.text(part)) for part in Part]
    lines.append(document.notice.in_language(document.language))
    body = "".join(f"<p>{_escaped(line)}</p>" for line in lines if line)
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>',
    }


def _escaped(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )


def _accession_type() -> Resource:
    system = "http://terminology.hl7.org/CodeSystem/v2-0203"
    return {"coding": [{"system": system, "code": "ACSN", "display": "Accession ID"}]}


def _concept(code: Coded) -> Resource:
    return {"coding": [_coding(code)], "text": code.meaning}


def _coding(code: Coded) -> Resource:
    return {
        "system": FHIR_SYSTEMS.get(code.scheme, KIND_SYSTEM),
        "code": code.value,
        "display": code.meaning,
    }


def _instant(at: datetime) -> str:
    """With a zone, as FHIR wants it; times without one are UTC."""
    known = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return known.isoformat(timespec="milliseconds")


def _date_time(at: datetime) -> str:
    """The day alone where the zone is not known: a time without a zone is none in FHIR."""
    return at.date().isoformat() if at.tzinfo is None else at.isoformat(timespec="seconds")
