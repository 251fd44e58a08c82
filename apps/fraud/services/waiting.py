"""What of the desk waits for a person, for the project's first page."""

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.fraud.models import Alert, Case, Publication
from apps.fraud.models.alerts import AlertKind, AlertState
from loupe.contract.extras import Waits
from loupe.host.people import Action, Actor, Project, can

COUNTED = 1001
"""A count stops here, so that it costs the same with a million rows."""


def waiting(actor: Actor, project: Project) -> list[Waits]:
    """Open alerts, rings apart; one's own open cases; wishes of others to publish."""
    told = []
    desk = reverse("fraud:alerts", args=[project.slug])
    alerts = Alert.objects.filter(project=project, state=AlertState.OPEN)
    for rows, words, url in (
        (
            alerts.exclude(kind=AlertKind.RING),
            _("Alerts that nobody has closed, the riskiest first."),
            f"{desk}?kind=transaction",
        ),
        (
            alerts.filter(kind=AlertKind.RING),
            _("Rings of payers who act together."),
            f"{desk}?kind=ring",
        ),
        (
            Case.objects.filter(project=project, state="open", assignee=actor.user),
            _("Open cases that are yours."),
            f"{reverse('fraud:cases', args=[project.slug])}?mine=yes",
        ),
    ):
        if count := rows[:COUNTED].count():
            told.append(Waits(count=count, words=words, url=url))
    if can(actor, Action.MANAGE_MODELS, project):
        asked = Publication.objects.filter(project=project, state=Publication.State.WAITING)
        if count := asked.exclude(requested_by=actor.user)[:COUNTED].count():
            url = reverse("fraud:publishing", args=[project.slug])
            words = _("Requests to publish that wait for a second person.")
            told.append(Waits(count=count, words=words, url=url))
    return told
