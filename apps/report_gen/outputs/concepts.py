"""Codes as highdicom takes them, names of what makes the objects, and what its library may log."""

import logging
from typing import Final

from highdicom.sr import CodedConcept, RelationshipTypeValues, TextContentItem

from apps.report_gen.outputs.codes import Coded
from apps.report_gen.outputs.edition import Edition
from apps.report_gen.outputs.wording import dicom_text, plain

MANUFACTURER: Final = "Loupe"
MODEL_NAME: Final = "Loupe report_gen"
SERIAL_NUMBER: Final = "1"
"""Of software there is one; the attribute may not be empty."""


def concept(code: Coded) -> CodedConcept:
    """A code for a content item."""
    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)


def text_item(
    name: Coded,
    value: str,
    relationship: RelationshipTypeValues = RelationshipTypeValues.CONTAINS,
) -> TextContentItem:
    """A text of any length in one line."""
    return TextContentItem(
        name=concept(name), value=plain(value) or "-", relationship_type=relationship
    )


def software(edition: Edition) -> str:
    """The model and its version, or Loupe where nothing was drafted."""
    model = edition.document.model
    return (dicom_text(f"{model.name} {model.version}") if model else "") or MANUFACTURER


def keep_quiet() -> None:
    """highdicom tells each UID that it copies, in the log; UIDs of the original study stay out."""
    logging.getLogger("highdicom").setLevel(logging.WARNING)
