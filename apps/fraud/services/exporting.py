"""A case as a document: everything that is known of it, gathered once for every form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.fraud.models import AlertHit, Case
from apps.fraud.models.alerts import AlertKind
from apps.fraud.money import DIGITS
from apps.fraud.rings.words import ring_name
from apps.fraud.scheme import Scheme
from apps.fraud.services import labels, schemes
from apps.fraud.services.errors import Unusable
from loupe.contract.runtime.steps import load
from loupe.host.people import Action, Actor, record_audit, require

FORMS: Mapping[str, tuple[str, str]] = {
    "pdf": ("application/pdf", "apps.fraud.printing.pdf:pdf"),
    "xml": ("application/xml", "apps.fraud.printing.xml:xml"),
}
"""Media type, and the function ``(content, language) -> bytes``; named by text because it loads
large libraries."""
MOST_TRANSACTIONS = 5_000


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file to download."""

    name: str
    media_type: str
    data: bytes


def export(actor: Actor, case: Case, form: str, language: str) -> Document:
    """The case as ``pdf`` or ``xml``.

    Raises:
        NotVisible, Denied: the actor may not take data out.
        Unusable: there is no such form, or the case is too large for a document.
    """
    require(actor, Action.EXPORT, case.project)
    if form not in FORMS:
        raise Unusable(_("A case is exported as pdf or xml."), field="form")
    media_type, made_by = FORMS[form]
    data: bytes = load(made_by)(content(case), language)
    record_audit(
        actor, case.project, "case.exported", f"case:{case.pk}", {"form": form, "bytes": len(data)}
    )
    name = f"{case.project.slug}-case-{case.number}.{form}"
    return Document(name=name, media_type=media_type, data=data)


def content(case: Case) -> dict[str, Any]:
    """Everything that is known of a case, as plain JSON. Times are ISO 8601 with the project's
    offset, money is in minor units.

    Raises:
        Unusable: it has more than `MOST_TRANSACTIONS` transactions.
    """
    zone = ZoneInfo(case.project.time_zone)
    scheme = schemes.of(case.project_id)
    hits = list(
        AlertHit.objects.filter(alert__case=case).order_by("event_ms", "pk")[
            : MOST_TRANSACTIONS + 1
        ]
    )
    if len(hits) > MOST_TRANSACTIONS:
        raise Unusable(
            _("A document holds at most %(most)s transactions; export the results as a table.")
            % {"most": MOST_TRANSACTIONS}
        )
    said = labels.of_transactions(case.project, [hit.transaction for hit in hits])
    return {
        "number": case.number,
        "title": case.title,
        "project": case.project.slug,
        "project_name": case.project.name,
        "time_zone": case.project.time_zone,
        "state": case.state,
        "disposition": case.disposition,
        "assignee": case.assignee.get_username() if case.assignee else "",
        "opened_by": case.opened_by,
        "opened_at": _iso(case.opened_at, zone),
        "closed_at": _iso(case.closed_at, zone),
        "made_at": _iso(timezone.now(), zone),
        "currency": scheme.currency,
        "digits": DIGITS.get(scheme.currency, 2),
        "amount": case.amount,
        "kinds": {one.key: {"en": one.en, "zh": one.zh} for one in scheme.entities},
        "alerts": [
            {
                "id": alert.pk,
                "kind": alert.kind,
                "type": alert.entity_type,
                "key": alert.entity_key,
                "name": ring_name(alert.ring, scheme) if alert.kind == AlertKind.RING else None,
                "payer": alert.ring.get("payer", ""),
                "members": sorted(alert.ring.get("members", ())),
                "moved": int(alert.ring.get("moved") or 0),
                "outcome": alert.outcome,
                "score": round(alert.score, 6),
                "amount": alert.amount,
                "hits": alert.hits,
                "reasons": alert.reasons,
                "raised_at": _iso(alert.raised_at, zone),
                "disposition": alert.disposition,
            }
            for alert in case.alerts.order_by("-score", "pk")
        ],
        "transactions": [
            {
                "id": hit.transaction,
                "alert": hit.alert_id,
                "at": _moment(hit.event_ms, zone),
                "amount": hit.amount,
                "amount_original": hit.amount_original,
                "currency": hit.currency,
                "original_digits": DIGITS.get(hit.currency, 2),
                "outcome": hit.outcome,
                "score": round(hit.score, 6),
                "truth": said[hit.transaction].label if hit.transaction in said else "",
                "entities": _in_order(hit.entities, scheme),
            }
            for hit in hits
        ],
        "events": [
            {
                "kind": event.kind,
                "words": str(event.get_kind_display()),
                "who": event.who,
                "at": _iso(event.at, zone),
                "text": event.text,
                "to": event.data.get("to", ""),
            }
            for event in case.events.order_by("pk")
        ],
        "files": [
            {"name": file.name, "sha256": file.blob_id, "who": file.who, "at": _iso(file.at, zone)}
            for file in case.attachments.order_by("pk")
        ],
    }


def _in_order(entities: dict[str, str], scheme: Scheme) -> dict[str, str]:
    """As the scheme declares them; types that it has no longer stand behind."""
    declared = {one.key: entities[one.key] for one in scheme.entities if one.key in entities}
    return declared | entities


def _iso(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds") if at else ""


def _moment(ms: int, zone: ZoneInfo) -> str:
    try:
        at = datetime.fromtimestamp(ms / 1000, tz=UTC)
        return at.astimezone(zone).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return ""
