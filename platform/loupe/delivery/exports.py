"""Results out of Loupe in a format their app declares, with an event in the audit log."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import BinaryIO, cast

from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit import services as audit
from loupe.contract.exports import Export
from loupe.contract.results import ResultView
from loupe.delivery.errors import UnknownFormat
from loupe.jobs.results import Filters, views
from loupe.plugins import registry as apps


def chosen(app: str, key: str, *, one: bool = False) -> Export:
    """The app's export called `key`; `one`: formats of a single result count too.

    Raises:
        UnknownFormat: there is none; the message lists those that are.
    """
    offered = [each for each in apps.get(app).exports if one or not each.single]
    for each in offered:
        if each.key == key:
            return each
    raise UnknownFormat(
        _("%(key)r is no format of %(app)r: choose one of %(offered)s.")
        % {"key": key, "app": app, "offered": ", ".join(each.key for each in offered) or "none"}
    )


def write(
    actor: Actor,
    project: Project,
    app: str,
    key: str,
    out: BinaryIO,
    filters: Filters | None = None,
) -> int:
    """Write every result that matches `filters` to `out`; returns how many.

    Results are read and written one by one, so memory does not grow with their number.

    Raises:
        NotVisible, Denied: the actor may not export from this project.
        UnknownFormat: the app has no such format for a list.
    """
    require(actor, Action.EXPORT, project)
    export = chosen(app, key)
    if export.write is None:
        raise UnknownFormat(_("%(key)r draws single results only.") % {"key": key})
    counted = _Counted(cast("Iterable[ResultView]", views(actor, project, app, filters)))
    export.write(counted, out)
    note(actor, project, app, key, counted.count, filters)
    return counted.count


def note(
    actor: Actor,
    project: Project,
    app: str,
    key: str,
    count: int,
    filters: Filters | None = None,
) -> None:
    """Write down that somebody took `count` results out."""
    told = {name: value for name, value in asdict(filters or Filters()).items() if value}
    audit.record(
        actor,
        project,
        "results.exported",
        f"app:{app}",
        {"format": key, "count": count, "filters": told},
    )


class _Counted(Iterable[ResultView]):
    """Counts results while they pass."""

    def __init__(self, results: Iterable[ResultView]) -> None:
        self._results = results
        self.count = 0

    def __iter__(self) -> Iterator[ResultView]:
        for result in self._results:
            self.count += 1
            yield result
