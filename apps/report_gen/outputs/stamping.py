"""Times of the report in a DICOM object and not of the moment: equal editions, equal files."""

import io

from highdicom.base import SOPClass
from pydicom.valuerep import DA, DT, TM

from apps.report_gen.outputs.edition import Edition


def written(made: SOPClass, edition: Edition) -> bytes:
    """The object as a file, dated by its edition."""
    at = edition.made_at
    made.ContentDate = made.InstanceCreationDate = DA(at.date())
    made.ContentTime = made.InstanceCreationTime = TM(at.time())
    for each in made.get("ContributingEquipmentSequence", ()):
        each.ContributionDateTime = DT(at)
    if edition.signature is not None:
        for each in made.get("VerifyingObserverSequence", ()):
            each.VerificationDateTime = DT(edition.signature.signed_at)
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
