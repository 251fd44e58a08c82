"""A case as XML. What does not hold against `case.xsd` never leaves."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from apps.fraud.printing.text import printable
from loupe.contract.runtime.errors import LoupeError

NAMESPACE = "urn:loupe:fraud:case:1"
SCHEMA = Path(__file__).parent / "case.xsd"


class DocumentInvalid(LoupeError):
    """A case cannot be written as the schema wants it."""

    code = "document_invalid"


@cache
def schema() -> etree.XMLSchema:
    """The project's own schema."""
    return etree.XMLSchema(etree.parse(SCHEMA))


def xml(content: Mapping[str, Any], language: str = "en") -> bytes:
    """The document in UTF-8, checked; `language` changes nothing.

    Args:
        content: `apps.fraud.services.exporting.content`.

    Raises:
        DocumentInvalid: it does not hold against the schema; the message says where.
    """
    root = _case(printable(content))
    if not schema().validate(root):
        first = schema().error_log[0]
        raise DocumentInvalid(
            f"The case cannot be written as XML: {first.message} Nothing was downloaded; report "
            "this with the number of the case."
        )
    document: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document


def _case(case: Mapping[str, Any]) -> etree._Element:
    root = etree.Element(
        f"{{{NAMESPACE}}}case",
        nsmap={None: NAMESPACE},
        number=str(case["number"]),
        state=case["state"],
        madeAt=case["made_at"],
        timeZone=case["time_zone"],
    )
    _add(root, "title", case["title"])
    _add(root, "project", case["project"])
    own = (case["currency"], case["digits"])
    _money(root, "amount", case["amount"], *own)
    if case["assignee"]:
        _add(root, "assignee", case["assignee"])
    _add(root, "opened", by=case["opened_by"], at=case["opened_at"])
    if case["closed_at"]:
        _add(root, "closed", at=case["closed_at"], disposition=case["disposition"])
    alerts = _add(root, "alerts")
    for one in case["alerts"]:
        _alert(alerts, one, own)
    transactions = _add(root, "transactions")
    for one in case["transactions"]:
        _transaction(transactions, one, own)
    history = _add(root, "history")
    for one in case["events"]:
        _add(
            history, "event", one["text"], kind=one["kind"], by=one["who"], at=one["at"],
            to=one["to"],
        )  # fmt: skip
    files = _add(root, "files")
    for one in case["files"]:
        _add(files, "file", name=one["name"], sha256=one["sha256"], by=one["who"], at=one["at"])
    return root


def _alert(parent: etree._Element, one: Mapping[str, Any], own: tuple[str, int]) -> None:
    alert = _add(
        parent, "alert", id=str(one["id"]), kind=one["kind"], outcome=one["outcome"],
        score=f"{one['score']:.6f}", raisedAt=one["raised_at"], disposition=one["disposition"],
    )  # fmt: skip
    _add(alert, "entity", one["key"], type=one["type"])
    _money(alert, "amount", one["amount"], *own)
    for reason in one["reasons"]:
        _told(_add(alert, "reason", code=reason["code"]), reason)
    if one["name"]:
        ring = _add(alert, "ring")
        _told(_add(ring, "name"), one["name"])
        _money(ring, "moved", one["moved"], *own)
        for member in one["members"]:
            _add(ring, "member", member, type=one["payer"])


def _told(parent: etree._Element, words: Mapping[str, str]) -> None:
    _add(parent, "en", words["en"])
    _add(parent, "zh", words["zh"])


def _transaction(parent: etree._Element, one: Mapping[str, Any], own: tuple[str, int]) -> None:
    made = _add(
        parent, "transaction", id=one["id"], alert=str(one["alert"]), at=one["at"],
        outcome=one["outcome"], score=f"{one['score']:.6f}", label=one["truth"],
    )  # fmt: skip
    _money(made, "amount", one["amount"], *own)
    _money(made, "original", one["amount_original"], one["currency"], one["original_digits"])
    for type_, key in one["entities"].items():
        if key:
            _add(made, "entity", key, type=type_)


def _money(parent: etree._Element, name: str, minor: int, currency: str, digits: int) -> None:
    _add(parent, name, str(minor), currency=currency, digits=str(digits))


def _add(parent: etree._Element, name: str, text: str = "", /, **attributes: str) -> etree._Element:
    """A child; attributes that are empty are left out."""
    kept = {key: value for key, value in attributes.items() if value}
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", kept)
    if text:
        child.text = text
    return child
