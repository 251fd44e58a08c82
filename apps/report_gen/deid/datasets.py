"""One data set, de-identified: every element by the profile's table, its type, or not at all.

Sequences are cleaned item by item at every depth. What is kept is looked over once more for words
that name somebody. Raises nothing on damaged elements: what cannot be read is not kept.
"""

from typing import Any, Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from apps.report_gen.deid.identity import Identity
from apps.report_gen.deid.keeping import DEFINED, KEPT, NUMERIC, PIXELS, STRUCTURE, WORDS
from apps.report_gen.deid.profile import ACTIONS
from apps.report_gen.deid.pseudonyms import Pseudonyms
from apps.report_gen.reading.faults import DAMAGE

DEEPEST: Final = 16
"""Sequences in sequences; deeper ones are removed."""

_REPEATED: Final = {0x5000, 0x6000}
"""Curves and overlays: groups 50xx and 60xx, whose pixels may show names."""

_DUMMIES: Final = {
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "AS": "",
    "PN": "Anonymous",
}
_BYTES: Final = {"OB", "OW", "OD", "OF", "OL", "OV", "UN"}
_NUMBERED: Final = {"AccessionNumber", "StudyID"}


def cleaned(dataset: Dataset, pseudonyms: Pseudonyms, identity: Identity) -> Dataset:
    """A new data set without what identifies; pixel data is the same object.

    `identity` holds the words of the study that name somebody (`Identity.learn`).
    """
    result = _cleaned(dataset, pseudonyms, identity, 0)
    known = _text(dataset, "PatientID").strip()
    patient = pseudonyms.patient(
        known or _text(dataset, "PatientName"), _text(dataset, "IssuerOfPatientID")
    )
    result.PatientName = patient
    result.PatientID = patient if known else ""  # no id contradicts none
    result.PatientIdentityRemoved = "YES"
    result.DeidentificationMethod = "PS3.15 Basic Application Confidentiality Profile, by Loupe"
    method = Dataset()
    method.CodeValue = "113100"
    method.CodingSchemeDesignator = "DCM"
    method.CodeMeaning = "Basic Application Confidentiality Profile"
    result.DeidentificationMethodCodeSequence = DicomSequence([method])
    result.LongitudinalTemporalInformationModified = "REMOVED"
    result.SpecificCharacterSet = "ISO_IR 192"
    return result


def _cleaned(dataset: Dataset, pseudonyms: Pseudonyms, identity: Identity, depth: int) -> Dataset:
    result = Dataset()
    for tag in list(dataset.keys()):
        if tag.is_private or (tag.group & 0xFF00) in _REPEATED or tag.group == 0xFFFC:
            continue
        try:
            element = dataset[tag]
            kept = _element(element, pseudonyms, identity, depth)
            if kept is not None:
                result.add(kept)
        except DAMAGE:
            continue
    return result


def _element(
    element: DataElement, pseudonyms: Pseudonyms, identity: Identity, depth: int
) -> DataElement | None:
    """The element as it may stay; None for one that may not."""
    action = ACTIONS.get(element.tag)
    if element.VR == "SQ":
        return _sequence(element, action, pseudonyms, identity, depth)
    if element.VR == "UI":
        return _with(element, _mapped(element.value, pseudonyms))
    if action is not None:
        return _acted(element, action, pseudonyms)
    if element.keyword in PIXELS:
        return element
    if element.VR in NUMERIC:
        return _numbers(element)
    return _words(element, identity) if element.keyword in KEPT else None


def _acted(element: DataElement, action: str, pseudonyms: Pseudonyms) -> DataElement | None:
    """D and X/D keep a dummy, Z an empty element, X none: an object stays what it is."""
    if element.keyword in _NUMBERED and element.value:
        return _with(element, pseudonyms.number(element.keyword, str(element.value)))
    if action == "X":
        return None
    if "D" in action:
        if element.VR in NUMERIC:
            return _with(element, None)
        dummy = _DUMMIES.get(element.VR, b"" if element.VR in _BYTES else "Removed")
        return _with(element, dummy)
    return _with(element, None if element.VR in NUMERIC | _BYTES else "")


def _sequence(
    element: DataElement,
    action: str | None,
    pseudonyms: Pseudonyms,
    identity: Identity,
    depth: int,
) -> DataElement | None:
    wanted = element.keyword in STRUCTURE and action in (None, "X/Z/U*")
    if not wanted or depth >= DEEPEST:
        return None
    items = [_cleaned(item, pseudonyms, identity, depth + 1) for item in element.value]
    return _with(element, DicomSequence(items))


def _mapped(value: Any, pseudonyms: Pseudonyms) -> Any:
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return pseudonyms.uid(value)
    return [pseudonyms.uid(str(each)) for each in value]


def _numbers(element: DataElement) -> DataElement | None:
    """Numbers as numbers: text in a decimal string does not survive."""
    if element.VR not in {"DS", "IS"}:
        return element
    value = element.value
    if value is None or value == "":
        return _with(element, None)
    several = list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
    for each in several:
        float(each)
    return element


def _words(element: DataElement, identity: Identity) -> DataElement | None:
    """Kept texts, plain words none of which names somebody; of several values the others stay."""
    value = element.value
    if isinstance(value, str) or value is None:
        return element if _harmless(value or "", identity) else None
    kept = [str(each) if _harmless(str(each), identity) else "" for each in value]
    return _with(element, kept) if any(kept) else None


def _harmless(value: str, identity: Identity) -> bool:
    if WORDS.match(value) is None:
        return False
    return DEFINED.issuperset(value.split()) or not identity.found_in(value)


def _with(element: DataElement, value: Any) -> DataElement:
    return DataElement(element.tag, element.VR, value)


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        return str(dataset.get(keyword) or "")
    except DAMAGE:
        return ""
