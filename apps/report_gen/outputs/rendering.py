"""One function for each form that a report leaves in.

Each takes an `Edition` (document, state, version, time, signature), the `OutputIdentity` that it is
filed under, and what it needs of the scan. Each refuses what it cannot say, with a code.
"""

from typing import Any

from apps.report_gen.outputs.edition import Edition, OutputIdentity
from apps.report_gen.outputs.fhir.report import diagnostic_report
from apps.report_gen.outputs.masks import Masks
from apps.report_gen.outputs.paper.key_images import key_images
from apps.report_gen.outputs.paper.pdf import report_pdf
from apps.report_gen.outputs.scan import Scan
from apps.report_gen.outputs.segmentation import segmentation
from apps.report_gen.outputs.structured_report import structured_report
from apps.report_gen.volume import Volume


def sr(edition: Edition, identity: OutputIdentity, scan: Scan, masks: Masks | None = None) -> bytes:
    """DICOM SR; give the masks if the segmentation of the same edition goes with it."""
    return structured_report(edition, identity, scan, masks)


def seg(edition: Edition, identity: OutputIdentity, scan: Scan, masks: Masks) -> bytes:
    """DICOM SEG on the grid of the images."""
    return segmentation(edition, identity, scan, masks)


def fhir(
    edition: Edition, identity: OutputIdentity, presented: bytes | None = None
) -> dict[str, Any]:
    """FHIR R4 DiagnosticReport; `presented` is the PDF, if it is to be in there."""
    return diagnostic_report(edition, identity, presented)


def pdf(
    edition: Edition,
    identity: OutputIdentity,
    volume: Volume | None = None,
    masks: Masks | None = None,
) -> bytes:
    """PDF; with the volume it has a picture of each focal finding."""
    pictures = key_images(edition.document, volume, masks) if volume is not None else []
    return report_pdf(edition, identity, pictures)
