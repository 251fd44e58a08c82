"""API keys: made, shown once, checked on every call, revoked.

`authenticate` remembers a checked key for a few seconds, so a burst of calls costs one database
query; revocation and expiry act at once in the process that did it and within `TTL_S` elsewhere.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, cast

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import Invalid, KeyRefused, NotVisible
from loupe.accounts.key_cache import KeyCache
from loupe.accounts.models import ApiKey, Project
from loupe.accounts.policy import SCOPES, Action, Actor, require, visible
from loupe.audit import services as audit

TTL_S = 5.0
USED_EVERY = timedelta(minutes=1)
_cache = KeyCache(ttl_s=TTL_S, size=1024)


@transaction.atomic
def create(
    actor: Actor,
    project: Project,
    name: str,
    scopes: Iterable[str],
    expires: datetime | Literal["never"],
) -> tuple[ApiKey, str]:
    """Make a key and return it with the secret text, which is stored nowhere and shown once.

    Args:
        name: what people call it, 1 to 50 characters.
        scopes: names of `loupe.accounts.policy.SCOPES`, at least one.
        expires: a time in the future, or the word "never", said on purpose.

    Raises:
        NotVisible, Denied: the actor may not manage keys of `project`.
        Invalid: a name, scope or time that is not allowed.
    """
    require(actor, Action.MANAGE_KEYS, project)
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise Invalid(
            _("Scopes %(given)s: choose at least one of %(known)s.")
            % {"given": unknown or wanted, "known": ", ".join(sorted(SCOPES))},
            code="scope_unknown",
        )
    if not 0 < len(name.strip()) <= 50:
        raise Invalid(_("A key needs a name of 1 to 50 characters."), code="name_invalid")
    if expires != "never" and expires <= timezone.now():
        raise Invalid(
            _("The key would expire at %(time)s, which is past: choose a later time or 'never'.")
            % {"time": expires.isoformat()},
            code="expiry_past",
        )
    made, raw = ApiKey.objects.create_key(
        project=project,
        name=name.strip(),
        scopes=wanted,
        expiry_date=None if expires == "never" else expires,
        created_by=actor.user,
    )
    key = cast("ApiKey", made)
    audit.record(
        actor,
        project,
        "key.created",
        f"key:{key.prefix}",
        {"name": key.name, "scopes": wanted, "expires": key.expiry_date},
    )
    return key, raw


@transaction.atomic
def revoke(actor: Actor, project: Project, prefix: str) -> ApiKey:
    """Shut a key for good; revoking it again changes nothing.

    Raises:
        NotVisible: no key of the project starts with `prefix`.
        Denied: the actor may not manage keys.
    """
    require(actor, Action.MANAGE_KEYS, project)
    found = ApiKey.objects.select_for_update().filter(project=project, prefix=prefix)
    key: ApiKey | None = found.first()
    if key is None:
        raise NotVisible(_("No key of this project starts with %(prefix)r.") % {"prefix": prefix})
    if not key.revoked:
        key.revoked = True
        key.save(update_fields=["revoked"])
        audit.record(actor, project, "key.revoked", f"key:{key.prefix}", {"name": key.name})
    _cache.forget(key.pk)
    return key


def listing(actor: Actor, project: Project) -> "models.QuerySet[ApiKey]":
    """The project's keys, newest first: prefix, name, scopes, times; never the secret."""
    require(actor, Action.MANAGE_KEYS, project)
    rows = visible(ApiKey.objects.filter(project=project), actor)
    return rows.select_related("created_by").order_by("-created")


def remembered(raw: str) -> ApiKey | None:
    """The key for `raw` if it was checked within the last seconds; asks no database."""
    key = _cache.get(raw)
    if key is None or key.has_expired:
        return None
    return key


def authenticate(raw: str) -> ApiKey:
    """The key (with its project) that the text `raw` opens.

    Raises:
        KeyRefused: unknown, revoked or expired; the code says which.
    """
    known = remembered(raw)
    if known is not None:
        return known
    key: ApiKey | None = None
    prefix = raw.partition(".")[0]
    if len(prefix) == 8 and prefix.isalnum() and prefix.isascii():
        key = ApiKey.objects.select_related("project").filter(prefix=prefix).first()
    if key is None or not key.is_valid(raw):
        raise KeyRefused(
            _("This API key is not known. Check that it was copied whole, or ask for a new one.")
        )
    if key.revoked:
        raise KeyRefused(
            _("The API key %(prefix)s was revoked. Ask an administrator for a new one.")
            % {"prefix": prefix},
            code="key_revoked",
        )
    if key.expiry_date is not None and key.has_expired:
        raise KeyRefused(
            _("The API key %(prefix)s expired at %(time)s. Ask an administrator for a new one.")
            % {"prefix": prefix, "time": key.expiry_date.isoformat()},
            code="key_expired",
        )
    _note_use(key)
    _cache.put(raw, key)
    return key


def _note_use(key: ApiKey) -> None:
    """Write the time of use, at most once a minute however many processes ask."""
    now = timezone.now()
    if key.last_used_at is not None and key.last_used_at > now - USED_EVERY:
        return
    ApiKey.objects.filter(pk=key.pk).exclude(last_used_at__gt=now - USED_EVERY).update(
        last_used_at=now
    )
    key.last_used_at = now


def forget_all() -> None:
    """Empty the memory of checked keys of this process."""
    _cache.clear()
