"""Masks as DICOM SEG on the grid of the images that were sent, one segment for each finding.

Binary, frames without a voxel left out, every source image referenced.
"""

import tempfile
from typing import Any, Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from apps.report_gen.findings import KINDS, LOBE_NAMES, SIDE_NAMES, Side
from apps.report_gen.outputs.codes import LOBES, SIDES, Coded, finding_code, site_code
from apps.report_gen.outputs.concepts import (
    MANUFACTURER,
    MODEL_NAME,
    SERIAL_NUMBER,
    concept,
    keep_quiet,
    software,
)
from apps.report_gen.outputs.edition import Edition, OutputIdentity, deterministic_uid
from apps.report_gen.outputs.headers import UTF_8, frame_order, source_images
from apps.report_gen.outputs.masks import Masks, Segment, on_images, segments_of
from apps.report_gen.outputs.scan import Scan
from apps.report_gen.outputs.stamping import written
from apps.report_gen.outputs.uids import finding_uid, seg_series_uid, seg_uid
from apps.report_gen.outputs.wording import dicom_text, plain
from apps.report_gen.report import ReportFinding, ReportState
from loupe.contract.runtime.errors import InputRefused

SERIES_NUMBER: Final = 9002
IN_MEMORY: Final = 400_000_000
"""Bytes of masks that are held in memory; more of them lie in a file that has no name."""
ABNORMAL: Final = Coded("SCT", "49755003", "Morphologically Abnormal Structure")


def segmentation(edition: Edition, identity: OutputIdentity, scan: Scan, masks: Masks) -> bytes:
    """The SEG as a file; segments are numbered as `masks.segments_of` says, as the SR has them.

    Raises:
        InputRefused: no finding that is present has a mask on the images, the draft was rejected,
            or the scan has no DICOM images.
    """
    if edition.state is ReportState.REJECTED:
        raise InputRefused(
            "The draft was rejected, and masks of a rejected draft are not sent. Write a report.",
            code="rejected_report",
        )
    keep_quiet()
    segments = segments_of(edition.document, scan, masks)
    if not segments:
        raise InputRefused(
            "No finding of this report is present with a mask on the images, so there is nothing "
            "to segment. Send the SR alone.",
            code="no_segments",
        )
    images = source_images(identity, scan)
    order = frame_order(scan)
    planes = {
        each.number: {at: np.packbits(mask) for at, mask in on_images(each, scan)}
        for each in segments
    }
    touched = sorted({at for masks_of in planes.values() for at in masks_of})
    with tempfile.TemporaryFile() as spill:
        single = len(images) > 1
        used = [at for at in order if at in set(touched)] if single else order
        pixels = _room((len(used), *_size(images[0]), len(segments)), spill)
        for place, at in enumerate(used):
            for each in segments:
                mask = planes[each.number].get(at)
                if mask is not None:
                    size = pixels.shape[1:3]
                    bits = np.unpackbits(mask, count=size[0] * size[1])
                    pixels[place, :, :, each.number - 1] = bits.reshape(size)
        made = Segmentation(
            source_images=[images[at] for at in used] if single else images,
            pixel_array=pixels,
            segmentation_type="BINARY",
            segment_descriptions=[_described(each, edition, identity) for each in segments],
            series_instance_uid=seg_series_uid(identity),
            series_number=SERIES_NUMBER,
            sop_instance_uid=seg_uid(edition, identity),
            instance_number=edition.version,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MODEL_NAME,
            software_versions=software(edition),
            device_serial_number=SERIAL_NUMBER,
            content_label="FINDINGS",
            content_description=dicom_text(edition.document.notice.in_language("en")),
            content_creator_name="Loupe^",
            series_description=dicom_text(edition.document.notice.in_language("en")),
            specific_character_set=UTF_8,
        )
    _reference_all(made, images)
    _dimension(made, edition, identity)
    return written(made, edition)


def _size(image: Dataset) -> tuple[int, int]:
    return int(image.Rows), int(image.Columns)


def _room(shape: tuple[int, ...], spill: Any) -> np.ndarray:
    if int(np.prod(shape, dtype=np.int64)) <= IN_MEMORY:
        return np.zeros(shape, dtype=np.uint8)
    return np.memmap(spill, dtype=np.uint8, mode="w+", shape=shape)


def _described(segment: Segment, edition: Edition, identity: OutputIdentity) -> SegmentDescription:
    finding = segment.finding
    model = edition.document.model
    by_model = finding.origin == "model" and model is not None
    algorithm = None
    if by_model and model is not None:
        algorithm = AlgorithmIdentificationSequence(
            name=dicom_text(model.name) or "-",
            family=CodedConcept("123110", "DCM", "Artificial Intelligence"),
            version=dicom_text(str(model.version)),
            source=MANUFACTURER,
        )
    kind = "MANUAL"
    if algorithm is not None:
        kind = "SEMIAUTOMATIC" if finding.changed else "AUTOMATIC"
    made = SegmentDescription(
        segment_number=segment.number,
        segment_label=dicom_text(label(finding, edition.document.language)),
        segmented_property_category=concept(ABNORMAL),
        segmented_property_type=concept(finding_code(finding.kind)),
        algorithm_type=kind,
        algorithm_identification=algorithm,
        tracking_uid=finding_uid(identity, finding.id),
        tracking_id=dicom_text(finding.id) or "-",
        anatomic_regions=[concept(LOBES[finding.lobes[0]] if len(finding.lobes) == 1 else
                                   site_code(finding.kind))],
    )  # fmt: skip
    if finding.side is not Side.NONE:
        side = Dataset()
        code = SIDES[finding.side]
        side.CodeValue, side.CodingSchemeDesignator, side.CodeMeaning = code[1], code[0], code[2]
        made.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = Items(
            [side]
        )
    return made


def label(finding: ReportFinding, language: str) -> str:
    """What a segment is called: kind, place, id."""
    known = KINDS.get(finding.kind)
    name = known.name.in_language(language) if known else plain(finding.kind) or "-"
    where = [LOBE_NAMES[each].in_language(language) for each in finding.lobes]
    where = where or [SIDE_NAMES[finding.side].in_language(language)]
    separator = "、" if language == "zh" else ", "
    return separator.join([name, *[each for each in where if each], plain(finding.id)])


def _reference_all(made: Segmentation, images: list[Dataset]) -> None:
    """Every image of the series is a source, those without a mask too."""
    series = made.ReferencedSeriesSequence[0]
    series.ReferencedInstanceSequence = Items([_reference(each) for each in images])
    made["SourceImageSequence"].value = Items([_reference(each) for each in images])


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return item


def _dimension(made: Segmentation, edition: Edition, identity: OutputIdentity) -> None:
    """The UID of the dimensions, which is drawn at random else."""
    uid = deterministic_uid("dimensions", identity.study_uid, *edition.key())
    for each in made.DimensionOrganizationSequence:
        each.DimensionOrganizationUID = uid
    for each in made.DimensionIndexSequence:
        each.DimensionOrganizationUID = uid
