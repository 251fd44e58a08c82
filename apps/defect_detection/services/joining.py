"""Joins stored results to parts: `on_results` is called by the host, `refresh` by findings.

Serial and lot come from what the sender said, else from a barcode in the picture, else from the
file's name, by the templates of the operating point the picture was decided by. A picture that
says no serial is a part of its own.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.defect_detection.decide import counting
from apps.defect_detection.labels import ImageLabels
from apps.defect_detection.models import Defect, Finding, Part, Product, Station, View
from apps.defect_detection.naming import said_by
from apps.defect_detection.schema import DetectionResult, OperatingPoint
from apps.defect_detection.services.deciding import RANK, Seen, decide_part
from loupe.contract.facts import StoredResult
from loupe.host.results import insert

DECIDED = (
    "station", "outcome", "machine_outcome", "reviewed", "label", "missing", "escaped",
    "overkilled", "first_at", "last_at", "day", "changed_at",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which part and view a picture shows."""

    product: Product
    lot: str
    serial: str
    named: bool
    view: str
    station: Station | None

    @property
    def key(self) -> tuple[UUID, str, str]:
        """What makes a part one part."""
        return self.product.pk, self.lot, self.serial


@transaction.atomic
def on_results(results: Sequence[StoredResult]) -> None:
    """Put new results into parts and follow reviews of old ones; see `OnResults`."""
    known = {
        view.result_id: view
        for view in View.objects.filter(
            result__in=[result.result_id for result in results]
        ).select_related("part")
    }
    fresh = [result for result in results if result.result_id not in known]
    changed = _reviewed(known, results)
    touched = {view.part_id for view in changed}
    touched |= _placed(fresh)
    if touched:
        refresh(touched)


def identify(
    result: StoredResult, products: dict[tuple[UUID, str], Product],
    stations: dict[tuple[UUID, str], Station],
) -> Identity | None:  # fmt: skip
    """The part that a result belongs to; None where the sender named no product."""
    product = products.get((result.project_id, result.facts.get("product", "")))
    data, point = result.data, result.operating_point
    if (
        product is None
        or not isinstance(data, DetectionResult)
        or not isinstance(point, OperatingPoint)
    ):
        return None
    rules = point.picture
    of_file = said_by(rules.file_names, [data.file], files=True)
    of_code = said_by(rules.code_texts, [code.text for code in data.codes])
    said = {**of_file, **of_code, **{key: value for key, value in result.facts.items() if value}}
    serial = said.get("serial", "")[:100]
    return Identity(
        product=product,
        lot=said.get("lot", "")[:100],
        serial=serial or f"result-{result.result_id}",
        named=bool(serial),
        view=said.get("view", "")[:60],
        station=stations.get((result.project_id, said.get("station", ""))),
    )


def refresh(part_ids: Collection[int]) -> None:
    """Decide parts again from their views and findings; the number of queries does not grow with
    the parts. Call it inside a transaction."""
    parts = list(
        Part.objects.select_for_update(of=("self",))
        .select_related("product__recipe", "project")
        .filter(pk__in=part_ids)
        .order_by("pk")
    )
    views: dict[int, list[View]] = defaultdict(list)
    for view in View.objects.filter(part__in=part_ids).order_by("created_at", "pk"):
        views[view.part_id].append(view)
    findings: dict[int, list[str]] = defaultdict(list)
    for part_id, label in (
        Finding.objects.filter(part__in=part_ids, withdrawn_at=None)
        .order_by("-pk")
        .values_list("part", "label")
    ):
        findings[part_id].append(label)
    replaced: list[int] = []
    now = timezone.now()
    for part in parts:
        newest = {view.name: view for view in views[part.pk]}
        counted = {view.pk for view in newest.values()}
        replaced += [view.pk for view in views[part.pk] if view.pk not in counted]
        seen = [_seen(view) for view in newest.values()]
        decision = decide_part(seen, part.product.views, findings[part.pk])
        part.outcome, part.machine_outcome = decision.outcome, decision.machine_outcome
        part.reviewed, part.label = decision.reviewed, decision.label
        part.missing = list(decision.missing)
        part.escaped, part.overkilled = decision.escaped, decision.overkilled
        if views[part.pk]:
            part.first_at = views[part.pk][0].created_at
            part.last_at = views[part.pk][-1].created_at
            part.day = part.last_at.astimezone(ZoneInfo(part.project.time_zone)).date()
        part.changed_at = now
    Part.objects.bulk_update(parts, DECIDED)
    if replaced:
        View.objects.filter(pk__in=replaced, replaced=False).update(replaced=True)


def _reviewed(known: dict[int, View], results: Sequence[StoredResult]) -> list[View]:
    """Views whose result a person reviewed."""
    changed = []
    for result in results:
        view = known.get(result.result_id)
        if view is not None:
            view.outcome, view.reviewed = result.outcome, result.reviewed
            changed.append(view)
    if changed:
        _recount(changed, {result.result_id: result for result in results})
        View.objects.bulk_update(changed, ["outcome", "reviewed", "label"])
    return changed


def _recount(views: Sequence[View], results: Mapping[int, StoredResult]) -> None:
    """The classes that a person drew count instead of the machine's; these again once that is
    taken back."""
    there: dict[int, dict[str, int]] = defaultdict(dict)
    for defect in Defect.objects.filter(view__in=views):
        there[defect.view_id][defect.label] = defect.count
    stale = []
    for view in views:
        wanted = _counted(results[view.result_id])
        if dict(wanted) != there[view.pk]:
            stale.append((view, wanted))
        view.label = _leading(results[view.result_id], wanted)
    if stale:
        Defect.objects.filter(view__in=[view for view, _wanted in stale]).delete()
        insert(
            Defect(view=view, label=label, count=count)
            for view, wanted in stale
            for label, count in wanted.items()
        )


def _leading(result: StoredResult, wanted: Mapping[str, int]) -> str:
    """The class a view goes by: the machine's while a person has drawn it too, else the one that
    was drawn most often."""
    label = result.label[:100]
    if result.correction is None or label in wanted:
        return label
    return max(wanted, key=lambda name: (wanted[name], name), default="")


def _placed(fresh: Sequence[StoredResult]) -> set[int]:
    """Write the views of new results; returns the parts they belong to."""
    if not fresh:
        return set()
    products, stations = _named(fresh)
    identified = [(result, identify(result, products, stations)) for result in fresh]
    wanted = [(result, identity) for result, identity in identified if identity is not None]
    if not wanted:
        return set()
    parts = _parts(wanted)
    views = insert(
        View(
            part_id=parts[identity.key],
            result_id=result.result_id,
            name=identity.view,
            outcome=result.outcome,
            machine_outcome=result.machine_outcome,
            reviewed=result.reviewed,
            label=result.label,
            score=result.score,
            replaced=False,
            created_at=result.created_at,
        )
        for result, identity in wanted
    )
    insert(
        Defect(view=view, label=label, count=count)
        for view, (result, _identity) in zip(views, wanted, strict=True)
        for label, count in _counted(result).items()
    )
    return {view.part_id for view in views}


def _counted(result: StoredResult) -> Counter[str]:
    """Defects of each class: those a person drew, else those that decided."""
    if result.correction is not None:
        drawn = ImageLabels.model_validate(result.correction)
        return Counter(box.label[:100] for box in drawn.boxes)
    data, point = result.data, result.operating_point
    if not isinstance(data, DetectionResult) or not isinstance(point, OperatingPoint):
        return Counter()
    return Counter(box.label[:100] for box in counting(data, point))


def _named(
    results: Sequence[StoredResult],
) -> tuple[dict[tuple[UUID, str], Product], dict[tuple[UUID, str], Station]]:
    """The products and stations that the results' senders named, or file names may name."""
    projects = {result.project_id for result in results}
    keys = {result.facts.get("product", "") for result in results} - {""}
    products = Product.objects.filter(project__in=projects, key__in=keys)
    stations = Station.objects.filter(project__in=projects)
    return (
        {(product.project_id, product.key): product for product in products},
        {(station.project_id, station.key): station for station in stations},
    )


def _parts(wanted: Sequence[tuple[StoredResult, Identity]]) -> dict[tuple[UUID, str, str], int]:
    """The parts' ids by identity; those that are new are made. Two processes that make the same
    part at once get one."""
    first: dict[tuple[UUID, str, str], tuple[StoredResult, Identity]] = {}
    for result, identity in wanted:
        first.setdefault(identity.key, (result, identity))
    found = _ids(first)
    # In one order for all: two processes that make the same parts never wait for each other.
    new = [first[key] for key in sorted(first) if key not in found]
    if new:
        Part.objects.bulk_create(
            [
                Part(
                    project_id=result.project_id,
                    product=identity.product,
                    station=identity.station,
                    lot=identity.lot,
                    serial=identity.serial,
                    named=identity.named,
                    outcome="review",
                    machine_outcome="review",
                    first_at=result.created_at,
                    last_at=result.created_at,
                    day=result.created_at.date(),
                )
                for result, identity in new
            ],
            ignore_conflicts=True,
        )
        found = _ids(first)
    return found


def _ids(keys: Iterable[tuple[UUID, str, str]]) -> dict[tuple[UUID, str, str], int]:
    by_lot: dict[tuple[UUID, str], list[str]] = defaultdict(list)
    for product, lot, serial in keys:
        by_lot[product, lot].append(serial)
    wanted = Q(pk__in=[])
    for (product, lot), serials in by_lot.items():
        wanted |= Q(product=product, lot=lot, serial__in=serials)
    rows = Part.objects.filter(wanted).values_list("product", "lot", "serial", "pk")
    return {(product, lot, serial): pk for product, lot, serial, pk in rows}


def _seen(view: View) -> Seen:
    return Seen(
        name=view.name,
        outcome=view.outcome if view.outcome in RANK else "review",
        machine_outcome=view.machine_outcome,
        reviewed=view.reviewed,
        label=view.label,
        score=view.score,
    )
