"""Findings as measurement groups of template 1500: each with its ids, place, measures and state."""

from typing import Any, Final

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    FindingSite,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumeSurface,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.uid import SegmentationStorage

from apps.report_gen.findings import Side
from apps.report_gen.outputs.codes import (
    CERTAINTY,
    DICOM_LOBES,
    LONG_AXIS,
    PRESENCE,
    SIDES,
    STATES,
    VOLUME,
    Coded,
    finding_code,
    site_code,
)
from apps.report_gen.outputs.concepts import concept, text_item
from apps.report_gen.outputs.edition import Edition, OutputIdentity
from apps.report_gen.outputs.masks import Segment
from apps.report_gen.outputs.scan import Floats, Scan
from apps.report_gen.outputs.uids import finding_uid, seg_uid
from apps.report_gen.outputs.wording import plain
from apps.report_gen.report import Origin, ReportFinding

MILLIMETRE: Final = Coded("UCUM", "mm", "millimeter")
MILLILITRE: Final = Coded("UCUM", "ml", "milliliter")
PERCENT: Final = Coded("UCUM", "%", "Percent")
COMMENT: Final = Coded("DCM", "121106", "Comment")
LEAST_HALF_AXIS: Final = 0.5
"""mm; an ellipsoid has no axis without length."""

Group = MeasurementsAndQualitativeEvaluations | VolumetricROIMeasurementsAndQualitativeEvaluations


def group(
    finding: ReportFinding,
    edition: Edition,
    identity: OutputIdentity,
    scan: Scan,
    segment: Segment | None,
) -> Group:
    """The group of one finding; its place by its segment, else by its box or centre, if known."""
    told: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(
            uid=finding_uid(identity, finding.id), identifier=plain(finding.id, 64) or "-"
        ),
        "finding_type": concept(finding_code(finding.kind)),
        "finding_sites": _sites(finding),
        "algorithm_id": _algorithm(finding, edition),
        "measurements": _measurements(finding),
        "qualitative_evaluations": [
            QualitativeEvaluation(name=concept(PRESENCE), value=concept(STATES[finding.state]))
        ],
    }
    series = SourceSeriesForSegmentation(identity.series_uid)
    made: Group
    if segment is not None:
        made = VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=ReferencedSegment(
                sop_class_uid=SegmentationStorage,
                sop_instance_uid=seg_uid(edition, identity),
                segment_number=segment.number,
                source_series=series,
            ),
            **told,
        )
    elif finding.centre is not None or finding.box is not None:
        kind, points = surface(finding, scan)
        made = VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_volume_surface=VolumeSurface(
                graphic_type=kind,
                graphic_data=points,
                frame_of_reference_uid=identity.frame_of_reference(),
                source_series=series,
            ),
            **told,
        )
    else:
        made = MeasurementsAndQualitativeEvaluations(**told)
    if plain(finding.comment):
        made[0].ContentSequence.append(text_item(COMMENT, finding.comment))
    return made


def _algorithm(finding: ReportFinding, edition: Edition) -> AlgorithmIdentification | None:
    """The model, where the finding is as it said."""
    model = edition.document.model
    if model is None or finding.origin is not Origin.MODEL or finding.changed:
        return None
    return AlgorithmIdentification(
        name=plain(model.name, 64) or "-",
        version=f"{model.version}, SHA-256 {plain(model.sha256, 64)}",
    )


def surface(finding: ReportFinding, scan: Scan) -> tuple[str, Floats]:
    """Where a finding without a mask is: an ellipsoid within its box, else a point. LPS mm."""
    if finding.box is None:
        centre = finding.centre or (0.0, 0.0, 0.0)
        return "POINT", scan.to_patient(centre)[None]
    middle = [(low + high) / 2 for low, high in finding.box]
    ends = []
    for axis, (low, high) in enumerate(finding.box):
        half = max(abs(high - low) / 2, LEAST_HALF_AXIS)
        for sign in (-1, 1):
            end = list(middle)
            end[axis] += sign * half
            ends.append(scan.to_patient((end[0], end[1], end[2])))
    return "ELLIPSOID", np.stack(ends)


def _sites(finding: ReportFinding) -> list[FindingSite]:
    if finding.lobes:
        made = []
        for lobe in finding.lobes:
            code, side = DICOM_LOBES[lobe]
            made.append(
                FindingSite(
                    anatomic_location=concept(code),
                    laterality=None if side is None else concept(SIDES[side]),
                )
            )
        return made
    side = finding.side
    return [
        FindingSite(
            anatomic_location=concept(site_code(finding.kind)),
            laterality=None if side is Side.NONE else concept(SIDES[side]),
        )
    ]


def _measurements(finding: ReportFinding) -> list[Measurement] | None:
    told = (
        (LONG_AXIS, finding.size_mm, MILLIMETRE, 1.0),
        (VOLUME, finding.volume_ml, MILLILITRE, 1.0),
        (CERTAINTY, finding.probability, PERCENT, 100.0),
    )
    made = [
        Measurement(name=concept(name), value=round(value * scale, 4), unit=concept(unit))
        for name, value, unit, scale in told
        if value is not None and np.isfinite(value)
    ]
    return made or None
