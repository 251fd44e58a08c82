"""Looking parts up: by filters that the pages and REST share."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext as _

from apps.defect_detection.models import Defect, Part
from apps.defect_detection.services.errors import Unusable
from loupe.host.people import Action, Actor, NotVisible, Project, require, visible

OUTCOMES = ("pass", "fail", "review")
KINDS = ("escaped", "overkilled", "reviewed", "incomplete")


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which parts. Every empty field lets all through.

    Attributes:
        kind: ``escaped``, ``overkilled``, ``reviewed`` or ``incomplete`` (views are missing).
        label: a class of defect that counted on it.
        since, until: days in the project's zone, both included.
        serial: the beginning of a serial, in whatever case.
    """

    product: str = ""
    station: str = ""
    lot: str = ""
    serial: str = ""
    outcome: str = ""
    kind: str = ""
    label: str = ""
    since: str = ""
    until: str = ""

    CHOICES: ClassVar = {"outcome": OUTCOMES, "kind": KINDS}

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Filters":
        """From a query; unknown names are left alone.

        Raises:
            Unusable: a value is not one of those allowed.
        """
        values = {one.name: str(given.get(one.name, "")).strip()[:255] for one in fields(cls)}
        for name, allowed in cls.CHOICES.items():
            if values[name] and values[name] not in allowed:
                raise Unusable(
                    _("%(name)s=%(value)r is not one of %(allowed)s.")
                    % {"name": name, "value": values[name][:40], "allowed": ", ".join(allowed)},
                    field=name,
                )
        for name in ("since", "until"):
            _day(name, values[name])
        if any("\x00" in value for value in values.values()):
            raise Unusable(_("A filter holds the character U+0000: leave it out."))
        return cls(**values)

    def chosen(self) -> dict[str, str]:
        """Those that are set, for addresses."""
        return {
            one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name)
        }


def listing(actor: Actor, project: Project, filters: Filters) -> "models.QuerySet[Part]":
    """The project's parts by `filters`, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return matching(project, filters).order_by("-last_at", "-pk")


def matching(project: Project, filters: Filters) -> "models.QuerySet[Part]":
    """As `listing`, unordered; ask the policy before."""
    rows = Part.objects.filter(project=project).select_related("project", "product", "station")
    if filters.product:
        rows = rows.filter(product__key=filters.product)
    if filters.station:
        rows = rows.filter(station__key=filters.station)
    if filters.lot:
        rows = rows.filter(lot=filters.lot)
    if filters.serial:
        rows = rows.filter(serial__istartswith=filters.serial)
    if filters.outcome:
        rows = rows.filter(outcome=filters.outcome)
    if filters.label:
        there = Defect.objects.filter(
            view__part=models.OuterRef("pk"), view__replaced=False, label=filters.label
        )
        rows = rows.filter(models.Exists(there) | models.Q(label=filters.label))
        rows = rows.exclude(outcome="pass")
    match filters.kind:
        case "escaped" | "overkilled" | "reviewed":
            rows = rows.filter(**{filters.kind: True})
        case "incomplete":
            rows = rows.exclude(missing=[])
    since, until = _day("since", filters.since), _day("until", filters.until)
    if since is not None:
        rows = rows.filter(day__gte=since)
    if until is not None:
        rows = rows.filter(day__lte=until)
    return rows


def find(actor: Actor, project: Project, part_id: int) -> Part:
    """One part of the project.

    Raises:
        NotVisible: there is none.
    """
    rows = visible(Part.objects.filter(project=project), actor)
    rows = rows.select_related("project", "product__recipe", "station")
    found = rows.filter(pk=part_id).first() if part_id < 2**63 else None
    if found is None:
        raise NotVisible(_("There is no part %(id)s that you can see.") % {"id": part_id})
    return found


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Unusable(
            _("%(name)s=%(value)r is no day: write it as 2026-01-31.")
            % {"name": name, "value": text[:40]},
            field=name,
        ) from error
