"""The alert queue: looking, taking on, and saying what it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.fraud.models import Alert, AlertHit
from apps.fraud.models.alerts import AlertState, Disposition
from apps.fraud.schema import OUTCOMES
from apps.fraud.services import announcing, labels
from apps.fraud.services.entities import beginning
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.services.filters import Chosen
from apps.fraud.services.labels import Said
from apps.fraud.services.people import behind
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible

ORDERS = ("score", "amount", "newest")
STATES = ("open", "in_case", "closed", "all")
MOST = 200
"""Alerts that one action takes."""


@dataclass(frozen=True, kw_only=True)
class Filters(Chosen):
    """Which alerts; without a state the open ones.

    Attributes:
        mine: ``yes`` for one's own, ``nobody`` for those nobody has taken.
        q: the beginning of the identifier of what it is about.
        label: the leading reason.
    """

    state: str = ""
    kind: str = ""
    outcome: str = ""
    mine: str = ""
    label: str = ""
    q: str = ""
    order: str = ""

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "state": STATES,
        "kind": ("transaction", "ring"),
        "outcome": OUTCOMES,
        "mine": ("yes", "nobody"),
        "order": ORDERS,
    }


ORDERING = {
    "score": ("-score", "-pk"),
    "amount": ("-amount", "-pk"),
    "newest": ("-changed_at", "-pk"),
}


def listing(actor: Actor, project: Project, filters: Filters) -> "models.QuerySet[Alert]":
    """The alerts by `filters`, in their order.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = Alert.objects.filter(project=project).select_related("assignee", "case")
    if filters.state != "all":
        rows = rows.filter(state=filters.state or AlertState.OPEN)
    for name in ("kind", "outcome", "label"):
        if value := getattr(filters, name):
            rows = rows.filter(**{name: value})
    if filters.mine == "yes":
        rows = rows.filter(assignee=actor.user)
    elif filters.mine == "nobody":
        rows = rows.filter(assignee=None)
    if filters.q:
        rows = beginning(rows, "entity_key", filters.q)
    return rows.order_by(*ORDERING[filters.order or "score"])


def find(actor: Actor, project: Project, alert_id: int) -> Alert:
    """One alert.

    Raises:
        NotVisible: there is none.
    """
    rows = visible(Alert.objects.filter(project=project), actor)
    rows = rows.select_related("project", "case", "assignee")
    found = rows.filter(pk=alert_id).first() if 0 <= alert_id < 2**63 else None
    if found is None:
        raise NotVisible(_("There is no alert %(id)s that you can see.") % {"id": alert_id})
    return found


def find_many(actor: Actor, project: Project, ids: Sequence[int]) -> list[Alert]:
    """Several alerts, in the order of their ids.

    Raises:
        NotVisible: one of them is not there.
        Unusable: none or more than `MOST` are named.
    """
    wanted = sorted({one for one in ids if 0 <= one < 2**63})
    if not 1 <= len(wanted) <= MOST or len(wanted) < len(set(ids)):
        raise Unusable(_("Choose 1 to %(most)s alerts.") % {"most": MOST}, field="alerts")
    rows = visible(Alert.objects.filter(project=project, pk__in=wanted), actor)
    found = list(rows.select_related("project").order_by("pk"))
    if len(found) < len(wanted):
        missing = sorted(set(wanted) - {alert.pk for alert in found})
        raise NotVisible(_("There is no alert %(id)s that you can see.") % {"id": missing[0]})
    return found


def hits_of(alert: Alert, limit: int = 200) -> list[AlertHit]:
    """Its transactions, newest first."""
    return list(AlertHit.objects.filter(alert=alert).order_by("-event_ms", "-pk")[:limit])


@transaction.atomic
def assign(actor: Actor, project: Project, alerts: Sequence[Alert], person: User | None) -> None:
    """Give alerts to a person, or to nobody.

    Raises:
        NotVisible, Denied: the actor may not decide here.
    """
    require(actor, Action.MANAGE_CASES, project)
    ids = [alert.pk for alert in alerts]
    Alert.objects.filter(pk__in=ids, project=project).update(
        assignee=person, changed_at=timezone.now()
    )
    to = person.get_username() if person else ""
    told = {"alerts": ids, "to": to, **behind(actor)}
    record_audit(actor, project, "alerts.assigned", "alerts", told)


@transaction.atomic
def close(
    actor: Actor, project: Project, alerts: Sequence[Alert], disposition: str, note: str = ""
) -> int:
    """Say what open alerts were: each of their transactions gets that label, known now.

    Alerts that are closed already stay as they are; returns how many were closed.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Unusable: there is no such word.
        Taken: an alert belongs to a case, which is closed instead.
    """
    require(actor, Action.MANAGE_CASES, project)
    if disposition not in Disposition.values:
        raise Unusable(
            _("%(word)r is not one of %(known)s.")
            % {"word": disposition[:40], "known": ", ".join(Disposition.values)},
            field="disposition",
        )
    locked = list(
        Alert.objects.select_for_update()
        .filter(pk__in=[alert.pk for alert in alerts], project=project)
        .order_by("pk")
    )
    in_case = next((alert for alert in locked if alert.state == AlertState.IN_CASE), None)
    if in_case is not None:
        raise Taken(
            _("Alert %(id)s belongs to a case: close the case instead.") % {"id": in_case.pk}
        )
    open_ones = [alert for alert in locked if alert.state == AlertState.OPEN]
    settle(actor, project, open_ones, disposition, note)
    if open_ones:
        told = {"alerts": [alert.pk for alert in open_ones], "disposition": disposition}
        told |= {"note": note[:500], **behind(actor)}
        record_audit(actor, project, "alerts.closed", "alerts", told)
    return len(open_ones)


def settle(
    actor: Actor, project: Project, alerts: Sequence[Alert], disposition: str, note: str = "",
    case_id: int | None = None,
) -> None:  # fmt: skip
    """Close alerts and label what they hold; call it inside a transaction, policy asked."""
    now = timezone.now()
    ids = [alert.pk for alert in alerts]
    Alert.objects.filter(pk__in=ids).update(
        state=AlertState.CLOSED,
        disposition=disposition,
        closed_at=now,
        closed_by=actor.label,
        changed_at=now,
    )
    for alert in alerts:
        alert.state, alert.disposition = AlertState.CLOSED, disposition
    names = AlertHit.objects.filter(alert__in=ids).order_by("pk")
    said = [
        Said(transaction=name, label=disposition, known_at=now, note=note)
        for name in names.values_list("transaction", flat=True)
    ]
    source = labels.SYSTEM_DESK if actor.key is not None else labels.ANALYST
    for start in range(0, len(said), labels.MOST):
        part = said[start : start + labels.MOST]
        labels.give(actor, project, part, source=source, case_id=case_id)
    announcing.closed(project, alerts, disposition)


@transaction.atomic
def reopen(actor: Actor, alert: Alert) -> Alert:
    """Take a closed alert up again; its labels stay until another word is said.

    Raises:
        NotVisible, Denied: the actor may not decide here.
        Taken: it is not closed, or the same entity has a newer open alert.
    """
    require(actor, Action.MANAGE_CASES, alert.project)
    newer = Alert.objects.filter(project=alert.project, entity=alert.entity)
    if newer.exclude(state=AlertState.CLOSED).exists():
        raise Taken(_("There is an open alert on this already: go on there."))
    changed = Alert.objects.filter(pk=alert.pk, state=AlertState.CLOSED).update(
        state=AlertState.OPEN,
        case=None,
        disposition="",
        closed_at=None,
        closed_by="",
        changed_at=timezone.now(),
    )
    if not changed:
        raise Taken(_("This alert is open."))
    record_audit(actor, alert.project, "alert.reopened", f"alert:{alert.pk}", behind(actor))
    alert.refresh_from_db()
    return alert


def counts(project: Project, user: User | None) -> dict[str, int]:
    """How much waits: for the queue's head. One query."""
    rows = Alert.objects.filter(project=project, state=AlertState.OPEN)
    found = rows.aggregate(
        open=models.Count("pk"),
        mine=models.Count("pk", filter=models.Q(assignee=user)),
        nobody=models.Count("pk", filter=models.Q(assignee=None)),
        amount=models.Sum("amount"),
    )
    return {key: value or 0 for key, value in found.items()}
