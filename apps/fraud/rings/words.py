"""What a ring is called: who its members are, and what they share or do with each other."""

from collections.abc import Mapping
from typing import Any

from apps.fraud.explaining.phrases import apart
from apps.fraud.scheme import EntityType, Scheme

PAYS = "pays"
"""The relation of a tie from payer to payer."""
NAMED = 2
"""Kinds of shared things that a name tells."""


def counted(noun: str, count: int) -> str:
    """The English name of an entity inside a sentence: small, unless it is an abbreviation."""
    word = noun if noun[1:2].isupper() else noun[:1].lower() + noun[1:]
    if count == 1:
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def ring_name(ring: Mapping[str, Any], scheme: Scheme) -> dict[str, str]:
    """The name of a ring by language, ``en`` and ``zh``: "5 customers share 2 devices".

    Args:
        ring: ``payer``, ``members`` and ``ties`` (``relation``, ``left``, ``right``), as alerts
            keep them.
        scheme: that says what types are called; an unknown one is called by its key.
    """
    members, payer = len(ring.get("members", ())), _type(str(ring.get("payer", "")), scheme)
    en, zh = f"{members:,} {counted(payer.en, members)}", f"{members:,} 个{apart(payer.zh)}"
    things = _shared(ring)
    if things:
        kinds = [(_type(key, scheme), users) for key, users in things[:NAMED]]
        all_of_them = len({one for _key, users in things[:1] for one in _users(users)}) >= members
        told_en = " and ".join(_told(kind, users) for kind, users in kinds)
        told_zh = "和".join(f" {len(users):,} 个{apart(kind.zh)}" for kind, users in kinds)
        if all_of_them:
            return {"en": f"{en} share {told_en}", "zh": f"{zh}共用{told_zh}"}
        return {"en": f"{en} around {told_en}", "zh": f"围绕{told_zh}的 {zh}"}
    if any(tie["relation"] == PAYS for tie in ring.get("ties", ())):
        return {"en": f"{en} pay each other", "zh": f"{zh}相互转账"}
    return {"en": f"{en} act together", "zh": f"{zh}共同行动"}


def _shared(ring: Mapping[str, Any]) -> list[tuple[str, dict[str, set[str]]]]:
    """Types of shared things, those that tie most members first: by thing, its members."""
    found: dict[str, dict[str, set[str]]] = {}
    for tie in ring.get("ties", ()):
        if tie["relation"] != PAYS:
            found.setdefault(tie["relation"], {}).setdefault(tie["right"], set()).add(tie["left"])
    shared = {
        key: {thing: users for thing, users in things.items() if len(users) > 1}
        for key, things in found.items()
    }
    there = [(key, things) for key, things in shared.items() if things]
    return sorted(there, key=lambda one: (-len(_users(one[1])), len(one[1]), one[0]))


def _users(things: Mapping[str, set[str]]) -> set[str]:
    return {user for users in things.values() for user in users}


def _told(kind: EntityType, things: Mapping[str, set[str]]) -> str:
    return f"{len(things):,} {counted(kind.en, len(things))}"


def _type(key: str, scheme: Scheme) -> EntityType:
    found = next((entity for entity in scheme.entities if entity.key == key), None)
    if found is not None:
        return found
    return EntityType.model_construct(key=key, en=key or "member", zh=key or "成员", role="trait")
