"""`make_version`: an immutable list of a dataset's labelled records, each in one split."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record as audit
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.datasets import duplicates, manifest, vocabulary
from loupe.datasets.errors import VersionRefused
from loupe.datasets.fingerprints import stand_in
from loupe.datasets.models import Dataset, DatasetVersion, Record, RecordState, Split
from loupe.datasets.services.removing import require_open
from loupe.datasets.splits import DEFAULT_SHARES, Unit, deal


def make_version(
    actor: Actor,
    dataset: Dataset,
    *,
    seed: int = 0,
    shares: Mapping[str, float] | None = None,
    note: str = "",
) -> DatasetVersion:
    """Freeze every labelled record with its labels and a split.

    Records that have a split keep it, and so do those of the version before if it was made with
    the same shares and seed: what a model was tested on stays out of the next one's training. The
    others are dealt by `seed`: whole groups where there are groups, else whole clusters of
    near-duplicates, so that nothing is on both sides. The same records, labels, shares and seed
    after the same version give a list with the same hash.

    Args:
        shares: of train, val and test; they add up to 1.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        VersionRefused: nothing is labelled, the shares are not allowed, or one group has records
            fixed in two splits.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    require_open(dataset)
    wanted = _checked(shares if shares is not None else DEFAULT_SHARES)
    rows = list(
        Record.objects.filter(dataset=dataset, state=RecordState.LABELLED)
        .select_related("blob")
        .order_by("name")
    )
    if not rows:
        raise VersionRefused(
            _("Nothing is labelled yet: label at least one record, then make a version."),
            code="nothing_labelled",
        )
    labelling = vocabulary.labelling_of(dataset.app)
    classes = {
        row.pk: vocabulary.count(labelling, labelling.schema.model_validate(row.labels))
        for row in rows
    }
    key_of, clusters = _units_of(rows)
    units = _units(rows, key_of, classes, _dealt_before(dataset, seed, wanted))
    splits = deal(units, wanted, seed)
    lines = [
        manifest.Line(
            name=row.name,
            sha256=row.blob_id,
            size=row.blob.size,
            media_type=row.blob.media_type,
            group=row.group,
            split=splits[key_of[row.pk]],
            labels=row.labels or {},
            revision=row.revision,
        )
        for row in rows
    ]
    blob = manifest.write(lines)
    counts = _counts(rows, lines, classes, clusters) | {"seed": seed, "shares": dict(wanted)}
    with transaction.atomic():
        Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        newest = (
            DatasetVersion.objects.filter(dataset=dataset)
            .order_by("-number")
            .values_list("number", flat=True)
            .first()
        )
        made = DatasetVersion.objects.create(
            dataset=dataset,
            number=(newest or 0) + 1,
            about=dataset.about,
            manifest=blob,
            counts=counts,
            note=note.strip()[:300],
            created_by=actor.user,
        )
        facts = {
            "dataset": dataset.name,
            "version": made.number,
            "sha256": blob.pk,
            "records": len(rows),
        }
        audit(actor, dataset.project, "dataset.version_made", f"dataset_version:{made.pk}", facts)
        publish(dataset.project, Kind.DATASET_VERSION_MADE, made.pk, facts | {"app": dataset.app})
    return made


def _checked(shares: Mapping[str, float]) -> dict[str, float]:
    found = {name: float(shares.get(name, 0.0)) for name in Split.values}
    allowed = set(shares) <= set(Split.values) and all(0 <= share <= 1 for share in found.values())
    if not allowed or abs(sum(found.values()) - 1) > 1e-6 or found[Split.TRAIN] == 0:
        raise VersionRefused(
            _(
                "The shares %(shares)s are not allowed: train, val and test are each between 0 and "
                "1, train is above 0, and they add up to 1."
            )
            % {"shares": dict(shares)},
            code="shares_invalid",
        )
    return found


def _units_of(rows: Sequence[Record]) -> tuple[dict[int, str], duplicates.Clusters]:
    """The key of the unit of each record: its group's, else its cluster's. A cluster that touches a
    group is not joined to it: the group is what people said."""
    loose = [row for row in rows if not row.group]
    clusters = duplicates.clusters(
        {row.pk: stand_in(row) if row.fingerprint is None else row.fingerprint for row in loose}
    )
    # Named by content, not by database keys, so that an equal dataset elsewhere is dealt alike.
    members: dict[int, list[Record]] = defaultdict(list)
    for row in loose:
        members[clusters.of[row.pk]].append(row)
    keys = {number: min(row.blob_id for row in each) for number, each in members.items()}
    of = {row.pk: f"alike:{keys[clusters.of[row.pk]]}" for row in loose}
    of |= {row.pk: f"group:{row.group}" for row in rows if row.group}
    return of, clusters


def _dealt_before(dataset: Dataset, seed: int, shares: Mapping[str, float]) -> dict[str, str]:
    """The split of each content in the newest version, if it was dealt the same way."""
    newest = (
        DatasetVersion.objects.filter(dataset=dataset)
        .select_related("manifest")
        .order_by("-number")
        .first()
    )
    # Versions of the first days did not say how they were dealt.
    if newest is None or (newest.counts.get("seed"), newest.counts.get("shares")) != (seed, shares):
        return {}
    return {line.sha256: line.split for line in manifest.read(newest.manifest)}


def _units(
    rows: Sequence[Record],
    key_of: dict[int, str],
    classes: Mapping[int, Mapping[str, int]],
    before: Mapping[str, str],
) -> list[Unit]:
    """What is dealt; `key_of` is mended where a cluster falls apart."""
    members: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        members[key_of[row.pk]].append(row)
    units = []
    for key, records in members.items():
        fixed = sorted({row.split for row in records if row.split})
        if len(fixed) > 1 and key.startswith("group:"):
            raise VersionRefused(
                _(
                    "The group %(group)r has records fixed in %(splits)s: a group belongs to one "
                    "split. Put all of it into one of them."
                )
                % {"group": key.removeprefix("group:"), "splits": _(" and ").join(fixed)},
                code="group_torn",
            )
        seen: Counter[str] = Counter()
        for row in records:
            seen.update(dict.fromkeys(classes[row.pk] or {"": 0}, 1))
        if len(fixed) > 1:
            # Near-duplicates that people put on both sides: their word counts, one by one.
            for row in records:
                key_of[row.pk] = f"{key}/{row.name}"
                units.append(Unit(key=key_of[row.pk], size=1, fixed=row.split or fixed[0]))
            continue
        split = "".join(fixed) or _kept(records, before)
        units.append(Unit(key=key, size=len(records), classes=seen, fixed=split))
    return units


def _kept(records: Sequence[Record], before: Mapping[str, str]) -> str:
    """The split that a unit had. One that grew together from several goes where most was learnt
    from it: nothing that a model was trained on is ever tested on."""
    had = {before.get(row.blob_id, "") for row in records}
    return next((split for split in Split.values if split in had), "")


def _counts(
    rows: Sequence[Record],
    lines: Sequence[manifest.Line],
    classes: Mapping[int, Mapping[str, int]],
    clusters: duplicates.Clusters,
) -> dict[str, Any]:
    splits = {name: {"records": 0, "labels": 0, "empty": 0} for name in Split.values}
    by_class: dict[str, dict[str, int]] = {}
    for row, line in zip(rows, lines, strict=True):
        found = classes[row.pk]
        splits[line.split]["records"] += 1
        splits[line.split]["labels"] += sum(found.values())
        splits[line.split]["empty"] += not found
        for name, number in found.items():
            by_class.setdefault(name, dict.fromkeys(Split.values, 0))[line.split] += number
    return {
        "records": len(rows),
        "labels": sum(sum(each.values()) for each in classes.values()),
        "splits": splits,
        "classes": dict(sorted(by_class.items())),
        "groups": len({row.group for row in rows if row.group}),
        "ungrouped": sum(not row.group for row in rows),
        "alike": clusters.alike,
        "uniform": clusters.uniform,
        "not_compared": sum(row.fingerprint is None for row in rows),
    }
