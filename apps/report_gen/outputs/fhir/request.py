"""A FHIR R4 `ServiceRequest` as clinical text: what is asked, why, and what is known.

The input is hostile: its size, depth and number of texts are capped, and nothing in it is followed
or fetched. Identity in it (subject, requester, identifiers) is not read.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from apps.report_gen.outputs.wording import plain
from loupe.contract.runtime.errors import InputRefused

LARGEST: Final = 1_000_000
"""Bytes of a request."""
LONGEST: Final = 4000
"""Characters of each field of the text."""
MOST_TEXTS: Final = 40
DEEPEST: Final = 30
CLOSED: Final = ("revoked", "entered-in-error")


@dataclass(frozen=True, kw_only=True)
class ClinicalText:
    """What a request says: `indication` is what is asked, `reason` why, `history` what is known."""

    indication: str = ""
    reason: str = ""
    history: str = ""

    def text(self) -> str:
        """All of it in one text, as the model and the report take it."""
        return " ".join(each for each in (self.indication, self.reason, self.history) if each)


def clinical_text(request: bytes | dict[str, Any]) -> ClinicalText:
    """The clinical text of a request, as bytes of JSON or as read.

    Raises:
        InputRefused: it is too large, no JSON, no ServiceRequest, or one that was withdrawn.
    """
    resource = _read(request) if isinstance(request, bytes) else request
    _check_depth(resource)
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if kind != "ServiceRequest":
        raise _refused(
            f"resourceType is {str(kind)[:60]!r}; ServiceRequest is needed. Send the request "
            "alone, not in a Bundle."
        )
    if resource.get("status") in CLOSED:
        raise _refused(
            f"The status of the request is {resource['status']}; a request that was withdrawn "
            "is not taken. Send one that is active.",
            "fhir_request_withdrawn",
        )
    asked = [*_concepts(resource.get("code")), *_concepts(resource.get("orderDetail"))]
    why = _concepts(resource.get("reasonCode"))
    known = [*_notes(resource.get("note")), *_texts(resource.get("patientInstruction"))]
    for held in _dicts(resource.get("contained")):
        if held.get("resourceType") == "Condition":
            why += _concepts(held.get("code"))
        elif held.get("resourceType") == "Observation":
            known += _observation(held)
    for each in _dicts(resource.get("supportingInfo")) + _dicts(resource.get("reasonReference")):
        known += _texts(each.get("display"))
    return ClinicalText(indication=_joined(asked), reason=_joined(why), history=_joined(known))


def _read(request: bytes) -> Any:
    if len(request) > LARGEST:
        raise _refused(
            f"The request has {len(request)} bytes; at most {LARGEST} are taken. Send the "
            "ServiceRequest without attachments.",
            "fhir_request_too_large",
        )
    try:
        return json.loads(request)
    except (ValueError, RecursionError) as error:
        raise _refused("The request is not JSON. Send a FHIR R4 ServiceRequest as JSON.") from error


def _refused(message: str, code: str = "fhir_request") -> InputRefused:
    return InputRefused(message, code=code)


def _check_depth(resource: Any) -> None:
    level = [resource]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            for inner in (
                each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
            )
        ]
        if not level:
            return
    raise _refused(
        f"The request is nested more than {DEEPEST} deep. Send a ServiceRequest as FHIR R4 has it."
    )


def _dicts(value: Any) -> list[dict[str, Any]]:
    found = value if isinstance(value, list) else [value]
    return [each for each in found[:MOST_TEXTS] if isinstance(each, dict)]


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else []


def _concepts(value: Any) -> list[str]:
    """The words of concepts: their text, else what their codings are called."""
    made: list[str] = []
    for each in _dicts(value):
        told = _texts(each.get("text"))
        made += told or [
            name
            for coding in _dicts(each.get("coding"))[:1]
            for name in _texts(coding.get("display"))
        ]
    return made


def _notes(value: Any) -> list[str]:
    return [text for each in _dicts(value) for text in _texts(each.get("text"))]


def _observation(held: dict[str, Any]) -> list[str]:
    """A lab line: name, value and unit."""
    value = held.get("valueQuantity")
    told = ""
    if isinstance(value, dict) and isinstance(value.get("value"), int | float):
        unit = value.get("unit")
        told = f"{value['value']:g} {unit if isinstance(unit, str) else ''}".strip()
    told = told or next(iter(_texts(held.get("valueString"))), "")
    return [f"{name} {told}".strip() for name in _concepts(held.get("code"))[:1]]


def _joined(texts: list[str]) -> str:
    def told() -> Iterator[str]:
        seen: set[str] = set()
        for each in texts[:MOST_TEXTS]:
            line = plain(each[:LONGEST])
            if line and line not in seen:
                seen.add(line)
                yield line if line[-1] in ".?!;:。？！；：" else f"{line}."

    return plain(" ".join(told()), LONGEST)
