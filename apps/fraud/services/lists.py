"""Lists: who is watched, let through or blocked, and who is left alone for a while."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.fraud.features.catalogue import LISTS
from apps.fraud.models import Alert, Entity, List, ListEntry
from apps.fraud.models.lists import ListKind
from apps.fraud.scheme import EntityType
from apps.fraud.services import schemes
from apps.fraud.services.entities import beginning
from apps.fraud.services.entity_index import keeping_up
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.services.naming import LONGEST_KEY, entity_id, required
from apps.fraud.services.outbox import tell
from apps.fraud.services.people import behind
from apps.fraud.tables.keys import Hasher
from apps.fraud.tables.raw import Raw
from apps.fraud.tables.words import read_words
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible

LONGEST_SNOOZE = timedelta(days=90)
LATEST_END = datetime(2100, 1, 1, tzinfo=UTC)
"""Live state knows no later times."""
KEYS = tuple(key for key in ListKind.values if key in LISTS)
"""Those that features know of."""


def all_of(actor: Actor, project: Project) -> list[List]:
    """The project's lists; they are there from the first look on.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    there = {one.key: one for one in List.objects.filter(project=project)}
    missing = [List(project=project, key=key, kind=key) for key in KEYS if key not in there]
    if missing:
        List.objects.bulk_create(missing, ignore_conflicts=True)
        there = {one.key: one for one in List.objects.filter(project=project)}
    return [there[key] for key in KEYS]


def find(actor: Actor, project: Project, key: str) -> List:
    """One list.

    Raises:
        NotVisible: there is none called so.
    """
    found = next((one for one in all_of(actor, project) if one.key == key), None)
    if found is None:
        raise NotVisible(
            _("There is no list %(key)r; there are %(known)s.")
            % {"key": key[:40], "known": ", ".join(KEYS)}
        )
    return found


def entries(chosen: List, *, q: str = "", past: bool = False) -> "models.QuerySet[ListEntry]":
    """Who is on it, newest first; `past`: who was, taken off or expired. Ask the policy before."""
    now = timezone.now()
    over = models.Q(removed_at__isnull=False) | models.Q(expires_at__lte=now)
    rows = ListEntry.objects.filter(list=chosen)
    rows = rows.filter(over) if past else rows.exclude(over)
    if q:
        rows = beginning(rows, "entity_key", q)
    return rows.order_by("-pk")


def counts(project: Project) -> dict[str, int]:
    """How many stand on each list now."""
    now = timezone.now()
    rows = ListEntry.objects.filter(list__project=project, removed_at=None).exclude(
        expires_at__lte=now
    )
    return dict(rows.values_list("list__key").annotate(n=models.Count("pk")).order_by())


def add(
    actor: Actor, chosen: List, *, type_: str, key: str, reason: str,
    expires_at: datetime | None = None,
) -> ListEntry:  # fmt: skip
    """Put an entity on a list. A snooze always expires, `LONGEST_SNOOZE` from now at the latest.
    Where the project keeps hashes of such identifiers, the entry keeps the hash of `key`.

    Raises:
        NotVisible, Denied: people need to be reviewers, for the allow list engineers; keys need
            the scope ``manage_cases`` or ``manage_models``, for the allow list ``manage_models``.
        Unusable: the type is not declared, a text is empty, no transaction can have the key, or the
            time has passed or lies after 2099.
        Taken: it stands on the list.
    """
    _may(actor, chosen)
    declared = {entity.key: entity for entity in schemes.of(chosen.project_id).entities}
    if type_ not in declared:
        raise Unusable(
            _("type=%(type)r is not one of %(known)s.")
            % {"type": type_[:40], "known": ", ".join(declared)},
            field="type",
        )
    key, reason = required(key, "key", LONGEST_KEY), required(reason, "reason", 300)
    key = _kept(chosen.project_id, declared[type_], key)
    now = timezone.now()
    if expires_at is not None and expires_at <= now:
        raise Unusable(_("It expires in the past: choose a later time."), field="expires_at")
    if expires_at is not None and expires_at >= LATEST_END:
        raise Unusable(
            _("It expires after 2099: choose an earlier time, or none."), field="expires_at"
        )
    if chosen.kind == ListKind.SNOOZE and (
        expires_at is None or expires_at > now + LONGEST_SNOOZE + timedelta(minutes=1)
    ):
        raise Unusable(
            _("A snooze ends within %(days)s days: say when.") % {"days": LONGEST_SNOOZE.days},
            field="expires_at",
        )
    try:
        with transaction.atomic():
            entity = entity_id(chosen.project_id, type_, key)
            ListEntry.objects.filter(
                list=chosen, entity=entity, removed_at=None, expires_at__lte=now
            ).update(removed_at=now, removed_by="expired")
            entry = ListEntry.objects.create(
                list=chosen,
                entity_type=type_,
                entity_key=key,
                entity=entity,
                reason=reason,
                added_by=actor.label,
                user=actor.user,
                added_at=now,
                expires_at=expires_at,
            )
            _tell(chosen, entry, on=True)
            record_audit(
                actor,
                chosen.project,
                "list.added",
                f"list:{chosen.key}",
                {
                    **_named(entry),
                    "reason": reason,
                    "expires_at": _iso(expires_at),
                    **behind(actor),
                },
            )
    except IntegrityError as error:
        raise Taken(
            _("%(key)s stands on this list already.") % {"key": key[:80]}, field="key"
        ) from error
    return entry


@transaction.atomic
def remove(actor: Actor, entry: ListEntry) -> ListEntry:
    """Take an entity off; who did and when stays in the history.

    Raises:
        NotVisible, Denied: as for `add`.
        Taken: it was taken off before.
    """
    _may(actor, entry.list)
    now = timezone.now()
    changed = ListEntry.objects.filter(pk=entry.pk, removed_at=None).update(
        removed_at=now, removed_by=actor.label
    )
    if not changed:
        raise Taken(_("It was taken off before."))
    entry.refresh_from_db()
    _tell(entry.list, entry, on=False)
    told = {**_named(entry), **behind(actor)}
    record_audit(actor, entry.list.project, "list.removed", f"list:{entry.list.key}", told)
    return entry


def entry_of(actor: Actor, project: Project, entry_id: int) -> ListEntry:
    """One entry.

    Raises:
        NotVisible: there is none.
    """
    rows = visible(ListEntry.objects.filter(list__project=project), actor, "list__project")
    rows = rows.select_related("list__project")
    found = rows.filter(pk=entry_id).first() if 0 <= entry_id < 2**63 else None
    if found is None:
        raise NotVisible(_("There is no entry %(id)s that you can see.") % {"id": entry_id})
    return found


def may(actor: Actor, chosen: List) -> Action:
    """What changing the list asks for."""
    loosens = chosen.kind == ListKind.ALLOW
    builds = actor.key is not None and Action.MANAGE_MODELS in actor.key.scopes
    return Action.MANAGE_MODELS if loosens or builds else Action.MANAGE_CASES


def _may(actor: Actor, chosen: List) -> None:
    require(actor, may(actor, chosen), chosen.project)


def _kept(project_id: UUID, entity: EntityType, key: str) -> str:
    """An identifier as transactions of the project carry it: where they carry its keyed hash, the
    hash, unless `key` is the hash of somebody who is known.

    Raises:
        Unusable: it has characters for which a transaction is refused.
    """
    if bool(read_words(Raw(np.array([key]), np.zeros(1, np.bool_)), LONGEST_KEY).control[0]):
        raise Unusable(
            _("key=%(key)r has control characters or invisible marks: leave them out.")
            % {"key": key[:80]},
            field="key",
        )
    if not entity.hashed or entity.built_from:
        return key
    known = entity_id(project_id, entity.key, key)
    keeping_up.catch_up(project_id)
    if (
        Entity.objects.filter(pk=known).exists()
        or Alert.objects.filter(project=project_id, entity=known).exists()
    ):
        return key
    hasher = Hasher(bytes.fromhex(schemes.hash_key(project_id)))
    return str(hasher.hashed(entity.key, np.array([key]))[0])


def _named(entry: ListEntry) -> dict[str, str]:
    return {"type": entry.entity_type, "key": entry.entity_key}


def _tell(chosen: List, entry: ListEntry, *, on: bool) -> None:
    """Live state learns of it, so that rules and features see it from the next transaction on."""
    expires = entry.expires_at
    tell(
        chosen.project,
        "list",
        {
            "list": chosen.key,
            "op": "add" if on else "remove",
            "entity": entry.entity_type,
            "key": entry.entity_key,
            "expires_at": -1 if expires is None else int(expires.timestamp() * 1000),
            "at": int((entry.added_at if on else timezone.now()).timestamp() * 1000),
        },
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
