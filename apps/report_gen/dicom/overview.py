"""What the DICOM page shows: nodes with counts, studies on their way in, the outbox, grants."""

import uuid
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, QuerySet

from apps.report_gen.dicom import peers
from apps.report_gen.models import (
    Arrival,
    ClinicalObject,
    DicomPeer,
    IdentityGrant,
    ReportReturn,
    Sending,
    SendingState,
    Study,
)
from loupe.host.people import Actor, Project, visible

MOST: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerRow:
    """A node with how many objects of it are kept."""

    peer: DicomPeer
    images: int


def peers_of(actor: Actor, project: Project) -> list[PeerRow]:
    """The project's nodes, by title.

    Raises:
        Denied: the actor may not view the project.
    """
    found = list(peers.of_project(actor, project)[:MOST])
    counts = dict(
        ClinicalObject.objects.filter(sender__in=found)
        .values_list("sender")
        .annotate(count=Count("pk"))
    )
    return [PeerRow(peer=peer, images=counts.get(peer.pk, 0)) for peer in found]


def arriving(actor: Actor, project: Project) -> "QuerySet[Arrival]":
    """Studies that wait for quiet, the next to be complete first."""
    rows = visible(Arrival.objects.filter(study__project=project), actor, "study__project")
    return rows.filter(open=True).select_related("study", "peer").order_by("due_at")[:MOST]


def find_arriving(actor: Actor, project: Project, study_id: uuid.UUID) -> Study | None:
    """A study that waits for quiet; None where there is none that the actor can see."""
    rows = visible(Study.objects.filter(project=project, pk=study_id), actor)
    return rows.filter(arrival__open=True).first()


def sendings(actor: Actor, project: Project) -> "QuerySet[Sending]":
    """What went back or is to go back, newest first."""
    rows = visible(Sending.objects.filter(project=project), actor)
    return rows.select_related("peer", "study").order_by("-created_at")[:MOST]


def given_up(actor: Actor, project: Project) -> int:
    """How many were given up, signed reports whose files could not be made among them."""
    unsent = visible(Sending.objects.filter(project=project), actor)
    unmade = visible(ReportReturn.objects.filter(project=project), actor)
    return sum(rows.filter(state=SendingState.DEAD).count() for rows in (unsent, unmade))


def unmade(actor: Actor, project: Project) -> "QuerySet[ReportReturn]":
    """Signed reports that wait to be made into files, or whose files cannot be made."""
    rows = visible(ReportReturn.objects.filter(project=project), actor)
    rows = rows.exclude(state=SendingState.SENT).select_related("study")
    return rows.order_by("-created_at")[:MOST]


def grants(project: Project) -> "QuerySet[IdentityGrant]":
    """Who may see identities, by name."""
    rows = IdentityGrant.objects.filter(project=project).select_related("user", "granted_by")
    return rows.order_by("user__username")
