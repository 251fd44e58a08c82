"""A report as DICOM SR: one Comprehensive 3D SR by template 1500, sections of text included.

One object and not two: template 1500 is extensible, so the sections stand in it as containers of
texts (121070 "Findings" and so on), each sentence with the tracking identifiers of the findings it
speaks of; measurements and wording are signed, amended and sent together and cannot part.
"""

from typing import Final

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    LanguageOfContentItemAndDescendants,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage

from apps.report_gen.outputs.codes import CHEST_CT, Coded
from apps.report_gen.outputs.concepts import (
    MANUFACTURER,
    MODEL_NAME,
    SERIAL_NUMBER,
    concept,
    keep_quiet,
    software,
)
from apps.report_gen.outputs.edition import Edition, OutputIdentity, deterministic_uid
from apps.report_gen.outputs.headers import UTF_8, evidence
from apps.report_gen.outputs.masks import Masks, segments_of
from apps.report_gen.outputs.measurement_groups import group
from apps.report_gen.outputs.scan import Scan
from apps.report_gen.outputs.sections import sections
from apps.report_gen.outputs.stamping import written
from apps.report_gen.outputs.uids import seg_series_uid, seg_uid, sr_series_uid, sr_uid
from apps.report_gen.outputs.wording import dicom_name, dicom_text, plain
from apps.report_gen.report import ReportState
from loupe.contract.runtime.errors import InputRefused

SERIES_NUMBER: Final = 9001
TITLE: Final = Coded("DCM", "126000", "Imaging Measurement Report")
LANGUAGES: Final = {
    "en": Coded("RFC5646", "en", "English"),
    "zh": Coded("RFC5646", "zh-CN", "Chinese (simplified)"),
}
IMAGING_MEASUREMENTS: Final = CodedConcept("126010", "DCM", "Imaging Measurements")
NOBODY: Final = "-^"
"""A person's name that holds no character that can be written."""


def structured_report(
    edition: Edition, identity: OutputIdentity, scan: Scan, masks: Masks | None = None
) -> bytes:
    """The SR as a file. With `masks` its findings refer to the segments of the segmentation.

    Raises:
        InputRefused: the draft was rejected, or the scan has no DICOM images.
    """
    if edition.state is ReportState.REJECTED:
        raise InputRefused(
            "The draft was rejected, and a rejected draft is not sent as SR. Write a report, or "
            "use FHIR, which can say that a report was cancelled.",
            code="rejected_report",
        )
    keep_quiet()
    _, sources = scan.images()
    images = evidence(identity, sources)
    segments = {each.finding.id: each for each in segments_of(edition.document, scan, masks)}
    if segments:
        images.append(_segmentation(edition, identity, images[0]))
    report = MeasurementReport(
        observation_context=_context(edition, identity),
        procedure_reported=concept(CHEST_CT),
        imaging_measurements=[
            group(each, edition, identity, scan, segments.get(each.id))
            for each in edition.document.findings
        ]
        or [_placeholder()],
        title=concept(TITLE),
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            concept(LANGUAGES[edition.document.language])
        ),
    )
    told = list(report[0].ContentSequence)
    if not edition.document.findings:
        told = [each for each in told if each.name != IMAGING_MEASUREMENTS]
    report[0].ContentSequence = ContentSequence([*told, *sections(edition)])
    signature = edition.signature
    made = Comprehensive3DSR(
        evidence=images,
        content=report[0],
        series_instance_uid=sr_series_uid(identity),
        series_number=SERIES_NUMBER,
        sop_instance_uid=sr_uid(edition, identity),
        instance_number=edition.version,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=software(edition),
        device_serial_number=SERIAL_NUMBER,
        series_description=dicom_text(edition.document.notice.in_language("en")),
        is_complete=edition.signed,
        is_final=edition.signed,
        is_verified=edition.signed,
        verifying_observer_name=dicom_name(signature.name) or NOBODY if signature else None,
        verifying_organization=dicom_text(identity.institution) or "-",
        previous_versions=_previous(edition, identity),
        specific_character_set=UTF_8,
    )
    return written(made, edition)


def _placeholder() -> MeasurementsAndQualitativeEvaluations:
    """For a report without findings: highdicom asks for a group, which is taken out again."""
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=deterministic_uid("none"), identifier="none")
    )


def _context(edition: Edition, identity: OutputIdentity) -> ObservationContext:
    signature = edition.signature
    person = None
    if signature:
        person = ObserverContext(
            observer_type=CodedConcept("121006", "DCM", "Person"),
            observer_identifying_attributes=PersonObserverIdentifyingAttributes(
                name=dicom_name(signature.name) or NOBODY,
                organization_name=plain(identity.institution, 64) or None,
            ),
        )
    device = ObserverContext(
        observer_type=CodedConcept("121007", "DCM", "Device"),
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=deterministic_uid("device", software(edition)),
            name=software(edition),
            manufacturer_name=MANUFACTURER,
            model_name=MODEL_NAME,
        ),
    )
    return ObservationContext(observer_person_context=person, observer_device_context=device)


def _segmentation(edition: Edition, identity: OutputIdentity, like: Dataset) -> Dataset:
    made = Dataset()
    made.update(like)
    made.SOPClassUID, made.SOPInstanceUID = SegmentationStorage, seg_uid(edition, identity)
    made.SeriesInstanceUID, made.Modality = seg_series_uid(identity), "SEG"
    return made


def _previous(edition: Edition, identity: OutputIdentity) -> list[Dataset] | None:
    if edition.previous is None or not edition.previous.signed:
        return None
    made = Dataset()
    made.SOPClassUID = Comprehensive3DSRStorage
    made.SOPInstanceUID = sr_uid(edition.previous, identity)
    made.StudyInstanceUID = identity.study_uid
    made.SeriesInstanceUID = sr_series_uid(identity)
    return [made]
