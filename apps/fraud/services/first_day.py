"""The first day of the demo project: its rings looked for, and a case to work on."""

from django.utils.translation import gettext as _

from apps.fraud.models import Alert, Case
from apps.fraud.models.alerts import AlertKind, AlertState
from apps.fraud.services import cases, ringing
from loupe.host.people import Actor, Project


def prepare(actor: Actor, project: Project) -> None:
    """Look for rings in the samples; the strongest and its members' alerts become a case.

    Without a ring it is the riskiest alert; where there is a case already, nothing is done.
    """
    ringing.refresh(str(project.pk), {})
    if Case.objects.filter(project=project).exists():
        return
    open_ones = Alert.objects.filter(project=project, state=AlertState.OPEN)
    first = open_ones.filter(kind=AlertKind.RING).order_by("-score").first()
    if first is None:
        first = open_ones.order_by("-score").first()
    if first is None:
        return
    members = first.ring.get("members", ()) if first.kind == AlertKind.RING else ()
    others = open_ones.filter(
        entity_type=first.ring.get("payer", ""), entity_key__in=list(members)
    ).exclude(pk=first.pk)
    case = cases.open_case(actor, project, [first, *others.order_by("pk")])
    cases.note(
        actor,
        case,
        _("An example from the sample payments: look at the graph, say what it was, or export it."),
    )
