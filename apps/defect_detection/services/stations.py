"""Stations: make, change, and say what runs there."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from apps.defect_detection.models import Product, Station
from apps.defect_detection.services.errors import Taken, Unusable
from apps.defect_detection.services.products import valid_key, valid_name
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible

CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
MOST_SHIFTS = 8


def choices(project_id: UUID) -> Sequence[tuple[str, str]]:
    """The stations that can be named in a form; see `FactChoices`."""
    rows = Station.objects.filter(project_id=project_id).order_by("name", "key")
    return list(rows.values_list("key", "name")[:500])


def listing(actor: Actor, project: Project) -> "models.QuerySet[Station]":
    """The project's stations by name.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return (
        Station.objects.filter(project=project)
        .select_related("project", "product")
        .order_by("name", "key")
    )


def find(actor: Actor, project: Project, key: str) -> Station:
    """The station called `key`.

    Raises:
        NotVisible: there is none.
    """
    rows = visible(Station.objects.filter(project=project, key=key), actor)
    found = rows.select_related("project", "product").first()
    if found is None:
        raise NotVisible(_("There is no station %(key)r that you can see.") % {"key": key})
    return found


def create(
    actor: Actor, project: Project, *, key: str, name: str, shift_starts: Sequence[str] = ()
) -> Station:
    """Make a station.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: a value cannot be used; the message says which.
        Taken: there is a station called `key`.
    """
    require(actor, Action.MANAGE_MODELS, project)
    station = Station(project=project, key=valid_key(key), name=valid_name(name))
    if shift_starts:
        station.shift_starts = valid_shifts(shift_starts)
    try:
        with transaction.atomic():
            station.save(force_insert=True)
            told = {"key": station.key, "name": station.name, "shifts": station.shift_starts}
            record_audit(actor, project, "station.made", f"station:{station.pk}", told)
    except IntegrityError as error:
        raise Taken(
            _("There is a station called %(key)r already: choose another key.")
            % {"key": station.key},
            field="key",
        ) from error
    return station


@transaction.atomic
def change(
    actor: Actor,
    station: Station,
    *,
    name: str | None = None,
    shift_starts: Sequence[str] | None = None,
) -> Station:
    """Rename a station, or say when its shifts begin.

    Raises:
        NotVisible, Denied, Unusable: as `create`.
    """
    require(actor, Action.MANAGE_MODELS, station.project)
    told: dict[str, object] = {}
    if name is not None and valid_name(name) != station.name:
        told["name"] = station.name = valid_name(name)
    if shift_starts is not None and valid_shifts(shift_starts) != station.shift_starts:
        told["shift_starts"] = station.shift_starts = valid_shifts(shift_starts)
    if told:
        station.save(update_fields=list(told))
        record_audit(actor, station.project, "station.changed", f"station:{station.pk}", told)
    return station


@transaction.atomic
def run(actor: Actor, station: Station, product: Product | None, lot: str) -> Station:
    """Say which product and lot run at a station from now on.

    Raises:
        NotVisible, Denied: the actor may not submit here.
        Unusable: the product is archived or another project's, or the lot is too long.
    """
    require(actor, Action.SUBMIT, station.project)
    lot = lot.strip()
    if product is not None and (product.archived or product.project_id != station.project_id):
        raise Unusable(
            _("%(product)s cannot run here: it is archived.") % {"product": product},
            field="product",
        )
    if len(lot) > 100 or not lot.isprintable():
        raise Unusable(_("A lot has at most 100 characters of plain text."), field="lot")
    station.product, station.lot = product, lot
    station.save(update_fields=["product", "lot"])
    told = {"product": product.key if product else "", "lot": lot}
    record_audit(actor, station.project, "station.runs", f"station:{station.pk}", told)
    return station


def valid_shifts(starts: Sequence[str]) -> list[str]:
    """The times at which shifts begin, ascending.

    Raises:
        Unusable: one is no time of day, or there are none or too many.
    """
    found = sorted({start.strip() for start in starts if start.strip()})
    wrong = next((start for start in found if not CLOCK.fullmatch(start)), None)
    if wrong is not None or not 1 <= len(found) <= MOST_SHIFTS:
        raise Unusable(
            _("%(given)s: give 1 to %(most)s times such as 06:00, 14:00, 22:00.")
            % {"given": wrong or ", ".join(found) or "–", "most": MOST_SHIFTS},
            field="shift_starts",
        )
    return found


def shift_began(station: Station, now: datetime) -> datetime:
    """When the shift that `now` falls into began, by the clock on the project's wall."""
    zone = ZoneInfo(station.project.time_zone)
    today = now.astimezone(zone)
    for day in (today, today - timedelta(days=1)):
        for start in reversed(station.shift_starts):
            hour, minute = (int(part) for part in start.split(":"))
            began = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
            if began <= now:
                return began
    return today.replace(hour=0, minute=0, second=0, microsecond=0)
