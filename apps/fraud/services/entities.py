"""Entities: found by any identifier, with whom they share devices, cards and addresses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection, models
from django.db.models import Count
from django.utils.translation import gettext as _

from apps.fraud.models import Alert, Entity, EntityLink, ListEntry
from apps.fraud.services import schemes
from apps.fraud.services.entity_index import keeping_up
from apps.fraud.services.naming import LONGEST_KEY, entity_id, storable
from apps.fraud.tables.keys import Hasher
from loupe.host.people import Action, Actor, NotVisible, Project, require, visible

FOUND_AT_ONCE = 50
MOST_SHARED = 40
"""Shared entities shown around a payer; more are counted."""
MOST_USERS = 15
"""Payers shown around one shared entity."""


@dataclass(kw_only=True)
class Neighbourhood:
    """What stands around an entity, two steps wide. `hidden` counts links that were left out."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: list[dict[str, Any]] = field(default_factory=list)
    hidden: int = 0

    def as_json(self, names: Mapping[str, str]) -> dict[str, Any]:
        """For the page's script; `names` says what types are called."""
        return {
            "nodes": list(self.nodes.values()),
            "edges": self.edges,
            "hidden": self.hidden,
            "names": dict(names),
        }


def search(
    actor: Actor, project: Project, text: str, type_: str = "", risky: bool = False
) -> "models.QuerySet[Entity]":
    """Entities whose identifier begins with `text`, of one type where it is named, or the one of
    which only the hash of `text` is kept; without a text those seen last, or those of the highest
    score.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    keeping_up.catch_up(project.pk)
    rows = Entity.objects.filter(project=project)
    if type_:
        rows = rows.filter(type=type_)
    text = storable(text.strip(), LONGEST_KEY)
    if text:
        if (meant := rows.filter(pk__in=hashed_ids(project.pk, text))).exists():
            return meant.order_by("key", "type")
        return beginning(rows, "key", text).order_by("key", "type")
    return rows.order_by("-score", "pk") if risky else rows.order_by("-last_ms", "pk")


def hashed_ids(project_id: UUID, text: str) -> list[UUID]:
    """The ids of what `text` would be called where the project keeps keyed hashes only."""
    scheme = schemes.of(project_id)
    kinds = [entity.key for entity in scheme.entities if entity.hashed and not entity.built_from]
    if not kinds:
        return []
    hasher = Hasher(bytes.fromhex(schemes.hash_key(project_id)))
    word = np.array([text])
    return [entity_id(project_id, kind, str(hasher.hashed(kind, word)[0])) for kind in kinds]


def beginning(rows: "models.QuerySet[Any]", column: str, text: str) -> "models.QuerySet[Any]":
    """Rows whose `column` begins with `text`, from an index on both databases."""
    if connection.vendor == "sqlite":
        # LIKE of SQLite uses no such index; a range of the same meaning does.
        return rows.filter(**{f"{column}__gte": text, f"{column}__lt": text + "\U0010ffff"})
    return rows.filter(**{f"{column}__startswith": text})


def find(actor: Actor, project: Project, type_: str, key: str) -> Entity:
    """One entity, also by what it was called before only its hash was kept.

    Raises:
        NotVisible: no transaction named it.
    """
    wanted = entity_id(project.pk, type_, key)
    keeping_up.catch_up(project.pk)
    rows = visible(Entity.objects.filter(project=project, type=type_), actor)
    found = rows.filter(pk=wanted).first()
    if found is None:
        found = rows.filter(pk__in=hashed_ids(project.pk, key)).first()
    if found is None:
        raise NotVisible(
            _("No transaction of this project names %(type)s %(key)r.")
            % {"type": type_[:30], "key": key[:80]}
        )
    return found


def alerts_of(entity: Entity) -> "models.QuerySet[Alert]":
    """The alerts on it, newest first."""
    rows = Alert.objects.filter(project=entity.project_id, entity=entity.pk)
    return rows.select_related("case", "assignee").order_by("-pk")


def lists_of(entity: Entity) -> "models.QuerySet[ListEntry]":
    """Where it stands on a list now."""
    rows = ListEntry.objects.filter(entity=entity.pk, removed_at=None)
    return rows.filter(list__project=entity.project_id).select_related("list").order_by("-pk")


def neighbourhood(entity: Entity) -> Neighbourhood:
    """The entity, what it shares, and who else uses that: at most `MOST_SHARED` × `MOST_USERS`
    links, five queries whatever the degree."""
    found = Neighbourhood()
    _node(found, entity, "self")
    links = list(
        EntityLink.objects.filter(models.Q(payer=entity) | models.Q(other=entity))
        .select_related("payer", "other")
        .order_by("-last_ms", "pk")[: MOST_SHARED + 1]
    )
    if len(links) > MOST_SHARED:
        together = EntityLink.objects.filter(models.Q(payer=entity) | models.Q(other=entity))
        found.hidden += together.count() - MOST_SHARED
        links = links[:MOST_SHARED]
    shared = []
    for link in links:
        away = link.other if link.payer_id == entity.pk else link.payer
        _node(found, away, "near")
        _edge(found, link)
        if link.payer_id == entity.pk:
            shared.append(away.pk)
    degrees = dict(
        EntityLink.objects.filter(other__in=shared)
        .values_list("other")
        .annotate(n=Count("pk"))
        .order_by()
    )
    second = (
        EntityLink.objects.filter(other__in=shared)
        .exclude(payer=entity)
        .select_related("payer", "other")
        .order_by("-last_ms", "pk")[: MOST_SHARED * MOST_USERS // 4]
    )
    drawn: dict[Any, int] = {}
    for link in second:
        drawn[link.other_id] = drawn.get(link.other_id, 0) + 1
        if drawn[link.other_id] <= MOST_USERS:
            _node(found, link.payer, "far")
            _edge(found, link)
    for other, degree in degrees.items():
        found.nodes[str(other)]["payers"] = degree
        found.hidden += max(0, degree - 1 - min(drawn.get(other, 0), MOST_USERS))
    _mark_alerts(entity, found)
    return found


def _node(found: Neighbourhood, entity: Entity, place: str) -> None:
    found.nodes.setdefault(
        str(entity.pk),
        {
            "id": str(entity.pk),
            "type": entity.type,
            "key": entity.key,
            "count": entity.count,
            "flagged": entity.flagged,
            "score": round(entity.score, 3),
            "place": place,
            "alerted": False,
        },
    )


def _edge(found: Neighbourhood, link: EntityLink) -> None:
    found.edges.append({"from": str(link.payer_id), "to": str(link.other_id), "count": link.count})


def _mark_alerts(entity: Entity, found: Neighbourhood) -> None:
    open_ones = Alert.objects.filter(project=entity.project_id, entity__in=list(found.nodes))
    for pk in open_ones.exclude(state="closed").values_list("entity", flat=True):
        found.nodes[str(pk)]["alerted"] = True
