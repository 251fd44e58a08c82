"""Explanations of alerts: asked for, and looked at. The work itself is in `explanation_work`."""

from django.db import transaction
from django.utils.translation import gettext as _

from apps.fraud.models import Alert, AlertExplanation, AlertHit
from apps.fraud.models.leased import UNENDED, WorkState
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.services.wakeups import wake_explanation
from loupe.contract.blocks import ROW_BITS
from loupe.host.blocks import sessions_of
from loupe.host.people import Action, Actor, NotVisible, record_audit, require

MOST_OPEN = 50
"""Explanations of a project that may wait or be made at the same time."""


def of_alert(actor: Actor, alert: Alert) -> list[AlertExplanation]:
    """What was asked for, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, alert.project)
    rows = AlertExplanation.objects.filter(alert=alert).select_related("version__model")
    return list(rows.order_by("-created_at", "-pk")[:20])


def ask(actor: Actor, alert: Alert, name: str = "") -> AlertExplanation:
    """Have a worker explain a transaction of an alert; what is explained already stays.

    Args:
        name: the transaction; empty: the one of the highest score.

    Raises:
        NotVisible, Denied: the actor may not decide here, or there is no such transaction.
        Unusable: the result is gone, or nobody knows which model scored it.
        Taken: too many explanations are waiting.
    """
    require(actor, Action.MANAGE_CASES, alert.project)
    hit = _hit(alert, name)
    block = (hit.result or 0) >> ROW_BITS
    version = sessions_of("fraud", alert.project_id, [block]).get(block, ("", None))[1]
    if hit.result is None or version is None:
        raise Unusable(
            _(
                "Transaction %(name)r is no longer stored with the model that scored it, so there "
                "is nothing to explain it by. Its reasons stay."
            )
            % {"name": hit.transaction[:80]},
            field="transaction",
        )
    open_ones = AlertExplanation.objects.filter(project=alert.project_id, state__in=UNENDED)
    with transaction.atomic():
        made, new = AlertExplanation.objects.get_or_create(
            alert=alert,
            transaction=hit.transaction,
            version_id=version,
            defaults={
                "project": alert.project,
                "result": hit.result,
                "who": actor.label,
                "created_by": actor.user,
            },
        )
        ended = made.state in (WorkState.FAILED, WorkState.CANCELLED)
        if not (new or ended):
            return made
        if open_ones.count() > MOST_OPEN:
            raise Taken(
                _("%(most)s explanations are waiting: try again in a moment.") % {"most": MOST_OPEN}
            )
        if ended:
            told = {"attempts": 0, "error": "", "error_code": "", "ended_at": None}
            AlertExplanation.objects.filter(pk=made.pk).update(state=WorkState.QUEUED, **told)
            made.refresh_from_db()
        told = {"transaction": hit.transaction}
        record_audit(actor, alert.project, "alert.explained", f"alert:{alert.pk}", told)
        wake_explanation(made.pk)
    return made


def _hit(alert: Alert, name: str) -> AlertHit:
    rows = AlertHit.objects.filter(alert=alert)
    rows = rows.filter(transaction=name) if name else rows
    found = rows.order_by("-score", "-pk").first()
    if found is None:
        raise NotVisible(
            _("There is no transaction %(name)r in this alert.") % {"name": name[:80]}
            if name
            else _("This alert holds no transaction whose score could be explained.")
        )
    return found
