"""Any report, whatever stands in it, gives valid outputs or is refused in a full sentence."""

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from apps.report_gen.findings import KEYS, Lobe, Side, State
from apps.report_gen.outputs.edition import Edition, OutputIdentity
from apps.report_gen.outputs.masks import segments_of
from apps.report_gen.outputs.rendering import fhir, pdf, seg, sr
from apps.report_gen.report import (
    ModelCredit,
    Origin,
    Part,
    ReportDocument,
    ReportFinding,
    ReportSentence,
    ReportState,
    Signature,
)
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.text import Text
from tests.apps.report_gen.outputs.made import Made, document, edition, identity
from tests.apps.report_gen.outputs.public_tools import dciodvfy, dsrdump

# JSON refuses halves of characters before a document exists, so they cannot be in one.
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
MM = st.floats(0, 400, allow_nan=False)
PAIR = st.tuples(MM, MM)

FINDING = st.builds(
    ReportFinding,
    id=ANY,
    kind=st.one_of(st.sampled_from(KEYS), ANY),
    state=st.sampled_from(State),
    origin=st.sampled_from(Origin),
    changed=st.booleans(),
    probability=st.none() | st.floats(0, 1),
    side=st.sampled_from(Side),
    lobes=st.lists(st.sampled_from(Lobe), max_size=5, unique=True).map(tuple),
    size_mm=st.none() | st.floats(0.001, 600),
    volume_ml=st.none() | st.floats(0, 1e5),
    centre=st.none() | st.tuples(MM, MM, MM),
    box=st.none() | st.tuples(PAIR, PAIR, PAIR),
    label=st.integers(0, 3),
    comment=ANY,
)
SENTENCE = st.builds(
    ReportSentence, part=st.sampled_from(Part), text=ANY, findings=st.lists(ANY, max_size=2)
)
TEXT = st.builds(Text, en=ANY, zh=ANY)
DOCUMENT = st.builds(
    ReportDocument,
    language=st.sampled_from(["en", "zh"]),
    study_uid=ANY,
    series_uid=ANY,
    sentences=st.lists(SENTENCE, max_size=5).map(tuple),
    findings=st.lists(FINDING, max_size=4, unique_by=lambda each: each.id).map(tuple),
    warnings=st.lists(TEXT, max_size=2).map(tuple),
    not_assessed=st.lists(TEXT, max_size=2).map(tuple),
    model=st.none()
    | st.builds(ModelCredit, name=ANY, version=st.integers(0, 9), sha256=ANY, trained_on=TEXT),
)
IDENTITY = st.builds(
    OutputIdentity,
    study_uid=st.just("1.2.3"),
    series_uid=st.just("1.2.4"),
    patient_name=ANY,
    patient_id=ANY,
    birth_date=st.none() | st.dates(date(1800, 1, 1), date(2100, 1, 1)),
    sex=st.sampled_from(["M", "F", "O", "", "?"]),
    accession=ANY,
    referring_physician=ANY,
    institution=ANY,
    study_id=ANY,
    study_date=st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
)
FEW = settings(
    max_examples=5, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large,
                           HealthCheck.function_scoped_fixture],
)  # fmt: skip


def signed(of: ReportDocument, name: str, meaning: Text) -> Edition:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    signature = Signature(
        name=name, meaning=meaning, signed_at=at, content_hash=of.content_hash(), version=1
    )
    return Edition(
        document=of, state=ReportState.SIGNED, version=1, made_at=at, signature=signature
    )


@FEW
@given(of=DOCUMENT, about=IDENTITY, name=ANY, meaning=TEXT)
def test_the_sr_of_any_report_is_valid(
    of: ReportDocument, about: OutputIdentity, name: str, meaning: Text, made: Made,
    tmp_path: Path,
) -> None:  # fmt: skip
    content = sr(signed(of, name, meaning), about, made.scan, made.masks)
    assert dciodvfy(content, tmp_path) == []
    dsrdump(content, tmp_path)


@FEW
@given(of=DOCUMENT, about=IDENTITY)
def test_the_seg_of_any_report_is_valid_or_refused(
    of: ReportDocument, about: OutputIdentity, made: Made, tmp_path: Path
) -> None:
    if not segments_of(of, made.scan, made.masks):
        with pytest.raises(InputRefused, match="nothing to segment"):
            seg(edition(of), about, made.scan, made.masks)
        return
    content = seg(edition(of), about, made.scan, made.masks)
    assert dciodvfy(content, tmp_path) == []
    pydicom.dcmread(io.BytesIO(content))


@FEW
@given(of=DOCUMENT, about=IDENTITY, name=ANY, meaning=TEXT)
def test_the_fhir_of_any_report_is_valid(
    of: ReportDocument, about: OutputIdentity, name: str, meaning: Text
) -> None:
    report = fhir(signed(of, name, meaning), about)
    DiagnosticReport.model_validate(report)
    assert json.loads(json.dumps(report).encode()) == report


@FEW
@given(of=DOCUMENT, about=IDENTITY, name=ANY, meaning=TEXT)
def test_the_pdf_of_any_report_can_be_read(
    of: ReportDocument, about: OutputIdentity, name: str, meaning: Text, made: Made
) -> None:
    content = pdf(signed(of, name, meaning), about, made.volume, made.masks)
    pages = PdfReader(io.BytesIO(content)).pages
    notice = "仅供研究使用" if of.language == "zh" else "Research use"
    assert all(notice in page.extract_text() for page in pages)


def test_sixty_findings_are_told_by_every_output(made: Made, tmp_path: Path) -> None:
    nodule = document().findings[0]
    of = document(
        findings=[
            nodule.model_copy(update={"id": f"lung_nodule.{at}", "label": at % 2})
            for at in range(1, 61)
        ]
    )
    told = edition(of)
    report = sr(told, made.identity, made.scan, made.masks)
    assert dciodvfy(report, tmp_path) == []
    assert "lung_nodule.60" in dsrdump(report, tmp_path)
    segments = pydicom.dcmread(
        io.BytesIO(seg(told, made.identity, made.scan, made.masks))
    ).SegmentSequence
    assert len(segments) == 30
    resource = fhir(told, made.identity)
    DiagnosticReport.model_validate(resource)
    assert len(resource["result"]) == 60
    assert pdf(told, made.identity, made.volume, made.masks).startswith(b"%PDF")


def test_a_report_without_findings_is_told_by_every_output_but_the_seg(
    made: Made, tmp_path: Path
) -> None:
    told = edition(document(findings=()))
    report = sr(told, made.identity, made.scan, made.masks)
    assert dciodvfy(report, tmp_path) == []
    assert "There is a 30 mm nodule" in dsrdump(report, tmp_path)
    DiagnosticReport.model_validate(fhir(told, made.identity))
    assert pdf(told, made.identity, made.volume).startswith(b"%PDF")


def test_too_much_and_two_of_an_id_are_refused(made: Made) -> None:
    finding = document().findings[0]
    for findings, code in (
        ([finding, finding], "finding_id_twice"),
        ([finding.model_copy(update={"id": str(at)}) for at in range(201)], "report_too_long"),
    ):
        with pytest.raises(InputRefused) as refused:
            edition(document(findings=findings))
        assert refused.value.code == code


def test_an_identity_needs_uids() -> None:
    odd: list[Any] = ["", "1.2.x", "../etc", "1" * 65]
    for uid in odd:
        with pytest.raises(InputRefused) as refused:
            identity(study_uid=uid)
        assert refused.value.code == "output_uid"
