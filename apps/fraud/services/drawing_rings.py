"""A ring as a graph, and as the tables that say the same: who paid whom, what is shared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.fraud.models import Alert, Entity
from apps.fraud.models.alerts import AlertKind
from apps.fraud.rings.words import PAYS
from apps.fraud.services.entity_index import keeping_up
from apps.fraud.services.naming import entity_id

MOST_TIES = 2_000
"""That are drawn together."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Something that members use together; `uses` counts payments, `amount` is in minor units."""

    type: str
    key: str
    members: int
    uses: int
    amount: int


def drawing(alerts: Sequence[Alert], names: dict[str, str]) -> dict[str, Any] | None:
    """The graph of the rings among some alerts, in the form of `entities.Neighbourhood.as_json`.

    Nodes are the entities themselves, so that looking around one adds to what is drawn, and rings
    that have something in common hang together. Members have the place ``member``, what they use
    ``shared``; edges tell their relation. At most `MOST_TIES` are drawn, the others are counted.
    None: there is no ring among them.
    """
    rings = [alert for alert in alerts if alert.kind == AlertKind.RING]
    if not rings:
        return None
    project_id = rings[0].project_id
    wanted: dict[tuple[str, str], str] = {}
    edges: dict[tuple[str, str, str], dict[str, Any]] = {}
    hidden = 0
    for alert in rings:
        payer = str(alert.ring.get("payer", ""))
        for member in sorted(alert.ring.get("members", ())):
            wanted[payer, str(member)] = "member"
        for tie in alert.ring.get("ties", ()):
            edge = _edge(project_id, payer, tie)
            key = edge["from"], edge["to"], edge["relation"]
            if key not in edges and len(edges) >= MOST_TIES:
                hidden += 1
                continue
            edges[key] = edge
            paid = tie["relation"] == PAYS
            wanted.setdefault((payer, tie["left"]), "member")
            other = (payer if paid else tie["relation"], tie["right"])
            wanted.setdefault(other, "member" if paid else "shared")
    keeping_up.catch_up(project_id)
    known = Entity.objects.in_bulk([entity_id(project_id, *one) for one in wanted])
    nodes = [_node(project_id, one, place, known) for one, place in wanted.items()]
    told = {**names, PAYS: _("Payments among members")}
    return {"nodes": nodes, "edges": list(edges.values()), "hidden": hidden, "names": told}


def _edge(project_id: UUID, payer: str, tie: dict[str, Any]) -> dict[str, Any]:
    paid = tie["relation"] == PAYS
    return {
        "from": str(entity_id(project_id, payer, tie["left"])),
        "to": str(entity_id(project_id, payer if paid else tie["relation"], tie["right"])),
        "count": max(1, int(tie["count"])),
        "relation": tie["relation"],
        "said": f"{tie['left']} → {tie['right']} · {int(tie['count']):,} ×",
    }


def flows(alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    """Who of a ring paid whom, the largest sums first: ``left``, ``right``, ``count``, ``amount``
    in minor units, and ``payer``, the type of both."""
    found = [
        {**tie, "payer": str(alert.ring.get("payer", ""))}
        for alert in alerts
        for tie in alert.ring.get("ties", ())
        if tie["relation"] == PAYS
    ]
    return sorted(found, key=lambda tie: (-tie["amount"], tie["left"], tie["right"]))


def shared(alerts: Sequence[Alert]) -> list[Shared]:
    """What members of rings use together, by how many they are."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for tie in (tie for alert in alerts for tie in alert.ring.get("ties", ())):
        if tie["relation"] != PAYS:
            found.setdefault((tie["relation"], tie["right"]), []).append(tie)
    told = [
        Shared(
            type=type_,
            key=key,
            members=len({tie["left"] for tie in ties}),
            uses=sum(int(tie["count"]) for tie in ties),
            amount=sum(int(tie["amount"]) for tie in ties),
        )
        for (type_, key), ties in found.items()
    ]
    return sorted(told, key=lambda one: (-one.members, -one.uses, one.type, one.key))


def _node(
    project_id: UUID, named: tuple[str, str], place: str, known: dict[Any, Entity]
) -> dict[str, Any]:
    type_, key = named
    pk = entity_id(project_id, type_, key)
    entity = known.get(pk)
    return {
        "id": str(pk),
        "type": type_,
        "key": key,
        "count": entity.count if entity else 0,
        "flagged": entity.flagged if entity else 0,
        "score": round(entity.score, 3) if entity else 0,
        "place": place,
        "alerted": False,
    }
