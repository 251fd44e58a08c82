"""A ring as a graph, and as the tables that say the same: who paid whom, what is shared."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.fraud.models import Alert, Entity
from apps.fraud.services.naming import entity_id

PAYS = "pays"
"""The relation of a tie from member to member."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Something that members use together; `uses` counts payments, `amount` is in minor units."""

    type: str
    key: str
    members: int
    uses: int
    amount: int


def drawing(alert: Alert, names: dict[str, str]) -> dict[str, Any]:
    """The graph of a ring's alert, in the form of `entities.Neighbourhood.as_json`.

    Nodes are the entities themselves, so that looking around one adds to what is drawn. Members
    have the place ``member``, what they use ``shared``; edges tell their relation.
    """
    payer = str(alert.ring.get("payer", ""))
    wanted = {(payer, str(member)): "member" for member in sorted(alert.ring.get("members", ()))}
    edges = []
    for tie in alert.ring.get("ties", ()):
        paid = tie["relation"] == PAYS
        left, right = (payer, tie["left"]), (payer if paid else tie["relation"], tie["right"])
        wanted.setdefault(left, "member")
        wanted.setdefault(right, "member" if paid else "shared")
        edges.append(
            {
                "from": str(entity_id(alert.project_id, *left)),
                "to": str(entity_id(alert.project_id, *right)),
                "count": max(1, int(tie["count"])),
                "relation": tie["relation"],
                "said": f"{tie['left']} → {tie['right']} · {int(tie['count']):,} ×",
            }
        )
    known = Entity.objects.in_bulk([entity_id(alert.project_id, *one) for one in wanted])
    nodes = [_node(alert.project_id, one, place, known) for one, place in wanted.items()]
    told = {**names, PAYS: _("Payments among members")}
    return {"nodes": nodes, "edges": edges, "hidden": 0, "names": told}


def flows(alert: Alert) -> list[dict[str, Any]]:
    """Who of the ring paid whom, the largest sums first: ``left``, ``right``, ``count``,
    ``amount`` in minor units."""
    return [tie for tie in alert.ring.get("ties", ()) if tie["relation"] == PAYS]


def shared(alert: Alert) -> list[Shared]:
    """What members use together, by how many they are."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for tie in alert.ring.get("ties", ()):
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
