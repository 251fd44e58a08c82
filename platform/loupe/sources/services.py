"""HTTP sources: made, changed, switched, tried out, asked at once, deleted."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.audit import services as audit
from loupe.blobs.sniff import content
from loupe.contract.runtime.steps import Place
from loupe.intake import facts as intake_facts
from loupe.intake import kinds
from loupe.plugins import registry as apps
from loupe.sources import fetching
from loupe.sources.errors import SourceInvalid
from loupe.sources.models import HttpSource

SHORTEST_S = 2
LONGEST_S = 24 * 3600
_ACTION = Action.MANAGE_SCHEDULES


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a source gave when it was tried out."""

    media_type: str
    size: int
    elapsed_ms: float
    usable: bool


def listing(actor: Actor, project: Project) -> "models.QuerySet[HttpSource]":
    """The project's sources by name. Never show `password`."""
    require(actor, _ACTION, project)
    return HttpSource.objects.filter(project=project).order_by("name")


def find(actor: Actor, source_id: uuid.UUID) -> HttpSource:
    """One source.

    Raises:
        NotVisible: it does not exist for this actor.
        Denied: the actor may not manage sources.
    """
    rows = visible(HttpSource.objects.select_related("project"), actor)
    source = rows.filter(pk=source_id).first()
    if source is None:
        raise NotVisible(_("There is no source %(id)s that you can see.") % {"id": source_id})
    require(actor, _ACTION, source.project)
    return source


def create(
    actor: Actor,
    project: Project,
    *,
    app: str,
    name: str,
    url: str,
    interval_seconds: int = 10,
    model_name: str = "",
    username: str = "",
    password: str = "",
    facts: Mapping[str, str] | None = None,
    enabled: bool = True,
) -> HttpSource:
    """Ask `url` from now on, every `interval_seconds`.

    Raises:
        NotVisible, Denied: the actor may not manage sources here.
        UnknownApp: no app has that slug.
        SourceAddressRefused: the address may not be reached.
        SourceInvalid, FactRefused: something else about it is not allowed.
    """
    require(actor, _ACTION, project)
    chosen = apps.get(app)
    if chosen.steps[0].place is Place.ENGINE:
        raise SourceInvalid(
            _("%(app)s takes no files, so a source has nothing to give to it.") % {"app": app},
            code="no_job_mode",
        )
    source = HttpSource(project=project, app=app, created_by=actor.user, next_at=timezone.now())
    given = {
        "name": name,
        "url": url,
        "interval_seconds": interval_seconds,
        "model_name": model_name,
        "username": username,
        "password": password,
        "facts": facts or {},
        "enabled": enabled,
    }
    _fill(source, given)
    with _name_free(source), transaction.atomic():
        source.save(force_insert=True)
        audit.record(actor, project, "source.created", f"source:{source.pk}", _told(source))
    return source


def update(actor: Actor, source: HttpSource, **given: Any) -> HttpSource:
    """Change what is given, by the names of `create`; what is left out or None stays.

    A new host forgets the password unless one is given with it: it was meant for the old one.

    Raises:
        NotVisible, Denied, SourceAddressRefused, SourceInvalid, FactRefused: as `create`.
    """
    require(actor, _ACTION, source.project)
    wanted = {key: value for key, value in given.items() if value is not None}
    # The address is looked up here, not inside the transaction: a name server may be slow.
    _fill(HttpSource(project=source.project, app=source.app, **_settings(source)), wanted)
    with _name_free(source), transaction.atomic():
        source = HttpSource.objects.select_for_update().get(pk=source.pk)
        before = _told(source)
        _fill(source, wanted, resolve=False)
        source.etag = source.last_modified = ""
        source.failures, source.error, source.note = 0, "", ""
        source.next_at = timezone.now()
        source.save()
        audit.record(
            actor,
            source.project,
            "source.changed",
            f"source:{source.pk}",
            {"before": before, "after": _told(source)},
        )
    return source


@transaction.atomic
def delete(actor: Actor, source: HttpSource) -> None:
    """Stop asking; what was submitted stays."""
    require(actor, _ACTION, source.project)
    told, subject = _told(source), f"source:{source.pk}"
    source.delete()
    audit.record(actor, source.project, "source.deleted", subject, told)


def try_out(actor: Actor, source: HttpSource) -> Tried:
    """Ask once and say what came; nothing is submitted.

    Raises:
        NotVisible, Denied: the actor may not manage sources here.
        SourceAddressRefused, SourceFailed, DiskFull: nothing came.
    """
    require(actor, _ACTION, source.project)
    got = fetching.fetch(
        fetching.Wanted(url=source.url, username=source.username, password=source.password)
    )
    if got.written is None:
        return Tried(media_type="", size=0, elapsed_ms=got.elapsed_ms, usable=False)
    try:
        media_type = content.media_type(got.written.path)
    finally:
        got.written.path.unlink(missing_ok=True)
    usable = kinds.find(apps.get(source.app), media_type) is not None
    audit.record(
        actor,
        source.project,
        "source.tested",
        f"source:{source.pk}",
        {"media_type": media_type, "size": got.written.size},
    )
    return Tried(
        media_type=media_type,
        size=got.written.size,
        elapsed_ms=got.elapsed_ms,
        usable=usable or media_type in kinds.ARCHIVES,
    )


def ask_now(actor: Actor, source: HttpSource) -> HttpSource:
    """Make a source due at once, also one that is slowed down by failures."""
    require(actor, _ACTION, source.project)
    if not source.enabled:
        raise SourceInvalid(_("The source is switched off: switch it on first."))
    HttpSource.objects.filter(pk=source.pk).update(next_at=timezone.now())
    source.refresh_from_db()
    return source


def _settings(source: HttpSource) -> dict[str, Any]:
    names = (
        "name", "url", "username", "password", "model_name", "facts", "interval_seconds", "enabled",
    )  # fmt: skip
    return {"id": source.pk, **{name: getattr(source, name) for name in names}}


def _fill(source: HttpSource, given: Mapping[str, Any], *, resolve: bool = True) -> None:
    """Check and set every field a person gives."""
    wanted = _settings(source) | dict(given)
    name = str(wanted["name"]).strip()
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise SourceInvalid(_("A source needs a name of 1 to 100 characters."), code="name_invalid")
    twins = HttpSource.objects.filter(project=source.project, name=name).exclude(pk=source.pk)
    if twins.exists():
        raise _name_taken(name)
    seconds = int(wanted["interval_seconds"])
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise SourceInvalid(
            _("An interval of %(given)s s is not allowed: %(low)s s to %(high)s s are.")
            % {"given": seconds, "low": SHORTEST_S, "high": LONGEST_S},
            code="interval_invalid",
        )
    url = str(wanted["url"]).strip()
    if resolve:
        fetching.target_of(url)
    moved = urlsplit(url).netloc != urlsplit(source.url).netloc
    if moved and "password" not in given:
        wanted["password"] = ""
    source.name, source.url, source.interval_seconds = name, url, seconds
    source.username = str(wanted["username"]).strip()[:100]
    source.password = str(wanted["password"])[:200]
    source.model_name = str(wanted["model_name"]).strip()[:60]
    source.facts = intake_facts.checked(apps.get(source.app), source.project, wanted["facts"])
    source.enabled = bool(wanted["enabled"])


@contextmanager
def _name_free(source: HttpSource) -> Iterator[None]:
    """Two people may give the same name at the same moment: the second one is told."""
    try:
        yield
    except IntegrityError as error:
        raise _name_taken(source.name) from error


def _name_taken(name: str) -> SourceInvalid:
    return SourceInvalid(
        _("A source called %(name)r exists: choose another name.") % {"name": name},
        code="name_taken",
    )


def _told(source: HttpSource) -> dict[str, Any]:
    """What the audit log keeps of a source; never the password."""
    return {
        "name": source.name,
        "app": source.app,
        "url": source.url,
        "username": source.username,
        "model": source.model_name,
        "facts": source.facts,
        "interval_seconds": source.interval_seconds,
        "enabled": source.enabled,
    }
